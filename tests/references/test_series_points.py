"""The stored references of series: identities between them, and a second integral in another form."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import mpmath
import pytest

import ntksym as nk
from tests.references.series_points import ACTIVATIONS, DIGITS, GOLDEN, PLACES, Reference, covariances, references

# Value and slope at q1 = 0.7, q2 = 2.3, correlation 0.6 (theory), from elsewhere; every digit shown is right.
GOLDEN_DUALS = {
    "tanh": ("0.2381435333224851683437", "0.3297318102057608225218"),
    "sigmoid": ("0.2792177256964110601755", "0.03892354958904800746059"),
    "softplus": ("0.9211146136584219782231", "0.2792177256964110601755"),
    "silu": ("0.2816114956241417998516", "0.3294255006119371146305"),
    "mish": ("0.3515591165498966408385", "0.4030752221159846310934"),
    "softsign": ("0.1135908857576582275296", "0.1563474684869898773317"),
}
LAST_DIGIT = mpmath.mpf(10) ** (2 - DIGITS)


def test_the_file_has_every_activation_at_every_place() -> None:
    assert list(references()) == list(ACTIVATIONS)
    for points in references().values():
        assert [(point.q1, point.q2, point.c) for point in points] == covariances()


@pytest.mark.parametrize("name", GOLDEN_DUALS)
def test_references_have_the_golden_values(name: str) -> None:
    point = references()[name][PLACES.index(GOLDEN)]
    for number, golden in zip((point.value, point.slope), GOLDEN_DUALS[name], strict=True):
        # the golden values are at decimals, the references at the nearest float64 numbers, one part in 2**53 away
        assert abs(number / mpmath.mpf(golden) - 1) <= mpmath.mpf(2) ** -52


@pytest.mark.parametrize(("name", "derivative"), [("softplus", "sigmoid"), ("logcosh", "tanh")])
def test_a_slope_is_the_value_of_the_derivative(name: str, derivative: str) -> None:
    for point, inner in zip(references()[name], references()[derivative], strict=True):
        with mpmath.workdps(DIGITS + 5):
            assert abs(point.slope - inner.value) <= LAST_DIGIT * point.slope_scale


@pytest.mark.parametrize("name", ["tanh", "arctan", "asinh", "softsign", "logcosh", "sqrt1px2"])
def test_parity_shows(name: str) -> None:
    sign = 1 if nk.Activation(name).parity == "even" else -1
    points = dict(zip(PLACES, references()[name], strict=True))
    for q in (1.0, 400.0):
        above, below = points[q, q, 1.0], points[q, q, -1.0]
        with mpmath.workdps(DIGITS + 5):
            assert abs(below.value - sign * above.value) <= LAST_DIGIT * above.value_scale
            assert abs(below.slope + sign * above.slope) <= LAST_DIGIT * above.slope_scale


def test_references_obey_cauchy_and_schwarz() -> None:
    for points in references().values():
        for point in points:
            assert abs(point.value) <= point.value_scale * (1 + LAST_DIGIT)
            assert abs(point.slope) <= point.slope_scale * (1 + LAST_DIGIT)


def polar(function: Callable[[Any], Any], point: Reference) -> Any:
    """int dphi/(2 pi) int r exp(-r**2/2) f(sqrt(q1) r cos phi) f(sqrt(q2) r cos(phi - theta)) dr, kinks at 0 only."""
    one, two = mpmath.sqrt(point.q1), mpmath.sqrt(point.q2)
    theta = mpmath.acos(point.c / (one * two))

    def ray(phi: Any) -> Any:
        left, right = one * mpmath.cos(phi), two * mpmath.cos(phi - theta)
        return integral(
            lambda r: r * mpmath.exp(-r * r / 2) * function(left * r) * function(right * r),
            [0, 1, 2, 3, 4, 6, 8, 11],
            4,
        )

    quarter = mpmath.pi / 2
    turns = sorted({-quarter, theta - quarter, quarter, theta + quarter, 3 * quarter})
    return integral(ray, turns, 5) / (2 * mpmath.pi)


def integral(function: Callable[[Any], Any], ends: list[Any], degree: int) -> Any:
    """mpmath's own Gauss-Legendre rule with 3 * 2**(degree - 1) nodes between neighbouring ends."""
    rule = mpmath.calculus.quadrature.GaussLegendre(mpmath.mp)
    return mpmath.fsum(
        weight * function(node)
        for start, end in pairwise(ends)
        for node, weight in rule.get_nodes(start, end, degree=degree, prec=mpmath.mp.prec)
    )


# (activation, place in PLACES), beside the golden ones: variances up to 9, where the integrand is not too narrow.
SAMPLE = (
    ("sigmoid", (1.0, 1.0, 0.3)),
    ("softplus", (9.0, 0.7, 0.0)),
    ("silu", (2.3, 2.3, 0.9)),
    ("mish", (1.0, 1.0, -0.6)),
    ("arctan", (0.7, 0.7, -0.3)),
    ("asinh", (1.0, 1.0, 0.9)),
    ("softsign", (1.0, 1.0, -0.99)),
    ("sqrt1px2", (1e-2, 1e-2, 0.3)),
)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "place"), SAMPLE)
def test_a_plain_quadrature_in_polar_form_agrees(name: str, place: tuple[float, float, float]) -> None:
    point = references()[name][PLACES.index(place)]
    activation = nk.Activation(name)
    with mpmath.workdps(25):
        value = polar(activation.to_mpmath(), point)
        slope = polar(activation.derivative_to_mpmath(), point)
        assert abs(value - point.value) <= mpmath.mpf(10) ** -20
        assert abs(slope - point.slope) <= mpmath.mpf(10) ** -20
