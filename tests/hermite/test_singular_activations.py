"""Activations with removable and with integrable singularities: right to 13 digits, wherever the singularity lies."""

import mpmath
import numpy as np
import pytest

import ntksym as nk

PLACES = ((1.0, 1.0, 0.5), (9.0, 9.0, 0.95), (0.25, 4.0, 0.7))

REMOVABLE = {
    "sin(x)/x": (0.739900856983269, 0.327642605640686, 0.582997364766291),
    "erf(x)/x": (0.845396237254768, 0.407605196107460, 0.749887941116002),
    "expm1(x)/x": (1.66688352859236, None, 3.19140128806864),
    "atan(x)/x": (0.712245948217892, 0.389226886633336, 0.651326520183614),
    "x/tanh(x)": (1.68611946744791, 9.11696033727175, 2.09320021967025),
    "(1-cos(x))/x": (0.0780905855672047, 0.214864271108231, 0.0721059173393750),
}
"""E[s(U)s(V)] at `PLACES`, by two rules that share nothing with this package."""

WITHIN = 1e-13


def value_at(formula: str, place: tuple[float, float, float], **parameters: object) -> tuple[float, float]:
    q1, q2, rho = place
    dual = nk.derive(nk.Activation(formula, **parameters), "series")
    return float(dual.evaluate(q1, q2, rho * np.sqrt(q1 * q2)).value), float(dual.error_bound(q1, q2))


@pytest.mark.parametrize("formula", REMOVABLE)
def test_removable_singularities_are_removed(formula: str) -> None:
    for place, exact in zip(PLACES, REMOVABLE[formula], strict=True):
        if exact is not None:
            assert value_at(formula, place)[0] == pytest.approx(exact, rel=WITHIN)


def test_a_removable_singularity_that_a_parameter_moves_is_removed() -> None:
    expected = value_at("sin(x-3/10)/(x-3/10)", PLACES[0])[0]
    assert value_at("sin(x-a)/(x-a)", PLACES[0], a=0.3)[0] == pytest.approx(expected, rel=WITHIN)


def even_powers(a, b, q1, q2, rho):  # type: ignore[no-untyped-def]
    """E[|U|^a |V|^b] (Nabeya 1951)."""
    size = 2 ** ((a + b) / 2) / mpmath.pi * q1 ** (a / 2) * q2 ** (b / 2)
    gammas = mpmath.gamma((a + 1) / 2) * mpmath.gamma((b + 1) / 2)
    return size * gammas * mpmath.hyp2f1(-a / 2, -b / 2, mpmath.mpf(1) / 2, rho**2)


def odd_powers(a, b, q1, q2, rho):  # type: ignore[no-untyped-def]
    """E[sgn(U) |U|^a sgn(V) |V|^b]."""
    size = 2 ** ((a + b) / 2 + 1) / mpmath.pi * q1 ** (a / 2) * q2 ** (b / 2) * rho
    gammas = mpmath.gamma(a / 2 + 1) * mpmath.gamma(b / 2 + 1)
    return size * gammas * mpmath.hyp2f1((1 - a) / 2, (1 - b) / 2, mpmath.mpf(3) / 2, rho**2)


SINGULAR = {
    "log(abs(x))": (even_powers, 0, True),
    "x*log(abs(x))": (odd_powers, 1, True),
    "sign(x)*log(abs(x))": (odd_powers, 0, True),
    "abs(x)**(-1/4)": (even_powers, -0.25, False),
    "abs(x)**(-0.45)": (even_powers, -0.45, False),
    "sign(x)*abs(x)**(-1/4)": (odd_powers, -0.25, False),
    "abs(x)**0.75": (even_powers, 0.75, False),
    "abs(x)**0.3": (even_powers, 0.3, False),
}
"""A logarithm is the derivative of a power in its exponent."""


@pytest.mark.parametrize("formula", SINGULAR)
def test_powers_and_logarithms_agree_with_their_closed_forms(formula: str) -> None:
    powers, exponent, is_logarithm = SINGULAR[formula]
    for place in PLACES:
        with mpmath.workdps(40):
            numbers = [mpmath.mpf(str(number)) for number in place]
            at = mpmath.mpf(str(exponent))
            if is_logarithm:
                exact = mpmath.diff(lambda a, b: powers(a, b, *numbers), (at, at), (1, 1))  # noqa: B023
            else:
                exact = powers(at, at, *numbers)
        found, bound = value_at(formula, place)
        assert abs(found - float(exact)) <= bound
        assert bound <= 2e-12 * max(1.0, abs(float(exact)))


@pytest.mark.parametrize("formula", ["log(abs(x-1))", "abs(x-1)**(-1/4)"])
def test_moved_singularities_are_integrated_as_exactly(formula: str) -> None:
    """E[s(U)^2] of the shifted function against one integral that ends at the singularity."""
    function = nk.Activation(formula).to_mpmath()
    with mpmath.workdps(30):

        def density(x):  # type: ignore[no-untyped-def]
            return function(x) ** 2 * mpmath.npdf(x)

        exact = float(mpmath.quad(density, [-12, -4, 0, 1, 2, 5, 13]))
    dual = nk.derive(formula)
    assert float(dual.evaluate(1, 1, 1).value) == pytest.approx(exact, rel=1e-8)  # the order of the integral itself
    assert float(dual.error_bound(1, 1)) < 1e-12


def test_the_slope_of_a_steep_power_is_that_of_its_closed_form() -> None:
    """dK/dc of |x|^0.75, whose derivative is infinite at zero, but square integrable."""
    dual = nk.derive("abs(x)**0.75")
    assert dual.continuous
    with mpmath.workdps(30):
        exponent = mpmath.mpf("0.75")
        exact = mpmath.diff(lambda c: even_powers(exponent, exponent, 1, 1, c), mpmath.mpf("0.5"))
    assert float(dual.evaluate(1, 1, 0.5).slope) == pytest.approx(float(exact), rel=1e-12)
    with mpmath.workdps(30):
        mean = exponent**2 * mpmath.gamma(exponent - mpmath.mpf(1) / 2) * 2 ** (exponent - 1) / mpmath.sqrt(mpmath.pi)
    assert float(dual.evaluate(1, 1, 1).slope) == pytest.approx(float(mean), rel=1e-12)
