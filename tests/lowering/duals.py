"""Stand-ins for derived duals: hand-written formulas with the attributes that lowering and kernels ask for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.dual import SeriesDual
from ntksym.dual.accurate_range import EVERYWHERE, AccurateRange
from ntksym.dual.covariance import ValueAndSlope
from ntksym.dual.float_formula import FloatFormula
from ntksym.dual.precise_formula import PreciseFormula
from ntksym.dual.protocol import Kind
from ntksym.hermite.expansion import STEP, SeriesLayout
from ntksym.symbolic.numeric_form import NumericForm
from ntksym.symbols import c, det, q1, q2
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

    kind: ClassVar[Kind] = "closed"
    accurate_range: ClassVar[AccurateRange] = EVERYWHERE

    @property
    def value(self) -> sp.Expr:
        return self.numeric.value.xreplace({det: q1 * q2 - c**2})

    @property
    def slope(self) -> sp.Expr:
        return self.numeric.slope.xreplace({det: q1 * q2 - c**2})

    @property
    def continuous(self) -> bool:
        return self.numeric.diagonal_slope is not None

    def evaluate(self, q1: Any, q2: Any, c: Any, *, dps: int | None = None, gap: Any = None) -> ValueAndSlope[Any]:
        parameters = tuple(self.activation.values.items())
        if dps is not None:
            diagonal = self.numeric.diagonal_value, self.numeric.diagonal_slope
            return PreciseFormula(self.value, self.slope, *diagonal, parameters)(q1, q2, c, dps)
        places = np.broadcast_arrays(*(np.asarray(part, dtype=np.float64) for part in (q1, q2, c)))
        return FloatFormula(self.numeric, parameters)(*places, None if gap is None else np.asarray(gap))

    def error_bound(self, q1: Any, q2: Any) -> np.ndarray:
        return np.zeros(np.broadcast(q1, q2).shape)

    slope_error_bound = error_bound


def activation(name: str, a: float = 0.3) -> Activation:
    return Activation(TEXTS[name], name=name, **({"a": a} if name == "shifted_relu" else {}))


def hand_derived(act: Activation) -> HandDual:
    """What `derive` would give for one of these activations."""
    return HandDual(act, FORMS[act.name])


@dataclass(frozen=True)
class Truncated(SeriesDual):
    """A series with at most so many terms: the pairs that these do not serve are deferred."""

    most: int = STEP

    def layout(self, q: npt.ArrayLike, tolerance: float, largest: float = 1.0) -> SeriesLayout:
        whole = super().layout(q, tolerance, largest)
        return SeriesLayout(min(whole.terms, self.most), min(whole.groups, self.most // STEP))


def expanded(most: int) -> Callable[[Activation], Truncated]:
    """A `derive` that makes series of at most so many terms."""
    return lambda act: Truncated(act, most=most)
