r"""Bounds of what a truncated Hermite series leaves out and gets wrong.

With f_i = s(sqrt(q_i) Z), computed coefficients a~ and N terms, by Parseval and Cauchy-Schwarz,

    |K - K~| <= |rho|^N sqrt(T(q1) T(q2)) + |f_1| d_2 + d_1 |f~_2| + rounding,
    T(q) = sum_{k >= N} a_k(q)^2,     d(q)^2 = sum_{k < N} (a_k - a~_k)^2,

and the same for the slope with k a_k^2/q for a_k^2.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ntksym.series.expansion import STEP
from ntksym.series.pairs import CONVERGED
from ntksym.series.variances import Coefficients

__all__ = ["Accuracy", "accuracy", "limits"]

Array = NDArray[np.float64]

EPSILON = float(np.finfo(np.float64).eps)

INTEGRATED = CONVERGED
"""Relative error of a pair that is integrated: the last change, of a rule whose error is squared at every halving."""


@dataclass(frozen=True)
class Accuracy:
    """Everything that a bound is made of, at n variances; all absolute, shape (n,).

    Attributes
    ----------
    norm, slope_norm : float arrays
        sqrt(E[s(U)^2]) and sqrt(E[s'(U)^2]).
    tail, slope_tail : float arrays
        Sums of a_k^2 and k a_k^2/q over the terms left out.
    deviation, slope_deviation : float arrays
        Distances of the computed from the true coefficients, in the same two senses.
    rounding, slope_rounding : float arrays
        Rounding of the sum, relative to the norms.
    """

    norm: Array
    slope_norm: Array
    tail: Array
    slope_tail: Array
    deviation: Array
    slope_deviation: Array
    rounding: Array
    slope_rounding: Array

    def value_bound(self, other: "Accuracy") -> Array:
        """Bound for every correlation, between these variances and others of the same shape."""
        left_out = np.sqrt(self.tail) * np.sqrt(other.tail)
        wrong = self.norm * other.deviation + self.deviation * (other.norm + other.deviation)
        return left_out + wrong + self.norm * other.norm * np.maximum(self.rounding, other.rounding)

    def slope_bound(self, other: "Accuracy") -> Array:
        """The same for the slope."""
        with np.errstate(invalid="ignore"):
            left_out = np.sqrt(self.slope_tail) * np.sqrt(other.slope_tail)
            wrong = self.slope_norm * other.slope_deviation
            wrong = wrong + self.slope_deviation * (other.slope_norm + other.slope_deviation)
            rounding = self.slope_norm * other.slope_norm * np.maximum(self.slope_rounding, other.slope_rounding)
        return np.where(np.isfinite(self.slope_norm + other.slope_norm), left_out + wrong + rounding, np.inf)


def accuracy(found: Coefficients, variances: Array, served: float) -> Accuracy:
    """The accuracy of series whose pairs with a relative truncation error above ``served`` are integrated instead.

    Parameters
    ----------
    found : Coefficients
        At these variances.
    variances : float array, shape (n,)
        q.
    served : float
        Truncation error, relative, up to which the series is used.
    """
    tail, slope_tail, deviation, slope_deviation, diagonal, diagonal_slope = found.errors.T
    norm, slope_norm = np.sqrt(found.value), np.sqrt(found.slope)
    rounding, slope_rounding = _rounding(found, variances)
    integrated = np.where(np.maximum(tail, slope_tail) > served, INTEGRATED, 0.0)
    with np.errstate(invalid="ignore"):
        return Accuracy(
            norm,
            slope_norm,
            np.minimum(tail, served) * found.value,
            np.minimum(slope_tail, served) * found.slope,
            np.maximum(deviation, diagonal) * norm,
            np.maximum(slope_deviation, diagonal_slope) * slope_norm,
            rounding + integrated,
            slope_rounding + integrated,
        )


def _rounding(found: Coefficients, variances: Array) -> tuple[Array, Array]:
    """Horner's rule errs by at most 2 (k + 2) roundings in the term of degree k, rho itself by three."""
    order = found.offset + found.stride * np.arange(found.coefficients.shape[1])
    squares = found.coefficients**2
    sums = [np.sum(order**power * squares, axis=1) for power in (0, 1, 2)]
    ratio = [np.divide(b, a, out=np.zeros_like(b), where=a > 0) for a, b in pairwise(sums)]
    return EPSILON * (4 + 5 * ratio[0]), EPSILON * (6 + 5 * ratio[1])


def limits(found: Coefficients, variances: Array, tolerance: float) -> Array:
    """The largest ``|rho|`` at which each number of groups of terms serves, shape (n, groups); 1 where every rho is.

    Parameters
    ----------
    found : Coefficients
        At these variances.
    variances : float array, shape (n,)
        q.
    tolerance : float
        Truncation error allowed, relative to E[s^2] and E[s'^2].
    """
    count, terms = found.coefficients.shape
    groups = -(-terms // STEP)
    order = found.offset + found.stride * np.arange(groups * STEP)
    squares = np.pad(found.coefficients**2, ((0, 0), (0, groups * STEP - terms)))
    degree = found.offset + found.stride * STEP * np.arange(1, groups + 1)
    reach = _reach(squares, found.value, found.errors[:, 0], degree, tolerance)
    if np.all(np.isfinite(found.slope)):
        energy = _reach(squares * order, variances * found.slope, found.errors[:, 1], degree - 1, tolerance)
        reach = np.minimum(reach, energy)
    return np.asarray(np.maximum.accumulate(reach.reshape(count, groups), axis=1))


def _reach(squares: Array, whole: Array, rest: Array, degree: Array, tolerance: float) -> Array:
    sums = squares.reshape(len(squares), len(degree), STEP).sum(axis=2)
    after = np.pad(np.cumsum(sums[:, :0:-1], axis=1)[:, ::-1], ((0, 0), (0, 1)))
    whole = np.where(whole > 0, whole, 1.0)[:, None]
    left_out = after / whole + rest[:, None]
    with np.errstate(divide="ignore"):
        return np.asarray(np.exp(np.minimum(np.log(tolerance / left_out) / np.maximum(degree, 1), 0.0)))
