"""A function of x and its derivative on balls: real ones for the nodes of a rule, complex ones for what encloses it.

On a complex ball a function is the analytic continuation from the real line into the plane without the cuts named
here; a ball that meets a cut or a pole becomes NaN.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import methodcaller
from typing import Any, NamedTuple

import sympy as sp
from flint import acb, arb, ctx, fmpq

from ntksym.errors import ToleranceNotMet

__all__ = ["Balls", "Jet", "enclose", "square"]

Ball = Any
"""flint's ``arb`` or ``acb``; the package has no types."""


class Jet(NamedTuple):
    """Enclosures of a function's value and of its derivative in x."""

    value: Ball
    slope: Ball


class Balls:
    """Jets at the precision that ``flint.ctx`` has: the enclosures of constants are kept, so make one per precision."""

    def __init__(self) -> None:
        self._constants: dict[sp.Expr, Ball] = {}

    def constant(self, expression: sp.Expr) -> Jet:
        """A number without x."""
        if expression not in self._constants:
            self._constants[expression] = enclose(expression)
        return Jet(self._constants[expression], arb(0))

    def add(self, terms: Sequence[Jet]) -> Jet:
        """Their sum."""
        value, slope = terms[0]
        for term in terms[1:]:
            value += term.value
            slope += term.slope
        return Jet(value, slope)

    def multiply(self, factors: Sequence[Jet]) -> Jet:
        """Their product."""
        value, slope = factors[0]
        for factor in factors[1:]:
            value, slope = value * factor.value, slope * factor.value + value * factor.slope
        return Jet(value, slope)

    def power(self, base: Jet, exponent: sp.Rational) -> Jet:
        """The real power."""
        derivative = self.constant(exponent).value * _power(base.value, exponent - 1)
        return Jet(_power(base.value, exponent), derivative * base.slope)

    def apply(self, name: str, argument: Jet) -> Jet:
        """One of the functions a tape may contain."""
        value = VALUES[name](argument.value)
        return Jet(value, DERIVATIVES[name](argument.value, value) * argument.slope)


def enclose(constant: sp.Expr) -> Ball:
    """A real ball that contains a number, at the precision that ``flint.ctx`` has.

    Parameters
    ----------
    constant : Expr
        Without free symbols.

    Raises
    ------
    ToleranceNotMet
        A function occurs for which there is no rule.
    """
    if constant.is_Rational:
        return arb(fmpq(int(constant.p), int(constant.q)))
    if constant == sp.pi:
        return arb.pi()
    if constant == sp.E:
        return arb(1).exp()
    if isinstance(constant, sp.CRootOf) and constant.is_real:
        width = sp.Rational(1, 2**ctx.prec)
        return enclose(constant.eval_rational(dx=width)) + arb(0, enclose(width))
    parts = [enclose(argument) for argument in constant.args]
    if isinstance(constant, sp.Add):
        return sum(parts, arb(0))
    if isinstance(constant, sp.Mul):
        product = arb(1)
        for part in parts:
            product *= part
        return product
    if isinstance(constant, sp.Pow):
        return _power(parts[0], constant.exp) if constant.exp.is_Rational else (parts[1] * parts[0].log()).exp()
    rule = VALUES.get(type(constant).__name__)
    if rule is None or len(parts) != 1:
        raise ToleranceNotMet(f"a certificate has no rule for {constant}; use certify=False", subexpression=constant)
    return rule(parts[0])


def _power(base: Ball, exponent: sp.Expr) -> Ball:
    """Cut for exponents that are not integers: the negative numbers and zero."""
    if exponent.is_Integer:
        return _whole_power(base, int(exponent))
    if isinstance(base, acb):
        return base.sqrt(analytic=True) if exponent == sp.S.Half else base.pow(enclose(exponent), analytic=True)
    if exponent == sp.S.Half and not base.contains(0):
        return base.sqrt()
    if exponent > 0 and base.contains(0):
        # A real interval that ends at a branch point: only its part with real powers is meant.
        return arb(0).union(base.upper() ** enclose(exponent))
    return base ** enclose(exponent)


def _whole_power(base: Ball, exponent: int) -> Ball:
    if exponent < 0:
        return _whole_power(1 / base, -exponent)
    if exponent < 2:
        return base if exponent else arb(1)
    half = square(_whole_power(base, exponent // 2))
    return half * base if exponent % 2 else half


def square(ball: Ball) -> Ball:
    """Its square, never below zero for a real ball; flint's own power is NaN for real balls around zero."""
    if isinstance(ball, acb):
        return acb(square(ball.real) - square(ball.imag), 2 * ball.real * ball.imag)
    return arb(0).union(ball.abs_upper() * ball.abs_upper()) if ball.contains(0) else ball * ball


def _real(ball: Ball) -> Ball:
    return ball.real if isinstance(ball, acb) else ball


def _imaginary(ball: Ball) -> Ball:
    return ball.imag if isinstance(ball, acb) else arb(0)


def _outside(ball: Ball, cut: float) -> bool:
    """Whether a ball does not meet the imaginary numbers of modulus at least ``cut``."""
    return not _real(ball).contains(0) or bool(_imaginary(ball).abs_upper() < cut)


def _like(ball: Ball, number: Ball) -> Ball:
    return acb(number) if isinstance(ball, acb) else number


def _disc(centre: Ball, radius: Ball, like: Ball) -> Ball:
    """All numbers within a distance of the centre."""
    spread = arb(0, radius)
    return acb(centre + spread, spread) if isinstance(like, acb) else centre + spread


def _log(ball: Ball) -> Ball:
    """Cut: the negative numbers and zero."""
    return ball.log(analytic=True) if isinstance(ball, acb) else ball.log()


def _log1p(ball: Ball) -> Ball:
    return (1 + ball).log(analytic=True) if isinstance(ball, acb) else ball.log1p()


def _expm1(ball: Ball) -> Ball:
    return ball.exp() - 1 if isinstance(ball, acb) else ball.expm1()


def _expit(ball: Ball) -> Ball:
    """``1/(1 + exp(-u))``."""
    if _real(ball) < 0:
        rising = ball.exp()
        return rising / (1 + rising)
    return 1 / (1 + (-ball).exp())


def _softplus(ball: Ball) -> Ball:
    """``log(1 + exp(u))``. Cuts: i y, abs(y) >= pi; beside them the continuation along the real axis."""
    if not _outside(ball, 3.14159):
        return ball + arb.nan()
    if _real(ball) > 0:
        return ball + _log1p((-ball).exp())
    return _log1p(ball.exp())


def _log_cosh(ball: Ball) -> Ball:
    if _real(ball).contains(0):
        return _log1p(2 * square((ball / 2).sinh())) if _outside(ball, 1.57) else ball + arb.nan()
    size = ball if _real(ball) > 0 else -ball
    return size + _log1p((-2 * size).exp()) - arb.const_log2()


def _hypotenuse(ball: Ball) -> Ball:
    """``sqrt(1 + u**2)``. Cuts: i y, abs(y) >= 1."""
    if not isinstance(ball, acb):
        return (1 + square(ball)).sqrt()
    if _real(ball).contains(0):
        return (1 + square(ball)).sqrt(analytic=True) if _outside(ball, 1) else ball + arb.nan()
    size = ball if _real(ball) > 0 else -ball
    return (size + acb(0, 1)).sqrt(analytic=True) * (size - acb(0, 1)).sqrt(analytic=True)


def _asinh(ball: Ball) -> Ball:
    """Cuts: i y, abs(y) >= 1."""
    if _real(ball).contains(0):
        return ball.asinh() if _outside(ball, 1) else ball + arb.nan()
    size = ball if _real(ball) > 0 else -ball
    value = _log(size + _hypotenuse(size))
    return value if _real(ball) > 0 else -value


def _atan(ball: Ball) -> Ball:
    """Cuts: i y, abs(y) >= 1."""
    return ball.atan() if _outside(ball, 1) else ball + arb.nan()


def _within(function: Callable[[Ball], Ball]) -> Callable[[Ball], Ball]:
    """For asin, acos and atanh. Cuts: the real numbers of modulus at least 1."""

    def evaluate(ball: Ball) -> Ball:
        crosses = isinstance(ball, acb) and ball.imag.contains(0) and not ball.real.abs_upper() < 1
        return ball + arb.nan() if crosses else function(ball)

    return evaluate


def _acosh(ball: Ball) -> Ball:
    """Cut: the real numbers up to 1."""
    crosses = isinstance(ball, acb) and ball.imag.contains(0) and not ball.real > 1
    return ball + arb.nan() if crosses else ball.acosh()


def _acosh_slope(ball: Ball, value: Ball) -> Ball:
    return 1 / (_power(ball - 1, sp.S.Half) * _power(ball + 1, sp.S.Half))


def _erfc(ball: Ball) -> Ball:
    """``abs(erfc(x + iy)) <= exp(y**2) erfc(x)``: the integral of exp(-(x + iy + t)**2) over t > 0."""
    if not isinstance(ball, acb):
        return ball.erfc()
    direct = ball.erfc()
    centre, size = (0, ball.real) if ball.real > 0 else (2, -ball.real)
    bound = square(ball.imag.abs_upper()).exp() * size.lower().erfc()
    return _disc(arb(centre), bound.upper(), ball) if not _radius(direct) < bound else direct


def _radius(ball: Ball) -> Ball:
    return ball.real.rad() + ball.imag.rad()


def _erf(ball: Ball) -> Ball:
    return 1 - _erfc(ball) if isinstance(ball, acb) and not _real(ball).contains(0) else ball.erf()


def _gauss(ball: Ball, sign: int) -> Ball:
    """``2 exp(sign u**2)/sqrt(pi)``."""
    return 2 * (sign * square(ball)).exp() / arb.pi().sqrt()


def _sinc_slope(ball: Ball, value: Ball) -> Ball:
    """``(cos u - sinc u)/u``, which is the integral of -t sin(u t) over (0, 1): at most ``abs(u) exp(abs(Im u))/3``."""
    if not ball.contains(0):
        return (ball.cos() - value) / ball
    return _disc(arb(0), ball.abs_upper() * _imaginary(ball).abs_upper().exp() / 3, ball)


VALUES: Mapping[str, Callable[[Ball], Ball]] = {
    **{
        name: methodcaller(name)
        for name in ("exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sech", "sinc", "erfi")
    },
    **{name: _within(methodcaller(name)) for name in ("asin", "acos", "atanh")},
    "log": _log,
    "log1p": _log1p,
    "expm1": _expm1,
    "expit": _expit,
    "softplus": _softplus,
    "log_cosh": _log_cosh,
    "asinh": _asinh,
    "atan": _atan,
    "acosh": _acosh,
    "erf": _erf,
    "erfc": _erfc,
    "error_tail": _erfc,
}

DERIVATIVES: Mapping[str, Callable[[Ball, Ball], Ball]] = {
    "exp": lambda ball, value: value,
    "expm1": lambda ball, value: ball.exp(),
    "log": lambda ball, value: 1 / ball,
    "log1p": lambda ball, value: 1 / (1 + ball),
    "sin": lambda ball, value: ball.cos(),
    "cos": lambda ball, value: -ball.sin(),
    "tan": lambda ball, value: 1 + square(value),
    "sinh": lambda ball, value: ball.cosh(),
    "cosh": lambda ball, value: ball.sinh(),
    "tanh": lambda ball, value: square(ball.sech()),
    "sech": lambda ball, value: -value * ball.tanh(),
    "asin": lambda ball, value: 1 / _power(1 - square(ball), sp.S.Half),
    "acos": lambda ball, value: -1 / _power(1 - square(ball), sp.S.Half),
    "atan": lambda ball, value: 1 / (1 + square(ball)),
    "asinh": lambda ball, value: 1 / _hypotenuse(ball),
    "acosh": _acosh_slope,
    "atanh": lambda ball, value: 1 / (1 - square(ball)),
    "sinc": _sinc_slope,
    "erf": lambda ball, value: _gauss(ball, -1),
    "erfc": lambda ball, value: -_gauss(ball, -1),
    "error_tail": lambda ball, value: -_gauss(ball, -1),
    "erfi": lambda ball, value: _gauss(ball, 1),
    "expit": lambda ball, value: value * _expit(-ball),
    "softplus": lambda ball, value: _expit(ball),
    "log_cosh": lambda ball, value: ball.tanh(),
}
