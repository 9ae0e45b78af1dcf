"""Rows of the data are prepared before any pair is looked at: variances and row quantities, layer by layer."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import sub

import numpy as np
from numpy.typing import NDArray

from ntksym.gram.schedule import HiddenLayer, Machine
from ntksym.gram.threads import in_parallel
from ntksym.hermite.expansion import SeriesLayout
from ntksym.lowering import store
from ntksym.lowering.templates.frame import TILE
from ntksym.lowering.templates.series_layers import FIRST_GROUP, pack, slots_of
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import SMALLEST_VARIANCE

__all__ = ["RowStates", "prepare"]

SPAN = 16
"""Blocks that a thread prepares at a time."""

DIAGONAL_ONLY = SeriesLayout(1, 1)
"""What is stored of a series whose pairs nobody looks at."""


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
    rows : float array, shape (k,)
        Row quantities of every layer, shared by the sets that were prepared together.
    layout : int array, shape (layers, 4)
        For every layer: where in ``rows`` those of the first block begin, how many a block has; offset and stride of
        the coefficients if it is a series.
    series : tuple of SeriesLayout or None
        For every layer how much of it is stored if it is a series.
    reaches : tuple of float
        For every layer the largest |rho| that what is stored is accurate for, at all rows; 1 but for series.
    """

    count: int
    variances: Array
    tangents: Array
    rows: Array
    layout: NDArray[np.int64]
    series: tuple[SeriesLayout | None, ...]
    reaches: tuple[float, ...]

    @property
    def layers(self) -> int:
        """Number of hidden layers."""
        return self.variances.shape[1] - 1

    def variance(self, layer: int) -> Array:
        """Variance of every row before a layer (or, after the last, at the output), shape (count,)."""
        return self.variances[:, layer].reshape(-1)[: self.count]

    @property
    def tangent(self) -> Array:
        """Diagonal of the NTK, shape (count,)."""
        return self.tangents.reshape(-1)[: self.count]

    @property
    def vanished(self) -> NDArray[np.intp]:
        """Rows that are zero at the output; what is computed of their pairs is left from the smallest variance."""
        return np.flatnonzero(self.variance(self.layers) == 0)

    def diagonal(self, kernel: int) -> Array:
        """Diagonal of the NNGP (0) or of the NTK (1), shape (count,)."""
        return self.tangent if kernel else self.variance(self.layers)


def prepare(
    machine: Machine,
    squares: Sequence[Array],
    threads: int,
    *,
    check: Callable[[RowStates, int, int], object] = lambda states, number, layer: None,
    pairs: bool = True,
) -> tuple[RowStates, ...]:
    """The states of the rows of one set of data, or of two that will be paired: they share the layout of series.

    Parameters
    ----------
    machine : Machine
        The network.
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
    preparation = _Preparation(machine, squares, threads, pairs)

    def check_all(layers: range) -> None:
        sets = tuple(preparation.sets())
        for layer in layers:
            for number, states in enumerate(sets):
                check(states, number, layer)

    check_all(range(1))
    for begin, end in _runs(machine.hidden) if preparation.blocks else ():
        preparation.run(begin, end)
        check_all(range(begin + 1, end + 1))
    return tuple(preparation.sets())


def _runs(hidden: Sequence[HiddenLayer]) -> Iterator[tuple[int, int]]:
    """Bounds of the runs of layers that compiled code prepares in one go; a series is a run of its own."""
    series = [layer for layer, entry in enumerate(hidden) if entry.series is not None]
    edges = sorted({0, len(hidden), *series, *(layer + 1 for layer in series)})
    yield from pairwise(edges)


def _nesting(hidden: Sequence[HiddenLayer]) -> int:
    """The largest number of branches that are open at the same time."""
    opened = accumulate(layer.begins for layer in hidden)
    closed = accumulate((layer.ends for layer in hidden[:-1]), initial=0)
    return max(map(sub, opened, closed), default=0)


class _Preparation:
    """The rows of all sets as one sequence of blocks, on their way through the layers."""

    def __init__(self, machine: Machine, squares: Sequence[Array], threads: int, pairs: bool) -> None:
        self._module, self._arrays, self._hidden = machine.module, machine.arrays, machine.hidden
        arrays, hidden = machine.arrays, machine.hidden
        self._threads, self._pairs = threads, pairs
        self._counts = [len(square) for square in squares]
        self._heights = [-(-count // TILE) for count in self._counts]
        self.blocks = sum(self._heights)
        self._real = np.zeros(self.blocks * TILE, dtype=bool)
        first = np.ones(self.blocks * TILE)
        for (top, _), square in zip(self._bounds(), squares, strict=True):
            rows = slice(top * TILE, top * TILE + len(square))
            self._real[rows] = True
            first[rows] = arrays.weights[0] * (arrays.scale * square) + arrays.biases[0]
        self._variances = np.empty((self.blocks, len(hidden) + 1, TILE))
        self._variances[:, 0] = first.reshape(-1, TILE)
        self._tangents = self._variances[:, 0].copy()
        self._kept = np.empty((self.blocks, 2 * _nesting(hidden), TILE))
        self._layout = np.zeros((len(hidden), 4), dtype=np.int64)
        self._rows = np.empty(0)
        self._used = 0
        self._series: list[SeriesLayout | None] = [None] * len(hidden)
        self._reaches = [1.0] * len(hidden)

    def _bounds(self) -> Iterator[tuple[int, int]]:
        """First and last block of each set."""
        return pairwise(accumulate(self._heights, initial=0))

    def sets(self) -> Iterator[RowStates]:
        """The states, one a set."""
        for count, (top, last) in zip(self._counts, self._bounds(), strict=True):
            layout = self._layout.copy()
            layout[:, 0] += top * layout[:, 1]
            rows = self._variances[top:last], self._tangents[top:last], self._rows
            yield RowStates(count, *rows, layout, tuple(self._series), tuple(self._reaches))

    def run(self, begin: int, end: int) -> None:
        """Variances, tangents and row quantities of the layers begin <= layer < end."""
        if not self._pairs:
            self._used = 0  # the row quantities of former layers have served
        for layer in range(begin, end):
            slots = self._hidden[layer].slots
            if slots is None:
                self._expand(layer)
            else:
                self._room(layer, slots)
        arrays = self._arrays
        numbers = arrays.which, arrays.branches, arrays.vanishing, arrays.weights, arrays.biases, arrays.shared
        given = *numbers, self._layout, self._variances, self._tangents, self._kept, self._rows

        def advance(first: int, last: int) -> None:
            self._module.prepare(first, last, begin, end, *given)

        store.first_call(self._module, "prepare", lambda: advance(0, 0))
        in_parallel(advance, pairwise([*range(0, self.blocks, SPAN), self.blocks]), self._threads)

    def _expand(self, layer: int) -> None:
        variances = np.maximum(self._variances[:, layer].reshape(-1)[self._real], SMALLEST_VARIANCE)
        entry = self._hidden[layer]
        stored = entry.layout(variances) if self._pairs else DIAGONAL_ONLY
        expansion = entry.expand(variances, stored)
        self._series[layer], self._reaches[layer] = stored, float(expansion.limits[:, -1].min(initial=1.0))
        self._layout[layer, 2:] = expansion.offset, expansion.stride
        slots = slots_of(expansion) if self._pairs else FIRST_GROUP
        pack(expansion, variances, self._real, self._room(layer, slots))

    def _room(self, layer: int, slots: int) -> Array:
        """Memory for the row quantities of a layer, shape (blocks, slots, TILE)."""
        begin, self._used = self._used, self._used + self.blocks * slots * TILE
        if self._used > len(self._rows):  # later series, if there are any, will have about as many terms
            later = sum(hidden.slots or slots for hidden in self._hidden[layer + 1 :])
            longer = np.empty(self._used + later * self.blocks * TILE)
            longer[:begin] = self._rows[:begin]
            self._rows = longer
        self._layout[layer, :2] = begin, slots * TILE
        return self._rows[begin : self._used].reshape(self.blocks, slots, TILE)
