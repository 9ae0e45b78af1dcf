"""The closed form and the series of one activation agree, over the catalogue, within the bound of the series alone."""

import math
from typing import Any

import mpmath
import numpy as np
import pytest

import ntksym as nk

CLOSED = tuple(name for name, entry in nk.catalogue.items() if {"closed", "integral"} & entry.tags)

# (q1, q2, rho): on and off the sphere and the diagonal, and where a kinked activation is integrated, not summed.
PLACES = (
    (0.7, 2.3, 0.6),
    (1.0, 1.0, 0.3),
    (1.0, 1.0, -0.9),
    (4.0, 0.25, 0.99),
    (1.0, 1.0, 1.0),
    (2.3, 2.3, -1.0),
    (1e-3, 9.0, 0.999999),
)
MODERATE = PLACES[:4]  # a jump makes the slope infinite at rho = 1

# sin(30 x) has 900 times the variance of sin(x): the same places in its own units.
SCALES = {"siren": 900.0}

# Seconds each: many pieces, whose closed forms at 25 digits are sums of bivariate normal probabilities.
LONG = {
    *("relu6", "shifted_relu", "hardtanh", "hardsigmoid", "softshrink", "hardswish", "smelu", "elu", "selu", "celu"),
    *("sparse_sigmoid", "triangle", "sparse_plus", "sqnl", "erf_squared", "sinc", "leaky_relu", "prelu", "abrelu"),
    *("rectified_monomial", "relu3", "hardshrink", "threshold", "step", "box", "epanechnikov", "laplace"),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in LONG else ()) for name in CLOSED]
)
def test_closed_form_and_series_agree(name: str) -> None:
    closed, series = nk.derive(name, method="closed"), nk.derive(name, method="series")
    for q1, q2, rho in PLACES if closed.continuous else MODERATE:
        place = [entry / SCALES.get(name, 1.0) for entry in (q1, q2, rho * math.sqrt(q1 * q2))]
        agree(series, closed.evaluate(*place, dps=25), place)


def agree(series: Any, exact: Any, place: list[float]) -> None:
    """The closed form is taken at 25 digits: then it has no rounding of its own to allow for."""
    bounds = series.error_bound(*place[:2]), series.slope_error_bound(*place[:2])
    for number, true, bound in zip(series.evaluate(*place), exact, bounds, strict=True):
        assert abs(mpmath.mpf(float(number)) - true) <= bound, (place, number, true, bound)


@pytest.mark.parametrize("q", [0.01, 0.003, 0.0015])
def test_bounds_hold_where_an_activation_is_far_out_of_reach(q: float) -> None:
    """softshrink is zero for 5, 9 and 13 standard deviations; V is 4e-10, 5e-24 and 7e-43."""
    closed, series = nk.derive("softshrink", method="closed"), nk.derive("softshrink", method="series")
    for rho in (1.0, 0.9999, -0.99, -0.5):
        agree(series, closed.evaluate(q, q, rho * q, dps=60), [q, q, rho * q])


def test_the_method_is_as_asked() -> None:
    assert nk.derive("erf").kind == "closed"
    assert nk.derive("erf", method="series").kind == "series"
    assert nk.derive("tanh").kind == "series"
    with pytest.raises(nk.NoClosedForm):
        nk.derive("tanh", method="closed")
    with pytest.raises(nk.InvalidInput):
        nk.derive("tanh", method="quadrature")


@pytest.mark.slow
def test_every_entry_that_is_not_closed_has_a_series() -> None:
    q = np.array([0.7, 2.3])
    for name, entry in nk.catalogue.items():
        if "series" in entry.tags:
            dual: Any = nk.derive(name)
            assert dual.kind == "series"
            value, slope = dual.evaluate(q, q, q)
            bounds = dual.error_bound(q, q) / value, dual.slope_error_bound(q, q) / slope
            assert np.all(np.isfinite(value)), name
            assert np.all(np.isfinite(slope)), name
            assert max(map(np.max, bounds)) <= 1e-13, name
