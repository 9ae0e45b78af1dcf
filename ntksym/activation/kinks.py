r"""Kinks and jumps of a function: where it is not smooth, which derivative jumps there, and by how much.

At a place t_i where two smooth pieces meet, the r-th derivative jumps by J_i^(r) = s^(r)(t_i+) - s^(r)(t_i-). The
lowest r with a jump decides how fast Hermite coefficients fall, a_k ~ k^(-r/2 - 3/4), and eigenvalues with them.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import sympy as sp

from ntksym.activation.pieces import Pieces
from ntksym.activation.pieces.rewriting import expanded, limit_at
from ntksym.activation.pieces.sign_decider import SignDecider
from ntksym.errors import NoClosedForm
from ntksym.symbols import x

__all__ = [
    "HIGHEST_ORDER",
    "Break",
    "Kink",
    "breaks_of",
    "decay_of",
    "even_kinks",
    "kinks_of",
    "lowest_order",
    "odd_kinks",
]

HIGHEST_ORDER = 6
"""Derivatives that are looked at: the coefficients of a function whose first six are continuous fall like k^-4.25."""

ROUNDED_DIGITS = 25
"""Decimal digits of a place or jump before it is rounded to float64."""


@dataclass(frozen=True)
class Break:
    """A place where two smooth pieces of a function meet, and some derivative jumps.

    Attributes
    ----------
    place : sympy expression
        The place, in the parameters of the function.
    position : sympy expression
        Its value at the parameters' values.
    left, right : sympy expressions in x
        The pieces on the two sides, at the parameters' values.
    """

    place: sp.Expr
    position: sp.Expr
    left: sp.Expr
    right: sp.Expr

    def jump(self, order: int) -> sp.Expr | None:
        """The jump of the derivative of this order, exactly zero where there is none; None if it is not finite.

        Raises
        ------
        NoClosedForm
            If it cannot be decided whether it is zero.
        """
        return _jump(self.left, self.right, self.position, order)

    @property
    def is_jump(self) -> bool:
        """Whether the function itself jumps there, or is infinite."""
        return bool(self.jump(0) != 0)

    @property
    def is_corner(self) -> bool:
        """Whether the slope differs on the two sides, or is infinite."""
        return bool(self.jump(1) != 0)

    @property
    def order(self) -> int | None:
        """Order of the lowest derivative that jumps, 0 for the function itself.

        None where a derivative is infinite before any has jumped, where none up to `HIGHEST_ORDER` jumps, and where it
        is not decided whether one does.
        """
        if self.is_jump:
            return 0
        try:
            for order in range(1, HIGHEST_ORDER + 1):
                jump = self.jump(order)
                if jump != 0:
                    return None if jump is None else order
        except NoClosedForm:
            pass
        return None


def breaks_of(pieces: Pieces, values: dict[sp.Symbol, sp.Rational]) -> tuple[Break, ...]:
    """The kinks and jumps from left to right; neighbouring pieces differ, so every breakpoint is one.

    Parameters
    ----------
    pieces : Pieces
        The function.
    values : dict of Symbol to Rational
        The parameters' values, which decide where a step may vanish.
    """
    parts = [part.xreplace(values) for part in pieces.expressions]
    return tuple(
        Break(place, place.xreplace(values), left, right)
        for place, (left, right) in zip(pieces.breakpoints, pairwise(parts), strict=True)
    )


def decay_of(breaks: tuple[Break, ...]) -> sp.Rational | None:
    """The exponent e with ``|a_k| ~ k**-e``: r/2 + 3/4 for the lowest order r of a break; None where that is not known.

    Parameters
    ----------
    breaks : tuple of Break
        At least one.
    """
    orders = [item.order for item in breaks]
    return sp.Rational(min(orders), 2) + sp.Rational(3, 4) if None not in orders else None  # type: ignore[type-var]


@lru_cache(maxsize=1024)
def _jump(left: sp.Expr, right: sp.Expr, place: sp.Expr, order: int) -> sp.Expr | None:
    step = limit_at(_derivative(right, order), place, "+") - limit_at(_derivative(left, order), place, "-")
    if not step.is_finite:
        return None
    step = expanded(step)
    return step if SignDecider({}).sign(step) else sp.S.Zero


@lru_cache(maxsize=1024)
def _derivative(part: sp.Expr, order: int) -> sp.Expr:
    return sp.diff(_derivative(part, order - 1), x) if order else part


@dataclass(frozen=True)
class Kink:
    """A break in float64, or one of the even or odd part of a function.

    Attributes
    ----------
    place : float
        Where.
    jumps : tuple of float, length HIGHEST_ORDER + 1
        How much s, s', s'', ... jump there, exactly zero where they do not.
    """

    place: float
    jumps: tuple[float, ...]


@lru_cache(maxsize=256)
def kinks_of(breaks: tuple[Break, ...]) -> tuple[Kink, ...]:
    """The breaks of a function in float64, from left to right.

    Raises
    ------
    NoClosedForm
        If a derivative is infinite at one of them, or whether it jumps is not decided.
    """
    return tuple(Kink(float(item.position.evalf(ROUNDED_DIGITS)), _jumps(item)) for item in breaks)


def _jumps(item: Break) -> tuple[float, ...]:
    sizes = []
    for order in range(HIGHEST_ORDER + 1):
        jump = item.jump(order)
        if jump is None:
            raise NoClosedForm(f"a derivative is infinite at x = {item.place}", subexpression=item.place)
        sizes.append(float(jump.evalf(ROUNDED_DIGITS)))
    return tuple(sizes)


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
        zero = (0.0,) * (HIGHEST_ORDER + 1)
        here, there = known.get(place, zero), known.get(-place, zero)
        jumps = tuple((a + sign * (-1) ** (r + 1) * b) / 2 for r, (a, b) in enumerate(zip(here, there, strict=True)))
        found.append(Kink(place, jumps))
    return tuple(found)
