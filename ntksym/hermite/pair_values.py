"""Value and slope of many pairs: by the stored terms, else by a longer series, else by integration."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ntksym.activation.activation import Activation
from ntksym.hermite.coefficient_table import HermiteTable
from ntksym.hermite.mehler import sum_series
from ntksym.hermite.pair_integrals import integrate_pairs
from ntksym.hermite.tabulated_activation import TabulatedActivation
from ntksym.hermite.truncation import limits
from ntksym.numerics.arrays import Array

__all__ = ["SERVED", "evaluate_all", "evaluate_pairs", "long_table_of", "table_of"]


SERVED = 1e-14
"""Truncation error, relative, up to which a series is used."""

NEGLIGIBLE = 1e-16
"""Truncation error, relative, at which a sum stops earlier than at the last stored term."""

MANY = 100
"""Pairs beyond the stored terms from which on a longer series is made for those that it reaches."""

LONG = 8192
"""Degree up to which a longer series is made."""

SCALES = ("value", "slope")
"""What errors of an integral are relative to."""


@lru_cache(maxsize=256)
def table_of(activation: Activation) -> HermiteTable:
    """The coefficients of an activation, shared by everything that asks for them."""
    return HermiteTable(TabulatedActivation(activation))


@lru_cache(maxsize=64)
def long_table_of(activation: Activation) -> HermiteTable:
    """The same with more terms."""
    return HermiteTable(table_of(activation).profile, LONG)


def evaluate_all(table: HermiteTable, first: Array, second: Array, rho: Array) -> tuple[Array, Array]:
    """Values and slopes by the stored terms, all of them, at every correlation.

    Parameters
    ----------
    table : HermiteTable
        The coefficients.
    first, second, rho : float arrays, shape (n,)
        Variances, positive, and correlations.
    """
    variances, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    return sum_series(table(variances), variances, places[: len(first)], places[len(first) :], rho, 0.0)


def evaluate_pairs(
    activation: Activation, first: Array, second: Array, gap: Array, rho: Array, *, longer: bool | None = None
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Values and slopes, and which pairs were integrated.

    Parameters
    ----------
    activation : Activation
        s.
    first, second, gap, rho : float arrays, shape (n,)
        Variances, positive; 1 - ``|rho|``; correlations.
    longer : bool, optional
        Whether a longer series is made for the pairs that the stored terms are not accurate for and it is; by default
        if there are `MANY` of them. With it given, no pair depends on the others.
    """
    table = table_of(activation)
    value, slope, beyond = _sum(table, first, second, rho)
    same = (gap == 0) & (first == second) & (rho > 0)
    diagonal = table(first[same])
    value[same], slope[same], beyond[same] = diagonal.value, diagonal.slope, False
    if np.count_nonzero(beyond) >= MANY if longer is None else longer and beyond.any():
        hard = np.flatnonzero(beyond)
        value[hard], slope[hard], beyond[hard] = _sum(long_table_of(activation), first[hard], second[hard], rho[hard])
    if beyond.any():
        sides = [table(side[beyond]) for side in (first, second)]
        scales = np.column_stack([np.sqrt(getattr(sides[0], name) * getattr(sides[1], name)) for name in SCALES])
        pairs = first[beyond], second[beyond], gap[beyond], np.sign(rho[beyond])
        value[beyond], slope[beyond] = integrate_pairs(table.profile, *pairs, scales).T
    return value, slope, beyond


def _sum(table: HermiteTable, first: Array, second: Array, rho: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Values and slopes where the terms of the table are accurate, and where they are not."""
    variances, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    rows, columns = places[: len(first)], places[len(first) :]
    found = table(variances)
    served = limits(found, variances, SERVED)[:, -1]
    beyond = np.abs(rho) > np.minimum(served[rows], served[columns])
    value, slope = np.zeros(len(rho)), np.zeros(len(rho))
    inside = ~beyond
    value[inside], slope[inside] = sum_series(found, variances, rows[inside], columns[inside], rho[inside], NEGLIGIBLE)
    return value, slope, beyond
