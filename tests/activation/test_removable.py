"""A formula that says 0/0 somewhere has its limit there, and keeps its digits nearby."""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from ntksym.activation.activation import Activation

POINTS = [0.0, 1e-300, 1e-30, 1e-10, -1e-7, 1e-5, -1e-3, 0.1, 0.24, -0.26, 1.0, 1 + 1e-9, 1.01, 3.0, -40.0]

CONTINUED: dict[str, Callable[[Any], Any]] = {
    "sin(x)/x": mpmath.sinc,
    "sin(x-1)/(x-1)": lambda x: mpmath.sinc(x - 1),
    "x/tanh(x)": lambda x: x / mpmath.tanh(x) if x else mpmath.mpf(1),
    "(exp(x)-1-x)/x**2": lambda x: mpmath.hyp1f1(1, 3, x) / 2,
    "(1-cos(x))/x": lambda x: 2 * mpmath.sin(x / 2) ** 2 / x if x else x,
    "(exp(sin(x))-1)/sin(x)": lambda x: mpmath.expm1(mpmath.sin(x)) / mpmath.sin(x) if x else mpmath.mpf(1),
    "x*log(abs(x))": lambda x: x * mpmath.log(abs(x)) if x else x,
}


@pytest.mark.parametrize("formula", CONTINUED)
def test_values_are_right_at_the_place_and_near_it(formula: str) -> None:
    with mpmath.workdps(400):
        exact = np.array([float(CONTINUED[formula](mpmath.mpf(point))) for point in POINTS])
    activation = Activation(formula)
    assert np.abs(activation(POINTS) - exact).max() <= 4e-15 * np.abs(exact).max()
    function = activation.to_mpmath()
    with mpmath.workdps(30):
        found = np.array([float(function(mpmath.mpf(point))) for point in POINTS])
    assert found == pytest.approx(exact, rel=1e-15, abs=0)


def test_the_derivative_has_its_limit_too() -> None:
    slope = Activation("(exp(x)-1-x)/x**2").derivative_to_mpmath()
    tiny = mpmath.mpf("1e-20")
    with mpmath.workdps(30):
        assert abs(slope(mpmath.mpf(0)) - mpmath.mpf(1) / 6) < 1e-29
        assert abs(slope(tiny) - mpmath.mpf(1) / 6 - tiny / 12) < 1e-29


def test_what_has_no_limit_stays_as_it_is() -> None:
    assert np.isinf(Activation("log(abs(x))")([0.0])[0])
    assert not np.isfinite(Activation("abs(x)**(-1/4)")([0.0])[0])
    assert Activation("tanh")([[0.0, 1.0]]).shape == (1, 2)
