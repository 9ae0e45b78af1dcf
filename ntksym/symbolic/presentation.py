"""Collected terms as the formula a textbook would print."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.core.parameters import distribute

from ntksym.special.symbolic import BivariateNormalCDF, NormalCDF
from ntksym.symbolic.factors import LONG, Root
from ntksym.symbolic.field import Field, Scalar
from ntksym.symbolic.polynomials import divided, irreducible_factors
from ntksym.symbolic.real_form import real_form
from ntksym.symbolic.terms import Scaled, Special, Terms

__all__ = ["present"]

WAVES = {"cos": sp.cos, "sin": sp.sin, "cosh": sp.cosh, "sinh": sp.sinh}


def present(terms: Terms, mirror: sp.Symbol | None) -> sp.Expr:
    """The sum of terms as a readable sympy expression.

    Parameters
    ----------
    terms : Terms
        From `ntksym.symbolic.gaussian.expectation`.
    mirror : Symbol or None
        The covariance or correlation; exponentials mirrored in it become cosh and sinh.
    """
    writer = ScalarWriter(terms.field, mirror)
    groups: dict[tuple[Any, ...], dict[Special, Scalar]] = defaultdict(dict)
    for term in real_form(terms, mirror):
        groups[term.exponent, term.waves, term.root][term.special] = term.coefficient
    with distribute(False):
        return sp.Add(*(writer.group(key, members) for key, members in groups.items()))


@dataclass(frozen=True)
class ScalarWriter:
    """Writes scalars and special functions of one field; ``mirror`` is the variable kept apart in polynomials."""

    field: Field
    mirror: sp.Symbol | None

    def group(self, key: tuple[Any, ...], members: dict[Special, Scalar]) -> sp.Expr:
        exponent, waves, root = key
        common = [sp.exp(self.sum(exponent))] if exponent else []
        common += [WAVES[name](self.sum(argument)) for name, argument in waves]
        parts = []
        for coefficient, special in self._with_quarter_turns(members):
            parts.append(self.coefficient(coefficient, root) * special)
        if len(parts) == 1:
            return sp.Mul(*common, parts[0])
        return sp.Mul(*common, sp.Add(*parts)) if common else sp.Add(*parts)

    def _with_quarter_turns(self, members: dict[Special, Scalar]) -> list[tuple[Scalar, sp.Expr]]:
        """K asin(r) + k pi/2 is written k (asin(r) + pi/2)."""
        members = dict(members)
        angles = [special for special in members if special and special[0] == "asin"]
        result = []
        if len(angles) == 1 and () in members:
            quarter_turn = members[angles[0]] * self.field.generator(sp.pi) * self.field.rational(1, 2)
            for sign in (1, -1):
                if members[()] == quarter_turn * self.field.integer(sign):
                    coefficient = members.pop(angles[0])
                    del members[()]
                    arc = sp.asin(self.scaled(angles[0][1]))
                    result.append((coefficient, arc + sign * sp.pi / 2))
                    break
        return result + [(value, self.special(special)) for special, value in members.items()]

    def special(self, special: Special) -> sp.Expr:
        match special:
            case ("Phi", h):
                return NormalCDF(self.scaled(h))
            case ("Phi2", h, k, r):
                return BivariateNormalCDF(self.scaled(h), self.scaled(k), self.scaled(r))
            case ("asin", r):
                return sp.asin(self.scaled(r))
            case ("erfi", y):
                return sp.erfi(self.scaled(y))
            case ("product", left, right):
                return self.special(left) * self.special(right)
        return sp.S.One

    def scaled(self, value: Scaled) -> sp.Expr:
        return self.coefficient(value.scalar, value.root)

    def coefficient(self, scalar: Scalar, root: Root) -> sp.Expr:
        """Scalar * root; N/sqrt(P) is divided out where that is shorter."""
        if not scalar:
            return sp.S.Zero
        divided = self._divided(scalar, root)
        if divided is not None:
            return sp.Add(*(self.coefficient(part, root) for part in divided))
        constant, numerator = self._factored(scalar.numerator)
        powers: dict[sp.Expr, sp.Rational] = defaultdict(lambda: sp.S.Zero)
        for base, exponent in numerator:
            powers[base] += exponent
        for index, exponent in scalar.factors:
            powers[self._factor(index)] -= exponent
        for index in root.factors:
            powers[self._factor(index)] += sp.S.Half
        self._merge_conjugates(powers)
        rational = sp.Rational(constant, scalar.denominator)
        return sp.Mul(rational, sp.sqrt(root.integer), *(base**exponent for base, exponent in powers.items()))

    def _divided(self, scalar: Scalar, root: Root) -> tuple[Scalar, Scalar] | None:
        """(A P)/..., B/... with numerator N = A P + B, for the P under the root, if both are shorter than N."""
        numerator: Any = scalar.numerator
        for index in root.factors:
            polynomial = self.field.factors[index].polynomial
            if len(polynomial) < 3 or len(numerator) < 3 or index not in dict(scalar.factors):
                continue
            quotient, rest = divided(numerator, polynomial)
            if quotient and rest and len(quotient) + len(rest) < len(numerator):
                below = (scalar.denominator, scalar.factors)
                return self.field.make(quotient * polynomial, *below), self.field.make(rest, *below)
        return None

    def _merge_conjugates(self, powers: dict[sp.Expr, sp.Rational]) -> None:
        """(1 - rho)(1 + rho) is written 1 - rho**2."""
        if self.mirror is None:
            return
        for base in [b for b in powers if b.is_Add]:
            twin = base.xreplace({self.mirror: -self.mirror})
            if base in powers and twin in powers and twin != base and powers[base] == powers[twin]:
                exponent = powers.pop(base)
                powers.pop(twin)
                powers[sp.expand(base * twin, deep=False)] += exponent

    def _factor(self, index: int) -> sp.Expr:
        return self.irreducible(self.field.factors[index].polynomial)

    def _factored(self, polynomial: Any) -> tuple[int, list[tuple[sp.Expr, int]]]:
        constant, factors = self.field.split(polynomial)
        return constant, [(self.irreducible(factor), exponent) for factor, exponent in factors]

    def irreducible(self, polynomial: Any) -> sp.Expr:
        """factor(P without c) + factor(the rest): (2 q1 + 1)(2 q2 + 1) - 4 c**2."""
        position = None if self.mirror is None else self.field.position.get(self.mirror)
        if position is None or not 4 <= len(polynomial) <= LONG:
            return self.field.expression(polynomial)
        ring = self.field.ring
        free = ring.from_dict({m: v for m, v in polynomial.items() if not m[position]})
        rest = polynomial - free
        return sp.Add(*(self._plain_product(part) for part in (free, rest) if part))

    def _plain_product(self, polynomial: Any) -> sp.Expr:
        constant = int(polynomial.content()) * (1 if int(polynomial.LC) > 0 else -1)
        factors = irreducible_factors(polynomial.quo_ground(constant))
        return sp.Mul(constant, *(self.field.expression(factor) ** exponent for factor, exponent in factors))

    def sum(self, scalar: Scalar) -> sp.Expr:
        """A scalar in an exponent: factored, or as a sum of fractions where the denominator is a number."""
        if not scalar.factors:
            return sp.Add(*sp.Add.make_args(self.field.expression(scalar.numerator) / scalar.denominator))
        return self.coefficient(scalar, Root())
