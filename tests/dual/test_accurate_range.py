"""Where formulas keep their digits, and what takes their place where they do not."""

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest

from ntksym.dual.accurate_range import (
    ACCURACY,
    EVERYWHERE,
    LARGE,
    NOWHERE,
    SMALL,
    AccurateRange,
    Formula,
    keeps_by_noise,
    keeps_by_precision,
)
from ntksym.dual.closed import ClosedDual
from ntksym.dual.covariance import ValueAndSlope
from ntksym.dual.derivation import cross_dual, derive

EPSILON = float(np.finfo(np.float64).eps)


def closed(name: str) -> ClosedDual:
    dual = derive(name)
    assert isinstance(dual, ClosedDual)
    return dual


def pretended(error: float, power: int) -> Formula:
    """c = E[U V], slope 1, with a relative error of at most ``error`` * q**power that looks like noise."""
    draws = np.random.default_rng(0)

    def in_float64(first: np.ndarray, second: np.ndarray, cov: np.ndarray) -> ValueAndSlope:
        noise = error * np.where(draws.integers(2, size=len(cov)) == 1, 1, -1) * np.sqrt(first * second) ** (power + 1)
        return ValueAndSlope(cov + noise, np.ones_like(cov))

    return in_float64


def exactly(first: float, second: float, cov: float) -> ValueAndSlope[float]:
    return ValueAndSlope(cov, 1.0)


def ends(accurate: AccurateRange) -> tuple[float, float]:
    return accurate.smallest, accurate.largest


@pytest.mark.parametrize(
    ("error", "power", "expected"),
    [
        (0.0, 0, (0.0, math.inf)),
        (1e-15, 1, (0.0, 2.0**8)),
        (1e-16, -1, (2.0**-8, math.inf)),
        (1e-12, 0, (2.0**-4, 2.0**3)),
    ],
)
def test_the_ladder_ends_before_the_first_failure(error: float, power: int, expected: tuple[float, float]) -> None:
    formula = pretended(error, power)
    by_noise = AccurateRange(partial(keeps_by_noise, formula))
    exact = AccurateRange(partial(keeps_by_precision, formula, exactly))
    assert ends(by_noise) == ends(exact) == expected


def test_what_the_covariance_itself_forgets_is_no_fault_of_the_formula() -> None:
    """sin(30 x): near |rho| = 1 a rounding of c changes the dual by a hundred thousand."""
    assert closed("siren").accurate_range.largest == math.inf


def test_ordinary_variances_are_not_tried() -> None:
    def refuse(ladder: Sequence[float]) -> list[bool]:
        raise AssertionError(ladder)

    assert not AccurateRange(refuse).excludes(np.array([0.1, 1.0]), np.array([3.0, 8.0])).any()
    small_only = AccurateRange(lambda ladder: [variance < 1 for variance in ladder])
    assert small_only.excludes(np.array([1e-9, 2.0])).tolist() == [False, False]


def test_everywhere_and_nowhere_need_no_trial() -> None:
    q = np.array([1e-100, 1.0, 1e60])
    assert ends(EVERYWHERE) == (0.0, math.inf)
    assert ends(NOWHERE) == (math.inf, 0.0)
    assert not EVERYWHERE.excludes(q, q).any()
    assert NOWHERE.excludes(q, q).all()
    assert [closed(name).accurate_range for name in ("relu", "sinc")] == [EVERYWHERE, NOWHERE]


@pytest.mark.parametrize("name", ["relu", "erf", "gelu", "sin", "x**2"])
def test_most_formulas_are_trusted_everywhere(name: str) -> None:
    assert ends(closed(name).accurate_range) == (0.0, math.inf)


@pytest.mark.parametrize(
    ("name", "small", "large"),
    [
        ("expm1", True, False),
        ("snake", True, False),
        pytest.param("elu", True, False, marks=pytest.mark.slow),
        pytest.param("hardtanh", False, True, marks=pytest.mark.slow),
        pytest.param("epanechnikov", False, True, marks=pytest.mark.slow),
    ],
)
def test_some_are_not(name: str, small: bool, large: bool) -> None:
    low, high = ends(closed(name).accurate_range)
    assert (low > 0, high < math.inf) == (small, large)
    assert low in {*SMALL, 0.0}
    assert high in {*LARGE, math.inf}


@pytest.mark.parametrize(
    ("name", "variances"),
    [
        ("expm1", [1e-12, 1e-6, 1e-3, 1.0]),
        ("snake", [1e-15, 1e-9, 1e-4]),
        pytest.param("elu", [1e-30, 1e-9, 1e-4, 2.0], marks=pytest.mark.slow),
        pytest.param("hardtanh", [1e-3, 3e3, 1e6, 1e9], marks=pytest.mark.slow),
        pytest.param("sqnl", [1e-3, 3e2, 1e6], marks=pytest.mark.slow),
        pytest.param("box", [1e7], marks=pytest.mark.slow),
    ],
)
def test_numbers_have_their_digits_at_every_variance(name: str, variances: list[float]) -> None:
    dual = closed(name)
    q1 = np.array(variances)
    q2, rho = q1 / 3, np.linspace(-0.7, 0.95, len(q1))
    cov = rho * np.sqrt(q1 * q2)
    found = dual.evaluate(q1, q2, cov)
    for k, triple in enumerate(zip(q1, q2, cov, strict=True)):
        exact = dual.evaluate(*triple, dps=20)
        sides = [dual.evaluate(q, q, q, dps=20) for q in triple[:2]]
        for part in range(2):
            scale = math.sqrt(float(sides[0][part]) * float(sides[1][part]))
            if math.isfinite(scale):
                assert abs(float(found[part][k]) - float(exact[part])) <= 2 * ACCURACY * scale


def test_equal_and_opposite_pairs_of_small_variance() -> None:
    q = np.array([1e-9, 1e-9, 1e-9, 0.0])
    value, slope = closed("expm1").evaluate(q, q, q * np.array([1.0, -1.0, 1 - 1e-6, 1.0]))
    np.testing.assert_allclose(value, [1e-9, -1e-9, 1e-9 * (1 - 1e-6), 0.0], rtol=3e-9, atol=1e-130)
    np.testing.assert_allclose(slope, 1.0, rtol=3e-9)


def test_a_gap_that_is_known_is_kept() -> None:
    """Where |rho| is within 1e-20 of 1, the covariance itself cannot say by how much."""
    q, gap = np.array([1e-8]), np.array([1e-20])
    dual = closed("snake")
    assert dual.evaluate(q, q, q, gap=gap).value == pytest.approx(dual.evaluate(q, q, q).value, rel=4 * EPSILON)


def test_duals_of_two_activations_go_to_higher_precision() -> None:
    dual = cross_dual("expm1", "x")
    found = dual.evaluate(1e-12, 1e-12, 5e-13)
    exact = dual.evaluate(1e-12, 1e-12, 5e-13, dps=20)
    assert found.value == pytest.approx(float(exact.value), rel=1e-13)
