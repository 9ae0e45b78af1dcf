"""The scalars of one derivation: fractions over known irreducible denominators, and square roots of them.

A scalar is ``numerator / (integer * p_1**e_1 * p_2**e_2 ...)``: one sparse integer polynomial above, a product of
registered irreducible polynomials below. Sums need no polynomial gcd, which is what makes long derivations quick;
a scalar is cancelled by trial division against its own denominator, so equal scalars are equal objects.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import sympy as sp
from sympy.polys.domains import ZZ
from sympy.polys.rings import PolyRing

from ntksym.errors import NoClosedForm
from ntksym.symbolic.polynomials import divided, fingerprint, irreducible_factors, value_modulo, zero_modulo
from ntksym.symbolic.scalar import Factors, Scalar

__all__ = ["Field", "NewGenerator", "Root"]

LONG = 40
"""Terms above which a polynomial is not factored only to be printed."""


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
            index: square for index, g in enumerate(self.generators) if (square := self._square(g)) is not None
        }
        self.sample = tuple(_sample_value(g) for g in self.generators)
        self.zero = Scalar(self, self.ring.zero, 1, ())
        self.one = Scalar(self, self.ring.one, 1, ())

    def extended(self, variables: Sequence[sp.Symbol]) -> Field:
        """The field with variables put before the constants; `Scalar.into` moves scalars there."""
        return Field(self.generators[len(self.variables) :], variables)

    def _square(self, generator: sp.Expr) -> Any | None:
        """What the square of a generator is reduced to: i**2 = -1, sqrt(2)**2 = 2, sqrt(gamma)**2 = gamma."""
        if generator is sp.I:
            return self.ring(-1)
        if generator.is_Pow and generator.exp == sp.S.Half:
            if generator.base.is_Integer:
                return self.ring(int(generator.base))
            if generator.base in self.position:
                return self.ring.gens[self.position[generator.base]]
        return None

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
            result = self.ring.zero
            for monomial, coefficient in numerator.terms():
                power, rest = divmod(monomial[index], 2)
                key = (*monomial[:index], rest, *monomial[index + 1 :])
                result += self.ring.from_dict({key: coefficient}) * square**power
            numerator = result
        return numerator

    def _quotient(self, numerator: Any, index: int) -> Any | None:
        factor = self.factors[index]
        if factor.generator is not None:
            g = factor.generator
            if any(not monomial[g] for monomial in numerator):
                return None
            return self.ring.from_dict({(*m[:g], m[g] - 1, *m[g + 1 :]): v for m, v in numerator.items()})
        if factor.zero is not None and value_modulo(numerator, factor.zero):
            return None
        quotient, rest = divided(numerator, factor.polynomial)
        return None if rest else quotient

    def factor(self, polynomial: Any) -> tuple[int, Factors]:
        """``constant * product of registered irreducible factors``, registering what is new."""
        key = fingerprint(polynomial)
        if key not in self._factored:
            self._factored[key] = self._factor(polynomial)
        return self._factored[key]

    def _factor(self, polynomial: Any) -> tuple[int, Factors]:
        constant, exponents, rest = self._divided_by_known(polynomial)
        for irreducible, exponent in irreducible_factors(rest):
            if irreducible.is_ground:
                constant *= int(irreducible.LC) ** exponent
                continue
            index, sign = self._register(irreducible)
            constant *= sign**exponent
            exponents[index] = exponents.get(index, 0) + exponent
        return constant, tuple(sorted(exponents.items()))

    def split(self, polynomial: Any) -> tuple[int, list[tuple[Any, int]]]:
        """``constant * product of powers`` for people to read: irreducible unless the polynomial is long."""
        constant, exponents, rest = self._divided_by_known(polynomial)
        factors = [(self.factors[index].polynomial, exponent) for index, exponent in exponents.items()]
        for factor, exponent in irreducible_factors(rest) if len(rest) <= LONG else [(rest, 1)]:
            if factor.is_ground:
                constant *= int(factor.LC) ** exponent
            else:
                factors.append((factor, exponent))
        return constant, factors

    def _divided_by_known(self, polynomial: Any) -> tuple[int, dict[int, int], Any]:
        """Content, powers of generators and of registered factors, and what is left."""
        constant = int(polynomial.content())
        rest = polynomial.quo_ground(constant) if constant != 1 else polynomial
        exponents: dict[int, int] = {}
        lowest = [min(column) for column in zip(*rest, strict=True)]
        for g, exponent in enumerate(lowest):
            if exponent:
                index, sign = self._register(self.ring.gens[g])
                exponents[index] = exponent
                constant *= sign**exponent
        if any(lowest):
            rest = self.ring.from_dict(
                {tuple(a - b for a, b in zip(m, lowest, strict=True)): v for m, v in rest.items()}
            )
        for index, factor in enumerate(self.factors):
            while factor.generator is None and (quotient := self._quotient(rest, index)) is not None:
                rest = quotient
                exponents[index] = exponents.get(index, 0) + 1
        return constant, exponents, rest

    def _register(self, polynomial: Any) -> tuple[int, int]:
        sign = -1 if self._sample(polynomial) < 0 else 1
        polynomial = polynomial * sign
        key = fingerprint(polynomial)
        if key not in self._known:
            generator = next((i for i, g in enumerate(self.ring.gens) if g == polynomial), None)
            zero = None if generator is not None else zero_modulo(polynomial)
            self._known[key] = len(self.factors)
            self.factors.append(Factor(polynomial, zero, generator, self._is_definite(polynomial)))
        return self._known[key], sign

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


def _sample_value(generator: sp.Expr) -> Fraction:
    if generator is sp.I:
        return Fraction(0)
    if generator.is_Symbol:
        # Small variances and a small correlation lie inside every domain of existence; primes avoid accidental zeros.
        table = {"q": (1, 1009), "q1": (1, 1013), "q2": (1, 1019), "c": (1, 10037)}
        table |= {"sigma1": (1, 31), "sigma2": (1, 37), "rho": (1, 11)}
        value = Fraction(*table.get(generator.name, (1, 13 + len(generator.name))))
        return -value if generator.is_negative else value
    inner = {symbol: sp.Rational(_sample_value(symbol)) for symbol in generator.free_symbols}
    return Fraction(str(sp.N(generator.subs(inner), 40)))


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
