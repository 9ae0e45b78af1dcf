"""What a series says of its own error, against references to 30 digits: never too small, and not much too large."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import mpmath
import numpy as np
import pytest

import ntksym as nk
from tests.references.series_points import ACTIVATIONS, DIGITS, Reference, references

EPS = float(np.finfo(np.float64).eps)

# Of the references; their own check is at 1e-31 of a scale that may be a little smaller than sqrt(V V).
REFERENCE_ERROR = mpmath.mpf(10) ** (2 - DIGITS)

# Not much too large means a bound of at most
#   1000 times the true error, or 1e-13 of sqrt(V V), sqrt(D D)                 values; slopes where it matters
#   1e-13 and the rounding of Horner's rule, 5 eps times the mean degree        slopes elsewhere
# Slopes matter where both variances are at most 10, so that networks do not saturate, and s is within reach: a kink
# five standard deviations out gets its weight from the largest degrees, with a rounding that is theirs.
FACTOR = 1000
ENOUGH = 1e-13
LARGE_VARIANCE = 10
OUT_OF_REACH = 1e-6


class Comparison(NamedTuple):
    """A number of a dual: its true error and the stated bound; its size, what both are relative to."""

    point: Reference
    what: str
    error: float
    bound: float
    size: float

    @property
    def tight(self) -> bool:
        return self.bound <= FACTOR * self.error or self.bound <= ENOUGH * self.size

    def __str__(self) -> str:
        return (
            f"{self.what} at q1 = {self.point.q1}, q2 = {self.point.q2}, c = {self.point.c}: relative error "
            f"{self.error / self.size:.2e}, bound {self.bound / self.size:.2e}"
        )


def compare(dual: Any, points: tuple[Reference, ...]) -> Iterator[Comparison]:
    """Every number, the two of a place one after the other."""
    for point in points:
        found = dual.evaluate(point.q1, point.q2, point.c)
        bounds = dual.error_bound(point.q1, point.q2), dual.slope_error_bound(point.q1, point.q2)
        exact, sizes = (point.value, point.slope), (point.value_scale, point.slope_scale)
        for what, number, bound, true, size in zip(("value", "slope"), found, bounds, exact, sizes, strict=True):
            with mpmath.workdps(DIGITS + 5):
                error = max(abs(mpmath.mpf(float(number)) - true) - REFERENCE_ERROR * size, mpmath.mpf(0))
            yield Comparison(point, what, float(error), float(bound), float(size))  # below 5e-324 all three are zero


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_error_is_never_above_the_bound(name: str) -> None:
    wrong = [str(found) for found in compare(nk.derive(name), references()[name]) if found.error > found.bound]
    assert not wrong


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_bound_is_not_much_above_the_error(name: str) -> None:
    dual: Any = nk.derive(name)
    loose = []
    for found in compare(dual, references()[name]):
        variances = np.array([found.point.q1, found.point.q2])
        if not found.tight and found.what == "slope" and elsewhere(dual, variances):
            allowed = ENOUGH + 5 * EPS * mean_degree(dual, variances)
            loose += [] if found.bound <= allowed * found.size else [f"{found}, allowed {allowed:.2e}"]
        elif not found.tight:
            loose.append(str(found))
    assert not loose


def elsewhere(dual: Any, variances: np.ndarray) -> bool:
    """Whether slopes do not matter here."""
    values = [dual.evaluate(q, q, q).value for q in variances]
    return bool(
        variances.max() > LARGE_VARIANCE or any(v < OUT_OF_REACH * q for v, q in zip(values, variances, strict=True))
    )


def mean_degree(dual: Any, variances: np.ndarray) -> float:
    """The larger mean of k with weights k a_k(q)**2, over the stored terms."""
    series = dual.coefficients(variances)
    order = series.offset + series.stride * np.arange(series.coefficients.shape[1])
    energy = order * series.coefficients**2
    return float((energy @ order / energy.sum(axis=1)).max())
