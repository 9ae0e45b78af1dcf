"""Traits of a function, proved, refuted or unknown: parity, homogeneity, whether it is continuous or a polynomial."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Literal

import mpmath as mp
import sympy as sp

from ntksym.activation.growth import Growth
from ntksym.activation.pieces import Pieces
from ntksym.activation.pieces.identity import SAMPLE_POINTS, clearly_nonzero, is_zero
from ntksym.activation.pieces.rewriting import expanded
from ntksym.activation.pieces.sign_decider import SignDecider
from ntksym.formula import compile_mpmath
from ntksym.formula.conditionals import substitute
from ntksym.formula.functions import FUNCTIONS
from ntksym.numerics.divided_differences import divided_difference
from ntksym.symbols import x

__all__ = ["Parity", "homogeneity_of", "is_continuous", "is_polynomial", "parity_of"]

Parity = Literal["even", "odd", "neither", "unknown"]
MAX_DIFFERENCE_ORDER = 40
"""Order of divided differences that are computed to refute that a function is a polynomial."""
Values = Mapping[sp.Symbol, sp.Rational]


def parity_of(expression: sp.Expr, pieces: Pieces | None, values: Values) -> Parity:
    """Whether s(-x) = s(x) or s(-x) = -s(x) almost everywhere, at the given values of the parameters.

    Parameters
    ----------
    expression : Expr
        The function, for the refutation at a few points.
    pieces : Pieces or None
        Its pieces, for the proof; without them the expression as a whole is tried.
    values : mapping of Symbol to Rational
        The parameters' values.
    """
    function = compile_mpmath(expression, values)

    def even_part(point: Any) -> Any:
        return function(point) + function(-point)

    def odd_part(point: Any) -> Any:
        return function(point) - function(-point)

    candidates: tuple[tuple[Parity, int, Callable[[Any], Any]], ...] = (("even", 1, odd_part), ("odd", -1, even_part))
    decided = True
    for parity, sign, remainder in candidates:
        if any(clearly_nonzero(remainder, mp.mpf(place)) for place in SAMPLE_POINTS):
            continue
        if _reflects(expression, pieces, values, sign):
            return parity
        decided = False
    return "neither" if decided else "unknown"


def _reflects(expression: sp.Expr, pieces: Pieces | None, values: Values, sign: int) -> bool:
    if pieces is None:
        return is_zero(substitute(expression, {x: -x}) - sign * expression, values) is True
    places = [place.xreplace(dict(values)) for place in pieces.breakpoints]
    parts = [part.xreplace(dict(values)) for part in pieces.expressions]
    judge = SignDecider({})
    if any(judge.order(place, -other) for place, other in zip(places, reversed(places), strict=True)):
        return False
    return all(
        is_zero(part.xreplace({x: -x}) - sign * other) is True
        for part, other in zip(parts, reversed(parts), strict=True)
    )


def is_continuous(node: sp.Expr) -> bool:
    """Whether an expression, real on the whole line, is made of continuous functions: a proof without any pieces."""
    if not node.args:
        return True
    if isinstance(node, sp.Pow):
        return bool(node.exp.is_Integer and node.exp > 0 and is_continuous(node.base))
    function = FUNCTIONS.get(type(node).__name__)
    known = isinstance(node, sp.Add | sp.Mul) or (function is not None and function.continuous)
    return known and all(map(is_continuous, node.args))


def homogeneity_of(pieces: Pieces, values: Values) -> sp.Expr | None:
    """The k with s(t x) = t**k s(x) for all t > 0, or None.

    Parameters
    ----------
    pieces : Pieces
        The function: c x**k on each half line is what is looked for.
    values : mapping of Symbol to Rational
        The parameters' values.
    """
    if any(place.xreplace(dict(values)) != 0 for place in pieces.breakpoints):
        return None
    ray = sp.Dummy("t", positive=True)
    degrees = set()
    parts = [part.xreplace(dict(values)) for part in pieces.expressions]
    for part, direction in zip([parts[0], parts[-1]], (-ray, ray), strict=True):
        on_ray = expanded(part.xreplace({x: direction}))
        if on_ray == 0:
            continue
        _, power = sp.factor_terms(on_ray).as_independent(ray, as_Add=False)
        base, exponent = power.as_base_exp()
        if power != 1 and (base != ray or not exponent.is_number):
            return None
        degrees.add(sp.S.Zero if power == 1 else exponent)
    return degrees.pop() if len(degrees) == 1 else None


def is_polynomial(pieces: Pieces, sides: tuple[Growth, Growth] | None, values: Values) -> bool | None:
    """Whether the function equals one polynomial almost everywhere; None if neither is proved.

    Parameters
    ----------
    pieces : Pieces
        The function.
    sides : pair of Growth, or None
        The growth towards both ends: it bounds the degree.
    values : mapping of Symbol to Rational
        The parameters' values.
    """
    parts = [part.xreplace(dict(values)) for part in pieces.expressions]
    if all(part.is_polynomial(x) for part in parts):
        differ = [is_zero(left - right) for left, right in pairwise(parts)]
        return False if False in differ else (True if None not in differ else None)
    degrees = []
    for side in sides or ():
        if side.attained and (side.gaussian != 0 or side.exponential != 0):
            return False
        if side.gaussian <= 0 and side.exponential <= 0:
            degrees.append(max(int(sp.floor(side.degree)), 0))
    if not degrees:
        return None
    degree = min(degrees)
    if degree > MAX_DIFFERENCE_ORDER:
        return None
    ends = [-sp.oo, *(place.xreplace(dict(values)) for place in pieces.breakpoints), sp.oo]
    for part, low, high in zip(parts, ends, ends[1:], strict=False):
        if _is_no_polynomial(part, low, high, degree):
            return False
    if len(parts) == 1 and is_zero(sp.diff(parts[0], x, degree + 1)) is True:
        return True
    return None


def _is_no_polynomial(part: sp.Expr, low: sp.Expr, high: sp.Expr, degree: int) -> bool:
    """A divided difference of order degree + 1 does not vanish."""
    function = compile_mpmath(part, {})
    left = max(float(low), -3.0) if low.is_finite else min(-3.0, float(high) - 6.0 if high.is_finite else -3.0)
    right = float(high) if high.is_finite else max(3.0, left + 6.0)

    def difference(_: Any) -> Any:
        count = degree + 2
        # Inside the interval and not symmetric: an even function would look constant at -t and t.
        points = [left + (right - left) * (mp.mpf(2 * k + 1) / (2 * count)) ** 1.25 for k in range(count)]
        return divided_difference([function(point) for point in points], points)

    return clearly_nonzero(difference, mp.mpf(0), extra_digits=4 * degree)
