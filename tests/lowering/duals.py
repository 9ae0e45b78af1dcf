"""Stand-ins for derived duals: hand-written formulas with the attributes that lowering and kernels ask for."""

from dataclasses import dataclass

import sympy as sp

from ntksym.activation import Activation
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

    @property
    def continuous(self) -> bool:
        return self.numeric.diagonal_slope is not None


def activation(name: str, a: float = 0.3) -> Activation:
    return Activation(TEXTS[name], name=name, **({"a": a} if name == "shifted_relu" else {}))


def hand_derived(act: Activation) -> HandDual:
    """What `derive` would give for one of these activations."""
    return HandDual(act, FORMS[act.name])
