"""Tiles of a Gram matrix: which rows are computed together, and where the results go.

Compiled code takes one block of ``TILE`` columns and some blocks of rows, and turns them, tile by tile, into entries:
inner products, recursion and writing in one go. Of a symmetric matrix only the lower half is computed, and written to
both.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntksym.gram.threads import in_parallel
from ntksym.lowering import store
from ntksym.lowering.templates.frame import TILE
from ntksym.numerics.arrays import Array

__all__ = ["SPAN", "Compiled", "Results", "Transform", "fill", "spans"]

SPAN = 16
"""Blocks of rows that a thread computes at a time."""

MANY, BATCH = 64, 1024
"""Pairs left out by one job that are completed at once; fewer wait for the others, and are completed in batches."""

ALONE = 3e-4
"""Seconds of work before other threads are worth their start."""

Pairs = NDArray[np.int64]
Transform = Callable[[Array, Array, int, int, int], Pairs]
"""(x, y, block of columns, blocks of rows from, to) -> pairs left out."""

Results = tuple[NDArray[Any] | None, NDArray[Any] | None]
"""NNGP and NTK, None for the one not wanted: the arrays that are filled, or entries of some pairs."""


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
        What turns rows and columns into entries of the results, from `Compiled.into`.
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


@dataclass(frozen=True, eq=False)
class Compiled:
    """A function of a generated module that fills tiles, with all of its arguments but the results.

    Parameters
    ----------
    module : module
        Generated code.
    name : str
        What the function is called there.
    arguments : tuple
        Those between what says which tiles, and the results.
    """

    module: ModuleType
    name: str
    arguments: tuple[Any, ...]

    def into(self, results: Results, *, symmetric: bool) -> Transform:
        """What turns inner products into entries of these results.

        Parameters
        ----------
        results : pair of arrays (n, m) or None
            NNGP and NTK; None for the one not wanted.
        symmetric : bool
            Whether the results are written to both triangles.
        """
        absent = np.empty((0, 0), dtype=next(result.dtype for result in results if result is not None))
        targets = *(absent if result is None else result for result in results), symmetric
        function = getattr(self.module, self.name)

        def transform(x: Array, y: Array, other: int, first: int, last: int) -> Pairs:
            found: Pairs = function(x, y, other, first, last, *self.arguments, *targets)
            return found

        nothing = np.empty((0, 0))
        store.first_call(self.module, f"{self.name}, {absent.dtype}", lambda: transform(nothing, nothing, 0, 0, 0))
        return transform
