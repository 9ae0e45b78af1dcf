"""The network as the generated code takes it: a list of hidden layers, and arrays of their numbers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from ntksym.activation.activation import Activation
from ntksym.dual import Dual
from ntksym.dual.protocol import SeriesLike, is_series
from ntksym.hermite.expansion import Expansion, SeriesLayout
from ntksym.lowering.lowered_activation import LoweredActivation, LoweredSeries
from ntksym.lowering.templates.deferral import NEAREST
from ntksym.lowering.templates.frame import DIAGONAL_SLOPE
from ntksym.network.layers import Dense, Network
from ntksym.numerics.limits import EPSILON

__all__ = ["HiddenLayer", "LayerArrays", "LayerPlan", "schedule"]

ROUNDING = 8 * EPSILON
"""How far, relatively, a covariance that went through a dual may be from the variance that it should equal."""

Array = NDArray[np.float64]


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
    tolerance : float
        Accuracy asked of its dual where that is a series.
    reach : float
        |rho| up to which terms of a series are stored.
    layout : SeriesLayout or None
        How much of a series is stored, where that is known already.
    exact : Dual or None
        What single pairs are evaluated by, where it is not ``dual``: the closed form that a series stands for.
    """

    number: int
    dual: Dual | None
    dense: Dense
    slots: int | None = DIAGONAL_SLOPE + 1
    tolerance: float = 0.0
    reach: float = 1.0
    layout: SeriesLayout | None = None
    exact: Dual | None = None

    @property
    def single(self) -> Dual | None:
        """The dual for single pairs."""
        return self.dual if self.exact is None else self.exact

    @cached_property
    def parameters(self) -> tuple[float, ...]:
        """Values of the parameters of the activation, in the order of their names."""
        return () if self.dual is None else tuple(float(value) for _, value in self.dual.activation.parameters)

    @property
    def series(self) -> SeriesLike | None:
        """Its dual where that is a series; None for a closed form, and where there is no nonlinearity."""
        return self.dual if self.dual is not None and is_series(self.dual) else None

    def expand(self, variances: Array) -> Expansion:
        """The series of a layer that is one."""
        assert self.series is not None
        layout = self.layout or self.series.layout(variances, self.tolerance, self.reach)
        return self.series.expand(variances, self.tolerance, layout)


@dataclass(frozen=True)
class LayerArrays:
    """The network as arrays.

    Parameters
    ----------
    which : int array, shape (layers,)
        Number of the activation of each layer in the module; -1 for none.
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

    def tightened(self, tolerance: float) -> "LayerPlan":
        """The same with this accuracy asked of every series."""
        return replace(self, hidden=tuple(replace(entry, tolerance=tolerance) for entry in self.hidden))

    def reaching(self, reaches: Sequence[float]) -> "LayerPlan":
        """The same with terms stored for correlations up to these, one a layer."""
        pairs = zip(self.hidden, reaches, strict=True)
        return replace(self, hidden=tuple(replace(entry, reach=reach) for entry, reach in pairs))

    @cached_property
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

    @cached_property
    def _known(self) -> dict[tuple[str, int], LayerArrays]:
        return {}

    def _arrays(self, module: ModuleType, width: int, columns: int) -> LayerArrays:
        count = len(self.hidden)
        which = np.array([hidden.number for hidden in self.hidden], dtype=np.int64)
        parameters = np.zeros((count, max([1, *(len(hidden.parameters) for hidden in self.hidden)])))
        for layer, hidden in enumerate(self.hidden):
            parameters[layer, : len(hidden.parameters)] = hidden.parameters
        slacks = np.full(count, ROUNDING)
        slacks[:1] += math.sqrt(width) * EPSILON  # the errors of an inner product of d terms add up like a random walk
        denses = [self.first, *(hidden.dense for hidden in self.hidden)]
        weights = np.array([dense.weight_variance for dense in denses])
        biases = np.array([dense.bias_variance for dense in denses])
        shared = np.empty((count, max(1, columns)))
        module.share(which, parameters, shared)
        return LayerArrays(which, weights, biases, slacks, shared, 1.0 / width, self.nearest)


def _bends(dual: Dual) -> bool:
    """Whether s' is known to have no jump."""
    return bool(dual.continuous and dual.activation.has_continuous_slope)


def schedule(
    network: Network,
    duals: Mapping[Activation, Dual],
    parts: Sequence[LoweredActivation | LoweredSeries],
    tolerances: Sequence[float],
) -> LayerPlan:
    """The hidden layers of a network in order; a Dense layer right behind another has no nonlinearity in front.

    Parameters
    ----------
    network : Network
        The layers.
    duals : mapping
        Activation -> Dual.
    parts : sequence of LoweredActivation or LoweredSeries
        The parts of the generated module.
    tolerances : sequence of float
        Accuracy asked of the dual of each nonlinearity, relative to the diagonal.
    """
    numbers = {part.form: number for number, part in enumerate(parts)}
    asked = iter(tolerances)
    first, *others = network.layers
    hidden: list[HiddenLayer] = []
    dual = None
    for layer in others:
        if not isinstance(layer, Dense):
            dual = duals[layer.activation]
        elif dual is None:
            hidden.append(HiddenLayer(-1, None, layer))
        else:
            number = numbers[dual.numeric]
            part = parts[number]
            slots = len(part.slots) if isinstance(part, LoweredActivation) else None
            hidden.append(HiddenLayer(number, dual, layer, slots, next(asked)))
            dual = None
    assert isinstance(first, Dense)  # a Network begins with a Dense layer
    return LayerPlan(first, tuple(hidden))
