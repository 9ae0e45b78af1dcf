"""exp(a) erfi(y) in ulp of float64 and of float32, over the whole domain."""

import numpy as np

from ntksym.special import multiprecision
from ntksym.special.vector import dawson
from tests.lowering.accuracy import ROUNDED_ONCE, Array, Case, both_signs, neighbours, octaves, singles

GENERATOR = np.random.default_rng(0)
uniform = GENERATOR.uniform


def with_exponent() -> tuple[Array, Array]:
    """(a, y): y everywhere, more where one polynomial takes over from another; a such that the product is a number.

    Far out a is -y^2 exactly: y has few digits there, so that its square has no more than a float64 holds.
    """
    near = np.r_[both_signs(octaves(-960, 3, 1)), neighbours([1.75, 3.25, 5.25], 4), uniform(-7, 7, 800), 0.0]
    far = np.ldexp(1 + np.arange(300) / 1024, np.arange(4, 304))
    a = -near * near * uniform(0.95, 1.05, near.size) + uniform(-30, 30, near.size)
    return np.r_[a, -far * far], np.r_[near, far]


CASE = Case(dawson.exp_erfi, multiprecision.exp_erfi, 5, with_exponent())


def test_the_stated_ulps_hold_over_the_whole_domain() -> None:
    assert CASE.errors().max() <= CASE.bound


def test_float32_results_of_float32_arguments_are_rounded_once() -> None:
    y = np.r_[singles(1, -149, 4), np.linspace(-8, 8, 500).astype(np.float32)]
    a = (uniform(-20, 20, y.size) - y * y).astype(np.float32).astype(np.float64)
    assert CASE.single_errors((a, y)).max() <= ROUNDED_ONCE
