"""Terms with exponentials paired: complex conjugates become cos and sin, those mirrored in c become cosh and sinh."""

from __future__ import annotations

from typing import NamedTuple

import sympy as sp

from ntksym.symbolic.factors import Root
from ntksym.symbolic.field import Field, Scalar
from ntksym.symbolic.terms import Special, TermKey, Terms

__all__ = ["RealTerm", "real_form"]

Waves = tuple[tuple[str, Scalar], ...]


class RealTerm(NamedTuple):
    """coefficient * root * exp(exponent) * special * waves; a wave is ("cos" | "sin" | "cosh" | "sinh", argument)."""

    coefficient: Scalar
    exponent: Scalar
    root: Root
    special: Special
    waves: Waves = ()


def real_form(terms: Terms, mirror: sp.Symbol | None) -> list[RealTerm]:
    """The terms without complex numbers, and with exp(A + B), exp(A - B) paired where B is odd in ``mirror``."""
    real = [RealTerm(v, key.exponent, key.root, key.special) for key, v in terms.items.items()]
    if sp.I in terms.field.position:
        real = _without_complex_pairs(terms)
    return real if mirror is None else _hyperbolic(real, terms.field, mirror)


def _without_complex_pairs(terms: Terms) -> list[RealTerm]:
    result, seen = [], set[TermKey]()
    unit = terms.field.generator(sp.I)
    for key, value in terms.items.items():
        if key in seen:
            continue
        level, wave = key.exponent.parts(sp.I)
        real, imaginary = value.parts(sp.I)
        if not wave:
            result.append(RealTerm(real, key.exponent, key.root, key.special))
            continue
        seen.add(key._replace(exponent=level - wave))
        angle = wave / unit
        two = terms.field.integer(2)
        if not _leads_positive(angle):
            angle, imaginary = -angle, -imaginary
        # k e^(A+iB) + conjugate = 2 Re(k) e^A cos B - 2 Im(k) e^A sin B
        if real:
            result.append(RealTerm(two * real, level, key.root, key.special, (("cos", angle),)))
        if imaginary:
            result.append(RealTerm(-two * imaginary / unit, level, key.root, key.special, (("sin", angle),)))
    return result


def _leads_positive(scalar: Scalar) -> bool:
    return int(scalar.numerator.LC) > 0


def _hyperbolic(terms: list[RealTerm], field: Field, mirror: sp.Symbol) -> list[RealTerm]:
    partners = {(t.exponent, t.root, t.special, t.waves): t for t in terms}
    result, seen = [], set[int]()
    for term in terms:
        if id(term) in seen:
            continue
        split = _split(term, field, mirror)
        partner = split and partners.get((split[0] - split[1], term.root, term.special, term.waves))
        if not split or partner is None:
            result.append(term)
            continue
        seen.add(id(partner))
        result.extend(_paired(term, partner, *split))
    return result


def _split(term: RealTerm, field: Field, mirror: sp.Symbol) -> tuple[Scalar, Scalar] | None:
    if term.special or not term.exponent or not all(_is_even(field, i, mirror) for i in term.root.factors):
        return None
    if not all(_is_even(field, i, mirror) for i, _ in term.exponent.factors):
        return None
    level, odd = term.exponent.parts(mirror)
    return (level, odd) if odd else None


def _is_even(field: Field, index: int, mirror: sp.Symbol) -> bool:
    position = field.position[mirror]
    return all(m[position] % 2 == 0 for m in field.factors[index].polynomial)


def _paired(term: RealTerm, partner: RealTerm, level: Scalar, argument: Scalar) -> list[RealTerm]:
    """A e^(A+B) + b e^(A-B) = (a + b) e^A cosh B + (a - b) e^A sinh B."""
    both = {"cosh": term.coefficient + partner.coefficient, "sinh": term.coefficient - partner.coefficient}
    if not _leads_positive(argument):
        argument, both["sinh"] = -argument, -both["sinh"]
    return [
        RealTerm(value, level, term.root, (), (*term.waves, (name, argument))) for name, value in both.items() if value
    ]
