"""The irreducible polynomials that denominators are made of: registered once, divided by, and factored into."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import sympy as sp
from sympy.polys.domains import ZZ
from sympy.polys.rings import PolyRing

from ntksym.errors import NoClosedForm
from ntksym.symbolic.polynomials import divided, fingerprint, irreducible_factors, value_modulo, zero_modulo

__all__ = ["LONG", "Factor", "FactorTable", "Factors", "NewGenerator", "Root", "square_part"]

LONG = 40
"""Terms above which a polynomial is not factored only to be printed."""

Factors = tuple[tuple[int, int], ...]
"""(index of a registered irreducible polynomial, exponent), sorted by index."""


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


class FactorTable:
    """Polynomials over the integers in ``generators``, with i**2 = -1 and sqrt(n)**2 = n, and their known factors.

    Parameters
    ----------
    constants : sequence of sympy expressions
        Parameters and irrational constants.
    variables : sequence of sympy expressions
        The variances and the covariance, and what else is added; they come first among the generators.
    """

    def __init__(self, constants: Sequence[sp.Expr], variables: Sequence[sp.Expr] = ()) -> None:
        self.variables = tuple(variables)
        self.generators = (*variables, *constants)
        self.position = {generator: index for index, generator in enumerate(self.generators)}
        names = [sp.Symbol(f"g{index}") for index in range(len(self.generators))]
        self.ring: Any = PolyRing(names, ZZ, sp.polys.orderings.lex)
        self.factors: list[Factor] = []
        self._index: dict[Any, int] = {}
        self._factored: dict[Any, tuple[int, Factors]] = {}
        self._expressions: dict[int, sp.Expr] = {}
        self.relations = {
            index: square for index, g in enumerate(self.generators) if (square := self._square(g)) is not None
        }
        self.sample = tuple(_sample_value(g) for g in self.generators)

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

    def reduced(self, numerator: Any) -> Any:
        """The numerator with the squares of `relations` replaced."""
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

    def quotient(self, numerator: Any, index: int) -> Any | None:
        """The numerator over a registered polynomial; None where that leaves a rest."""
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
            while factor.generator is None and (quotient := self.quotient(rest, index)) is not None:
                rest = quotient
                exponents[index] = exponents.get(index, 0) + 1
        return constant, exponents, rest

    def _register(self, polynomial: Any) -> tuple[int, int]:
        sign = -1 if self.value_at_sample(polynomial) < 0 else 1
        polynomial = polynomial * sign
        key = fingerprint(polynomial)
        if key not in self._index:
            generator = next((i for i, g in enumerate(self.ring.gens) if g == polynomial), None)
            zero = None if generator is not None else zero_modulo(polynomial)
            self._index[key] = len(self.factors)
            self.factors.append(Factor(polynomial, zero, generator, self._is_definite(polynomial)))
        return self._index[key], sign

    def value_at_sample(self, polynomial: Any) -> Fraction:
        """Its value at a point inside every domain of existence."""
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


def square_part(integer: int) -> tuple[int, int]:
    """``integer = outside**2 * inside``; squares of primes below 1000 and whole squares are taken out."""
    if integer < 0:
        raise NoClosedForm(
            "the square root of a negative scalar was met: no real closed form in this class", scalar=integer
        )
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
