"""How fast Hermite coefficients fall: kinks and jumps of an activation, and which derivative breaks there."""

from dataclasses import dataclass
from itertools import pairwise

import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.activation.pieces.rewriting import limit_at
from ntksym.errors import NoClosedForm
from ntksym.symbols import x

__all__ = ["Break", "breaks_of", "decay_of"]

DIGITS = 30
CLEARLY_DIFFERENT = 1e-20
"""Relative difference of one-sided derivatives that is no rounding error."""

HIGHEST_ORDER = 6
"""Derivatives that are compared."""


@dataclass(frozen=True)
class Break:
    """A place where the derivative of some order jumps, and all lower ones do not.

    Attributes
    ----------
    place : sympy expression
        The place.
    order : int or None
        0 for a jump of the function itself; None where a derivative is infinite, or none of low order jumps.
    """

    place: sp.Expr
    order: int | None


def breaks_of(activation: Activation) -> tuple[Break, ...] | None:
    """The kinks and jumps from left to right, or None where they are not known.

    Parameters
    ----------
    activation : Activation
        s.
    """
    try:
        places = {*activation.kinks, *activation.jumps}
    except NoClosedForm:
        return None
    values, pieces = activation.values, activation.pieces
    found = []
    for place, (left, right) in zip(pieces.breakpoints, pairwise(pieces.expressions), strict=True):
        if place in places:
            sides = (left.xreplace(values), right.xreplace(values))
            order = 0 if place in activation.jumps else _order(*sides, place.xreplace(values))
            found.append(Break(place, order))
    return tuple(found)


def decay_of(breaks: tuple[Break, ...]) -> sp.Rational | None:
    """The exponent e with ``|a_k| ~ k**-e``: s/2 + 3/4 for the lowest order s of a break; None where that is not known.

    Parameters
    ----------
    breaks : tuple of Break
        At least one.
    """
    orders = [item.order for item in breaks]
    return sp.Rational(min(orders), 2) + sp.Rational(3, 4) if None not in orders else None  # type: ignore[type-var]


def _order(left: sp.Expr, right: sp.Expr, place: sp.Expr) -> int | None:
    for order in range(1, HIGHEST_ORDER + 1):
        left, right = sp.diff(left, x), sp.diff(right, x)
        sides = [limit_at(part, place, side).evalf(DIGITS) for part, side in ((left, "-"), (right, "+"))]
        if not all(side.is_Float or side.is_Rational for side in sides):
            return None
        if abs(sides[0] - sides[1]) > CLEARLY_DIFFERENT * max(1.0, *(float(abs(side)) for side in sides)):
            return order
    return None
