"""A cross dual by series explained: why it is a series, what its terms are, and how wrong it may be."""

from typing import Any

import sympy as sp

from ntksym.errors import NtkSymError
from ntksym.typeset.page import Page

__all__ = ["explain_cross_series"]


def explain_cross_series(dual: Any, fmt: str = "text") -> str:
    """The derivation of a cross dual as something to read.

    Parameters
    ----------
    dual : CrossSeries
        From `cross_dual`.
    fmt : {"text", "markdown", "latex"}
        Plain text, Markdown with LaTeX formulas between dollar signs, or a LaTeX fragment for amsmath.

    Raises
    ------
    InvalidInput
        For another format.
    """
    page = Page(fmt)
    page.heading("Cross dual by a Hermite series")
    page.paragraph(
        f"K(q1, q2, c) = E[f(U) g(V)] with f = `{dual.activation.name}` and g = `{dual.partner.name}`, U and V jointly "
        "Gaussian with variances q1, q2 and covariance c."
    )
    if dual.reason is not None:
        page.paragraph(f"There is no closed form: {dual.reason}.")
    page.paragraph(
        "With a(k, q) = E[f(sqrt(q) Z) h_k(Z)] and b(k, q) = E[g(sqrt(q) Z) h_k(Z)], h_k the normalised Hermite "
        "polynomials, Mehler's formula gives value and slope:"
    )
    page.equation(sp.Symbol("K"), dual.value)
    page.equation(sp.Symbol("dK/dc"), dual.slope)
    page.paragraph(
        "By Parseval and Cauchy-Schwarz the terms from N on add at most |rho|^N times the root of the product of the "
        "two tails, E[f(U)^2] - sum a(k, q1)^2 and E[g(V)^2] - sum b(k, q2)^2. Pairs so near |rho| = 1 that the stored "
        "terms leave out too much are integrated."
    )
    try:
        bound, of_slope = dual.error_bound(1, 1), dual.slope_error_bound(1, 1)
    except NtkSymError as error:
        page.paragraph(f"At q1 = q2 = 1 there are no numbers: {error}.")
    else:
        page.paragraph(f"At q1 = q2 = 1 the error of the value is at most {bound:.1e}, of the slope {of_slope:.1e}.")
    return page.text()
