r"""Arrays of fixed-point numbers: Python integers that stand for integer/2**bits, as many digits as are asked for.

numpy multiplies and adds them entry by entry at some 80 ns each, a tenth of what mpmath's floating point takes.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray

__all__ = ["Integers", "decode", "decode_floats", "encode", "gauss_legendre"]

Integers = NDArray[np.object_]

FLOAT_STEPS = 4
"""Newton steps in float64 from the asymptotic place of a root: to rounding."""


def encode(numbers: Iterable[Any], bits: int) -> Integers:
    """Numbers, floats or mpmath's, as integers; exact but for what is below the last bit."""
    return np.array([int(mpmath.ldexp(mpmath.mpmathify(number), bits)) for number in numbers], dtype=object)


def decode(numbers: Iterable[int], bits: int) -> list[Any]:
    """The mpmath numbers, at mpmath's precision."""
    return [mpmath.ldexp(mpmath.mpf(number), -bits) for number in numbers]


def decode_floats(numbers: Iterable[int], bits: int) -> NDArray[np.float64]:
    """The float64 numbers, each correct to rounding."""
    return np.array([_as_float(number, bits) for number in numbers], dtype=np.float64)


def _as_float(number: int, bits: int) -> float:
    shift = max(number.bit_length() - 64, 0)
    return float(np.ldexp(float(number >> shift), shift - bits))


@lru_cache(maxsize=32)
def gauss_legendre(count: int, bits: int) -> tuple[Integers, Integers]:
    """Nodes in (-1, 1) and weights of Gauss and Legendre's rule, shapes (count,); exact for degrees below 2 count.

    Newton's method on P_count by its three-term recurrence, which is stable on the interval.
    """
    half = (count + 1) // 2
    roots = np.cos(np.pi * (np.arange(1, half + 1) - 0.25) / (count + 0.5))
    for _ in range(FLOAT_STEPS):
        value, before = _legendre(roots, count, np.ones(half), _float_quotient)
        roots = roots - value * (roots * roots - 1) / (count * (roots * value - before))
    if count % 2:
        roots[-1] = 0.0
    working = bits + 16 + 4 * count.bit_length()
    one = 1 << working
    fixed = encode(roots, working)
    correct = 45
    while True:
        value, before = _legendre_fixed(fixed, count, working)
        slope = count * ((fixed * value >> working) - before)
        if correct > working:
            break
        fixed = fixed - value * ((fixed * fixed >> working) - one) // slope
        correct *= 2
    rest = one - (fixed * fixed >> working)
    weights = (rest * (2 * one) // slope << working) // slope
    nodes, weights = fixed >> (working - bits), weights >> (working - bits)
    mirrored = slice(0, half - count % 2)
    return np.concatenate([-nodes[mirrored], nodes[::-1]]), np.concatenate([weights[mirrored], weights[::-1]])


def _float_quotient(numerator: Any, denominator: int) -> Any:
    return numerator / denominator


def _legendre(points: Any, count: int, one: Any, quotient: Any) -> tuple[Any, Any]:
    before, value = one, points
    for n in range(1, count):
        before, value = value, quotient((2 * n + 1) * (points * value) - n * before, n + 1)
    return (value, before) if count else (one, 0 * one)


def _legendre_fixed(points: Integers, count: int, bits: int) -> tuple[Integers, Integers]:
    before, value = np.full(len(points), 1 << bits, dtype=object), points
    for n in range(1, count):
        before, value = value, ((2 * n + 1) * (points * value >> bits) - n * before) // (n + 1)
    return value, before
