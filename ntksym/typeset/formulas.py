"""sympy expressions as people write them: q1*q2 - c**2 rather than -c**2 + q1*q2, in text and in LaTeX."""

import re
from typing import Any

import sympy as sp
from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

from ntksym.activation.activation import Activation
from ntksym.activation.catalogue import catalogue
from ntksym.typeset.subjects import Subject

__all__ = ["activation_text", "conditions_of", "formula_latex", "formula_text", "positive_first"]


def positive_first(terms: list[Any]) -> list[Any]:
    """The terms of a sum, those with a minus sign last, otherwise in the order given."""
    return sorted(terms, key=lambda term: bool(term.could_extract_minus_sign()))


WORD = re.compile(r"[A-Za-z]{2,}|[A-Za-z]+_\w+")
"""A name of several letters, which LaTeX would set as a product."""


class _Text(StrPrinter):
    def _as_ordered_terms(self, expr: sp.Expr, order: Any = None) -> list[Any]:
        return positive_first(super()._as_ordered_terms(expr, order=order))

    def _print_Function(self, expr: sp.Expr) -> str:
        name, arguments = expr.func.__name__, [self._print(argument) for argument in expr.args]
        if name == "P":
            return "P(" + ", ".join(f"{event} > 0" for event in arguments) + ")"
        if name == "f" and expr.args[0].name.startswith("L"):
            return f"f(0; {', '.join(arguments)})"
        return f"{name}({', '.join(arguments)})"

    def _print_Heaviside(self, expr: sp.Expr) -> str:
        return f"[{self._print(expr.args[0])} > 0]"

    def _print_Derivative(self, expr: sp.Derivative) -> str:
        return f"d/d{self._print(expr.variables[0])} {self._print(expr.expr)}"


class _Latex(LatexPrinter):
    def _as_ordered_terms(self, expr: sp.Expr, order: Any = None) -> list[Any]:
        return positive_first(super()._as_ordered_terms(expr, order=order))

    def _print_Function(self, expr: sp.Expr, exp: str | None = None) -> str:
        name, arguments = expr.func.__name__, ", ".join(self._print(argument) for argument in expr.args)
        if name == "P":
            text = rf"\mathbb{{P}}\left({arguments.replace(',', ' > 0,')} > 0\right)"
        elif name == "f" and expr.args[0].name.startswith("L"):
            text = rf"f_{{{arguments}}}(0)"
        elif name in ("a", "h") and len(expr.args) == 2:
            text = rf"{name}_{{{self._print(expr.args[0])}}}({self._print(expr.args[1])})"
        elif name == "s'":
            text = rf"s'({arguments})"
        else:
            return str(super()._print_Function(expr, exp))
        return text if exp is None else f"{text}^{{{exp}}}"

    def _print_Symbol(self, expr: sp.Symbol, style: str = "plain") -> str:
        text = str(super()._print_Symbol(expr))
        if WORD.fullmatch(expr.name) and not text.startswith("\\"):
            escaped = expr.name.replace("_", r"\_")
            return rf"\mathrm{{{escaped}}}"
        return text

    def _print_Heaviside(self, expr: sp.Expr, exp: str | None = None) -> str:
        text = rf"\mathbf{{1}}_{{\{{{self._print(expr.args[0])} > 0\}}}}"
        return text if exp is None else f"{text}^{{{exp}}}"


def formula_text(expression: sp.Basic) -> str:
    """One line of plain text."""
    return str(_Text().doprint(expression))


def formula_latex(expression: sp.Expr) -> str:
    """LaTeX for math mode."""
    return str(_Latex({"inv_trig_style": "full"}).doprint(expression))


def activation_text(activation: Activation) -> str:
    """The formula as it was given: the catalogue's, the user's text, or the sympy expression."""
    source = activation.source
    if not isinstance(source, str):
        return formula_text(activation.expression)
    return catalogue[source].expression if source in catalogue else source


def conditions_of(dual: Subject) -> list[sp.Basic]:
    """What the formula of a dual needs to hold: signs and orders of its parameters, and covariances in its domain."""
    conditions: list[sp.Basic] = []
    for activation in (dual.activation, dual.partner):
        for symbol in activation.values:
            if symbol.is_positive or symbol.is_negative:
                relation = sp.Gt if symbol.is_positive else sp.Lt
                conditions.append(relation(symbol, 0, evaluate=False))
        conditions += activation.pieces.conditions
    conditions += [sp.Gt(expression, 0, evaluate=False) for expression in dual.pair_domain]
    return list(dict.fromkeys(conditions))
