"""What is known of every row of the data before any pair is looked at: variances and row quantities, layer by layer."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from ntksym.lowering.frame import SMALLEST_VARIANCE, TILE
from ntksym.lowering.schedule import Arrays, Hidden
from ntksym.lowering.series_frame import pack
from ntksym.tiles.threads import in_parallel

__all__ = ["RowStates", "prepare"]

SPAN = 16
"""Blocks that a thread prepares at a time."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RowStates:
    """The states of the rows of one set of data.

    Parameters
    ----------
    count : int
        Number of rows; the arrays are padded to whole blocks.
    variances : float array, shape (blocks, layers + 1, TILE)
        Variance of every row before every layer, and at the output.
    tangents : float array, shape (blocks, TILE)
        Diagonal of the NTK.
    rows : float array, shape (blocks, k)
        Row quantities of every layer.
    layout : int array, shape (layers, 4)
        Where in ``rows`` those of a layer begin and end; offset and stride of its coefficients if it is a series.
    """

    count: int
    variances: Array
    tangents: Array
    rows: Array
    layout: NDArray[np.int64]

    def variance(self, layer: int) -> Array:
        """Variance of every row before a layer (or, after the last, at the output), shape (count,)."""
        return self.variances[:, layer].reshape(-1)[: self.count]

    @property
    def tangent(self) -> Array:
        """Diagonal of the NTK, shape (count,)."""
        return self.tangents.reshape(-1)[: self.count]


def prepare(
    module: ModuleType,
    network: Arrays,
    hidden: Sequence[Hidden],
    squares: Sequence[Array],
    threads: int,
    *,
    check: Callable[[RowStates, int, int], object] = lambda states, number, layer: None,
    pairs: bool = True,
) -> tuple[RowStates, ...]:
    """The states of the rows of one set of data, or of two that will be paired: they share the layout of series.

    Parameters
    ----------
    module : module
        Generated code.
    network : Arrays
        The network.
    hidden : sequence of Hidden
        Its hidden layers.
    squares : sequence of float arrays, shapes (n,)
        <x, x> of every row of each set.
    threads : int
        Number of threads.
    check : callable
        Called with the states so far, the number of the set and a layer, once the variances before that layer (or at
        the output) are known and before a series is expanded there.
    pairs : bool
        Whether pairs will be looked at; else the diagonal alone is wanted, and the states hold no row quantities.
    """
    preparation = _Preparation(module, network, hidden, squares, threads)
    sets = preparation.sets(np.empty((preparation.blocks, 0)))

    def check_all(layers: range) -> None:
        for layer in layers:
            for number, states in enumerate(sets):
                check(states, number, layer)

    check_all(range(1))
    pieces = []
    for begin, end in _runs(hidden) if preparation.blocks else ():
        piece = preparation.run(begin, end, pairs=pairs)
        check_all(range(begin + 1, end + 1))
        if pairs:
            pieces.append(piece)
    if not pieces:
        return sets
    return preparation.sets(pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=1))


def _runs(hidden: Sequence[Hidden]) -> Iterator[tuple[int, int]]:
    """Bounds of the runs of layers that compiled code prepares in one go; a series is a run of its own."""
    series = [layer for layer, entry in enumerate(hidden) if entry.slots is None]
    edges = sorted({0, len(hidden), *series, *(layer + 1 for layer in series)})
    yield from pairwise(edges)


class _Preparation:
    """The rows of all sets as one sequence of blocks, on their way through the layers."""

    def __init__(
        self, module: ModuleType, network: Arrays, hidden: Sequence[Hidden], squares: Sequence[Array], threads: int
    ) -> None:
        self._module, self._network, self._hidden, self._threads = module, network, hidden, threads
        self._counts = [len(square) for square in squares]
        self._heights = [-(-count // TILE) for count in self._counts]
        self.blocks = sum(self._heights)
        self._real = np.zeros(self.blocks * TILE, dtype=bool)
        first = np.ones(self.blocks * TILE)
        for (top, _), square in zip(self._bounds(), squares, strict=True):
            rows = slice(top * TILE, top * TILE + len(square))
            self._real[rows] = True
            first[rows] = network.weights[0] * (network.scale * square) + network.biases[0]
        self._variances = np.empty((self.blocks, len(hidden) + 1, TILE))
        self._variances[:, 0] = first.reshape(-1, TILE)
        self._tangents = self._variances[:, 0].copy()
        self._layout = np.zeros((len(hidden), 4), dtype=np.int64)

    def _bounds(self) -> Iterator[tuple[int, int]]:
        """First and last block of each set."""
        return pairwise(np.cumsum([0, *self._heights]).tolist())

    def sets(self, rows: Array) -> tuple[RowStates, ...]:
        """The states, one a set."""
        return tuple(
            RowStates(count, self._variances[top:last], self._tangents[top:last], rows[top:last], self._layout)
            for count, (top, last) in zip(self._counts, self._bounds(), strict=True)
        )

    def run(self, begin: int, end: int, *, pairs: bool) -> Array:
        """The row quantities of the layers begin <= layer < end; variances and tangents move on to ``end``."""
        if self._hidden[begin].slots is None:
            rows = self._expand(begin, pairs=pairs)
            widths = [rows.shape[1]]
        else:
            widths = [(hidden.slots or 0) * TILE for hidden in self._hidden[begin:end]]
            rows = np.empty((self.blocks, sum(widths)))
        edges = np.cumsum([self._layout[begin - 1, 1] if begin else 0, *widths])
        self._layout[begin:end, 0], self._layout[begin:end, 1] = edges[:-1], edges[1:]
        network = self._network
        numbers = (network.which, network.weights, network.biases, network.shared, self._layout)
        spans = list(pairwise([*range(0, self.blocks, SPAN), self.blocks]))
        jobs = ((*span, begin, end, *numbers, self._variances, self._tangents, rows) for span in spans)
        in_parallel(self._module.prepare, jobs, min(self._threads, len(spans)))
        return rows

    def _expand(self, layer: int, *, pairs: bool) -> Array:
        variances = np.maximum(self._variances[:, layer].reshape(-1)[self._real], SMALLEST_VARIANCE)
        expansion = self._hidden[layer].expand(variances)
        self._layout[layer, 2:] = expansion.offset, expansion.stride
        return pack(expansion, variances, self._real, pairs=pairs)
