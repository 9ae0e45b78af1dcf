"""Gram matrices whose entries are r_i r_j F(q_i, q_j, theta_ij): tiles filled from a table of coefficients."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntksym.gram.fits.table_series import TableSeries
from ntksym.gram.rows import RowStates
from ntksym.gram.schedule import LayerArrays
from ntksym.gram.tiles import Transform
from ntksym.lowering import store
from ntksym.lowering.templates.frame import TILE
from ntksym.lowering.templates.table import DIAGONALS, FIRST, GROUP, INVERSE, ROOTS, table_source
from ntksym.numerics.limits import SMALLEST_VARIANCE

__all__ = ["transform"]

Array = NDArray[np.float64]
Pairs = NDArray[np.int64]


def transform(
    network: LayerArrays,
    series: TableSeries,
    states: tuple[RowStates, RowStates],
    results: tuple[NDArray[Any] | None, NDArray[Any] | None],
    *,
    symmetric: bool,
) -> Transform:
    """What turns inner products into entries r_i r_j F(q_i, q_j, theta_ij).

    Parameters
    ----------
    network : LayerArrays
        The network.
    series : TableSeries
        F as a function of log(q), for the kernels that are wanted.
    states : pair of RowStates
        Those of the rows and of the columns: the variances before the first layer and at the output, the NTK.
    results : pair of arrays (n, m) or None
        NNGP and NTK; None for the one not wanted.
    symmetric : bool
        Whether the results are written to both triangles.
    """
    module = store.load(table_source())
    numbers = float(network.weights[0]) * network.scale, float(network.biases[0]), *series.domain.line
    absent = np.empty((0, 0), dtype=next(result.dtype for result in results if result is not None))
    targets = (absent if result is None else result for result in results)
    wanted = [kernel for kernel, result in enumerate(results) if result is not None]
    same_for_all = *(_lines(part, series) for part in states), *_packed(series, wanted), *targets, symmetric

    def work(x: Array, y: Array, other: int, first: int, last: int) -> Pairs:
        pairs: Pairs = module.fill(x, y, other, first, last, *numbers, *same_for_all)
        return pairs

    nothing = np.empty((0, 0))
    store.first_call(module, f"fill, {absent.dtype}", lambda: work(nothing, nothing, 0, 0, 0))
    return work


def _lines(states: RowStates, series: TableSeries) -> Array:
    """Row quantities, shape (blocks, slots, TILE); rows of padding have those of the first row."""
    blocks, rank = len(states.variances), series.basis.shape[1]
    variances = states.variances[:, 0].reshape(-1).copy()
    variances[states.count :] = variances[0]
    lines = np.empty((blocks, FIRST + rank, TILE))
    lines[:, INVERSE] = (1 / np.sqrt(np.maximum(variances, SMALLEST_VARIANCE))).reshape(blocks, TILE)
    for root, diagonal, kernel in zip(ROOTS, DIAGONALS, (states.variances[:, -1], states.tangents), strict=True):
        lines[:, root], lines[:, diagonal] = np.sqrt(kernel), kernel
    functions = series.functions(np.log(variances))
    lines[:, FIRST:] = functions.reshape(blocks, TILE, rank).transpose(0, 2, 1)
    return lines


def _packed(series: TableSeries, wanted: list[int]) -> tuple[Array, NDArray[np.int64]]:
    """The coefficients as compiled code reads them: for every r the groups, in each k by k, s by s."""
    rank = series.basis.shape[1]
    table = np.zeros((2, rank, series.terms))
    sizes = np.zeros((2, rank // GROUP), dtype=np.int64)
    for kernel, one, counts in zip(wanted, series.tables, series.sizes, strict=True):
        parts = [
            one[:, GROUP * group : GROUP * (group + 1), :count].transpose(0, 2, 1).reshape(rank, -1)
            for group, count in enumerate(counts)
        ]
        whole = np.concatenate(parts, axis=1)
        table[kernel, :, : whole.shape[1]], sizes[kernel] = whole, counts
    return table, sizes
