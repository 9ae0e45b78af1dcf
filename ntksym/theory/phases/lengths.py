"""The length map q -> W^2 E[s(sqrt(q) Z)^2] + b^2 and its fixed points, among them zero and infinity."""

from dataclasses import dataclass

import numpy as np

from ntksym.dual import Dual
from ntksym.kept import kept
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import EPSILON
from ntksym.theory.phases.crossings import Survey, survey
from ntksym.theory.phases.mean_squares import PowerLaw, at_infinity, at_zero, inner_scale, mean_squares, outer_scale

__all__ = ["LARGEST", "SMALLEST", "LengthMap", "octaves", "rounded"]


MARGIN = 2.0**8
"""How far beyond the scales of a problem its fixed points are looked for."""

LARGEST = 2.0**250
SMALLEST = 2.0**-250
"""Lengths between which fixed points are looked for: whole octaves; 2^250 = 1.8e75 is about `LARGEST_VARIANCE`."""

NEAR_THE_EDGE = 40
"""Halvings of the distance to a variance where E[s(U)^2] diverges."""

ROUNDED = 64 * EPSILON
"""Within this of one a factor is one: W^2, E[s(U)^2] and their quotient each carry rounding."""


def octaves(low: float, high: float, edge: float = np.inf) -> Array:
    """Places from low to high, neighbours at most a factor of two apart, and ever closer to the edge.

    Parameters
    ----------
    low, high : float
        Ends, positive.
    edge : float
        Where the function that is looked at ends.
    """
    top = min(high, edge / 2)
    count = max(int(np.ceil(np.log2(top / low))), 1)
    places = np.geomspace(low, top, count + 1)
    if high < edge:
        return places
    return np.append(places, edge * (1 - 2.0 ** -np.arange(2, NEAR_THE_EDGE)))


@dataclass(frozen=True)
class LengthMap:
    """q -> W^2 E[s(U)^2] + b^2, U ~ N(0, q).

    Attributes
    ----------
    dual : ClosedDual or SeriesDual
        For E[s(U)^2].
    weight, bias : float
        W^2 and b^2.
    start : float
        A length that is of interest, besides those that follow from s, W and b; 0 for none.
    """

    dual: Dual
    weight: float
    bias: float
    start: float = 0.0

    def __call__(self, q: Array) -> Array:
        """The lengths after one layer, shape (n,)."""
        return self.weight * mean_squares(self.dual, q)[0] + self.bias

    def expansion(self, q: Array) -> Array:
        """(q' - q)/(q' + q), shape (n,): between -1 and 1, zero at fixed points, where its slope is (chi_q - 1)/2."""
        following = self(q)
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray((following - q) / (following + q))

    def gradient(self, q: float) -> float:
        """chi_1 = W^2 E[s'(U)^2]."""
        return float(self.weight * mean_squares(self.dual, np.array([q]))[1][0])

    @kept
    def zero(self) -> PowerLaw:
        """What s does near zero."""
        return at_zero(self.dual.activation)

    @kept
    def infinity(self) -> PowerLaw | None:
        """What s does far out, None where that is not known."""
        return at_infinity(self.dual.activation)

    @kept
    def edge(self) -> float:
        """The variance at which E[s(U)^2] begins to diverge, infinite where it exists everywhere."""
        growth = self.dual.activation.growth
        return 1 / (4 * float(growth.gaussian)) if growth is not None and growth.gaussian > 0 else np.inf

    @kept
    def survey(self) -> Survey:
        """The finite, positive fixed points: `expansion` over all lengths that matter.

        As long as lengths shrink at the upper end though they must grow farther out, it goes on: a continuous map has a
        fixed point there.
        """
        low, high = self._low, max(self._high, 2 * self._low)
        found = survey(self.expansion, octaves(low, high, self.edge))
        growth = self.growth_at_infinity
        while growth is not None and growth > 1 and found.last < 0 and found.end >= high * (1 - ROUNDED) < LARGEST:
            high = min(high * MARGIN, LARGEST)
            found = survey(self.expansion, octaves(low, high, self.edge))
        return found

    @property
    def _unit(self) -> float:
        """W^2 E[s(U)^2] at a variance where that exists."""
        place = min(1.0, self.edge / 2)
        return float(self.weight * mean_squares(self.dual, np.array([place]))[0][0]) / place or 1.0

    @property
    def _low(self) -> float:
        if self.bias > 0:
            return max(self.bias / 2, SMALLEST)
        unit, law = self._unit, self.zero
        scale = inner_scale(self.dual.activation) ** 2 / MARGIN
        if law.exponent == 1:
            distance = max(abs(self.weight * law.value - 1), EPSILON)
            return max(min(_far(1 / distance, 1, -1), scale * self._off(law) ** 2), SMALLEST)
        old = _far(max(1.0, 1 / unit if law.exponent < 1 else unit), law.exponent, -1)
        return max(min(old, scale, self._balance(law) / MARGIN), SMALLEST)

    @property
    def _high(self) -> float:
        unit, law = self._unit, self.infinity
        start = max(1.0, self.bias) * max(unit, 1 / unit)
        scale = outer_scale(self.dual.activation) ** 2 * MARGIN
        if law is None or not np.isfinite(law.exponent):
            return min(max(_far(start, 2, 1), scale, 4 * self.start), LARGEST)
        if law.exponent == 1:
            distance = max(abs(self.weight * law.value - 1), EPSILON)
            return min(max(_far(start / distance, 1, 1), scale / self._off(law) ** 2), LARGEST)
        return min(max(_far(start, law.exponent, 1), scale, self._balance(law) * MARGIN), LARGEST)

    def _off(self, law: PowerLaw) -> float:
        """|W^2 C - 1| of a law C q: a term s0 of s moves a fixed point to q near (s0/off)^2; 1 where it is zero."""
        off = abs(rounded(self.weight * law.value) - 1)
        return min(off, 1.0) if off else 1.0

    def _balance(self, law: PowerLaw) -> float:
        """The length at which W^2 C q^k = q; 1 where there is none."""
        factor = self.weight * law.value
        if not (factor > 0 and np.isfinite(law.exponent)):
            return 1.0
        return float(2.0 ** np.clip(np.log2(factor) / (1 - law.exponent), np.log2(SMALLEST), np.log2(LARGEST)))

    @kept
    def growth_at_zero(self) -> float:
        """The limit of q'/q at q = 0: infinite unless there is no bias and s(0) = 0."""
        if self.bias > 0 or self.zero.exponent < 1:
            return np.inf
        return rounded(self.weight * self.zero.value) if self.zero.exponent == 1 else 0.0

    @kept
    def growth_at_infinity(self) -> float | None:
        """The limit of q'/q at q = infinity, or None where it is not known."""
        law = self.infinity
        if law is None:
            return None
        if law.exponent == 1:
            return rounded(self.weight * law.value)
        return np.inf if law.exponent > 1 else 0.0


def rounded(number: float) -> float:
    """One, where the number is one to `ROUNDED`."""
    return 1.0 if abs(number - 1) <= ROUNDED else number


def _far(scale: float, power: float, direction: int) -> float:
    """The place scale**(1/|power - 1|), where a power law and a length balance, with a margin outwards."""
    exponent = 1.0 if power == 1 else min(1 / abs(power - 1), 8.0)
    distance = min(np.log2(MARGIN) + np.log2(max(scale, 1.0)) * exponent, np.log2(LARGEST))
    return float(2.0 ** (direction * distance))
