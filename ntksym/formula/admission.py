"""Sympy expressions given directly pass the same allow-list and bounds as text, and are put into our own symbols."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import sympy as sp
from sympy.core.function import FunctionClass
from sympy.core.relational import Relational
from sympy.logic.boolalg import ITE, And, BooleanFalse, BooleanTrue, Not, Or

from ntksym.errors import InvalidInput
from ntksym.formula.bounds import MAX_DEPTH, BoundedBuilder
from ntksym.formula.conditionals import CONDITIONS, compare, connect, indicator, piecewise
from ntksym.formula.vocabulary import HEADS
from ntksym.symbols import stand_ins, x

__all__ = ["check_expression", "in_x", "variable_name"]


def in_x(formula: object, declared: Collection[str] = ()) -> object:
    """What sympy offers as a function of one variable, as an expression in a symbol named x.

    An expression whose one symbol that is no declared parameter is called z, ``Lambda(z, z**2)`` and ``sympy.tanh`` are
    rewritten; everything else is returned as it is.

    Raises
    ------
    InvalidInput
        The function has more than one variable, or x would mean two things.
    """
    x_plain = sp.Symbol("x")
    if isinstance(formula, sp.Lambda):
        if len(formula.variables) != 1:
            raise InvalidInput(
                f"{formula} has {len(formula.variables)} variables; an activation has one, declare the others",
                function=formula,
            )
        BoundedBuilder({}).check_size(formula.expr)
        if "x" in {symbol.name for symbol in formula.free_symbols}:
            raise InvalidInput(f"{formula} calls a parameter x; call it otherwise and give its value", function=formula)
        return formula.expr.xreplace({formula.variables[0]: x_plain})
    if isinstance(formula, FunctionClass):
        if not (isinstance(formula.nargs, sp.FiniteSet) and 1 in formula.nargs):
            raise InvalidInput(f"{formula} is no function of one variable; write {formula}(x, ...)", function=formula)
        return formula(x_plain)
    if isinstance(formula, sp.Expr) and formula.free_symbols:
        BoundedBuilder({}).check_size(formula)
        name = variable_name(formula, declared)
        if name not in ("x", None):
            return formula.xreplace({symbol: x_plain for symbol in formula.free_symbols if symbol.name == name})
    return formula


def variable_name(expression: sp.Basic, declared: Collection[str], argument: str = "x") -> str | None:
    """The name of the one symbol that is no declared parameter; None for a constant.

    Raises
    ------
    InvalidInput
        There are several.
    """
    unknown = sorted({symbol.name for symbol in expression.free_symbols} - set(declared))
    if len(unknown) > 1 and argument in unknown:
        name = next(name for name in unknown if name != argument)
        raise InvalidInput(
            f"the expression contains {name!r}, which is neither {argument} nor a declared parameter; "
            f"give its value, {name}=...",
            symbol=name,
            symbols=unknown,
        )
    if len(unknown) > 1:
        raise InvalidInput(
            f"which of {', '.join(unknown)} is the variable? Give the values of the others, {unknown[0]}=..., "
            f"or call the variable {argument}",
            symbols=unknown,
        )
    return unknown[0] if unknown else None


def check_expression(expression: sp.Basic, values: Mapping[str, sp.Expr] | None = None, argument: str = "x") -> sp.Expr:
    """The same expression in ``symbols.x`` and the declared parameters, after the checks that text undergoes.

    Parameters
    ----------
    expression : sympy expression
        The one symbol that is no declared parameter, whatever its name and assumptions, is the argument.
    values : mapping of str to number
        The declared parameters; one whose value is irrational, and one in the exponent of x, is replaced by its value.
    argument : str
        What the argument is usually called, for messages.

    Raises
    ------
    InvalidInput
        The expression has an undeclared symbol or an unknown function, is not real, or would cost too much.
    """
    declared = dict(values or {})
    symbols, numbers = stand_ins(declared)
    assembler = BoundedBuilder(numbers)
    assembler.check_size(expression)
    if assembler.depth(expression) > 2 * MAX_DEPTH:
        raise InvalidInput(
            f"the expression is nested deeper than {2 * MAX_DEPTH} levels; simplify it", expression=expression
        )
    name = variable_name(expression, declared, argument)
    names = {symbol.name for symbol in expression.free_symbols}
    unused = sorted(set(declared) - names)
    if unused:
        raise InvalidInput(
            f"parameter {unused[0]!r} is declared but the expression does not use it; remove it", parameter=unused[0]
        )
    result = _Rebuilder({name or argument: x, **symbols}, assembler).rebuild(expression)
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
