"""From a network to a kernel: the driver `build`, whose lines are the stages in order, and what it builds.

    network -> duals -> parts (programs) -> source (text) -> kernel

`Kernel` keeps every stage: ``kernel.network``, ``kernel.duals``, ``kernel.programs``, ``kernel.source``. The text
becomes machine code at the first call, or its machine code comes from the store of a former process.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import ArrayLike, DTypeLike, NDArray

from ntksym.activation.activation import Activation
from ntksym.dual import Dual
from ntksym.dual.derivation import compilable_dual
from ntksym.dual.derivation import derive as derive_dual
from ntksym.errors import InvalidInput, NoSuchDual
from ntksym.gram.engines import Candidates, LoweredNetwork
from ntksym.gram.existence import require_slopes
from ntksym.gram.explanation import explain_network
from ntksym.gram.inputs import Request, kernels, points, result_type, thread_count, tolerance
from ntksym.gram.prepared import KernelOnData
from ntksym.gram.routes import Route, require_route
from ntksym.gram.schedule import LayerPlan
from ntksym.kept import kept
from ntksym.lowering.emit import Source
from ntksym.lowering.lowered_activation import LoweredActivation
from ntksym.lowering.passes import Stages
from ntksym.network.layers import Network

__all__ = ["Kernel", "build"]

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
    candidates = Candidates(network, tuple(duals[activation] for activation in network.activations), tol)
    return Kernel(network, tol, result_type(dtype), derive, candidates)


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
    candidates : Candidates
        The duals of its nonlinearities, and the ways to lower it; a route says which of them some data take.
    """

    network: Network
    tol: float
    dtype: str
    derive: Callable[[Activation], Dual] = field(repr=False)
    candidates: Candidates = field(repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return build, (self.network, self.tol, self.dtype, self.derive)

    @kept
    def duals(self) -> tuple[Dual, ...]:
        """One for each distinct activation, in the order of first use."""
        return tuple(dict.fromkeys(self.candidates.duals))

    @property
    def dual(self) -> Dual | None:
        """The dual of the only activation, or of the first; None for a linear network."""
        return self.duals[0] if self.duals else None

    @kept
    def lowered(self) -> LoweredNetwork:
        """The network lowered in closed forms, wherever there are any."""
        return self.candidates.lowered(self.candidates.closed)

    @property
    def source(self) -> Source:
        """The generated module with the closed forms; ``source.text`` is its text."""
        return self.lowered.source

    @property
    def layers(self) -> LayerPlan:
        """The layers in the form in which that module takes them."""
        return self.lowered.layers

    @property
    def programs(self) -> tuple[Stages, ...]:
        """The programs of the closed forms, one for each distinct formula."""
        return tuple(part.stages for part in self.source.parts if isinstance(part, LoweredActivation))

    @property
    def program(self) -> Stages | None:
        """The program of the first closed form; None where there is none."""
        return self.programs[0] if self.programs else None

    def on(
        self,
        X: ArrayLike,
        Y: ArrayLike | None = None,
        *,
        get: str | tuple[str, ...] = "ntk",
        route: str | Route = "auto",
        threads: int | None = None,
    ) -> KernelOnData:
        """K on given data: its route is chosen once, and matrices, blocks, diagonals and bounds follow it.

        Parameters
        ----------
        X : array_like, shape (n, d)
            Points.
        Y : array_like, shape (m, d), optional
            Other points.
        get : "ntk", "nngp" or a tuple of these
            Which kernel.
        route : {"auto", "angle", "table", "layers"} or a route
            How it is computed: by the cheapest way, by one of them, or by the ``.route`` of another kernel on data,
            with which blocks computed elsewhere are those of the whole, bit for bit.
        threads : int, optional
            Number of threads; by default the processors (or ``NUMBA_NUM_THREADS``, ``OMP_NUM_THREADS``) less those that
            other calls keep busy. The result is the same to the last bit.

        Raises
        ------
        InvalidInput
            For NaN, infinities, wrong shapes or types, and routes that are not known.
        NoSuchDual
            If an activation jumps and the NTK is asked for.
        """
        wanted = self._wanted(get)
        x, y = self._data(X, Y)
        request = Request(x, y, wanted, thread_count(threads))
        return KernelOnData(self.candidates, request, get, self.dtype, require_route(route))

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
        X, Y, get, threads
            As for `on`; a tuple asks for a named tuple of matrices, computed in one pass.
        out : array, or sequence of arrays for a tuple, optional
            Where to put the results: C-contiguous, of this kernel's dtype and of the shape of the result.

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
        return self.on(X, Y, get=get, threads=threads).gram(out=out)

    def diag(self, X: ArrayLike, *, get: str | tuple[str, ...] = "ntk", threads: int | None = None) -> Any:
        """k(X[i], X[i]) for every i, shape (n,): bit for bit the diagonal of ``k(X)``, in time proportional to n.

        Parameters
        ----------
        X, get, threads
            As for `on`.

        Raises
        ------
        InvalidInput, NoSuchDual
            As for the whole matrix.
        """
        return self.on(X, get=get, threads=threads).diag()

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
            As for `on`.

        Returns
        -------
        array of shape (n, n) or (n, m), or a named tuple of such arrays

        Raises
        ------
        InvalidInput, NoSuchDual, ToleranceNotMet
            As for the kernel; `ToleranceNotMet` also for neighbours where an activation has kinks and no closed form.
        """
        return self.on(X, Y, get=get, threads=threads).distance()

    def error_bound(self, X: ArrayLike, Y: ArrayLike | None = None, *, get: str | tuple[str, ...] = "ntk") -> Any:
        """The largest |K~(x, y) - K(x, y)|/sqrt(K(x, x) K(y, y)) is at most this, over the pairs of these data.

        It holds what series leave out and get wrong, and how the layers behind them change that, to first order; the
        rounding inside closed forms is not counted.

        Parameters
        ----------
        X, Y, get
            As for `on`; a tuple asks for a named tuple of bounds.

        Raises
        ------
        InvalidInput, NoSuchDual
            As for the kernel.
        """
        return self.on(X, Y, get=get).error_bound()

    def explain(self, X: ArrayLike | None = None, Y: ArrayLike | None = None) -> str:
        """What was chosen for this network, and why; one line a decision.

        Parameters
        ----------
        X, Y : array_like, shapes (n, d), (m, d), optional
            Data: then also what is chosen for them.
        """
        lines = list(explain_network(self.candidates, self.dtype))
        if X is not None:
            names = ("nngp", "ntk") if all(dual.continuous for dual in self.duals) else ("nngp",)
            try:
                lines.append(self.on(X, Y, get=names).explain())
            except NoSuchDual as error:
                lines.append(f"on these data: {error}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Kernel of {self.network!r}, {self.dtype}>"

    def _wanted(self, get: object) -> tuple[str, ...]:
        names = kernels(get)
        if "ntk" in names:
            require_slopes(self.layers)
        return names

    def _data(self, X: ArrayLike, Y: ArrayLike | None) -> tuple[Array, Array]:
        x = points(X, "X")
        y = x if Y is None or Y is X else points(Y, "Y")
        if x.shape[1] != y.shape[1]:
            raise InvalidInput(
                f"X has {x.shape[1]} features and Y has {y.shape[1]}; pass points of one space",
                shapes=(x.shape, y.shape),
            )
        return x, y


def _check_network(network: object) -> None:
    if not isinstance(network, Network):
        way_out = "try build(fully_connected('relu', depth=3))"
        raise InvalidInput(f"build needs a network, not {network!r}; {way_out}", network=network)
