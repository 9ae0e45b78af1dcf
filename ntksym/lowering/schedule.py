"""The network as the generated code takes it: a list of hidden layers, and arrays of their numbers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntksym.activation import Activation
from ntksym.lowering.parts import Part
from ntksym.network.layers import Dense, Network

__all__ = ["Arrays", "Hidden", "Schedule", "schedule"]

EPSILON = float(np.finfo(np.float64).eps)

ROUNDING = 8 * EPSILON
"""How far, relatively, a covariance that went through a dual may be from the variance that it should equal."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Hidden:
    """A nonlinearity, or none, and the Dense layer behind it.

    Parameters
    ----------
    number : int
        Number of the activation's part in the generated module; -1 for none.
    dual : Dual or None
        Its dual.
    dense : Dense
        The layer behind it.
    """

    number: int
    dual: Any
    dense: Dense

    @property
    def parameters(self) -> tuple[float, ...]:
        """Values of the parameters of the activation, in the order of their names."""
        return () if self.dual is None else tuple(float(value) for _, value in self.dual.activation.parameters)


@dataclass(frozen=True)
class Arrays:
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
    """

    which: NDArray[np.int64]
    weights: Array
    biases: Array
    slacks: Array
    shared: Array
    scale: float


@dataclass(frozen=True)
class Schedule:
    """The network as its first Dense layer and the hidden layers behind it.

    Parameters
    ----------
    first : Dense
        The layer that meets the data.
    hidden : tuple of Hidden
        The others, each with the nonlinearity in front of it.
    """

    first: Dense
    hidden: tuple[Hidden, ...]

    def arrays(self, module: ModuleType, width: int, columns: int) -> Arrays:
        """The arrays for data with ``width`` features and a module with ``columns`` shared quantities."""
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
        return Arrays(which, weights, biases, slacks, shared, 1.0 / width)


def schedule(network: Network, duals: Mapping[Activation, Any], parts: Sequence[Part]) -> Schedule:
    """The hidden layers of a network in order; a Dense layer right behind another has no nonlinearity in front.

    Parameters
    ----------
    network : Network
        The layers.
    duals : mapping
        Activation -> Dual.
    parts : sequence of Part
        The parts of the generated module.
    """
    numbers = {part.form: number for number, part in enumerate(parts)}
    first, *others = network.layers
    hidden: list[Hidden] = []
    dual = None
    for layer in others:
        if isinstance(layer, Dense):
            hidden.append(Hidden(-1 if dual is None else numbers[dual.numeric], dual, layer))
            dual = None
        else:
            dual = duals[layer.activation]
    assert isinstance(first, Dense)  # a Network begins with a Dense layer
    return Schedule(first, tuple(hidden))
