"""Bounds of a function and its derivative far out, proved from its steps: they need not be sharp, only true."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sympy as sp
from flint import arb

from ntksym.hermite.certified.balls import enclose

__all__ = ["Majorant", "Tail", "Tails"]

Ball = Any
"""flint's ``arb``; an infinite or undefined one stands for "no bound is known"."""


@dataclass(frozen=True)
class Majorant:
    """``C (1 + u)**d exp(a u)`` for u >= 0, with C = ``constant``, d = ``degree`` >= 0, a = ``rate``."""

    constant: Ball
    degree: Ball
    rate: Ball

    def __add__(self, other: "Majorant") -> "Majorant":
        return Majorant(self.constant + other.constant, self.degree.max(other.degree), self.rate.max(other.rate))

    def __mul__(self, other: "Majorant") -> "Majorant":
        return Majorant(self.constant * other.constant, self.degree + other.degree, self.rate + other.rate)

    def __pow__(self, exponent: Ball) -> "Majorant":
        return Majorant(self.constant**exponent, self.degree * exponent, self.rate * exponent)

    @property
    def is_finite(self) -> bool:
        """Whether a bound is known."""
        return bool(self.constant.is_finite() and self.degree.is_finite() and self.rate.is_finite())


class Line(NamedTuple):
    """``offset + incline*u``."""

    offset: Ball
    incline: Ball


class Tail(NamedTuple):
    """What is known of a function of x = u or x = -u, for every u >= some start.

    ``abs(value) <= bound``, ``low <= value <= high``, ``abs(derivative in x) <= slope``.
    """

    bound: Majorant
    low: Line
    high: Line
    slope: Majorant


def _majorant(constant: Ball, degree: float = 0, rate: Ball = 0) -> Majorant:
    return Majorant(arb(constant), arb(degree), arb(rate))


UNKNOWN = Line(arb.nan(), arb(0))
ZERO = Line(arb(0), arb(0))
NOTHING = _majorant(0)
INFINITE = _majorant(arb.pos_inf())


class Tails:
    """The arithmetic of tails on one side.

    Parameters
    ----------
    side : int
        1 for x = u, -1 for x = -u.
    start : arb
        The bounds have to hold for u >= start >= 0.
    """

    def __init__(self, side: int, start: Ball) -> None:
        self.side = side
        self.start = start

    def variable(self) -> Tail:
        """The variable x itself."""
        line = Line(arb(0), arb(self.side))
        return Tail(_majorant(1, 1), line, line, _majorant(1))

    def constant(self, expression: sp.Expr) -> Tail:
        """A number without x."""
        number = enclose(expression)
        line = Line(number, arb(0))
        return Tail(_majorant(number.abs_upper()), line, line, NOTHING)

    def flat(self, low: Ball, high: Ball, slope: Majorant) -> Tail:
        """A function between two constants."""
        size = low.abs_upper().max(high.abs_upper())
        return Tail(_majorant(size), Line(low, arb(0)), Line(high, arb(0)), slope)

    def add(self, terms: Sequence[Tail]) -> Tail:
        """Their sum."""
        bound, low, high, slope = terms[0]
        for term in terms[1:]:
            bound, slope = bound + term.bound, slope + term.slope
            low, high = _sum(low, term.low), _sum(high, term.high)
        return self._completed(bound, low, high, slope)

    def multiply(self, factors: Sequence[Tail]) -> Tail:
        """Their product."""
        product = factors[0]
        for factor in factors[1:]:
            product = self._product(product, factor)
        return product

    def _product(self, first: Tail, second: Tail) -> Tail:
        bound = first.bound * second.bound
        slope = first.slope * second.bound + first.bound * second.slope
        for scale, other in ((first, second), (second, first)):
            number, incline = scale.low
            # The same line below and above: the value of a constant, also where it is a ball of positive radius.
            if scale.low is scale.high and incline == 0 and (number >= 0 or number <= 0):
                low, high = (Line(line.offset * number, line.incline * number) for line in (other.low, other.high))
                return self._completed(bound, *((low, high) if number >= 0 else (high, low)), slope)
        sign = self.sign(first) * self.sign(second)
        return self._completed(bound, ZERO if sign > 0 else UNKNOWN, ZERO if sign < 0 else UNKNOWN, slope)

    def _completed(self, bound: Majorant, low: Line, high: Line, slope: Majorant) -> Tail:
        """Unknown lines are read off the bound."""
        if bound.is_finite and bound.rate <= 0 and bound.degree <= 1:
            size = bound.constant.abs_upper()
            incline = arb(0) if bound.degree <= 0 else size
            low = low if low.offset.is_finite() else Line(-size, -incline)
            high = high if high.offset.is_finite() else Line(size, incline)
        return Tail(bound, low, high, slope)

    def least(self, tail: Tail) -> Ball:
        """A lower bound of ``abs(value)``."""
        for line, sign in ((tail.low, 1), (tail.high, -1)):
            end = sign * (line.offset + line.incline * self.start)
            if sign * line.incline >= 0 and end > 0:
                return end.lower()
        return arb(0)

    def sign(self, tail: Tail) -> int:
        """1 or -1 where the value is never of the other sign, else 0."""
        for line, sign in ((tail.low, 1), (tail.high, -1)):
            if sign * line.incline >= 0 and sign * (line.offset + line.incline * self.start) >= 0:
                return sign
        return 0

    def power(self, base: Tail, exponent: sp.Rational) -> Tail:
        """The real power."""
        sign = self.sign(base) if exponent.p % 2 or exponent.q != 1 else 1
        size = self._power(base, enclose(exponent))
        slope = _majorant(enclose(abs(exponent))) * self._power(base, enclose(exponent - 1)) * base.slope
        least = self.least(base) ** enclose(exponent) if exponent > 0 else arb(0)
        low = Line(least, arb(0)) if sign > 0 else UNKNOWN
        return self._completed(size, low, Line(-least, arb(0)) if sign < 0 else UNKNOWN, slope)

    def _power(self, base: Tail, exponent: Ball) -> Majorant:
        if exponent >= 0:
            return base.bound**exponent
        least = self.least(base)
        return _majorant(least**exponent) if least > 0 else INFINITE

    def apply(self, name: str, argument: Tail) -> Tail:
        """One of the functions a tape may contain."""
        if name in BOUNDED:
            low, high, steepest = (enclose(sp.sympify(number)) for number in BOUNDED[name])
            low = low if name not in ODD or self.sign(argument) <= 0 else arb(0)
            high = high if name not in ODD or self.sign(argument) >= 0 else arb(0)
            return self.flat(low, high, _majorant(steepest) * argument.slope)
        return _RULES[name](self, argument)

    def _exp(self, argument: Tail) -> Tail:
        offset, incline = argument.high
        bound = Majorant(offset.exp(), arb(0), incline)
        low, high = (
            Line((line.offset + line.incline * self.start).exp(), arb(0)) for line in (argument.low, argument.high)
        )
        low = low if argument.low.incline >= 0 and low.offset.is_finite() else ZERO
        return self._completed(bound, low, high if incline <= 0 else UNKNOWN, bound * argument.slope)

    def _expm1(self, argument: Tail) -> Tail:
        return self.add([self._exp(argument), self.constant(sp.S.NegativeOne)])

    def _hyperbolic(self, argument: Tail) -> Tail:
        """Both sinh and cosh are at most ``exp(abs(v))``."""
        rising, falling = self._exp(argument), self._exp(self.multiply([self.constant(sp.S.NegativeOne), argument]))
        bound = rising.bound + falling.bound
        return self._completed(bound, UNKNOWN, UNKNOWN, bound * argument.slope)

    def _cosh(self, argument: Tail) -> Tail:
        return self._hyperbolic(argument)._replace(low=Line(arb(1), arb(0)))

    def _log(self, argument: Tail) -> Tail:
        """``abs(log v) <= abs(log least) + abs(log C) + (d + a)(1 + u)``, since log(1 + u) <= u."""
        least, bound = self.least(argument), argument.bound
        size = abs(least.log()) + abs(bound.constant.log()) + bound.degree + abs(bound.rate)
        degree = 0 if bound.degree <= 0 and bound.rate <= 0 else 1
        slope = _majorant(1 / least) * argument.slope
        low = Line(least.log(), arb(0))
        return self._completed(_majorant(size, degree), low, UNKNOWN, slope)

    def _log1p(self, argument: Tail) -> Tail:
        return self._log(self.add([self.constant(sp.S.One), argument]))

    def _acosh(self, argument: Tail) -> Tail:
        """``acosh v <= log(2 v)``, with the derivative ``1/sqrt(v**2 - 1)``."""
        steepest = 1 / (self.least(argument) ** 2 - 1).sqrt()
        above = self._log(self.multiply([self.constant(sp.Integer(2)), argument]))
        return above._replace(low=ZERO, slope=_majorant(steepest) * argument.slope)

    def _contraction(self, argument: Tail) -> Tail:
        """For asinh: at most ``abs(v)``, of the same sign, with a derivative of at most 1."""
        sign = self.sign(argument)
        low, high = ZERO if sign > 0 else UNKNOWN, ZERO if sign < 0 else UNKNOWN
        return self._completed(argument.bound, low, high, argument.slope)

    def _log_cosh(self, argument: Tail) -> Tail:
        return self._completed(argument.bound, ZERO, UNKNOWN, argument.slope)

    def _softplus(self, argument: Tail) -> Tail:
        """At most ``log 2 + abs(v)``."""
        bound = _majorant(arb.const_log2()) + argument.bound
        return self._completed(bound, ZERO, UNKNOWN, argument.slope)

    def _inner(
        self, argument: Tail, value: Callable[[Ball], Ball], derivative: Callable[[Ball], Ball], limit: Ball
    ) -> Tail:
        """A function whose modulus and derivative grow with ``abs(v)``, where that stays below a limit."""
        bound = argument.bound
        size = bound.constant.upper()
        if not (bound.is_finite and bound.degree <= 0 and bound.rate <= 0 and size < limit):
            return Tail(INFINITE, UNKNOWN, UNKNOWN, INFINITE)
        largest = value(size)
        return self.flat(-largest, largest, _majorant(derivative(size)) * argument.slope)


def _sum(first: Line, second: Line) -> Line:
    return Line(first.offset + second.offset, first.incline + second.incline)


BOUNDED: Mapping[str, tuple[Any, Any, Any]] = {
    "tanh": (-1, 1, 1),
    "erf": (-1, 1, 2 / sp.sqrt(sp.pi)),
    "atan": (-sp.pi / 2, sp.pi / 2, 1),
    "sin": (-1, 1, 1),
    "cos": (-1, 1, 1),
    "sinc": (-1, 1, sp.S.Half),
    "sech": (0, 1, 1),
    "expit": (0, 1, sp.Rational(1, 4)),
    "erfc": (0, 2, 2 / sp.sqrt(sp.pi)),
    "error_tail": (0, 2, 2 / sp.sqrt(sp.pi)),
}
"""Smallest and largest value, steepest slope."""

ODD = frozenset({"tanh", "erf", "atan"})
"""Of these the value has the sign of the argument."""

_RULES: Mapping[str, Callable[[Tails, Tail], Tail]] = {
    "exp": Tails._exp,
    "expm1": Tails._expm1,
    "sinh": Tails._hyperbolic,
    "cosh": Tails._cosh,
    "log": Tails._log,
    "log1p": Tails._log1p,
    "asinh": Tails._contraction,
    "acosh": Tails._acosh,
    "log_cosh": Tails._log_cosh,
    "softplus": Tails._softplus,
    "tan": lambda tails, argument: tails._inner(
        argument, lambda size: size.tan(), lambda size: 1 + size.tan() ** 2, arb.pi() / 2
    ),
    "asin": lambda tails, argument: tails._inner(
        argument, lambda size: arb.pi() / 2, lambda size: 1 / (1 - size**2).sqrt(), arb(1)
    ),
    "acos": lambda tails, argument: tails._inner(
        argument, lambda size: arb.pi(), lambda size: 1 / (1 - size**2).sqrt(), arb(1)
    ),
    "atanh": lambda tails, argument: tails._inner(
        argument, lambda size: size.atanh(), lambda size: 1 / (1 - size**2), arb(1)
    ),
    "erfi": lambda tails, argument: tails._inner(
        argument, lambda size: size.erfi(), lambda size: 2 * (size**2).exp() / arb.pi().sqrt(), arb(100)
    ),
}
