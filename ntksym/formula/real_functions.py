"""The functions of formulas on real numbers in two arithmetics: float64 arrays, and mpmath numbers at any precision.

Outside of its real domain a function is NaN; where the exponent of a result would be astronomic it is zero or infinite.
"""

from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import scipy

__all__ = [
    "bounded", "cardinal_sine", "error_function", "exponential", "extremum", "is_huge", "log_cosh", "logarithm",
    "mpmath_log_cosh", "mpmath_rise", "mpmath_softplus", "periodic", "rise", "special", "within",
]  # fmt: skip

HUGE_BITS = 2000
"""Beyond 2**2000 the exponential of a number is taken as infinite or zero; 1e308 is still below."""
HUGE_ERROR_ARGUMENT = mp.mpf(10) ** 10
"""Beyond it erfc is 0 or 2 and erfi is infinite."""
HUGE_PHASE_BITS = 20_000
"""Beyond 2**20000 the sine of a number is not computed: reducing it needs that many digits of pi."""


def special(name: str, value: Any) -> Any:
    """A function of scipy.special, which scipy loads when it is first asked for: half as long as all of sympy takes."""
    return getattr(scipy.special, name)(value)


def cardinal_sine(value: Any) -> Any:
    """``sin(u)/u``."""
    return np.sinc(value / np.pi)


def rise(first: Any, second: Any) -> Any:
    """``first + sqrt(first**2 + second**2)`` without cancellation or overflow."""
    root = np.hypot(first, second)
    return np.where(first >= 0, first + root, second * (second / (root - np.minimum(first, 0.0))))


def log_cosh(value: Any) -> Any:
    """``log(cosh(u))`` without overflow, and with relative accuracy at zero."""
    size = np.abs(value)
    near = np.minimum(size, 1.0)
    return np.where(
        size < 1.0, np.log1p(2.0 * np.sinh(near / 2.0) ** 2), size + np.log1p(np.exp(-2.0 * size)) - np.log(2.0)
    )


def within(function: Callable[[Any], Any], low: float, high: float) -> Callable[[Any], Any]:
    """The function on its real domain, NaN outside."""
    return lambda value: function(value) if low <= value <= high else mp.nan


def extremum(choose: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """``max`` or ``min``, NaN if either argument is."""
    return lambda first, second: first + second if mp.isnan(first) or mp.isnan(second) else choose(first, second)


def is_huge(value: Any) -> bool:
    """Whether the binary exponent of exp(value) would have thousands of bits."""
    return bool(value != 0 and (mp.isinf(value) or mp.mag(value) > HUGE_BITS))


def exponential(value: Any) -> Any:
    """``exp(u)``."""
    return bounded(mp.exp, mp.mpf(0), mp.inf)(value)


def bounded(function: Callable[[Any], Any], below: Any, above: Any) -> Callable[[Any], Any]:
    """An exponential function, with its limits where the binary exponent of the result would be astronomic."""

    def evaluate(value: Any) -> Any:
        if mp.isnan(value) or not is_huge(value):
            return function(value)
        return above if value > 0 else below

    return evaluate


def error_function(function: Callable[[Any], Any], below: Any, above: Any) -> Callable[[Any], Any]:
    """An error function, with its limits far out."""

    def evaluate(value: Any) -> Any:
        if mp.isnan(value) or abs(value) <= HUGE_ERROR_ARGUMENT:
            return value if mp.isnan(value) else function(value)
        return above if value > 0 else below

    return evaluate


def periodic(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function of the phase, NaN where reducing that would need too many digits of pi."""

    def evaluate(value: Any) -> Any:
        return mp.nan if not mp.isfinite(value) or mp.mag(value) > HUGE_PHASE_BITS else function(value)

    return evaluate


def logarithm(value: Any) -> Any:
    """``log(u)``."""
    return mp.nan if value < 0 else mp.log(value)


def mpmath_log_cosh(value: Any) -> Any:
    """``log(cosh(u))``."""
    return abs(value) + mp.log1p(exponential(-2 * abs(value))) - mp.log(2)


def mpmath_softplus(value: Any) -> Any:
    """``log(1 + exp(u))``."""
    return max(value, mp.mpf(0)) + mp.log1p(exponential(-abs(value)))


def mpmath_rise(first: Any, second: Any) -> Any:
    """``u + sqrt(u**2 + v**2)``."""
    root = mp.hypot(first, second)
    return first + root if first >= 0 else second**2 / (root - first)
