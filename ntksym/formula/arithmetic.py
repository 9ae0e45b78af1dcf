"""Two arithmetics in which an expression in x can be evaluated: float64 arrays, and mpmath numbers of any precision."""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import mpmath as mp
import numpy as np
import scipy
import sympy as sp

__all__ = ["FLOAT64", "MULTIPRECISION", "Arithmetic", "Closure"]

Closure = Callable[[Any], Any]

HUGE_BITS = 2000
"""Beyond 2**2000 the exponential of a number is taken as infinite or zero; 1e308 is still below."""
HUGE_ERROR_ARGUMENT = mp.mpf(10) ** 10
"""Beyond it erfc is 0 or 2 and erfi is infinite."""
HUGE_PHASE_BITS = 20_000
"""Beyond 2**20000 the sine of a number is not computed: reducing it needs that many digits of pi."""


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


def _special(name: str, value: Any) -> Any:
    """A function of scipy.special, which scipy loads when it is first asked for: half as long as all of sympy takes."""
    return getattr(scipy.special, name)(value)


def _rise(first: Any, second: Any) -> Any:
    """``first + sqrt(first**2 + second**2)`` without cancellation or overflow."""
    root = np.hypot(first, second)
    return np.where(first >= 0, first + root, second * (second / (root - np.minimum(first, 0.0))))


def _log_cosh(value: Any) -> Any:
    size = np.abs(value)
    near = np.minimum(size, 1.0)
    return np.where(
        size < 1.0, np.log1p(2.0 * np.sinh(near / 2.0) ** 2), size + np.log1p(np.exp(-2.0 * size)) - np.log(2.0)
    )


FLOAT64 = Arithmetic(
    functions={
        **_RELATIONS,
        **{name: getattr(np, name) for name in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sign")},
        **{name: getattr(np, "arc" + name[1:]) for name in ("asin", "acos", "atan", "asinh", "acosh", "atanh")},
        **{name: partial(_special, name) for name in ("erf", "erfc", "erfi", "expit")},
        "sinc": lambda value: np.sinc(value / np.pi),
        "Abs": np.abs,
        "Heaviside": np.heaviside,
        "Max": np.maximum,
        "Min": np.minimum,
        "floor": np.floor,
        "ceiling": np.ceil,
        "And": np.logical_and,
        "Or": np.logical_or,
        "Not": np.logical_not,
        "ITE": np.where,
        "error_tail": partial(_special, "erfc"),
        "expm1": np.expm1,
        "log1p": np.log1p,
        "softplus": lambda value: np.logaddexp(0.0, value),
        "log_cosh": _log_cosh,
        "rise": _rise,
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
    if (base == 0 and exponent < 0) or _is_huge(exponent) or (base < 0 and not mp.isint(exponent)):
        return mp.nan
    return base**exponent


def _within(function: Callable[[Any], Any], low: float, high: float) -> Callable[[Any], Any]:
    """The function on its real domain, NaN outside."""
    return lambda value: function(value) if low <= value <= high else mp.nan


def _extremum(choose: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """``max`` or ``min``, NaN if either argument is."""
    return lambda first, second: first + second if mp.isnan(first) or mp.isnan(second) else choose(first, second)


def _mpmath_choose(branches: list[tuple[Closure, Closure]]) -> Closure:
    def evaluate(point: Any) -> Any:
        for value, condition in branches:
            if condition(point):
                return value(point)
        return mp.nan

    return evaluate


def _is_huge(value: Any) -> bool:
    return bool(value != 0 and (mp.isinf(value) or mp.mag(value) > HUGE_BITS))


def _exponential(value: Any) -> Any:
    return _bounded(mp.exp, mp.mpf(0), mp.inf)(value)


def _bounded(function: Callable[[Any], Any], below: Any, above: Any) -> Callable[[Any], Any]:
    """An exponential function, with its limits where the binary exponent of the result would be astronomic."""

    def evaluate(value: Any) -> Any:
        if mp.isnan(value) or not _is_huge(value):
            return function(value)
        return above if value > 0 else below

    return evaluate


def _error_function(function: Callable[[Any], Any], below: Any, above: Any) -> Callable[[Any], Any]:
    def evaluate(value: Any) -> Any:
        if mp.isnan(value) or abs(value) <= HUGE_ERROR_ARGUMENT:
            return value if mp.isnan(value) else function(value)
        return above if value > 0 else below

    return evaluate


def _periodic(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def evaluate(value: Any) -> Any:
        return mp.nan if not mp.isfinite(value) or mp.mag(value) > HUGE_PHASE_BITS else function(value)

    return evaluate


def _logarithm(value: Any) -> Any:
    return mp.nan if value < 0 else mp.log(value)


def _mpmath_log_cosh(value: Any) -> Any:
    return abs(value) + mp.log1p(_exponential(-2 * abs(value))) - mp.log(2)


def _mpmath_softplus(value: Any) -> Any:
    return max(value, mp.mpf(0)) + mp.log1p(_exponential(-abs(value)))


def _mpmath_rise(first: Any, second: Any) -> Any:
    root = mp.hypot(first, second)
    return first + root if first >= 0 else second**2 / (root - first)


MULTIPRECISION = Arithmetic(
    functions={
        **_RELATIONS,
        **{name: getattr(mp, name) for name in ("tanh", "atan", "asinh", "erf", "sign")},
        **{name: _within(getattr(mp, name), -1.0, 1.0) for name in ("asin", "acos", "atanh")},
        "acosh": _within(mp.acosh, 1.0, math.inf),
        **{name: _periodic(getattr(mp, name)) for name in ("sin", "cos", "tan", "sinc")},
        "exp": _exponential,
        "sinh": _bounded(mp.sinh, -mp.inf, mp.inf),
        "cosh": _bounded(mp.cosh, mp.inf, mp.inf),
        "erfc": _error_function(mp.erfc, mp.mpf(2), mp.mpf(0)),
        "error_tail": _error_function(mp.erfc, mp.mpf(2), mp.mpf(0)),
        "erfi": _error_function(mp.erfi, -mp.inf, mp.inf),
        "log": _logarithm,
        "Abs": abs,
        "Heaviside": lambda value, at_zero: at_zero if value == 0 else (mp.sign(value) + 1) / 2,
        "Max": _extremum(max),
        "Min": _extremum(min),
        "floor": mp.floor,
        "ceiling": mp.ceil,
        "And": lambda first, second: first and second,
        "Or": lambda first, second: first or second,
        "Not": lambda value: not value,
        "ITE": lambda condition, first, second: first if condition else second,
        "expm1": _bounded(mp.expm1, mp.mpf(-1), mp.inf),
        "log1p": lambda value: mp.nan if value < -1 else mp.log1p(value),
        "expit": lambda value: 1 / (1 + _exponential(-value)),
        "softplus": _mpmath_softplus,
        "log_cosh": _mpmath_log_cosh,
        "rise": _mpmath_rise,
    },
    constant=_mpmath_constant,
    power=_mpmath_power,
    choose=_mpmath_choose,
)
