"""Sparse integer polynomials: quick tests of divisibility and factorisation into irreducibles."""

import random
from typing import Any, cast

import sympy as sp
from sympy.polys.domains import ZZ
from sympy.polys.rings import PolyRing

__all__ = ["PRIME", "divided", "fingerprint", "irreducible_factors", "value_modulo", "zero_modulo"]

PRIME = (1 << 61) - 1


def fingerprint(polynomial: Any) -> frozenset[tuple[tuple[int, ...], Any]]:
    """What a polynomial is, hashable.

    sympy caches the hash of a polynomial and then goes on adding to it in place (`div` does so to its quotient), so
    that equal polynomials may have different hashes.
    """
    return frozenset(polynomial.items())


def divided(polynomial: Any, divisor: Any) -> tuple[Any, Any]:
    """Quotient and rest, free of the stale hash that `div` leaves on them."""
    quotient, rest = polynomial.div(divisor)
    return quotient.copy(), rest.copy()


def value_modulo(polynomial: Any, point: tuple[int, ...]) -> int:
    total = 0
    for monomial, coefficient in polynomial.items():
        term = int(coefficient)
        for value, exponent in zip(point, monomial, strict=True):
            if exponent:
                term = term * pow(value, exponent, PRIME) % PRIME
        total += term
    return total % PRIME


def zero_modulo(polynomial: Any) -> tuple[int, ...] | None:
    """A zero modulo PRIME of a polynomial that is linear in some generator: a quick test of divisibility."""
    count = len(polynomial.ring.gens)
    for g in range(count):
        if max(m[g] for m in polynomial) != 1:
            continue
        generator = random.Random(7)
        point = [generator.randrange(2, PRIME) for _ in range(count)]
        point[g] = 0
        constant = value_modulo(polynomial, tuple(point))
        point[g] = 1
        slope = (value_modulo(polynomial, tuple(point)) - constant) % PRIME
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
