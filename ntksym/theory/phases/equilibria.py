"""The fixed points of the length map, and at each what becomes of the correlation and of gradients."""

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf, isfinite, log
from typing import Any

import numpy as np
import scipy
import sympy as sp

from ntksym.errors import NoSuchDual, OutOfReach, ToleranceNotMet
from ntksym.numerics.limits import EPSILON
from ntksym.symbols import x
from ntksym.theory.phases.correlation import CorrelationMap
from ntksym.theory.phases.lengths import LARGEST, SMALLEST, LengthMap, rounded

__all__ = ["FixedPoint", "fixed_points", "reached"]

PROBE = 1e-3
"""Relative step with which it is found out how chi_1 follows the length."""

ROUNDINGS = 64 * EPSILON
"""Relative error of chi_1 at a given length."""

DOUBLE = 1e-7
"""A slope this near to one belongs to two fixed points that have met: the root of `EPSILON`, with a margin."""

BETWEEN = 65
"""Lengths at which the map is asked whether it increases."""

PATIENCE = 1000
"""Layers after which a length that does not change monotonically is near its fixed point."""


@dataclass(frozen=True)
class FixedPoint:
    """A length that the network keeps, or 0 or infinity as what lengths go to.

    Attributes
    ----------
    q : float
        The variance of the pre-activations; 0.0 and inf stand for collapse and explosion.
    slope : float
        chi_q = dq'/dq there; at 0 and infinity the limit of q'/q.
    stability : {"stable", "unstable", "marginal"}
        Whether lengths near it go to it. Marginal: the slope is one, and lengths may come from one side only, or stay.
    chi_1 : float
        W^2 E[s'(U)^2], U ~ N(0, q): the factor of squared gradients per layer; infinite where s jumps.
    tolerance : float
        How near, relatively, chi_1 is to its exact value for W_std and b_std as the floats that they are.
    rho : float or None
        The correlation that pairs go to; None where it depends on the pair (`keeps_pairs`), or is not known.
    chi_rho : float or None
        Slope of the correlation map there.
    keeps_pairs : bool
        Whether it is known that the limit of a correlation depends on the pair.
    """

    q: float
    slope: float
    stability: str
    chi_1: float
    tolerance: float
    rho: float | None = None
    chi_rho: float | None = None
    keeps_pairs: bool = False

    @property
    def phase(self) -> str:
        """The word "ordered" for chi_1 < 1, "chaotic" for chi_1 > 1, "critical" for chi_1 = 1 to the tolerance."""
        if abs(self.chi_1 - 1) <= self.tolerance:
            return "critical"
        return "ordered" if self.chi_1 < 1 else "chaotic"

    @property
    def xi_q(self) -> float | None:
        """Layers in which the distance of a length from q falls by e: -1/log|chi_q|; inf where it falls as a power."""
        return None if self.stability == "unstable" or self.q == inf else _scale(abs(self.slope))

    @property
    def xi_c(self) -> float | None:
        """Layers in which the distance of a correlation from rho falls by e; inf where it falls as a power."""
        return None if self.chi_rho is None else _scale(self.chi_rho)

    @property
    def xi_gradient(self) -> float | None:
        """-1/log(chi_1): squared gradients vanish like exp(-depth/xi), and explode where it is negative.

        Infinite at criticality; None where chi_1 is infinite.
        """
        return None if self.chi_1 == inf else _scale(1.0 if self.phase == "critical" else self.chi_1)

    def to_dict(self) -> dict[str, Any]:
        """Plain data; infinite numbers are the text "inf"."""
        names = ("q", "slope", "stability", "chi_1", "rho", "chi_rho", "phase", "xi_q", "xi_c", "xi_gradient")
        return {name: _plain(getattr(self, name)) for name in names}


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not isfinite(value) else value


def _scale(factor: float) -> float:
    if factor in (0.0, 1.0):
        return inf if factor else 0.0
    return -1 / log(factor)


def fixed_points(lengths: LengthMap) -> tuple[FixedPoint, ...]:
    """All of them, increasing; none finite and positive where every length stays.

    Parameters
    ----------
    lengths : LengthMap
        The length map.
    """
    found = [_at_zero(lengths), *(_between(lengths, c.place, 2 * c.slope) for c in lengths.survey.crossings)]
    points = tuple(point for point in (*found, _at_infinity(lengths)) if point is not None)
    both = [pair for pair in pairwise(points) if pair[0].stability == pair[1].stability == "stable"]
    between = [_dividing(lengths, below, above) for below, above in both]
    return tuple(sorted((*points, *between), key=lambda point: point.q))


def _dividing(lengths: LengthMap, below: FixedPoint, above: FixedPoint) -> FixedPoint:
    """The length between two that attract: the map is continuous, so that there is one that goes to neither."""
    low = max(below.q * (1 + DOUBLE), SMALLEST)
    places = np.geomspace(low, min(above.q * (1 - DOUBLE), lengths.edge, LARGEST), BETWEEN)
    growing = [place for place in places.tolist() if _grows(lengths, place) > 0]
    if not growing or growing[0] == low:
        raise OutOfReach(
            f"lengths near q = {below.q:g} and near q = {above.q:g} stay there, but the length between them that goes "
            "to neither was not found: the map changes too fast for float64; use another W_std or b_std",
            lengths=(below.q, above.q),
        )
    start = log(places[places < growing[0]][-1])
    ends = start, log(growing[0])
    q = math.exp(scipy.optimize.brentq(lambda place: _grows(lengths, math.exp(place)), *ends, rtol=4 * EPSILON))
    ratio = _grows(lengths, q * (1 + PROBE)) - _grows(lengths, q * (1 - PROBE))
    return _between(lengths, q, ratio / PROBE)


def _grows(lengths: LengthMap, q: float) -> float:
    """(q' - q)/(q' + q); 1 where q' is beyond float64."""
    try:
        drift = float(lengths.expansion(np.array([q]))[0])
    except (NoSuchDual, ToleranceNotMet):
        return 1.0
    return drift if isfinite(drift) else 1.0


def _at_zero(lengths: LengthMap) -> FixedPoint | None:
    slope = lengths.growth_at_zero
    if slope == inf:
        return None
    chi_1 = slope if lengths.dual.continuous else inf
    point = FixedPoint(0.0, slope, _stability(slope, -lengths.survey.first), chi_1, ROUNDINGS)
    return _with_homogeneous_correlation(lengths, point, lengths.zero.exponent, lengths.zero.is_linear)


def _at_infinity(lengths: LengthMap) -> FixedPoint | None:
    """Where lengths go that grow without end; None where none do."""
    slope, law = lengths.growth_at_infinity, lengths.infinity
    if (slope is not None and slope < 1) or (slope in (None, 1.0) and not lengths.survey.last > 0):
        return None
    if slope is None or law is None or not isfinite(law.exponent):
        return FixedPoint(inf, inf, "stable", inf, ROUNDINGS)
    chi_1 = rounded(lengths.weight * law.slope) if law.exponent == 1 and lengths.dual.continuous else inf
    point = FixedPoint(inf, slope, "marginal" if slope == 1 else "stable", chi_1, ROUNDINGS)
    return _with_homogeneous_correlation(lengths, point, law.exponent, law.is_linear)


def _stability(slope: float, attraction: float) -> str:
    if slope == 1:
        return "marginal" if attraction >= 0 else "unstable"
    return "stable" if slope < 1 else "unstable"


def _with_homogeneous_correlation(
    lengths: LengthMap, point: FixedPoint, exponent: float, is_linear: bool
) -> FixedPoint:
    """Near zero and far out s is a power on each side: its correlation map does not depend on the length."""
    if (
        exponent == 1 and lengths.dual.continuous
    ):  # the slope at rho = 1 is that of the lengths, one after normalisation
        return _with_linear_correlation(lengths, point) if is_linear else replace(point, rho=1.0, chi_rho=1.0)
    if lengths.dual.activation.homogeneity is None or lengths.bias > 0:
        return point
    unit = float(lengths(np.ones(1))[0])
    return _with_correlation(point, CorrelationMap(lengths.dual, 1.0, unit, lengths.weight, lengths.bias))


def _with_linear_correlation(lengths: LengthMap, point: FixedPoint) -> FixedPoint:
    """At a factor a = W^2 s'^2 of the lengths, c' = a c + r: what the sum of r/q, r small against q, decides.

    A length that grows or falls like a^n makes the sum of r/q finite, so that every pair keeps a correlation of its
    own. With a = 1 and an odd s near zero r is a(q) c + O(q^k), where q falls like the depth to the power -2/k: a
    finite sum, too. With a = 1 and a straight line c' = c + r and q' = q + r with r > 0 for all pairs: rho goes to one.
    """
    activation = lengths.dual.activation
    straight = activation.is_polynomial and sp.degree(activation.expression, x) <= 1
    if point.slope != 1 or lengths.survey.vanishes or (point.q == 0 and activation.parity == "odd"):
        return replace(point, keeps_pairs=True)
    return replace(point, rho=1.0, chi_rho=1.0) if straight and point.q == inf else point


def _between(lengths: LengthMap, q: float, excess: float) -> FixedPoint:
    slope = 1 + excess if abs(1 + excess) > ROUNDINGS else 0.0
    stability = "marginal" if abs(excess) < DOUBLE else "stable" if abs(slope) < 1 else "unstable"
    point = FixedPoint(q, slope, stability, lengths.gradient(q), _tolerance(lengths, q, excess))
    if stability == "unstable":
        return point
    return _with_correlation(point, CorrelationMap(lengths.dual, q, q, lengths.weight, lengths.bias))


def _with_correlation(point: FixedPoint, correlation: CorrelationMap) -> FixedPoint:
    steepness = float(correlation.slopes(np.zeros(1))[0])
    if abs(steepness - 1) <= point.tolerance:
        return replace(point, rho=1.0, chi_rho=1.0)
    odd = correlation.bias == 0 and correlation.dual.activation.parity == "odd"  # then rho = 0 stays
    gap = 0.0 if steepness <= 1 else 1.0 if odd else correlation.fixed_gap()
    return replace(point, rho=1 - gap, chi_rho=float(correlation.slopes(np.array([gap]))[0]) if gap else steepness)


def _tolerance(lengths: LengthMap, q: float, excess: float) -> float:
    """An error of the length, which a slope near one enlarges, moves chi_1."""
    low, high = lengths.gradient(q * (1 - PROBE)), lengths.gradient(q * (1 + PROBE))
    if not isfinite(high) or not low or not high:
        return ROUNDINGS
    return ROUNDINGS * (1 + abs(log(high / low)) / (2 * PROBE) / max(abs(excess), DOUBLE))


def reached(lengths: LengthMap, points: tuple[FixedPoint, ...], start: float) -> FixedPoint:
    """Which fixed point the length goes to from ``start``.

    It goes to one. E[s(U)^2] sqrt(q) is a multiple of the integral of s(x)^2 exp(-x^2/(2 q)), which increases with q.
    So in log(q) the slope of the map is at least -1/2, and a length that oversteps a fixed point has halved its
    distance.
    """
    if start == 0 and lengths.dual.activation(0.0) == 0:
        kept = [point for point in points if point.q == 0] or [FixedPoint(0.0, inf, "unstable", inf, ROUNDINGS)]
        return replace(kept[0], rho=None, chi_rho=None)  # of points at the origin
    if lengths.survey.vanishes:
        point = FixedPoint(start, 1.0, "marginal", rounded(lengths.gradient(start)), ROUNDINGS)
        return _with_homogeneous_correlation(lengths, point, lengths.zero.exponent, lengths.zero.is_linear)
    drift = _drift(lengths, start)
    direction = 0.0 if abs(drift) <= ROUNDINGS else float(np.sign(drift))
    ahead = [point for point in points if (point.q - start) * direction > 0]
    if direction == 0:
        return min(points, key=lambda point: abs(point.q - start))
    if not ahead:
        raise OutOfReach(
            f"lengths grow up to q = {lengths.survey.end:g}, and farther out {lengths.dual.activation.name} cannot be "
            "followed in float64; use a smaller W_std or b_std",
            end=lengths.survey.end,
            name=lengths.dual.activation.name,
        )
    goal = ahead[0] if direction > 0 else ahead[-1]
    if not isfinite(goal.q) or _increases(lengths, start, goal.q):
        return goal
    return _settled(lengths, points, start)


def _drift(lengths: LengthMap, start: float) -> float:
    """(q' - q)/(q' + q) of a given length, 1 where q' is beyond float64; of the last one where it is computed else."""
    if start >= lengths.edge:
        return lengths.survey.last
    try:
        drift = float(lengths.expansion(np.array([start]))[0])
    except (NoSuchDual, ToleranceNotMet):
        return lengths.survey.last
    return drift if isfinite(drift) else 1.0


def _increases(lengths: LengthMap, start: float, goal: float) -> bool:
    low = max(min(start, goal), min(lengths.survey.end, start) * EPSILON, SMALLEST)
    values = lengths(np.geomspace(low, max(start, goal), BETWEEN))
    return bool(np.all(np.diff(values) >= -ROUNDINGS * values[1:]))


def _settled(lengths: LengthMap, points: tuple[FixedPoint, ...], start: float) -> FixedPoint:
    length = np.array([start])
    for _ in range(PATIENCE):
        length = np.minimum(lengths(length), lengths.survey.end)
    attracting = [point for point in points if point.stability != "unstable"]
    return min(attracting, key=lambda point: abs(point.q - length[0]))
