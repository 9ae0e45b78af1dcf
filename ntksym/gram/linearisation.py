"""Networks put in one line: the walk over layers that ends in a plan of steps, with the branches marked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ntksym.dual import Dual
from ntksym.gram.schedule import HiddenLayer, LayerPlan, Truncation
from ntksym.lowering.lowered_activation import LoweredActivation, LoweredSeries
from ntksym.network.layers import Dense, Network, Nonlinearity
from ntksym.network.walk import walk
from ntksym.symbolic.numeric_form import NumericForm

__all__ = ["schedule"]


@dataclass(frozen=True)
class _Line:
    """The layers met so far: the first Dense layer, the steps behind it, a nonlinearity that waits for its Dense."""

    first: Dense | None = None
    hidden: tuple[HiddenLayer, ...] = ()
    waiting: HiddenLayer | None = None


@dataclass(frozen=True)
class _Linearisation:
    """The algebra of steps in one line; ``steps`` holds one without its Dense layer for every nonlinearity."""

    steps: tuple[HiddenLayer, ...]

    def dense(self, state: _Line, layer: Dense) -> _Line:
        """A step ends; the layer that meets the data is none."""
        if state.first is None:
            return _Line(layer)
        begun = state.waiting or HiddenLayer(-1, None, layer)
        return _Line(state.first, (*state.hidden, replace(begun, dense=layer)))

    def nonlinear(self, state: _Line, layer: Nonlinearity) -> _Line:
        """A step begins."""
        step = self.steps[sum(entry.dual is not None for entry in state.hidden)]
        assert step.dual is not None
        assert step.dual.activation == layer.activation
        return replace(state, waiting=step)

    def add(self, state: _Line, branch: _Line) -> _Line:
        """The branch goes on where ``state`` ends: its first step and its last are marked, of which it has one."""
        steps, place = list(branch.hidden), len(state.hidden)
        steps[place] = replace(steps[place], begins=steps[place].begins + 1)
        steps[-1] = replace(steps[-1], ends=steps[-1].ends + 1)
        return replace(branch, hidden=tuple(steps))


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
    steps = []
    for dual, form in zip(duals, forms, strict=True):
        part = parts[numbers[form]]
        slots = len(part.slots) if isinstance(part, LoweredActivation) else None
        steps.append(HiddenLayer(numbers[form], dual, Dense(), slots, Truncation(truncation)))
    line = walk(network.layers, _Line(), _Linearisation(tuple(steps)))
    assert line.first is not None  # a Network begins with a Dense layer
    return LayerPlan(line.first, line.hidden)
