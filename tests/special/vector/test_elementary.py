"""Elementary functions in ulp of float64 and of float32, over their whole domains."""

import mpmath
import numpy as np
import pytest
from mpmath import mp

from ntksym.special import multiprecision
from ntksym.special.vector import elementary
from tests.lowering.accuracy import (
    DIGITS,
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
    ulps,
)

LOG2 = float(np.log(2.0))
HALF_PI = float(np.pi / 2)
SMALLEST = 5e-324
GENERATOR = np.random.default_rng(0)
uniform = GENERATOR.uniform


def halfway(low: int, high: int) -> Array:
    """Where the argument of an exponential function goes over to the next power of 2, and the neighbours."""
    return neighbours((np.arange(low, high) + 0.5) * LOG2)


def where_mantissas_turn(low: int, high: int) -> Array:
    """Powers of 2 times sqrt(1/2), where the reduced argument of log jumps, and the neighbours."""
    return neighbours(np.ldexp(np.sqrt(0.5), np.arange(low, high)))


def turns() -> Array:
    """Numbers next to multiples of pi/2, and where the quadrant changes."""
    multiples = np.arange(-1018591, 1018592, 211) * HALF_PI
    return np.r_[
        multiples, neighbours(np.arange(-300, 301) * HALF_PI), neighbours(np.arange(-300, 300) * HALF_PI + HALF_PI / 2)
    ]


def ratios() -> tuple[Array, Array]:
    """(y, x): every ratio and every size, the ends of the polynomials, both signs of y."""
    ratio = np.r_[neighbours([0.41421356237309503, 1.0]), octaves(-1074, 0, 2), octaves(-4, 0, 200)]
    size = uniform(0.5, 1.5, ratio.size)
    large, other = octaves(-1000, 1022, 1), GENERATOR.permutation(octaves(-1074, 1022, 1))[:2023]
    x = np.r_[size, size * ratio, large, other, large, 1.0]
    y = np.r_[size * ratio, size, other, large, large * uniform(0, 1, large.size), 0.0]
    return both_signs(y), np.r_[x, x]


def products() -> tuple[Array, Array]:
    """(a, b) for exp(a) sinh(b) and exp(a) cosh(b), finite where sinh(b) alone may not be."""
    b = both_signs(octaves(-960, 9, 2))
    far = both_signs(octaves(0, 40))
    return np.r_[uniform(-30, 30, b.size) - np.abs(b) * uniform(0, 1, b.size), -np.abs(far)], np.r_[b, far]


SHARES = np.r_[octaves(-1074, -2, 2), uniform(0, 0.5, 1000), neighbours(0.5)[[0, 1, 3]], 0.0]
CIRCLE = np.r_[both_signs(octaves(-1074, 19, 2)), turns(), uniform(-1.6e6, 1.6e6, 2000), 0.0]
CASES = {
    "exp": Case(
        elementary.exp,
        mpmath.exp,
        1.1,
        (np.r_[halfway(-1074, 1024), both_signs(octaves(-1074, 8, 2)), uniform(-745, 709.78, 2000), 709.782712893384],),
    ),
    "expm1": Case(
        elementary.expm1,
        mpmath.expm1,
        2,
        (np.r_[halfway(-88, 1024), both_signs(octaves(-1074, 8, 2)), neighbours([-60.0, 0.0]), 709.782712893384],),
    ),
    "log": Case(
        elementary.log,
        mpmath.log,
        1,
        (
            np.r_[
                where_mantissas_turn(-1070, 1024),
                octaves(-1074, 1023),
                neighbours([1.0, 2.0**-1022], 8),
                SMALLEST,
                LARGEST,
                ROUNDED_ONCE,
            ],
        ),
    ),
    "log1p": Case(
        elementary.log1p,
        mpmath.log1p,
        2,
        (
            np.r_[
                where_mantissas_turn(-52, 1024) - 1.0,
                octaves(-1074, 1023, 2),
                -octaves(-1074, -2, 2),
                octaves(-53, -1) - 1.0,
                np.nextafter(-1.0, 0.0),
            ],
        ),
    ),
    "sin": Case(elementary.sin, mpmath.sin, 1, (CIRCLE,)),
    "cos": Case(elementary.cos, mpmath.cos, 1, (CIRCLE,)),
    "atan2_half": Case(elementary.atan2_half, mpmath.atan2, 2, ratios()),
    "acute_angle": Case(
        elementary.acute_angle, lambda u, _: 2 * mpmath.asin(u), 1.5, (np.sqrt(SHARES), np.sqrt(1 - SHARES))
    ),
    "arccos_complement": Case(
        elementary.arccos_complement,
        lambda z: 2 * mpmath.asin(mpmath.sqrt(z)),
        2,
        (np.r_[SHARES, 1 - octaves(-53, -2), neighbours(0.5), 1.0],),
    ),
    "sinh_exp": Case(elementary.sinh_exp, multiprecision.exp_sinh, 2, products()),
    "cosh_exp": Case(elementary.cosh_exp, multiprecision.exp_cosh, 2, products()),
}


@pytest.mark.parametrize("name", CASES)
def test_the_stated_ulps_hold_over_the_whole_domain(name: str) -> None:
    case = CASES[name]
    assert case.errors().max() <= case.bound


DOMAINS = {
    "exp": (-104.0, 88.7),
    "expm1": (-np.inf, 88.7),
    "log": (0.0, np.inf),
    "log1p": (-1.0, np.inf),
    "sin": (-1.6e6, 1.6e6),
    "cos": (-1.6e6, 1.6e6),
    "arccos_complement": (0.0, 1.0),
}


@pytest.mark.parametrize("name", DOMAINS)
def test_float32_results_of_float32_arguments_are_rounded_once(name: str) -> None:
    low, high = DOMAINS[name]
    x = np.r_[singles(), np.linspace(max(low, -200), min(high, 200), 2000).astype(np.float32)]
    assert CASES[name].single_errors((x[(low < x) & (x < high)],)).max() <= ROUNDED_ONCE


def test_float32_results_of_two_float32_arguments_are_rounded_once() -> None:
    x = singles(3)
    y, other = x, np.abs(GENERATOR.permutation(x))
    proper = (np.abs(y) < 1e38) & (other < 1e38) & (other > 0)
    assert CASES["atan2_half"].single_errors((y[proper], other[proper])).max() <= ROUNDED_ONCE
    b = singles(3, -149, 5)
    a = uniform(-80, 20, b.size).astype(np.float32).astype(np.float64)
    for name in ("sinh_exp", "cosh_exp"):
        assert CASES[name].single_errors((a, b)).max() <= ROUNDED_ONCE, name


@pytest.mark.parametrize("opposite", [False, True])
def test_angle_and_sine_of_a_pair_are_relatively_accurate_at_both_ends(opposite: bool) -> None:
    less = np.r_[uniform(0, 1, 1000), octaves(-1020, -1, 2), 0.0, 1.0]
    more, half = 2 - less, np.full_like(less, 0.5)
    pair = (more, less, half) if opposite else (less, more, half)
    near, far = elementary.angle, elementary.angle_to_opposite
    near, far = (far, near) if opposite else (near, far)
    with mp.workdps(DIGITS):
        roots = [mpmath.sqrt(mp.mpf(number) / 2) for number in less.tolist()]
        acute = [2 * mpmath.asin(root) for root in roots]
        assert ulps(evaluated(near, *pair), acute).max() <= 2
        assert ulps(evaluated(far, *pair), [mp.pi - angle for angle in acute]).max() <= 2
        assert ulps(evaluated(elementary.sine_of_angle, *pair), [mpmath.sin(angle) for angle in acute]).max() <= 3
        latitudes = evaluated(elementary.latitude_of_angle, *pair)
        latitude = [(mp.pi / 2 - angle) * (-1 if opposite else 1) for angle in acute]
        errors = [abs(mp.mpf(found) - exact) for found, exact in zip(latitudes.tolist(), latitude, strict=True)]
    assert max(errors) <= 2 * np.spacing(HALF_PI)
    assert (latitudes == -evaluated(elementary.latitude_of_angle, pair[1], pair[0], half)).all()


def test_far_out_sine_and_cosine_are_those_of_a_neighbour() -> None:
    x = both_signs(octaves(20, 44, 40))
    bound = np.spacing(np.abs(x)) + 2 * EPS
    for function, exact in ((elementary.sin, mpmath.sin), (elementary.cos, mpmath.cos)):
        with mp.workdps(DIGITS):
            truth = [exact(mp.mpf(number)) for number in x.tolist()]
        difference = [abs(mp.mpf(v) - e) for v, e in zip(evaluated(function, x).tolist(), truth, strict=True)]
        assert (np.array(difference, dtype=float) <= bound).all()


def test_quarters_turn_the_circle() -> None:
    x = uniform(-20, 20, 200)
    for quarters, function, sign in ((2, elementary.sin, -1), (3, elementary.cos, -1), (4, elementary.sin, 1)):
        turned = [elementary.circular(number, quarters) for number in x]
        assert (turned == sign * evaluated(function, x)).all()


def test_a_correction_of_the_exponent_counts() -> None:
    """exp(x + e): e is far below an ulp of x, or far above it."""
    x = uniform(-700, 700, 3000)
    e = both_signs(octaves(-70, -10, 30))[: x.size]
    columns = (x, np.resize(e, x.size), np.ldexp(1.0, GENERATOR.integers(-10, 10, x.size)))
    case = Case(elementary.exp_times, lambda x, e, f: mpmath.exp(x + e) * f, 1.1, columns)
    assert case.errors().max() <= case.bound


@pytest.mark.parametrize("scale", [-0.5, 1.0])
def test_a_square_in_the_exponent_is_not_rounded(scale: float) -> None:
    z = np.r_[uniform(-26, 26, 2000), both_signs(octaves(-1074, 110, 4))]
    a = -scale * z * z * uniform(0.9, 1.1, z.size) + uniform(-30, 30, z.size)
    finite = np.abs(a + scale * z * z) < 700
    columns = tuple(column[finite] for column in (a, np.full_like(a, scale), z, np.ones_like(a)))
    case = Case(elementary.exp_square, lambda a, s, z, f: mpmath.exp(a + s * z * z) * f, 1.2, columns)
    assert case.errors().max() <= case.bound


def test_arc_tangents_of_subnormal_numbers_are_close() -> None:
    """Where the larger one is subnormal the choice between two polynomials is made with the few bits that are there."""
    y, x = (column.ravel() for column in np.meshgrid(np.arange(0, 60) * SMALLEST, np.arange(1, 60) * SMALLEST))
    assert np.abs(evaluated(elementary.atan2_half, y, x) - np.arctan2(y, x)).max() <= 1e-11


def test_what_overflows_is_infinite_and_what_vanishes_is_zero() -> None:
    for function in (elementary.exp, elementary.expm1):
        assert np.isinf(evaluated(function, np.r_[709.7827128933841, 709.8, 710.0, 800.0, 1e300])).all()
    assert (evaluated(elementary.exp, np.r_[-745.2, -746.0, -1e300]) == 0).all()
    assert (evaluated(elementary.expm1, np.r_[-40.0, -60.0, -1e300]) == -1).all()
