"""Gram matrices whose entries are r_i r_j F(theta_ij): tiles filled from one series in the angle."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntksym.gram.fits.angle_series import AngleSeries
from ntksym.gram.pairs.deferred import apart
from ntksym.gram.rows import RowStates
from ntksym.gram.schedule import LayerArrays
from ntksym.gram.tiles import Transform
from ntksym.lowering import store
from ntksym.lowering.templates.angle import DIAGONALS, INVERSE, ROOTS, SLOTS, angle_source
from ntksym.lowering.templates.frame import TILE
from ntksym.numerics.limits import SMALLEST_VARIANCE

__all__ = ["compare", "transform"]

BATCH = 4096
"""Pairs whose rows are compared at a time."""

Array = NDArray[np.float64]
Pairs = NDArray[np.int64]
Both = tuple[AngleSeries | None, AngleSeries | None]


def transform(
    network: LayerArrays,
    series: Both,
    states: tuple[RowStates, RowStates],
    results: tuple[NDArray[Any] | None, NDArray[Any] | None],
    *,
    symmetric: bool,
) -> Transform:
    """What turns inner products into entries r_i r_j F(theta_ij).

    Parameters
    ----------
    network : LayerArrays
        The network.
    series : pair of AngleSeries or None
        F for NNGP and NTK; None for the one not wanted.
    states : pair of RowStates
        Those of the rows and of the columns: the variances before the first layer and at the output, the NTK.
    results : pair of arrays (n, m) or None
        NNGP and NTK; None for the one not wanted.
    symmetric : bool
        Whether the results are written to both triangles.
    """
    module = store.load(angle_source())
    factor, bias = float(network.weights[0]) * network.scale, float(network.biases[0])
    near = 1.0 - network.nearest[0 if results[1] is None else 1]
    numbers = factor, bias, float(network.slacks[0]), near
    absent = np.empty((0, 0), dtype=next(result.dtype for result in results if result is not None))
    targets = (absent if result is None else result for result in results)
    same_for_all = *(_lines(part) for part in states), *_packed(series), *targets, symmetric

    def work(x: Array, y: Array, other: int, first: int, last: int) -> Pairs:
        pairs: Pairs = module.fill(x, y, other, first, last, *numbers, *same_for_all)
        return pairs

    nothing = np.empty((0, 0))
    store.first_call(module, f"fill, {absent.dtype}", lambda: work(nothing, nothing, 0, 0, 0))
    return work


def compare(
    network: LayerArrays,
    series: Both,
    points: tuple[Array, Array],
    states: tuple[RowStates, RowStates],
    pairs: Pairs,
    results: tuple[NDArray[Any] | None, NDArray[Any] | None],
) -> None:
    """Write the entries of some pairs, their angles from the differences of the data.

    Parameters
    ----------
    network, series, states, results
        As for `transform`.
    points : pair of float arrays, shapes (n, d), (m, d)
        The data; twice the same array for a symmetric result.
    pairs : int array, shape (k, 2)
        Rows of the first and of the second.
    """
    ordered = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    symmetric = points[0] is points[1]
    kernels: list[tuple[NDArray[Any], AngleSeries, Array, Array]] = [
        (target, one, _diagonal(states[0], kernel), _diagonal(states[1], kernel))
        for kernel, (target, one) in enumerate(zip(results, series, strict=True))
        if target is not None and one is not None
    ]
    for first in range(0, len(ordered), BATCH):
        i, j = ordered[first : first + BATCH].T
        variances = states[0].variance(0)[i], states[1].variance(0)[j]
        low, sign = apart(network, points, (i, j), variances)
        p = np.sqrt(np.maximum(variances[0], SMALLEST_VARIANCE)) * np.sqrt(np.maximum(variances[1], SMALLEST_VARIANCE))
        gap = np.minimum(low / p, 1.0)
        same = (low == 0) & (sign > 0) & (variances[0] == variances[1])
        for target, one, left, right in kernels:
            values = np.sqrt(left[i]) * np.sqrt(right[j]) * one(np.sqrt(gap * (2 - gap)), sign * (1 - gap))
            target[i, j] = entries = np.where(same, left[i], values)
            if symmetric:
                target[j, i] = entries


def _diagonal(states: RowStates, kernel: int) -> Array:
    return states.tangent if kernel else states.variance(states.variances.shape[1] - 1)


def _lines(states: RowStates) -> Array:
    """Row quantities, shape (blocks, SLOTS, TILE)."""
    lines = np.empty((len(states.variances), SLOTS, TILE))
    lines[:, INVERSE] = 1 / np.sqrt(np.maximum(states.variances[:, 0], SMALLEST_VARIANCE))
    for root, diagonal, kernel in zip(ROOTS, DIAGONALS, (states.variances[:, -1], states.tangents), strict=True):
        lines[:, root], lines[:, diagonal] = np.sqrt(kernel), kernel
    return lines


def _packed(series: Sequence[AngleSeries | None]) -> tuple[Array, NDArray[np.int64]]:
    """All polynomials in one array, and how many terms each has."""
    parts = [(k, p, part) for k, one in enumerate(series) if one for p, part in enumerate(one.parts)]
    blocks, most = np.max([part.shape for *_, part in parts], axis=0)
    terms, sizes = np.zeros((2, 2, blocks, most)), np.zeros((2, 2), dtype=np.int64)
    for kernel, place, part in parts:
        terms[kernel, place, :, : part.shape[1]] = part
        sizes[kernel, place] = part.shape[1]
    return terms, sizes
