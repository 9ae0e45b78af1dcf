"""Distances from exact values in units in the last place, and grids over whole domains of floating-point numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import mpmath
import numba
import numpy as np
from mpmath import mp
from numpy.typing import NDArray

Array = NDArray[np.float64]
Function = Callable[..., float]
Exact = Callable[..., mpmath.mpf]

EPS = float(np.finfo(np.float64).eps)
LARGEST = float(np.finfo(np.float64).max)
DIGITS = 40

ROUNDED_ONCE = 0.5 + 2**-27
"""Ulp of float32: half of one, and 4 ulp of float64."""


@dataclass(frozen=True)
class Case:
    """A function, its exact value, the bound in ulp that its docstring states, and where it is compared."""

    function: Function
    exact: Exact
    bound: float
    columns: tuple[Array, ...]

    def errors(self) -> Array:
        """In ulp of float64, at every point."""
        return ulps(evaluated(self.function, *self.columns), self.truth(self.columns))

    def single_errors(self, columns: tuple[Array, ...]) -> Array:
        """In ulp of float32, of the value rounded to float32, at points that are float32 numbers."""
        with np.errstate(over="ignore", under="ignore"):
            values = evaluated(self.function, *columns).astype(np.float32)
        return ulps(values, self.truth(columns))

    def truth(self, columns: tuple[Array, ...]) -> list[mpmath.mpf]:
        """The exact values."""
        with mp.workdps(DIGITS):
            return [self.exact(*map(mp.mpf, point)) for point in zip(*(c.tolist() for c in columns), strict=True)]


@cache
def looped(function: Function) -> Callable[..., None]:
    """function over arrays, as a kernel would call it: without fast-math flags of its own."""
    arity = function.py_func.__code__.co_argcount  # type: ignore[attr-defined]
    names = ", ".join(f"x{i}" for i in range(arity))
    items = ", ".join(f"x{i}[j]" for i in range(arity))
    text = f"def loop({names}, out):\n    for j in range(out.size):\n        out[j] = function({items})\n"
    space: dict[str, Callable[..., None]] = {"function": function}
    exec(text, space)
    compiled: Callable[..., None] = numba.njit(error_model="numpy")(space["loop"])
    return compiled


def evaluated(function: Function, *columns: Array) -> Array:
    """The function at every row of the columns."""
    out = np.empty(columns[0].size)
    looped(function)(*columns, out)
    return out


def ulps(values: NDArray[np.floating], exact: list[mpmath.mpf]) -> Array:
    """Distance in units of the spacing, at the exact value, of the floating-point numbers that the values are."""
    spacing = np.spacing(np.abs(np.array([float(value) for value in exact])).astype(values.dtype))
    with mp.workdps(DIGITS):
        return np.array(
            [
                float(abs(mp.mpf(v) - e) / mp.mpf(s))
                for v, e, s in zip(values.tolist(), exact, spacing.tolist(), strict=True)
            ]
        )


def octaves(low: int, high: int, each: int = 4) -> Array:
    """Random mantissas, `each` of them in every octave from 2^low to 2^(high + 1); subnormal numbers from -1074."""
    mantissas = 1 + np.random.default_rng(high - low).random((each, high - low + 1))
    with np.errstate(under="ignore"):
        return np.ldexp(mantissas, np.arange(low, high + 1)).ravel()


def neighbours(places: object, steps: int = 2) -> Array:
    """The places and, on either side, the floating-point numbers next to them."""
    lower = upper = np.atleast_1d(np.asarray(places, dtype=np.float64))
    found = [lower]
    for _ in range(steps):
        lower, upper = np.nextafter(lower, -np.inf), np.nextafter(upper, np.inf)
        found += [lower, upper]
    return np.concatenate(found)


def both_signs(numbers: Array) -> Array:
    """The numbers and their negatives."""
    return np.r_[numbers, -numbers]


def singles(each: int = 6, low: int = -149, high: int = 127) -> Array:
    """float32 numbers of either sign in every octave, their neighbours 1, and 0."""
    return both_signs(np.r_[octaves(low, high, each), 0.0, 1.0]).astype(np.float32).astype(np.float64)
