"""The form of a dual that is evaluated in floating point: nothing overflows in between and nothing cancels at |rho| = 1.

The determinant ``det = q1*q2 - c**2`` is given by the caller, who can compute it stably; asin(r) becomes atan2(y, x) with
x the stable square root; an exponential stays with the tail or the hyperbolic function that it multiplies.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from ntksym.symbolic.field import Field, Root, Scalar
from ntksym.symbolic.real_form import RealTerm, real_form
from ntksym.symbolic.special import (
    ExpBivariateNormalCDF,
    ExpCosh,
    ExpErfi,
    ExpNormalCDF,
    ExpSinh,
    NormalCDF,
)
from ntksym.symbolic.terms import Scaled, Special, Terms
from ntksym.symbols import c, det, q, q1, q2

__all__ = ["NumericForm", "numeric"]

PROBES = ((1.3, 0.7, 0.9999), (0.8, 1.9, -0.9999), (1.1, 1.1, 0.3))
"""(q1, q2, rho) at which the cancellation of the two ways to write a polynomial is compared."""


@dataclass(frozen=True)
class NumericForm:
    """A dual as expressions for floating point.

    Attributes
    ----------
    value, slope : sympy expressions
        In q1, q2, c, det and the parameters; slope is None where E[s'(U)s'(V)] does not exist.
    diagonal_value, diagonal_slope : sympy expressions
        E[s(U)^2] and E[s'(U)^2] in q and the parameters; slope None where it diverges.
    """

    value: sp.Expr
    slope: sp.Expr | None
    diagonal_value: sp.Expr
    diagonal_slope: sp.Expr | None


def numeric(terms: Terms) -> sp.Expr:
    """The sum of terms as an expression for floating point, in (q1, q2, c, det) or in q."""
    mirror = c if c in terms.field.position else None
    writer = NumericWriter(terms.field)
    return sp.Add(*(writer.term(term) for term in real_form(terms, mirror)))


@dataclass(frozen=True)
class NumericWriter:
    """Writes real terms with every polynomial in its better conditioned form."""

    field: Field

    def term(self, term: RealTerm) -> sp.Expr:
        exponent = self.scalar(term.exponent)
        coefficient = self.scaled(Scaled(term.coefficient, term.root))
        oscillating = [(sp.cos if n == "cos" else sp.sin)(self.scalar(b)) for n, b in term.waves if n in {"cos", "sin"}]
        growing = [(n, self.scalar(b)) for n, b in term.waves if n in {"cosh", "sinh"}]
        factor = sp.Mul(coefficient, *oscillating)
        if growing:
            ((name, argument),) = growing
            return factor * {"cosh": ExpCosh, "sinh": ExpSinh}[name](exponent, argument)
        return factor * self.exponential(exponent, term.special)

    def exponential(self, exponent: sp.Expr, special: Special) -> sp.Expr:
        match special:
            case ():
                return sp.exp(exponent)
            case ("asin", r):
                return sp.exp(exponent) * sp.atan2(*self.legs(r), evaluate=False)
            case ("Phi", h):
                return ExpNormalCDF(exponent, self.scaled(h)) if exponent else NormalCDF(self.scaled(h))
            case ("Phi2", h, k, r):
                y, x = self.legs(r)
                hypotenuse = self.hypotenuse(r)
                pair = self.scaled(h), self.scaled(k)
                return ExpBivariateNormalCDF(exponent, *pair, y / hypotenuse, x / hypotenuse)
            case ("erfi", y):
                return ExpErfi(exponent, self.scaled(y))
            case ("product", left, right):
                return self.exponential(exponent, left) * self.exponential(sp.S.Zero, right)
        raise AssertionError(special)

    def legs(self, r: Scaled) -> tuple[sp.Expr, sp.Expr]:
        """y and x = sqrt(hypotenuse^2 - y^2) with r = y/hypotenuse."""
        y, radicand = self._split(r)
        outside, root = self.field.square_root(radicand - y * y)
        return self.scalar(y), self.scaled(Scaled(outside, root))

    def hypotenuse(self, r: Scaled) -> sp.Expr:
        _, radicand = self._split(r)
        return self.scaled(Scaled(*self.field.square_root(radicand)))

    def _split(self, r: Scaled) -> tuple[Scalar, Scalar]:
        """r = y/sqrt(radicand), with the root moved below."""
        one = self.field.one
        square = self.field.multiply_roots((r.root, r.root))[0]
        # r = s R = (s R^2)/R
        y = r.scalar * square
        common = self.field.make(one.numerator, 1, y.factors)
        y, scale = y / common, (one / common) ** 2
        scale = scale * self.field.integer(y.denominator) ** 2
        return y * self.field.integer(y.denominator), square * scale

    def scaled(self, value: Scaled) -> sp.Expr:
        """scalar * root as a product of powers of well conditioned polynomials."""
        constant, numerator = self.field.factor(value.scalar.numerator) if value.scalar else (0, ())
        powers: dict[int, sp.Rational] = defaultdict(lambda: sp.S.Zero)
        for index, exponent in numerator:
            powers[index] += exponent
        for index, exponent in value.scalar.factors:
            powers[index] -= exponent
        for index in value.root.factors:
            powers[index] += sp.S.Half
        rational = sp.Rational(constant, value.scalar.denominator)
        return sp.Mul(rational, sp.sqrt(value.root.integer), *(self.polynomial(i) ** e for i, e in powers.items()))

    def scalar(self, value: Scalar) -> sp.Expr:
        return self.scaled(Scaled(value, Root()))

    def polynomial(self, index: int) -> sp.Expr:
        polynomial = self.field.factors[index].polynomial
        plain = self.field.expression(polynomial)
        position = self.field.position.get(c)
        if position is None or all(m[position] < 2 for m in polynomial):
            return plain
        by_determinant = self._by_determinant(polynomial, position)
        return min((plain, by_determinant), key=lambda e: cancellation(e, self.field))

    def _by_determinant(self, polynomial: Any, position: int) -> sp.Expr:
        """The polynomial with c**2 replaced by q1 q2 - det."""
        total = sp.S.Zero
        for monomial, coefficient in polynomial.terms():
            pairs, single = divmod(monomial[position], 2)
            rest = (*monomial[:position], single, *monomial[position + 1 :])
            term = self.field.expression(polynomial.ring.from_dict({rest: coefficient}))
            total += sp.expand(term * (q1 * q2 - det) ** pairs)
        return total


def cancellation(expression: sp.Expr, field: Field) -> float:
    """The largest ratio of sum |terms| to |sum| over the probes: how many digits the expression loses."""
    constants = dict(zip(field.generators, map(float, field.sample), strict=True))
    worst = 0.0
    for first, second, rho in PROBES:
        values = constants | {q1: first, q2: second, c: rho * math.sqrt(first * second), q: first}
        values[det] = first * second * (1 - rho * rho)
        terms = [_evaluate(term, values) for term in sp.Add.make_args(expression)]
        worst = max(worst, sum(map(abs, terms)) / max(abs(sum(terms)), 1e-300))
    return worst


def _evaluate(term: sp.Expr, values: Mapping[sp.Expr, float]) -> float:
    product = 1.0
    for factor in sp.Mul.make_args(term):
        base, exponent = factor.as_base_exp()
        known = values.get(factor)
        product *= known if known is not None else (values[base] if base in values else float(base)) ** int(exponent)
    return product
