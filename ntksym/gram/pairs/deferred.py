r"""Pairs of rows that the tiles leave out: their distance from |rho| = 1 from the data themselves, then layer by layer.

For rows x and y of lengths a <= b, delta = y -+ x (upper sign where they point the same way) and u = x/a,

    sin^2(t) = |delta - (delta.u) u|^2/b^2,     1 - cos(t) = sin^2(t)/(1 + cos(t)),     k = W_std^2/d,
    p - |c| = k a b (1 - cos t) + k b_std^2 (a -+ b)^2/(p + k a b +- b_std^2),     p = sqrt(q1 q2),

in which nothing cancels but in delta, where floating point subtracts neighbours exactly.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ntksym.gram.rows import RowStates
from ntksym.gram.schedule import LayerArrays
from ntksym.gram.tiles import Results
from ntksym.lowering.templates.frame import TILE
from ntksym.numerics.arrays import Array
from ntksym.numerics.compiled import entrance

__all__ = ["BATCH", "Evaluation", "RowPairs", "apart", "begin", "fill_deferred", "variances_of_pairs"]

BATCH = 4096
"""Pairs evaluated at a time."""

RADIAL = 0.125
"""Share of a difference across the other row below which it is computed component by component."""

Pairs = NDArray[np.int64]
RowPairs = tuple[Pairs, Pairs]
"""Numbers of the first rows and of the second, shapes (k,)."""

Evaluation = Callable[[RowPairs, Array, Array], Results]
"""(rows, p - ``|c|``, sign of c) -> NNGP and NTK, None for one that is not known."""


def fill_deferred(
    arrays: LayerArrays,
    points: tuple[Array, Array],
    states: tuple[RowStates, RowStates],
    pairs: Pairs,
    results: Results,
    evaluate: Evaluation,
) -> None:
    """Write the entries of some pairs, and those of their mirror images if the result is symmetric.

    Parameters
    ----------
    arrays : LayerArrays
        The network.
    points, states : pairs
        The data and the states of their rows.
    pairs : int array, shape (k, 2)
        Rows of the first and of the second.
    results : pair of arrays (n, m) or None
        NNGP and NTK; None for the one not wanted.
    evaluate : callable
        Entries of pairs given by their rows, p - ``|c|`` before the first layer, and the sign of c.
    """
    ordered = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    symmetric = points[0] is points[1]
    for first in range(0, len(ordered), BATCH):
        i, j = rows = ordered[first : first + BATCH, 0], ordered[first : first + BATCH, 1]
        variances = states[0].variance(0)[i], states[1].variance(0)[j]
        covariance_gap, sign = apart(arrays, points, rows, variances)
        same = (covariance_gap == 0) & (sign > 0) & (variances[0] == variances[1])
        for kernel, (result, entries) in enumerate(zip(results, evaluate(rows, covariance_gap, sign), strict=True)):
            if result is not None and entries is not None:
                result[i, j] = written = np.where(same, states[0].diagonal(kernel)[i], entries)
                if symmetric:
                    result[j, i] = written


def variances_of_pairs(states: tuple[RowStates, RowStates], rows: RowPairs) -> list[tuple[Array, Array]]:
    """q1 and q2 of some pairs, shape (k,) each, before every layer and at the output."""
    return list(zip(*(_variances_of(part, some) for part, some in zip(states, rows, strict=True)), strict=True))


def _variances_of(states: RowStates, rows: Pairs) -> Array:
    """Shape (layers + 1, k)."""
    return np.ascontiguousarray(states.variances[rows // TILE, :, rows % TILE].T)


def apart(
    arrays: LayerArrays, points: tuple[Array, Array], pairs: RowPairs, variances: tuple[Array, Array]
) -> tuple[Array, Array]:
    """How far ``|c|`` is from p before the first layer, and the sign of c; arguments as for `begin`."""
    return begin(arrays, points, pairs, variances)[:2]


def begin(
    arrays: LayerArrays, points: tuple[Array, Array], pairs: RowPairs, variances: tuple[Array, Array]
) -> tuple[Array, Array, Array]:
    """Before the first layer, p - ``|c|``, the sign of c, and sqrt(q1) - sqrt(q2).

    Parameters
    ----------
    arrays : LayerArrays
        The network.
    points : pair of float arrays, shapes (n, d), (m, d)
        The data.
    pairs : pair of int arrays, shape (k,)
        Their rows.
    variances : pair of float arrays, shape (k,)
        q1 and q2 of the rows.
    """
    scale, bias = float(arrays.weights[0]) * arrays.scale, float(arrays.biases[0])
    found = np.empty((5, len(pairs[0])))
    rows, columns = (np.ascontiguousarray(side) for side in pairs)
    _compare(points[0], points[1], rows, columns, found)
    first, second, difference, ahead, behind = found
    product = scale * first * second
    sign = np.where(product * (1.0 - ahead) + bias < 0, -1.0, 1.0)
    away = np.where(sign > 0, difference, first + second)
    roots = np.sqrt(variances[0]), np.sqrt(variances[1])
    spread = _ratio(scale * bias * away * away, roots[0] * roots[1] + product + sign * bias)
    gap = _ratio(scale * difference * (first + second), roots[0] + roots[1])
    return product * np.where(sign > 0, ahead, behind) + spread, sign, gap


def _ratio(above: Array, below: Array) -> Array:
    """Their quotient, 0 where the denominator is."""
    return np.divide(above, below, out=np.zeros_like(below), where=below > 0)


@entrance(nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "arcp", "nsz"})
def _compare(x, y, rows, columns, results):  # type: ignore[no-untyped-def]
    """Of every pair: a, b, a - b, 1 - cos(t), 1 + cos(t); the last two to full accuracy where they are small."""
    for k in range(rows.size):
        one, two = x[rows[k]], y[columns[k]]
        squares, others, product = 0.0, 0.0, 0.0
        for i in range(one.size):
            squares += one[i] * one[i]
            others += two[i] * two[i]
            product += one[i] * two[i]
        side = 1.0 if product >= 0.0 else -1.0
        lengths = math.sqrt(squares), math.sqrt(others)
        if squares > others:
            one, two, squares, others = two, one, others, squares
        along, whole = 0.0, 0.0
        for i in range(one.size):
            step = two[i] - side * one[i]
            along += step * one[i]
            whole += step * step
        share = along / squares if squares > 0.0 else 0.0
        across = whole - share * along
        if across < RADIAL * whole:
            across = 0.0
            for i in range(one.size):
                step = two[i] - side * one[i] - share * one[i]
                across += step * step
        square = min(across / others, 1.0) if others > 0.0 else 0.0
        cosine = math.sqrt(1.0 - square)
        small = square / (1.0 + cosine)
        longer = (whole + 2.0 * side * along) / (lengths[0] + lengths[1]) if others > 0.0 else 0.0
        results[0, k], results[1, k] = lengths
        results[2, k] = -longer if lengths[1] >= lengths[0] else longer
        results[3, k] = small if side > 0.0 else 1.0 + cosine
        results[4, k] = 1.0 + cosine if side > 0.0 else small
