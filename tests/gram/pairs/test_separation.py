"""How far pairs are from |rho| = 1 behind a layer and behind a sum of independent parts, against many digits."""

import mpmath
import numpy as np
import pytest

from ntksym.gram.pairs.separation import Passed, Separation

EPSILON = float(np.finfo(np.float64).eps)
DISTANCES = (1e-2, 1e-4, 1e-6, 1e-9)


def separation(r1: float, r2: float, gap: float, sign: float) -> Separation:
    """One pair, from the roots of its variances."""
    difference = float(mpmath.mpf(r1) - mpmath.mpf(r2))
    return Separation((np.array([r1**2]), np.array([r2**2])), *(np.array([v]) for v in (difference, gap, sign)))


def exact_sum(one: tuple[float, ...], other: tuple[float, ...]) -> tuple[mpmath.mpf, float]:
    """P - |c + c'| and the sign, of parts (r1, r2, E, sign), by subtraction in 60 digits."""
    squares, c = [mpmath.mpf(0), mpmath.mpf(0)], mpmath.mpf(0)
    for r1, r2, gap, sign in (one, other):
        squares[0] += mpmath.mpf(r1) ** 2
        squares[1] += mpmath.mpf(r2) ** 2
        c += int(sign) * (mpmath.mpf(r1) * mpmath.mpf(r2) - mpmath.mpf(gap))
    return mpmath.sqrt(squares[0] * squares[1]) - abs(c), 1.0 if c > 0 else -1.0


@pytest.mark.parametrize("signs", [(1, 1), (-1, -1), (1, -1), (-1, 1)])
@pytest.mark.parametrize("distance", DISTANCES)
def test_a_sum_keeps_the_digits_of_its_parts(signs: tuple[int, int], distance: float) -> None:
    one = 1.25, 1.25 + distance, 0.3 * distance**2, float(signs[0])
    other = 0.5, 0.5 - 0.75 * distance, 0.7 * distance**2, float(signs[1])
    with mpmath.workdps(60):
        expected, side = exact_sum(one, other)
        found = separation(*one) + separation(*other)
        assert abs(found.covariance_gap[0] / expected - 1) < 16 * EPSILON
        lengths = [mpmath.hypot(one[k], other[k]) for k in range(2)]
        assert abs(found.root_difference[0] / (lengths[0] - lengths[1]) - 1) < 16 * EPSILON
    assert found.sign[0] == side


def test_equal_points_stay_equal() -> None:
    part = separation(1.3, 1.3, 0.0, 1.0)
    found = part + part
    assert found.covariance_gap[0] == 0.0
    assert found.root_difference[0] == 0.0
    assert found.sign[0] == 1.0


def behind_layer(distance: float, sign: int, bias: float) -> tuple[Separation, mpmath.mpf, mpmath.mpf]:
    """Behind s = max(x, 0), which is sqrt(q/2) long, or behind s = x; E' and r1' - r2' by subtraction in 60 digits."""
    weight, r1, r2, gap = 1.5, 1.25, 1.25 + distance, 0.3 * distance**2
    linear = sign < 0
    share = mpmath.mpf(1) if linear else mpmath.mpf(1) / 2
    p = mpmath.mpf(r1) * mpmath.mpf(r2)
    angle = mpmath.acos(1 - mpmath.mpf(gap) / p)
    value = p - gap if linear else (mpmath.sin(angle) + (mpmath.pi - angle) * mpmath.cos(angle)) * p / (2 * mpmath.pi)
    lengths = [mpmath.sqrt(share) * mpmath.mpf(r) for r in (r1, r2)]
    drop = lengths[0] * lengths[1] - value
    passed = Passed(
        np.array([float(value)]),
        np.array([float(drop)]),
        (np.array([float(lengths[0])]), np.array([float(lengths[1])])),
        np.array([float(lengths[0] - lengths[1])]),
    )
    found, c, carried = Separation.behind((weight, bias), passed, np.array([float(sign)]), None, 64 * EPSILON)
    exact = sign * weight * value + bias
    roots = [mpmath.sqrt(weight * length**2 + bias) for length in lengths]
    assert carried[0]
    assert abs(c[0] - exact) < 16 * EPSILON * roots[0] * roots[1]
    return found, roots[0] * roots[1] - abs(exact), roots[0] - roots[1]


@pytest.mark.parametrize("bias", [0.0, 0.25])
@pytest.mark.parametrize("distance", DISTANCES)
def test_a_layer_keeps_the_digits(distance: float, bias: float) -> None:
    with mpmath.workdps(60):
        found, gap, difference = behind_layer(distance, 1, bias)
        assert abs(found.covariance_gap[0] / gap - 1) < 16 * EPSILON
        assert abs(found.root_difference[0] / difference - 1) < 16 * EPSILON
    assert found.sign[0] == 1.0


@pytest.mark.parametrize("distance", DISTANCES)
def test_opposite_points_stay_opposite_without_a_bias(distance: float) -> None:
    with mpmath.workdps(60):
        found, gap, _ = behind_layer(distance, -1, 0.0)
        assert abs(found.covariance_gap[0] / gap - 1) < 16 * EPSILON
    assert found.sign[0] == -1.0


def test_what_is_not_known_is_subtracted() -> None:
    unknown = Passed(np.array([0.5]), np.array([np.nan]), (np.ones(1), np.ones(1)), np.array([np.nan]))
    found, c, carried = Separation.behind((2.0, 0.25), unknown, np.ones(1), (np.full(1, 2.25), np.full(1, 4.0)), 1e-14)
    assert not carried[0]
    assert c[0] == 1.25
    assert found.covariance_gap[0] == 1.5 * 2.0 - 1.25
    assert found.root_difference[0] == -0.5
