"""Roots between two places: those of scipy.optimize.brentq to the last bit, and refusals."""

import math
from collections.abc import Callable

import pytest
import scipy

from ntksym.numerics.brackets import root_between

FUNCTIONS: tuple[tuple[Callable[[float], float], float, float], ...] = (
    (lambda t: t * t - 2, 0.0, 2.0),
    (lambda t: math.cos(t) - t, 0.0, 1.0),
    (lambda t: math.exp(t) - 1e-9, -40.0, 3.0),
    (lambda t: t**3 - 2 * t - 5, -1.0, 3.0),
    (lambda t: math.tanh(50 * (t - 0.7)), -3.0, 1.0),
    (lambda t: 1.0 if t > 1 / 3 else -1.0, 0.0, 1.0),
    (lambda t: 5.0 - t, 5.0, 9.0),
    (lambda t: 5.0 - t, 1.0, 5.0),
)


@pytest.mark.parametrize("absolute", [2e-12, 2.0**-52])
@pytest.mark.parametrize("case", FUNCTIONS)
def test_roots_are_those_of_scipy(case: tuple[Callable[[float], float], float, float], absolute: float) -> None:
    function, low, high = case
    assert root_between(*case, absolute) == scipy.optimize.brentq(function, low, high, xtol=absolute, rtol=2.0**-50)


def test_a_function_of_one_sign_is_refused() -> None:
    with pytest.raises(ValueError, match="one sign"):
        root_between(lambda t: t * t + 1, -1.0, 1.0)


def test_a_root_so_multiple_that_steps_creep_is_refused_as_scipy_does() -> None:
    with pytest.raises(ArithmeticError, match="100 steps"):
        root_between(lambda t: (t - 0.3) ** 9, -1.0, 2.0)
