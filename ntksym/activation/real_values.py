"""A formula must have a real value everywhere; the part that has none is found, and what to write in its place."""

import math
from collections.abc import Mapping
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp
from numpy.typing import NDArray

from ntksym.errors import InvalidInput
from ntksym.formula import compile_mpmath
from ntksym.formula.functions import FUNCTIONS
from ntksym.symbols import x

__all__ = ["PROBES", "require_real"]

PROBES = (-1009.0, -53.7, -7.31, -2.17, -0.37, 0.43, 1.93, 6.83, 47.3, 1013.0)
"""Where a formula must have a real value: both signs and every size that inputs commonly have."""
NEAR = 0.5
"""Probes within this distance of 0 are met at every variance: a square that overflows there leaves no kernel."""
LARGEST = math.sqrt(float(np.finfo(np.float64).max))
"""Beyond it the square of a number is beyond float64."""


def require_real(
    shown: str, expression: sp.Expr, values: Mapping[sp.Symbol, sp.Rational], results: NDArray[np.float64]
) -> None:
    """Check the values of an expression at the probes.

    Parameters
    ----------
    shown : str
        The activation, for messages.
    expression : Expr
        In x and the symbols of ``values``.
    values : mapping of Symbol to Rational
        The parameters.
    results : float array, shape (len(PROBES),)
        Its values.

    Raises
    ------
    InvalidInput
        The expression has no real value somewhere; a number in it, or its value near 0, has a square beyond float64.
    """
    for number in expression.atoms(sp.Rational) | set(values.values()):
        if abs(number) > LARGEST:
            raise InvalidInput(
                f"{shown} contains {float(number):.3g}, whose square is beyond float64; scale it down", number=number
            )
    for point, result in zip(PROBES, results, strict=True):
        if math.isnan(result):
            culprit = _culprit(expression, dict(values), point)
            # Without one, the value is real and only its computation overflows, which says nothing about the domain.
            if culprit is not None or abs(point) < NEAR:
                _refuse(shown, culprit, point)
        if abs(point) < NEAR and LARGEST < abs(result) < math.inf:
            raise InvalidInput(
                f"{shown} is {result:.3g} at x = {point}, whose square is beyond float64; scale it down",
                point=point,
                value=float(result),
            )


def _refuse(shown: str, culprit: sp.Expr | None, point: float) -> None:
    advice = "look for inf - inf or 0*inf" if culprit is None else _advice(culprit)
    part = "" if culprit is None else f", because {culprit} has none"
    raise InvalidInput(
        f"{shown} has no real value at x = {point}{part}; an activation must be real for every x: {advice}",
        point=point,
        part=culprit,
    )


def _culprit(expression: sp.Expr, values: dict[sp.Symbol, sp.Rational], point: float) -> Any:
    """The innermost part of the expression without a real value at the point; None if it is not found.

    Branches of a Piecewise that the point does not choose are left out.
    """
    if isinstance(expression, sp.Piecewise):
        for value, condition in expression.args:
            if _holds(condition.xreplace(values), point):
                return _culprit(value, values, point)
        return expression
    for part in expression.args:
        found = _culprit(part, values, point) if isinstance(part, sp.Expr) else None
        if found is not None:
            return found
    if isinstance(expression, sp.Pow):
        exponent = expression.exp.xreplace(values)
        if exponent.is_integer is not True and _at(expression.base, values, point) < 0:
            return expression
    function = FUNCTIONS.get(type(expression).__name__)
    low, high = function.domain if function is not None else (-mp.inf, mp.inf)
    if expression.args and not low <= _at(expression.args[0], values, point) <= high:
        return expression
    return None


def _holds(condition: Any, point: float) -> bool:
    return bool(condition.subs(x, sp.Rational(str(point))) == sp.true)


def _at(expression: sp.Expr, values: dict[sp.Symbol, sp.Rational], point: float) -> Any:
    value = compile_mpmath(expression, values)(mp.mpf(point))
    return mp.inf if mp.isnan(value) else value


def _advice(part: sp.Expr) -> str:
    if isinstance(part, sp.Piecewise):
        return "give Piecewise a last case, (..., True)"
    name, inner = type(part).__name__, part.args[0]
    if isinstance(part, sp.Pow):
        exponent = part.args[1]
        power = "sqrt({})" if exponent == sp.S.Half else "{}**" + (f"({exponent})" if exponent.args else f"{exponent}")
        power = "{}**" + f"({exponent})" if exponent.is_Rational and exponent != sp.S.Half else power
        even = power.format(f"abs({inner})")
        odd = f"cbrt({inner})" if exponent == sp.Rational(1, 3) else f"sign({inner})*{even}"
        one_sided = "" if exponent.is_negative else f"{power.format(f'max({inner}, 0)')} for zero below, "
        return f"write {one_sided}{even} for an even or {odd} for an odd function"
    if name == "log":
        return f"write log(abs({inner})), or where({inner} > 0, log({inner}), 0)"
    low, high = FUNCTIONS[name].domain
    return f"write {name}(max({inner}, {low}))" if high == mp.inf else f"write {name}(clip({inner}, {low}, {high}))"
