r"""E[s(U)^2] and E[s'(U)^2], U ~ N(0, q), are found finite at every variance, below some variance, or at none.

Two things can make E[f(U)^2] infinite. Near a place t, where ``|f| ~ |x - t|^-p log(1/|x - t|)^k``, f^2 is integrable
if and only if p < 1/2, or p = 1/2 and k < -1/2; the Gaussian is positive there, so that q does not matter. Far out,
where ``|f|`` grows like exp(g x^2), f^2 times the density is integrable for q < 1/(4 g). A jump of s makes s' a point
mass, whose square is not integrable, and a function with E[s'(U)^2] finite is continuous.

Everything that asks whether a kernel exists asks here: derivations, series, Gram matrices, verdicts.
"""

from dataclasses import dataclass
from functools import lru_cache

import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.activation.singularities import (
    Singularity,
    breaking_places,
    jumps_at,
    singular_places,
    singularity_at,
)
from ntksym.errors import NoSuchDual

__all__ = [
    "Integrability",
    "require_slope",
    "require_value",
    "slope_integrability",
    "value_integrability",
]

EVERYWHERE = sp.oo


@dataclass(frozen=True)
class Integrability:
    """E[f(U)^2] is finite for U ~ N(0, q) at every q < ``bound``.

    Attributes
    ----------
    bound : Expr or None
        ``oo``: finite at every variance; 0: at none; None: not known.
    sharp : bool
        Whether E[f(U)^2] is known to be infinite at every q > ``bound``.
    singularity : Singularity or None
        What makes it infinite at every variance, if a place does.
    reason : str
        In words.
    """

    bound: sp.Expr | None
    sharp: bool
    singularity: Singularity | None
    reason: str

    @property
    def is_everywhere(self) -> bool:
        """Whether it is finite at every variance."""
        return self.bound == sp.oo

    @property
    def is_nowhere(self) -> bool:
        """Whether it is infinite at every variance."""
        return self.bound == 0


@lru_cache(maxsize=512)
def value_integrability(activation: Activation) -> Integrability:
    """Whether E[s(U)^2] is finite.

    Parameters
    ----------
    activation : Activation
        s, at the values of its parameters.
    """
    function = activation.to_mpmath()
    for place in singular_places(activation):
        singularity = singularity_at(function, place)
        if singularity and not singularity.is_integrable:
            rule = "only singularities of order below 1/2 are square integrable"
            return Integrability(sp.S.Zero, True, singularity, f"{singularity}, and {rule}")
    growth = activation.growth
    if growth is None:
        return Integrability(None, False, None, "no bound of its growth was found")
    if growth.gaussian == sp.oo:
        known = sp.S.Zero if growth.attained else None
        return Integrability(known, growth.attained, None, "it grows faster than every Gaussian falls")
    if growth.gaussian.is_positive:
        bound = 1 / (4 * growth.gaussian)
        return Integrability(bound, growth.attained, None, f"it grows like exp({growth.gaussian}*x**2)")
    return Integrability(EVERYWHERE, True, None, "it grows slower than a Gaussian, and has no pole")


@lru_cache(maxsize=512)
def slope_integrability(activation: Activation) -> Integrability:
    """Whether E[s'(U)^2] is finite, where E[s(U)^2] is.

    Parameters
    ----------
    activation : Activation
        s, at the values of its parameters.
    """
    value = value_integrability(activation)
    if value.is_nowhere:
        return value
    function, slope = activation.to_mpmath(), activation.derivative_to_mpmath()
    for place in breaking_places(activation):
        singularity = singularity_at(slope, place)
        if singularity and not singularity.is_integrable:
            reason = f"it is too steep at x = {place}, where its slope has a pole of order {singularity.order}"
            return Integrability(sp.S.Zero, True, singularity, reason)
        if jumps_at(function, place):
            singularity = Singularity(place.expression, str(place), sp.S.Zero, jump=True)
            return Integrability(sp.S.Zero, True, singularity, f"{singularity}")
    return value


def require_value(activation: Activation) -> None:
    """Make sure that E[s(U)^2] is not known to be infinite at every variance.

    Raises
    ------
    NoSuchDual
        With the `Integrability` in ``about["integrability"]``.
    """
    known = value_integrability(activation)
    if known.is_nowhere:
        raise NoSuchDual(
            f"E[s(U)^2] diverges for {activation.name} at every variance: {known.reason}; no network with it has a "
            "kernel; use another activation",
            activation=activation,
            integrability=known,
        )


def require_slope(activation: Activation) -> None:
    """Make sure that E[s'(U)^2] is not known to be infinite at every variance.

    Raises
    ------
    NoSuchDual
        With the `Integrability` in ``about["integrability"]``.
    """
    known = slope_integrability(activation)
    if known.is_nowhere:
        raise NoSuchDual(
            f"the NTK does not exist: E[s'(U)^2] is infinite for {activation.name}, for {known.reason}; "
            'ask for get="nngp", or use another activation',
            activation=activation,
            integrability=known,
        )
