"""Partial derivatives of duals: against differences at 46 digits, against integrals, and at the edge ``|rho|`` = 1."""

import math
import pickle
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.activation.catalogue import catalogue
from ntksym.dual.closed import ClosedDual
from ntksym.dual.derivation import cross_dual, derive
from ntksym.errors import InvalidInput, NoClosedForm
from ntksym.quadrature.expectation import Integrand, expectation

PLACE = (Fraction(7, 100), Fraction(13, 100), Fraction(-1, 20))
"""Inside the domain of every entry of the catalogue."""

STEP = Fraction(1, 10**10)
DIGITS = 25

CLOSED = [name for name, entry in catalogue.items() if "closed" in entry.tags]
FAST = ["relu", "gelu", "shifted_relu", "box", "sinc", "gaussian", "snake", "monomial"]
"""A kink, a soft gate, a moving kink, jumps, a quotient, a domain, a wave, an exponent that is fixed."""

KINKED = ["relu", "abs", "shifted_relu"]


def closed(activation: str | Activation) -> ClosedDual:
    dual = derive(activation)
    assert isinstance(dual, ClosedDual)
    return dual


def number(fraction: Fraction) -> mpmath.mpf:
    return mpmath.mpf(fraction.numerator) / fraction.denominator


def stencil(function, step):
    """The derivative at 0 from four points, with an error of step**4."""
    return (8 * (function(1) - function(-1)) - (function(2) - function(-2))) / (12 * step)


def differences(name: str) -> tuple[list[mpmath.mpf], list[mpmath.mpf]]:
    """Derivatives of value and slope in q1, q2, c and the parameters that are left in the formula."""
    activation = Activation(name)
    places = [(k, None) for k in range(3)]
    left = [s.name for s in activation.values if s in activation.expression.free_symbols]
    values, slopes = [], []

    def moved(place: int | None, parameter: str | None, steps: int):
        at = [number(p + steps * STEP * (k == place)) for k, p in enumerate(PLACE)]
        shifted = activation
        if parameter is not None:
            value = Fraction(str(dict(activation.parameters)[parameter])) + steps * STEP
            shifted = activation.with_parameters(**{parameter: value})
        return closed(shifted).evaluate(*at, dps=46)

    for place, parameter in [*places, *((None, name) for name in left)]:
        found = {steps: moved(place, parameter, steps) for steps in (-2, -1, 1, 2)}
        values.append(stencil(lambda k: found[k].value, number(STEP)))  # noqa: B023
        slopes.append(stencil(lambda k: found[k].slope, number(STEP)))  # noqa: B023
    return values, slopes


def check_against_differences(name: str) -> None:
    with mpmath.workdps(60):
        expected = [entry for side in differences(name) for entry in side]
        found = closed(name).partials.evaluate(*map(number, PLACE), dps=30).entries
        size = max(map(abs, expected))
        for entry, right in zip(found, expected, strict=True):
            assert abs(entry - right) <= mpmath.mpf(10) ** -DIGITS * max(abs(right), mpmath.mpf(10) ** -8 * size)


@pytest.mark.parametrize("name", FAST)
def test_partials_agree_with_differences_of_the_dual_to_25_digits(name: str) -> None:
    check_against_differences(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CLOSED if name not in FAST])
def test_partials_of_the_whole_catalogue_agree_with_differences(name: str) -> None:
    check_against_differences(name)


@pytest.mark.parametrize("name", ["gelu", "elu", "x*exp(-x**2/2)"])
def test_partials_agree_with_integrals_that_share_nothing_with_them(name: str) -> None:
    """dK/dq1 = (E[U s'(U) s(V)] - c D)/(2 q1)."""
    activation = Activation(name)
    value, slope = activation.to_mpmath(), activation.derivative_to_mpmath()
    kinks = tuple(map(float, activation.kinks))
    place = (0.7, 1.3, -0.4)

    def integral(f, g):
        return expectation(Integrand(f, lambda: kinks), Integrand(g, lambda: kinks), *place, dps=27).value

    with mpmath.workdps(35):
        q1, q2, c = map(mpmath.mpf, place)
        steep = integral(slope, slope)
        first = (integral(lambda u: u * slope(u), value) - c * steep) / (2 * q1)
        second = (integral(value, lambda v: v * slope(v)) - c * steep) / (2 * q2)
        found = closed(name).partials.evaluate(*place, dps=30)
        for entry, right in ((found.value_q1, first), (found.value_q2, second), (found.value_c, steep)):
            assert abs(entry - right) <= mpmath.mpf(10) ** -DIGITS


def test_the_derivative_of_the_slope_is_the_expectation_of_curvatures() -> None:
    bend = {"gelu": lambda x: (2 - x * x) * mpmath.npdf(x), "sin": lambda x: -mpmath.sin(x)}
    for name, second in bend.items():
        found = closed(name).partials.evaluate(0.7, 1.3, -0.4, dps=30).slope_c
        right = expectation(Integrand(second), Integrand(second), 0.7, 1.3, -0.4, dps=27).value
        assert abs(found - right) <= mpmath.mpf(10) ** -DIGITS


def test_a_homogeneous_function_satisfies_euler() -> None:
    """K(t q1, t q2, t c) = t^k K for s(t x) = t^k s(x), k = 1."""
    rng = np.random.default_rng(5)
    q1, q2 = rng.uniform(0.1, 3, (2, 50))
    c = rng.uniform(-1, 1, 50) * np.sqrt(q1 * q2)
    dual = closed("leaky_relu")
    at = dual.partials.evaluate(q1, q2, c)
    value, slope = dual.evaluate(q1, q2, c)
    np.testing.assert_allclose(q1 * at.value_q1 + q2 * at.value_q2 + c * at.value_c, value, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(q1 * at.slope_q1 + q2 * at.slope_q2 + c * at.slope_c, 0 * slope, atol=1e-12)


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("hardtanh", "hardsigmoid", "laplace", "elu")]


@pytest.mark.parametrize("name", ["relu", "gelu", "shifted_relu", "box", "sin", *SLOW])
@pytest.mark.parametrize("sign", [1, -1])
def test_float64_keeps_its_digits_near_the_edge(name: str, sign: int) -> None:
    """Relative to the size that each derivative may have, with 1 - |rho| given."""
    partials = closed(name).partials
    for q1, q2 in ((1.0, 1.0), (0.5, 2.0), (1 / 3, 1 / 3)):
        for gap in (0.3, 1e-9, 1e-18):
            with mpmath.workdps(60):
                c = sign * (1 - mpmath.mpf(gap)) * mpmath.sqrt(mpmath.mpf(q1) * q2)
                exact = partials.evaluate(q1, q2, c, dps=20).entries
            found = partials.evaluate(q1, q2, float(c), gap=gap).entries
            for entry, right in zip(found, exact, strict=True):
                assert abs(entry - float(right)) <= 1e-12 * (1 + abs(float(right)))


@pytest.mark.parametrize("name", KINKED)
def test_a_kink_makes_the_derivatives_of_the_slope_infinite_on_the_diagonal(name: str) -> None:
    partials = closed(name).partials
    for found in (partials.evaluate(0.8, 0.8, 0.8), partials.evaluate(0.8, 0.8, 0.8, dps=20)):
        assert (found.slope_q1, found.slope_q2, found.slope_c) == (-math.inf, -math.inf, math.inf)
        assert all(math.isfinite(entry) for entry in (found.value_q1, found.value_q2, found.value_c))
    assert partials.diagonal.slope_c == sp.oo


def test_a_kink_away_from_zero_is_met_on_the_diagonal_alone() -> None:
    partials = closed("triangle").partials  # kinks at -1, 0 and 1
    assert math.isinf(partials.evaluate(1.0, 1.0, -1.0).slope_c)
    assert math.isinf(partials.evaluate(1.0, 4.0, 2.0).slope_c)  # those at 0 meet at every variance
    partials = closed("shifted_relu").partials
    for found in (partials.evaluate(1.0, 4.0, 2.0), partials.evaluate(1.0, 4.0, 2.0, dps=20)):
        assert abs(found.slope_c) < 1e-300


def test_a_jump_makes_all_but_the_derivatives_in_parameters_infinite() -> None:
    found = closed(Activation("where(x > a, x, 0)", a=0.5)).partials.evaluate(1.0, 1.0, 1.0)
    assert (found.value_q1, found.value_q2, found.value_c) == (-math.inf, -math.inf, math.inf)
    assert (found.slope_q1, found.slope_q2, found.slope_c) == (-math.inf, -math.inf, math.inf)
    # d/da E[U^2 1{U > a}] = -a^2 phi(a)
    assert found.value_parameters["a"] == pytest.approx(-0.25 * math.exp(-0.125) / math.sqrt(2 * math.pi), rel=1e-14)


@pytest.mark.parametrize("name", ["gelu", "relu", "elu", "relu2", "erf", "sinc"])
def test_on_the_diagonal_the_derivatives_add_up_to_that_of_the_second_moment(name: str) -> None:
    dual = closed(name)
    for q in (0.25, 1.0, 3.0):
        found = dual.partials.evaluate(q, q, q)
        change = sum((found.value_q1, found.value_q2, found.value_c))
        step = mpmath.mpf(10) ** -12
        with mpmath.workdps(40):
            right = stencil(lambda k: dual.evaluate(*[q + k * step] * 3, dps=40).value, step)  # noqa: B023
        assert change == pytest.approx(float(right), rel=1e-12)


def test_an_exponent_has_no_derivative_and_the_message_says_why() -> None:
    partials = closed("rectified_monomial").partials
    assert partials.parameters == ()
    with pytest.raises(NoClosedForm, match="logarithms"):
        partials.of("degree")
    with pytest.raises(InvalidInput, match="q1, q2, c"):
        partials.of("q3")


def test_formulas_are_those_of_a_textbook() -> None:
    """Relu: dK/dq1 = sqrt(q1 q2 - c^2)/(4 pi q1)."""
    q1, q2, c = (*sp.symbols("q1 q2", positive=True), sp.Symbol("c", real=True))
    value, slope = closed("relu").partials.of("q1")
    assert sp.simplify(value - sp.sqrt(q1 * q2 - c**2) / (4 * sp.pi * q1)) == 0
    assert sp.simplify(slope + c / (4 * sp.pi * q1 * sp.sqrt(q1 * q2 - c**2))) == 0


def test_a_constant_whose_derivative_is_new_extends_the_field() -> None:
    """K of x sin(a) is c sin(a)^2."""
    value, slope = closed(Activation("x*sin(a)", a=2)).partials.of("a")
    a, c = sp.Symbol("a", positive=True), sp.Symbol("c", real=True)
    assert sp.simplify(value - c * sp.sin(2 * a)) == 0
    assert sp.simplify(slope - sp.sin(2 * a)) == 0


def test_cross_duals_have_partials_in_the_parameters_of_both() -> None:
    dual = cross_dual(Activation("a*x", a=2), Activation("max(x - b, 0)", b=0.5))
    found = dual.partials.evaluate(1.0, 2.0, 0.7)
    value = dual.evaluate(1.0, 2.0, 0.7)
    assert found.value_parameters["a"] == pytest.approx(value.value / 2, rel=1e-14)
    # E[a U 1{V > b}] = a c phi(b/sqrt(q2))/sqrt(q2)
    right = -2 * 0.7 * math.exp(-0.25 / 4) / math.sqrt(4 * math.pi)
    assert found.value_parameters["b"] == pytest.approx(right, rel=1e-14)


def test_partials_are_values_that_can_be_sent() -> None:
    partials = closed("shifted_relu").partials
    again = pickle.loads(pickle.dumps(partials))
    assert again == partials
    found = pickle.loads(pickle.dumps(partials.evaluate(1.0, 2.0, [0.5, 0.1])))
    right = again.evaluate(1.0, 2.0, [0.5, 0.1])
    np.testing.assert_array_equal(found.slope_parameters["shift"], right.slope_parameters["shift"])


def test_arguments_are_broadcast_and_checked() -> None:
    partials = closed("gelu").partials
    assert partials.evaluate(np.ones((3, 1)), np.ones(2), 0.5).value_q1.shape == (3, 2)
    assert partials.evaluate([], [], []).slope_c.shape == (0,)
    with pytest.raises(InvalidInput):
        partials.evaluate(1.0, 1.0, 2.0)
