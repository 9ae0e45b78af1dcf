"""Distances between points as a network sees them: K(x, x) + K(y, y) - 2 K(x, y), which loses its digits at neighbours.

Entries that are not small beside the diagonal are subtracted; the others are carried through the layers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntksym.activation.activation import Activation
from ntksym.dual import ClosedDual, Dual, series_dual
from ntksym.gram.engines import Candidates, Forms, LoweredNetwork, keeping_digits, with_series
from ntksym.gram.inputs import Request
from ntksym.gram.linearisation import schedule
from ntksym.gram.pairs.deferred import BATCH, RowPairs, begin, variances_of_pairs
from ntksym.gram.pairs.near_distances import separate
from ntksym.gram.routes import Rows, prepare_rows
from ntksym.gram.rows import RowStates
from ntksym.gram.schedule import Machine
from ntksym.gram.threads import in_parallel
from ntksym.lowering.emit import emit
from ntksym.lowering.lowered_activation import lower
from ntksym.network.layers import Network
from ntksym.symbolic.numeric_form import NumericForm

__all__ = ["separate_rows"]

SMALL = 2.0**-6
"""Distance, relative to K(x, x) + K(y, y), below which it is carried: a subtraction keeps 1e-14 of the sum."""

ROWS = 64
"""Rows that a thread turns into distances at a time."""

Array = NDArray[Any]


@dataclass(frozen=True)
class _Curved:
    """What is lowered of a dual: a closed form with the derivative of its slope, if there is one, or a series."""

    activation: Activation
    numeric: NumericForm | None


def separate_rows(
    candidates: Candidates,
    request: Request,
    kernels: Mapping[str, Array],
    ends: Mapping[str, tuple[Array, Array]],
) -> None:
    """Turn entries of kernels into K(x, x) + K(y, y) - 2 K(x, y), in place.

    Parameters
    ----------
    candidates : Candidates
        The network.
    request : Request
        The data.
    kernels : mapping of float arrays, shape (n, m)
        The entries, by the name of the kernel.
    ends : mapping of pairs of float arrays, shapes (n,), (m,)
        The diagonals on both sides.

    Raises
    ------
    ToleranceNotMet
        If a derivative of a slope is needed that has neither a closed form nor a series that is accurate.
    """

    def attempt(lost: frozenset[int]) -> tuple[Rows, frozenset[int]]:
        forms = with_series(candidates.closed, lost)
        network = _with_curvature(candidates.network, candidates.duals, forms, "ntk" in request.wanted)
        rows = prepare_rows(network, request, pairs=False)
        return rows, rows.lost

    rows = keeping_digits(attempt)
    network = rows.network
    machine, states, symmetric = network.machine(request.features), rows.states, request.symmetric

    def subtract(first: int, last: int) -> None:
        for name, matrix in kernels.items():
            rows = matrix[first:last]
            rows *= -2.0
            rows += ends[name][0][first:last, None] + ends[name][1]

    def carry(first: int, last: int) -> None:
        width = last if symmetric else len(request.y)
        small = np.zeros((last - first, width), dtype=bool)
        for name, matrix in kernels.items():
            total = ends[name][0][first:last, None] + ends[name][1][:width]
            small |= matrix[first:last, :width] < SMALL * total
        i, j = np.nonzero(small)
        i += first
        kept = i > j if symmetric else np.ones(len(i), dtype=bool)
        for start in range(0, np.count_nonzero(kept), BATCH):
            batch = slice(start, start + BATCH)
            _carry(machine, request, states, (i[kept][batch], j[kept][batch]), kernels)

    spans = list(pairwise([*range(0, len(request.x), ROWS), len(request.x)]))
    in_parallel(subtract, spans, request.threads)
    in_parallel(carry, spans, request.threads)
    if symmetric:
        for matrix in kernels.values():
            np.fill_diagonal(matrix, 0.0)


def _carry(
    machine: Machine,
    request: Request,
    states: tuple[RowStates, RowStates],
    pairs: RowPairs,
    kernels: Mapping[str, Array],
) -> None:
    """Write the distances of some pairs of rows, and those of their mirror images."""
    i, j = pairs
    variances = variances_of_pairs(states, pairs)
    state = begin(machine.arrays, request.pair, pairs, variances[0])
    found = separate(machine, variances, *state)
    for name, entries in zip(("nngp", "ntk"), found, strict=True):
        if name in kernels:
            kernels[name][i, j] = entries
            if request.symmetric:
                kernels[name][j, i] = entries


@lru_cache(maxsize=32)
def _with_curvature(network: Network, duals: tuple[Dual, ...], forms: Forms, tangents: bool) -> LoweredNetwork:
    """The network lowered; for the NTK with the derivatives of the slopes, or with a series where there is none."""
    used: list[Dual] = []
    curved: list[_Curved] = []
    for dual, form in zip(duals, forms, strict=True):
        numeric = dual.numeric
        if tangents:
            numeric = dual.bent if isinstance(dual, ClosedDual) else None
        numeric = numeric if form == "closed" else None
        used.append(series_dual(dual.activation) if numeric is None else dual)
        curved.append(_Curved(dual.activation, numeric))
    parts = lower(dict.fromkeys(curved))
    layers = schedule(network, used, [one.numeric for one in curved], parts, 0.0)
    return LoweredNetwork(emit(parts, branched=layers.branched), layers)
