"""Pairs whose correlation is too near 1 for the stored terms of a series: through all layers by `Dual.evaluate`."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntksym.lowering.schedule import Arrays, Hidden
from ntksym.tiles.states import RowStates
from ntksym.tiles.threads import in_parallel

__all__ = ["integrate"]

BATCH = 2048
"""Pairs evaluated at a time by one thread."""

Array = NDArray[np.float64]


def integrate(
    network: Arrays,
    hidden: Sequence[Hidden],
    points: tuple[Array, Array],
    states: tuple[RowStates, RowStates],
    pairs: NDArray[np.int64],
    results: tuple[NDArray[Any] | None, NDArray[Any] | None],
    threads: int,
) -> None:
    """Write the entries of some pairs, and those of their mirror images if the result is symmetric.

    Parameters
    ----------
    network, hidden : Arrays, sequence of Hidden
        The network.
    points, states : pairs
        The data and the states of their rows.
    pairs : int array, shape (k, 2)
        Rows of the first and of the second.
    results : pair of arrays (n, m) or None
        NNGP and NTK; None for the one not wanted.
    threads : int
        Number of threads.
    """
    if not len(pairs):
        return
    ordered = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    symmetric = points[0] is points[1]

    def work(first: int, last: int) -> None:
        i, j = ordered[first:last].T
        c = np.einsum("kd,kd->k", points[0][i], points[1][j])
        variances = [(states[0].variance(layer)[i], states[1].variance(layer)[j]) for layer in range(len(hidden))]
        for result, entries in zip(results, _advance(network, hidden, variances, c), strict=True):
            if result is not None:
                result[i, j] = entries
                if symmetric:
                    result[j, i] = entries

    in_parallel(work, pairwise([*range(0, len(ordered), BATCH), len(ordered)]), threads)


def _advance(
    network: Arrays, hidden: Sequence[Hidden], variances: Sequence[tuple[Array, Array]], products: Array
) -> tuple[Array, Array]:
    """The recursion of `ntksym.network.recursion`, with the variances known beforehand."""
    c = network.weights[0] * (network.scale * products) + network.biases[0]
    tangent = c
    for layer, (q1, q2) in enumerate(variances):
        weight, bias = network.weights[layer + 1], network.biases[layer + 1]
        slope: Any = 1.0
        dual = hidden[layer].dual
        if dual is not None:
            largest = np.sqrt(q1) * np.sqrt(q2)
            c, slope = dual.evaluate(q1, q2, np.clip(c, -largest, largest))
        c = weight * c + bias
        tangent = c + weight * slope * tangent
    return c, tangent
