"""The variances at which the formulas of a dual keep their digits in floating point are found out by trying.

A formula may be a sum of parts of size 1 whose whole is as small as q, like that of ELU near zero; or of parts that
grow beyond it. Up to which variance it is accurate is nothing that its form tells, so it is tried on a ladder of
variances, until it fails. Rounding shows as noise: between neighbouring variances, sixth differences of what is
smooth
vanish. An error that is as smooth as the value, that of a quadrature, does not show; there higher precision has to
tell.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntksym.dual.covariance import ValueAndSlope
from ntksym.errors import NtkSymError
from ntksym.kept import kept
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import EPSILON

__all__ = ["EVERYWHERE", "NOWHERE", "AccurateRange", "keeps_by_noise", "keeps_by_precision"]

Formula = Callable[[Any, Any, Any], ValueAndSlope[Any]]
"""q1, q2, c -> value and slope, arrays of shape (n,) or single numbers."""

ORDINARY = 2.0**-4, 2.0**3
"""Between these every formula is taken to keep its digits."""

SMALL = [2.0**-k for k in (4, 8, 12, 16, 20, 28, 40, 100)]
LARGE = [2.0**k for k in (3, 4, 6, 8, 12, 16, 20, 28, 40)]
"""Ladders of variances; beyond their ends nothing new happens."""

PLACES = ((1.0, 1.0), (0.25, 1.0), (1.0, 0.5), (0.25, -0.3), (1.0, 1 - 1e-6))
"""q2/q and the correlation of the pairs (q, q2) that are tried; of the first two, which are alone, q2 and q2."""

ACCURACY = 5e-13
"""Error allowed, relative to the diagonals: half the tolerance that kernels have by default."""

ROUNDINGS = 8 * EPSILON
"""Error allowed besides: what a change of c or of the variances by this much would do, which no formula can help."""

NEIGHBOURS, ORDER = 24, 6
"""Variances at each of the ladder, and which differences of values there are taken."""

APART = (2.0**-44, 2.0**-48, 2.0**-8)
"""Their distance: relative at least the first; at least the second, so that terms of size 1 move; at most the third."""

RAISED = 48
"""What these differences make of noise."""

WIDE, STEEPEST = 2.0**-7, 32
"""Where values change like such a power of q they come from far out in the tails, where a series has no more digits."""

NEGLIGIBLE = 1e-290
"""Numbers that underflow are not compared, nor those that overflow."""


@dataclass(frozen=True, eq=False)
class AccurateRange:
    """The variances at which a formula keeps its digits, as far as they were asked for: from smallest to largest.

    Parameters
    ----------
    keeps : callable or bool
        Some variances -> whether it does at each; True where it does at every variance, False where it does at none.
    """

    keeps: Callable[[Sequence[float]], Iterable[bool]] | bool = field(repr=False)

    @property
    def is_limited(self) -> bool:
        """Whether there may be variances outside; answered without trying any."""
        return self.keeps is not True

    @property
    def is_empty(self) -> bool:
        """Whether all variances are outside; answered without trying any."""
        return self.keeps is False

    @kept
    def smallest(self) -> float:
        """The last of those tried, downwards, before one at which digits are lost; 0 if that is nowhere."""
        return math.inf if self.is_empty else self._last(SMALL, 0.0)

    @kept
    def largest(self) -> float:
        """The same upwards; infinity if that is nowhere."""
        return 0.0 if self.is_empty else self._last(LARGE, math.inf)

    def excludes(self, *variances: Array) -> NDArray[np.bool_]:
        """Where one of these variances, arrays of one shape, is smaller or larger.

        Variances between 1/16 and 8 are asked of no formula that has any range at all.
        """
        least, most = np.minimum.reduce(variances), np.maximum.reduce(variances)
        outside = np.full(np.shape(least), self.is_empty)
        if not self.is_limited or self.is_empty:
            return outside
        if np.any(least < ORDINARY[0]):
            outside |= least < self.smallest
        if np.any(most > ORDINARY[1]):
            outside |= most > self.largest
        return outside

    def _last(self, ladder: Sequence[float], beyond: float) -> float:
        if isinstance(self.keeps, bool):
            return beyond
        last = ladder[0]  # where what is ordinary ends: an entry must not depend on its neighbours
        for rung, accurate in zip(ladder, self.keeps(ladder), strict=False):
            if not accurate:
                return last
            last = rung
        return beyond


EVERYWHERE = AccurateRange(True)
"""That of a series, and of a formula that is the same at every variance up to a factor."""

NOWHERE = AccurateRange(False)
"""That of a formula that loses its digits near ``|rho|`` = 1 whatever the variances are, as that of sinc."""


def keeps_by_noise(formula: Formula, ladder: Sequence[float]) -> list[bool]:
    """Whether values and slopes have 12 digits of sqrt(K(q1) K(q2)), as far as their noise tells, at every variance.

    Parameters
    ----------
    formula : callable
        In float64.
    ladder : sequence of float
        The variances.
    """
    relative, absolute, most = APART
    q = np.array(ladder)[:, None]
    steps = q * (1 + np.clip(absolute / q, relative, most) * np.arange(NEIGHBOURS))
    widely = q * np.array([1.0, 1 + WIDE])
    pairs = [*(_pair(steps.ravel(), *place) for place in PLACES), (widely.ravel(),) * 3]
    found = formula(*(np.concatenate(parts) for parts in zip(*pairs, strict=True)))
    shape, count = (len(PLACES), len(ladder), NEIGHBOURS), len(PLACES) * steps.size
    parts = [np.reshape(part[:count], shape) for part in found]
    ends = np.reshape(found.value[count:], widely.shape)
    return [
        _is_steady(parts[0][:, k], parts[1][:, k], _growth(*np.abs(ends[k])), variance)
        for k, variance in enumerate(ladder)
    ]


def _is_steady(value: Array, slope: Array, growth: float, q: float) -> bool:
    """Whether neighbouring values and slopes, shape (places, n), have no noise to speak of."""
    if growth > STEEPEST:
        return True
    scales = [_scales(value[:, 0], slope[:, 0], ratio) for ratio, _ in PLACES]
    with np.errstate(invalid="ignore", over="ignore"):
        noise = [np.abs(np.diff(part, ORDER)).max(axis=1) / RAISED for part in (value, slope)]
    return all(
        _agree((noise[0][k], noise[1][k]), slope[k, 0], scales[k], math.sqrt(ratio) * q, growth)
        for k, (ratio, _) in enumerate(PLACES)
    )


def _growth(low: float, high: float) -> float:
    """The power of q like which K(q, q, q) changes, in size; 0 where it underflows or overflows."""
    inside = min(low, high) > NEGLIGIBLE and max(low, high) < 1 / NEGLIGIBLE
    return abs(math.log(high / low)) / math.log1p(WIDE) if inside else 0.0


def keeps_by_precision(formula: Formula, exactly: Formula, ladder: Sequence[float]) -> Iterator[bool]:
    """The same by comparison with numbers that are right, as far as it is asked for.

    Parameters
    ----------
    formula : callable
        In float64.
    exactly : callable
        Of single numbers, to full precision.
    ladder : sequence of float
        The variances.
    """
    return (_is_right(formula, exactly, q) for q in ladder)


def _is_right(formula: Formula, exactly: Formula, q: float) -> bool:
    pairs = [_pair(np.array([q]), *place) for place in PLACES]
    found = formula(*(np.concatenate(parts) for parts in zip(*pairs, strict=True)))
    try:
        exact = [[float(part) for part in exactly(*(float(number[0]) for number in pair))] for pair in pairs]
    except NtkSymError:  # there is no dual
        return True
    value, slope = np.array(exact).T
    errors = [[abs(float(part[k]) - exact[k][which]) for which, part in enumerate(found)] for k in range(len(PLACES))]
    return all(
        _agree(errors[k], slope[k], _scales(value, slope, ratio), math.sqrt(ratio) * q)
        for k, (ratio, _) in enumerate(PLACES)
    )


def _pair(q: Array, ratio: float, rho: float) -> tuple[Array, Array, Array]:
    if rho == 1:
        return ratio * q, ratio * q, ratio * q
    return q, ratio * q, rho * math.sqrt(ratio) * q


def _scales(value: Array, slope: Array, ratio: float) -> tuple[float, float]:
    """sqrt(K(q1) K(q2)) and the same of the slopes, from those of single variances at the first two places."""
    other = 0 if ratio == 1 else 1
    sides = [(abs(float(part[0])), abs(float(part[other]))) for part in (value, slope)]
    return math.sqrt(sides[0][0]) * math.sqrt(sides[0][1]), math.sqrt(sides[1][0]) * math.sqrt(sides[1][1])


def _agree(
    errors: Sequence[float], slope: float, scales: tuple[float, float], size: float, growth: float = 0.0
) -> bool:
    """Whether errors of value and slope are allowed, where these neither underflow nor overflow nor jump.

    ``size`` is sqrt(q1 q2), ``growth`` how fast values change with the variances, both relative.
    """
    compared = [NEGLIGIBLE < scale < 1 / NEGLIGIBLE for scale in scales]
    condition = growth + (abs(float(slope)) * size / scales[0] if all(compared) else 0.0)
    allowed = ACCURACY + ROUNDINGS * condition
    return all(
        error <= allowed * scale for error, scale, wanted in zip(errors, scales, compared, strict=True) if wanted
    )
