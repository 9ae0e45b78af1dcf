"""The existence of the kernel that a verdict is about is refused, shown, or supposed and said."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.activation.integrability import require_slope, require_value, value_integrability
from ntksym.dual import series_dual
from ntksym.errors import NoClosedForm, NoSuchDual
from ntksym.network.layers import Dense, Network, Nonlinearity
from ntksym.network.walk import walk
from ntksym.theory.positivity.criteria import Statement

__all__ = ["require_kernel", "suppositions"]

SMALL = 2.0**-40
"""Variance below which E[s(U)^2] is that at zero."""

LARGE = 2.0**20
"""Variance up to which the least E[s(U)^2] is looked for, where it exists at every variance."""

PER_OCTAVE = 8
"""Variances of an octave at which E[s(U)^2] is computed on the way to its least value."""

CLEARLY = 1.01
"""Factor by which the least variance must exceed the bound: the least value is that of a grid."""


def require_kernel(network: Network, get: str) -> None:
    """Make sure that E[s(U)^2], and for the NTK E[s'(U)^2], are not certainly infinite for every input.

    Parameters
    ----------
    network : Network
        The layers.
    get : "nngp" or "ntk"
        Which kernel.

    Raises
    ------
    NoSuchDual
        Naming the activation.
    """
    for activation in dict.fromkeys(network.activations):
        require_value(activation)
        if get == "ntk":
            require_slope(activation)
    bounds = [value_integrability(activation).bound for activation in network.activations]
    if any(bound is not None and bound.is_finite for bound in bounds):
        walk(network.layers, 0.0, _LeastVariance())


@dataclass(frozen=True)
class _LeastVariance:
    """The algebra of the least variance that any input leads to; it refuses one at which E[s(U)^2] is infinite."""

    def dense(self, state: float, layer: Dense) -> float:
        """W^2 q + b^2."""
        return layer.weight_variance * state + layer.bias_variance

    def nonlinear(self, state: float, layer: Nonlinearity) -> float:
        """The least E[s(U)^2] over all variances from q on at which it is finite."""
        activation = layer.activation
        bound = value_integrability(activation).bound
        end = float(bound) if bound is not None and bound.is_finite else np.inf
        if state > CLEARLY * end:
            raise NoSuchDual(
                f"the kernel exists for no input: every variance before {activation.name} is at least {state:.6g}, and "
                f"E[s(U)^2] is finite only below {end:.6g}; use a smaller W_std or b_std",
                activation=activation,
                integrability=value_integrability(activation),
            )
        first, last = max(state, SMALL), min(LARGE, end * (1 - 1 / PER_OCTAVE))
        count = max(2, int(PER_OCTAVE * np.log2(max(last / first, 2.0))))
        places = np.geomspace(first, max(last, first * (1 + SMALL)), count)
        return float(np.min(series_dual(activation).coefficients(places[places < end]).value, initial=np.inf))

    def add(self, state: float, branch: float) -> float:
        """Of a sum of independent parts."""
        return state + branch


def suppositions(activation: Activation) -> Iterator[Statement]:
    """What is supposed of an activation and of variances, where it is not known or does not hold at all of them."""
    known = value_integrability(activation)
    if known.bound is None:
        yield Statement(f"E[s(U)^2] is supposed to be finite for {activation.name}", known.reason)
    elif known.bound.is_finite:
        yield Statement(
            f"variances are supposed to stay below {known.bound} before {activation.name}",
            "beyond, E[s(U)^2] diverges and there is no kernel",
        )
    if activation.is_continuous is None:
        yield Statement(
            f"E[s(U)^2] and, for the NTK, E[s'(U)^2] are supposed to be finite for {activation.name}",
            "its pieces are not known",
        )


def _breaks(activation: Activation) -> tuple[sp.Expr, ...] | None:
    try:
        return tuple(item.place for item in activation.breaks)
    except NoClosedForm:
        return None
