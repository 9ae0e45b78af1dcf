"""Tiles of a Gram matrix: which rows are computed together, by how many threads, and where the results go.

Inner products come from BLAS, panel by panel; compiled code then turns each block of ``TILE`` rows of a panel into
entries of the kernel, tile by tile. Of a symmetric matrix only the lower half is computed, and written to both.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntksym.lowering.frame import TILE
from ntksym.lowering.schedule import Arrays

__all__ = ["Panel", "RowStates", "fill", "in_parallel", "panels", "prepare"]

PANEL = 8 * TILE
"""Rows whose inner products are computed by one call of BLAS."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RowStates:
    """What is known of every row of the data before any pair is looked at.

    Parameters
    ----------
    count : int
        Number of rows; the arrays are padded to whole blocks.
    variances : float array, shape (blocks, layers + 1, TILE)
        Variance of every row before every layer, and at the output.
    tangents : float array, shape (blocks, TILE)
        Diagonal of the NTK.
    rows : float array, shape (blocks, layers, slots * TILE)
        Row quantities of every layer.
    """

    count: int
    variances: Array
    tangents: Array
    rows: Array

    def variance(self, layer: int) -> Array:
        """Variance of every row before a layer (or, after the last, at the output), shape (count,)."""
        return self.variances[:, layer].reshape(-1)[: self.count]

    @property
    def tangent(self) -> Array:
        """Diagonal of the NTK, shape (count,)."""
        return self.tangents.reshape(-1)[: self.count]


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


def in_parallel(work: Callable[..., object], jobs: Iterable[tuple[Any, ...]], threads: int) -> None:
    """Call ``work(*job)`` for every job from several threads; each takes the next job when it has finished one.

    The first exception of any thread stops the others at their next job and is raised here.
    """
    waiting = iter(jobs)
    lock = threading.Lock()
    failures: list[BaseException] = []

    def take() -> None:
        try:
            while not failures:
                with lock:
                    job = next(waiting, None)
                if job is None:
                    return
                work(*job)
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=take, name="ntksym-tiles") for _ in range(threads - 1)]
    for worker in workers:
        worker.start()
    take()
    for worker in workers:
        worker.join()
    if failures:
        raise failures[0]


def prepare(module: ModuleType, network: Arrays, squares: Array, slots: int, threads: int) -> RowStates:
    """The states of the rows of the data.

    Parameters
    ----------
    module : module
        Generated code.
    network : Arrays
        The network.
    squares : float array, shape (n,)
        <x, x> of every row.
    slots : int
        Row quantities to make room for.
    threads : int
        Number of threads.
    """
    count, depth = len(squares), len(network.which)
    blocks = -(-count // TILE)
    variances = np.empty((blocks, depth + 1, TILE))
    padded = np.ones(blocks * TILE)
    padded[:count] = network.weights[0] * (network.scale * squares) + network.biases[0]
    variances[:, 0] = padded.reshape(blocks, TILE)
    tangents = variances[:, 0].copy()
    rows = np.empty((blocks, depth, slots * TILE))
    arrays = (network.which, network.weights, network.biases, network.shared, variances, tangents, rows)
    bounds = [*range(0, blocks, 16), blocks]
    in_parallel(module.prepare, ((*span, *arrays) for span in pairwise(bounds)), min(threads, len(bounds) - 1))
    return RowStates(count, variances, tangents, rows)


def fill(
    module: ModuleType,
    network: Arrays,
    points: tuple[Array, Array],
    states: tuple[RowStates, RowStates],
    results: tuple[NDArray[Any] | None, NDArray[Any] | None],
    threads: int,
) -> None:
    """Write the kernel into the results.

    Parameters
    ----------
    module : module
        Generated code.
    network : Arrays
        The network.
    points : pair of float arrays, shapes (n, d), (m, d)
        The data; twice the same array for a symmetric result.
    states : pair of RowStates
        Theirs.
    results : pair of arrays (n, m) or None
        NNGP and NTK, C-contiguous, float64 or float32; None for the one not wanted.
    threads : int
        Number of threads for the compiled part; BLAS has its own.
    """
    x, y = points
    nngp, ntk = results
    symmetric = x is y
    plan = list(panels(len(x), len(y), symmetric=symmetric))
    given = [result for result in results if result is not None]
    transform = module.fill_nngp if ntk is None else module.fill_ntk
    absent = np.empty((0, 0), dtype=given[0].dtype)
    constants = (network.which, network.weights, network.biases, network.slacks, network.shared)
    rows = (states[0].variances, states[0].tangents, states[0].rows, states[1].rows)
    targets = (absent if nngp is None else nngp, absent if ntk is None else ntk, symmetric)

    def run(products: Array, offset: int, panel: Panel) -> Iterator[tuple[Any, ...]]:
        for block, height in panel.blocks():
            width = min(panel.width, block * TILE + height) if symmetric else panel.width
            yield products, offset, network.scale, block, height, width, *constants, *rows, *targets

    def multiply(panel: Panel, products: Array) -> None:
        np.matmul(x[panel.first : panel.last], y[: panel.width].T, out=products)

    if given[0].dtype == np.float64:  # the inner products wait in the result itself: no other memory is touched
        home = given[0]
        for panel in plan:
            multiply(panel, home[panel.first : panel.last, : panel.width])
        jobs = (job for panel in reversed(plan) for job in run(home, 0, panel))
        in_parallel(transform, jobs, threads)
        return
    buffer = np.empty(PANEL * len(y))
    for panel in plan:
        height = panel.last - panel.first
        products = buffer[: height * panel.width].reshape(height, panel.width)
        multiply(panel, products)
        in_parallel(transform, run(products, panel.first, panel), threads)
