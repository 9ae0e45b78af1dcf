"""Collected terms of a Gaussian expectation: coefficient * exp(exponent) * root * special function.

Special functions are kept in one orientation, so that reflections of each other merge:
Phi(h) = 1 - Phi(-h), Phi2(h, k; r) = Phi(k) - Phi2(-h, k; -r), asin(-r) = -asin(r).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any, NamedTuple

import sympy as sp

from ntksym.errors import NoClosedForm
from ntksym.symbolic.factors import Root
from ntksym.symbolic.field import Field, Scalar

__all__ = ["Scaled", "Special", "TermKey", "Terms"]

Special = tuple[Any, ...]
"""(), ("Phi", h), ("Phi2", h, k, r), ("asin", r) or ("erfi", y), arguments being `Scaled`."""


class Scaled(NamedTuple):
    """scalar * root."""

    scalar: Scalar
    root: Root

    def __neg__(self) -> Scaled:
        return Scaled(-self.scalar, self.root)

    def square(self) -> Scalar:
        outside, root = self.scalar.field.multiply_roots((self.root, self.root))
        assert root == Root()
        return self.scalar * self.scalar * outside

    def order(self) -> tuple[object, ...]:
        return self.scalar.order(), self.root

    @property
    def leads_positive(self) -> bool:
        """Whether this is the positive one of itself and its negative, by its sign where variances are small."""
        sign = self.scalar.field.sign(self.scalar)
        return sign > 0 if sign else bool(self.scalar) and int(self.scalar.numerator.LC) > 0


class TermKey(NamedTuple):
    """What equal terms share."""

    exponent: Scalar
    root: Root
    special: Special


@dataclass
class Terms:
    """A sum of terms, collected as it grows; ``conditions`` are scalars that must be positive."""

    field: Field
    items: dict[TermKey, Scalar] = dataclass_field(default_factory=dict)
    conditions: dict[Scalar, None] = dataclass_field(default_factory=dict)

    def require(self, conditions: list[Scalar]) -> None:
        self.conditions.update(dict.fromkeys(conditions))

    def scaled(self, factor: Scalar, root: Root) -> Terms:
        """The sum times ``factor * root``."""
        result = Terms(self.field, conditions=dict(self.conditions))
        for key, value in self.items.items():
            outside, product = self.field.multiply_roots((key.root, root))
            result.add(value * factor * outside, key.exponent, product, key.special)
        return result

    def add(self, coefficient: Scalar, exponent: Scalar, root: Root, special: Special) -> None:
        for weight, canonical in _oriented(special, self.field):
            key = TermKey(exponent, root, canonical)
            total = self.items.get(key, self.field.zero) + coefficient * weight
            if total:
                self.items[key] = total
            else:
                self.items.pop(key, None)


def _oriented(special: Special, field: Field) -> Iterator[tuple[Scalar, Special]]:
    match special:
        case ("Phi", h):
            yield from _oriented_phi(h, field)
        case ("Phi2", h, k, r):
            yield from _oriented_phi2(h, k, r, field)
        case ("asin", r):
            if r.scalar:
                sign = field.integer(1 if r.leads_positive else -1)
                yield sign, ("asin", r if r.leads_positive else -r)
        case _:
            yield field.one, special


def _oriented_phi(h: Scaled, field: Field) -> Iterator[tuple[Scalar, Special]]:
    if not h.scalar:
        yield field.rational(1, 2), ()
    elif sp.I in field.position and any(m[field.position[sp.I]] for m in h.scalar.numerator):
        yield from _imaginary_phi(h, field)
    elif h.leads_positive:
        yield field.one, ()
        yield -field.one, ("Phi", -h)
    else:
        yield field.one, ("Phi", h)


def _imaginary_phi(h: Scaled, field: Field) -> Iterator[tuple[Scalar, Special]]:
    """Phi(i y) = 1/2 + (i/2) erfi(y/sqrt(2)), odd in y."""
    unit = field.generator(sp.I)
    y = h.scalar / unit
    if any(m[field.position[sp.I]] for m in y.numerator):
        raise NoClosedForm(
            "Phi at a complex argument (a wave times a shifted step) has no real closed form", argument=h
        )
    extra, root = field.multiply_roots((h.root, Root(2)))
    y = y * extra * field.rational(1, 2)
    sign = 1 if int(y.numerator.LC) > 0 else -1
    yield field.rational(1, 2), ()
    yield unit * field.rational(sign, 2), ("erfi", Scaled(y * field.integer(sign), root))


def _oriented_phi2(h: Scaled, k: Scaled, r: Scaled, field: Field) -> Iterator[tuple[Scalar, Special]]:
    if r.scalar and any(_is_complex(scaled, field) for scaled in (h, k, r)):
        raise NoClosedForm(
            "Phi2 at complex arguments (waves times steps) has no standard closed form", arguments=(h, k)
        )
    if not h.scalar and not k.scalar:
        # P(two centred events) = 1/4 + asin(r)/(2 pi)
        yield field.rational(1, 4), ()
        half_turn = (field.integer(2) * field.generator(sp.pi)).inverse()
        for sign, special in _oriented(("asin", r), field):
            yield half_turn * sign, special
    elif not r.scalar:
        yield from _independent(h, k, field)
    elif h.leads_positive:
        yield from _oriented(("Phi", k), field)
        for weight, special in _oriented_phi2(-h, k, -r, field):
            yield -weight, special
    elif k.leads_positive:
        yield from _oriented_phi2(k, h, r, field)
    else:
        first, second = sorted((h, k), key=Scaled.order)
        yield field.one, ("Phi2", first, second, r)


def _is_complex(scaled: Scaled, field: Field) -> bool:
    position = field.position.get(sp.I)
    return position is not None and any(m[position] for m in scaled.scalar.numerator)


def _independent(h: Scaled, k: Scaled, field: Field) -> Iterator[tuple[Scalar, Special]]:
    for a, left in _oriented(("Phi", h), field):
        for b, right in _oriented(("Phi", k), field):
            if left and right:
                yield a * b, ("product", *sorted((left, right), key=lambda s: s[1].order()))
            else:
                yield a * b, left or right
