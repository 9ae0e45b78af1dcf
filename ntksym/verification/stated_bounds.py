"""Does a series keep to the bounds that it states? Its float64 numbers against numerical integration in the plane."""

from collections.abc import Iterable, Iterator
from typing import Any

import mpmath

from ntksym.dual import Dual
from ntksym.quadrature.activations import slope_expectation, value_expectation
from ntksym.quadrature.expectation import Estimate
from ntksym.verification.report import Check, Verdict, What

__all__ = ["SERIES_DIGITS", "check_series"]

SERIES_DIGITS = 20
"""Digits of the integrals: float64 has 16, and a bound is a few of its roundings."""

DOUBT = 4
"""Factor by which the integration may underestimate its own error."""


def check_series(dual: Dual, places: Iterable[tuple[Any, Any, Any]], dps: int) -> Iterator[Check]:
    """Value and slope at every place, the slope only where the bound for it is finite.

    Parameters
    ----------
    dual : Dual
        One that states bounds of its errors: a series.
    places : iterable of (q1, q2, c)
        Variances and covariances; rounded to float64, and those numbers taken as exact.
    dps : int
        Digits of the integrals.
    """
    pair = dual.activation, dual.activation
    for place in places:
        first, second, cov = (float(entry) for entry in place)
        exact = mpmath.mpf(first), mpmath.mpf(second), mpmath.mpf(cov)
        found = dual.evaluate(first, second, cov)
        on_diagonal = first == second == cov
        bound = float(dual.error_bound(first, second))
        integral = value_expectation(pair, exact, dps)
        yield _check("diagonal" if on_diagonal else "value", exact, (float(found.value), bound), integral, dps)
        bound = float(dual.slope_error_bound(first, second))
        if mpmath.isfinite(bound):
            integral = slope_expectation(pair, exact, dps, continuous=dual.continuous)
            yield _check(
                "diagonal slope" if on_diagonal else "slope", exact, (float(found.slope), bound), integral, dps
            )


def _check(what: What, place: tuple[Any, Any, Any], answer: tuple[float, float], integral: Estimate, dps: int) -> Check:
    """A number and its bound, against an integral."""
    with mpmath.workdps(2 * dps + 10):
        value, bound = map(mpmath.mpf, map(float, answer))
        scale = integral.scale or abs(value) or mpmath.mpf(1)
        difference, doubt = abs(value - integral.value), DOUBT * integral.error
        verdict: Verdict = "agrees"
        if not difference <= bound + doubt:
            verdict = "disagrees"
        elif doubt > bound:
            verdict = "not resolved"
        errors = difference / scale, integral.error / scale
        return Check(what, *place, value, integral.value, *errors, verdict, bound / scale)
