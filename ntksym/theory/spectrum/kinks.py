"""Where derivatives of an activation jump, and by how much: that decides how fast eigenvalues fall."""

from dataclasses import dataclass
from functools import lru_cache

import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.activation.pieces.rewriting import expanded, limit_at
from ntksym.activation.pieces.sign_decider import SignDecider
from ntksym.errors import NoClosedForm
from ntksym.symbols import x

__all__ = ["MOST_ORDER", "Kink", "even_kinks", "kinks_of", "lowest_order", "odd_kinks"]

MOST_ORDER = 6
"""Derivatives that are looked at."""


@dataclass(frozen=True)
class Kink:
    """A place where the function is not smooth.

    Attributes
    ----------
    place : float
        Where.
    jumps : tuple of float, length MOST_ORDER + 1
        How much s, s', s'', ... jump there, exactly zero where they do not.
    """

    place: float
    jumps: tuple[float, ...]


@lru_cache(maxsize=256)
def kinks_of(activation: Activation) -> tuple[Kink, ...]:
    """The kinks of an activation, from left to right.

    Raises
    ------
    NoClosedForm
        If its pieces are not known, or a derivative is infinite at a place where they meet.
    """
    pieces, values = activation.pieces, activation.values
    parts = [part.xreplace(values) for part in pieces.expressions]
    found = []
    for number, place in enumerate(place.xreplace(values) for place in pieces.breakpoints):
        left, right = parts[number], parts[number + 1]
        jumps = []
        for _ in range(MOST_ORDER + 1):
            step = limit_at(right, place, "+") - limit_at(left, place, "-")
            if not step.is_finite:
                raise NoClosedForm(f"a derivative of {activation.name} is infinite at x = {place}")
            step = expanded(step)
            jumps.append(float(step.evalf(25)) if SignDecider({}).sign(step) else 0.0)
            left, right = sp.diff(left, x), sp.diff(right, x)
        found.append(Kink(float(place.evalf(25)), tuple(jumps)))
    return tuple(found)


def lowest_order(kinks: tuple[Kink, ...]) -> int | None:
    """The order of the lowest derivative that jumps anywhere; None if none of those looked at does."""
    orders = [order for kink in kinks for order, jump in enumerate(kink.jumps) if jump]
    return min(orders, default=None)


def even_kinks(kinks: tuple[Kink, ...]) -> tuple[Kink, ...]:
    """Those of (s(x) + s(-x))/2."""
    return _part(kinks, 1)


def odd_kinks(kinks: tuple[Kink, ...]) -> tuple[Kink, ...]:
    """Those of (s(x) - s(-x))/2."""
    return _part(kinks, -1)


def _part(kinks: tuple[Kink, ...], sign: int) -> tuple[Kink, ...]:
    """The derivative of order r of s(-x) jumps at x by (-1)^(r+1) times the jump of that of s at -x."""
    known = {kink.place: kink.jumps for kink in kinks}
    found = []
    for place in sorted({*known, *(-place + 0.0 for place in known)}):
        zero = (0.0,) * (MOST_ORDER + 1)
        here, there = known.get(place, zero), known.get(-place, zero)
        jumps = tuple((a + sign * (-1) ** (r + 1) * b) / 2 for r, (a, b) in enumerate(zip(here, there, strict=True)))
        found.append(Kink(place, jumps))
    return tuple(found)
