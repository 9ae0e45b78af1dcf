"""The network as compiled code takes it: steps in one line, with the branches marked, and arrays of their numbers.

A step is a nonlinearity, or none, and the Dense layer behind it. Where a branch begins the state in front of its first
step is kept; where it ends, behind its last step, that state is added. Branches nest, so that what was kept last is
added first: the state of a network is one state and a stack.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ntksym.dual import Dual, SeriesDual
from ntksym.dual.protocol import SeriesLike, is_series
from ntksym.hermite.expansion import Expansion, SeriesLayout
from ntksym.kept import kept
from ntksym.lowering.templates.deferral import NEAREST
from ntksym.lowering.templates.frame import DIAGONAL_SLOPE
from ntksym.network.layers import Dense
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import EPSILON

__all__ = ["HiddenLayer", "LayerArrays", "LayerPlan", "Machine", "Truncation", "follow"]

ROUNDING = 8 * EPSILON
"""How far, relatively, a covariance that went through a dual may be from the variance that it should equal."""

TINY, NOTHING = 1e-280, 1e-40
"""What goes to zero like ``|x|**(1/7)`` or faster is smaller than the second at the first; what jumps there is not."""

State = TypeVar("State")


@dataclass(frozen=True)
class Truncation:
    """How much of a layer is computed where that is a series.

    Parameters
    ----------
    tolerance : float
        Truncation error allowed, relative to the diagonal.
    reach : float
        |rho| up to which terms are stored.
    layout : SeriesLayout or None
        How much of the series that is, where it is known: for rows that come together it must be the same.
    longer : bool or None
        Whether pairs beyond the stored terms are summed by a longer series, where that is accurate for them; None: if
        there are many of them.
    """

    tolerance: float = 0.0
    reach: float = 1.0
    layout: SeriesLayout | None = None
    longer: bool | None = None


@dataclass(frozen=True)
class HiddenLayer:
    """A nonlinearity, or none, and the Dense layer behind it.

    Parameters
    ----------
    number : int
        Number of the activation's part in the generated module; -1 for none.
    dual : Dual or None
        Its dual.
    dense : Dense
        The layer behind it.
    slots : int or None
        Row quantities to make room for; None for a series, whose number of terms depends on the data.
    truncation : Truncation
        How much of it is computed where that is a series.
    begins, ends : int
        How many branches begin in front of this layer, and how many end behind it.
    """

    number: int
    dual: Dual | None
    dense: Dense
    slots: int | None = DIAGONAL_SLOPE + 1
    truncation: Truncation = Truncation()
    begins: int = 0
    ends: int = 0

    @kept
    def parameters(self) -> tuple[float, ...]:
        """Values of the parameters of the activation, in the order of their names."""
        return () if self.dual is None else tuple(float(value) for _, value in self.dual.activation.parameters)

    @property
    def series(self) -> SeriesLike | None:
        """Its dual where that is a series; None for a closed form, and where there is no nonlinearity."""
        return self.dual if self.dual is not None and is_series(self.dual) else None

    @property
    def single(self) -> SeriesLike | None:
        """The series by which single pairs are evaluated; None for a closed form, and where there is no activation."""
        if isinstance(self.dual, SeriesDual):
            return replace(self.dual, longer=self.truncation.longer)
        return self.series

    def layout(self, variances: Array) -> SeriesLayout:
        """How much of the series is stored for rows with these variances, where that is not known already."""
        assert self.series is not None
        known = self.truncation
        return known.layout or self.series.layout(variances, known.tolerance, known.reach)

    def expand(self, variances: Array, layout: SeriesLayout) -> Expansion:
        """The series of a layer that is one."""
        assert self.series is not None
        return self.series.expand(variances, self.truncation.tolerance, layout)


@dataclass(frozen=True)
class LayerArrays:
    """The network as arrays.

    Parameters
    ----------
    which : int array, shape (layers,)
        Number of the activation of each layer in the module; -1 for none.
    branches : int array, shape (layers, 2)
        How many branches begin in front of each layer, and how many end behind it.
    vanishing : bool array, shape (layers,)
        Whether a row whose variance is below the smallest is zero behind the activation of a layer.
    weights, biases : float arrays, shape (layers + 1,)
        W_std**2 and b_std**2 of the Dense layers.
    slacks : float array, shape (layers,)
        Relative size below which a difference of covariances is rounding error.
    shared : float array, shape (layers, k)
        What depends on the parameters of the activations alone.
    scale : float
        1/d.
    nearest : pair of floats
        |rho| before the first nonlinearity from which on tiles leave out a pair: for the NNGP alone, for the NTK.
    """

    which: NDArray[np.int64]
    branches: NDArray[np.int64]
    vanishing: NDArray[np.bool_]
    weights: Array
    biases: Array
    slacks: Array
    shared: Array
    scale: float
    nearest: tuple[float, float]


@dataclass(frozen=True)
class LayerPlan:
    """The network as its first Dense layer and the hidden layers behind it.

    Parameters
    ----------
    first : Dense
        The layer that meets the data.
    hidden : tuple of HiddenLayer
        The others, each with the nonlinearity in front of it.
    """

    first: Dense
    hidden: tuple[HiddenLayer, ...]
    _known: dict[tuple[str, int], LayerArrays] = field(default_factory=dict, compare=False, repr=False)

    @property
    def branched(self) -> bool:
        """Whether the network has branches."""
        return any(layer.begins for layer in self.hidden)

    def nonlinearity(self, number: int) -> int:
        """Which nonlinearity, from the data to the output, a layer holds."""
        return sum(layer.dual is not None for layer in self.hidden[:number])

    @kept
    def truncations(self) -> tuple[Truncation, ...]:
        """That of every layer."""
        return tuple(layer.truncation for layer in self.hidden)

    def truncated(self, truncations: Iterable[Truncation]) -> "LayerPlan":
        """The same with so much of every layer."""
        wanted = tuple(truncations)
        if wanted == self.truncations:
            return self
        hidden = (replace(layer, truncation=one) for layer, one in zip(self.hidden, wanted, strict=True))
        return replace(self, hidden=tuple(hidden))

    def tightened(self, tolerance: float) -> "LayerPlan":
        """The same with this truncation error allowed to every series."""
        return self.truncated(
            layer.truncation if layer.series is None else replace(layer.truncation, tolerance=tolerance)
            for layer in self.hidden
        )

    @kept
    def nearest(self) -> tuple[float, float]:
        """Where the NNGP and the NTK amplify errors of the data: where an activation jumps, or where its slope does."""
        duals = [entry.dual for entry in self.hidden if entry.dual is not None]
        jumps = not all(dual.continuous for dual in duals)
        return NEAREST if jumps else math.inf, math.inf if all(map(_bends, duals)) else NEAREST

    def arrays(self, module: ModuleType, width: int, columns: int) -> LayerArrays:
        """The arrays for data with ``width`` features, ``columns`` shared quantities in the module; only to be read."""
        key = module.__name__, width
        if key not in self._known:
            self._known[key] = self._arrays(module, width, columns)
        return self._known[key]

    def _slacks(self, width: int) -> Array:
        """Before each layer, the relative error of a covariance of a point with itself.

        That of an inner product of d terms, which add up like a random walk, lasts as long as no dual of it is taken:
        from a dual on it is zero, up to rounding, and a sum has no more than its parts, and its own rounding.
        """
        slacks = np.full(len(self.hidden), ROUNDING)

        def step(number: int, layer: HiddenLayer, slack: float) -> float:
            slacks[number] = slack
            return slack if layer.dual is None else ROUNDING

        first = ROUNDING + math.sqrt(width) * EPSILON
        follow(self.hidden, first, step, lambda kept, slack: max(kept, slack) + EPSILON)
        return slacks

    def _arrays(self, module: ModuleType, width: int, columns: int) -> LayerArrays:
        count = len(self.hidden)
        which = np.array([hidden.number for hidden in self.hidden], dtype=np.int64)
        parameters = np.zeros((count, max([1, *(len(hidden.parameters) for hidden in self.hidden)])))
        for layer, hidden in enumerate(self.hidden):
            parameters[layer, : len(hidden.parameters)] = hidden.parameters
        branches = np.array([(hidden.begins, hidden.ends) for hidden in self.hidden], dtype=np.int64).reshape(count, 2)
        vanishing = np.array([hidden.dual is not None and _vanishes(hidden.dual) for hidden in self.hidden], dtype=bool)
        slacks = self._slacks(width)
        denses = [self.first, *(hidden.dense for hidden in self.hidden)]
        weights = np.array([dense.weight_variance for dense in denses])
        biases = np.array([dense.bias_variance for dense in denses])
        shared = np.empty((count, max(1, columns)))
        module.share(which, parameters, shared)
        return LayerArrays(which, branches, vanishing, weights, biases, slacks, shared, 1.0 / width, self.nearest)


@dataclass(frozen=True, eq=False)
class Machine:
    """A lowered network, compiled, for data of one width.

    Parameters
    ----------
    module : module
        Generated code.
    arrays : LayerArrays
        The network as its functions take it.
    layers : LayerPlan
        The same as a value.
    """

    module: ModuleType
    arrays: LayerArrays
    layers: LayerPlan

    @property
    def hidden(self) -> tuple[HiddenLayer, ...]:
        """The layers behind the first Dense layer."""
        return self.layers.hidden


def follow(
    hidden: Sequence[HiddenLayer],
    state: State,
    step: Callable[[int, HiddenLayer, State], State],
    add: Callable[[State, State], State],
) -> State:
    """The state behind the last of the layers: `ntksym.network.walk` for a network that is one line of steps.

    Parameters
    ----------
    hidden : sequence of HiddenLayer
        The layers.
    state : any
        In front of the first of them.
    step : callable
        (number, layer, state) -> state behind the Dense layer of that layer.
    add : callable
        (state in front of a branch, state behind its last layer) -> the state of their sum.
    """
    waiting: list[State] = []
    for number, layer in enumerate(hidden):
        waiting += [state] * layer.begins
        state = step(number, layer, state)
        for _ in range(layer.ends):
            state = add(waiting.pop(), state)
    return state


def _vanishes(dual: Dual) -> bool:
    """Whether s(x) goes to zero with x."""
    with np.errstate(all="ignore"):
        return bool(np.all(np.abs(dual.activation(np.array([-TINY, TINY]))) < NOTHING))


def _bends(dual: Dual) -> bool:
    """Whether s' is known to have no jump."""
    return bool(dual.continuous and dual.activation.has_continuous_slope)
