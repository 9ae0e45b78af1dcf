r"""Bounds of what a truncated Hermite series leaves out and gets wrong.

With f_i = s(sqrt(q_i) Z), computed coefficients a~ and N terms, by Parseval and Cauchy-Schwarz,

    |K - K~| <= |rho|^N sqrt(T(q1) T(q2)) + |f_1| d_2 + d_1 |f~_2| + rounding,
    T(q) = sum_{k >= N} a_k(q)^2,     d(q)^2 = sum_{k < N} (a_k - a~_k)^2,

and the same for the slope with k a_k^2/q for a_k^2.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from ntksym.hermite.coefficient_table import Coefficients, HermiteTable
from ntksym.hermite.expansion import STEP
from ntksym.hermite.pair_integrals import CONVERGED
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import EPSILON

__all__ = ["Accuracy", "Sensitivity", "accuracy", "certified_accuracy", "limits", "response"]


INTEGRATED = CONVERGED
"""Relative error of a pair that is integrated: the last change, of a rule whose error is squared at every halving."""


ROUNDED_UP = 1 + 1e-12
"""Covers the rounding of a sum of at most a few thousand squares."""

RESOLVED = 1e-13
"""Tail of the slope, relative, below which the stored terms are taken to hold its derivative too."""

STEP_IN_Q = 1e-3
"""Relative step in q with which the change of E[s'(U)^2] is measured."""


@dataclass(frozen=True)
class Sensitivity:
    """How a dual at n variances q answers to errors of what it is given, and what errors it adds; all shape (n,).

    Attributes
    ----------
    value, slope : float arrays
        V(q) = E[s(U)^2], D(q) = E[s'(U)^2].
    value_at, slope_at, bend_at : float arrays
        sum a_k^2 r^k, sum k a_k^2 r^(k-1)/q and sum k (k-1) a_k^2 r^(k-2)/q at the largest correlation r: bounds of
        value, slope and the derivative of the slope in rho, at every correlation up to r.
    stretch : float array
        sqrt(E[(U s'(U))^2]/V): how far s moves with log q.
    elasticity, slope_elasticity : float arrays
        ``|d log V/d log q|`` and ``|d log D/d log q|``.
    local, local_slope : float arrays
        Errors that the dual adds to pairs, relative to V and D.
    diagonal, diagonal_slope : float arrays
        Relative errors of V and D.
    """

    value: Array
    slope: Array
    value_at: Array
    slope_at: Array
    bend_at: Array
    stretch: Array
    elasticity: Array
    slope_elasticity: Array
    local: Array
    local_slope: Array
    diagonal: Array
    diagonal_slope: Array


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


def certified_accuracy(found: Coefficients, variances: Array, bounds: Array) -> Accuracy:
    """The accuracy of series that are summed at every correlation.

    Parameters
    ----------
    found : Coefficients
        At these variances.
    variances : float array, shape (n,)
        q.
    bounds : float array, shape (n, 4)
        Proved bounds: tail, tail of the slope, deviation, deviation of the slope.
    """
    tail, slope_tail, deviation, slope_deviation = bounds.T
    order = found.order
    squares = found.coefficients**2
    norm = np.sqrt(squares.sum(axis=1)) * ROUNDED_UP + deviation + np.sqrt(tail)
    slope_norm = np.sqrt(squares @ order / variances) * ROUNDED_UP + slope_deviation + np.sqrt(slope_tail)
    rounding = _rounding(found, variances)
    return Accuracy(norm, slope_norm, tail, slope_tail, deviation, slope_deviation, *rounding)


def _rounding(found: Coefficients, variances: Array) -> tuple[Array, Array]:
    """In Horner's rule the term of degree k meets 2 (k + 2) roundings of eps/2, and rho**k is wrong by 3 k of them."""
    order = found.order
    squares = found.coefficients**2
    sums = [np.sum(order**power * squares, axis=1) for power in (0, 1, 2)]
    ratio = [np.divide(b, a, out=np.zeros_like(b), where=a > 0) for a, b in pairwise(sums)]
    return EPSILON * (4 + 3 * ratio[0]), EPSILON * (6 + 3 * ratio[1])


def limits(found: Coefficients, variances: Array, tolerance: float) -> Array:
    """The largest ``|rho|`` up to which each number of groups is accurate, shape (n, groups); 1 where every rho is.

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
    squares = np.zeros((count, groups * STEP))
    np.square(found.coefficients, out=squares[:, :terms])
    degree = found.offset + found.stride * STEP * np.arange(1, groups + 1)
    reach = _reach(squares, found.value, found.errors[:, 0], degree, tolerance)
    if np.all(np.isfinite(found.slope)):
        energy = _reach(squares * order, variances * found.slope, found.errors[:, 1], degree - 1, tolerance)
        reach = np.minimum(reach, energy)
    return np.asarray(np.maximum.accumulate(reach.reshape(count, groups), axis=1))


def _reach(squares: Array, whole: Array, rest: Array, degree: Array, tolerance: float) -> Array:
    sums = squares.reshape(len(squares), len(degree), STEP).sum(axis=2)
    after = np.zeros_like(sums)
    after[:, :-1] = np.cumsum(sums[:, :0:-1], axis=1)[:, ::-1]
    whole = np.where(whole > 0, whole, 1.0)[:, None]
    left_out = after / whole + rest[:, None]
    with np.errstate(divide="ignore"):
        return np.asarray(np.exp(np.minimum(np.log(tolerance / left_out) / np.maximum(degree, 1), 0.0)))


def _steepest(first: int, power: int, rho: float) -> float:
    """The largest derivative of this order of rho**k among the degrees k >= first."""
    if power == 0 or rho == 0:
        return rho**first
    degree = max(first, -power / np.log(rho) + power) if rho < 1 else np.inf
    return float(degree**power * rho ** (degree - power)) if rho < 1 else np.inf


def response(table: HermiteTable, variances: Array, largest: float, tolerance: float) -> Sensitivity:
    """The response of a series, for correlations up to ``largest`` and this truncation error.

    Parameters
    ----------
    table : HermiteTable
        The coefficients.
    variances : float array, shape (n,)
        q, positive.
    largest : float
        Between 0 and 1.
    tolerance : float
        Truncation error allowed, relative.
    """
    count = len(variances)
    steps = variances * (1 + STEP_IN_Q), variances / (1 + STEP_IN_Q)
    together = table(np.concatenate([variances, *steps]))
    arrays = {field: part[:count] for field, part in together.arrays.items()}
    found = replace(together, **arrays)  # type: ignore[arg-type]
    order = found.order
    squares = found.coefficients**2
    rest = found.errors[:, 0] * found.value
    faded = bool(np.all(found.errors[:, 1] <= RESOLVED) and np.all(np.isfinite(found.slope)))
    sums = [
        squares @ (np.prod([order - j for j in range(power)], axis=0) * largest ** np.maximum(order - power, 0))
        + (0.0 if faded else rest * _steepest(int(order[-1]) + 1, power, largest))
        for power in (0, 1, 2)
    ]
    value_at = np.minimum(sums[0], found.value)
    slope_at, bend_at = np.minimum(sums[1] / variances, found.slope), np.minimum(sums[2], found.bend * variances**2)
    bend_at = bend_at / variances
    own = accuracy(found, variances, tolerance)
    with np.errstate(divide="ignore", invalid="ignore"):
        local = own.value_bound(own) / own.norm**2 + tolerance
        local_slope = own.slope_bound(own) / own.slope_norm**2 + tolerance
        stretch = np.sqrt(found.dilation / found.value)
        changes = [part[count : 2 * count] / part[2 * count :] for part in (together.value, together.slope)]
        elasticity, slope_elasticity = (np.abs(np.log(change)) / (2 * np.log1p(STEP_IN_Q)) for change in changes)
    answers = stretch, elasticity, slope_elasticity, local, local_slope
    stretch, elasticity, slope_elasticity, local, local_slope = (
        np.where(np.isnan(part), 0.0, part) for part in answers
    )
    return Sensitivity(
        value=found.value,
        slope=found.slope,
        value_at=value_at,
        slope_at=slope_at,
        bend_at=bend_at,
        stretch=stretch,
        elasticity=elasticity,
        slope_elasticity=slope_elasticity,
        local=local,
        local_slope=local_slope,
        diagonal=found.errors[:, 4],
        diagonal_slope=found.errors[:, 5],
    )
