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

from ntksym.activation.activation import Activation
from ntksym.errors import OutOfReach
from ntksym.hermite.analyticity import plane_of
from ntksym.hermite.contours import far_coefficients
from ntksym.numerics.arrays import Array
from ntksym.numerics.fixed_point import Integers, decode, encode
from ntksym.numerics.limits import EPSILON

__all__ = ["HermiteSquares", "hermite_squares", "mean_squares", "present_among"]


PARITIES = ("odd", "even")

FEWEST_DIGITS, MOST_DIGITS = 34, 175
"""Digits below the norm; the squares of coefficients that need more than the last leave float64."""

RELATIVE, RELATIVE_DIGITS = 1e-12, 16
"""Relative error of a coefficient that is aimed at, and digits to hold it."""

FAR_RELATIVE = 1e-11
"""The same of a coefficient of high degree that float64 is accurate for."""

FIRST_FREQUENCY = 38.0
"""The frequency up to which the first rule integrates exactly is at most that much above that of h_k, sqrt(k)."""

MARGIN = 8.0
"""The first rule is more accurate than half of the digits by exp(-8)."""

PROBED = 96
"""Coefficients from which it is estimated how many digits the others ask for."""

GEOMETRIC = 1e-6
"""A difference of the two rules, relative to the norm, below which they converge geometrically: that of both together
has the square of it, with a margin."""

FINER = 1.25
"""Factor between steps that are tried."""

NEARLY_LINEAR = 0.65
"""Digits that grow faster with k than k^0.65 grow like k, but for a logarithm."""

SMALL = 1e-3
"""Share of E[s^2] below which a coefficient belongs to the tail."""

VANISHING = 1e-300
"""A square below this is set to zero: it is about to leave float64."""

CONVERGED = 69.0
"""The error of a mean square is brought below exp(-69), some 1e-30."""

WIDEST_STEP, FIRST_RATIO = 0.25, 2.618
"""The first two rules of a mean square: they have no frequency in common that both alias."""

MOST_NODES = 6000

BOUND_BITS = 16
"""Bits behind the digits: rounding of the recurrence."""

SHARED = 16
"""Coefficients that are computed both ways."""

ROUNDING = 8 * EPSILON
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
def hermite_squares(activation: Activation, variance: Any, count: int, degrees: tuple[float, float]) -> HermiteSquares:
    """The squares of a_k(q), k < count.

    Parameters
    ----------
    activation : Activation
        s, analytic on the whole line.
    variance : mpmath number
        q > 0.
    count : int
        How many.
    degrees : pair of floats
        The degrees of the even and the odd part of s, infinite where that is no polynomial.

    Raises
    ------
    OutOfReach
        Where the rule needs too many nodes: at variances so large that s is a step, nearly.
    """
    present = present_among(count, degrees)
    value, slope = mean_squares(activation, variance)
    squares, bounds, reliable = _converged(activation, variance, min(count, PROBED), degrees, (value, FEWEST_DIGITS))
    if count > PROBED:
        digits = _digits_needed(squares / float(value), reliable, FEWEST_DIGITS - 10, count)
        squares, bounds = _continued(activation, variance, present, squares, bounds)
        if len(squares) < count:
            squares, bounds, _ = _converged(activation, variance, count, degrees, (value, digits))
    kept = present & (squares > VANISHING)
    bounds = np.where(kept, bounds, np.where(present, 2 * VANISHING, 0.0))
    return HermiteSquares(np.where(kept, squares, 0.0), bounds, value, slope)


def _continued(
    activation: Activation, variance: Any, present: NDArray[np.bool_], squares: Array, bounds: Array
) -> tuple[Array, Array]:
    """The first squares and those that float64 has after them, if both agree where both are known."""
    count = len(squares)
    first = count - SHARED
    far, errors = far_coefficients(activation, variance, first, present, FAR_RELATIVE)
    more, more_bounds = far * far, (2 * np.abs(far) + errors) * errors + ROUNDING * far * far
    both = slice(first, first + min(SHARED, len(far)))
    gaps = np.abs(squares[both] - more[:SHARED])
    if len(far) <= SHARED or np.any((gaps > bounds[both] + more_bounds[:SHARED]) & present[both]):
        return squares, bounds
    return np.append(squares, more[SHARED:]), np.append(bounds, more_bounds[SHARED:])


@lru_cache(maxsize=64)
def _converged(
    activation: Activation, variance: Any, count: int, degrees: tuple[float, float], start: tuple[Any, int]
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Squares, bounds, and which are reliable; ``start`` is E[s(U)^2] and the number of digits to begin with."""
    present, (value, digits) = present_among(count, degrees), start
    step = 2 * math.pi / (math.sqrt(count) + _bandwidth(activation, variance, digits))
    while True:
        squares, bounds = _integrate(activation, variance, present, digits, step, value)
        reliable = squares > 10.0 ** (2 * (RELATIVE_DIGITS - digits)) * float(value)
        bad = (bounds > 2 * RELATIVE * squares) & present & (squares > VANISHING)
        if np.any(bad & reliable) and _nodes(activation, variance, digits, step) < MOST_NODES // 2:
            step /= FINER
        elif np.any(bad & ~reliable) and digits < MOST_DIGITS:
            digits = _digits_needed(squares / float(value), reliable, digits, count)
        else:
            return squares, bounds, reliable


def _bandwidth(activation: Activation, variance: Any, digits: int) -> float:
    """The frequency of s(sqrt(q) z) exp(-z^2/4) with which the first rule has half of the digits.

    exp(-F^2/(4 alpha q + 1)) falls below them, where a Gaussian exp(-alpha x^2) is all there is.
    """
    plane = plane_of(activation)
    if plane is None or plane.is_entire or math.isfinite(plane.distance):
        return FIRST_FREQUENCY
    spread = 4 * abs(plane.gaussian) * float(variance) + 1
    return min(FIRST_FREQUENCY, math.sqrt(spread * (digits * math.log(10) / 2 + MARGIN)))


def _digits_needed(shares: Array, reliable: NDArray[np.bool_], digits: int, count: int) -> int:
    """What the last coefficient asks for, if the known ones go on as they fall; more than now in any case."""
    known = np.flatnonzero(reliable & (shares < SMALL))
    if len(known) < 2:
        return min(2 * digits, MOST_DIGITS)
    middle, last = int(known[len(known) // 2]), int(known[-1])
    sizes = [-math.log10(shares[k]) / 2 for k in (middle, last)]
    power = math.log(sizes[1] / sizes[0]) / math.log(last / middle) if sizes[1] > sizes[0] else 0.5
    straight = sizes[1] + (sizes[1] - sizes[0]) / (last - middle) * (count - last)
    bent = sizes[1] * (count / last) ** min(max(power, 0.5), 1.0)
    wanted = (straight if power > NEARLY_LINEAR else bent) + RELATIVE_DIGITS
    return min(max(math.ceil(wanted) + 2, digits + 10), MOST_DIGITS)


def present_among(count: int, degrees: tuple[float, float]) -> NDArray[np.bool_]:
    """Which of the first degrees a function may contain whose even and odd part have these degrees."""
    order = np.arange(count)
    return np.asarray(np.where(order % 2 == 0, order <= degrees[0], order <= degrees[1]))


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
    raise OutOfReach(
        f"{activation.name} grows so fast at the variance {float(variance):.6g} that its Hermite coefficients are not "
        "computed to many digits; use smaller W_std, b_std or inputs",
        activation=activation,
    )


def _nodes(activation: Activation, variance: Any, digits: int, step: float) -> int:
    nodes = 4 * math.ceil(_reach(activation, variance, digits) / step)
    _check_nodes(activation, variance, nodes)
    return nodes


def _check_nodes(activation: Activation, variance: Any, nodes: int) -> None:
    if nodes > MOST_NODES:
        raise OutOfReach(
            f"the Hermite coefficients of {activation.name} at the variance {float(variance):.6g} need more than "
            f"{MOST_NODES} nodes; ask for a smaller degree or fewer terms",
            activation=activation,
        )


@lru_cache(maxsize=64)
def mean_squares(activation: Activation, variance: Any) -> tuple[Any, Any]:
    """E[s(U)^2] and E[s'(U)^2] as mpmath numbers, to some 28 digits.

    By two rules of midpoints, that leave out zero, where a formula may have no value. The error falls like exp(-c/step)
    or faster: the difference of the rules is that of the coarser one, and tells c.
    """
    functions = activation.to_mpmath(), activation.derivative_to_mpmath()
    signs = (1,) if activation.parity in PARITIES else (1, -1)
    with mpmath.workdps(FEWEST_DIGITS + 10):
        root, reach = mpmath.sqrt(variance), _reach(activation, variance, FEWEST_DIGITS // 2)
        plane = plane_of(activation)
        narrow = plane.distance / float(root) if plane is not None else math.inf  # what happens on this scale is seen
        step = min(WIDEST_STEP, narrow)
        finer = step / FIRST_RATIO
        _check_nodes(activation, variance, 2 * math.ceil(reach / finer))
        found = _midpoints(functions, root, step, reach, signs)
        while True:
            _check_nodes(activation, variance, 2 * math.ceil(reach / finer))
            last, found = found, _midpoints(functions, root, finer, reach, signs)
            gap = max(abs(a - b) / b if b else abs(a) for a, b in zip(last, found, strict=True))
            rate = -step * math.log(min(max(float(gap), 1e-40), 0.5))
            if rate >= CONVERGED * finer:
                return found[0], found[1]
            step, finer = finer, min(max(rate / (1.1 * CONVERGED), finer / 4), finer / 1.3)


def _midpoints(functions: Any, root: Any, step: float, reach: float, signs: tuple[int, ...]) -> list[Any]:
    """sum_j f(sqrt(q) z_j)^2 p(z_j) step with z_j = (j + 1/2) step, of both signs; of an even square by one."""
    places = [mpmath.mpf(step) * (2 * j + 1) / 2 for j in range(math.ceil(reach / step))]
    density = 2 * mpmath.mpf(step) / mpmath.sqrt(2 * mpmath.pi) / len(signs)
    weights = [density * mpmath.exp(-z * z / 2) for z in places]
    pairs = [(sign * root * z, w) for z, w in zip(places, weights, strict=True) for sign in signs]
    return [mpmath.fsum(function(place) ** 2 * w for place, w in pairs) for function in functions]


def _rule(activation: Activation, variance: Any, digits: int, step: float) -> tuple[list[Any], list[Any], Any]:
    """Places z >= 0, exp(-z^2/4) there, and the factor of the trapezoidal rule."""
    half = _nodes(activation, variance, digits, step) // 2
    places = [mpmath.mpf(step) / 2 * j for j in range(half + 1)]
    return places, [mpmath.exp(-z * z / 4) for z in places], mpmath.mpf(step) / 2 / mpmath.sqrt(2 * mpmath.pi)


def _columns(
    activation: Activation, variance: Any, places: list[Any], weights: list[Any], scale: Any
) -> tuple[list[Any], list[Any]]:
    """The even and the odd part of s(sqrt(q) z) at places z >= 0, times the weights of the rule."""
    function, root = activation.to_mpmath(), mpmath.sqrt(variance)
    right = [scale * function(root * z) * w for z, w in zip(places, weights, strict=True)]
    right[0] /= 2
    twice, none = [2 * a for a in right], [mpmath.mpf(0)] * len(right)
    if activation.parity in PARITIES:
        return (none, twice) if activation.parity == "odd" else (twice, none)
    left = [scale * function(-root * z) * w for z, w in zip(places, weights, strict=True)]
    left[0] /= 2
    return [a + b for a, b in zip(right, left, strict=True)], [a - b for a, b in zip(right, left, strict=True)]


def _integrate(
    activation: Activation, variance: Any, present: NDArray[np.bool_], digits: int, step: float, value: Any
) -> tuple[Array, Array]:
    with mpmath.workdps(digits + 10):
        bits = mpmath.mp.prec + BOUND_BITS
        places, weights, scale = _rule(activation, variance, digits, step)
        even, odd = _columns(activation, variance, places, weights, scale)
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
