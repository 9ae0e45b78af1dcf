"""A dual explained: its activation, the derivation step by step, the result, where it holds, how it is checked."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from textwrap import fill
from typing import Any

import sympy as sp

from ntksym.catalogue import catalogue
from ntksym.errors import InvalidInput
from ntksym.symbols import c, q, q1, q2, x
from ntksym.typeset.formulas import activation_text, conditions_of, formula_latex, formula_text, positive_first

__all__ = ["FORMATS", "explain", "latex"]

FORMATS = ("text", "markdown", "latex")

WIDTH = 110

LONGEST_VIEW = 400
"""Characters up to which a formula is also shown in other variables."""

LONGEST_LINE = 160
"""Characters of LaTeX from which a sum is set on several lines."""

RULES = {
    "N": "normal form: sums of powers, exponentials of quadratics, and gates (steps and normal distribution functions)",
    "F": "Fourier transform: the expectation becomes one under the inverse covariance",
    "Q": "complete the square: a Gaussian factor changes the covariance",
    "L": "shift the mean: an exponential factor moves it",
    "A": "a gate is an event: a linear function of U or V plus independent noise is positive",
    "S": "Stein's lemma: powers of U and V become covariances, the event's densities f and probabilities P",
    "B": "base cases: orthant probabilities and Gaussian densities",
    "C": "terms of equal form are collected",
    "P": "Price's theorem: the derivative in c is the expectation of the product of the derivatives",
}


FUNCTIONS = {
    "NormalCDF": "`Phi` is the standard normal distribution function",
    "BivariateNormalCDF": "`Phi2(h, k; r) = P(X < h, Y < k)` for standard normals X, Y with correlation r",
}


def explain(dual: Any, fmt: str = "text") -> str:
    """The derivation of a dual as something to read.

    Parameters
    ----------
    dual : ClosedDual
        From `derive` or `cross_dual`.
    fmt : {"text", "markdown", "latex"}
        Plain text, Markdown with LaTeX formulas between dollar signs, or a LaTeX fragment for amsmath.

    Raises
    ------
    InvalidInput
        For another format.
    """
    if fmt not in FORMATS:
        raise InvalidInput(f"unknown format {fmt!r}: choose one of {', '.join(FORMATS)}")
    page = _Page(fmt)
    _introduce(page, dual)
    _derive(page, dual)
    _conclude(page, dual)
    return page.text()


def latex(dual: Any) -> str:
    """Value and slope as display mathematics, for notebooks."""
    rows = [f"{formula_latex(_expectation(dual))} &= {formula_latex(dual.value)}"]
    rows.append(f"{formula_latex(sp.Derivative(_expectation(dual), c))} &= {formula_latex(dual.slope)}")
    return "$\\displaystyle \\begin{aligned} " + r" \\ ".join(rows) + r" \end{aligned}$"


@dataclass
class _Page:
    """Headings, paragraphs and formulas in one of the formats."""

    fmt: str
    blocks: list[str] = field(default_factory=list)

    def heading(self, text: str) -> None:
        plain = f"{text}\n{'-' * len(text)}"
        self.blocks.append(
            {"text": plain, "markdown": f"## {text}", "latex": rf"\subsection*{{{_escape(text)}}}"}[self.fmt]
        )

    def paragraph(self, text: str) -> None:
        """Words; formulas in them stand between backticks, in sympy's notation."""
        if self.fmt == "latex":
            parts = re.split(r"`(.*?)`", text)
            text = "".join(rf"\texttt{{{_escape(p)}}}" if i % 2 else _escape(p) for i, p in enumerate(parts))
        elif self.fmt == "text":
            text = fill(text.replace("`", ""), WIDTH, break_long_words=False, break_on_hyphens=False)
        self.blocks.append(text)

    def listing(self, items: Iterable[tuple[str, str]]) -> None:
        """Names and what they mean."""
        if self.fmt == "latex":
            lines = [rf"\item[{name}] {_escape(text)}" for name, text in items]
            self.blocks.append("\n".join([r"\begin{description}", *lines, r"\end{description}"]))
        else:
            self.blocks.append("\n".join(f"- {name}: {text}" for name, text in items))

    def equation(self, left: sp.Basic, right: sp.Basic) -> None:
        if self.fmt == "text":
            line = f"    {formula_text(left)} = {formula_text(right)}"
            self.blocks.append(line if len(line) <= WIDTH else f"    {formula_text(left)} =\n{_broken(right)}")
            return
        body = _aligned(formula_latex(left), right)
        pair = ("$$\n", "\n$$") if self.fmt == "markdown" else ("\\begin{equation*}\n", "\n\\end{equation*}")
        self.blocks.append(body.join(pair))

    def text(self) -> str:
        return "\n\n".join(self.blocks) + "\n"


def _aligned(left: str, right: sp.Basic) -> str:
    """A long sum with one term a line."""
    whole = formula_latex(right)
    if len(whole) <= LONGEST_LINE or not right.is_Add:
        return f"{left} = {whole}"
    first, *rest = [formula_latex(term) for term in positive_first(right.as_ordered_terms())]
    lines = [rf"{left} ={{}}& {first}"]
    lines += [rf"&{{}}{text if text.startswith('-') else '+ ' + text}" for text in rest]
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


def _broken(right: sp.Basic) -> str:
    terms = [formula_text(term) for term in positive_first(right.as_ordered_terms())] if right.is_Add else []
    first, *rest = terms or [formula_text(right)]
    signed = [f"- {text[1:]}" if text.startswith("-") else f"+ {text}" for text in rest]
    return "\n".join(f"        {text}" for text in (first, *signed))


def _escape(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"}
    return re.sub(r"[\\^~&%$#_{}]", lambda match: special.get(match.group(), "\\" + match.group()), text)


def _is_cross(dual: Any) -> bool:
    return bool(dual.activation != dual.partner)


def _expectation(dual: Any) -> sp.Expr:
    return sp.Function("K")(q1, q2, c)


def _introduce(page: _Page, dual: Any) -> None:
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
            page.paragraph(
                f"Parameters {values}; the formulas below hold for every value that satisfies the conditions."
            )
    product = "f(U) g(V)" if _is_cross(dual) else "s(U) s(V)"
    page.paragraph(
        f"Wanted: `K(q1, q2, c) = E[{product}]` for jointly Gaussian U and V with mean 0, variances q1 and q2 and "
        "covariance c."
    )


def _derive(page: _Page, dual: Any) -> None:
    page.heading("Derivation")
    for number, step in enumerate(dual.steps, start=1):
        page.paragraph(f"({number}) {step.rule}. {step.text[:1].upper()}{step.text[1:]}:")
        page.equation(step.lhs, step.rhs)
    used = {step.rule for step in dual.steps}
    page.paragraph("The letters name the rules:")
    page.listing((rule, meaning) for rule, meaning in RULES.items() if rule in used)


def _conclude(page: _Page, dual: Any) -> None:
    value = _expectation(dual)
    page.heading("Result")
    page.equation(value, dual.value)
    page.equation(sp.Derivative(value, c), dual.slope)
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


def _other_views(dual: Any) -> Iterator[tuple[str, sp.Expr, sp.Expr]]:
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
