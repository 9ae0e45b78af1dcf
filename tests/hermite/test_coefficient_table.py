"""Hermite coefficients at any variance: against mpmath, exact identities, and their own stated errors."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntksym.activation.activation import Activation
from ntksym.errors import ToleranceNotMet
from ntksym.hermite.coefficient_table import HermiteTable
from ntksym.hermite.moments import moments, rule
from ntksym.hermite.tabulated_activation import TabulatedActivation

EPS = float(np.finfo(np.float64).eps)

TABLES = {
    name: HermiteTable(TabulatedActivation(Activation(name)))
    for name in ("tanh", "softplus", "softsign", "relu", "sign(x)")
}


def coefficient(formula: str, q: float, k: int) -> float:
    """E[s(sqrt(q) Z) h_k(Z)] by mpmath, split at zero."""
    function = Activation(formula).to_mpmath()
    with mpmath.workdps(30):
        root = mpmath.sqrt(mpmath.mpf(q))
        weight = 1 / mpmath.sqrt(mpmath.factorial(k) * 2 * mpmath.pi)

        def integrand(z: object) -> object:
            hermite = mpmath.hermite(k, z / mpmath.sqrt(2)) / mpmath.mpf(2) ** (mpmath.mpf(k) / 2)
            return function(root * z) * hermite * mpmath.exp(-z * z / 2) * weight

        return float(mpmath.quad(integrand, [-20, -10, -5, -2, 0, 2, 5, 10, 20]))


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("q", [1e-6, 0.7, 40.0])
def test_coefficients_agree_with_mpmath(name: str, q: float) -> None:
    found = TABLES[name](np.array([q]))
    deviation = found.errors[0, 2] * math.sqrt(found.value[0])
    for m in (0, 1, 4):
        k = found.offset + found.stride * m
        assert abs(found.coefficients[0, m] - coefficient(name, q, k)) <= deviation


@given(st.floats(1e-6, 1e6))
def test_relu_coefficients_scale_with_the_standard_deviation(q: float) -> None:
    """A function of degree one: a_k(q) = sqrt(q) a_k(1), V = q/2, D = 1/2 exactly."""
    found = TABLES["relu"](np.array([q]))
    at_one = TABLES["relu"](np.array([1.0]))
    allowed = found.errors[0, 2] + at_one.errors[0, 2]
    assert np.linalg.norm(found.coefficients / math.sqrt(q) - at_one.coefficients) <= allowed * math.sqrt(0.5)
    assert abs(found.value[0] / q - 0.5) <= found.errors[0, 4]
    assert abs(found.slope[0] - 0.5) <= found.errors[0, 5]


@given(st.floats(1e-3, 1e3))
def test_parseval_holds_within_the_stated_tail(q: float) -> None:
    for name in ("tanh", "softplus", "softsign"):
        found = TABLES[name](np.array([q]))
        order = found.offset + found.stride * np.arange(found.coefficients.shape[1])
        squares = found.coefficients[0] ** 2
        tail, slope_tail, deviation, slope_deviation, diagonal, diagonal_slope = found.errors[0]
        noise = 2 * deviation + diagonal, 2 * slope_deviation + diagonal_slope
        assert -noise[0] <= 1 - squares.sum() / found.value[0] <= tail + noise[0]
        assert -noise[1] <= 1 - squares @ order / (q * found.slope[0]) <= slope_tail + noise[1]


def test_softplus_and_sigmoid_know_each_other() -> None:
    """The slope of softplus is the value of sigmoid: D_softplus = V_sigmoid."""
    q = np.geomspace(1e-4, 1e3, 15)
    sigmoid = HermiteTable(TabulatedActivation(Activation("sigmoid")))(q)
    softplus = TABLES["softplus"](q)
    allowed = softplus.errors[:, 5] + sigmoid.errors[:, 4]
    assert np.all(np.abs(softplus.slope / sigmoid.value - 1) <= allowed)


def test_stated_errors_are_near_rounding() -> None:
    for name in ("tanh", "softplus", "softsign", "relu"):
        errors = TABLES[name](np.geomspace(1e-7, 1e5, 6)).errors
        assert np.all(errors[:, 2:] <= 256 * EPS), name


def test_rows_do_not_depend_on_their_company() -> None:
    alone = TABLES["tanh"](np.array([1.3]))
    together = TABLES["tanh"](np.array([250.0, 1.3, 1e-9]))
    assert np.allclose(
        together.coefficients[1, : alone.coefficients.shape[1]], alone.coefficients[0], rtol=0, atol=4 * EPS
    )
    assert np.all(together.coefficients[1, alone.coefficients.shape[1] :] == 0)


def test_jumps_leave_the_slope_infinite_and_the_value_right() -> None:
    found = TABLES["sign(x)"](np.array([0.3, 7.0]))
    assert np.all(np.isinf(found.slope))
    assert np.allclose(found.value, 1.0, rtol=0, atol=16 * EPS)
    assert np.allclose(found.coefficients[:, 0], math.sqrt(2 / math.pi), rtol=0, atol=16 * EPS)


def test_exponential_growth_moves_the_panels_outwards() -> None:
    """E[exp(U)^2] = exp(2 q), and a_k = exp(q/2) q**(k/2)/sqrt(k!)."""
    table = HermiteTable(TabulatedActivation(Activation("exp(x)")))
    q = np.array([0.5, 9.0, 30.0])
    found = table(q)
    assert np.all(np.abs(found.value / np.exp(2 * q) - 1) <= found.errors[:, 4] + 4 * EPS * q)
    k = np.arange(6)
    exact = np.exp(q / 2)[:, None] * q[:, None] ** (k / 2) / np.sqrt([math.factorial(j) for j in k])
    assert np.all(np.abs(found.coefficients[:, :6] - exact) <= (found.errors[:, 2] * np.exp(q))[:, None])


def test_too_fast_growth_is_refused_with_the_way_out() -> None:
    with pytest.raises(ToleranceNotMet, match=r"grows too fast.*smaller W_std"):
        HermiteTable(TabulatedActivation(Activation("exp(x)*tanh(x)")))(np.array([1e4]))


def test_a_finer_rule_gives_the_same_moments() -> None:
    profile = TabulatedActivation(Activation("silu"))
    q = np.array([1.0, 1.5, 2.0])
    coarse, fine = (moments(rule(profile, 1.0, 2.0, 100, fineness), q, 100) for fineness in (1.0, 1.7))
    width = min(coarse.coefficients.shape[1], fine.coefficients.shape[1])
    assert np.abs(coarse.coefficients[:, :width] - fine.coefficients[:, :width]).max() <= 32 * EPS
    assert np.all(np.abs(coarse.dilation / fine.dilation - 1) <= 32 * EPS)
