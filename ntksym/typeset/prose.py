"""A dual explained: its activation, the derivation step by step, the result, where it holds, how it is checked."""

from collections.abc import Iterator

import sympy as sp

from ntksym.activation.catalogue import catalogue
from ntksym.symbols import c, q, q1, q2, x
from ntksym.typeset.formulas import activation_text, conditions_of, formula_latex, formula_text
from ntksym.typeset.page import Page
from ntksym.typeset.series_prose import conclude_series, motivate_series
from ntksym.typeset.subjects import FormulaSubject, SeriesSubject, Subject, is_series_subject

__all__ = ["RULES", "explain", "latex"]

LONGEST_VIEW = 400
"""Characters up to which a formula is also shown in other variables."""

RULES = {
    "N": "normal form: sums of powers, exponentials of quadratics, and gates (steps and normal distribution functions)",
    "F": "Fourier transform: the expectation becomes one under the inverse covariance",
    "Q": "complete the square: a Gaussian factor changes the covariance",
    "L": "shift the mean: an exponential factor moves it",
    "A": "a gate is an event: a linear function of U or V plus independent noise is positive",
    "S": "Stein's lemma: powers of U and V become covariances, the event's densities f and probabilities P",
    "B": "base cases: orthant probabilities and Gaussian densities",
    "C": "terms of equal form are collected",
    "M": "Mehler's formula: the density of (U, V) as a sum of products of Hermite polynomials",
    "O": "order: an even function has no odd coefficients, and an odd one no even ones",
    "P": "Price's theorem: the derivative in c is the expectation of the product of the derivatives",
    "T": "tail: Parseval's identity and the Cauchy-Schwarz inequality",
}

FUNCTIONS = {
    "NormalCDF": "`Phi` is the standard normal distribution function",
    "BivariateNormalCDF": "`Phi2(h, k; r) = P(X < h, Y < k)` for standard normals X, Y with correlation r",
}


def explain(dual: FormulaSubject | SeriesSubject, fmt: str = "text") -> str:
    """The derivation of a dual as something to read.

    Parameters
    ----------
    dual : ClosedDual or SeriesDual
        From `derive` or `cross_dual`.
    fmt : {"text", "markdown", "latex"}
        Plain text, Markdown with LaTeX formulas between dollar signs, or a LaTeX fragment for amsmath.

    Raises
    ------
    InvalidInput
        For another format.
    """
    page = Page(fmt)
    _introduce(page, dual)
    if is_series_subject(dual):
        motivate_series(page, dual)
        _derive(page, dual)
        conclude_series(page, dual)
    else:
        _derive(page, dual)
        _conclude(page, dual)
    return page.text()


def latex(dual: Subject) -> str:
    """Value and slope as display mathematics, for notebooks."""
    rows = [f"{formula_latex(_expectation(dual))} &= {formula_latex(dual.value)}"]
    rows.append(f"{formula_latex(sp.Derivative(_expectation(dual), c))} &= {formula_latex(dual.slope)}")
    return "$\\displaystyle \\begin{aligned} " + r" \\ ".join(rows) + r" \end{aligned}$"


def _is_cross(dual: Subject) -> bool:
    return bool(dual.activation != dual.partner)


def _expectation(dual: Subject) -> sp.Expr:
    return sp.Function("K")(q1, q2, c)


def _introduce(page: Page, dual: Subject) -> None:
    f, g = dual.activation, dual.partner
    names = f.name if not _is_cross(dual) else f"{f.name} and {g.name}"
    page.heading(f"Dual of {names}")
    for letter, activation in (("s", f),) if not _is_cross(dual) else (("f", f), ("g", g)):
        entry = catalogue.get(activation.source) if isinstance(activation.source, str) else None
        origin = f" ({entry.source})" if entry else ""
        page.paragraph(f"Activation `{letter}(x) = {activation_text(activation)}`{origin}:")
        page.equation(sp.Function(letter)(x), activation.expression)
        if activation.parameters:
            values = ", ".join(f"`{name} = {value}`" for name, value in activation.parameters)
            reach = "at these values" if dual.kind == "series" else "for every value that satisfies the conditions"
            page.paragraph(f"Parameters {values}; what follows holds {reach}.")
    product = "f(U) g(V)" if _is_cross(dual) else "s(U) s(V)"
    page.paragraph(
        f"Wanted: `K(q1, q2, c) = E[{product}]` for jointly Gaussian U and V with mean 0, variances q1 and q2 and "
        "covariance c."
    )


def _derive(page: Page, dual: Subject) -> None:
    page.heading("Derivation")
    for number, step in enumerate(dual.steps, start=1):
        page.paragraph(f"({number}) {step.rule}. {step.text[:1].upper()}{step.text[1:]}:")
        page.equation(step.lhs, step.rhs)
    used = {step.rule for step in dual.steps}
    page.paragraph("The letters name the rules:")
    page.listing((rule, meaning) for rule, meaning in RULES.items() if rule in used)


def _conclude(page: Page, dual: FormulaSubject) -> None:
    value = _expectation(dual)
    page.heading("Result")
    page.equation(value, dual.value)
    page.equation(sp.Derivative(value, c), dual.slope)
    if dual.kind == "integral":
        page.paragraph("This is closed up to one integral over a finite interval; its integrand is smooth.")
    for words, left, right in _other_views(dual):
        page.paragraph(words)
        page.equation(left, right)
    functions = {type(node).__name__ for node in sp.preorder_traversal(sp.Tuple(dual.value, dual.slope, dual.diagonal))}
    meanings = [meaning for name, meaning in FUNCTIONS.items() if name in functions]
    if meanings:
        page.paragraph("Here " + ", and ".join(meanings) + ".")
    page.heading("Diagonal")
    page.paragraph("At q1 = q2 = c = q:")
    page.equation(sp.Function("K")(q, q, q), dual.diagonal)
    if dual.diagonal_slope is None:
        page.paragraph(
            "The slope is infinite there, because the activation jumps: the NTK does not exist on the diagonal."
        )
    else:
        page.equation(sp.Symbol("K'"), dual.diagonal_slope)
    page.heading("Existence")
    conditions = conditions_of(dual)
    if conditions:
        page.paragraph("The formula holds where " + ", ".join(f"`{formula_text(item)}`" for item in conditions) + ".")
    else:
        page.paragraph("The expectation exists for all variances and covariances.")
    page.heading("Verification")
    page.paragraph(
        "`verify(dual)` compares value, slope and diagonal with numerical integration of the activation itself, which "
        "knows nothing of this derivation, to the digits asked for."
    )


def _other_views(dual: FormulaSubject) -> Iterator[tuple[str, sp.Expr, sp.Expr]]:
    limit = min(LONGEST_VIEW, len(formula_text(dual.value)) * 5 // 4)
    value, slope = dual.view("angle")
    if len(formula_text(value)) <= limit:
        words = "With standard deviations sigma1, sigma2 and correlation rho = cos(theta):"
        yield words, sp.Symbol("K"), value
        yield "and its derivative in c", sp.Symbol("K'"), slope
    value, slope = dual.view("sphere")
    if len(formula_text(value)) <= LONGEST_VIEW:
        yield "On the unit sphere, q1 = q2 = 1, c = rho:", sp.Symbol("K"), value
        yield "and its derivative in rho", sp.Symbol("K'"), slope
