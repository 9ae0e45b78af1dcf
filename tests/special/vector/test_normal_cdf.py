"""Phi, erf and their relatives in ulp of float64 and of float32, over their whole domains; Phi2 against its bounds."""

import itertools

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp

from derivations import gaussian
from ntksym.special import multiprecision
from ntksym.special.vector import normal_cdf
from tests.lowering.accuracy import (
    EPS,
    LARGEST,
    ROUNDED_ONCE,
    Array,
    Case,
    both_signs,
    evaluated,
    neighbours,
    octaves,
    singles,
)

INF = float("inf")
COUNT = 1000
GENERATOR = np.random.default_rng(0)
uniform = GENERATOR.uniform


def with_exponent() -> tuple[Array, Array]:
    """(a, h) for exp(a) Phi(h): h everywhere, a such that the product is a number where the factors need not be.

    Far out a is h^2/2 exactly: h has few digits there, so that its square has no more than a float64 holds.
    """
    near = np.r_[both_signs(octaves(-1074, 4, 1)), uniform(-60, 9, 2000), neighbours(0.0)]
    a = np.where(near < 0, 0.5 * near * near * uniform(0.9, 1.05, near.size), uniform(-600, 600, near.size))
    far = -np.ldexp(1 + np.arange(327) / 1024, np.arange(5, 332))
    return np.r_[a, 0.5 * far * far, -octaves(0, 8)], np.r_[near, far, octaves(5, 13)]


CASES = {
    "scaled_tail": Case(
        normal_cdf.scaled_tail, gaussian.scaled_tail, 3, (np.r_[octaves(-1074, 331, 2), uniform(0, 60, COUNT)],)
    ),
    "normal_cdf": Case(
        normal_cdf.normal_cdf,
        multiprecision.normal_cdf,
        4,
        (np.r_[octaves(-1074, 1023, 1), -octaves(-1074, 4), uniform(-38.48, 9, 2 * COUNT), 0.0],),
    ),
    "erf": Case(
        normal_cdf.erf,
        mpmath.erf,
        2,
        (np.r_[both_signs(octaves(-1074, 2)), neighbours([-6.0, -1.0, 1.0, 6.0]), uniform(-6.5, 6.5, COUNT), LARGEST],),
    ),
    "exp_normal_cdf": Case(normal_cdf.exp_normal_cdf, multiprecision.exp_normal_cdf, 4, with_exponent()),
}


@pytest.mark.parametrize("name", CASES)
def test_the_stated_ulps_hold_over_the_whole_domain(name: str) -> None:
    case = CASES[name]
    assert case.errors().max() <= case.bound


@pytest.mark.parametrize("name", ["normal_cdf", "erf"])
def test_float32_results_of_float32_arguments_are_rounded_once(name: str) -> None:
    x = np.r_[singles(), np.linspace(-14.2, 6, 2000).astype(np.float32)]
    assert CASES[name].single_errors((x[x > -14.4],)).max() <= ROUNDED_ONCE


def test_float32_results_of_two_float32_arguments_are_rounded_once() -> None:
    h = np.r_[singles(2, -149, 5), np.linspace(-40, 6, COUNT).astype(np.float32)]
    a = (0.5 * np.minimum(h, 0) ** 2 + uniform(-20, 20, h.size)).astype(np.float32).astype(np.float64)
    assert CASES["exp_normal_cdf"].single_errors((a, h)).max() <= ROUNDED_ONCE


def test_the_integrand_of_a_wedge_is_accurate_on_its_interval() -> None:
    radius = np.r_[octaves(-1074, 231, 1), uniform(0, 40, COUNT)]
    t = uniform(1 - np.sqrt(2), np.sqrt(2) - 1, radius.size)
    case = Case(
        normal_cdf.radial_density,
        lambda t, r: gaussian.first_moment(r * (1 - t * t) / (1 + t * t)) / (1 + t * t),
        12,
        (t, radius),
    )
    assert case.errors().max() <= case.bound


def bivariate_grid() -> tuple[Array, ...]:
    arguments = [-30.0, -8.0, -1.0, -1e-9, 0.0, 1e-200, 0.3, 4.0, 30.0]
    correlations = [-1.0, -1 + 1e-12, -0.999, -0.7, 0.0, 0.2, 1 - 1e-6, 1 - 2**-50, 1.0]
    generator = np.random.default_rng(7)
    h = generator.normal(size=COUNT) * generator.choice([0.01, 1, 5, 20], COUNT)
    k = np.where(generator.random(COUNT) < 0.3, h * (1 + 1e-3 * generator.normal(size=COUNT)), h[::-1])
    r = np.sin(generator.uniform(-np.pi / 2, np.pi / 2, COUNT))
    fixed = (np.array(column) for column in zip(*itertools.product(arguments, arguments, correlations), strict=True))
    return tuple(np.r_[one, other] for one, other in zip(fixed, (h, k, r), strict=True))


def test_phi2_holds_its_absolute_and_its_relative_bound() -> None:
    h, k, r = bivariate_grid()
    s = np.sqrt((1 - r) * (1 + r))
    values = evaluated(normal_cdf.exp_bivariate_normal_cdf, np.zeros_like(h), h, k, r, s)
    with mp.workdps(25):
        exact = [multiprecision.bivariate_normal_cdf(*point) for point in zip(h, k, r, strict=True)]
        error = np.array([float(abs(mp.mpf(float(v)) - e)) for v, e in zip(values, exact, strict=True)])
    assert error.max() <= 4 * EPS
    truth = np.array([float(e) for e in exact])
    tail = (h <= 0) & (k <= 0) & (truth > 1e-290)
    square = h[tail] ** 2 + ((k[tail] - r[tail] * h[tail]) / np.where(s[tail] > 0, s[tail], INF)) ** 2
    assert (error[tail] <= (20 + 2 * square) * EPS * truth[tail]).all()


def test_phi2_vanishes_at_the_centre_with_full_negative_correlation() -> None:
    """s and the arguments are kept above 1e-30: the value is below (s + |h| + |k|)/(2 pi) instead of zero."""
    assert 0 <= normal_cdf.exp_bivariate_normal_cdf(0.0, 0.0, 0.0, -1.0, 0.0) <= 1e-30


def test_phi2_times_a_huge_exponential_keeps_its_digits() -> None:
    """ELU at variance q near rho = 1: exp(q (1 + rho)) Phi2(-sqrt(q) (1 + rho), the same; rho)."""
    q = np.array([1.0, 25.0, 400.0, 400.0, 4e4, 4e4, 400.0])
    complement = np.array([1e-1, 1e-6, 1e-12, 0.0, 1e-9, 1e-16, 1.5])
    r = 1 - complement
    s = np.sqrt(complement * (2 - complement))
    h = -np.sqrt(q) * (2 - complement)
    values = evaluated(normal_cdf.exp_bivariate_normal_cdf, q * (2 - complement), h, h, r, s)
    assert (values > 0).all()
    with mp.workdps(30):
        exact = [
            multiprecision.exp_bivariate_normal_cdf(*map(mp.mpf, map(float, point)))
            for point in zip(q * (2 - complement), h, h, r, s, strict=True)
        ]
        relative = np.array([float(abs(v / e - 1)) for v, e in zip(values, exact, strict=True)])
    # the bound of the function with R^2 = 2 h^2/(1 + rho) = 2 a
    assert (relative <= (20 + 4 * q * (2 - complement)) * EPS).all()


@settings(deadline=None, max_examples=300)
@given(st.floats(-8, 8), st.floats(-8, 8), st.floats(-1, 1))
def test_the_two_halves_of_a_half_plane_add_up(h: float, k: float, r: float) -> None:
    """Phi2(h,k;r) + Phi2(h,-k;-r) = Phi(h)."""
    s = np.sqrt((1 - r) * (1 + r))
    phi2 = normal_cdf.exp_bivariate_normal_cdf
    assert abs(phi2(0.0, h, k, r, s) + phi2(0.0, h, -k, -r, s) - normal_cdf.normal_cdf(h)) <= 8 * EPS
