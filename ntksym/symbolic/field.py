"""The scalars of one derivation: fractions over known irreducible denominators, and square roots of them.

A scalar is ``numerator / (integer * p_1**e_1 * p_2**e_2 ...)``: one sparse integer polynomial above, a product of
registered irreducible polynomials below. Sums need no polynomial gcd, which is what makes long derivations quick;
a scalar is cancelled by trial division against its own denominator, so equal scalars are equal objects.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple, cast

import sympy as sp
from sympy.polys.domains import ZZ
from sympy.polys.rings import PolyElement, PolyRing

from ntksym.errors import NoClosedForm

__all__ = ["Field", "NewGenerator", "Root", "Scalar", "irreducible_factors"]

Factors = tuple[tuple[int, int], ...]

PRIME = (1 << 61) - 1


class NewGenerator(Exception):
    """A constant was met that the field does not have yet: rebuild the field with it and start again."""

    def __init__(self, constant: sp.Expr) -> None:
        super().__init__(str(constant))
        self.constant = constant


class Root(NamedTuple):
    """The square root of ``integer * product of registered factors``; the empty product is 1."""

    integer: int = 1
    factors: tuple[int, ...] = ()


@dataclass(frozen=True)
class Factor:
    """An irreducible polynomial, positive at the field's sample point, with a point modulo PRIME where it vanishes."""

    polynomial: Any
    zero: tuple[int, ...] | None
    generator: int | None
    definite: bool


class Field:
    """Fractions in ``generators`` over the integers, with i**2 = -1 and sqrt(n)**2 = n reduced in numerators.

    Parameters
    ----------
    constants : sequence of sympy expressions
        Parameters and irrational constants.
    variables : sequence of symbols
        The variances and the covariance; they come first among the generators.
    """

    def __init__(self, constants: Sequence[sp.Expr], variables: Sequence[sp.Symbol] = ()) -> None:
        self.variables = tuple(variables)
        self.generators = (*variables, *constants)
        self.position = {generator: index for index, generator in enumerate(self.generators)}
        names = [sp.Symbol(f"g{index}") for index in range(len(self.generators))]
        self.ring: Any = PolyRing(names, ZZ, sp.polys.orderings.lex)
        self.factors: list[Factor] = []
        self._known: dict[Any, int] = {}
        self._factored: dict[Any, tuple[int, Factors]] = {}
        self._expressions: dict[int, sp.Expr] = {}
        self.relations = {
            index: relation for index, g in enumerate(self.generators) if (relation := _square(g)) is not None
        }
        self.sample = tuple(_sample_value(g) for g in self.generators)
        self.zero = Scalar(self, self.ring.zero, 1, ())
        self.one = Scalar(self, self.ring.one, 1, ())

    def extended(self, variables: Sequence[sp.Symbol]) -> Field:
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
            root = self.generator(sp.sqrt(p * q)) if math.isqrt(p * q) ** 2 != p * q else self.integer(math.isqrt(p * q))
            return (root / self.integer(q)) ** int(expression.exp.p)
        return self.generator(expression)

    def make(self, numerator: Any, denominator: int, factors: Factors) -> Scalar:
        """The canonical scalar numerator / (denominator * factors)."""
        if self.relations:
            numerator = self._reduce(numerator)
        if not numerator:
            return self.zero
        kept = []
        for index, exponent in factors:
            while exponent and (quotient := self._quotient(numerator, index)) is not None:
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

    def _reduce(self, numerator: Any) -> Any:
        for index, square in self.relations.items():
            if not any(monomial[index] > 1 for monomial in numerator):
                continue
            result: dict[tuple[int, ...], Any] = {}
            for monomial, coefficient in numerator.terms():
                power, rest = divmod(monomial[index], 2)
                key = (*monomial[:index], rest, *monomial[index + 1 :])
                result[key] = result.get(key, 0) + coefficient * square**power
            numerator = self.ring.from_dict({m: v for m, v in result.items() if v})
        return numerator

    def _quotient(self, numerator: Any, index: int) -> Any | None:
        factor = self.factors[index]
        if factor.generator is not None:
            g = factor.generator
            if any(not monomial[g] for monomial in numerator):
                return None
            return self.ring.from_dict({(*m[:g], m[g] - 1, *m[g + 1 :]): v for m, v in numerator.items()})
        if factor.zero is not None and _value_modulo(numerator, factor.zero):
            return None
        quotient, rest = numerator.div(factor.polynomial)
        return None if rest else quotient

    def factor(self, polynomial: Any) -> tuple[int, Factors]:
        """``constant * product of registered irreducible factors``, registering what is new."""
        if polynomial not in self._factored:
            self._factored[polynomial] = self._factor(polynomial)
        return self._factored[polynomial]

    def _factor(self, polynomial: Any) -> tuple[int, Factors]:
        constant = int(polynomial.content())
        rest = polynomial.quo_ground(constant) if constant != 1 else polynomial
        exponents: dict[int, int] = {}
        lowest = [min(column) for column in zip(*rest, strict=True)]
        for g, exponent in enumerate(lowest):
            if exponent:
                exponents[self._register(self.ring.gens[g])[0]] = exponent
        if any(lowest):
            rest = self.ring.from_dict(
                {tuple(a - b for a, b in zip(m, lowest, strict=True)): v for m, v in rest.items()}
            )
        for index, factor in enumerate(self.factors):
            while factor.generator is None and (quotient := self._quotient(rest, index)) is not None:
                rest = quotient
                exponents[index] = exponents.get(index, 0) + 1
        for irreducible, exponent in irreducible_factors(rest):
            if irreducible.is_ground:
                constant *= int(irreducible.LC) ** exponent
                continue
            index, sign = self._register(irreducible)
            constant *= sign**exponent
            exponents[index] = exponents.get(index, 0) + exponent
        return constant, tuple(sorted(exponents.items()))

    def _register(self, polynomial: Any) -> tuple[int, int]:
        sign = -1 if self._sample(polynomial) < 0 else 1
        polynomial = polynomial * sign
        if polynomial not in self._known:
            generator = next((i for i, g in enumerate(self.ring.gens) if g == polynomial), None)
            zero = None if generator is not None else _zero_modulo(polynomial)
            self._known[polynomial] = len(self.factors)
            self.factors.append(Factor(polynomial, zero, generator, self._is_definite(polynomial)))
        return self._known[polynomial], sign

    def _sample(self, polynomial: Any) -> Fraction:
        return sum(
            (int(v) * math.prod((s**e for s, e in zip(self.sample, m, strict=True) if e), start=Fraction(1))
             for m, v in polynomial.items()),
            Fraction(0),
        )  # fmt: skip

    def _is_definite(self, polynomial: Any) -> bool:
        # A generator of unknown sign makes the sign at the sample point a guess.
        unsigned = {i for i, g in enumerate(self.generators) if g.is_Symbol and g.is_real and g.is_positive is None}
        unsigned = {i for i in unsigned if not self.generators[i].is_negative and i >= len(self.variables)}
        return all(m[i] % 2 == 0 for m in polynomial for i in unsigned)

    def sign(self, scalar: Scalar) -> int:
        """The sign of a scalar at the sample point."""
        value = self._sample(scalar.numerator)
        return (value > 0) - (value < 0)

    def square_root(self, scalar: Scalar) -> tuple[Scalar, Root]:
        """``sqrt(scalar) = outside * root`` for a scalar that is positive on the connected domain of the derivation."""
        constant, above = self.factor(scalar.numerator)
        exponents = dict(above)
        for index, exponent in scalar.factors:
            exponents[index] = exponents.get(index, 0) - exponent
        outside_integer, inside_integer = _square_part(constant * scalar.denominator)
        outside = self.rational(outside_integer, scalar.denominator)
        inside = []
        for index, exponent in sorted(exponents.items()):
            if exponent % 2:
                inside.append(index)
            if exponent // 2:
                if not self.factors[index].definite:
                    raise NoClosedForm(
                        f"the sign of {self.expression_of(index)} is unknown: give its parameters a nonzero value"
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
        outside_integer, inside_integer = _square_part(integer)
        outside = self.integer(outside_integer)
        for index, count in counts.items():
            if count // 2:
                outside = outside * self.power(index, count // 2)
        return outside, Root(inside_integer, tuple(sorted(i for i, n in counts.items() if n % 2)))

    def expression_of(self, index: int) -> sp.Expr:
        if index not in self._expressions:
            self._expressions[index] = self.expression(self.factors[index].polynomial)
        return self._expressions[index]

    def expression(self, polynomial: Any) -> sp.Expr:
        """A polynomial as an expanded sympy sum."""
        return sp.Add(
            *(
                sp.Mul(sp.Integer(int(v)), *(g**e for g, e in zip(self.generators, m, strict=True) if e))
                for m, v in polynomial.terms()
            )
        )


class Scalar:
    """An element of a `Field`; immutable, canonical, hashable."""

    __slots__ = ("_hash", "denominator", "factors", "field", "numerator")

    def __init__(self, field: Field, numerator: Any, denominator: int, factors: Factors) -> None:
        self.field = field
        self.numerator: PolyElement = numerator
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
            self._hash = hash((self.numerator, self.denominator, self.factors))
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
        below = []
        for index, exponent in factors:
            generator = field.factors[index].generator
            if generator in field.relations:
                above = above * field.factors[index].polynomial ** exponent
                constant *= field.relations[cast("int", generator)] ** exponent
            else:
                below.append((index, exponent))
        return field.make(above, constant, tuple(below))

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


def _square(generator: sp.Expr) -> int | None:
    if generator is sp.I:
        return -1
    if generator.is_Pow and generator.exp == sp.S.Half and generator.base.is_Integer:
        return int(generator.base)
    return None


def _sample_value(generator: sp.Expr) -> Fraction:
    if generator is sp.I:
        return Fraction(0)
    if generator.is_Symbol:
        # Small variances and a small correlation lie inside every domain of existence; primes avoid accidental zeros.
        table = {"q": (1, 1009), "q1": (1, 1013), "q2": (1, 1019), "c": (1, 10037)}
        table |= {"sigma1": (1, 31), "sigma2": (1, 37), "rho": (1, 11)}
        value = Fraction(*table.get(generator.name, (1, 13 + len(generator.name))))
        return -value if generator.is_negative else value
    return Fraction(str(sp.N(generator, 40)))


def _value_modulo(polynomial: Any, point: tuple[int, ...]) -> int:
    total = 0
    for monomial, coefficient in polynomial.items():
        term = int(coefficient)
        for value, exponent in zip(point, monomial, strict=True):
            if exponent:
                term = term * pow(value, exponent, PRIME) % PRIME
        total += term
    return total % PRIME


def _zero_modulo(polynomial: Any) -> tuple[int, ...] | None:
    """A point modulo PRIME where a polynomial that is linear in some generator vanishes: a quick test of divisibility."""
    count = len(polynomial.ring.gens)
    for g in range(count):
        if max(m[g] for m in polynomial) != 1:
            continue
        generator = random.Random(7)  # noqa: S311
        point = [generator.randrange(2, PRIME) for _ in range(count)]
        point[g] = 0
        constant = _value_modulo(polynomial, tuple(point))
        point[g] = 1
        slope = (_value_modulo(polynomial, tuple(point)) - constant) % PRIME
        if slope:
            point[g] = -constant * pow(slope, -1, PRIME) % PRIME
            return tuple(point)
    return None


def irreducible_factors(polynomial: Any) -> list[tuple[Any, int]]:
    if polynomial.is_ground:
        return [(polynomial, 1)]
    used = [g for g in range(len(polynomial.ring.gens)) if any(m[g] for m in polynomial)]
    small = PolyRing([polynomial.ring.symbols[g] for g in used], ZZ, sp.polys.orderings.lex)
    reduced: Any = small.from_dict({tuple(m[g] for g in used): v for m, v in polynomial.items()})
    constant, factors = _factor_small(reduced)
    result = [(polynomial.ring.ground_new(constant), 1)] if constant != 1 else []
    for irreducible, exponent in factors:
        terms = {}
        for monomial, coefficient in irreducible.items():
            full = [0] * len(polynomial.ring.gens)
            for g, e in zip(used, monomial, strict=True):
                full[g] = e
            terms[tuple(full)] = coefficient
        result.append((polynomial.ring.from_dict(terms), exponent))
    return result


def _factor_small(polynomial: Any) -> tuple[Any, list[tuple[Any, int]]]:
    # Linear in one generator with coprime coefficients means irreducible: true of nearly every determinant met here.
    for g in range(len(polynomial.ring.gens)):
        if max(m[g] for m in polynomial) != 1:
            continue
        ring = polynomial.ring
        slope = ring.from_dict({(*m[:g], 0, *m[g + 1 :]): v for m, v in polynomial.items() if m[g]})
        constant = ring.from_dict({m: v for m, v in polynomial.items() if not m[g]})
        if not constant or slope.gcd(constant).is_ground:
            return (1, [(polynomial, 1)]) if constant else polynomial.factor_list()
    return cast("tuple[Any, list[tuple[Any, int]]]", polynomial.factor_list())


def _square_part(integer: int) -> tuple[int, int]:
    """``integer = outside**2 * inside``; squares of primes below 1000 and whole squares are taken out."""
    if integer < 0:
        raise NoClosedForm("the square root of a negative scalar was met: no real closed form in this class")
    root = math.isqrt(integer)
    if root * root == integer:
        return root, 1
    outside = 1
    for prime in sp.primerange(1000):
        while integer % (prime * prime) == 0:
            integer //= prime * prime
            outside *= prime
        if prime * prime > integer:
            break
    root = math.isqrt(integer)
    return (outside * root, 1) if root * root == integer else (outside, integer)
