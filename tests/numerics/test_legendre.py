"""Gauss-Legendre rules in three arithmetics: exact for polynomials, and the same numbers."""

import mpmath
import numpy as np
import pytest
from mpmath import mp

from ntksym.numerics.fixed_point import decode
from ntksym.numerics.legendre import legendre, legendre_fixed, legendre_multiprecision, legendre_rows

BITS = 160


@pytest.mark.parametrize("order", [1, 2, 7, 26])
def test_rules_are_exact_for_polynomials_of_twice_their_order(order: int) -> None:
    with mp.workprec(BITS + 20):
        fixed = zip(*(decode(part, BITS) for part in legendre_fixed(order, BITS)), strict=True)
        for rule in (legendre_multiprecision(order, BITS), tuple(fixed)):
            for degree in range(2 * order):
                wanted = mpmath.mpf(2) / (degree + 1) if degree % 2 == 0 else 0
                assert abs(mpmath.fsum(w * t**degree for t, w in rule) - wanted) <= order * mpmath.ldexp(1, 4 - BITS)


@pytest.mark.parametrize("count", [8, 40, 301])
def test_the_arithmetics_agree(count: int) -> None:
    nodes, weights = legendre(count)
    exact = np.array(legendre_multiprecision(count, 80), dtype=float).T
    assert np.abs(nodes - exact[0]).max() <= np.finfo(float).eps
    assert np.abs(weights / exact[1] - 1).max() <= np.finfo(float).eps
    assert np.abs(nodes - np.polynomial.legendre.leggauss(count)[0]).max() <= 2 * np.finfo(float).eps


@pytest.mark.parametrize("count", [9, 120])
def test_multiprecision_nodes_are_zeros_and_weights_keep_relative_accuracy(count: int) -> None:
    with mp.workprec(3 * BITS):
        for node, weight in legendre_multiprecision(count, BITS)[count // 2 :: 13]:
            root = mpmath.findroot(lambda t: mpmath.legendre(count, t), node)
            assert abs(node - root) <= mpmath.ldexp(1, -BITS)
            slope = count * mpmath.legendre(count - 1, root) / (1 - root**2)  # P_n' at a zero of P_n
            assert abs(weight * (1 - root**2) * slope**2 / 2 - 1) <= mpmath.ldexp(1, -BITS)


def test_nodes_are_in_order() -> None:
    nodes = [t for t, _ in legendre_multiprecision(9, BITS)]
    assert nodes == sorted(nodes)
    assert nodes[4] == 0


def test_rows_hold_the_polynomials() -> None:
    with mp.workprec(BITS):
        t = mpmath.mpf(1) / 3
        for degree, value in enumerate(legendre_rows(12, t)):
            assert abs(value - mpmath.legendre(degree, t)) <= mpmath.ldexp(1, 10 - BITS)
