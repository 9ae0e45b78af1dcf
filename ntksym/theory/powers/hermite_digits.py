r"""Hermite coefficients with full relative accuracy however small they are, of functions analytic on the whole line.

    a_k(q) = E[s(sqrt(q) Z) h_k(Z)],   V = E[s(U)^2] = sum a_k^2,   D = E[s'(U)^2] = sum k a_k^2/q

By the trapezoidal rule, which converges geometrically for analytic functions on the line (Trefethen and Weideman, SIAM
Rev. 56 (2014), section 5), in as many digits as the smallest coefficient asks for. Two rules with twice the step tell
how far they are from each other; the rule of both together is far nearer to the truth.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray

from ntksym.activation import Activation
from ntksym.errors import ToleranceNotMet
from ntksym.theory.fixed_point import Integers, decode, encode
from ntksym.theory.powers.parts import parts_of

__all__ = ["HermiteSquares", "hermite_squares", "mean_squares", "present_degrees"]

Array = NDArray[np.float64]

FEWEST_DIGITS, MOST_DIGITS = 34, 175
"""Digits below the norm; the squares of coefficients that need more than the last leave float64."""

RELATIVE, RELATIVE_DIGITS = 1e-12, 16
"""Relative error of a coefficient that is aimed at, and digits to hold it."""

FIRST_STEP = 38.0
"""The frequency up to which the first rule integrates exactly is that much above that of h_k, sqrt(k)."""

PROBED = 96
"""Coefficients from which it is estimated how many digits the others ask for."""

GEOMETRIC = 1e-6
"""A difference of the two rules, relative to the norm, below which they converge geometrically: that of both together
has the square of it, with a margin."""

FINER = 1.25
"""Factor between steps that are tried."""

SMALL = 1e-3
"""Share of E[s^2] below which a coefficient belongs to the tail."""

SMALLEST = 1e-300
"""A square below this is set to zero: it is about to leave float64."""

CONVERGED = mpmath.mpf(10) ** -28
"""Relative change of a mean square with which its steps are small enough."""

MOST_NODES = 6000

BOUND_BITS = 16
"""Bits behind the digits: rounding of the recurrence."""

ROUNDING = 8 * float(np.finfo(np.float64).eps)
"""Relative error of a square that was rounded to float64, and of what is made of a few such."""


@dataclass(frozen=True)
class HermiteSquares:
    """The coefficients of one activation at one variance.

    Attributes
    ----------
    squares : float array, shape (count,)
        a_k(q)^2, or fewer of them where more are not known; exactly zero beyond the degree of an even or odd part of s
        that is a polynomial.
    bounds : float array, shape (count,)
        Errors of these, as the difference of two rules measures them.
    value, slope : mpmath numbers
        E[s(U)^2] and E[s'(U)^2].
    """

    squares: Array
    bounds: Array
    value: Any
    slope: Any


@lru_cache(maxsize=64)
def hermite_squares(activation: Activation, variance: Any, count: int) -> HermiteSquares:
    """The squares of a_k(q), k < count.

    Parameters
    ----------
    activation : Activation
        s, analytic on the whole line.
    variance : mpmath number
        q > 0.
    count : int
        How many.

    Raises
    ------
    ToleranceNotMet
        Where the rule needs too many nodes: at variances so large that s is a step, nearly.
    """
    present = present_degrees(activation, count)
    value, slope = mean_squares(activation, variance)
    squares, bounds, digits = _converged(activation, variance, min(count, PROBED), value, count)
    if count > PROBED:
        squares, bounds, _ = _converged(activation, variance, count, value, count, digits)
    kept = present & (squares > SMALLEST)
    bounds = np.where(kept, bounds, np.where(present, 2 * SMALLEST, 0.0))
    return HermiteSquares(np.where(kept, squares, 0.0), bounds, value, slope)


def _converged(
    activation: Activation, variance: Any, count: int, value: Any, wanted: int, digits: int = FEWEST_DIGITS
) -> tuple[Array, Array, int]:
    """Squares, bounds, and the digits that as many coefficients as are wanted ask for."""
    present = present_degrees(activation, count)
    step = 2 * math.pi / (math.sqrt(count) + FIRST_STEP)
    while True:
        squares, bounds = _integrate(activation, variance, present, digits, step, value)
        reliable = squares > 10.0 ** (2 * (RELATIVE_DIGITS - digits)) * float(value)
        bad = (bounds > 2 * RELATIVE * squares) & present & (squares > SMALLEST)
        if np.any(bad & reliable) and _nodes(activation, variance, digits, step) < MOST_NODES // 2:
            step /= FINER
        elif np.any(bad & ~reliable) and digits < MOST_DIGITS:
            digits = _digits_needed(squares / float(value), reliable, digits, count)
        else:
            return squares, bounds, _digits_needed(squares / float(value), reliable, FEWEST_DIGITS - 10, wanted)


def _digits_needed(shares: Array, reliable: NDArray[np.bool_], digits: int, count: int) -> int:
    """What the last coefficient asks for, if the known ones go on as they fall; more than now in any case."""
    known = np.flatnonzero(reliable & (shares < SMALL))
    if len(known) < 2:
        return min(2 * digits, MOST_DIGITS)
    middle, last = int(known[len(known) // 2]), int(known[-1])
    sizes = [-math.log10(shares[k]) / 2 for k in (middle, last)]
    power = math.log(sizes[1] / sizes[0]) / math.log(last / middle) if sizes[1] > sizes[0] else 0.5
    wanted = sizes[1] * (count / last) ** min(max(power, 0.5), 1.0) + RELATIVE_DIGITS
    return min(max(math.ceil(wanted) + 2, digits + 10), MOST_DIGITS)


def present_degrees(activation: Activation, count: int) -> NDArray[np.bool_]:
    """Which degrees the even and the odd part of s may contain."""
    parts = parts_of(activation)
    largest = [math.inf if part.degree is None else part.degree for part in (parts.even, parts.odd)]
    order = np.arange(count)
    return np.asarray(np.where(order % 2 == 0, order <= largest[0], order <= largest[1]))


@lru_cache(maxsize=64)
def _reach(activation: Activation, variance: Any, digits: int) -> float:
    """Where s(sqrt(q) z) exp(-z^2/4) falls below the digits."""
    function = activation.to_mpmath()
    with mpmath.workdps(25):
        root, reach = mpmath.sqrt(variance), 2 * mpmath.sqrt(digits * mpmath.log(10))
        for _ in range(40):
            size = max(abs(function(sign * root * reach)) for sign in (-1, 1)) + 1
            if mpmath.log(size) - reach**2 / 4 < -digits * mpmath.log(10):
                return float(reach)
            reach *= 1.15
    raise ToleranceNotMet(
        f"{activation.name} grows so fast at the variance {float(variance):.6g} that its Hermite coefficients are not "
        "computed to many digits; use smaller W_std, b_std or inputs",
        activation=activation,
    )


def _nodes(activation: Activation, variance: Any, digits: int, step: float) -> int:
    nodes = 4 * math.ceil(_reach(activation, variance, digits) / step)
    if nodes > MOST_NODES:
        raise ToleranceNotMet(
            f"the Hermite coefficients of {activation.name} at the variance {float(variance):.6g} need more than "
            f"{MOST_NODES} nodes; ask for a smaller degree or fewer terms",
            activation=activation,
        )
    return nodes


def mean_squares(activation: Activation, variance: Any) -> tuple[Any, Any]:
    """E[s(U)^2] and E[s'(U)^2] as mpmath numbers, to some 30 digits; the shifted rule leaves zero out."""
    step = 2 * math.pi / FIRST_STEP
    last = None
    while True:
        with mpmath.workdps(FEWEST_DIGITS + 10):
            half = _nodes(activation, variance, FEWEST_DIGITS, step) // 2
            places = [mpmath.mpf(step) / 2 * (2 * j + 1) for j in range(-half // 2, half // 2)]
            root, density = mpmath.sqrt(variance), mpmath.mpf(step) / mpmath.sqrt(2 * mpmath.pi)
            weights = [density * mpmath.exp(-z * z / 2) for z in places]
            functions = activation.to_mpmath(), activation.derivative_to_mpmath()
            value, slope = (
                mpmath.fsum(function(root * z) ** 2 * w for z, w in zip(places, weights, strict=True))
                for function in functions
            )
            found = value, slope
            if last is not None and all(abs(a - b) <= CONVERGED * abs(a) for a, b in zip(found, last, strict=True)):
                return found
            last, step = found, step / 1.5


def _rule(activation: Activation, variance: Any, digits: int, step: float) -> tuple[list[Any], list[Any], Any]:
    """Places z >= 0, exp(-z^2/4) there, and the factor of the trapezoidal rule."""
    half = _nodes(activation, variance, digits, step) // 2
    places = [mpmath.mpf(step) / 2 * j for j in range(half + 1)]
    return places, [mpmath.exp(-z * z / 4) for z in places], mpmath.mpf(step) / 2 / mpmath.sqrt(2 * mpmath.pi)


def _columns(function: Any, variance: Any, places: list[Any], weights: list[Any], scale: Any) -> tuple[Any, Any]:
    """The even and the odd part of s(sqrt(q) z) at places z >= 0, times the weights of the rule."""
    root = mpmath.sqrt(variance)
    right, left = ([function(sign * root * z) * w for z, w in zip(places, weights, strict=True)] for sign in (1, -1))
    left[0], right[0] = left[0] / 2, right[0] / 2
    even = [scale * (a + b) for a, b in zip(right, left, strict=True)]
    odd = [scale * (a - b) for a, b in zip(right, left, strict=True)]
    return even, odd


def _integrate(
    activation: Activation, variance: Any, present: NDArray[np.bool_], digits: int, step: float, value: Any
) -> tuple[Array, Array]:
    with mpmath.workdps(digits + 10):
        bits = mpmath.mp.prec + BOUND_BITS
        places, weights, scale = _rule(activation, variance, digits, step)
        even, odd = _columns(activation.to_mpmath(), variance, places, weights, scale)
        norm = mpmath.sqrt(value) if value else mpmath.mpf(1)
        columns = [encode([v / norm for v in column], bits) for column in (even, odd)]
        sums = _sums(encode(places, bits), encode(weights, bits), columns, present, bits)
    return _squared(*sums, float(value), 10.0**-digits)


def _sums(
    places: Integers, start: Integers, columns: list[Integers], present: NDArray[np.bool_], bits: int
) -> tuple[Array, Array]:
    """sum_j v_j h_k(z_j) w_j over z_j >= 0, and by how much the sums over even and odd j differ from each other.

    The recurrence is that of He_k = sqrt(k!) h_k, with a power of two taken out at every step.
    """
    fine, coarse = np.zeros(len(present)), np.zeros(len(present))
    before, now = np.zeros(len(places), dtype=object), start
    ratio, last = mpmath.mpf(1), 0
    for k, wanted in enumerate(present.tolist()):
        if wanted:
            column = columns[k % 2]
            parts = [int(column[first::2] @ now[first::2]) for first in (0, 1)]
            together = decode([parts[0] + parts[1], parts[0] - parts[1]], 2 * bits)
            fine[k], coarse[k] = (float(ratio * part) for part in together)
        root = mpmath.sqrt(k + 1)
        shift = max(round(-mpmath.log(ratio / root, 2)), 0)
        ratio = ratio * mpmath.ldexp(1, shift) / root
        before, now = now, (places * now >> (bits + shift)) - (k * before >> (shift + last))
        last = shift
    return fine, coarse


def _squared(fine: Array, coarse: Array, norm_square: float, smallest: float) -> tuple[Array, Array]:
    """Squares of coefficients, and their errors from what the two halves of the rule differ by."""
    gap = np.abs(coarse)
    error = np.where(gap < GEOMETRIC, np.minimum(gap, 1e3 * gap * gap), gap) + smallest
    with np.errstate(under="ignore"):
        squares = fine * fine * norm_square
        return squares, (2 * np.abs(fine) + error) * error * norm_square + ROUNDING * squares
