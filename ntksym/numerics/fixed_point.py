r"""Arrays of fixed-point numbers: Python integers that stand for integer/2**bits, as many digits as are asked for.

numpy multiplies and adds them entry by entry at some 80 ns each, a tenth of what mpmath's floating point takes.
"""

from collections.abc import Iterable
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray

__all__ = ["Integers", "decode", "decode_floats", "encode"]

Integers = NDArray[np.object_]


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
