"""Truncated power series with non-negative coefficients in float64: nothing cancels, all keep their digits."""

import math
from collections.abc import Sequence

import numpy as np

from ntksym.numerics.arrays import Array

__all__ = ["compose", "compose_remainder", "multiply", "slope_terms"]


def multiply(left: Array, right: Array) -> Array:
    """The product, cut off at the length of the left factor."""
    return np.convolve(left, right)[: len(left)]


def slope_terms(squares: Array) -> Array:
    """Coefficients k a_k^2 of the derivative, from k = 1 on."""
    return np.arange(1, len(squares)) * squares[1:]


def compose(outers: Sequence[Array], inner: Array) -> list[Array]:
    """sum_j outer_j inner^j for several outer series, cut off at the length of the inner one.

    Paterson and Stockmeyer, SIAM J. Comput. 2 (1973): blocks of sqrt(n) terms share the powers of the inner series.
    """
    count = len(inner)
    if np.count_nonzero(inner) == 1 and inner[1] == 1.0:
        return [_fitted(outer, count) for outer in outers]
    if count > 1 and not np.any(inner[::2]):
        return _compose_odd(outers, inner)
    trimmed = [np.trim_zeros(outer, "b") for outer in outers]
    size = max(1, math.isqrt(max(len(outer) for outer in trimmed) or 1))
    powers = np.zeros((size + 1, count))
    powers[0, 0] = 1.0
    for j in range(1, size + 1):
        powers[j] = multiply(powers[j - 1], inner)
    found = []
    for outer in trimmed:
        blocks = np.zeros((-(-len(outer) // size), size))
        blocks.ravel()[: len(outer)] = outer
        total = np.zeros(count)
        for block in blocks[::-1] @ powers[:size]:
            total = multiply(total, powers[size]) + block
        found.append(total)
    return found


def _compose_odd(outers: Sequence[Array], inner: Array) -> list[Array]:
    """The same for an odd inner series, by f(u) = f_0(u^2) + u f_1(u^2): series of half the length."""
    square = multiply(inner, inner)[::2]
    halves = compose([outer[parity::2] for outer in outers for parity in (0, 1)], square)
    found = []
    for even, odd in zip(halves[::2], halves[1::2], strict=True):
        total = np.empty(len(inner))
        total[::2], total[1::2] = even, multiply(inner[1::2], odd)
        found.append(total)
    return found


def compose_remainder(first: int, inner: Array) -> tuple[Array, Array]:
    """sum_{j >= first} inner^j and sum_{j >= first} j inner^(j-1), cut off; zero up to rho^first if inner(0) is 0.

    As inner^n/(1 - inner) and its derivative.
    """
    count = len(inner)
    geometric = np.zeros(count)
    geometric[0] = 1 / (1 - inner[0])
    for k in range(1, count):
        geometric[k] = geometric[0] * (inner[1 : k + 1] @ geometric[k - 1 :: -1][:k])
    power = _power(inner, first - 1)
    whole = multiply(multiply(power, inner), geometric)
    return whole, first * multiply(power, geometric) + multiply(whole, geometric)


def _power(series: Array, exponent: int) -> Array:
    result = np.zeros(len(series))
    result[0] = 1.0
    square = series
    while exponent:
        if exponent & 1:
            result = multiply(result, square)
        exponent >>= 1
        square = multiply(square, square) if exponent else square
    return result


def _fitted(series: Array, count: int) -> Array:
    return np.pad(series[:count], (0, max(0, count - len(series))))
