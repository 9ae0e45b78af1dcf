"""From a network to a kernel: the driver `build`, whose lines are the stages in order, and what it builds.

    network -> duals -> parts (programs) -> source (text) -> kernel

`Kernel` keeps every stage: ``kernel.network``, ``kernel.duals``, ``kernel.programs``, ``kernel.source``. The text becomes
machine code at the first call, or comes from the store of a former process.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numba
import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ntksym.activation import Activation
from ntksym.derivation import derive as derive_dual
from ntksym.errors import InvalidInput, NoSuchDual
from ntksym.lowering import store
from ntksym.lowering.emit import Source, emit
from ntksym.lowering.frame import TILE
from ntksym.lowering.parts import lower
from ntksym.lowering.passes import Stages
from ntksym.network.layers import Dense, Network
from ntksym.points import points
from ntksym.symbols import q
from ntksym.tiles import PANEL, Layers, RowStates, fill, prepare

__all__ = ["Kernel", "build"]

EPSILON = float(np.finfo(np.float64).eps)
LARGEST_VARIANCE = 1e75
"""Products of four variances, which some duals form, stay within float64."""

DIAGONAL_BATCH = 1024 * TILE
"""Rows whose states are held at once when only the diagonal is wanted."""

Array = NDArray[Any]


class Nngp(NamedTuple):
    """The answer to ``get=("nngp",)``."""

    nngp: Array


class Ntk(NamedTuple):
    """The answer to ``get=("ntk",)``."""

    ntk: Array


class NngpNtk(NamedTuple):
    """The answer to ``get=("nngp", "ntk")``."""

    nngp: Array
    ntk: Array


class NtkNngp(NamedTuple):
    """The answer to ``get=("ntk", "nngp")``."""

    ntk: Array
    nngp: Array


ANSWERS: dict[tuple[str, ...], Any] = {answer._fields: answer for answer in (Nngp, Ntk, NngpNtk, NtkNngp)}


def build(
    network: Network, tol: float = 1e-12, dtype: DTypeLike = "float64", derive: Callable[[Activation], Any] = derive_dual
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
    """
    network, tol, dtype = _network(network), _tolerance(tol), _dtype(dtype)
    duals = tuple(derive(activation) for activation in dict.fromkeys(network.activations))
    parts = lower(duals)
    source = emit(parts)
    return Kernel(network, tol, dtype, derive, duals, source)


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
    """

    network: Network
    tol: float
    dtype: str
    derive: Callable[[Activation], Any] = field(repr=False)
    duals: tuple[Any, ...] = field(repr=False, compare=False)
    source: Source = field(repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return build, (self.network, self.tol, self.dtype, self.derive)

    @property
    def dual(self) -> Any:
        """The dual of the only activation, or of the first; None for a linear network."""
        return self.duals[0] if self.duals else None

    @property
    def programs(self) -> tuple[Stages, ...]:
        """The programs of the duals, one for each distinct formula."""
        return tuple(part.stages for part in self.source.parts)

    @property
    def program(self) -> Stages | None:
        """The program of the only activation, or of the first; None for a linear network."""
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
            raise InvalidInput(
                f"X has {x.shape[1]} features and Y has {y.shape[1]}; pass points of the same space", X=x.shape, Y=y.shape
            )
        threads = _threads(threads)
        results = self._results(wanted, (len(x), len(y)), out)
        module, layers = self._machine(x.shape[1])
        states = self._states(module, layers, x, wanted, threads)
        other = states if y is x else self._states(module, layers, y, wanted, threads, "Y")
        if len(x) and len(y):
            fill(module, layers, (x, y), (states, other), (results.get("nngp"), results.get("ntk")), threads)
        return _answer(get, results)

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
        threads = _threads(threads)
        module, layers = self._machine(x.shape[1])
        results = {name: np.empty(len(x), dtype=self.dtype) for name in wanted}
        for first in range(0, len(x), DIAGONAL_BATCH):
            batch = slice(first, first + DIAGONAL_BATCH)
            states = self._states(module, layers, x[batch], wanted, threads, first=first)
            for name, result in results.items():
                result[batch] = states.tangent if name == "ntk" else states.variance(len(layers.which))
        return _answer(get, results)

    def explain(self) -> str:
        """What was chosen for this network, and why; one line a decision."""
        return "\n".join(_explanation(self))

    def __repr__(self) -> str:
        return f"<Kernel of {self.network!r}, {self.dtype}>"

    def _wanted(self, get: object) -> tuple[str, ...]:
        names = (get,) if isinstance(get, str) else get
        if not isinstance(names, tuple | list) or tuple(names) not in ANSWERS:
            raise InvalidInput(f'get={get!r} is not known; choose "nngp", "ntk" or ("nngp", "ntk")', get=get)
        if "ntk" in names:
            for number, activation in enumerate(self.network.activations, 1):
                if not _has_slope(self._dual_of(activation)):
                    raise NoSuchDual(
                        f"the NTK does not exist: {activation.name} at layer {number} jumps, so E[s'(U)^2] is infinite on the "
                        'diagonal; ask for get="nngp", or use a continuous activation',
                        layer=number,
                        activation=activation,
                    )
        return tuple(names)

    def _dual_of(self, activation: Activation) -> Any:
        return next(dual for dual in self.duals if dual.activation == activation)

    def _results(self, wanted: tuple[str, ...], shape: tuple[int, int], out: Any) -> dict[str, Array]:
        if out is None:
            return {name: np.empty(shape, dtype=self.dtype) for name in wanted}
        given = (out,) if isinstance(out, np.ndarray) else tuple(out)
        if len(given) != len(wanted):
            raise InvalidInput(f"get asks for {len(wanted)} matrices, but out holds {len(given)}; pass one array for each")
        for array in given:
            if not isinstance(array, np.ndarray) or array.shape != shape or array.dtype != np.dtype(self.dtype):
                what = f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
                raise InvalidInput(f"out must be a {self.dtype} array of shape {shape}, not {what}; numpy.empty makes one")
            if not (array.flags.c_contiguous and array.flags.writeable):
                raise InvalidInput("out must be C-contiguous and writeable; numpy.empty(shape) makes such an array")
        if len(given) == 2 and np.shares_memory(*given):
            raise InvalidInput("the two arrays of out share memory; pass two separate arrays")
        return dict(zip(wanted, (np.asarray(array) for array in given), strict=True))

    def _layers(self) -> Iterator[tuple[int, Activation | None, Dense]]:
        """Pairs of a nonlinearity, or none, and the Dense layer behind it; with the number of its code."""
        activation: Activation | None = None
        for layer in self.network.layers[1:]:
            if isinstance(layer, Dense):
                yield (-1 if activation is None else self._number(activation)), activation, layer
                activation = None
            else:
                activation = layer.activation

    def _number(self, activation: Activation) -> int:
        form = self._dual_of(activation).numeric
        return next(number for number, part in enumerate(self.source.parts) if part.form == form)

    def _machine(self, width: int) -> tuple[Any, Layers]:
        """The compiled module, and the network as arrays."""
        module = store.load(self.source.text)
        hidden = list(self._layers())
        denses = [self.network.layers[0], *(dense for _, _, dense in hidden)]
        which = np.array([number for number, _, _ in hidden], dtype=np.int64)
        values = np.zeros((len(hidden), max([1, *(len(part.parameters) for part in self.source.parts)])))
        for layer, (_, activation, _) in enumerate(hidden):
            for column, (_, value) in enumerate(activation.parameters if activation else ()):
                values[layer, column] = float(value)
        slacks = np.full(len(hidden), 8 * EPSILON)
        slacks[:1] += math.sqrt(width) * EPSILON  # an inner product of d terms: errors add up like a random walk
        weights, biases = (
            np.array([getattr(dense, name) for dense in denses]) for name in ("weight_variance", "bias_variance")
        )
        shared = np.empty((len(hidden), max(1, self.source.columns)))
        module.share(which, values, shared)
        return module, Layers(which, weights, biases, slacks, shared, 1.0 / width)

    def _states(
        self, module: Any, layers: Layers, x: Array, wanted: Iterable[str], threads: int, name: str = "X", first: int = 0
    ) -> RowStates:
        """The states of the rows, once it is certain that every dual exists there."""
        states = prepare(module, layers, np.einsum("ij,ij->i", x, x), self.source.slots, threads)
        for layer, (_, activation, _) in enumerate(self._layers()):
            variance = states.variance(layer)
            _refuse_overflow(variance, f"before layer {layer + 1}", name, first)
            if activation is not None:
                self._refuse_missing_dual(activation, layer + 1, variance, name, first)
        _refuse_overflow(states.variance(len(layers.which)), "at the output", name, first)
        if "ntk" in wanted:
            _refuse_overflow(states.tangent, "(the NTK) at the output", name, first, np.finfo(np.float64).max)
        return states

    def _refuse_missing_dual(self, activation: Activation, layer: int, variance: Array, name: str, first: int) -> None:
        for condition in self._dual_of(activation).domain:
            test = sp.lambdify(q, condition.subs(activation.values), "numpy")
            holds = np.broadcast_to(np.asarray(test(variance)) > 0, variance.shape)
            if not holds.all():
                row = int(np.argmin(holds))
                raise NoSuchDual(
                    f"E[s(U)^2] diverges for {activation.name} at layer {layer}: {name}[{first + row}] has variance "
                    f"q = {variance[row]:.6g} there, but {condition.subs(activation.values)} > 0 is needed; "
                    "use a smaller W_std or b_std, or scale the inputs down",
                    layer=layer,
                    row=first + row,
                    condition=condition,
                )


def _refuse_overflow(variance: Array, where: str, name: str, first: int, largest: float = LARGEST_VARIANCE) -> None:
    fine = variance <= largest
    if not fine.all():
        row = int(np.argmin(fine))
        raise InvalidInput(
            f"the variance of {name}[{first + row}] {where} is {variance[row]:.3g}, beyond {largest:.0e}, and would overflow; "
            "scale the inputs down, or use a smaller W_std",
            row=first + row,
        )


def _has_slope(dual: Any) -> bool:
    return bool(dual.continuous) and dual.numeric.diagonal_slope is not None


def _answer(get: object, results: dict[str, Array]) -> Any:
    if isinstance(get, str):
        return results[get]
    return ANSWERS[tuple(results)](**results)


def _network(network: object) -> Network:
    if not isinstance(network, Network):
        raise InvalidInput(
            f"build needs a network, not {network!r}; try build(fully_connected('relu', depth=3))", network=network
        )
    return network


def _tolerance(tol: Any) -> float:
    if isinstance(tol, bool | str) or not np.isscalar(tol) or not 0 < float(tol) < 1:
        raise InvalidInput(f"tol must be a number between 0 and 1, not {tol!r}; try tol=1e-12", tol=tol)
    return float(tol)


def _dtype(dtype: Any) -> str:
    try:
        name = np.dtype(dtype).name
    except TypeError as error:
        raise InvalidInput(f'dtype {dtype!r} is not known; use "float64" or "float32"', dtype=dtype) from error
    if name not in ("float64", "float32"):
        raise InvalidInput(f'results are "float64" or "float32", not {name}; convert them afterwards', dtype=dtype)
    return name


def _threads(threads: Any) -> int:
    if threads is None:
        return int(numba.config.NUMBA_NUM_THREADS)
    if isinstance(threads, bool) or not hasattr(threads, "__index__") or int(threads) < 1:
        raise InvalidInput(f"threads must be a whole number, 1 or more, not {threads!r}", threads=threads)
    return int(threads)


def _explanation(kernel: Kernel) -> Iterator[str]:
    yield repr(kernel.network)
    yield f"results {kernel.dtype}, arithmetic float64; tol {kernel.tol:g} is for duals without a closed form"
    for layer, (number, activation, dense) in enumerate(kernel._layers(), 1):
        if activation is None:
            yield f"layer {layer}: no activation, then {dense}"
        else:
            dual = kernel._dual_of(activation)
            values = ", ".join(f"{name}={value}" for name, value in activation.parameters)
            yield (
                f"layer {layer}: {activation.name}{f' with {values}' if values else ''}, {dual.kind} form, "
                f"functions {kernel.source.parts[number].name}_*, then {dense}"
            )
    for part in kernel.source.parts:
        rows = ", ".join(part.slots)
        yield f"{part.name}: once a layer {len(part.shared)} numbers; once a row and layer {rows}"
    yield f"tiles of {TILE} x {TILE} entries, inner products by BLAS in panels of {PANEL} rows, depth a loop inside the tile"
    where = "in the result itself, which is transformed in place" if kernel.dtype == "float64" else "in one buffer"
    yield f"inner products wait {where}; k(X) computes the lower half and writes both"
    yield f"threads: {_threads(None)} (NUMBA_NUM_THREADS), or the argument threads"
    yield f"source: {store.name_of(kernel.source.text)}.py, {len(kernel.source.text)} bytes, the same for every depth, W_std, b_std and parameter"
