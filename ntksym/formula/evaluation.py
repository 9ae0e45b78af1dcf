"""Numbers from expressions in x: float64 arrays, right in the tails too, and mpmath numbers of any precision."""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp
from numpy.typing import NDArray

from ntksym.formula.arithmetic import FLOAT64, MULTIPRECISION, Arithmetic, Closure
from ntksym.formula.stability import stabilise
from ntksym.symbols import x

__all__ = ["compile_mpmath", "compile_numpy"]

Values = Mapping[sp.Symbol, sp.Rational]

RECOMPUTE_DIGITS = (30, 60, 120, 240, 480, 960, 1920)
"""Precisions tried, until two agree, where float64 arithmetic overflowed on the way."""


def compile_numpy(expression: sp.Expr, values: Values) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """``x -> expression`` on float64 arrays, without warnings; where an intermediate result overflows, mpmath decides.

    Parameters
    ----------
    expression : Expr
        In ``symbols.x`` and parameters.
    values : mapping of Symbol to Rational
        The values of the parameters.
    """
    closure = _compile(stabilise(expression), values, FLOAT64)
    exact = compile_mpmath(expression, values)

    def run(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], bool]:
        overflowed: list[str] = []
        with np.errstate(all="ignore", over="call", call=lambda kind, flag: overflowed.append(kind)):
            result = np.broadcast_to(np.asarray(closure(points), dtype=np.float64), points.shape)
        return result, bool(overflowed)

    def suspicious(points: NDArray[np.float64]) -> list[float]:
        """Points of a sorted array at which something overflows: bisection, since they sit in the tails."""
        if not run(points)[1]:
            return []
        if points.size == 1:
            return [float(points[0])]
        middle = points.size // 2
        return suspicious(points[:middle]) + suspicious(points[middle:])

    def evaluate(points: NDArray[np.float64]) -> NDArray[np.float64]:
        flat = points.ravel()
        result, overflowed = run(flat)
        result = np.where(np.isnan(flat), np.nan, result)
        finite = np.isfinite(flat)
        doubtful = finite & ~np.isfinite(result)
        if overflowed:
            doubtful |= np.isin(flat, suspicious(np.unique(flat[finite])))
        if doubtful.any():
            places, inverse = np.unique(flat[doubtful], return_inverse=True)
            result[doubtful] = np.array([_recompute(exact, float(place)) for place in places])[inverse]
        return result.reshape(points.shape)

    return evaluate


def _recompute(exact: Closure, point: float) -> float:
    previous = None
    for digits in RECOMPUTE_DIGITS:
        with mp.workdps(digits):
            value = exact(mp.mpf(point))
            if previous is not None and (value == previous or abs(value - previous) <= mp.ldexp(abs(value), -60)):
                return float(value)
            previous = value
    return float("nan")


def compile_mpmath(expression: sp.Expr, values: Values) -> Callable[[Any], Any]:
    """``x -> expression`` on mpmath numbers, at whatever precision ``mpmath.mp`` has when it is called.

    Parameters
    ----------
    expression : Expr
        In ``symbols.x`` and parameters.
    values : mapping of Symbol to Rational
        The values of the parameters.
    """
    closure = _compile(stabilise(expression), values, MULTIPRECISION)

    def evaluate(point: Any) -> Any:
        return closure(mp.mpf(point))

    return evaluate


def _compile(node: Any, values: Values, arithmetic: Arithmetic) -> Closure:
    memo: dict[Any, Closure] = {}

    def visit(item: Any) -> Closure:
        if item not in memo:
            memo[item] = build(item)
        return memo[item]

    def build(item: Any) -> Closure:
        if item == x:
            return lambda point: point
        if item in (sp.true, sp.false):
            outcome = bool(item)
            return lambda point: outcome
        if isinstance(item, sp.Expr) and not item.has(x, sp.Piecewise):
            return arithmetic.constant(item.xreplace(dict(values)))
        if isinstance(item, sp.Piecewise):
            return arithmetic.choose([(visit(value), visit(condition)) for value, condition in item.args])
        if isinstance(item, sp.Pow):
            return arithmetic.power(visit(item.base), visit(item.exp), item.exp.xreplace(dict(values)))
        parts = [visit(argument) for argument in item.args]
        function = arithmetic.functions[type(item).__name__]
        if len(parts) == 1:
            (part,) = parts
            return lambda point: function(part(point))
        if isinstance(item, sp.ITE):
            return lambda point: function(*(part(point) for part in parts))
        return lambda point: reduce(function, [part(point) for part in parts])

    return visit(node)
