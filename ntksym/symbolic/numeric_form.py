"""The form of a dual that is evaluated in floating point, made so that nothing overflows in between.

The determinant ``det = q1*q2 - c**2`` is given by the caller, who can compute it stably; asin(r) becomes atan2(y, x)
with x the stable square root; an exponential stays with the tail or the hyperbolic function that it multiplies.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import sympy as sp

from ntksym.numerics.limits import DIVISOR_FLOOR
from ntksym.special.symbolic import ExpBivariateNormalCDF, ExpCosh, ExpErfi, ExpNormalCDF, ExpSinh, NormalCDF
from ntksym.symbolic.factors import Root
from ntksym.symbolic.field import Field, Scalar
from ntksym.symbolic.real_form import RealTerm, real_form
from ntksym.symbolic.terms import Scaled, Special, Terms
from ntksym.symbols import c, det, q1, q2

__all__ = ["Grouped", "NumericForm", "edge", "inward", "numeric", "numeric_near_edge"]

edge = sp.Symbol("edge", real=True)
"""sign(c) sqrt(q1 q2), the covariance at the nearer end of its range."""

inward = sp.Symbol("inward", real=True)
"""The distance of c from that edge, c - edge = -sign(c) det/(sqrt(q1 q2) + |c|), without cancellation."""

Monomials = dict[tuple[int, ...], int]

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
    bend : sympy expression or None
        d slope/d c, where it was asked for.
    """

    value: sp.Expr
    slope: sp.Expr | None
    diagonal_value: sp.Expr
    diagonal_slope: sp.Expr | None
    bend: sp.Expr | None = None


def numeric(terms: Terms) -> sp.Expr:
    """The sum of terms as an expression for floating point, in (q1, q2, c, det) or in q."""
    mirror = c if c in terms.field.position else None
    writer = NumericWriter(terms.field)
    return sp.Add(*(writer.term(term) for term in real_form(terms, mirror)))


def numeric_near_edge(terms: Terms) -> sp.Expr:
    """The same in (q1, q2, c, det, edge, inward): exact near ``|rho|`` = 1 where a small polynomial is over det."""
    writer = EdgeWriter(terms.field)
    return sp.Add(*(writer.term(term) for term in real_form(terms, c)))


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
        """Y and x = sqrt(hypotenuse^2 - y^2) with r = y/hypotenuse."""
        y, radicand = self._split(r)
        outside, root = self.field.square_root(radicand - y * y)
        return self.scalar(y), self.scaled(Scaled(outside, root))

    def hypotenuse(self, r: Scaled) -> sp.Expr:
        _, radicand = self._split(r)
        return self.scaled(Scaled(*self.field.square_root(radicand)))

    def _split(self, r: Scaled) -> tuple[Scalar, Scalar]:
        """R = y/sqrt(radicand), with the root moved below."""
        one = self.field.one
        square = self.field.multiply_roots((r.root, r.root))[0]
        # r = s R = (s R^2)/R
        y = r.scalar * square
        common = self.field.make(one.numerator, 1, y.factors)
        y, scale = y / common, (one / common) ** 2
        scale = scale * self.field.integer(y.denominator) ** 2
        return y * self.field.integer(y.denominator), square * scale

    def scaled(self, value: Scaled) -> sp.Expr:
        """Scalar * root as a product of powers of well conditioned polynomials."""
        if not value.scalar:
            return sp.S.Zero
        constant, numerator = self.field.split(value.scalar.numerator)
        powers: dict[Any, sp.Rational] = defaultdict(lambda: sp.S.Zero)
        for polynomial, exponent in numerator:
            powers[polynomial] += exponent
        for index, exponent in value.scalar.factors:
            powers[self.field.factors[index].polynomial] -= exponent
        for index in value.root.factors:
            powers[self.field.factors[index].polynomial] += sp.S.Half
        rational = sp.Rational(constant, value.scalar.denominator)
        return sp.Mul(rational, sp.sqrt(value.root.integer), *(self.polynomial(p) ** e for p, e in powers.items()))

    def scalar(self, value: Scalar) -> sp.Expr:
        return self.scaled(Scaled(value, Root()))

    def polynomial(self, polynomial: Any) -> sp.Expr:
        """The polynomial in c, or with c**2 = q1*q2 - det, whichever loses fewer digits."""
        plain = {(*m, 0): int(v) for m, v in polynomial.items()}
        symbols = (*self.field.generators, det)
        position = self.field.position.get(c)
        if position is not None and any(m[position] > 1 for m in polynomial):
            plain = min((plain, self._by_determinant(plain, position)), key=self._cancellation)
        return sp.Add(
            *(sp.Mul(v, *(s**e for s, e in zip(symbols, m, strict=True) if e)) for m, v in sorted(plain.items()))
        )

    def _by_determinant(self, terms: Monomials, position: int) -> Monomials:
        """Replaces c**2 by q1*q2 - det; the last exponent of a monomial is that of det."""
        first, second = self.field.position[q1], self.field.position[q2]
        result: Monomials = defaultdict(int)
        for monomial, coefficient in terms.items():
            pairs, single = divmod(monomial[position], 2)
            for k in range(pairs + 1):
                moved = list(monomial)
                moved[position] = single
                moved[first] += pairs - k
                moved[second] += pairs - k
                moved[-1] += k
                result[tuple(moved)] += coefficient * math.comb(pairs, k) * (-1) ** k
        return {m: v for m, v in result.items() if v}

    def _cancellation(self, terms: Monomials) -> float:
        """The largest ratio of sum |terms| to |sum| over the probes: how many digits the expression loses."""
        worst = 0.0
        for first, second, correlation in PROBES:
            known: dict[sp.Expr, float] = {q1: first, q2: second, c: correlation * math.sqrt(first * second)}
            point = [known.get(g, float(s)) for g, s in zip(self.field.generators, self.field.sample, strict=True)]
            point.append(first * second * (1 - correlation * correlation))
            values = [v * math.prod(s**e for s, e in zip(point, m, strict=True) if e) for m, v in terms.items()]
            worst = max(worst, sum(map(abs, values)) / max(abs(math.fsum(values)), DIVISOR_FLOOR))
        return worst


class Grouped(sp.Function):
    """Its argument, which is not merged with the terms around it: their order in a sum matters."""

    nargs = 1


@dataclass(frozen=True)
class EdgeWriter(NumericWriter):
    """Writes A + B c + C c^2 as (A + B edge + C q1 q2) + B inward - C det.

    In exponents and arguments the first part belongs to two breaks, and vanishes where they meet at ``|rho|`` = 1. What
    is then left over det is computed without cancellation.
    """

    def term(self, term: RealTerm) -> sp.Expr:
        singular = [b for name, b in term.waves if name in {"cosh", "sinh"} and self._has_determinant(b)]
        if not singular:
            return super().term(term)
        ((name, argument),) = [wave for wave in term.waves if wave[1] is singular[0]]
        rest = tuple(wave for wave in term.waves if wave[1] is not singular[0])
        half, sign = self.field.rational(1, 2), self.field.integer(1 if name == "cosh" else -1)
        up = RealTerm(term.coefficient * half, term.exponent + argument, term.root, term.special, rest)
        down = RealTerm(term.coefficient * half * sign, term.exponent - argument, term.root, term.special, rest)
        return super().term(up) + super().term(down)

    def _has_determinant(self, value: Scalar) -> bool:
        position = self.field.position[c]
        return any(any(m[position] for m in self.field.factors[index].polynomial) for index, _ in value.factors)

    def polynomial(self, polynomial: Any) -> sp.Expr:
        position, ring = self.field.position[c], self.field.ring
        parts: list[dict[tuple[int, ...], Any]] = [{}, {}, {}]
        for monomial, coefficient in polynomial.items():
            if monomial[position] > 2:
                return super().polynomial(polynomial)
            rest = (*monomial[:position], 0, *monomial[position + 1 :])
            parts[monomial[position]][rest] = coefficient
        constant, linear, square = (ring.from_dict(part) for part in parts)
        product = ring.gens[self.field.position[q1]] * ring.gens[self.field.position[q2]]
        constant = constant + square * product
        if not (linear and constant):
            return super().polynomial(polynomial)
        at_edge = self._square(constant, linear)
        if at_edge is None:
            at_edge = super().polynomial(constant) + super().polynomial(linear) * edge
        beside = super().polynomial(linear) * inward - super().polynomial(square) * det
        return Grouped(at_edge) + beside

    def _square(self, constant: Any, linear: Any) -> sp.Expr | None:
        """A q1 + b q2 + B edge = (2 a sqrt(q1) + sign(c) B sqrt(q2))^2/(4 a) where B^2 = 4 a b; None elsewhere."""
        ring = self.field.ring
        first, second = (self.field.position[variance] for variance in (q1, q2))
        sides: list[dict[tuple[int, ...], Any]] = [{}, {}]
        for monomial, coefficient in constant.items():
            if (monomial[first], monomial[second]) not in ((1, 0), (0, 1)):
                return None
            rest = tuple(0 if i in (first, second) else e for i, e in enumerate(monomial))
            sides[monomial[second]][rest] = coefficient
        left, right = (ring.from_dict(side) for side in sides)
        if not left or linear**2 != left * right * 4:
            return None
        own, other = (super(EdgeWriter, self).polynomial(part) for part in (left, linear))
        return (2 * own * sp.sqrt(q1) + sp.sign(edge) * other * sp.sqrt(q2)) ** 2 / (4 * own)
