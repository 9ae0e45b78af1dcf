"""Divided differences in ball arithmetic, and whether they exclude zero."""

from collections.abc import Sequence
from typing import Any

import sympy as sp
from flint import arb, ctx

from ntksym.formula.tape import play, record
from ntksym.hermite.certified.balls import Balls, Jet, enclose
from ntksym.numerics.divided_differences import divided_difference

__all__ = ["excludes_zero"]

PRECISION = 256


def excludes_zero(places: Sequence[tuple[sp.Expr, sp.Rational]], power: int) -> bool:
    """Whether the divided difference in t = x**2 of f(x)/x**power is certainly not zero.

    Parameters
    ----------
    places : sequence of (Expr, Rational)
        A smooth expression without parameters, and the distinct positive x at which it is taken.
    power : int
        Power of x by which the values are divided.

    Raises
    ------
    ToleranceNotMet
        A function occurs for which there is no rule in ball arithmetic.
    """
    with ctx.workprec(PRECISION):
        balls = Balls()
        points = [enclose(place) for _, place in places]
        tapes = {expression: record(expression) for expression, _ in places}
        each = zip(places, points, strict=True)
        values = [_value(tapes[expression], balls, point) / point**power for (expression, _), point in each]
        found = divided_difference(values, [point * point for point in points])
        return bool(found.is_finite() and not found.contains(0))


def _value(tape: Any, balls: Balls, point: Any) -> Any:
    return play(tape, balls, Jet(point, arb(1))).value
