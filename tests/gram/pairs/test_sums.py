"""The distance from |rho| = 1 of a sum of independent parts, against many digits."""

import mpmath
import numpy as np
import pytest

from ntksym.gram.pairs.sums import gap_of_sum

EPSILON = float(np.finfo(np.float64).eps)


def exact_sum(one: tuple[float, ...], other: tuple[float, ...]) -> tuple[mpmath.mpf, float]:
    """P - |c + c'| and the sign, of parts (r1, r2, E, sign), by subtraction in 60 digits."""
    squares, c = [mpmath.mpf(0), mpmath.mpf(0)], mpmath.mpf(0)
    for r1, r2, gap, sign in (one, other):
        squares[0] += mpmath.mpf(r1) ** 2
        squares[1] += mpmath.mpf(r2) ** 2
        c += int(sign) * (mpmath.mpf(r1) * mpmath.mpf(r2) - mpmath.mpf(gap))
    return mpmath.sqrt(squares[0] * squares[1]) - abs(c), 1.0 if c > 0 else -1.0


@pytest.mark.parametrize("signs", [(1, 1), (-1, -1), (1, -1), (-1, 1)])
@pytest.mark.parametrize("distance", [1e-2, 1e-4, 1e-6, 1e-9])
def test_a_sum_keeps_the_digits_of_its_parts(signs: tuple[int, int], distance: float) -> None:
    one = 1.25, 1.25 + distance, 0.3 * distance**2, float(signs[0])
    other = 0.5, 0.5 - 0.75 * distance, 0.7 * distance**2, float(signs[1])
    with mpmath.workdps(60):
        expected, side = exact_sum(one, other)
        parts = []
        for r1, r2, gap, sign in (one, other):
            difference = float(mpmath.mpf(r1) - mpmath.mpf(r2))
            parts.append(((np.array([r1]), np.array([r2])), *(np.array([v]) for v in (difference, gap, sign))))
        p = np.sqrt(np.array([(one[0] ** 2 + other[0] ** 2) * (one[1] ** 2 + other[1] ** 2)]))
        gap, sign = gap_of_sum(parts[0], parts[1], p)
        assert abs(gap[0] / expected - 1) < 16 * EPSILON
    assert sign[0] == side


def test_equal_points_stay_equal() -> None:
    part = (np.array([1.3]), np.array([1.3])), np.zeros(1), np.zeros(1), np.ones(1)
    gap, sign = gap_of_sum(part, part, np.array([2 * 1.3 * 1.3]))
    assert gap[0] == 0.0
    assert sign[0] == 1.0
