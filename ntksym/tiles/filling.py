"""Tiles of a Gram matrix: which rows are computed together, and where the results go.

Inner products come from BLAS, panel by panel; compiled code then turns each block of ``TILE`` rows of a panel into
entries of the kernel, tile by tile. Of a symmetric matrix only the lower half is computed, and written to both.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntksym.lowering import store
from ntksym.lowering.frame import TILE
from ntksym.lowering.schedule import Arrays
from ntksym.tiles.states import RowStates
from ntksym.tiles.threads import in_parallel

__all__ = ["PANEL", "Panel", "Transform", "fill", "layers", "panels"]

PANEL = 8 * TILE
"""Rows whose inner products are computed by one call of BLAS."""

Array = NDArray[np.float64]
Pairs = NDArray[np.int64]
Transform = Callable[[Array, int, int, int, int], Pairs]
"""(products, offset, block, its rows, columns) -> pairs left out; products[i - offset, j] is <x_i, y_j>."""


@dataclass(frozen=True)
class Panel:
    """Rows ``first <= i < last`` of the result, columns ``0 <= j < width``; ``first`` begins a block."""

    first: int
    last: int
    width: int

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Pairs (block, number of its rows), the last first: of a symmetric matrix it is the longest."""
        for top in reversed(range(self.first, self.last, TILE)):
            yield top // TILE, min(TILE, self.last - top)


def panels(rows: int, columns: int, *, symmetric: bool) -> Iterator[Panel]:
    """Panels that cover the result, or its lower half."""
    for first in range(0, rows, PANEL):
        last = min(first + PANEL, rows)
        yield Panel(first, last, last if symmetric else columns)


def fill(
    points: tuple[Array, Array],
    results: tuple[NDArray[Any] | None, NDArray[Any] | None],
    transform: Transform,
    complete: Callable[[Pairs], object],
    threads: int,
) -> None:
    """Write the kernel into the results.

    Parameters
    ----------
    points : pair of float arrays, shapes (n, d), (m, d)
        The data; twice the same array for a symmetric result.
    results : pair of arrays (n, m) or None
        NNGP and NTK, C-contiguous, float64 or float32; None for the one not wanted.
    transform : callable
        What turns inner products into entries of these results, from `layers` or `ntksym.tiles.angle`.
    complete : callable
        What writes the entries of pairs (i, j), shape (k, 2), that the transform leaves out; k > 0.
    threads : int
        Number of threads for the compiled part; BLAS has its own.
    """
    x, y = points
    symmetric = x is y
    plan = list(panels(len(x), len(y), symmetric=symmetric))
    home = next(result for result in results if result is not None)

    def run(products: Array, offset: int, panel: Panel) -> Iterator[tuple[Any, ...]]:
        for block, height in panel.blocks():
            width = min(panel.width, block * TILE + height) if symmetric else panel.width
            yield products, offset, block, height, width

    def multiply(panel: Panel, products: Array) -> None:
        np.matmul(x[panel.first : panel.last], y[: panel.width].T, out=products)

    def work(*job: Any) -> None:
        left_out = transform(*job)
        if len(left_out):
            complete(left_out)

    if home.dtype == np.float64:  # the inner products wait in the result itself: no other memory is touched
        for panel in plan:
            multiply(panel, home[panel.first : panel.last, : panel.width])
        jobs = (job for panel in reversed(plan) for job in run(home, 0, panel))
        in_parallel(work, jobs, threads)
        return
    buffer = np.empty(PANEL * len(y))
    for panel in plan:
        height = panel.last - panel.first
        products = buffer[: height * panel.width].reshape(height, panel.width)
        multiply(panel, products)
        in_parallel(work, run(products, panel.first, panel), threads)


def layers(
    module: ModuleType,
    network: Arrays,
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
    network : Arrays
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

    def transform(products: Array, offset: int, block: int, height: int, width: int) -> Pairs:
        found: Pairs = compiled(products, offset, network.scale, block, height, width, *same_for_all)
        return found

    kind = f"{compiled.__name__}, {absent.dtype}"
    store.first_call(module, kind, lambda: transform(np.empty((0, 0)), 0, 0, 0, 0))
    return transform
