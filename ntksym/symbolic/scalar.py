"""An element of a field: a numerator over an integer and registered irreducible polynomials."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import sympy as sp

from ntksym.symbolic.polynomials import fingerprint

if TYPE_CHECKING:
    from ntksym.symbolic.field import Field

__all__ = ["Factors", "Scalar"]

Factors = tuple[tuple[int, int], ...]
"""(index of a registered irreducible polynomial, exponent), sorted by index."""


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
