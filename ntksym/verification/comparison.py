"""Does a dual agree with the integral it stands for? Answered by numerical integration of the activation alone."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import mpmath
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.dual import ClosedDual, Dual
from ntksym.dual.protocol import SeriesLike, is_series
from ntksym.errors import InvalidInput, NoSuchDual, OutOfReach, ToleranceNotMet
from ntksym.quadrature.activations import derivative_integrand, integrand, slope_expectation
from ntksym.quadrature.expectation import Estimate, Integrand, expectation
from ntksym.special.symbolic import MPMATH
from ntksym.symbols import c, q, q1, q2
from ntksym.verification.report import Check, Report, Verdict, What
from ntksym.verification.stated_bounds import SERIES_DIGITS, check_series

__all__ = ["default_points", "verify"]

MARGIN_DIGITS = 5
"""Digits of `dps` that rounding in the formula and in the integral may use up."""

PLACES: tuple[tuple[str, str, str], ...] = (
    ("1", "1", "1/2"),
    ("4/5", "3/2", "-3/5"),
    ("1/10", "5", "3/10"),
    ("1", "2", "0"),
    ("5", "5", "9/10"),
    ("1", "3/2", "999/1000"),
    ("1/4", "1/10", "-99999/100000"),
)
"""(sigma1, sigma2, rho): rational, so that the covariance is exact."""

DIAGONAL_PLACES = ("1/10", "1", "5")
"""Standard deviations at which the diagonal is checked."""

MOST_HALVINGS = 30
"""Times that a place is moved towards zero in search of one where the dual exists."""

Place = tuple[Any, Any, Any]


def verify(dual: Dual, dps: int = 30, points: Iterable[Place] | None = None) -> Report:
    """Compare a dual's value, slope and diagonal with two-dimensional numerical integration.

    The integration uses the activation as a function that can be evaluated, and where it has kinks and jumps; nothing
    of the derivation. The slope is the expectation of the derivatives, with the densities at the jumps added.

    A closed form agrees where its digits are those of the integral. A series agrees where its float64 numbers are
    within its own `error_bound` and `slope_error_bound`; a slope whose bound is infinite, because the activation jumps,
    is not compared.

    Parameters
    ----------
    dual : ClosedDual or SeriesDual
        From `derive` or `cross_dual`.
    dps : int
        Digits to compare; the report never claims more than the integration reached. At most 20 for a series.
    points : iterable of (q1, q2, c), optional
        Variances and covariances, taken as exact (int, float, Fraction, sympy Rational, mpmath number); for a series
        they are rounded to float64 first. By default seven off the diagonal, with very unequal, small and large
        variances, correlations 0, 0.999 and -0.99999, and three on it; where the dual does not exist at so large a
        variance, a smaller one.

    Raises
    ------
    InvalidInput
        If a point is no covariance matrix or `dps` is less than 10.
    NoSuchDual
        If the dual does not exist at a point that was given.
    OutOfReach
        If a series cannot be computed in float64 at a point that was given, or anywhere near the default ones.
    """
    if dps < 10:
        raise InvalidInput(
            f"dps = {dps} is too little to tell a right formula from a wrong one: take 10 or more", dps=dps
        )
    if is_series(dual):
        dps = min(dps, SERIES_DIGITS)
        everywhere = [*default_points(dual), *_diagonal_points(dual)] if points is None else points
        return Report(str(dual.activation.name), dps, tuple(check_series(dual, everywhere, dps)))
    pair = (dual.activation, dual.partner if isinstance(dual, ClosedDual) else dual.activation)
    values = tuple(integrand(item) for item in pair)
    slopes = tuple(derivative_integrand(item) for item in pair)
    checks: list[Check] = []
    places: Iterable[Place] = default_points(dual) if points is None else points
    for place in places:
        with mpmath.workdps(20 * dps):
            exact_place = tuple(map(mpmath.mpmathify, place))
        formula = dual.evaluate(*exact_place, dps=dps + MARGIN_DIGITS)
        found = expectation(values[0], values[1], *place, dps=dps)
        checks.append(_check("value", place, formula.value, found, dps))
        if mpmath.isfinite(formula.slope):
            found = slope_expectation(pair, place, dps)
            checks.append(_check("slope", place, formula.slope, found, dps))
    if points is None:
        checks += _check_diagonal(dual, pair, (values, slopes), dps)
    return Report(str(dual.activation.name), dps, tuple(checks))


def default_points(dual: Dual) -> list[tuple[Fraction, Fraction, Fraction]]:
    """The places of `verify`, the variances divided by four until the dual exists there."""
    return [_existing_place(dual, *map(Fraction, sigmas)) for sigmas in PLACES]


def _diagonal_points(dual: Dual) -> list[tuple[Fraction, Fraction, Fraction]]:
    return [_existing_place(dual, Fraction(text), Fraction(text), Fraction(1)) for text in DIAGONAL_PLACES]


def _existing_place(
    dual: Dual, sigma1: Fraction, sigma2: Fraction, rho: Fraction
) -> tuple[Fraction, Fraction, Fraction]:
    for _ in range(MOST_HALVINGS):
        place = sigma1**2, sigma2**2, rho * sigma1 * sigma2
        if _exists(dual, *place):
            return place
        largest = max(sigma1 / 2, sigma2 / 2)
        sigma1, sigma2 = min(sigma1, largest), min(sigma2, largest)
    raise OutOfReach(
        f"the dual of {dual.activation.name} was found at no variance; give verify the points where it exists",
        dual=dual,
    )


def _exists(dual: Dual, first: Fraction, second: Fraction, cov: Fraction) -> bool:
    if is_series(dual):
        return _is_computable(dual, float(first), float(second))
    partner, conditions = (dual.partner, dual.pair_domain) if isinstance(dual, ClosedDual) else (dual.activation, ())
    parameters = {**dual.activation.values, **partner.values}
    for condition in dual.domain:
        for variance in (first, second):
            if not condition.subs({**parameters, q: sp.Rational(variance)}) > 0:
                return False
    places = {q1: sp.Rational(first), q2: sp.Rational(second), c: sp.Rational(cov)}
    return all(condition.subs({**parameters, **places}) > 0 for condition in conditions)


def _is_computable(dual: SeriesLike, *variances: float) -> bool:
    try:
        dual.coefficients(variances)
    except (NoSuchDual, ToleranceNotMet):
        return False
    return True


def _check(what: What, place: Place, value: Any, found: Estimate, dps: int) -> Check:
    with mpmath.workdps(2 * dps + 10):
        difference = abs(value - found.value)
        scale = found.scale or abs(value) or mpmath.mpf(1)
        error, own = difference / scale, found.error / scale
        tolerance = mpmath.mpf(10) ** (MARGIN_DIGITS - dps)
        verdict: Verdict = "agrees"
        if error > tolerance + 4 * own:
            verdict = "disagrees"
        elif own > tolerance:
            verdict = "not resolved"
        first, second, cov = place
        return Check(what, first, second, cov, value, found.value, error, own, verdict)


def _check_diagonal(
    dual: Dual, pair: Sequence[Activation], functions: tuple[Sequence[Integrand], Sequence[Integrand]], dps: int
) -> list[Check]:
    parameters = {**pair[0].values, **pair[1].values}
    checks = []
    for place in _diagonal_points(dual):
        if isinstance(dual, ClosedDual):
            known = {**parameters, q: sp.Rational(place[0])}
            formulas = dual.diagonal, dual.diagonal_slope
            numbers = [None if formula is None else _number(formula, known, dps) for formula in formulas]
        else:
            found = dual.evaluate(*(mpmath.mpmathify(entry) for entry in place), dps=dps + MARGIN_DIGITS)
            numbers = [found.value, found.slope if dual.continuous else None]
        sides: tuple[What, What] = ("diagonal", "diagonal slope")
        for what, value, (left, right) in zip(sides, numbers, functions, strict=True):
            if value is not None:
                checks.append(_check(what, place, value, expectation(left, right, *place, dps=dps), dps))
    return checks


def _number(formula: sp.Expr, values: dict[sp.Symbol, sp.Rational], dps: int) -> Any:
    """The formula's value; the digits are doubled until two results agree, since terms may cancel."""
    names = list(values)
    compiled = sp.lambdify(names, formula, modules=[MPMATH, "mpmath"])
    working, previous = dps + 2 * MARGIN_DIGITS, None
    while working < 100 * dps:
        with mpmath.workdps(working):
            result = mpmath.re(compiled(*(mpmath.mpf(value.p) / value.q for value in values.values())))
            if previous is not None and abs(result - previous) <= abs(result) * mpmath.mpf(10) ** -(
                dps + MARGIN_DIGITS
            ):
                return result
        previous, working = result, 2 * working
    raise NoSuchDual(f"{formula} does not settle at {values}: it may not exist there", formula=formula, values=values)
