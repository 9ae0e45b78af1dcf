"""E[s(U)^2] and E[s'(U)^2] over all scales of the variance: by quadrature between, by power laws at both ends."""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, log10

import mpmath
import numpy as np
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.dual import Dual
from ntksym.errors import NoClosedForm, OutOfReach, ToleranceNotMet
from ntksym.hermite.moments import moments, rule
from ntksym.hermite.pair_values import table_of
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import SQUARABLE
from ntksym.theory.angles import diagonal_formula, has_digits

__all__ = ["PowerLaw", "at_infinity", "at_zero", "curvature", "inner_scale", "mean_squares", "outer_scale"]


FEW = 2
"""Hermite coefficients that come with the mean squares, which need none."""

TINY = 2.0**-90
"""Variances below which the power law at zero takes over."""

FAR = 30
"""Decimal orders of magnitude from one at which the function is taken for its leading power."""

EARLY = 1 / 8
"""Of the variance at which E[s(U)^2] diverges: up to this much of it the Gaussian hides s within a few deviations."""

SCALES = 128
"""Orders of two at which a function is compared with its powers: lengths between 2^-250 and 2^250 are looked at."""

SAME = 1e-6
"""Exponents nearer to a whole number than this are that number: the next power is that much smaller at `FAR`."""


@dataclass(frozen=True)
class PowerLaw:
    """s(x) ~ right * x**exponent for x > 0 and left * |x|**exponent for x < 0, near zero or far out.

    Attributes
    ----------
    exponent : float
        The power k; infinite where s vanishes or grows faster than every power.
    right, left : float
        The coefficients; zero on the side with the smaller function.
    """

    exponent: float
    right: float
    left: float

    @property
    def value(self) -> float:
        """C in E[s(U)^2] ~ C q**k: (right^2 + left^2)/2 E|Z|^(2k)."""
        return self._square * _absolute_moment(2 * self.exponent)

    @property
    def slope(self) -> float:
        """D in E[s'(U)^2] ~ D q**(k - 1); infinite for 0 < k <= 1/2, zero for a constant."""
        if self.exponent in (0.0, np.inf):
            return 0.0
        if self.exponent <= 0.5:
            return np.inf
        return self.exponent**2 * self._square * _absolute_moment(2 * self.exponent - 2)

    @property
    def is_linear(self) -> bool:
        """Whether the law is a straight line through zero."""
        return self.exponent == 1 and self.right == -self.left

    @property
    def sides(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Sign of x and coefficient."""
        return (1.0, self.right), (-1.0, self.left)

    @property
    def _square(self) -> float:
        return (self.right**2 + self.left**2) / 2


def _absolute_moment(power: float) -> float:
    """E|Z|^p = 2^(p/2) Gamma((p + 1)/2)/sqrt(pi)."""
    if not np.isfinite(power):
        return 0.0
    with mpmath.workdps(2 * FAR):
        return float(mpmath.mpf(2) ** (power / 2) * mpmath.gammaprod([(mpmath.mpf(power) + 1) / 2], [0.5]))


@lru_cache(maxsize=256)
def at_zero(activation: Activation) -> PowerLaw:
    """The leading power at zero, read off at 1e-30 and 1e-60 on both sides."""
    return _law(activation, -FAR, smaller=True)


@lru_cache(maxsize=256)
def at_infinity(activation: Activation) -> PowerLaw | None:
    """The leading power far out; None where there is none, as for x*cos(x), or it is not known."""
    growth = activation.growth
    if growth is None:
        return None
    if growth.exponential > 0 or growth.gaussian > 0:
        return PowerLaw(np.inf, 1.0, 1.0) if growth.attained else None
    if growth.exponential < 0 or growth.gaussian < 0:
        return PowerLaw(0.0, 0.0, 0.0)
    if growth.degree == 0:
        return PowerLaw(0.0, 0.0, 0.0)
    try:
        law = _law(activation, FAR, smaller=False)
    except OverflowError:  # an exponential of an exponential
        return None
    return law if _is_followed(activation, law) else None


@lru_cache(maxsize=256)
def inner_scale(activation: Activation) -> float:
    """The largest power of two up to which s is its power law at zero, to one part in eight."""
    return _scale_of(activation, at_zero(activation), -1)


@lru_cache(maxsize=256)
def outer_scale(activation: Activation) -> float:
    """The smallest power of two from which on s is its power law far out, to one part in eight; 1 without a law.

    Where there is none, the farthest of its kinks and jumps, if they are known.
    """
    law = at_infinity(activation)
    if law is not None and np.isfinite(law.exponent):
        return _scale_of(activation, law, 1)
    try:
        places = [abs(float(place.xreplace(activation.values))) for place in (*activation.kinks, *activation.jumps)]
    except NoClosedForm:
        return 1.0
    return max([1.0, *places])


def _scale_of(activation: Activation, law: PowerLaw, direction: int) -> float:
    """Seen at powers of two, from 2^-128 upwards or from 2^128 downwards, until the law is first missed.

    No farther: an exponential of an exponential is not evaluated far out.
    """
    size = max(abs(law.right), abs(law.left))
    if not np.isfinite(law.exponent) or not size:
        return 1.0
    kept = 1.0
    for order in range(direction * SCALES, -direction * SCALES, -direction):
        place = 2.0**order
        with np.errstate(all="ignore"):
            power = place**law.exponent
            errors = [float(activation(sign * place)) - factor * power for sign, factor in law.sides]
        if any(np.isfinite(error) and abs(error) > size * power / 8 for error in errors):
            return kept
        kept = place
    return 1.0


def _is_followed(activation: Activation, law: PowerLaw) -> bool:
    """Whether the function is its leading power at a third place, too."""
    function = activation.to_mpmath()
    with mpmath.workdps(4 * FAR + 20):
        place = mpmath.mpf(10) ** (2 * FAR) * mpmath.sqrt(2)
        size = place**law.exponent
        rests = (function(place) - law.right * size, function(-place) - law.left * size)
    return all(abs(rest) <= SAME * size for rest in rests)


def _law(activation: Activation, order: int, *, smaller: bool) -> PowerLaw:
    function = activation.to_mpmath()
    sides = []
    with mpmath.workdps(4 * FAR + 20):
        near, far = mpmath.mpf(10) ** order, mpmath.mpf(10) ** (2 * order)
        for sign in (1, -1):
            first, second = function(sign * near), function(sign * far)
            if first == 0 or second == 0:
                continue
            exponent = float(mpmath.log(abs(first / second)) / mpmath.log(near / far))
            exponent = float(round(exponent)) if abs(exponent - round(exponent)) < SAME else exponent
            sides.append((exponent, sign, float(second / far**exponent)))
    if not sides:
        return PowerLaw(np.inf, 0.0, 0.0) if smaller else PowerLaw(0.0, 0.0, 0.0)
    leading = (min if smaller else max)(exponent for exponent, _, _ in sides)
    found = {sign: factor for exponent, sign, factor in sides if exponent == leading}
    if leading != np.inf and any(not 1 / SQUARABLE <= abs(factor) <= SQUARABLE for factor in found.values()):
        raise OutOfReach(
            f"{activation.name} is like {max(found.values(), key=abs):.3g} |x|^{leading:g} "
            f"{'near zero' if smaller else 'far out'}, and the square of that factor is beyond float64; "
            "divide the activation by a number, or multiply it by one",
            activation=activation,
        )
    return PowerLaw(leading, found.get(1, 0.0), found.get(-1, 0.0))


def mean_squares(dual: Dual, variances: Array) -> tuple[Array, Array]:
    """E[s(U)^2] and E[s'(U)^2], U ~ N(0, q), the second infinite where s jumps.

    Parameters
    ----------
    dual : ClosedDual or SeriesDual
        The dual of s. Its formula is used if E[s(U)^2] exists for small q only, for q >= 1 if s is smooth and no
        polynomial, and where s oscillates or grows too fast for quadrature, which everywhere else does not cancel.
    variances : float array, shape (n,)
        q, not negative.

    Raises
    ------
    NoSuchDual
        Where E[s(U)^2] diverges.
    OutOfReach
        Where s oscillates or grows too fast for float64.
    """
    value, slope = np.empty(len(variances)), np.empty(len(variances))
    if _oscillates(dual):
        return _in_digits(dual, variances)
    formula = variances >= _formula_from(dual)
    if formula.any():
        value[formula], slope[formula] = dual.evaluate(*[variances[formula]] * 3)
    tiny = (variances < TINY) & ~formula
    if tiny.any():
        value[tiny], slope[tiny] = _near_zero(dual, variances[tiny])
    between = ~formula & ~tiny
    octaves = np.floor(np.log2(np.where(between, variances, 1.0)))
    for octave in np.unique(octaves[between]).tolist():
        mine = (octaves == octave) & between
        try:
            value[mine], slope[mine] = _integrated(dual.activation, octave, variances[mine])
        except ToleranceNotMet:
            if not _has_formula(dual):
                raise
            value[mine], slope[mine] = dual.evaluate(*[variances[mine]] * 3)
    return value, slope


@lru_cache(maxsize=256)
def _oscillates(dual: Dual) -> bool:
    """Whether s has sines and cosines and no pieces, and its dual a formula: quadrature would count their waves."""
    activation = dual.activation
    if not has_digits(activation) or not activation.expression.has(sp.sin, sp.cos):
        return False
    return not dual.domain and len(activation.pieces.expressions) == 1


def _in_digits(dual: Dual, variances: Array) -> tuple[Array, Array]:
    """By the formula, with as many digits as terms of the orders up to q^4 cancel at small variances."""
    formula = diagonal_formula(dual.activation)
    found = []
    for q in np.maximum(variances, TINY).tolist():
        with mpmath.workdps(FAR + 4 * max(0, ceil(-log10(q)))):
            found.append([float(mpmath.re(part)) for part in formula(mpmath.mpf(q))])
    value, slope = np.array(found).reshape(-1, 2).T
    tiny = variances < TINY
    if tiny.any():
        value[tiny], slope[tiny] = _near_zero(dual, variances[tiny])
    return value, slope


def _has_formula(dual: Dual) -> bool:
    """Whether its diagonal is a formula that has digits in floating point."""
    return dual.numeric is not None and not dual.accurate_range.is_empty


@lru_cache(maxsize=256)
def _formula_from(dual: Dual) -> float:
    """The variance from which on the formula is used; infinite where it may cancel, or there is none."""
    if not _has_formula(dual):
        return np.inf
    activation = dual.activation
    if dual.domain:  # near zero the formula cancels, near its end there is nothing else
        growth = activation.growth
        return EARLY / (4 * float(growth.gaussian)) if growth is not None and growth.gaussian > 0 else 0.0
    return np.inf if activation.is_polynomial or len(activation.pieces.expressions) > 1 else 1.0


def _integrated(activation: Activation, octave: float, variances: Array) -> tuple[Array, Array]:
    nodes = rule(table_of(activation).profile, 2.0**octave, 2.0 ** (octave + 1), FEW)
    with np.errstate(over="ignore", invalid="ignore"):  # a length that explodes: infinite
        found = moments(nodes, variances, FEW)
    return found.value, found.slope


def _near_zero(dual: Dual, variances: Array) -> tuple[Array, Array]:
    law = at_zero(dual.activation)
    if law.exponent == np.inf:
        return np.zeros(len(variances)), np.zeros(len(variances))
    if law.exponent == 0:  # the slope is that of what s adds to its value at zero; it is continuous, or infinite
        slope = mean_squares(dual, np.array([TINY]))[1][0] if law.right == law.left else np.inf
        return np.full(len(variances), law.value), np.full(len(variances), slope)
    with np.errstate(divide="ignore"):
        return law.value * variances**law.exponent, law.slope * np.maximum(variances, TINY**8) ** (law.exponent - 1)


def curvature(activation: Activation, variance: float) -> tuple[float, float]:
    """E[s''(U)^2] between the corners of s, and sum_i J_i^2 p(x_i) over its corners x_i, U ~ N(0, q) with density p.

    J_i is the jump of s' at x_i.

    Raises
    ------
    NoClosedForm
        If the corners are not known, or s' is infinite at one.
    """
    octave = np.floor(np.log2(variance))
    nodes = rule(table_of(activation).profile, 2.0**octave, 2.0 ** (octave + 1), FEW)
    total = 0.0
    for corner in activation.breaks:
        jump, place = corner.jump(1), float(corner.position.evalf(25))
        if jump is None:
            raise NoClosedForm(
                f"the slope of {activation.name} is infinite at x = {corner.place}", subexpression=corner.place
            )
        density = float(np.exp(-(place**2) / (2 * variance)) / np.sqrt(2 * np.pi * variance))
        total += float(jump.evalf(25)) ** 2 * density
    return float(moments(nodes, np.array([variance]), FEW).bend[0]), total
