"""Mehler's sum for many pairs of variances, each with the terms that it needs: no pair depends on the others."""

from collections.abc import Iterator
from itertools import pairwise

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
    for batch in _alike(needed):
        i, j, r = rows[batch], columns[batch], rho[batch]
        terms = min(STEP * (int(needed[batch[0]]) + 1), found.coefficients.shape[1])
        power = r**found.stride
        total, derivative = np.zeros(len(batch)), np.zeros(len(batch))
        for m in range(terms - 1, -1, -1):
            derivative = derivative * power + total
            total = total * power + found.coefficients[i, m] * found.coefficients[j, m]
        inner = found.stride * r ** (found.stride - 1) * derivative
        value[batch] = r * total if found.offset else total
        slope[batch] = total + r * inner if found.offset else inner
    return value, slope / np.sqrt(variances[rows]) / np.sqrt(variances[columns])


def _alike(needed: Indices) -> Iterator[Indices]:
    """Numbers of the pairs that need equally many groups of terms, at most ``BATCH`` at once."""
    order = np.argsort(needed, kind="stable")
    edges = np.flatnonzero(np.diff(needed[order], prepend=-1, append=-1))
    for first, last in pairwise(edges):
        for start in range(first, last, BATCH):
            yield order[start : min(start + BATCH, last)]
