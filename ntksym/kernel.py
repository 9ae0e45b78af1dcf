"""From a network to a kernel: the driver `build`, whose lines are the stages in order, and what it builds.

    network -> duals -> parts (programs) -> source (text) -> kernel

`Kernel` keeps every stage: ``kernel.network``, ``kernel.duals``, ``kernel.programs``, ``kernel.source``. The text
becomes machine code at the first call, or its machine code comes from the store of a former process.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ntksym.activation import Activation
from ntksym.arguments import answer, kernels, matrices, points, result_type, thread_count, tolerance
from ntksym.derivation import derive as derive_dual
from ntksym.dual import series_dual
from ntksym.errors import InvalidInput, ToleranceNotMet
from ntksym.existence import require_slopes, require_tangents, require_variances
from ntksym.explanation import explanation
from ntksym.lowering import store
from ntksym.lowering.emit import Source, emit
from ntksym.lowering.frame import TILE
from ntksym.lowering.parts import Part, lower
from ntksym.lowering.passes import Stages
from ntksym.lowering.schedule import Arrays, Schedule, schedule
from ntksym.network.layers import Network
from ntksym.propagation import Bound, largest_correlation, propagate
from ntksym.tiles import hard_pairs
from ntksym.tiles.filling import fill
from ntksym.tiles.states import RowStates, prepare

__all__ = ["Kernel", "build"]

SHARES = 20
"""Truncation may use one part in so many of the tolerance, divided among the layers."""

SMALLEST_SHARE = 2e-15
"""Less is hidden by rounding."""

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
        Error allowed in an entry, relative to sqrt(K(x, x) K(y, y)), after all layers. Closed forms are exact to
        rounding, which is not counted.
    dtype : "float64" or "float32"
        Type of the results. The arithmetic is always float64.
    derive : callable
        Activation -> Dual.

    Raises
    ------
    InvalidInput
        For something that is not a network, a tolerance or a type of result.
    NoSuchDual
        If an activation has no dual at any variance.
    """
    _check_network(network)
    duals = {activation: _in_float64(derive(activation)) for activation in network.activations}
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
        Error allowed in an entry, relative to sqrt(K(x, x) K(y, y)).
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
        ToleranceNotMet
            If the errors of series cannot be kept below ``tol`` on these data.
        """
        wanted = self._wanted(get)
        x, y = self._data(X, Y)
        threads = thread_count(threads)
        results = matrices(out, wanted, (x, y), self.dtype)
        machine = self._machine(x.shape[1])
        data = {"X": x} if y is x else {"X": x, "Y": y}
        states = self._states(machine, data, wanted, threads)
        if len(x) and len(y):
            plan, worst = self._settle(machine[1], (x, y), (states[0], states[-1]), wanted)
            _require_tolerance(self.tol, worst)
            if plan is not self.schedule:
                states = self._states(machine, data, wanted, threads, plan=plan)
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

    def error_bound(self, X: ArrayLike, Y: ArrayLike | None = None, *, get: str | tuple[str, ...] = "ntk") -> Any:
        """The largest |K~(x, y) - K(x, y)|/sqrt(K(x, x) K(y, y)) is at most this, over the pairs of these data.

        It holds what series leave out and get wrong, and how the layers behind them change that, to first order; the
        rounding inside closed forms is not counted.

        Parameters
        ----------
        X, Y : array_like, shapes (n, d), (m, d)
            As for the kernel.
        get : "ntk", "nngp" or a tuple of these
            Which kernel; a tuple asks for a named tuple of bounds.

        Raises
        ------
        InvalidInput, NoSuchDual
            As for the kernel.
        """
        wanted = self._wanted(get)
        x, y = self._data(X, Y)
        machine = self._machine(x.shape[1])
        data = {"X": x} if y is x else {"X": x, "Y": y}
        states = self._states(machine, data, wanted, 1, pairs=False)
        pair = states[0], states[-1]
        bound = Bound(0.0, 0.0)
        if len(x) and len(y):
            plan, _ = self._settle(machine[1], (x, y), pair, wanted)
            bound = propagate(machine[1], plan.hidden, pair, largest_correlation(machine[1], (x, y), pair))
        return answer(get, {name: getattr(bound, name) for name in wanted})

    def explain(self) -> str:
        """What was chosen for this network, and why; one line a decision."""
        return "\n".join(explanation(self))

    def __repr__(self) -> str:
        return f"<Kernel of {self.network!r}, {self.dtype}>"

    def _wanted(self, get: object) -> tuple[str, ...]:
        names = kernels(get)
        if "ntk" in names:
            require_slopes(self.schedule)
        return names

    def _data(self, X: ArrayLike, Y: ArrayLike | None) -> tuple[Array, Array]:
        x = points(X, "X")
        y = x if Y is None or Y is X else points(Y, "Y")
        if x.shape[1] != y.shape[1]:
            raise InvalidInput(f"X has {x.shape[1]} features and Y has {y.shape[1]}; pass points of one space")
        return x, y

    def _settle(
        self, network: Arrays, data: tuple[Array, Array], states: tuple[RowStates, RowStates], wanted: tuple[str, ...]
    ) -> tuple[Schedule, float]:
        """The plan to follow and its bound: as made, or with the least truncation where that is what it takes.

        First for correlations up to 1, which costs nothing; where that is not enough, for those of the data.
        """
        if all(entry.dual is None or entry.dual.kind == "closed" for entry in self.schedule.hidden):
            return self.schedule, 0.0
        plan, worst = self.schedule, np.inf
        for largest in (lambda: 1.0, lambda: largest_correlation(network, data, states)):
            rho = largest()
            for plan in (self.schedule, self.schedule.tightened(SMALLEST_SHARE)):
                bound = propagate(network, plan.hidden, states, rho)
                worst = max(getattr(bound, name) for name in wanted)
                if worst <= self.tol:
                    return plan, worst
        return plan, worst

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
        plan: Schedule | None = None,
    ) -> tuple[RowStates, ...]:
        """The states of the rows of X, or of X and Y, once it is certain that every dual exists there."""
        names = list(data)

        def check(states: RowStates, number: int, layer: int) -> None:
            require_variances(self.schedule, layer, states.variance(layer), names[number], first)
            if layer == len(self.schedule.hidden) and "ntk" in wanted:
                require_tangents(states.tangent, names[number], first)

        squares = [np.einsum("ij,ij->i", rows, rows) for rows in data.values()]
        hidden = (plan or self.schedule).hidden
        return prepare(*machine, hidden, squares, threads, check=check, pairs=pairs)


def _require_tolerance(tol: float, worst: float) -> None:
    if worst <= tol:
        return
    way_out = f"build the kernel with tol={worst * 1.1:.1e}, or remove points that are nearly equal"
    if worst >= 0.9:
        way_out = 'remove points that are nearly equal or opposite, use a smaller W_std, or ask for get="nngp"'
    raise ToleranceNotMet(
        f"the tolerance {tol:g} cannot be guaranteed on these data: {worst:.2g} is what can; {way_out}", achieved=worst
    )


def _shares(tol: float, depth: int) -> tuple[float, ...]:
    """The truncation error allowed to each series; what layers do to it afterwards is checked on the data."""
    return (max(tol / (SHARES * depth), SMALLEST_SHARE),) * depth if depth else ()


def _check_network(network: object) -> None:
    if not isinstance(network, Network):
        way_out = "try build(fully_connected('relu', depth=3))"
        raise InvalidInput(f"build needs a network, not {network!r}; {way_out}", network=network)


def _in_float64(dual: Any) -> Any:
    """The dual itself, or a series where the closed form loses its digits (sinc divides by q1*q2 - c**2)."""
    return dual if getattr(dual, "stable", True) else series_dual(dual.activation)
