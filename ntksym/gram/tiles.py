"""Tiles of a Gram matrix: which rows are computed together, and where the results go.

Compiled code takes one block of ``TILE`` columns and some blocks of rows, and turns them, tile by tile, into entries:
inner products, recursion and writing in one go. Of a symmetric matrix only the lower half is computed, and written to
both.
"""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntksym.gram.rows import RowStates
from ntksym.gram.schedule import LayerArrays
from ntksym.gram.threads import in_parallel
from ntksym.lowering import store
from ntksym.lowering.templates.frame import TILE

__all__ = ["SPAN", "Transform", "fill", "layers", "spans"]

SPAN = 16
"""Blocks of rows that a thread computes at a time."""

MANY, BATCH = 64, 1024
"""Pairs left out by one job that are completed at once; fewer wait for the others, and are completed in batches."""

ALONE = 3e-4
"""Seconds of work before other threads are worth their start."""

Array = NDArray[np.float64]
Pairs = NDArray[np.int64]
Transform = Callable[[Array, Array, int, int, int], Pairs]
"""(x, y, block of columns, blocks of rows from, to) -> pairs left out."""


def spans(rows: int, columns: int, *, symmetric: bool) -> Iterator[tuple[int, int, int]]:
    """Blocks of columns, each with some blocks of rows, from and to, that cover the result or its lower half."""
    end = -(-rows // TILE)
    for other in range(-(-columns // TILE)):
        for first in range(other if symmetric else 0, end, SPAN):
            yield other, first, min(first + SPAN, end)


def fill(
    points: tuple[Array, Array],
    transform: Transform,
    complete: Callable[[Pairs], object],
    threads: int,
) -> None:
    """Write the kernel into the results.

    Parameters
    ----------
    points : pair of float arrays, shapes (n, d), (m, d)
        The data; twice the same array for a symmetric result.
    transform : callable
        What turns rows and columns into entries of the results, from `layers` or `ntksym.gram.angle_tiles`.
    complete : callable
        What writes the entries of pairs (i, j), shape (k, 2), that the transform leaves out; k > 0.
    threads : int
        Number of threads.
    """
    x, y = points
    kept: list[Pairs] = []

    def work(other: int, first: int, last: int) -> None:
        left_out = transform(x, y, other, first, last)
        if len(left_out) >= MANY:
            complete(left_out)
        elif len(left_out):
            kept.append(left_out)

    in_parallel(work, spans(len(x), len(y), symmetric=x is y), threads, alone=ALONE)
    if kept:
        in_parallel(complete, _batches(np.concatenate(kept)), threads)


def _batches(pairs: Pairs) -> Iterator[tuple[Pairs]]:
    """In the order of the rows, which the threads have no part in."""
    ordered = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    for first in range(0, len(ordered), BATCH):
        yield (ordered[first : first + BATCH],)


def layers(
    module: ModuleType,
    network: LayerArrays,
    states: tuple[RowStates, RowStates],
    results: tuple[NDArray[Any] | None, NDArray[Any] | None],
    *,
    symmetric: bool,
) -> Transform:
    """What turns inner products into entries by the recursion, layer by layer.

    Parameters
    ----------
    module : module
        Generated code.
    network : LayerArrays
        The network.
    states : pair of RowStates
        Those of the rows and of the columns.
    results : pair of arrays (n, m) or None
        NNGP and NTK; None for the one not wanted.
    symmetric : bool
        Whether the results are written to both triangles.
    """
    absent = np.empty((0, 0), dtype=next(result.dtype for result in results if result is not None))
    compiled = module.fill_nngp if results[1] is None else module.fill_ntk
    nearest = network.nearest[0 if results[1] is None else 1]
    constants = (nearest, network.which, network.weights, network.biases, network.slacks, network.shared)
    rows = (states[0].variances, states[0].tangents, states[0].rows, states[0].layout, states[1].layout)
    same_for_all = *constants, *rows, *(absent if result is None else result for result in results), symmetric

    def transform(x: Array, y: Array, other: int, first: int, last: int) -> Pairs:
        found: Pairs = compiled(x, y, other, first, last, network.scale, *same_for_all)
        return found

    nothing = np.empty((0, 0))
    kind = f"{compiled.__name__}, {absent.dtype}"
    store.first_call(module, kind, lambda: transform(nothing, nothing, 0, 0, 0))
    return transform
