"""From a network to a kernel: the driver `build`, whose lines are the stages in order, and what it builds.

    network -> duals -> parts (programs) -> source (text) -> kernel

`Kernel` keeps every stage: ``kernel.network``, ``kernel.duals``, ``kernel.programs``, ``kernel.source``. The text
becomes machine code at the first call, or its machine code comes from the store of a former process.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ntksym.activation.activation import Activation
from ntksym.dual import Dual
from ntksym.dual.derivation import compilable_dual
from ntksym.dual.derivation import derive as derive_dual
from ntksym.errors import InvalidInput, NoSuchDual
from ntksym.gram.choice import Choice, LoweredNetwork, engines
from ntksym.gram.distances import distances
from ntksym.gram.existence import require_slopes
from ntksym.gram.explanation import explanation, explanation_of_data
from ntksym.gram.inputs import answer, kernels, matrices, points, result_type, thread_count, tolerance
from ntksym.gram.routes import SMALLEST_SHARE, Points, bound_of, find_route, keeping_digits, prepare, row_states
from ntksym.gram.schedule import LayerPlan
from ntksym.lowering.emit import Source
from ntksym.lowering.lowered_activation import LoweredActivation
from ntksym.lowering.passes import Stages
from ntksym.lowering.templates.frame import TILE
from ntksym.network.layers import Network

__all__ = ["Kernel", "build"]

SHARES = 20
"""Truncation may use one part in so many of the tolerance, divided among the layers."""

DIAGONAL_BATCH = 1024 * TILE
"""Rows whose states are held at once when only the diagonal is wanted."""

Array = NDArray[Any]


def build(
    network: Network,
    tol: float = 1e-12,
    dtype: DTypeLike = "float64",
    derive: Callable[[Activation], Dual] = derive_dual,
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
    duals = {activation: compilable_dual(activation, derive) for activation in network.activations}
    tol = tolerance(tol)
    ways = engines(network, tuple(duals.values()), _shares(tol, network.depth))
    return Kernel(network, tol, result_type(dtype), derive, tuple(duals.values()), ways)


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
    engines : tuple of LoweredNetwork
        The ways in which it was lowered; a call takes the one that is cheapest on its data.
    """

    network: Network
    tol: float
    dtype: str
    derive: Callable[[Activation], Dual] = field(repr=False)
    duals: tuple[Dual, ...] = field(repr=False, compare=False)
    engines: tuple[LoweredNetwork, ...] = field(repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return build, (self.network, self.tol, self.dtype, self.derive)

    @property
    def dual(self) -> Dual | None:
        """The dual of the only activation, or of the first; None for a linear network."""
        return self.duals[0] if self.duals else None

    @property
    def source(self) -> Source:
        """The generated module with the closed forms; ``source.text`` is its text."""
        return self.engines[0].source

    @property
    def schedule(self) -> LayerPlan:
        """The layers in the form in which that module takes them."""
        return self.engines[0].schedule

    @property
    def programs(self) -> tuple[Stages, ...]:
        """The programs of the closed forms, one for each distinct formula."""
        return tuple(part.stages for part in self.source.parts if isinstance(part, LoweredActivation))

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
            Number of threads; by default the processors (or ``NUMBA_NUM_THREADS``, ``OMP_NUM_THREADS``) less those that
            other calls keep busy. The result is the same to the last bit.

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
        given = Points(x, y, wanted, thread_count(threads))
        results = matrices(out, wanted, given.pair, self.dtype)
        prepared = prepare(self.engines, self.tol, given)
        if len(x) and len(y):
            prepared.fill(results)
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
        count = thread_count(threads)
        return answer(get, keeping_digits(self.engines, lambda ways: self._diagonal(ways, x, wanted, count)))

    def _diagonal(
        self, ways: tuple[LoweredNetwork, ...], x: Array, wanted: tuple[str, ...], threads: int
    ) -> dict[str, Array]:
        """The diagonals that ``k(x)`` has with these engines."""
        choice = Choice(ways[0], ways[0].schedule)
        if len(ways) > 1:
            choice = find_route(ways, self.tol, Points(x, x, wanted, threads)).choice
        machine = choice.engine.machine(x.shape[1])
        results = {name: np.empty(len(x), dtype=self.dtype) for name in wanted}
        for first in range(0, len(x), DIAGONAL_BATCH):
            rows = slice(first, first + DIAGONAL_BATCH)
            batch = x[rows]
            given = Points(batch, batch, wanted, threads)
            (states,) = row_states(machine, choice.plan, given, first=first, pairs=False)
            for name, result in results.items():
                result[rows] = states.tangent if name == "ntk" else states.variance(len(choice.plan.hidden))
        return results

    def distance(
        self,
        X: ArrayLike,
        Y: ArrayLike | None = None,
        *,
        get: str | tuple[str, ...] = "ntk",
        threads: int | None = None,
    ) -> Any:
        """D[i, j] = k(X[i], X[i]) + k(Y[j], Y[j]) - 2 k(X[i], Y[j]), the squared distance; Y is X by default.

        Neighbours do not lose their digits: where D is small beside the diagonal, it is carried through the layers from
        the difference of the points.

        Parameters
        ----------
        X, Y, get, threads
            As for the kernel.

        Returns
        -------
        array of shape (n, n) or (n, m), or a named tuple of such arrays

        Raises
        ------
        InvalidInput, NoSuchDual, ToleranceNotMet
            As for the kernel; `ToleranceNotMet` also for neighbours where an activation has kinks and no closed form.
        """
        wanted = self._wanted(get)
        x, y = self._data(X, Y)
        given = Points(x, y, wanted, thread_count(threads))
        results = distances(replace(self, dtype="float64"), given)
        return answer(get, {name: matrix.astype(self.dtype, copy=False) for name, matrix in results.items()})

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
        bound = bound_of(self.engines, self.tol, Points(*self._data(X, Y), wanted, 1))
        return answer(get, {name: getattr(bound, name) for name in wanted})

    def explain(self, X: ArrayLike | None = None, Y: ArrayLike | None = None) -> str:
        """What was chosen for this network, and why; one line a decision.

        Parameters
        ----------
        X, Y : array_like, shapes (n, d), (m, d), optional
            Data: then also what is chosen for them.
        """
        lines = list(explanation(self))
        if X is not None:
            names = ("nngp", "ntk") if all(dual.continuous for dual in self.duals) else ("nngp",)
            given = Points(*self._data(X, Y), names, thread_count(None))
            try:
                route = find_route(self.engines, self.tol, given)
                series_fallback = route.exact is self.engines[0].series_fallback
                lines += explanation_of_data(route.choice, route.form, series_fallback=series_fallback)
            except NoSuchDual as error:
                lines.append(f"on these data: {error}")
        return "\n".join(lines)

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


def _shares(tol: float, depth: int) -> tuple[float, ...]:
    """The truncation error allowed to each series; what layers do to it afterwards is checked on the data."""
    return (max(tol / (SHARES * depth), SMALLEST_SHARE),) * depth if depth else ()


def _check_network(network: object) -> None:
    if not isinstance(network, Network):
        way_out = "try build(fully_connected('relu', depth=3))"
        raise InvalidInput(f"build needs a network, not {network!r}; {way_out}", network=network)
