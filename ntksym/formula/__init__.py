"""Formulas: text or sympy expressions admitted by one allow-list and one set of bounds, and numbers from them."""

from ntksym.formula.admission import check_expression, in_x
from ntksym.formula.calls import Definition
from ntksym.formula.evaluation import compile_mpmath, compile_numpy
from ntksym.formula.grammar import parse
from ntksym.formula.syntax import rational

__all__ = ["Definition", "check_expression", "compile_mpmath", "compile_numpy", "in_x", "parse", "rational"]
