"""Multiplicities, projections of powers and singular parts on the sphere."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntksym.numerics.fixed_point import decode_floats
from ntksym.numerics.legendre import legendre_fixed
from ntksym.theory.spectrum.gegenbauer import (
    masses,
    multiplicity,
    normaliser,
    power_coefficient,
    project,
    sums,
    sums_in_digits,
)

EPSILON = float(np.finfo(np.float64).eps)


def exact_projection(k: int, n: int, dim: int) -> Fraction:
    """m(k, n) from the moments of a coordinate on the sphere, exactly, and P_n by its recurrence."""

    def moment(power: int) -> Fraction:
        if power % 2:
            return Fraction(0)
        value = Fraction(1)
        for j in range(power // 2):
            value *= Fraction(2 * j + 1, dim + 2 * j)
        return value

    before, now = [Fraction(0)], [Fraction(1)]
    for m in range(n):
        following = [Fraction(0)] * (m + 2)
        for j, entry in enumerate(now):
            following[j + 1] += (2 * m + dim - 2 if m else 1) * entry
        for j, entry in enumerate(before):
            following[j] -= m * entry
        before, now = now, [entry / (m + dim - 2 if m else 1) for entry in following]
    return sum((entry * moment(k + j) for j, entry in enumerate(now)), Fraction(0))


@pytest.mark.parametrize("dim", [2, 3, 4, 7, 50])
def test_projections_of_powers_are_the_exact_ones(dim: int) -> None:
    for k in (0, 1, 2, 5, 12):
        coefficients = np.zeros(k + 1)
        coefficients[k] = 1.0
        found, _ = project(coefficients, dim, 12)
        for n in range(13):
            exact = float(exact_projection(k, n, dim)) if n <= k else 0.0
            assert abs(found[n] - exact) <= 4 * (k + 1) * EPSILON * exact


@given(st.integers(1, 60), st.integers(1, 40))
def test_the_sum_over_degrees_of_a_power_is_one(dim: int, k: int) -> None:
    coefficients = np.zeros(k + 1)
    coefficients[k] = 1.0
    degree = k if dim > 1 else 1
    found, _ = project(coefficients, dim, degree)
    counts = tuple(multiplicity(dim, n) for n in range(degree + 1))
    assert abs(float(np.sum(masses(counts, found))) - 1) <= 8 * (k + 8) * EPSILON


def test_multiplicities_count_harmonics() -> None:
    assert [multiplicity(1, n) for n in range(4)] == [1, 1, 0, 0]
    assert [multiplicity(2, n) for n in range(4)] == [1, 2, 2, 2]
    assert [multiplicity(3, n) for n in range(5)] == [1, 3, 5, 7, 9]
    for dim in (4, 10, 31):
        for n in range(1, 9):
            assert multiplicity(dim, n) * n == (2 * n + dim - 2) * math.comb(n + dim - 3, dim - 2)


@pytest.mark.parametrize("dim", [2, 3, 10])
def test_beyond_is_the_largest_projection_that_is_left(dim: int) -> None:
    terms, degree = 40, 30
    _, beyond = project(np.ones(terms), dim, degree)
    for n in (0, 5, 17, 30):
        later = []
        for k in range(terms, terms + 1000):
            if (k - n) % 2 == 0:
                logs = (
                    math.lgamma(k + 1) + math.lgamma(dim / 2) + math.lgamma((k - n + 1) / 2)
                    - math.lgamma(k - n + 1) - n * math.log(2) - math.log(math.pi) / 2 - math.lgamma((k + n + dim) / 2)
                )  # fmt: skip
                later.append(math.exp(logs))
        assert max(later) <= beyond[n] * (1 + 1e-10)
        assert beyond[n] <= 1.02 * max(later)


@pytest.mark.parametrize(("dim", "nu"), [(2, 0.5), (3, 0.5), (3, 1.5), (6, 2.5)])
def test_power_coefficients_are_integrals(dim: int, nu: float) -> None:
    with mpmath.workdps(30):
        for n in (0, 1, 5):
            polynomial = _gegenbauer(dim, n)
            integral = normaliser(dim) * mpmath.quad(
                lambda t: (1 - mpmath.cos(t)) ** nu * polynomial(mpmath.cos(t)) * mpmath.sin(t) ** (dim - 2),  # noqa: B023
                [0, mpmath.pi / 2, mpmath.pi],
            )
            assert abs(power_coefficient(dim, n, nu) / integral - 1) < mpmath.mpf(10) ** -20


def _gegenbauer(dim: int, n: int):
    if dim == 2:
        return lambda t: mpmath.chebyt(n, t)
    half = mpmath.mpf(dim - 2) / 2
    return lambda t: mpmath.gegenbauer(n, half, t) / mpmath.gegenbauer(n, half, 1)


def test_fixed_point_sums_agree_with_float_ones() -> None:
    bits = 150
    nodes, weights = legendre_fixed(50, bits)
    points, scale = decode_floats(nodes, bits), decode_floats(weights, bits)
    floats, sizes = sums(points, scale, 5, 40)
    digits = decode_floats(sums_in_digits(nodes, weights, 5, 40, bits), 2 * bits)
    assert np.all(np.abs(floats - digits) <= 100 * EPSILON * sizes)


def test_masses_survive_multiplicities_beyond_float64() -> None:
    huge = 3 << 1200
    found = masses((huge,), np.array([2.0**-900]))
    assert found[0] == 3 * 2.0**300
