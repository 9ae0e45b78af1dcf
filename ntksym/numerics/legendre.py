"""Gauss-Legendre rules in three arithmetics: sum_i w_i f(t_i) = int_{-1}^1 f(t) dt for polynomials f of degree < 2 n.

The nodes t_i are the zeros of the Legendre polynomial P_n and w_i = 2/((1 - t_i^2) P_n'(t_i)^2). They come from
Newton's method on P_n by its three-term recurrence, which is stable on the interval, in fixed point: numpy multiplies
such integers about ten times faster than mpmath multiplies its numbers.
"""

from functools import cache, lru_cache
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray

from ntksym.numerics.fixed_point import Integers, decode, decode_floats, encode

__all__ = ["legendre", "legendre_fixed", "legendre_multiprecision", "legendre_rows"]

FLOAT_STEPS = 4
"""Newton steps in float64 from the asymptotic place of a root, which has 1e-4 or better: two would do."""

FIRST_BITS = 45
"""Bits that are right after them, from where every step in fixed point doubles their number."""

FLOAT_RULE_BITS = 100
"""Bits in which a rule for float64 is made: its 53 bits remain of weights as small as 2**-40."""

MULTIPRECISION_GUARD = 40
"""Further bits in which a rule for mpmath is made, so that weights of size 1/count^2 keep their relative accuracy."""


@cache
def legendre(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights in float64, shapes (count,), right to rounding.

    numpy's ``leggauss`` misses the outermost weights by 1e-13 at 24 nodes and 1e-11 at 128, and is not faster.
    """
    nodes, weights = (decode_floats(part, FLOAT_RULE_BITS) for part in _rule(count, FLOAT_RULE_BITS))
    return nodes, weights


@lru_cache(maxsize=64)
def legendre_multiprecision(count: int, bits: int) -> tuple[tuple[Any, Any], ...]:
    """Pairs (t_i, w_i) of mpmath numbers with increasing t_i, right to a relative 2**-bits."""
    with mpmath.workprec(bits + MULTIPRECISION_GUARD):
        nodes, weights = (
            decode(part, bits + MULTIPRECISION_GUARD) for part in _rule(count, bits + MULTIPRECISION_GUARD)
        )
    return tuple(zip(nodes, weights, strict=True))


@lru_cache(maxsize=32)
def legendre_fixed(count: int, bits: int) -> tuple[Integers, Integers]:
    """Nodes and weights as integers in units of 2**-bits, shapes (count,), right to one unit."""
    return _rule(count, bits)


def legendre_rows(order: int, t: Any) -> list[Any]:
    """``P_0(t), ..., P_{order-1}(t)`` for an mpmath number t."""
    row = [mpmath.mpf(1), t]
    for degree in range(2, order):
        row.append(((2 * degree - 1) * t * row[-1] - (degree - 1) * row[-2]) / degree)
    return row[:order]


def _rule(count: int, bits: int) -> tuple[Integers, Integers]:
    half = (count + 1) // 2
    working = bits + 16 + 4 * count.bit_length()
    one = 1 << working
    roots = encode(_float_roots(count, half), working)
    correct = FIRST_BITS
    while True:
        value, before = _last_two(roots, count, working)
        slope = count * ((roots * value >> working) - before)  # (t^2 - 1) P_n'(t)
        if correct > working:
            break
        roots = roots - value * ((roots * roots >> working) - one) // slope
        correct *= 2
    rest = one - (roots * roots >> working)
    weights = (rest * (2 * one) // slope << working) // slope
    nodes, weights = roots >> (working - bits), weights >> (working - bits)
    mirrored = slice(0, half - count % 2)
    return np.concatenate([-nodes[mirrored], nodes[::-1]]), np.concatenate([weights[mirrored], weights[::-1]])


def _float_roots(count: int, half: int) -> NDArray[np.float64]:
    """The nonnegative zeros of P_count in decreasing order, shape (half,)."""
    roots = np.cos(np.pi * (np.arange(1, half + 1) - 0.25) / (count + 0.5))
    for _ in range(FLOAT_STEPS):
        before, value = np.ones(half), roots
        for n in range(1, count):
            before, value = value, ((2 * n + 1) * roots * value - n * before) / (n + 1)
        roots = roots - value * (roots * roots - 1) / (count * (roots * value - before))
    if count % 2:
        roots[-1] = 0.0
    return roots


def _last_two(points: Integers, count: int, bits: int) -> tuple[Integers, Integers]:
    """P_count and P_{count-1} at points in fixed point."""
    before, value = np.full(len(points), 1 << bits, dtype=object), points
    for n in range(1, count):
        before, value = value, ((2 * n + 1) * (points * value >> bits) - n * before) // (n + 1)
    return value, before
