"""Distances between points as a network sees them: K(x, x) + K(y, y) - 2 K(x, y), which loses its digits at neighbours.

Entries that are not small beside the diagonal are subtracted; the others are carried through the layers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntksym.activation.activation import Activation
from ntksym.dual import series_dual
from ntksym.gram.choice import LoweredNetwork, may_lose_digits
from ntksym.gram.existence import LosesDigits
from ntksym.gram.pairs.deferred import BATCH, begin, variances_of
from ntksym.gram.pairs.near_distances import separate
from ntksym.gram.routes import Points, row_states
from ntksym.gram.rows import RowStates
from ntksym.gram.schedule import HiddenLayer, LayerArrays, schedule
from ntksym.gram.threads import in_parallel
from ntksym.lowering.emit import emit
from ntksym.lowering.lowered_activation import lower
from ntksym.network.layers import Network
from ntksym.symbolic.numeric_form import NumericForm

__all__ = ["distances"]

SMALL = 2.0**-6
"""Distance, relative to K(x, x) + K(y, y), below which it is carried: a subtraction keeps 1e-14 of the sum."""

ROWS = 64
"""Rows that a thread turns into distances at a time."""

Array = NDArray[Any]


@dataclass(frozen=True)
class _Bent:
    """A closed form with the derivative of its slope, which the compiled code of distances needs."""

    dual: Any
    numeric: NumericForm

    @property
    def activation(self) -> Activation:
        activation: Activation = self.dual.activation
        return activation


def distances(kernel: Any, points: Points) -> dict[str, Array]:
    """K(x, x) + K(y, y) - 2 K(x, y) by the name of each kernel that is wanted, float64, shape (n, m).

    Parameters
    ----------
    kernel : Kernel
        Of dtype float64.
    points : Points
        The data.

    Raises
    ------
    ToleranceNotMet
        If a derivative of a slope is needed that has neither a closed form nor a series that serves.
    """
    x, y = points.pair
    how = {"get": points.wanted, "threads": points.threads}
    kernels = kernel(x, None if y is x else y, **how)._asdict()
    left = kernel.diag(x, **how)._asdict()
    right = left if y is x else kernel.diag(y, **how)._asdict()
    if len(x) and len(y):
        ends = {name: (left[name], right[name]) for name in kernels}
        try:
            _separate(kernel.network, kernel.duals, points, kernels, ends)
        except LosesDigits:
            others = tuple(series_dual(dual.activation) if may_lose_digits(dual) else dual for dual in kernel.duals)
            _separate(kernel.network, others, points, kernels, ends)
    return dict(kernels)


def _separate(
    network: Network,
    duals: tuple[Any, ...],
    points: Points,
    kernels: Mapping[str, Array],
    ends: Mapping[str, tuple[Array, Array]],
) -> None:
    """Turn entries of kernels into distances, in place; ``ends`` are the diagonals on both sides."""
    engine = _engine(network, duals, "ntk" in points.wanted)
    machine = engine.machine(points.x.shape[1])
    states = row_states(machine, engine.schedule, points, pairs=False)
    pair = states[0], states[-1]
    symmetric = points.x is points.y

    def subtract(first: int, last: int) -> None:
        for name, matrix in kernels.items():
            rows = matrix[first:last]
            rows *= -2.0
            rows += ends[name][0][first:last, None] + ends[name][1]

    def carry(first: int, last: int) -> None:
        width = last if symmetric else len(points.y)
        small = np.zeros((last - first, width), dtype=bool)
        for name, matrix in kernels.items():
            total = ends[name][0][first:last, None] + ends[name][1][:width]
            small |= matrix[first:last, :width] < SMALL * total
        i, j = np.nonzero(small)
        i += first
        kept = i > j if symmetric else np.ones(len(i), dtype=bool)
        for start in range(0, np.count_nonzero(kept), BATCH):
            batch = slice(start, start + BATCH)
            _carry(machine, engine.schedule.hidden, points, pair, (i[kept][batch], j[kept][batch]), kernels)

    spans = list(pairwise([*range(0, len(points.x), ROWS), len(points.x)]))
    in_parallel(subtract, spans, points.threads)
    in_parallel(carry, spans, points.threads)
    if symmetric:
        for matrix in kernels.values():
            np.fill_diagonal(matrix, 0.0)


def _carry(
    machine: tuple[ModuleType, LayerArrays],
    hidden: Sequence[HiddenLayer],
    points: Points,
    states: tuple[RowStates, RowStates],
    pairs: tuple[NDArray[np.int64], NDArray[np.int64]],
    kernels: Mapping[str, Array],
) -> None:
    """Write the distances of some pairs of rows, and those of their mirror images."""
    module, network = machine
    i, j = pairs
    variances = list(zip(variances_of(states[0], i), variances_of(states[1], j), strict=True))
    state = begin(network, points.pair, pairs, variances[0])
    for name, found in zip(("nngp", "ntk"), separate(module, network, hidden, variances, *state), strict=True):
        if name in kernels:
            kernels[name][i, j] = found
            if points.x is points.y:
                kernels[name][j, i] = found


@lru_cache(maxsize=32)
def _engine(network: Network, duals: tuple[Any, ...], tangents: bool) -> LoweredNetwork:
    """The network lowered; for the NTK with the derivatives of the slopes, or with a series where there is none."""
    known: dict[Activation, Any] = {dual.activation: dual for dual in duals}
    for dual in duals if tangents else ():
        bent = dual.bent if dual.kind == "closed" else None
        known[dual.activation] = series_dual(dual.activation) if bent is None else _Bent(dual, bent)
    parts = lower(known.values())
    plan = schedule(network, known, parts, (0.0,) * network.depth)
    hidden = (replace(e, dual=e.dual.dual) if isinstance(e.dual, _Bent) else e for e in plan.hidden)
    return LoweredNetwork(emit(parts), replace(plan, hidden=tuple(hidden)))
