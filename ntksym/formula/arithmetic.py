"""Two arithmetics in which an expression in x can be evaluated: float64 arrays, and mpmath numbers of any precision."""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp

from ntksym.formula.functions import FUNCTIONS
from ntksym.formula.real_functions import is_huge

__all__ = ["FLOAT64", "MULTIPRECISION", "Arithmetic", "Closure"]

Closure = Callable[[Any], Any]


@dataclass(frozen=True)
class Arithmetic:
    """One kind of arithmetic: functions by class name, constants, the choice between branches."""

    functions: Mapping[str, Callable[..., Any]]
    constant: Callable[[sp.Expr], Closure]
    power: Callable[[Closure, Closure, sp.Expr], Closure]
    choose: Callable[[list[tuple[Closure, Closure]]], Closure]


_RELATIONS: Mapping[str, Callable[..., Any]] = {
    "Add": operator.add,
    "Mul": operator.mul,
    "StrictLessThan": operator.lt,
    "LessThan": operator.le,
    "StrictGreaterThan": operator.gt,
    "GreaterThan": operator.ge,
    "Equality": operator.eq,
    "Unequality": operator.ne,
}


def _numpy_constant(constant: sp.Expr) -> Closure:
    value = constant.evalf(25)
    number = int(constant.p) / int(constant.q) if constant.is_Rational else float(value) if value.is_Float else math.nan
    return lambda point: number


def _numpy_power(base: Closure, exponent: Closure, exact: sp.Expr) -> Closure:
    if exact == 2:
        return lambda point: np.square(base(point))
    if exact == -1:
        return lambda point: 1.0 / base(point)
    if exact == sp.S.Half:
        return lambda point: np.sqrt(base(point))
    return lambda point: np.power(base(point), exponent(point))


def _numpy_choose(branches: list[tuple[Closure, Closure]]) -> Closure:
    """Each branch is evaluated only where it is chosen, so that the others cannot overflow."""

    def evaluate(points: Any) -> Any:
        result = np.full(points.shape, np.nan)
        free = np.ones(points.shape, dtype=bool)
        for value, condition in branches:
            chosen = free & condition(points)
            if chosen.any():
                result[chosen] = value(points[chosen])
            free &= ~chosen
        return result

    return evaluate


FLOAT64 = Arithmetic(
    functions={
        **_RELATIONS,
        **{name: entry.float64 for name, entry in FUNCTIONS.items() if callable(entry.float64)},
        "And": np.logical_and,
        "Or": np.logical_or,
        "Not": np.logical_not,
        "ITE": np.where,
    },
    constant=_numpy_constant,
    power=_numpy_power,
    choose=_numpy_choose,
)


def _mpmath_constant(constant: sp.Expr) -> Closure:
    if constant.is_Rational:
        numerator, denominator = int(constant.p), int(constant.q)
        return lambda point: mp.mpf(numerator) / denominator
    known: dict[int, Any] = {}

    def evaluate(point: Any) -> Any:
        if mp.mp.prec not in known:
            value = constant.evalf(mp.mp.dps + 5)
            known[mp.mp.prec] = mp.mpmathify(value) if value.is_Float or value.is_Rational else mp.nan
        return +known[mp.mp.prec]

    return evaluate


def _mpmath_power(base: Closure, exponent: Closure, exact: sp.Expr) -> Closure:
    if exact.is_Integer:
        number = int(exact)
        return lambda point: _guarded_power(base(point), number)
    if exact == sp.S.Half:
        return lambda point: _square_root(base(point))
    return lambda point: _guarded_power(base(point), exponent(point))


def _square_root(value: Any) -> Any:
    return mp.nan if value < 0 else mp.sqrt(value)


def _guarded_power(base: Any, exponent: Any) -> Any:
    """The real power, NaN where there is none or where its exponent would not fit into a machine word."""
    if (base == 0 and exponent < 0) or is_huge(exponent) or (base < 0 and not mp.isint(exponent)):
        return mp.nan
    return base**exponent


def _mpmath_choose(branches: list[tuple[Closure, Closure]]) -> Closure:
    def evaluate(point: Any) -> Any:
        for value, condition in branches:
            if condition(point):
                return value(point)
        return mp.nan

    return evaluate


MULTIPRECISION = Arithmetic(
    functions={
        **_RELATIONS,
        **{name: entry.multiprecision for name, entry in FUNCTIONS.items() if callable(entry.multiprecision)},
        "And": lambda first, second: first and second,
        "Or": lambda first, second: first or second,
        "Not": lambda value: not value,
        "ITE": lambda condition, first, second: first if condition else second,
    },
    constant=_mpmath_constant,
    power=_mpmath_power,
    choose=_mpmath_choose,
)
