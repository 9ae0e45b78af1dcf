"""Mehler's sum for many pairs of variances, each with the terms that it needs: no pair depends on the others."""

import numpy as np
from numpy.typing import NDArray

from ntksym.hermite.coefficient_table import Coefficients
from ntksym.hermite.expansion import STEP
from ntksym.hermite.truncation import limits
from ntksym.numerics.arrays import Array

__all__ = ["sum_series"]

Indices = NDArray[np.intp]

BATCH = 4096
"""Pairs summed at once."""


def sum_series(
    found: Coefficients, variances: Array, rows: Indices, columns: Indices, rho: Array, tolerance: float
) -> tuple[Array, Array]:
    """Value and slope of pairs of variances.

    Parameters
    ----------
    found : Coefficients
        At n variances.
    variances : float array, shape (n,)
        q.
    rows, columns : int arrays, shape (p,)
        Numbers of the two variances of each pair.
    rho : float array, shape (p,)
        Correlations.
    tolerance : float
        Truncation error, relative, at which a sum stops before the last stored term.
    """
    value, slope = np.empty(len(rho)), np.empty(len(rho))
    enough = limits(found, variances, tolerance)
    needed = np.sum(np.abs(rho)[:, None] > np.minimum(enough[rows], enough[columns]), axis=1)
    order, by_term = np.argsort(-needed, kind="stable"), np.ascontiguousarray(found.coefficients.T)
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        i, j, r = rows[batch], columns[batch], rho[batch]
        terms = np.minimum(STEP * (needed[batch] + 1), len(by_term))
        power = r**found.stride
        total, derivative = np.zeros(len(batch)), np.zeros(len(batch))
        counts = np.searchsorted(-terms, -np.arange(terms[0]))  # pairs that have this term: the first ones have most
        for m in range(terms[0] - 1, -1, -1):
            have = slice(counts[m])
            derivative[have] = derivative[have] * power[have] + total[have]
            total[have] = total[have] * power[have] + by_term[m, i[have]] * by_term[m, j[have]]
        inner = found.stride * r ** (found.stride - 1) * derivative
        value[batch] = r * total if found.offset else total
        slope[batch] = total + r * inner if found.offset else inner
    return value, slope / np.sqrt(variances[rows]) / np.sqrt(variances[columns])
