"""What must hold of every dual, whoever made it: `check_dual` raises where it does not."""

import pickle
from collections.abc import Iterable
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from ntksym.dual import Dual
from ntksym.dual.protocol import is_series, require_dual
from ntksym.errors import InvalidInput, NoSuchDual
from ntksym.symbols import q

Place = tuple[Fraction, Fraction, Fraction]
"""Two standard deviations and a correlation."""

PLACES: tuple[Place, ...] = (
    (Fraction(1), Fraction(1), Fraction(1, 2)),
    (Fraction(1, 2), Fraction(3, 2), Fraction(-9, 10)),
    (Fraction(5, 4), Fraction(3, 4), Fraction(0)),
    (Fraction(2), Fraction(1), Fraction(63, 64)),
)

ROUNDING = 1e-12
"""Error of float64 allowed beside the stated bound, relative to sqrt(K(q1) K(q2)): the tolerance of kernels."""


def check_dual(dual: Dual, places: Iterable[Place] = PLACES, largest: float = 1.0, dps: int = 20) -> None:
    """Every rule at every place, the variances scaled down so that the largest is at most this; ``dps`` digits."""
    require_dual(dual, dual.activation)
    check_value(dual)
    check_refusals(dual)
    points = [scaled(place, largest) for place in places]
    for place in points:
        check_numbers(dual, *place, dps)
        check_derivative(dual, *place, dps)
        check_diagonal(dual, place[0], dps)
    check_shapes(dual, points)
    if is_series(dual):
        check_series(dual, points)


def scaled(place: Place, largest: float) -> tuple[float, float, float]:
    """(q1, q2, c) as floats."""
    first, second, rho = map(float, place)
    shrink = min(1.0, largest**0.5 / max(first, second))
    first, second = first * shrink, second * shrink
    return first**2, second**2, rho * first * second


def check_value(dual: Dual) -> None:
    """Equal duals are equal, also those that come out of a pickle: what is computed for one serves all."""
    again = pickle.loads(pickle.dumps(dual))
    assert again == dual
    assert hash(again) == hash(dual)
    assert dual.kind in ("closed", "integral", "series")
    assert (dual.kind == "series") == is_series(dual)
    assert not (is_series(dual) and dual.accurate_range.is_limited)


def check_refusals(dual: Dual) -> None:
    """What is no covariance matrix is the caller's mistake; where E[s(U)^2] diverges there is no dual."""
    for wrong in ((-0.1, 0.1, 0.0), (0.1, 0.1, 0.2), (np.nan, 0.1, 0.0), (0.1, np.inf, 0.0)):
        with pytest.raises(InvalidInput):
            dual.evaluate(*wrong)
    for condition in dual.domain:
        end = float(min(root for root in mpmath_roots(condition.xreplace(dual.activation.values)) if root > 0))
        with pytest.raises(NoSuchDual):
            dual.evaluate(2 * end, 2 * end, end)
        assert np.isfinite(dual.evaluate(end / 2, end / 2, end / 4).value)


def mpmath_roots(condition) -> list[mpmath.mpf]:
    """Of a polynomial in q."""
    return [mpmath.mpf(str(root)) for root in condition.as_poly(q).nroots()]


def check_numbers(dual: Dual, q1: float, q2: float, c: float, dps: int) -> None:
    """float64 against many digits, within the stated bounds; symmetric; known gaps; Cauchy and Schwarz."""
    found, exact = dual.evaluate(q1, q2, c), dual.evaluate(q1, q2, c, dps=dps)
    sides = [dual.evaluate(side, side, side, dps=dps) for side in (q1, q2)]
    scale = mpmath.sqrt(sides[0].value * sides[1].value)
    bounds = dual.error_bound(q1, q2), dual.slope_error_bound(q1, q2)
    assert abs(found.value - exact.value) <= bounds[0] + ROUNDING * scale
    if np.isfinite(bounds[1]):
        assert abs(found.slope - exact.slope) <= bounds[1] + ROUNDING * (
            abs(exact.slope) + scale / mpmath.sqrt(q1 * q2)
        )
    mirrored = dual.evaluate(q2, q1, c)
    assert abs(mirrored.value - found.value) <= 2 * bounds[0] + ROUNDING * scale
    assert abs(exact.value) <= scale * (1 + mpmath.mpf(10) ** (3 - dps))
    gap = 1 - abs(c) / np.sqrt(q1 * q2)
    known = dual.evaluate(q1, q2, c, gap=gap)
    assert abs(known.value - found.value) <= 2 * bounds[0] + ROUNDING * scale


def check_derivative(dual: Dual, q1: float, q2: float, c: float, dps: int) -> None:
    """The slope is the derivative of the value in c."""
    step = mpmath.mpf(10) ** (-dps / 3) * mpmath.sqrt(q1 * q2)  # the difference is then right to 2/3 of the digits
    with mpmath.workdps(2 * dps):
        above, below = (dual.evaluate(q1, q2, mpmath.mpf(c) + sign * step, dps=dps).value for sign in (1, -1))
        difference = (above - below) / (2 * step)
    slope = dual.evaluate(q1, q2, c, dps=dps).slope
    assert abs(slope - difference) <= mpmath.mpf(10) ** (-dps / 2) * (abs(slope) + abs(above) / mpmath.sqrt(q1 * q2))


def check_diagonal(dual: Dual, variance: float, dps: int) -> None:
    """K(q) is the limit of K(q, q, c): a power series in rho with positive coefficients is convex up to there."""
    whole, near = (dual.evaluate(variance, variance, c, dps=dps) for c in (variance, variance * (1 - 2.0**-20)))
    drop = whole.value - near.value
    assert drop >= -(mpmath.mpf(10) ** (2 - dps)) * whole.value
    if dual.continuous:
        assert drop <= whole.slope * variance * 2.0**-20 * (1 + mpmath.mpf(10) ** -6)
        assert mpmath.isfinite(whole.slope)
    else:
        assert mpmath.isinf(whole.slope)
        assert np.isinf(dual.evaluate(variance, variance, variance).slope)


def check_shapes(dual: Dual, points: list[tuple[float, float, float]]) -> None:
    """Arguments broadcast, single numbers give single numbers, and an entry does not depend on those beside it."""
    q1, q2, c = (np.array(part) for part in zip(*points, strict=True))
    together = dual.evaluate(q1, q2, c)
    for place, value in zip(points, together.value, strict=True):
        alone = dual.evaluate(*place)
        assert np.shape(alone.value) == ()
        assert abs(alone.value - value) <= 2 * float(dual.error_bound(*place[:2])) + ROUNDING * abs(value)
    column = dual.evaluate(q1[:, None], q2.max(), 0.0)
    assert column.value.shape == column.slope.shape == (len(points), 1)
    assert np.shape(dual.error_bound(q1[:, None], q2)) == (len(points), len(points))
    assert dual.evaluate(np.empty(0), 1.0, 0.0).value.shape == (0,)


def check_series(dual, points: list[tuple[float, float, float]]) -> None:
    """What tiles add up is what `evaluate` returns, up to the correlation that the expansion states."""
    tolerance = 1e-10
    for q1, q2, c in points:
        found = dual.expand([q1, q2], tolerance)
        rho = c / np.sqrt(q1 * q2)
        if abs(rho) > found.limits[:, -1].min():
            continue
        degrees = found.offset + found.stride * np.arange(found.coefficients.shape[1])
        value = np.sum(found.coefficients[0] * found.coefficients[1] * rho**degrees)
        allowed = (tolerance + 1e-13) * np.sqrt(found.value[0] * found.value[1])
        assert abs(value - dual.evaluate(q1, q2, c).value) <= allowed + dual.error_bound(q1, q2)
        energies = dual.coefficients([q1, q2])
        np.testing.assert_allclose(energies.value, found.value, rtol=1e-13)
