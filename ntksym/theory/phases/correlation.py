r"""The correlation of two inputs is followed from layer to layer, in terms of the gap g = 1 - rho.

With K and D = dK/dc at equal variances q, and q' = W^2 K(q, q, q) + b^2,

    g' = (W^2/q') (K(q, q, q) - K(q, q, q (1 - g))) = (W^2 q/q') int_0^g D(q, q, q (1 - h)) dh,

where nothing cancels. As a function of v = sqrt(h) the slope D is smooth at a kink, where D - D(h=0) ~ v, and v D is
at a jump, where D ~ 1/v. Of that function piecewise Chebyshev polynomials are made once and then integrated.

The map rho -> rho' is a power series with non-negative coefficients (Mehler), so on [0, 1] it is convex.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy
from numpy.polynomial import Chebyshev

from ntksym.dual import Dual
from ntksym.hermite.pair_values import evaluate_pairs
from ntksym.kept import kept
from ntksym.numerics import chebyshev
from ntksym.numerics.arrays import Array
from ntksym.numerics.legendre import legendre
from ntksym.numerics.limits import EPSILON

__all__ = ["CorrelationMap"]


DEGREE = 24

SETTLED = 64 * EPSILON
"""Last coefficients of a piece, relative to the largest value anywhere, at which it is kept."""

DEEPEST = 12
"""Halvings of a piece."""

CLOSEST = 1e-30
"""The smallest gap at which a second fixed point is looked for."""

REACH = 0.4

WIDE = 2.0**-8
"""The gap from which on 1 - rho' is a difference: a fixed point is then as accurate as rho' itself."""

CLOSE = 1e-10
"""The gap below which differences stand in for integrals."""


@dataclass(frozen=True)
class CorrelationMap:
    """rho -> (W^2 K(q, q, q rho) + b^2)/q', q' = W^2 K(q, q, q) + b^2.

    Attributes
    ----------
    dual : ClosedDual or SeriesDual
        K and D.
    q : float
        Variance of both inputs before the activation, positive.
    following : float
        q', the variance after the next Dense layer.
    weight, bias : float
        W^2 and b^2.
    """

    dual: Dual
    q: float
    following: float
    weight: float
    bias: float

    @kept
    def _factor(self) -> float:
        return self.weight * self.q / self.following

    def gaps(self, gap: Array) -> Array:
        """1 - rho', shape (n,), of gaps 1 - rho between 0 and 2."""
        near, far = (gap > 0) & (gap <= 1), gap > 1
        result = np.zeros(len(gap))
        result[near] = gap[near] * self.ratios(gap[near])
        result[far] = self._following(gap[far])
        return np.clip(result, 0.0, 2.0)

    def ratios(self, gap: Array) -> Array:
        """(1 - rho')/(1 - rho), shape (n,), at gaps up to one."""
        if self._differs:
            return self._differences(gap) * self.weight / (np.maximum(gap, CLOSEST) * self.following)
        return self._factor * _slope_curve(self.dual, self.q).means(gap)

    @property
    def _differs(self) -> bool:
        """Where s jumps, the slopes of a series near rho = 1 are integrals at high precision, which are slow."""
        return self.dual.kind == "series" and not self.dual.continuous

    def _differences(self, gap: Array) -> Array:
        """K at correlation one minus K: it loses digits, but a jump keeps it above the root of the gap."""
        same, zero = np.full(len(gap), self.q), np.zeros(len(gap))
        value, whole = (evaluate_pairs(self.dual.activation, same, same, g, 1 - g)[0] for g in (gap, zero))
        return np.asarray(whole - value)

    def slopes(self, gap: Array) -> Array:
        """Slopes d rho'/d rho of the map, shape (n,), at gaps between 0 and 2."""
        if self._differs and np.all((gap > CLOSE) & (gap <= 1)):
            return self.weight / self.following * np.array([self._slope_of_differences(place) for place in gap])
        below = np.where(gap > 1, 2 - gap, gap)  # the distance from the nearer end
        _, slope = self.dual.evaluate(self.q, self.q, self.q * (1 - gap), gap=below)
        return self._factor * np.asarray(slope)

    def _slope_of_differences(self, gap: float) -> float:
        """By a polynomial on an interval from which rho = 1 is 2.5 half-widths away: 4.8**-17 = 3e-12."""
        ends = (1 - REACH) * gap, (1 + REACH) * gap
        return float(Chebyshev.interpolate(self._differences, 16, domain=ends).deriv()(gap))

    def fixed_gap(self) -> float:
        """1 - rho* of the fixed point 0 <= rho* < 1 that there is where the slope at rho = 1 is above one.

        By convexity it is the only one there, and stable.
        """

        def excess(logarithm: float) -> float:
            gap = np.exp(np.array([logarithm]))
            return float((self.ratios(gap) if gap[0] < WIDE or self._differs else self._following(gap) / gap)[0]) - 1

        if excess(0.0) >= -EPSILON:  # rho = 0 stays, as E[s(U)] = 0 and there is no bias
            return 1.0
        low, high = float(np.log(CLOSE if self._differs else CLOSEST)), 0.0
        if excess(np.log(WIDE)) > 0:
            low = float(np.log(WIDE))
        elif excess(low) <= 0:
            return 0.0
        else:
            high = float(np.log(WIDE))
        return float(np.exp(scipy.optimize.brentq(excess, low, high, xtol=EPSILON, rtol=4 * EPSILON)))

    def _following(self, gap: Array) -> Array:
        """1 - rho' as a difference."""
        value, _ = self.dual.evaluate(self.q, self.q, self.q * (1 - gap), gap=np.where(gap > 1, 2 - gap, gap))
        return np.asarray(1 - (self.weight * value + self.bias) / self.following)


@dataclass(frozen=True)
class _SlopeCurve:
    """v D(q, q, q (1 - v^2)) for 0 <= v <= 1, divided by v where s does not jump."""

    pieces: tuple[Chebyshev, ...]
    jumps: bool

    @kept
    def _edges(self) -> Array:
        return np.array([0.0, *(piece.domain[1] for piece in self.pieces)])

    @kept
    def _before(self) -> Array:
        """The integral of 2 v D up to each edge."""
        whole = [self._integral(k, self._edges[k], self._edges[k + 1]) for k in range(len(self.pieces))]
        return np.concatenate([[0.0], np.cumsum(whole)])

    def _integral(self, piece: int, low: float, high: float) -> float:
        places, masses = legendre(DEGREE)
        v = low + (high - low) * (1 + places) / 2
        parts = self.pieces[piece](v) * (1.0 if self.jumps else v)
        return float((high - low) * np.sum(masses * parts))

    def means(self, gap: Array) -> Array:
        """The mean of D over the correlations from 1 - gap to 1, shape (n,)."""
        roots = np.sqrt(gap)
        means = []
        for root, width in zip(roots.tolist(), gap.tolist(), strict=True):
            piece = min(int(np.searchsorted(self._edges, root, side="right")) - 1, len(self.pieces) - 1)
            if width == 0:
                means.append(np.inf if self.jumps else float(self.pieces[0](0.0)))
                continue
            # Piece by piece from zero, so that the smallest gaps are relative to themselves.
            means.append((self._before[piece] + self._integral(piece, self._edges[piece], root)) / width)
        return np.array(means)


@lru_cache(maxsize=256)
def _slope_curve(dual: Dual, q: float) -> _SlopeCurve:
    def function(v: Array) -> Array:
        _, slope = dual.evaluate(q, q, q * (1 - v**2), gap=v**2)
        return np.asarray(slope) * (1.0 if dual.continuous else v)

    pieces = chebyshev.piecewise(function, (0.0, 1.0), DEGREE, _is_settled, DEEPEST)
    return _SlopeCurve(tuple(pieces), not dual.continuous)


def _is_settled(coefficients: Array, scale: float) -> bool:
    return bool(np.abs(coefficients[-3:]).max() <= SETTLED * scale)
