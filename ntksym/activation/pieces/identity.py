"""Is an expression in x identically zero? Refuted by numbers, affirmed only by algebra."""

from collections.abc import Callable, Mapping
from typing import Any

import mpmath as mp
import sympy as sp

from ntksym.activation.pieces.rewriting import abbreviated, expanded, in_exponentials
from ntksym.formula import compile_mpmath
from ntksym.symbols import x

__all__ = ["SAMPLE_POINTS", "clearly_nonzero", "is_zero"]

SAMPLE_POINTS = ("-2.7182", "-0.8413", "-0.1317", "0.1931", "0.7133", "1.4142", "3.1416")
"""Decimals without special meaning, where a function that is not zero will not vanish by accident."""
AGREEING_DIGITS = (30, 90, 180)
"""Working precisions: a value that two of them agree on is no rounding noise."""
MAX_OPERATIONS = 200
"""Expressions with more operations are not proved: cancellation would grow without bound."""


def is_zero(
    expression: sp.Expr, values: Mapping[sp.Symbol, sp.Rational] | None = None, points: tuple[str, ...] = SAMPLE_POINTS
) -> bool | None:
    """True if proved to vanish for all x and all parameters, False if nonzero somewhere, None if neither is known.

    Parameters
    ----------
    expression : Expr
        Smooth in ``symbols.x``.
    values : mapping of Symbol to Rational
        The parameters' values, for the refutation.
    points : tuple of str
        Where the refutation evaluates.
    """
    if expression == 0:
        return True
    if expression.is_Rational:
        return False
    if _differs(expression, values or {}, points):
        return False
    return True if _proved(expression) else None


def _differs(expression: sp.Expr, values: Mapping[sp.Symbol, sp.Rational], points: tuple[str, ...]) -> bool:
    if expression.free_symbols - set(values) - {x}:
        return False
    function = compile_mpmath(expression, values)
    return any(clearly_nonzero(function, mp.mpf(point)) for point in points)


def clearly_nonzero(function: Callable[[Any], Any], point: Any, extra_digits: int = 0) -> bool:
    """Whether the value at a point is nonzero beyond doubt: rounding noise would change with the working precision.

    Parameters
    ----------
    function : callable
        On mpmath numbers, at the current precision.
    point : mpf
        Where it is evaluated.
    extra_digits : int
        Added to the working precisions, where the function is known to cancel that much.
    """
    previous = None
    for digits in AGREEING_DIGITS:
        with mp.workdps(digits + extra_digits):
            value = function(mp.mpf(point))
            if not mp.isfinite(value):
                return False
            if previous is not None and value != 0 and abs(value - previous) <= mp.ldexp(abs(value), -20):
                return True
            previous = value
    return False


def _proved(expression: sp.Expr) -> bool:
    if expression.count_ops() > MAX_OPERATIONS:
        return False
    plain = expanded(abbreviated(expression, {}))
    if plain == 0:
        return True
    reduced = _in_exponentials(plain)
    if reduced == 0:
        return True
    # log(1 + exp(x)) - log(1 + exp(-x)) - x is constant because its derivative vanishes, and zero at one place.
    if reduced.has(sp.log, sp.asinh, sp.atan) and reduced.subs(x, 0) == 0:
        return _in_exponentials(expanded(sp.diff(reduced, x))) == 0
    return False


def _in_exponentials(expression: sp.Expr) -> sp.Expr:
    if expression.count_ops() > MAX_OPERATIONS:
        return expression
    expression = in_exponentials(expression)
    if expression.has(sp.erfc):
        expression = expression.rewrite(sp.erf)
    numerator, _ = sp.fraction(sp.together(sp.powsimp(expression)))
    return expanded(sp.powsimp(expanded(numerator)))
