"""One activation of a network on its way to code: its dual as programs, its name, its parameters."""

import keyword
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Protocol

import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.kept import kept
from ntksym.lowering.costs import cost_of
from ntksym.lowering.passes import Stages, hoist
from ntksym.lowering.templates.frame import DIAGONAL_SLOPE, DIAGONAL_VALUE, ROOT
from ntksym.lowering.templates.series_layers import SUMMARY
from ntksym.lowering.translation import DIAGONAL_INPUTS, PAIR_INPUTS, translate
from ntksym.symbolic.numeric_form import NumericForm

__all__ = ["LoweredActivation", "LoweredSeries", "lower"]


class Lowerable(Protocol):
    """What lowering asks of a dual."""

    @property
    def activation(self) -> Activation:
        """The function s."""

    @property
    def numeric(self) -> NumericForm | None:
        """Value and slope as formulas for floating point; None for a series."""


@dataclass(frozen=True)
class LoweredActivation:
    """One activation of the network with a closed form, lowered.

    Parameters
    ----------
    name : str
        An identifier; the functions of this activation begin with it.
    form : NumericForm
        The formulas it was made of.
    title : tuple of str
        Lines about it for the head of the module.
    stages : Stages
        Its programs.
    parameters : tuple of str
        Names of its parameters in the order in which their values are passed.
    """

    name: str
    form: NumericForm
    title: tuple[str, ...]
    stages: Stages
    parameters: tuple[str, ...]

    @property
    def slots(self) -> dict[str, int]:
        """Row quantity -> its slot in the array ``rows``."""
        fixed = {"root": ROOT, "diagonal_value": DIAGONAL_VALUE, "diagonal_slope": DIAGONAL_SLOPE}
        others = [public for public, _ in self.stages.row.outputs if public not in fixed]
        return fixed | {public: slot for slot, public in enumerate(others, len(fixed))}

    @property
    def shared(self) -> dict[str, int]:
        """Quantity that depends on the parameters alone -> its column in the array ``shared``."""
        return {public: column for column, (public, _) in enumerate(self.stages.shared.outputs)}

    @kept
    def cost(self) -> float:
        """What a pair costs in a layer, in terms of a series."""
        return cost_of(self.stages.pair)

    @property
    def has_slope(self) -> bool:
        """Whether the slope is finite on the diagonal, without which there is no NTK."""
        return {"diagonal_slope"} <= {public for public, _ in self.stages.row.outputs}


@dataclass(frozen=True)
class LoweredSeries:
    """All activations of the network that are series: their coefficients are data, and one part is enough."""

    name = "series"
    form = None
    title = SUMMARY
    shared: ClassVar[Mapping[str, int]] = {}
    has_slope = True


RESERVED = {"linear", "series"}
"""Names that the fixed functions of a module begin with."""


def lower(duals: Iterable[Lowerable]) -> tuple[LoweredActivation | LoweredSeries, ...]:
    """The parts of the module for these duals; those with the same formulas, at any parameter values, share one.

    Parameters
    ----------
    duals : iterable of Dual
        In the order of their first use in the network.
    """
    parts: dict[NumericForm | None, LoweredActivation | LoweredSeries] = {}
    taken = set(RESERVED)
    for dual in duals:
        if dual.numeric in parts:
            continue
        if dual.numeric is None:
            parts[None] = LoweredSeries()
            continue
        name = _free_name(dual.activation.name, taken)
        taken.add(name)
        parameters = tuple(parameter for parameter, _ in dual.activation.parameters)
        parts[dual.numeric] = _part(name, dual.activation.expression, parameters, dual.numeric)
    return tuple(parts.values())


def _free_name(wanted: str, taken: set[str]) -> str:
    usable = wanted.isidentifier() and wanted.isascii() and not keyword.iskeyword(wanted)
    stem = wanted if usable else "activation"
    names = (stem, *(f"{stem}_{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


@lru_cache(maxsize=256)
def _part(name: str, expression: sp.Expr, parameters: tuple[str, ...], form: NumericForm) -> LoweredActivation:
    pair = translate(PAIR_INPUTS, _given(value=form.value, slope=form.slope, bend=form.bend))
    diagonal = translate(DIAGONAL_INPUTS, _given(value=form.diagonal_value, slope=form.diagonal_slope))
    title = (
        f"{name}(x) = {expression}",
        *(f"{what} {formula}" for what, formula in _given(value=form.value, slope=form.slope)),
        *(f"{what} at c = q1 = q2 = q: {formula}" for what, formula in _given(value=form.diagonal_value)),
    )
    return LoweredActivation(name, form, title, hoist(pair, diagonal), parameters)


def _given(**formulas: Any) -> list[tuple[str, Any]]:
    return [(name, formula) for name, formula in formulas.items() if formula is not None]
