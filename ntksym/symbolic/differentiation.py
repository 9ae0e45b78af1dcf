r"""Derivatives of collected terms: in a variance, in the covariance, or in a parameter of the activation.

A derivation d of the field is known by its values on the generators. With t = k exp(e) R F, R a square root and F a
special function,

    dt = (dk + k de + k dR/R) exp(e) R F + k exp(e) R dF,     dR/R = 1/2 sum_i dp_i/p_i for R = sqrt(prod_i p_i),
    d Phi(h)        = phi(h) dh,
    d Phi2(h, k; r) = phi(h) Phi((k - r h)/s) dh + phi(k) Phi((h - r k)/s) dk + phi2(h, k; r) dr,    s = sqrt(1 - r^2),
    d asin(r)       = dr/s,
    d erfi(y)       = 2 exp(y^2)/sqrt(pi) dy,

so that the derivative is a sum of such terms again, over the same field. What cancels when det = q1*q2 - c^2 tends to
zero, cancels in the field, before there are numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import sympy as sp

from ntksym.kept import kept
from ntksym.symbolic.factors import Root
from ntksym.symbolic.field import Field, Scalar
from ntksym.symbolic.terms import Scaled, Special, Terms

__all__ = ["derivative"]


def derivative(terms: Terms, symbol: sp.Symbol) -> Terms:
    """The derivative of a sum of terms.

    Parameters
    ----------
    terms : Terms
        In the variances, the covariance and the parameters.
    symbol : Symbol
        One of these.

    Raises
    ------
    NewGenerator
        If the derivative of a constant of the field, such as sin(a), is not in the field.
    """
    derivation = _Derivation(terms.field, symbol)
    result = Terms(terms.field, conditions=dict(terms.conditions))
    for key, value in terms.items.items():
        around = derivation.scalar(key.exponent) + derivation.logarithm(key.root)
        result.add(derivation.scalar(value) + value * around, key.exponent, key.root, key.special)
        for part in derivation.special(key.special):
            outside, root = terms.field.multiply_roots((key.root, part.root))
            result.add(value * part.coefficient * outside, key.exponent + part.exponent, root, part.special)
    return result


class _Part(NamedTuple):
    """coefficient * exp(exponent) * root * special."""

    coefficient: Scalar
    exponent: Scalar
    root: Root
    special: Special


@dataclass(frozen=True)
class _Derivation:
    """d/d symbol on the scalars of a field and on what is made of them."""

    field: Field
    symbol: sp.Symbol

    @kept
    def _generators(self) -> dict[int, Scalar]:
        """The derivatives of the generators that depend on the symbol, by their place."""
        depending = {i: g for i, g in enumerate(self.field.generators) if g.has(self.symbol)}
        return {i: self._of_generator(generator) for i, generator in depending.items()}

    def _of_generator(self, generator: sp.Expr) -> Scalar:
        if generator == self.symbol:
            return self.field.one
        base, exponent = generator.as_base_exp()
        if exponent.is_Rational and exponent != 1:  # d sqrt(a) = sqrt(a) da/(2 a): no new root
            inner = self.field.scalar(exponent * sp.diff(base, self.symbol)) / self.field.scalar(base)
            return self.field.generator(generator) * inner
        return self.field.scalar(sp.diff(generator, self.symbol))

    def polynomial(self, polynomial: object) -> Scalar:
        ring = self.field.ring
        total = self.field.zero
        for index, inner in self._generators.items():
            slope = polynomial.diff(ring.gens[index])  # type: ignore[attr-defined]
            total = total + self.field.make(slope.copy(), 1, ()) * inner
        return total

    def scalar(self, scalar: Scalar) -> Scalar:
        """By the rule of quotients, factor by factor of the denominator."""
        field = self.field
        below = field.make(field.ring.one, scalar.denominator, scalar.factors)
        total = self.polynomial(scalar.numerator) * below
        for index, exponent in scalar.factors:
            total = total - scalar * field.integer(exponent) * self._logarithm_of_factor(index)
        return total

    def logarithm(self, root: Root) -> Scalar:
        """D root/root."""
        halves = (self._logarithm_of_factor(index) for index in root.factors)
        return sum(halves, self.field.zero) * self.field.rational(1, 2)

    def _logarithm_of_factor(self, index: int) -> Scalar:
        slope = self.polynomial(self.field.factors[index].polynomial)
        return slope * self.field.power(index, -1) if slope else slope

    def scaled(self, value: Scaled) -> Scaled:
        return Scaled(self.scalar(value.scalar) + value.scalar * self.logarithm(value.root), value.root)

    def special(self, special: Special) -> Iterator[_Part]:
        """The derivative of a special function."""
        match special:
            case ("Phi", h):
                yield from self._outer(self.scaled(h), self._density(h), ())
            case ("Phi2", h, k, r):
                yield from self._outer(self.scaled(h), self._density(h), ("Phi", self._conditional(k, r, h)))
                yield from self._outer(self.scaled(k), self._density(k), ("Phi", self._conditional(h, r, k)))
                yield from self._outer(self.scaled(r), self._joint_density(h, k, r), ())
            case ("asin", r):
                yield from self._outer(self.scaled(r), (self.field.one, self.field.zero, self._complement(r)), ())
            case ("erfi", y):
                scale = Scaled(*self.field.square_root(self.field.generator(sp.pi).inverse()))
                yield from self._outer(self.scaled(y), (self.field.integer(2), y.square(), scale), ())
            case ("product", left, right):
                for one, other in ((left, right), (right, left)):
                    for part in self.special(one):
                        yield part._replace(special=_joined(part.special, other))

    def _outer(self, inner: Scaled, outer: tuple[Scalar, Scalar, Scaled], special: Special) -> Iterator[_Part]:
        """The rule of the chain: inner * factor * exp(exponent) * scale * special."""
        if inner.scalar:
            factor, exponent, scale = outer
            outside, root = self.field.multiply_roots((inner.root, scale.root))
            yield _Part(inner.scalar * scale.scalar * factor * outside, exponent, root, special)

    def _density(self, h: Scaled) -> tuple[Scalar, Scalar, Scaled]:
        """phi(h)."""
        half = self.field.rational(-1, 2)
        two_pi = self.field.integer(2) * self.field.generator(sp.pi)
        return self.field.one, half * h.square(), Scaled(*self.field.square_root(two_pi.inverse()))

    def _joint_density(self, h: Scaled, k: Scaled, r: Scaled) -> tuple[Scalar, Scalar, Scaled]:
        """phi2(h, k; r)."""
        field = self.field
        complement = field.one - r.square()
        twice = field.integer(2)
        form = h.square() + k.square()
        if h.scalar and k.scalar:
            outside, root = field.multiply_roots((h.root, k.root, r.root))
            assert root == Root()
            form = form - twice * r.scalar * h.scalar * k.scalar * outside
        two_pi = twice * field.generator(sp.pi)
        return two_pi.inverse(), -form / (twice * complement), self._complement(r)

    def _complement(self, r: Scaled) -> Scaled:
        """1/sqrt(1 - r^2)."""
        return Scaled(*self.field.square_root((self.field.one - r.square()).inverse()))

    def _conditional(self, k: Scaled, r: Scaled, h: Scaled) -> Scaled:
        """(k - r h)/sqrt(1 - r^2): k and r h have one root, that of the variance of the second event."""
        outside, root = self.field.multiply_roots((r.root, h.root))
        product = Scaled(r.scalar * h.scalar * outside, root)
        if k.scalar and product.scalar:
            assert k.root == product.root
        difference = Scaled(k.scalar - product.scalar, k.root if k.scalar else product.root)
        scale = self._complement(r)
        outside, root = self.field.multiply_roots((difference.root, scale.root))
        return Scaled(difference.scalar * scale.scalar * outside, root)


def _joined(left: Special, right: Special) -> Special:
    if not left:
        return right
    return ("product", *sorted((left, right), key=lambda special: special[1].order()))
