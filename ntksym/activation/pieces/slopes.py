"""The derivative of a function of x, almost everywhere, as mpmath numbers."""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Any

import mpmath as mp
import sympy as sp

from ntksym.activation.pieces.splitting import Pieces
from ntksym.formula import compile_mpmath
from ntksym.formula.conditionals import piecewise, substitute
from ntksym.symbols import x

__all__ = ["compile_slope", "derivative"]

FLAT = (sp.sign, sp.Heaviside, sp.floor, sp.ceiling)
"""Heads whose derivative vanishes almost everywhere."""


def compile_slope(
    expression: sp.Expr, pieces: Pieces | None, values: Mapping[sp.Symbol, sp.Rational]
) -> Callable[[Any], Any]:
    """``x -> s'(x)`` away from the kinks and jumps, at whatever precision ``mpmath.mp`` has when it is called.

    Parameters
    ----------
    expression : Expr
        The function s.
    pieces : Pieces or None
        Its pieces; without them the chain rule is applied to the expression as a whole.
    values : mapping of Symbol to Rational
        The parameters' values.
    """
    if pieces is None:
        return compile_mpmath(derivative(expression), values)
    slopes = [compile_mpmath(sp.diff(part, x), values) for part in pieces.expressions]
    places = [compile_mpmath(place, values) for place in pieces.breakpoints]

    def evaluate(point: Any) -> Any:
        number = mp.mpf(point)
        return slopes[bisect_left([place(0) for place in places], number)](number)

    return evaluate


def derivative(node: sp.Expr) -> sp.Expr:
    """The derivative in x by the chain rule, branch by branch, with nothing at the places where branches meet.

    Parameters
    ----------
    node : Expr
        s, in x and parameters.
    """
    if not node.has(x) or isinstance(node, FLAT):
        return sp.S.Zero
    if node == x:
        return sp.S.One
    if isinstance(node, sp.Piecewise):
        return piecewise([(derivative(value), condition) for value, condition in node.args])
    holes = [sp.Dummy(real=True) for _ in node.args]
    arguments = dict(zip(holes, node.args, strict=True))
    outer = node.func(*holes)
    terms = []
    for hole, argument in arguments.items():
        slope = derivative(argument)
        if slope != 0:
            terms.append(substitute(sp.diff(outer, hole), arguments) * slope)
    return sp.Add(*terms)
