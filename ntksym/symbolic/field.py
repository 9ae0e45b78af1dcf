"""The scalars of one derivation: fractions over known irreducible denominators, and square roots of them.

A scalar is ``numerator / (integer * p_1**e_1 * p_2**e_2 ...)``: one sparse integer polynomial above, a product of
registered irreducible polynomials below. Sums need no polynomial gcd, which is what makes long derivations quick;
a scalar is cancelled by trial division against its own denominator, so equal scalars are equal objects.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import sympy as sp

from ntksym.errors import NoClosedForm
from ntksym.symbolic.factors import Factors, FactorTable, NewGenerator, Root, square_part
from ntksym.symbolic.polynomials import fingerprint

__all__ = ["Field", "Scalar"]


class Field(FactorTable):
    """Fractions in ``generators`` over the integers, with i**2 = -1 and sqrt(n)**2 = n reduced in numerators.

    Parameters
    ----------
    constants : sequence of sympy expressions
        Parameters and irrational constants.
    variables : sequence of sympy expressions
        The variances and the covariance, and what else is added; they come first among the generators.
    """

    def __init__(self, constants: Sequence[sp.Expr], variables: Sequence[sp.Expr] = ()) -> None:
        super().__init__(constants, variables)
        self.zero = Scalar(self, self.ring.zero, 1, ())
        self.one = Scalar(self, self.ring.one, 1, ())

    def extended(self, variables: Sequence[sp.Expr]) -> Field:
        """The field with variables put before the constants; `Scalar.into` moves scalars there."""
        return Field(self.generators[len(self.variables) :], variables)

    def generator(self, expression: sp.Expr) -> Scalar:
        """The scalar that is one generator."""
        if expression not in self.position:
            raise NewGenerator(expression)
        return Scalar(self, self.ring.gens[self.position[expression]], 1, ())

    def integer(self, value: int) -> Scalar:
        return Scalar(self, self.ring(value), 1, ())

    def rational(self, numerator: int, denominator: int) -> Scalar:
        return self.make(self.ring(numerator), denominator, ())

    def scalar(self, expression: sp.Expr) -> Scalar:
        """A constant sympy expression as a scalar; raises `NewGenerator` for an irrational constant not known yet."""
        if expression in self.position:
            return self.generator(expression)
        if expression.is_Rational:
            return self.rational(int(expression.p), int(expression.q))
        if expression.is_Float:
            return self.scalar(sp.Rational(str(expression)))
        if expression.is_Add:
            return sum((self.scalar(a) for a in expression.args), self.zero)
        if expression.is_Mul:
            return math.prod((self.scalar(a) for a in expression.args), start=self.one)
        if expression.is_Pow and expression.exp.is_Integer:
            return self.scalar(expression.base) ** int(expression.exp)
        if expression.is_Pow and expression.base.is_Rational and expression.exp.is_Rational and expression.exp.q == 2:
            p, q = int(expression.base.p), int(expression.base.q)
            root = (
                self.generator(sp.sqrt(p * q)) if math.isqrt(p * q) ** 2 != p * q else self.integer(math.isqrt(p * q))
            )
            return (root / self.integer(q)) ** int(expression.exp.p)
        return self.generator(expression)

    def make(self, numerator: Any, denominator: int, factors: Factors) -> Scalar:
        """The canonical scalar numerator / (denominator * factors)."""
        if self.relations:
            numerator = self.reduced(numerator)
        if not numerator:
            return self.zero
        kept = []
        for index, exponent in factors:
            while exponent and (quotient := self.quotient(numerator, index)) is not None:
                numerator, exponent = quotient, exponent - 1
            if exponent:
                kept.append((index, exponent))
        if denominator != 1:
            common = math.gcd(int(numerator.content()), denominator)
            if common != 1:
                numerator, denominator = numerator.quo_ground(common), denominator // common
            if denominator < 0:
                numerator, denominator = -numerator, -denominator
        return Scalar(self, numerator, denominator, tuple(kept))

    def sign(self, scalar: Scalar) -> int:
        """The sign of a scalar at the sample point."""
        value = self.value_at_sample(scalar.numerator)
        return (value > 0) - (value < 0)

    def square_root(self, scalar: Scalar) -> tuple[Scalar, Root]:
        """``sqrt(scalar) = outside * root`` for a scalar that is positive on the connected domain of the derivation."""
        constant, above = self.factor(scalar.numerator)
        exponents = dict(above)
        for index, exponent in scalar.factors:
            exponents[index] = exponents.get(index, 0) - exponent
        outside_integer, inside_integer = square_part(constant * scalar.denominator)
        outside = self.rational(outside_integer, scalar.denominator)
        inside = []
        for index, exponent in sorted(exponents.items()):
            if exponent % 2:
                inside.append(index)
            if exponent // 2:
                if not self.factors[index].definite:
                    raise NoClosedForm(
                        f"the sign of {self.expression_of(index)} is unknown: give its parameters a nonzero value",
                        part=self.expression_of(index),
                    )
                outside = outside * self.power(index, exponent // 2)
        return outside, Root(inside_integer, tuple(inside))

    def power(self, index: int, exponent: int) -> Scalar:
        if exponent >= 0:
            return Scalar(self, self.factors[index].polynomial ** exponent, 1, ())
        return Scalar(self, self.ring.one, 1, ((index, -exponent),))

    def multiply_roots(self, roots: Iterable[Root]) -> tuple[Scalar, Root]:
        """The product of square roots as ``outside * root``."""
        integer, counts = 1, dict[int, int]()
        for root in roots:
            integer *= root.integer
            for index in root.factors:
                counts[index] = counts.get(index, 0) + 1
        outside_integer, inside_integer = square_part(integer)
        outside = self.integer(outside_integer)
        for index, count in counts.items():
            if count // 2:
                outside = outside * self.power(index, count // 2)
        return outside, Root(inside_integer, tuple(sorted(i for i, n in counts.items() if n % 2)))


class Scalar:
    """An element of a `Field`; immutable, canonical, hashable."""

    __slots__ = ("_hash", "denominator", "factors", "field", "numerator")

    def __init__(self, field: Field, numerator: Any, denominator: int, factors: Factors) -> None:
        self.field = field
        self.numerator: Any = numerator
        self.denominator = denominator
        self.factors = factors
        self._hash: int | None = None

    def __bool__(self) -> bool:
        return bool(self.numerator)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Scalar)
            and self.denominator == other.denominator
            and self.factors == other.factors
            and bool(self.numerator == other.numerator)
        )

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((fingerprint(self.numerator), self.denominator, self.factors))
        return self._hash

    def __neg__(self) -> Scalar:
        return Scalar(self.field, -self.numerator, self.denominator, self.factors)

    def __add__(self, other: Scalar) -> Scalar:
        if not other.numerator:
            return self
        if not self.numerator:
            return other
        if self.factors == other.factors and self.denominator == other.denominator:
            return self.field.make(self.numerator + other.numerator, self.denominator, self.factors)
        left, right = dict(self.factors), dict(other.factors)
        below = {i: max(left.get(i, 0), right.get(i, 0)) for i in left.keys() | right.keys()}
        denominator = math.lcm(self.denominator, other.denominator)
        total = self._above(below, left, denominator) + other._above(below, right, denominator)
        return self.field.make(total, denominator, tuple(sorted(below.items())))

    def _above(self, below: dict[int, int], own: dict[int, int], denominator: int) -> Any:
        numerator: Any = self.numerator
        for index, exponent in below.items():
            if missing := exponent - own.get(index, 0):
                numerator = numerator * self.field.factors[index].polynomial ** missing
        scale = denominator // self.denominator
        return numerator * scale if scale != 1 else numerator

    def __radd__(self, other: int) -> Scalar:
        return self if other == 0 else self.field.integer(other) + self

    def __sub__(self, other: Scalar) -> Scalar:
        return self + (-other)

    def __mul__(self, other: Scalar) -> Scalar:
        if not self.numerator or not other.numerator:
            return self.field.zero
        below = dict(self.factors)
        for index, exponent in other.factors:
            below[index] = below.get(index, 0) + exponent
        return self.field.make(
            self.numerator * other.numerator, self.denominator * other.denominator, tuple(sorted(below.items()))
        )

    def __truediv__(self, other: Scalar) -> Scalar:
        return self * other.inverse()

    def inverse(self) -> Scalar:
        field = self.field
        constant, factors = field.factor(self.numerator)
        above: Any = field.ring(self.denominator)
        for index, exponent in self.factors:
            above = above * field.factors[index].polynomial ** exponent
        below: list[tuple[int, int]] = []
        for index, exponent in factors:
            generator = field.factors[index].generator
            if generator in field.relations:
                # 1/sqrt(2) = sqrt(2)/2
                above = above * field.factors[index].polynomial ** exponent
                square, squares = field.factor(field.relations[generator])
                constant *= square**exponent
                below.extend((i, e * exponent) for i, e in squares)
            else:
                below.append((index, exponent))
        return field.make(above, constant, tuple(sorted(below)))

    def __pow__(self, exponent: int) -> Scalar:
        if exponent < 0:
            return self.inverse() ** -exponent
        if exponent == 0:
            return self.field.one
        factors = tuple((index, e * exponent) for index, e in self.factors)
        return self.field.make(self.numerator**exponent, self.denominator**exponent, factors)

    def __repr__(self) -> str:
        return str(self.expression())

    @property
    def is_constant(self) -> bool:
        """Whether this is a rational number."""
        return not self.factors and (not self.numerator or bool(self.numerator.is_ground))

    def order(self) -> tuple[object, ...]:
        """A total order of scalars that does not depend on the process."""
        return (
            tuple((m, int(v)) for m, v in self.numerator.terms()),
            self.denominator,
            tuple(tuple((m, int(v)) for m, v in self.field.factors[i].polynomial.terms()) for i, _ in self.factors),
            tuple(e for _, e in self.factors),
        )

    def expression(self) -> sp.Expr:
        below = sp.Mul(*(self.field.expression_of(i) ** e for i, e in self.factors))
        return self.field.expression(self.numerator) / (self.denominator * below)

    def parts(self, generator: sp.Expr) -> tuple[Scalar, Scalar]:
        """The parts even and odd in ``generator``, of which the denominator must be even."""
        position = self.field.position.get(generator)
        if position is None:
            return self, self.field.zero
        even = {m: v for m, v in self.numerator.items() if m[position] % 2 == 0}
        odd = {m: v for m, v in self.numerator.items() if m[position] % 2}
        return (
            self.field.make(self.field.ring.from_dict(even), self.denominator, self.factors),
            self.field.make(self.field.ring.from_dict(odd), self.denominator, self.factors),
        )

    def into(self, field: Field) -> Scalar:
        """The same scalar in a field whose last generators are those of this one."""
        if field is self.field:
            return self
        result = Scalar(field, _embed(self.numerator, field), self.denominator, ())
        for index, exponent in self.factors:
            factor = Scalar(field, _embed(self.field.factors[index].polynomial, field), 1, ())
            result = result / factor**exponent
        return result


def _embed(polynomial: Any, field: Field) -> Any:
    padding = (0,) * (len(field.generators) - len(polynomial.ring.gens))
    return field.ring.from_dict({padding + m: v for m, v in polynomial.items()})
