r"""Value and slope of two different activations: by the stored terms of both, by longer series, or by integration.

    E[f(U)g(V)] = sum_k a_k[f](q1) a_k[g](q2) rho^k,     |terms from N on| <= |rho|^N sqrt(T_f(q1) T_g(q2)),

T being the sums of a_k^2 from N on (Mehler; Parseval and Cauchy-Schwarz). For the slope k a_k^2/q takes the place of
a_k^2; where f or g jumps, that has no sum, and the terms from N on add at most max_k k |rho|^(k-1) times the roots.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ntksym.activation.activation import Activation
from ntksym.hermite.coefficient_table import Coefficients, HermiteTable
from ntksym.hermite.pair_integrals import integrate_pairs
from ntksym.hermite.pair_values import MANY, SERVED, long_table_of, table_of
from ntksym.hermite.truncation import Accuracy, accuracy
from ntksym.numerics.arrays import Array

__all__ = ["cross_accuracy", "evaluate_cross_pairs"]

Indices = NDArray[np.intp]
Tables = tuple[HermiteTable, HermiteTable]

BATCH = 256
"""Pairs summed at once: with the 8192 terms of a long series, 16 MB."""


def evaluate_cross_pairs(
    f: Activation, g: Activation, first: Array, second: Array, gap: Array, rho: Array
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Values and slopes, and which pairs were integrated: there, masses at jumps are missing in the slope.

    Parameters
    ----------
    f, g : Activation
        The functions of U and of V.
    first, second, gap, rho : float arrays, shape (n,)
        Variances, positive; 1 - ``|rho|``; correlations.
    """
    tables = table_of(f), table_of(g)
    value, slope, beyond = _sum(tables, first, second, rho)
    if np.count_nonzero(beyond) >= MANY:
        hard = np.flatnonzero(beyond)
        longer = long_table_of(f), long_table_of(g)
        value[hard], slope[hard], beyond[hard] = _sum(longer, first[hard], second[hard], rho[hard])
    if beyond.any():
        left, right = tables[0](first[beyond]), tables[1](second[beyond])
        scales = np.column_stack([np.sqrt(left.value * right.value), np.sqrt(left.slope * right.slope)])
        pairs = first[beyond], second[beyond], gap[beyond], np.sign(rho[beyond])
        value[beyond], slope[beyond] = integrate_pairs(tables[0].profile, *pairs, scales, tables[1].profile).T
    return value, slope, beyond


def cross_accuracy(f: Activation, g: Activation, first: Array, second: Array) -> tuple[Accuracy, Accuracy]:
    """What the common terms of f at variances q1 and of g at q2, shape (n,), leave out and get wrong."""
    left, right = _common(table_of(f)(first), table_of(g)(second), first, second)
    return accuracy(left, first, SERVED), accuracy(right, second, SERVED)


def _common(left: Coefficients, right: Coefficients, first: Array, second: Array) -> tuple[Coefficients, Coefficients]:
    """Both with the coefficients of the degrees 0, 1, ... that both store, the others counted as left out."""
    count: int = min(int(left.order[-1]), int(right.order[-1])) + 1
    return _up_to(left, first, count), _up_to(right, second, count)


def _up_to(found: Coefficients, variances: Array, count: int) -> Coefficients:
    kept = found.order < count
    coefficients: Array = np.zeros((len(variances), count))
    coefficients[:, found.order[kept]] = found.coefficients[:, kept]
    dropped = found.coefficients[:, ~kept] ** 2
    errors = found.errors.copy()
    wholes = found.value, np.where(np.isfinite(found.slope), found.slope * variances, np.inf)
    for column, (whole, weights) in enumerate(
        zip(wholes, (np.ones(dropped.shape[1]), found.order[~kept]), strict=True)
    ):
        share = np.divide(dropped @ weights, whole, out=np.zeros(len(whole)), where=whole > 0)
        errors[:, column] = np.minimum(errors[:, column] + share, 1.0)
    return replace(found, coefficients=coefficients, errors=errors, offset=0, stride=1)


def _sum(tables: Tables, first: Array, second: Array, rho: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Values and slopes where the common terms are accurate enough, and where they are not."""
    rows, row = np.unique(first, return_inverse=True)
    columns, column = np.unique(second, return_inverse=True)
    value, slope = np.zeros(len(rho)), np.zeros(len(rho))
    if not len(rho):
        return value, slope, np.zeros(0, dtype=bool)
    found = tables[0](rows), tables[1](columns)
    if {found[0].stride, found[1].stride} == {2} and found[0].offset != found[1].offset:  # even and odd
        return value, slope, np.zeros(len(rho), dtype=bool)
    left, right = _common(*found, rows, columns)
    beyond = _left_out(left, right, row, column, rho) > SERVED
    inside = np.flatnonzero(~beyond)
    roots = np.sqrt(first) * np.sqrt(second)
    for batch in np.split(inside, range(BATCH, len(inside), BATCH)):
        r, products = rho[batch], left.coefficients[row[batch]] * right.coefficients[column[batch]]
        total, derivative = np.zeros(len(batch)), np.zeros(len(batch))
        for terms in products.T[::-1]:
            derivative = derivative * r + total
            total = total * r + terms
        value[batch], slope[batch] = total, derivative / roots[batch]
    return value, slope, beyond


def _left_out(left: Coefficients, right: Coefficients, row: Indices, column: Indices, rho: Array) -> Array:
    """The larger of the shares of value and slope that the common terms leave out, shape (n,)."""
    count, size = left.coefficients.shape[1], np.abs(rho)
    tails = [np.sqrt(left.errors[row, k] * right.errors[column, k]) for k in (0, 1)]
    with np.errstate(divide="ignore", invalid="ignore"):
        of_value = size**count * tails[0]
        if np.all(np.isfinite(left.slope)) and np.all(np.isfinite(right.slope)):
            return np.maximum(of_value, size ** (count - 1) * tails[1])
        largest = np.maximum(count, -1 / np.log(np.where(size < 1, size, 1.0)))
        return np.where(size < 1, largest * size ** (largest - 1) * tails[0], np.inf)
