"""A series explained: why it is one, how it is made, how many terms it takes, and how wrong it may be."""

import numpy as np
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.activation.kinks import Break, decay_of
from ntksym.errors import NoClosedForm, NoSuchDual, NtkSymError, ToleranceNotMet
from ntksym.symbols import q
from ntksym.typeset.formulas import formula_text
from ntksym.typeset.page import Page
from ntksym.typeset.subjects import SeriesSubject

__all__ = ["TOLERANCES", "conclude_series", "measured_variance", "motivate_series"]

TOLERANCES = (1e-6, 1e-10, 1e-14)
"""Truncation errors for which the number of terms is told."""

SMALLER_VARIANCES = 12
"""Quarterings of the variance 1 in search of one at which the dual exists."""


def motivate_series(page: Page, dual: SeriesSubject) -> None:
    """Why there is no closed form."""
    page.heading("Why a series")
    if dual.reason is None:
        page.paragraph('There is a closed form; the series was asked for (`method="series"`).')
    else:
        page.paragraph(f"There is no closed form: {dual.reason}.")


def conclude_series(page: Page, dual: SeriesSubject) -> None:
    """The diagonal, the coefficients, the accuracy measured at one variance, and where all this exists."""
    _diagonal(page, dual)
    _coefficients(page, dual)
    _accuracy(page, dual)
    page.heading("Existence")
    if dual.domain:
        page.paragraph(
            "The series exists where " + ", ".join(f"`{formula_text(item)} > 0`" for item in dual.domain) + "."
        )
    elif dual.activation.growth is None:
        page.paragraph("No bound for the growth of s was found: whether E[s(U)^2] exists is not known.")
    else:
        page.paragraph("The expectation exists for all variances and covariances.")
    page.heading("Verification")
    page.paragraph(
        "`verify(dual)` compares value, slope and diagonal in float64 with numerical integration in the plane, which "
        "shares nothing with the series, and holds every difference against the bounds above. `evaluate(..., dps=50)` "
        "is such an integral, to as many digits as asked for."
    )


def measured_variance(dual: SeriesSubject) -> float | None:
    """The largest of 1, 1/4, 1/16, ... at which the series can be computed; None if there is none.

    Parameters
    ----------
    dual : SeriesDual
        From `derive`.
    """
    for quarterings in range(SMALLER_VARIANCES):
        variance = 4.0**-quarterings
        try:
            dual.coefficients([variance])
        except (NoSuchDual, ToleranceNotMet):
            continue
        return variance
    return None


def _diagonal(page: Page, dual: SeriesSubject) -> None:
    page.heading("Diagonal")
    words = "the sum is" if dual.certified else "nothing is summed; an integral in one variable gives"
    page.paragraph(f"At q1 = q2 = c = q {words}:")
    page.equation(sp.Function("K")(q, q, q), dual.diagonal)
    if dual.diagonal_slope is None:
        page.paragraph(
            "The slope is infinite there, because the activation jumps: the NTK does not exist on the diagonal."
        )
    else:
        page.equation(sp.Symbol("K'"), dual.diagonal_slope)


def _coefficients(page: Page, dual: SeriesSubject) -> None:
    page.heading("Coefficients")
    page.paragraph(
        "s and s' are tabulated once, as piecewise polynomials accurate to rounding. The coefficients are integrated "
        "over panels that end at every kink and jump, and interpolated in log(q), so that rows of different norms cost "
        "no more than rows of one."
    )
    page.paragraph(_decay(dual.activation))


def _decay(activation: Activation) -> str:
    try:
        breaks = activation.breaks
    except NoClosedForm:
        return (
            "Where s has kinks or jumps is not known; the table finds them by halving. At a kink of order r, where the "
            "r-th derivative jumps, the coefficients fall like k^(-r/2 - 3/4)."
        )
    if not breaks:
        return "No kinks or jumps are seen in the formula; the coefficients then fall faster than any power of k."
    told = ", ".join(f"`x = {formula_text(item.place)}`{_order(item)}" for item in breaks)
    exponent = decay_of(breaks)
    rate = "slowly" if exponent is None else f"like k^(-{exponent})"
    return f"Breaks of s: {told}. Because of them the coefficients fall only {rate}, too slowly for rho near 1 and -1."


def _order(item: Break) -> str:
    if item.order is None:
        return " (a kink)"
    return " (a jump)" if item.order == 0 else f" (derivative {item.order} jumps)"


def _accuracy(page: Page, dual: SeriesSubject) -> None:
    page.heading("Accuracy")
    variance = measured_variance(dual)
    if variance is None:
        page.paragraph("The series cannot be computed in float64 at any of the variances 1, 1/4, 1/16, ...")
        return
    page.paragraph(
        f"Measured at q = {variance:g}, the terms that leave out less than this, relative to the diagonal, in value "
        "and in slope:"
    )
    page.listing((_short(tolerance), _terms(dual, variance, tolerance)) for tolerance in TOLERANCES)
    page.paragraph(
        "The number grows with q. For a correlation beyond the stored terms' reach, "
        + ("the bound holds what they leave out." if dual.certified else "the expectation is integrated instead.")
    )
    value, slope = (float(bound(variance, variance)) for bound in (dual.error_bound, dual.slope_error_bound))
    words = f"`error_bound({variance:g}, {variance:g})` is {value:.1e}"
    words += f", `slope_error_bound` {slope:.1e}" if np.isfinite(slope) else ", `slope_error_bound` infinite"
    page.paragraph(
        f"{words}: bounds of |error| for every c, with truncation, coefficients and rounding. {_proof(dual)}"
    )


def _proof(dual: SeriesSubject) -> str:
    if dual.certified:
        return "They are proved by ball arithmetic."
    return (
        "They are computed in float64: the tail as E[s(U)^2] less the squares of the stored coefficients, the error of "
        "the coefficients at points between those that they were fitted at, each with a factor to spare. "
        "`derive(..., certify=True)` proves them."
    )


def _short(number: float) -> str:
    return f"{number:.0e}".replace("e-0", "e-")


def _terms(dual: SeriesSubject, variance: float, tolerance: float) -> str:
    try:
        expansion = dual.expand([variance], tolerance)
    except NtkSymError as refusal:
        return str(refusal)
    count, reach = expansion.coefficients.shape[1], float(expansion.limits[0, -1])
    last = expansion.offset + expansion.stride * (count - 1)
    kind = {(0, 1): "", (0, 2): " of even order", (1, 2): " of odd order"}[expansion.offset, expansion.stride]
    served = "every rho" if reach >= 1 else f"|rho| up to {reach:.4g}"
    return f"{count} terms{kind}, up to k = {last}, for {served}"
