"""A certificate for the coefficients of a Hermite series: bounds of what they miss that are theorems."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb, ctx
from numpy.typing import NDArray

from ntksym.activation.activation import Activation
from ntksym.errors import InvalidInput, ToleranceNotMet
from ntksym.hermite.certified.balls import square
from ntksym.hermite.certified.enclosed_moments import EnclosedMoments, enclose_moments

__all__ = ["Certificate", "certify"]

Ball = Any
"""flint's ``arb``."""

PRECISION = 256
"""Bits for the sums of squares: their last digit is below what the enclosures resolve."""


@dataclass(frozen=True)
class Certificate:
    """Bounds of the errors of ``a~_k``, k < N, as coefficients of ``s(sqrt(q) z) = sum a_k h_k(z)``; rounded up.

    Attributes
    ----------
    tail : float
        At least ``sum_{k >= N} a_k**2``.
    slope_tail : float
        At least ``sum_{k >= N} k a_k**2 / q``; infinite where s jumps.
    deviation : float
        At least ``sqrt(sum_{k < N} (a_k - a~_k)**2)``.
    slope_deviation : float
        At least ``sqrt(sum_{k < N} k (a_k - a~_k)**2 / q)``.
    """

    tail: float
    slope_tail: float
    deviation: float
    slope_deviation: float


def certify(activation: Activation, q: float, coefficients: NDArray[np.float64]) -> Certificate:
    """How far computed Hermite coefficients are from the true ones, by ball arithmetic.

    Parameters
    ----------
    activation : Activation
        The function s.
    q : float
        The variance, positive; its exact binary value is meant.
    coefficients : float64 array, shape (N,)
        ``a~_k``, k = 0 ... N-1, zeros included.

    Raises
    ------
    InvalidInput
        The variance is not a positive number, or the coefficients are not a finite vector.
    ToleranceNotMet
        Something cannot be enclosed: kinks that are not known exactly, growth beyond exp(a abs(x)), a function without
        a rule in ball arithmetic.
    """
    if not (math.isfinite(q) and q > 0):
        raise InvalidInput(f"a variance is a positive finite number, not {q!r}", q=q)
    computed = np.asarray(coefficients, dtype=np.float64)
    if computed.ndim != 1 or not np.isfinite(computed).all():
        raise InvalidInput(
            f"coefficients are a vector of finite numbers, not {coefficients!r}; drop what overflowed",
            coefficients=coefficients,
        )
    moments = enclose_moments(activation, float(q), computed.size)
    jumps = not activation.is_continuous
    with ctx.workprec(PRECISION):
        return _compared(moments, arb(float(q)), computed, jumps)


def _compared(moments: EnclosedMoments, q: Ball, computed: NDArray[np.float64], jumps: bool) -> Certificate:
    tail, slope_tail = moments.value, moments.slope
    deviation = slope_deviation = arb(0)
    for k, (true, near) in enumerate(zip(moments.coefficients, computed.tolist(), strict=True)):
        part, difference = square(true), square(true - near)
        tail -= part
        slope_tail -= k * part / q
        deviation += difference
        slope_deviation += k * difference / q
    if not all(total.is_finite() for total in (tail, slope_tail, deviation, slope_deviation)):
        raise ToleranceNotMet("rounding spoils the enclosures of the coefficients; use certify=False", q=str(q))
    return Certificate(
        tail=_upper(tail),
        slope_tail=math.inf if jumps else _upper(slope_tail),
        deviation=_upper(_root(deviation)),
        slope_deviation=_upper(_root(slope_deviation)),
    )


def _root(square: Ball) -> Ball:
    return square.upper().sqrt() if square.upper() > 0 else arb(0)


def _upper(ball: Ball) -> float:
    """The least float that is certainly not below the ball."""
    bound = ball.upper()
    number = float(bound)
    return number if arb(number) >= bound else math.nextafter(number, math.inf)
