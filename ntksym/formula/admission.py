"""Sympy expressions given directly: the same allow-list and bounds as for text, and our own symbols."""

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp
from sympy.core.relational import Relational
from sympy.logic.boolalg import ITE, And, BooleanFalse, BooleanTrue, Not, Or

from ntksym.errors import InvalidInput
from ntksym.formula.bounds import MAX_DEPTH, BoundedBuilder
from ntksym.formula.conditionals import CONDITIONS, compare, connect, indicator, piecewise
from ntksym.formula.vocabulary import HEADS
from ntksym.symbols import parameter, x

__all__ = ["check_expression"]


def check_expression(
    expression: sp.Basic, values: Mapping[str, sp.Rational] | None = None, argument: str = "x"
) -> sp.Expr:
    """The same expression in ``symbols.x`` and the declared parameters, after the checks that text undergoes.

    Parameters
    ----------
    expression : sympy expression
        A symbol named ``x``, or as ``argument`` says, whatever its assumptions, is the argument; every other one must
        be a declared parameter.
    values : mapping of str to Rational
        The declared parameters; a parameter in the exponent of x is replaced by its value.
    argument : str
        What ``x`` is called in the expression.

    Raises
    ------
    InvalidInput
        The expression has an undeclared symbol or an unknown function, is not real, or would cost too much.
    """
    declared = dict(values or {})
    symbols = {name: parameter(name, value) for name, value in declared.items()}
    assembler = BoundedBuilder({symbols[name]: value for name, value in declared.items()})
    assembler.check_size(expression)
    if assembler.depth(expression) > 2 * MAX_DEPTH:
        raise InvalidInput(f"the expression is nested deeper than {2 * MAX_DEPTH} levels; simplify it")
    names = {str(symbol) for symbol in expression.free_symbols}
    unknown = sorted(names - set(declared) - {argument})
    if unknown:
        raise InvalidInput(
            f"the expression contains {unknown[0]!r}, which is neither {argument} nor a declared parameter; "
            f"give its value, {unknown[0]}=..., or rename the argument to {argument}",
            symbol=unknown[0],
        )
    unused = sorted(set(declared) - names)
    if unused:
        raise InvalidInput(f"parameter {unused[0]!r} is declared but the expression does not use it; remove it")
    result = _Rebuilder({argument: x, **symbols}, assembler).rebuild(expression)
    return indicator(result) if isinstance(result, CONDITIONS) else result


class _Rebuilder:
    """Builds the expression anew, from the leaves, through the assembler."""

    def __init__(self, environment: Mapping[str, sp.Expr], assembler: BoundedBuilder) -> None:
        self.environment = environment
        self.assembler = assembler
        self.done: dict[Any, Any] = {}

    def rebuild(self, node: Any) -> Any:
        """The node in our symbols."""
        if node not in self.done:
            self.done[node] = self._build(node)
        return self.done[node]

    def _build(self, node: Any) -> Any:
        if isinstance(node, sp.Symbol):
            return self.environment[node.name]
        if isinstance(node, sp.Float):
            return sp.Rational(str(node))
        if isinstance(node, sp.Rational | BooleanTrue | BooleanFalse) or node in (sp.pi, sp.E):
            return self.assembler.check(node)
        if isinstance(node, sp.Piecewise):
            return self.assembler.check(
                piecewise([(self.rebuild(value), self.rebuild(test)) for value, test in node.args])
            )
        arguments = [self.rebuild(argument) for argument in node.args]
        if isinstance(node, Relational):
            return self.assembler.check(compare(node.func, *arguments))
        if isinstance(node, ITE):
            test, first, second = arguments
            return self.assembler.check(connect(Or, connect(And, test, first), connect(And, Not(test), second)))
        if isinstance(node, sp.Pow):
            return self.assembler.power(*arguments)
        if isinstance(node, And | Or):
            return self.assembler.check(connect(node.func, *arguments))
        build: Callable[..., Any] | None = HEADS.get(type(node).__name__)
        if isinstance(node, sp.Add | sp.Mul | Not):
            build = node.func
        if build is None and not node.args:
            raise InvalidInput(f"{node} is not a finite real number; an activation has real values", symbol=str(node))
        if build is None:
            raise InvalidInput(
                f"{type(node).__name__} is not a function an activation may use; rewrite it with elementary functions",
                function=type(node).__name__,
            )
        return self.assembler.call(build, arguments)
