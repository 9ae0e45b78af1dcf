"""The network as the generated code takes it: a list of hidden layers, and arrays of their numbers."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from ntksym.dual import Dual, SeriesDual
from ntksym.dual.protocol import SeriesLike, is_series
from ntksym.hermite.expansion import Expansion, SeriesLayout
from ntksym.lowering.lowered_activation import LoweredActivation, LoweredSeries
from ntksym.lowering.templates.deferral import NEAREST
from ntksym.lowering.templates.frame import DIAGONAL_SLOPE
from ntksym.network.layers import Dense, Network
from ntksym.numerics.limits import EPSILON
from ntksym.symbolic.numeric_form import NumericForm

__all__ = ["HiddenLayer", "LayerArrays", "LayerPlan", "Truncation", "schedule"]

ROUNDING = 8 * EPSILON
"""How far, relatively, a covariance that went through a dual may be from the variance that it should equal."""

Array = NDArray[np.float64]


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
    """

    number: int
    dual: Dual | None
    dense: Dense
    slots: int | None = DIAGONAL_SLOPE + 1
    truncation: Truncation = Truncation()

    @cached_property
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
    _known: dict[tuple[str, int], LayerArrays] = field(default_factory=dict, compare=False, repr=False)

    def nonlinearity(self, number: int) -> int:
        """Which nonlinearity, from the data to the output, a layer holds."""
        return sum(layer.dual is not None for layer in self.hidden[:number])

    @cached_property
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
    duals: Sequence[Dual],
    forms: Sequence[NumericForm | None],
    parts: Sequence[LoweredActivation | LoweredSeries],
    truncation: float,
) -> LayerPlan:
    """The hidden layers of a network in order; a Dense layer right behind another has no nonlinearity in front.

    Parameters
    ----------
    network : Network
        The layers.
    duals : sequence of Dual
        One for every nonlinearity, from the data to the output.
    forms : sequence of NumericForm or None
        The formulas of each that code was made of, None for a series.
    parts : sequence of LoweredActivation or LoweredSeries
        The parts of the generated module.
    truncation : float
        Truncation error allowed to every series, relative to the diagonal.
    """
    numbers = {part.form: number for number, part in enumerate(parts)}
    ahead = iter(zip(duals, (numbers[form] for form in forms), strict=True))
    first, *others = network.layers
    hidden: list[HiddenLayer] = []
    dual: Dual | None = None
    for layer in others:
        if not isinstance(layer, Dense):
            dual, number = next(ahead)
        elif dual is None:
            hidden.append(HiddenLayer(-1, None, layer))
        else:
            part = parts[number]
            slots = len(part.slots) if isinstance(part, LoweredActivation) else None
            hidden.append(HiddenLayer(number, dual, layer, slots, Truncation(truncation)))
            dual = None
    assert isinstance(first, Dense)  # a Network begins with a Dense layer
    return LayerPlan(first, tuple(hidden))
