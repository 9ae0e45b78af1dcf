"""An activation as piecewise polynomials: right to rounding at every scale, split at kinks, honest refusals."""

import mpmath
import numpy as np
import pytest

from ntksym.activation.activation import Activation
from ntksym.errors import ToleranceNotMet
from ntksym.hermite.piecewise_table import NODES
from ntksym.hermite.tabulated_activation import TabulatedActivation

EPS = float(np.finfo(np.float64).eps)

ROUNDING = 16 * EPS
"""Horner's rule at degree 19 with coefficients that fall like 6**-k, and the place on the piece."""

SMOOTH = ["tanh", "softplus", "silu", "mish", "atan(x)", "asinh(x)", "sqrt(1+x**2)", "sin(x)*tanh(x)", "x*tanh(x)"]
KINKED = ["softsign", "tanh(max(x - 1/2, 0))", "relu", "log(1+abs(x))"]


@pytest.mark.parametrize("formula", SMOOTH + KINKED)
def test_value_and_slope_agree_with_mpmath(formula: str) -> None:
    activation = Activation(formula)
    table = TabulatedActivation(activation).table(-3, 5)
    points = np.concatenate([np.linspace(-31, 31, 41) + 0.01, np.geomspace(1e-3, 1, 7)])
    value, slope = activation.to_mpmath(), activation.derivative_to_mpmath()
    with mpmath.workdps(30):
        values = np.array([float(value(mpmath.mpf(point))) for point in points])
        slopes = np.array([float(slope(mpmath.mpf(point))) for point in points])
    steepness = np.maximum(1, np.abs(points)) * EPS * np.maximum(1, np.abs(slopes).max())
    assert np.all(np.abs(table.value(points) - values) <= ROUNDING * np.abs(values).max() + steepness)
    assert np.all(np.abs(table.slope(points) - slopes) <= ROUNDING * max(1, np.abs(slopes).max()) + 4 * steepness)


@pytest.mark.parametrize("formula", ["tanh", "x*tanh(x)", "log(cosh(x))", "silu"])
def test_tiny_arguments_keep_relative_accuracy(formula: str) -> None:
    activation = Activation(formula)
    points = np.geomspace(1e-9, 1e-7, 9)
    function = activation.to_mpmath()
    with mpmath.workdps(50):
        exact = np.array([float(function(mpmath.mpf(point))) for point in points])
    found = TabulatedActivation(activation).table(-32, -22).value(points)
    assert np.all(np.abs(found / exact - 1) <= ROUNDING)


def test_pieces_end_at_known_kinks() -> None:
    profile = TabulatedActivation(Activation("tanh(max(x - 1/2, 0))"))
    assert profile.breaks.tolist() == [0.5]
    table = profile.table(-2, 4)
    assert 0.5 in table.edges
    below = table.slopes[np.searchsorted(table.edges, 0.5) - 1]
    assert np.all(below == 0)


def test_even_and_odd_functions_are_mirrored() -> None:
    points = np.linspace(0.01, 15, 200)
    odd, even = (
        TabulatedActivation(Activation("tanh")).table(-2, 4),
        TabulatedActivation(Activation("x*tanh(x)")).table(-2, 4),
    )
    assert np.abs(odd.value(-points) + odd.value(points)).max() <= 2 * EPS
    assert np.abs(even.slope(-points) + even.slope(points)).max() <= 4 * EPS


def test_an_unknown_kink_is_enclosed_by_halving() -> None:
    activation = Activation("abs(sin(x))*exp(-x**2/50)")
    profile = TabulatedActivation(activation)
    assert profile.continuous
    points = np.linspace(-7.9, 7.9, 400)
    assert np.abs(profile.table(-2, 3).value(points) - activation(points)).max() <= ROUNDING


@pytest.mark.parametrize(
    ("formula", "continuous"), [("sign(x)*tanh(x)", True), ("sign(x)", False), ("floor(x)", False)]
)
def test_jumps_are_seen(formula: str, continuous: bool) -> None:
    assert TabulatedActivation(Activation(formula)).continuous is continuous


def test_fast_oscillations_are_refused_with_the_way_out() -> None:
    with pytest.raises(ToleranceNotMet, match=r"oscillates too fast.*smaller W_std"):
        TabulatedActivation(Activation("sin(x**8)")).table(-2, 4)


def test_tables_share_octaves() -> None:
    profile = TabulatedActivation(Activation("tanh"))
    small, large = profile.table(-3, 3), profile.table(-3, 5)
    inside = np.isin(large.edges, small.edges)
    assert inside.sum() == len(small.edges)
    assert small.values.shape[1] == NODES


@pytest.mark.parametrize("formula", ["sin(7*x)/(1 + x**2)", "tanh(x)", "x*exp(-abs(x))", "cos(exp(x/4))", "atan(x**3)"])
def test_values_in_float64_save_work_and_change_nothing(formula: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = TabulatedActivation(Activation(formula)).table(-2, 3)
    monkeypatch.setattr(TabulatedActivation, "_are_rough", lambda self, parts, scale: [False] * len(parts))
    careful = TabulatedActivation(Activation(formula)).table(-2, 3)
    for name in ("edges", "values", "slopes"):
        assert np.array_equal(getattr(found, name), getattr(careful, name))


def test_values_that_lost_their_digits_decide_nothing() -> None:
    """In float64 the last coefficients are noise, which would be halved as often as can be."""
    noisy = Activation("10**5*(sqrt(1 + x**2/10**10) - 1)")
    table = TabulatedActivation(noisy).table(0, 2)
    points = np.array([0.3, 1.1, 3.9])
    np.testing.assert_allclose(table.value(points), points**2 / 2e5, rtol=1e-9)
    assert len(table.edges) < 20
