"""Text or a sympy expression to an admitted expression in x: one allow-list, one set of bounds, nothing executed."""

from ntksym.parsing.admission import check_expression
from ntksym.parsing.grammar import Definition, parse
from ntksym.parsing.syntax import rational

__all__ = ["Definition", "check_expression", "parse", "rational"]
