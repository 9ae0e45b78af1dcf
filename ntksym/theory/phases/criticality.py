r"""The critical line: the W_std at which chi_1 = 1, as a function of b_std.

On it W^2 = 1/D(q) with V(q) = E[s(U)^2] and D(q) = E[s'(U)^2], U ~ N(0, q), and the fixed length q obeys

    b^2 = q - V(q)/D(q),

which is one equation in q alone: the line is a curve with the length as its parameter.
"""

from functools import lru_cache
from math import inf
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike

from ntksym.activation.activation import Activation
from ntksym.dual import Dual
from ntksym.dual.derivation import dual_of
from ntksym.errors import InvalidInput, NoSuchDual, OutOfReach
from ntksym.numerics.arrays import Array
from ntksym.theory.phases.crossings import survey
from ntksym.theory.phases.lengths import SMALLEST, LengthMap, octaves
from ntksym.theory.phases.mean_squares import at_zero, mean_squares

__all__ = ["critical_line"]


HIDDEN = 1e-280
"""Mean squares below this, with which no quotient can be formed: the activation is zero over most of N(0, q)."""

SPAN = 2.0**24
"""How far beyond b^2 and one lengths on the line are looked for."""


def critical_line(activation: Activation | str | sp.Expr, *, b_std: ArrayLike) -> Any:
    r"""W = 1/sqrt(D(q)) where q - V(q)/D(q) = b^2, at the smallest W whose fixed length q attracts others.

    Parameters
    ----------
    activation : Activation, str or sympy expression
        s; V(q) = E[s(U)^2], D(q) = E[s'(U)^2], U ~ N(0, q).
    b_std : array_like, shape (...)
        Standard deviations b of the biases; 0 for no bias.

    Returns
    -------
    float or float array, shape (...)
        The W_std at which `phases` finds the critical phase.

    Raises
    ------
    InvalidInput
        If a b_std is not a finite number, 0 or more, and where there is no such W_std.
    NoSuchDual
        If s jumps or is infinitely steep, as then chi_1 is infinite whatever W_std.
    OutOfReach
        If a b_std is so small that float64 does not tell the length from zero, or W_std is beyond float64.

    References
    ----------
    Poole et al., NeurIPS 2016, section 2 (arXiv:1606.05340); Hayou, Doucet, Rousseau, ICML 2019 (arXiv:1902.06853).
    """
    act = Activation(activation)
    dual = dual_of(act)
    if not dual.continuous:
        raise NoSuchDual(
            f"{act.name} jumps or is infinitely steep: chi_1 is infinite at every W_std, the phase always chaotic; "
            "use a continuous activation",
            name=act.name,
        )
    deviations = np.asarray(b_std)
    if deviations.dtype.kind not in "iuf" or not np.all(np.isfinite(deviations) & (deviations >= 0)):
        raise InvalidInput(f"b_std must be finite numbers, 0 or more, not {b_std!r}; try b_std=0.1", b_std=b_std)
    if np.any((deviations > 0) & (deviations < SMALLEST**0.5)):
        raise InvalidInput(f"b_std must be 0 or {SMALLEST**0.5:.0e} at least, not {b_std!r}; take 0", b_std=b_std)
    found = [_critical(dual, float(b)) for b in deviations.astype(np.float64).ravel()]
    return np.array(found).reshape(deviations.shape)[()]


@lru_cache(maxsize=4096)
def _critical(dual: Dual, deviation: float) -> float:
    bias = deviation * deviation
    weights = [_at_zero(dual)] if bias == 0 else []

    def excess(q: Array) -> Array:
        """(b^2 - needed b^2)/q in a form between -1 and 1."""
        value, slope = mean_squares(dual, q)
        hidden = np.maximum(value, slope) < HIDDEN  # the value is then the far smaller one
        value, slope = np.where(hidden, 0.0, value), np.where(hidden, 1.0, slope)
        with np.errstate(over="ignore", invalid="ignore"):  # where it overflows nothing is followed any farther
            return np.asarray((value + (bias - q) * slope) / (value + (bias + q) * slope))

    edge = LengthMap(dual, 1.0, 0.0).edge
    low = bias / 2 if bias > 0 else 1 / SPAN
    line = survey(excess, octaves(low, SPAN * max(1.0, bias), edge))
    if line.vanishes:  # b = 0 and homogeneous of degree one: chi_1 does not depend on the length
        weights = [_weight(dual, 1.0)]
    for crossing in line.crossings:
        weight = _weight(dual, crossing.place)
        if weight == inf and _weight(dual, min(SPAN, edge / 2)) < inf:
            raise OutOfReach(
                f"for {dual.activation.name} with b_std={deviation:g} chi_1 = 1 takes a W_std beyond float64, "
                "since nearly all of N(0, q) lies where the activation is constant; take a larger b_std",
                b_std=deviation,
            )
        weights.append(weight if weight < inf and _attracts(dual, crossing.place, bias) else inf)
    smallest = min(weights, default=inf)
    if smallest == inf:
        raise InvalidInput(
            f"{dual.activation.name} with b_std={deviation:g} has no critical W_std: at no W_std is chi_1 = 1 at a "
            "length that attracts others; try another b_std, and phases(...) for the phases that there are",
            b_std=deviation,
        )
    return smallest


def _weight(dual: Dual, q: float) -> float:
    slope = float(mean_squares(dual, np.array([q]))[1][0])
    return slope**-0.5 if slope > 0 else inf


def _attracts(dual: Dual, q: float, bias: float) -> bool:
    """Whether lengths a little off come nearer, at W^2 = 1/D(q)."""
    lengths = LengthMap(dual, _weight(dual, q) ** 2, bias)
    below, above = lengths.expansion(q * np.array([0.99, 1.01]))
    return bool(below > 0 > above)


def _at_zero(dual: Dual) -> float:
    """The W_std at which chi_1 = 1 at q = 0, infinite where lengths near zero do not go there."""
    law = at_zero(dual.activation)
    if law.exponent != 1 or not dual.continuous:
        return inf
    lengths = LengthMap(dual, 1 / law.slope, 0.0)
    return law.slope**-0.5 if lengths.survey.vanishes or lengths.survey.first < 0 else inf
