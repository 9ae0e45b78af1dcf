"""Hermite coefficients that keep their digits however small they are."""

import mpmath
import numpy as np
import pytest

from ntksym import Activation, ToleranceNotMet, derive
from ntksym.dual import series_dual
from ntksym.hermite.digits import HermiteSquares, hermite_squares, mean_squares
from ntksym.theory.powers.parity_parts import parts_of


def squares_of(activation: Activation, variance: mpmath.mpf, count: int) -> HermiteSquares:
    return hermite_squares(activation, variance, count, parts_of(activation).degrees)


def arcsine_square(k: int, q: float) -> mpmath.mpf:
    """a_k^2 of erf at variance q: coefficients of (2/pi) asin(2 q u/(1 + 2 q))."""
    if k % 2 == 0:
        return mpmath.mpf(0)
    m = (k - 1) // 2
    ratio = 2 * mpmath.mpf(q) / (1 + 2 * mpmath.mpf(q))
    return 2 / mpmath.pi * mpmath.binomial(2 * m, m) / mpmath.mpf(4) ** m / k * ratio**k


@pytest.mark.parametrize("q", [0.25, 1.0, 3.0])
def test_coefficients_of_erf_are_those_of_the_arc_sine(q: float) -> None:
    found = squares_of(Activation("erf(x)"), mpmath.mpf(q), 160)
    with mpmath.workdps(40):
        for k in range(160):
            exact = arcsine_square(k, q)
            assert abs(found.squares[k] - exact) <= found.bounds[k]
            assert found.bounds[k] <= 1e-12 * exact
        assert float(abs(found.value - 2 / mpmath.pi * mpmath.asin(2 * q / (1 + 2 * mpmath.mpf(q))))) < 1e-28


def test_coefficients_of_sin_fall_like_factorials_and_end_where_float64_does() -> None:
    found = squares_of(Activation("sin(x)"), mpmath.mpf(1), 200)
    with mpmath.workdps(30):
        for k in (1, 3, 51, 151):
            exact = mpmath.exp(-1) / mpmath.factorial(k)
            assert abs(found.squares[k] / exact - 1) < 1e-12
    assert np.all(found.squares[0::2] == 0)
    assert np.all(found.squares[171:] == 0)


@pytest.mark.parametrize("formula", ["tanh(x)", "log(1+exp(x))", "atan(x)", "x/(1+exp(-x))"])
def test_coefficients_agree_with_the_table_of_the_series(formula: str) -> None:
    activation = Activation(formula)
    found = squares_of(activation, mpmath.mpf(2), 40)
    table = series_dual(activation).coefficients([2.0])
    deviation = float(table.errors[0, 2]) * float(table.value[0]) ** 0.5
    for k, entry in zip(table.order.tolist(), table.coefficients[0].tolist(), strict=True):
        if k < 40:
            assert abs(found.squares[k] - entry**2) <= deviation * (2 * abs(entry) + deviation)


def test_degrees_beyond_a_polynomial_part_are_exactly_absent() -> None:
    found = squares_of(Activation("x*(1+erf(x/sqrt(2)))/2"), mpmath.mpf(1), 30)
    assert np.all(found.squares[3::2] == 0)
    assert np.all(found.bounds[3::2] == 0)
    assert np.all(found.squares[0::2] > 0)


def test_mean_squares_leave_out_places_where_a_formula_has_no_value() -> None:
    value, slope = mean_squares(Activation("sinc"), mpmath.mpf(1))
    dual = derive("sinc")
    exact = dual.evaluate(1, 1, 1, dps=25)
    assert abs(value - exact.value) < mpmath.mpf(10) ** -20
    assert abs(slope - exact.slope) < mpmath.mpf(10) ** -20


def test_what_is_narrow_beside_the_variance_is_not_overlooked() -> None:
    """At q = 1e8 the slope of tanh is a needle between the nodes of any rule that is affordable."""
    with pytest.raises(ToleranceNotMet, match="nodes"):
        mean_squares(Activation("tanh(x)"), mpmath.mpf(10) ** 8)
    with pytest.raises(ToleranceNotMet, match="nodes"):
        squares_of(Activation("tanh(x)"), mpmath.mpf(10) ** 8, 4)


@pytest.mark.parametrize(("formula", "q"), [("sin(5*x)", 9.0), ("sin(30*x)", 9.0), ("sin(7*x)", 1.3)])
def test_mean_squares_of_waves_that_coarse_rules_cannot_tell_from_constants(formula: str, q: float) -> None:
    """E[sin(b U)^2] = (1 - exp(-2 b^2 q))/2."""
    value, slope = mean_squares(Activation(formula), mpmath.mpf(q))
    rate = int(formula[4:-3])
    with mpmath.workdps(40):
        rest = mpmath.exp(-2 * rate**2 * mpmath.mpf(q))
        assert abs(value - (1 - rest) / 2) < 1e-28
        assert abs(slope / rate**2 - (1 + rest) / 2) < 1e-28


@pytest.mark.parametrize("formula", ["tanh(x)", "1/(1+4*(x-1)**2)", "x*(1+erf(x/sqrt(2)))/2"])
def test_mean_squares_are_sums_of_squares_of_coefficients(formula: str) -> None:
    found = squares_of(Activation(formula), mpmath.mpf(0.25), 900)
    k = np.arange(900)
    rounding = 900 * np.finfo(float).eps
    assert abs(np.sum(found.squares) / float(found.value) - 1) <= rounding
    assert abs(np.sum(k * found.squares) / 0.25 / float(found.slope) - 1) <= rounding
