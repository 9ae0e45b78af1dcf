"""Reading an expression into its normal form, or naming the part that lies outside the class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy as sp

from ntksym.activation.pieces import Pieces
from ntksym.errors import NoClosedForm
from ntksym.special.symbolic import NormalCDF
from ntksym.symbolic.field import Field, Scalar
from ntksym.symbolic.normal_form import Gate, NormalForm
from ntksym.symbols import x

__all__ = ["Reader"]

HIGHEST_POWER = 64


@dataclass(frozen=True)
class Reader:
    """Reads expressions in x over one field."""

    field: Field

    def pieces(self, pieces: Pieces) -> NormalForm:
        """The normal form e_0 + sum_i (e_i - e_{i-1}) 1{x > t_i} of a function given in pieces."""
        smooth = [self.read(expression) for expression in pieces.expressions]
        thresholds = tuple(self.field.scalar(t) for t in pieces.breakpoints)
        total = NormalForm(self.field, smooth[0].terms, thresholds)
        for threshold, left, right in zip(thresholds, smooth, smooth[1:], strict=False):
            total = total + (right - left).gated(threshold)
        return total

    def read(self, expression: sp.Expr) -> NormalForm:
        """The normal form of an expression that is smooth in x."""
        if not expression.has(x):
            return self._constant(expression)
        if expression == x:
            return NormalForm.monomial(self.field, self.field.one, 1)
        if expression.is_Add:
            return self._sum(expression)
        if expression.is_Mul:
            return self._product(expression)
        if expression.is_Pow:
            return self._power(expression)
        rule = self._functions().get(expression.func)
        if rule is None:
            raise outside(expression)
        return rule(expression)

    def _functions(self) -> dict[object, Callable[[sp.Expr], NormalForm]]:
        return {
            sp.exp: lambda e: self.exponential(e.args[0]),
            sp.sin: lambda e: self._trigonometric(e.args[0], -1, sp.I),
            sp.cos: lambda e: self._trigonometric(e.args[0], 1, sp.I),
            sp.sinh: lambda e: self._trigonometric(e.args[0], -1, sp.Integer(1)),
            sp.cosh: lambda e: self._trigonometric(e.args[0], 1, sp.Integer(1)),
            sp.erf: self._erf,
            sp.erfc: lambda e: self._constant(sp.Integer(1)) - self._erf(sp.erf(e.args[0])),
            NormalCDF: self._normal_cdf,
        }

    def _constant(self, expression: sp.Expr) -> NormalForm:
        if expression.is_Add:
            return self._sum(expression)
        if expression.func is sp.exp:
            return self.exponential(expression.args[0])
        if expression.is_Mul and any(a.func is sp.exp for a in expression.args):
            return self._product(expression)
        return NormalForm.monomial(self.field, self.field.scalar(expression))

    def _sum(self, expression: sp.Expr) -> NormalForm:
        total = NormalForm(self.field, {})
        for term in expression.args:
            total = total + self.read(term)
        return total

    def _product(self, expression: sp.Expr) -> NormalForm:
        total = NormalForm.monomial(self.field, self.field.one)
        for factor in expression.args:
            total = total * self.read(factor)
        return total

    def _power(self, expression: sp.Expr) -> NormalForm:
        base, exponent = expression.as_base_exp()
        if not base.has(x):
            return self.exponential(exponent * sp.log(base))
        if exponent.is_Integer and abs(int(exponent)) <= HIGHEST_POWER:
            if exponent > 0:
                return self.read(base).power(int(exponent))
            inverse = self.read(base).reciprocal()
            if inverse is not None:
                return inverse.power(-int(exponent))
        raise outside(expression)

    def exponential(self, argument: sp.Expr) -> NormalForm:
        """Exp of a polynomial of degree at most two."""
        quadratic, linear, constant = self._coefficients(argument, 2)
        return NormalForm.exponential(self.field, quadratic, linear, constant)

    def _coefficients(self, argument: sp.Expr, degree: int) -> list[Scalar]:
        if not argument.has(x):
            return [*[self.field.zero] * degree, self.field.scalar(sp.expand(argument))]
        if not argument.is_polynomial(x) or sp.degree(argument, x) > degree:
            raise outside(argument, f" as an argument, where a polynomial of degree {degree} is the most,")
        coefficients = sp.Poly(argument, x).all_coeffs()
        padding = [sp.S.Zero] * (degree + 1 - len(coefficients))
        return [self.field.scalar(a) for a in (*padding, *coefficients)]

    def _trigonometric(self, argument: sp.Expr, sign: int, unit: sp.Expr) -> NormalForm:
        """(exp(u y) + sign exp(-u y))/2, divided by u for sign = -1: cos, cosh, sin, sinh."""
        linear, constant = self._coefficients(argument, 1)
        field, u = self.field, self.field.scalar(unit)
        plus = NormalForm.exponential(field, field.zero, linear * u, constant * u)
        minus = NormalForm.exponential(field, field.zero, -linear * u, -constant * u)
        half = field.rational(1, 2) if sign > 0 else field.rational(1, 2) / u
        return (plus + minus.scaled(field.integer(sign))).scaled(half)

    def _erf(self, expression: sp.Expr) -> NormalForm:
        """erf(g x + d) = sign(g) (2 I(-d/g, 1/(2 g^2)) - 1)."""
        slope, shift = self._coefficients(expression.args[0], 1)
        gate = self._soft_gate(expression, slope, shift, self.field.rational(1, 2))
        sign = self.field.integer(1 if slope.expression().is_positive else -1)
        one = NormalForm.monomial(self.field, self.field.one)
        return (gate.scaled(self.field.integer(2)) - one).scaled(sign)

    def _normal_cdf(self, expression: sp.Expr) -> NormalForm:
        """Phi(g x + d) = I(-d/g, 1/g^2) for g > 0, and one minus that for g < 0."""
        slope, shift = self._coefficients(expression.args[0], 1)
        gate = self._soft_gate(expression, slope, shift, self.field.one)
        if slope.expression().is_positive:
            return gate
        return NormalForm.monomial(self.field, self.field.one) - gate

    def _soft_gate(self, expression: sp.Expr, slope: Scalar, shift: Scalar, variance: Scalar) -> NormalForm:
        sign = slope.expression().is_positive
        if sign is None:
            raise NoClosedForm(
                f"the sign of {slope} in {expression} is unknown: give its parameters nonzero values", part=expression
            )
        gate = Gate(-shift / slope, variance / (slope * slope))
        return NormalForm.monomial(self.field, self.field.one, 0, (gate,))


def outside(expression: sp.Expr, role: str = "") -> NoClosedForm:
    """The refusal that names the offending part, and what part it plays."""
    return NoClosedForm(
        f"{expression}{role} is outside the class of closed forms (polynomials, exponentials of quadratics, sin, cos, "
        "erf, Phi, and pieces of these)",
        part=expression,
    )
