r"""The distance of pairs of rows from |rho| = 1, which covariances in floating point forget, from layer to layer.

With r = sqrt(q), p = r1 r2 and E = p - |c|, the state of a pair is q1, q2, r1 - r2, E and the sign of c. K is the dual,
D its slope, V1 = E[s(U)^2]. Behind a nonlinearity and the Dense layer behind it, for c > 0,

    E' = w^2 b^2 (sqrt V1 - sqrt V2)^2 / (p' + w^2 sqrt(V1 V2) + b^2)
         + w^2 { [sqrt(V1 V2) - K(p)] + int_0^E D(p - e) de },
    r1' - r2' = w^2 (V1 - V2) / (r1' + r2').

All terms of E' are positive, so it keeps its digits. The second is zero for equal norms and where s is positively
homogeneous. An odd or even s takes a pair near -1 to one near 1; any other takes it away from there.

Behind a residual branch, from the states of its two independent parts, P = sqrt((q1 + q1')(q2 + q2')),

    P - (p + p') = (r1 r2' - r1' r2)^2 / (P + p + p'),       r1 r2' - r1' r2 = r1' (r1 - r2) - r1 (r1' - r2'),

since P^2 - (p + p')^2 = (r1 r2' - r1' r2)^2. For c and c' of one sign, P - |c + c'| is this and E + E'; for opposite
signs, |c| >= |c'|, it is this and E + p' + |c'|. Again nothing cancels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ntksym.kept import kept
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import DIVISOR_FLOOR

__all__ = ["Passed", "Separation"]


@dataclass(frozen=True)
class Passed:
    """What a nonlinearity makes of some pairs, at c > 0 where it is odd or even; shapes (n,).

    Attributes
    ----------
    value : float array
        K.
    value_drop : float array
        sqrt(V1 V2) - K; NaN where it is not known better than that.
    lengths : pair of float arrays
        sqrt(V1) and sqrt(V2).
    length_difference : float array
        sqrt(V1) - sqrt(V2); NaN where it is not known better than that.
    """

    value: Array
    value_drop: Array
    lengths: tuple[Array, Array]
    length_difference: Array


@dataclass(frozen=True)
class Separation:
    """Before a layer, q1 and q2, r1 - r2, E and the sign of c of some pairs; shapes (n,)."""

    variances: tuple[Array, Array]
    root_difference: Array
    covariance_gap: Array
    sign: Array

    @kept
    def _product(self) -> tuple[tuple[Array, Array], Array]:
        return _roots_and_product(*self.variances)

    @property
    def roots(self) -> tuple[Array, Array]:
        """r1 and r2."""
        return self._product[0]

    @property
    def p(self) -> Array:
        """sqrt(q1 q2)."""
        return self._product[1]

    @classmethod
    def behind(
        cls,
        dense: tuple[float, float],
        passed: Passed,
        sign: Array,
        variances: tuple[Array, Array] | None,
        agreement: float,
    ) -> tuple["Separation", Array, NDArray[np.bool_]]:
        """The state behind a nonlinearity and a Dense layer, c there, and where E was carried.

        Parameters
        ----------
        dense : pair of floats
            w^2 and b^2.
        passed : Passed
            What the nonlinearity makes of the pairs.
        sign : float array
            Of its K.
        variances : pair of float arrays, optional
            Those behind the layer, where they are known.
        agreement : float
            What E and p - ``|c|`` may differ by, relative to p. More means that D varies too fast for the nodes of
            its integral: then, and where the fall is not known, E is what the subtraction gives.
        """
        weight, bias = dense
        first, second = passed.lengths
        known = variances or (weight * first * first + bias, weight * second * second + bias)
        roots, p = _roots_and_product(*known)
        away = np.where(sign > 0, passed.length_difference, first + second)
        spread = weight * bias * away * away / np.maximum(p + weight * first * second + sign * bias, DIVISOR_FLOOR)
        gap, plain = spread + weight * passed.value_drop, sign * weight * passed.value + bias
        carried = np.abs(p - sign * plain - gap) <= agreement * p
        difference = weight * passed.length_difference * (first + second)
        difference = difference / np.maximum(roots[0] + roots[1], DIVISOR_FLOOR)
        state = cls(
            known,
            np.where(np.isnan(difference), roots[0] - roots[1], difference),
            np.where(carried, gap, np.maximum(p - np.abs(plain), 0.0)),
            np.where(carried, sign, np.copysign(1.0, plain)),
        )
        return state, np.where(carried, sign * (p - gap), plain), carried

    def __add__(self, other: "Separation") -> "Separation":
        """That of the sum of independent parts."""
        variances = self.variances[0] + other.variances[0], self.variances[1] + other.variances[1]
        roots, p = _roots_and_product(*variances)
        changes = sum(part.root_difference * (part.roots[0] + part.roots[1]) for part in (self, other))
        across = other.roots[0] * self.root_difference - self.roots[0] * other.root_difference
        spread = across * across / np.maximum(p + self.p + other.p, DIVISOR_FLOOR)
        sizes = np.maximum(self.p - self.covariance_gap, 0.0), np.maximum(other.p - other.covariance_gap, 0.0)
        first_wins = sizes[0] >= sizes[1]
        opposite = np.where(
            first_wins, self.covariance_gap + other.p + sizes[1], other.covariance_gap + self.p + sizes[0]
        )
        total = spread + np.where(self.sign == other.sign, self.covariance_gap + other.covariance_gap, opposite)
        return Separation(
            variances,
            changes / np.maximum(roots[0] + roots[1], DIVISOR_FLOOR),
            np.minimum(total, p),
            np.where(first_wins, self.sign, other.sign),
        )


def _roots_and_product(first: Array, second: Array) -> tuple[tuple[Array, Array], Array]:
    """sqrt(q1) and sqrt(q2), and sqrt(q1 q2), which is exactly q where both are."""
    roots = np.sqrt(first), np.sqrt(second)
    return roots, np.where(first == second, first, roots[0] * roots[1])
