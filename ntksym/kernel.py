"""From a network to a kernel: the driver `build`, whose lines are the stages in order, and what it builds.

    network -> duals -> parts (programs) -> source (text) -> kernel

`Kernel` keeps every stage: ``kernel.network``, ``kernel.duals``, ``kernel.programs``, ``kernel.source``. The text
becomes machine code at the first call, or its machine code comes from the store of a former process.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ntksym.activation import Activation
from ntksym.arguments import answer, kernels, matrices, points, result_type, thread_count, tolerance
from ntksym.derivation import derive as derive_dual
from ntksym.errors import InvalidInput, ToleranceNotMet
from ntksym.existence import require_slopes, require_tangents, require_variances
from ntksym.lowering import store
from ntksym.lowering.emit import Source, emit
from ntksym.lowering.frame import TILE
from ntksym.lowering.parts import Part, lower
from ntksym.lowering.passes import Stages
from ntksym.lowering.schedule import Arrays, Hidden, Schedule, schedule
from ntksym.network.layers import Network
from ntksym.tiles import hard_pairs
from ntksym.tiles.filling import PANEL, fill
from ntksym.tiles.states import RowStates, prepare

__all__ = ["Kernel", "build"]

DIAGONAL_BATCH = 1024 * TILE
"""Rows whose states are held at once when only the diagonal is wanted."""

Array = NDArray[Any]


def build(
    network: Network,
    tol: float = 1e-12,
    dtype: DTypeLike = "float64",
    derive: Callable[[Activation], Any] = derive_dual,
) -> "Kernel":
    """The NNGP and NTK of a network, ready to be evaluated on data.

    Parameters
    ----------
    network : Network
        From ``serial`` or ``fully_connected``.
    tol : float
        Accuracy asked of duals that are not closed forms, relative to the diagonal; closed forms are exact to rounding.
    dtype : "float64" or "float32"
        Type of the results. The arithmetic is always float64.
    derive : callable
        Activation -> Dual.

    Raises
    ------
    InvalidInput
        For something that is not a network, a tolerance or a type of result.
    NoClosedForm
        If an activation has no closed form.
    NoSuchDual
        If an activation has no dual at any variance.
    ToleranceNotMet
        If a closed form loses its digits in float64 (sinc, near |rho| = 1 and at small variances).
    """
    _check_network(network)
    duals = {activation: derive(activation) for activation in network.activations}
    _check_stable(duals.values())
    parts = lower(duals.values())
    source = emit(parts)
    tol = tolerance(tol)
    plan = schedule(network, duals, parts, _shares(tol, network.depth))
    return Kernel(network, tol, result_type(dtype), derive, tuple(duals.values()), source, plan)


@dataclass(frozen=True)
class Kernel:
    """k(x, y): NNGP S(x, y) and NTK T(x, y) of an infinitely wide network; made by `build`.

    Parameters
    ----------
    network : Network
        What it is the kernel of.
    tol : float
        Accuracy asked of duals that are not closed forms.
    dtype : str
        "float64" or "float32", the type of the results.
    derive : callable
        What the duals came from.
    duals : tuple of Dual
        One for each distinct activation, in the order of first use.
    source : Source
        The generated module; ``source.text`` is its text.
    schedule : Schedule
        The layers in the form in which the module takes them.
    """

    network: Network
    tol: float
    dtype: str
    derive: Callable[[Activation], Any] = field(repr=False)
    duals: tuple[Any, ...] = field(repr=False, compare=False)
    source: Source = field(repr=False, compare=False)
    schedule: Schedule = field(repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return build, (self.network, self.tol, self.dtype, self.derive)

    @property
    def dual(self) -> Any:
        """The dual of the only activation, or of the first; None for a linear network."""
        return self.duals[0] if self.duals else None

    @property
    def programs(self) -> tuple[Stages, ...]:
        """The programs of the closed forms, one for each distinct formula."""
        return tuple(part.stages for part in self.source.parts if isinstance(part, Part))

    @property
    def program(self) -> Stages | None:
        """The program of the first closed form; None where there is none."""
        return self.programs[0] if self.programs else None

    def __call__(
        self,
        X: ArrayLike,
        Y: ArrayLike | None = None,
        *,
        get: str | tuple[str, ...] = "ntk",
        out: Any = None,
        threads: int | None = None,
    ) -> Any:
        """K[i, j] = k(X[i], Y[j]), or k(X[i], X[j]) without Y: then exactly symmetric, and at half the work.

        Parameters
        ----------
        X : array_like, shape (n, d)
            Points.
        Y : array_like, shape (m, d), optional
            Other points.
        get : "ntk", "nngp" or a tuple of these
            Which kernel; a tuple asks for a named tuple of matrices, computed in one pass.
        out : array, or sequence of arrays for a tuple, optional
            Where to put the results: C-contiguous, of this kernel's dtype and of the shape of the result.
        threads : int, optional
            Number of threads, by default that of numba (``NUMBA_NUM_THREADS``).

        Returns
        -------
        array of shape (n, n) or (n, m), or a named tuple of such arrays

        Raises
        ------
        InvalidInput
            For NaN, infinities, wrong shapes or types, and inputs so large that a variance overflows.
        NoSuchDual
            If a dual does not exist at the variances that occur, or the NTK because an activation jumps.
        """
        wanted = self._wanted(get)
        x = points(X, "X")
        y = x if Y is None or Y is X else points(Y, "Y")
        if x.shape[1] != y.shape[1]:
            raise InvalidInput(f"X has {x.shape[1]} features and Y has {y.shape[1]}; pass points of one space")
        threads = thread_count(threads)
        results = matrices(out, wanted, (x, y), self.dtype)
        machine = self._machine(x.shape[1])
        states = self._states(machine, {"X": x} if y is x else {"X": x, "Y": y}, wanted, threads)
        if len(x) and len(y):
            task = (x, y), (states[0], states[-1])
            targets = results.get("nngp"), results.get("ntk")
            left_out = fill(*machine, *task, targets, threads)
            hard_pairs.integrate(machine[1], self.schedule.hidden, *task, left_out, targets, threads)
        return answer(get, results)

    def diag(self, X: ArrayLike, *, get: str | tuple[str, ...] = "ntk", threads: int | None = None) -> Any:
        """k(X[i], X[i]) for every i, shape (n,): bit for bit the diagonal of ``k(X)``, in time proportional to n.

        Parameters
        ----------
        X : array_like, shape (n, d)
            Points.
        get : "ntk", "nngp" or a tuple of these
            Which kernel.
        threads : int, optional
            Number of threads.

        Raises
        ------
        InvalidInput, NoSuchDual
            As for the whole matrix.
        """
        wanted = self._wanted(get)
        x = points(X, "X")
        threads = thread_count(threads)
        machine = self._machine(x.shape[1])
        results = {name: np.empty(len(x), dtype=self.dtype) for name in wanted}
        for first in range(0, len(x), DIAGONAL_BATCH):
            batch = slice(first, first + DIAGONAL_BATCH)
            (states,) = self._states(machine, {"X": x[batch]}, wanted, threads, first=first, pairs=False)
            for name, result in results.items():
                result[batch] = states.tangent if name == "ntk" else states.variance(len(self.schedule.hidden))
        return answer(get, results)

    def explain(self) -> str:
        """What was chosen for this network, and why; one line a decision."""
        return "\n".join(_explanation(self))

    def __repr__(self) -> str:
        return f"<Kernel of {self.network!r}, {self.dtype}>"

    def _wanted(self, get: object) -> tuple[str, ...]:
        names = kernels(get)
        if "ntk" in names:
            require_slopes(self.schedule)
        return names

    def _machine(self, width: int) -> tuple[ModuleType, Arrays]:
        """The compiled module, and the network as arrays."""
        module = store.load(self.source.text)
        return module, self.schedule.arrays(module, width, self.source.columns)

    def _states(
        self,
        machine: tuple[ModuleType, Arrays],
        data: dict[str, Array],
        wanted: tuple[str, ...],
        threads: int,
        *,
        first: int = 0,
        pairs: bool = True,
    ) -> tuple[RowStates, ...]:
        """The states of the rows of X, or of X and Y, once it is certain that every dual exists there."""
        names = list(data)

        def check(states: RowStates, number: int, layer: int) -> None:
            require_variances(self.schedule, layer, states.variance(layer), names[number], first)
            if layer == len(self.schedule.hidden) and "ntk" in wanted:
                require_tangents(states.tangent, names[number], first)

        squares = [np.einsum("ij,ij->i", rows, rows) for rows in data.values()]
        return prepare(*machine, self.schedule.hidden, squares, threads, check=check, pairs=pairs)


def _shares(tol: float, depth: int) -> tuple[float, ...]:
    """The accuracy asked of the dual of each nonlinearity so that all of them together keep to ``tol``."""
    return (max(tol / (2 * depth), 1e-15),) * depth if depth else ()


def _check_network(network: object) -> None:
    if not isinstance(network, Network):
        way_out = "try build(fully_connected('relu', depth=3))"
        raise InvalidInput(f"build needs a network, not {network!r}; {way_out}", network=network)


def _check_stable(duals: Iterable[Any]) -> None:
    for dual in duals:
        if not getattr(dual, "stable", True):
            raise ToleranceNotMet(
                f"the closed form of {dual.activation} divides by q1*q2 - c**2: in float64 no digit is certain near "
                "|rho| = 1; for single entries use derive(...).evaluate(q1, q2, c), which works at higher precision",
                dual=dual,
            )


def _explanation(kernel: Kernel) -> Iterator[str]:
    yield repr(kernel.network)
    yield f"results {kernel.dtype}, arithmetic float64; tol {kernel.tol:g} is for duals without a closed form"
    for number, hidden in enumerate(kernel.schedule.hidden, 1):
        if hidden.dual is None:
            yield f"layer {number}: no activation, then {hidden.dense}"
            continue
        activation = hidden.dual.activation
        values = "".join(f", {name} = {value}" for name, value in activation.parameters)
        functions = kernel.source.parts[hidden.number].name
        yield f"layer {number}: {activation.name}{values}; {hidden.dual.kind} form, {functions}_*; then {hidden.dense}"
        if hidden.slots is None:
            yield f"    {_series(hidden)}"
    for part in kernel.source.parts:
        if isinstance(part, Part):
            rows = ", ".join(part.slots)
            yield f"{part.name}: once a layer {len(part.shared)} numbers; once a row and layer {rows}"
    yield f"tiles of {TILE} x {TILE} entries, depth a loop inside the tile; k(X) computes one half and writes both"
    where = "the result itself, transformed in place" if kernel.dtype == "float64" else f"a buffer of {PANEL} rows"
    yield f"inner products by BLAS, in panels of {PANEL} rows, into {where}"
    yield f"threads: {thread_count(None)} (NUMBA_NUM_THREADS), or the argument threads"
    size = len(kernel.source.text)
    yield f"source: {store.name_of(kernel.source.text)}.py, {size} bytes, for any depth, W_std, b_std and parameters"


def _series(hidden: Hidden) -> str:
    """What a series layer does at variance 1; the number of terms depends on the data."""
    expansion = hidden.expand(np.ones(1))
    terms = expansion.coefficients.shape[1]
    skipped = {(0, 1): "", (0, 2): " of even order", (1, 2): " of odd order"}[expansion.offset, expansion.stride]
    largest = expansion.limits[0, -1]
    beyond = "every |rho| is summed" if largest >= 1 else f"|rho| up to {largest:.6g} is summed, beyond by quadrature"
    return f"tolerance {hidden.tolerance:.2g}; at variance 1 {terms} terms{skipped} are stored, and {beyond}"
