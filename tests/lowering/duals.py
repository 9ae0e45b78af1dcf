"""Stand-ins for derived duals: hand-written formulas with the attributes that lowering and kernels ask for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.dual import SeriesDual, series_dual
from ntksym.hermite.expansion import STEP, Expansion, SeriesLayout
from ntksym.symbolic.numeric_form import NumericForm
from tests.lowering.forms import FORMS

TEXTS = {
    "relu": "max(x, 0)",
    "erf": "erf(x)",
    "sin": "sin(x)",
    "gelu": "x*(1 + erf(x/sqrt(2)))/2",
    "shifted_relu": "max(x - a, 0)",
    "sign": "sign(x)",
}


@dataclass(frozen=True)
class HandDual:
    activation: Activation
    numeric: NumericForm
    domain: tuple[sp.Expr, ...] = ()

    kind = "closed"
    stable = True

    @property
    def continuous(self) -> bool:
        return self.numeric.diagonal_slope is not None


def activation(name: str, a: float = 0.3) -> Activation:
    return Activation(TEXTS[name], name=name, **({"a": a} if name == "shifted_relu" else {}))


def hand_derived(act: Activation) -> HandDual:
    """What `derive` would give for one of these activations."""
    return HandDual(act, FORMS[act.name])


@dataclass(frozen=True)
class Truncated:
    """A series with at most so many terms: the pairs that these do not serve are hard."""

    dual: SeriesDual
    most: int

    kind = "series"
    stable = True
    numeric = None
    domain: tuple[sp.Expr, ...] = ()

    @property
    def activation(self) -> Activation:
        return self.dual.activation

    @property
    def continuous(self) -> bool:
        return self.dual.continuous

    def layout(self, q: np.ndarray, tolerance: float, largest: float = 1.0) -> SeriesLayout:
        whole = self.dual.layout(q, tolerance, largest)
        return SeriesLayout(min(whole.terms, self.most), min(whole.groups, self.most // STEP))

    def expand(self, q: np.ndarray, tolerance: float, layout: SeriesLayout | None = None) -> Expansion:
        return self.dual.expand(q, tolerance, layout or self.layout(q, tolerance))

    def evaluate(self, q1: Any, q2: Any, c: Any, *, gap: Any = None) -> Any:
        return self.dual.evaluate(q1, q2, c, gap=gap)


def expanded(most: int) -> Callable[[Activation], Truncated]:
    """A `derive` that makes series of at most so many terms."""
    return lambda act: Truncated(series_dual(act), most)
