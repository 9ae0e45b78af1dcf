"""Partial derivatives of series: against closed forms, against integrals, and within their bounds."""

import math
import pickle

import numpy as np
import pytest

from ntksym.activation.activation import Activation
from ntksym.dual.closed import ClosedDual
from ntksym.dual.derivation import derive
from ntksym.dual.series import SeriesDual, series_dual
from ntksym.errors import NoClosedForm
from ntksym.symbolic.gradient import Gradient

ROUNDING = 1e-13
"""Of the closed forms that the series are compared with, relative to their size."""


def check(found: Gradient, exact: Gradient, bound: Gradient) -> None:
    for entry, right, allowed in zip(found.entries, exact.entries, bound.entries, strict=True):
        right = np.asarray(right, dtype=np.float64)
        same = np.asarray(entry) == right  # infinite, both
        with np.errstate(invalid="ignore"):
            assert np.all(same | (np.abs(entry - right) <= allowed + ROUNDING * np.abs(right)))


@pytest.mark.parametrize("activation", ["gelu", "x*exp(-x**2/2)"])
def test_series_and_closed_forms_have_the_same_partials(activation: str) -> None:
    closed = derive(activation)
    assert isinstance(closed, ClosedDual)
    rng = np.random.default_rng(3)
    q1, q2 = rng.uniform(0.1, 2, (2, 40))
    gap = 10.0 ** rng.uniform(-8, 0, 40)
    c = rng.choice([-1, 1], 40) * (1 - gap) * np.sqrt(q1 * q2)
    partials = series_dual(Activation(activation)).partials
    found = partials.evaluate(q1, q2, c, gap=gap)
    check(found, closed.partials.evaluate(q1, q2, c, gap=gap), partials.error_bound(q1, q2))


@pytest.mark.parametrize("place", [(1.0, 2.0, 0.4), pytest.param((0.5, 0.5, 0.5), marks=pytest.mark.slow)])
def test_a_kink_makes_the_derivatives_of_the_slope_infinite_on_the_diagonal(
    place: tuple[float, float, float],
) -> None:
    activation = Activation("max(x - a, 0)", a=0.5)
    closed = derive(activation)
    assert isinstance(closed, ClosedDual)
    partials = series_dual(activation).partials
    assert partials.parameters == ("a",)
    found, exact = partials.evaluate(*place), closed.partials.evaluate(*place)
    check(found, exact, partials.error_bound(*place[:2]))
    for name in ("value_q1", "value_q2", "value_c", "slope_q1", "slope_q2", "slope_c"):  # the slope's have no bounds
        assert getattr(found, name) == pytest.approx(getattr(exact, name), rel=1e-11, abs=1e-13)
    on_the_diagonal = place[0] == place[1] == place[2]
    assert math.isinf(found.slope_c) == math.isinf(found.slope_q1) == on_the_diagonal


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tanh", "softplus", "softsign"])
@pytest.mark.parametrize("place", [(1.0, 2.0, 0.5), (0.7, 0.7, -0.69), (1.0, 1.0, 1.0)])
def test_partials_are_within_their_bounds_of_integrals(name: str, place: tuple[float, float, float]) -> None:
    dual = derive(name)
    assert isinstance(dual, SeriesDual)
    check(dual.partials.evaluate(*place), dual.partials.evaluate(*place, dps=17), dual.partials.error_bound(*place[:2]))


def test_partials_of_tanh_are_differences_of_its_dual() -> None:
    """To what central differences in float64 can tell."""
    dual = derive("tanh")
    assert isinstance(dual, SeriesDual)
    q1, q2, c, step = 0.8, 1.5, 0.6, 1e-4
    found = dual.partials.evaluate(q1, q2, c)
    for k, name in enumerate(("q1", "q2", "c")):
        shift = step * np.eye(3)[k]
        up, down = (dual.evaluate(*(np.array([q1, q2, c]) + sign * shift)) for sign in (1, -1))
        assert getattr(found, f"value_{name}") == pytest.approx((up.value - down.value) / (2 * step), rel=1e-7)
        assert getattr(found, f"slope_{name}") == pytest.approx((up.slope - down.slope) / (2 * step), rel=1e-6)


def test_a_jump_is_refused_with_the_way_out() -> None:
    with pytest.raises(NoClosedForm, match="differences"):
        derive("sign(x)*(1 + tanh(x)**2)").partials.evaluate(1.0, 1.0, 0.5)


def test_partials_of_a_series_are_values_of_any_shape() -> None:
    dual = derive("tanh")
    assert pickle.loads(pickle.dumps(dual.partials)) == dual.partials
    assert dual.partials.evaluate(np.ones((2, 1)), np.ones(3), 0.1).slope_q1.shape == (2, 3)
    assert dual.partials.evaluate([], [], []).value_c.shape == (0,)
