"""Cross duals as series: the fourth moments that finite width asks for, against integrals in the plane."""

import math
import pickle

import numpy as np
import pytest

from ntksym.dual.closed import ClosedDual
from ntksym.dual.cross_series import CrossSeries
from ntksym.dual.derivation import cross_dual
from ntksym.errors import InvalidInput, NoClosedForm, NoSuchDual

GELU, SLOPE = "x*Phi(x)", "(Phi(x) + x*exp(-x**2/2)/sqrt(2*pi))"

SPLITS = [((3, 0), (1, 0)), ((2, 0), (2, 0)), ((2, 1), (0, 1)), ((1, 2), (1, 0))]
SPLITS += [((1, 1), (1, 1)), ((2, 0), (0, 2)), ((0, 3), (0, 1)), ((0, 2), (0, 2))]
"""Powers of s and s' on the two sides of the eight fourth moments of a pair."""

PLACES = [(1.0, 1.0, 0.5), (0.3, 2.5, -0.6), (1.5, 1.5, 1.4999), (0.5, 2.0, 1.0), (0.7, 0.7, -0.7)]
"""Inside, beyond the stored terms, and at both ends."""


def series(f: str, g: str, method: str = "series") -> CrossSeries:
    dual = cross_dual(f, g, method)
    assert isinstance(dual, CrossSeries)
    return dual


def moment(powers: tuple[int, int]) -> str:
    return "*".join([f"({GELU})**{powers[0]}"] * (powers[0] > 0) + [f"{SLOPE}**{powers[1]}"] * (powers[1] > 0))


def check(dual: CrossSeries, places: list[tuple[float, float, float]]) -> None:
    """Value and slope are within their bounds of an integral, and the bounds are small."""
    for place in places:
        found, exact = dual.evaluate(*place), dual.evaluate(*place, dps=17)
        bound, of_slope = dual.error_bound(*place[:2]), dual.slope_error_bound(*place[:2])
        assert abs(found.value - float(exact.value)) <= bound <= 1e-12 * (1 + abs(found.value)) * 100
        assert abs(found.slope - float(exact.slope)) <= of_slope


@pytest.mark.slow
@pytest.mark.parametrize(("left", "right"), SPLITS)
def test_the_fourth_moments_of_gelu_are_within_their_bounds(left: tuple[int, int], right: tuple[int, int]) -> None:
    check(series(moment(left), moment(right)), PLACES)


@pytest.mark.parametrize(("left", "right"), SPLITS[:1])
def test_a_fourth_moment_that_does_not_close_is_a_series(left: tuple[int, int], right: tuple[int, int]) -> None:
    dual = series(moment(left), moment(right), "auto")
    assert dual.reason is not None
    check(dual, [PLACES[0], PLACES[2]])


KINDS = [("erf", "tanh"), ("abs", "tanh(x) + 1"), ("softplus", "max(x, 0)")]


@pytest.mark.parametrize(("f", "g"), KINDS)
def test_pairs_of_different_kinds_are_within_their_bounds(f: str, g: str) -> None:
    check(series(f, g, "auto"), PLACES[1:3])


@pytest.mark.slow
@pytest.mark.parametrize(("f", "g"), KINDS)
def test_pairs_of_different_kinds_are_within_their_bounds_at_the_ends(f: str, g: str) -> None:
    check(series(f, g, "auto"), PLACES[3:])


@pytest.mark.parametrize(("f", "g"), [("relu", "erf"), ("gelu", "x*exp(-x**2/2)"), ("elu", "x_erf")])
def test_series_agree_with_closed_forms(f: str, g: str) -> None:
    closed, summed = cross_dual(f, g), series(f, g)
    assert isinstance(closed, ClosedDual)
    rng = np.random.default_rng(2)
    q1, q2 = rng.uniform(0.1, 4, (2, 200))
    gap = np.where(rng.random(200) < 0.5, rng.random(200), 10.0 ** rng.uniform(-12, 0, 200))
    c = np.sqrt(q1 * q2) * (1 - gap) * rng.choice([-1, 1], 200)
    exact, found = closed.evaluate(q1, q2, c), summed.evaluate(q1, q2, c)
    assert np.all(np.abs(found.value - exact.value) <= summed.error_bound(q1, q2) + 1e-14 * (1 + np.abs(exact.value)))
    np.testing.assert_allclose(found.slope, exact.slope, rtol=1e-11, atol=1e-12)


def test_an_even_and_an_odd_function_are_orthogonal() -> None:
    found = series("abs", "tanh").evaluate(1.0, 2.0, [0.3, math.sqrt(2)])
    np.testing.assert_array_equal(found, np.zeros((2, 2)))


def test_a_jump_beside_a_smooth_function_has_a_finite_slope_everywhere() -> None:
    """E[tanh'(V) delta(U)] = phi(0)/sqrt(q1) E[tanh'(V) | U = 0], also at |rho| = 1."""
    dual = series("sign", "tanh")
    found, exact = dual.evaluate(1.0, 2.0, 0.4), dual.evaluate(1.0, 2.0, 0.4, dps=17)
    assert found.value == pytest.approx(float(exact.value), abs=1e-13)
    assert found.slope == pytest.approx(float(exact.slope), rel=1e-12)
    assert dual.evaluate(1.0, 1.0, 1.0).slope == pytest.approx(2 / math.sqrt(2 * math.pi), rel=1e-12)
    assert math.isinf(dual.slope_error_bound(1.0, 1.0))


def test_the_methods_are_those_of_derive() -> None:
    assert isinstance(cross_dual("relu", "erf"), ClosedDual)
    assert isinstance(cross_dual("tanh", "erf"), CrossSeries)
    with pytest.raises(NoClosedForm, match="auto"):
        cross_dual("tanh", "erf", "closed")
    with pytest.raises(InvalidInput, match="choose one of"):
        cross_dual("tanh", "erf", "sum")
    with pytest.raises(NoClosedForm):
        series("tanh", "erf").to_code("numpy")


def test_what_is_not_square_integrable_has_no_series() -> None:
    with pytest.raises(NoSuchDual):
        series("exp(x**2/8)", "tanh").evaluate(3.0, 1.0, 0.5)
    assert math.isfinite(series("exp(x**2/8)", "tanh").evaluate(1.0, 3.0, 0.5).value)


def test_a_cross_series_is_a_value_that_explains_itself() -> None:
    dual = series("softplus", "tanh")
    assert pickle.loads(pickle.dumps(dual)) == dual
    assert dual == series("softplus", "tanh")
    assert hash(dual) == hash(series("softplus", "tanh"))
    for fmt in ("text", "markdown", "latex"):
        assert "softplus" in dual.explain(fmt)
    assert dual.evaluate(np.ones((2, 1)), np.ones(3), 0.2).value.shape == (2, 3)
    assert dual.evaluate([], [], []).slope.shape == (0,)
