"""The kernel as a power series in rho: exact coefficients, bounds of floats, refusals."""

import json
import pickle

import mpmath
import numpy as np
import pytest
import sympy as sp

import ntksym as nk
from ntksym.theory.powers.coefficients import power_series
from tests.oracle import recursion_at

EPSILON = float(np.finfo(np.float64).eps)


def test_coefficients_of_relu_are_known_numbers() -> None:
    found = power_series(nk.fully_connected("relu", 1), degree=6)
    pi = sp.pi
    expected = [1 / (2 * pi), sp.Rational(1, 2), 3 / (4 * pi), 0, 5 / (48 * pi), 0, 7 / (160 * pi)]
    assert [sp.simplify(a - b) for a, b in zip(found.exact, expected, strict=True)] == [0] * 7


def test_coefficients_of_erf_are_those_of_the_arc_sine() -> None:
    found = power_series(nk.fully_connected("erf(x)", 1), degree=11, get="nngp")
    rho = sp.Symbol("rho")
    series = sp.series(2 / sp.pi * sp.asin(2 * rho / 3), rho, 0, 12).removeO()
    assert [sp.simplify(found.exact[k] - series.coeff(rho, k)) for k in range(12)] == [0] * 12


def test_decimals_of_the_layers_are_taken_as_they_are_written() -> None:
    found = power_series(nk.fully_connected("x**2", 1, 0.1, 0.3), degree=2, get="nngp", mean_square=0.7)
    q = sp.Rational(7, 1000) + sp.Rational(9, 100)
    c = [sp.Rational(9, 100), sp.Rational(7, 1000), 0]
    square = [c[0] ** 2, 2 * c[0] * c[1], c[1] ** 2]
    expected = [sp.Rational(1, 100) * 2 * entry for entry in square]
    expected[0] += sp.Rational(1, 100) * q**2 + sp.Rational(9, 100)
    assert list(found.exact) == expected


def test_a_polynomial_network_has_finitely_many_fractions() -> None:
    found = power_series(nk.fully_connected("x**2-1", 2), degree=5)
    assert found.exact[0] == 0 or found.exact[0].is_Rational
    assert found.coefficients[5] == 0
    assert all(number.is_Rational for number in found.exact)
    assert abs(found.trace - sum(found.exact)) <= 8 * EPSILON * found.trace
    assert found.exact[1] == 0
    assert found.exact[3] == 0


CASES = [
    ("relu", 1, 1.0, None, 12),
    ("relu", 2, 1.0, None, 4),
    ("abs(x)", 1, 1.3, 0.5, 6),
    ("erf(x)", 2, 1.2, None, 6),
    ("sin(x)", 2, 1.2, None, 6),
    ("x*(1+erf(x/sqrt(2)))/2", 1, 1.5, None, 10),
    ("exp(-x**2)", 1, 1.0, 0.25, 6),
    ("x**3-x", 2, 1.5, 0.5, 10),
]


@pytest.mark.parametrize(("formula", "depth", "W_std", "b_std", "terms"), CASES)
def test_exact_coefficients_lie_within_the_bounds_of_the_floats(
    formula: str, depth: int, W_std: float, b_std: float | None, terms: int
) -> None:
    network = nk.fully_connected(formula, depth, W_std, b_std)
    for get in ("nngp", "ntk"):
        exact = power_series(network, degree=terms - 1, get=get, exact=True)
        floats = power_series(network, degree=99, get=get, exact=False)
        gap = np.abs(exact.coefficients - floats.coefficients[:terms])
        assert np.all(gap <= floats.errors[:terms] + EPSILON * exact.coefficients)
        assert np.all(floats.errors[:terms] <= 1e-9 * exact.trace)
        assert np.array_equal(exact.coefficients == 0, floats.coefficients[:terms] == 0)


@pytest.mark.parametrize(
    "network",
    [
        nk.fully_connected("tanh(x)", 1, 1.5, 0.1),
        nk.serial(nk.Dense(1.2, 0.3), nk.Dense(0.9), "sin(x)", nk.Dense(1.1, 0.2), "erf(x)", nk.Dense(2.0)),
        pytest.param(nk.fully_connected("cos(x)", 3, 1.1), marks=pytest.mark.slow),
    ],
)
def test_the_series_is_the_kernel(network: nk.Network) -> None:
    rho = 0.7
    with mpmath.workdps(40):
        exact = recursion_at(network, 0.8, 0.8, mpmath.mpf(0.8) * rho, dps=20)
    for get in ("nngp", "ntk"):
        series = power_series(network, degree=299, get=get, mean_square=0.8, exact=False)
        left_out = rho**300 * (series.remainder + 1e-12)
        assert (
            abs(series(rho) - getattr(exact, get))
            <= float(np.sum(series.errors)) + left_out + 64 * EPSILON * series.trace
        )


def test_a_mean_square_is_a_weight() -> None:
    one = power_series(nk.fully_connected("relu", 2, 1.5), degree=19, mean_square=4.0, exact=False)
    two = power_series(nk.fully_connected("relu", 2, 1.5), degree=19, exact=False)
    assert np.allclose(one.coefficients, 4 * two.coefficients, rtol=1e-13, atol=0)


def test_depth_zero_is_linear() -> None:
    found = power_series(nk.fully_connected("relu", 0, 2.0, 0.5), degree=3, get="ntk")
    assert found.exact == (sp.Rational(1, 4), 4, 0, 0)


def test_no_closed_form_is_said_where_exact_numbers_are_demanded() -> None:
    with pytest.raises(nk.NoClosedForm, match="no closed dual"):
        power_series(nk.fully_connected("tanh(x)", 1), degree=3, exact=True)
    assert power_series(nk.fully_connected("tanh(x)", 1), degree=3).exact is None


def test_numbers_that_would_grow_beyond_use_are_refused_when_demanded_and_floats_otherwise() -> None:
    network = nk.fully_connected("gelu", 2, 1.5, 0.1)
    with pytest.raises(nk.NoClosedForm, match="exact=False"):
        power_series(network, degree=11, exact=True)
    assert power_series(network, degree=11).exact is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("relu", 5), "needs a Network"),
        ((nk.fully_connected("relu", 1), -1), "between 0"),
        ((nk.fully_connected("relu", 1), 10**6), "between 0"),
        ((nk.fully_connected("relu", 1), True), "whole number"),
        ((nk.fully_connected("relu", 1), 5, "kernel"), "nngp"),
        ((nk.fully_connected("relu", 1), 5, "ntk", float("nan")), "mean_square"),
        ((nk.fully_connected("relu", 1), 5, "ntk", 0), "mean_square"),
        ((nk.fully_connected("relu", 1), 5, "ntk", True), "mean_square"),
        ((nk.fully_connected("relu", 1), 5, "ntk", 1.0, "yes"), "exact"),
        ((nk.fully_connected("exp(x)", 30), 5), "beyond"),
    ],
)
def test_bad_input_is_refused(arguments: tuple, message: str) -> None:
    network, *given = arguments
    with pytest.raises(nk.InvalidInput, match=message):
        power_series(network, **dict(zip(("degree", "get", "mean_square", "exact"), given, strict=False)))


def test_the_tangent_kernel_of_a_step_does_not_exist() -> None:
    with pytest.raises(nk.NoSuchDual, match="nngp"):
        power_series(nk.fully_connected("step", 1), degree=4)
    assert power_series(nk.fully_connected("step", 1), degree=4, get="nngp").exact[0] == sp.Rational(1, 4)


def test_correlations_beyond_one_are_refused() -> None:
    series = power_series(nk.fully_connected("relu", 1), degree=4)
    with pytest.raises(nk.InvalidInput, match="between -1 and 1"):
        series([0.0, 1.5])


def test_series_print_pickle_and_become_json() -> None:
    series = power_series(nk.fully_connected("relu", 1), degree=4)
    again = pickle.loads(pickle.dumps(series))
    assert again.exact == series.exact
    assert np.array_equal(again.coefficients, series.coefficients)
    assert "exact" in repr(series)
    assert json.loads(json.dumps(series.to_dict()))["exact"][1] == "1/2"
    assert len(series) == 5
