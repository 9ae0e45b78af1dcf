"""Networks lowered: the generated module and the layers that it takes, for each choice of forms of the layers.

Every nonlinearity has candidates: its closed form, if it has one, and its series. Which of them a kernel uses on some
data is part of the route; lowering the same network in the same forms again costs next to nothing.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal, TypeVar

from ntksym.dual import Dual, series_dual
from ntksym.dual.protocol import is_series
from ntksym.gram.costs import COSTS
from ntksym.gram.linearisation import schedule
from ntksym.gram.schedule import HiddenLayer, LayerPlan, Machine, Truncation
from ntksym.kept import kept
from ntksym.lowering import store
from ntksym.lowering.emit import Source, emit
from ntksym.lowering.lowered_activation import LoweredActivation, lower
from ntksym.network.layers import Network

__all__ = [
    "SMALLEST_SHARE",
    "Candidates",
    "Form",
    "Forms",
    "LoweredNetwork",
    "Lowering",
    "keeping_digits",
    "lowered",
    "with_series",
]

Form = Literal["closed", "series"]
"""How a nonlinearity is evaluated."""

Forms = tuple[Form, ...]
"""That of every nonlinearity, from the data to the output."""

Result = TypeVar("Result")

TRUNCATION = 1 / 20
"""Truncation gets this share of tol, split evenly over the layers; what the layers behind make of it is checked."""

SMALLEST_SHARE = 2e-15
"""Truncation errors below this are hidden by rounding."""


@dataclass(frozen=True)
class Lowering:
    """How a network is lowered for some data; a value, from which `Candidates.lowered` makes the code.

    Parameters
    ----------
    forms : tuple of str
        How tiles evaluate every nonlinearity.
    single : tuple of str
        How pairs are evaluated that the tiles leave out.
    truncations : tuple of Truncation
        How much of every layer is computed where that is a series.
    """

    forms: Forms
    single: Forms
    truncations: tuple[Truncation, ...]


@dataclass(frozen=True)
class LoweredNetwork:
    """A network lowered in one way.

    Parameters
    ----------
    source : Source
        The generated module.
    layers : LayerPlan
        The layers in the form in which the module takes them.
    """

    source: Source
    layers: LayerPlan

    def machine(self, width: int) -> Machine:
        """The network compiled, for data with ``width`` features."""
        module = store.load(self.source.text)
        return Machine(module, self.layers.arrays(module, width, self.source.columns), self.layers)

    def cost(self, layer: HiddenLayer) -> float:
        """What a pair costs in a layer that is not a series."""
        part = self.source.parts[layer.number] if layer.number >= 0 else None
        return COSTS.layer + part.cost if isinstance(part, LoweredActivation) else 0.0

    def truncated(self, truncations: tuple[Truncation, ...]) -> "LoweredNetwork":
        """The same with so much of every layer."""
        return self._with(self.layers.truncated(truncations))

    def tightened(self, tolerance: float) -> "LoweredNetwork":
        """The same with this truncation error allowed to every series."""
        return self._with(self.layers.tightened(tolerance))

    def _with(self, layers: LayerPlan) -> "LoweredNetwork":
        return self if layers is self.layers else replace(self, layers=layers)

    @kept
    def has_series(self) -> bool:
        """Whether a layer is a series."""
        return any(layer.series is not None for layer in self.layers.hidden)


@dataclass(frozen=True)
class Candidates:
    """The ways to lower a network.

    Parameters
    ----------
    network : Network
        The layers.
    duals : tuple of Dual
        One for every nonlinearity, from the data to the output.
    tol : float
        Error allowed in an entry, relative to sqrt(K(x, x) K(y, y)).
    """

    network: Network
    duals: tuple[Dual, ...]
    tol: float
    _known: dict[Forms, LoweredNetwork] = field(default_factory=dict, compare=False, repr=False)

    @property
    def truncation(self) -> float:
        """Truncation error that every series may have."""
        return max(self.tol * TRUNCATION / max(len(self.duals), 1), SMALLEST_SHARE)

    @kept
    def closed(self) -> Forms:
        """The closed form of every nonlinearity that has one."""
        return tuple("series" if is_series(dual) else "closed" for dual in self.duals)

    @kept
    def light(self) -> Forms | None:
        """The same with series in place of heavy closed forms; None where none is heavy."""
        plan = self.lowered(self.closed)
        heavy = {layer.dual for layer in plan.layers.hidden if plan.cost(layer) >= COSTS.layer + COSTS.heavy}
        if not heavy:
            return None
        return tuple("series" if dual in heavy else form for dual, form in zip(self.duals, self.closed, strict=True))

    def plain(self, forms: Forms) -> Lowering:
        """These forms for single pairs too, and as much of every series as any data may ask for."""
        return Lowering(forms, forms, self.lowered(forms).layers.truncations)

    def realised(self, lowering: Lowering) -> LoweredNetwork:
        """The network in the forms in which tiles evaluate it."""
        return self.lowered(lowering.forms).truncated(lowering.truncations)

    def single(self, lowering: Lowering) -> LoweredNetwork:
        """The network in the forms in which pairs are evaluated that the tiles leave out."""
        return self.lowered(lowering.single).truncated(lowering.truncations)

    def lowered(self, forms: Forms) -> LoweredNetwork:
        """The network lowered in these forms."""
        if forms not in self._known:  # every call asks, and the hash of a network is that of all its formulas
            self._known[forms] = lowered(self.network, self.duals, forms, self.truncation)
        return self._known[forms]


@lru_cache(maxsize=256)
def lowered(network: Network, duals: tuple[Dual, ...], forms: Forms, truncation: float) -> LoweredNetwork:
    """A network lowered in these forms.

    Parameters
    ----------
    network : Network
        The layers.
    duals : tuple of Dual
        One for every nonlinearity, from the data to the output.
    forms : tuple of str
        Which candidate each of them uses.
    truncation : float
        Truncation error that every series may have, relative to the diagonal.
    """
    pairs = zip(duals, forms, strict=True)
    used = [dual if form == "closed" or is_series(dual) else series_dual(dual.activation) for dual, form in pairs]
    parts = lower(dict.fromkeys(used))
    layers = schedule(network, used, [dual.numeric for dual in used], parts, truncation)
    return LoweredNetwork(emit(parts, branched=layers.branched), layers)


def keeping_digits(attempt: Callable[[frozenset[int]], tuple[Result, frozenset[int]]]) -> Result:
    """What an attempt returns once no formula of it loses digits on the data.

    Variances are known only after the layers in front have been computed. Nonlinearities at whose variances digits are
    lost take their series in the next attempt, and keep it: there are no more attempts than nonlinearities, and one.

    Parameters
    ----------
    attempt : callable
        Nonlinearities that take their series -> a result, and those whose formulas lost digits on the way to it.
    """
    lost: frozenset[int] = frozenset()
    while True:
        result, found = attempt(lost)
        if found <= lost:
            return result
        lost |= found


def with_series(forms: Forms, numbers: Collection[int]) -> Forms:
    """The same forms with series at some nonlinearities."""
    if not numbers:
        return forms
    return tuple("series" if number in numbers else form for number, form in enumerate(forms))
