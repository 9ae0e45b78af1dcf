"""Text to sympy through an allow-list over Python's syntax tree: nothing is evaluated, executed or guessed."""

import ast
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import sympy as sp

from ntksym.errors import InvalidInput
from ntksym.formula.bounds import MAX_DEPTH, BoundedBuilder
from ntksym.formula.calls import Definition, chosen_definition, parameter_values, word_arguments
from ntksym.formula.conditionals import CONDITIONS, connect, indicator, piecewise
from ntksym.formula.libraries import LAYERS
from ntksym.formula.names import dotted, refuse_call, unknown_name
from ntksym.formula.notation import Notation
from ntksym.formula.syntax import rational, syntax_tree
from ntksym.formula.vocabulary import CONSTANTS, REFUSED, WORDS, Word, fold, lookup
from ntksym.symbols import stand_ins, x

__all__ = ["parse"]

_NEEDS_ARGUMENTS = frozenset({"clip"})
"""Words that take one argument and say nothing with it."""
_UNPLACED = frozenset({"prelu"})
"""Activations whose layers take something else than their parameter in first place: the number of channels."""


def parse(
    text: str,
    values: Mapping[str, sp.Expr] | None = None,
    definitions: Mapping[str, Definition] | None = None,
    argument: str = "x",
) -> sp.Expr:
    """The sympy expression, in ``symbols.x`` and the declared parameters, that a formula stands for.

    Parameters
    ----------
    text : str
        Arithmetic in Python's notation or as people write it: numbers (decimals are exact), ``x``, parameters,
        ``+ - * / % ** ^``, comparisons, ``and or not``, ``a if condition else b``, and the functions of the vocabulary
        in any usual spelling. The name of a function alone, as in ``relu**2``, is that function of ``x``.
    values : mapping of str to number
        The declared parameters; one whose value is irrational, and one in the exponent of x, is replaced by its value.
    definitions : mapping of str to Definition
        Named activations that may be called like functions; keys are folded names.
    argument : str
        What ``x`` is called in the text.

    Raises
    ------
    InvalidInput
        The text is not such a formula, uses an unknown name, leaves a parameter unused, or would cost too much.
    """
    declared = dict(values or {})
    tree, notation = syntax_tree(text)
    symbols, numbers = stand_ins(declared)
    assembler = BoundedBuilder(numbers)
    reader = _Reader(notation, argument, {argument: x, **symbols}, assembler, definitions or {})
    expression = reader.formula(tree)
    unused = sorted(set(declared) - reader.used)
    if unused:
        raise InvalidInput(
            f"parameter {unused[0]!r} is declared but the formula does not use it; remove it", parameter=unused[0]
        )
    return expression


class _Reader:
    """Reads one syntax tree; ``environment`` maps the names of the formula to expressions, ``argument`` among them."""

    def __init__(
        self,
        notation: Notation,
        argument: str,
        environment: Mapping[str, sp.Expr],
        assembler: BoundedBuilder,
        definitions: Mapping[str, Definition],
        depth: int = 0,
    ) -> None:
        self.notation = notation
        self.argument = argument
        self.environment = environment
        self.assembler = assembler
        self.definitions = definitions
        self.depth = depth
        self.used: set[str] = set()

    def formula(self, node: ast.expr) -> sp.Expr:
        """The real-valued expression of the whole formula, which may not be a mere condition."""
        value = self._read(node)
        if isinstance(value, CONDITIONS):
            shown = self.notation.typed
            self._refuse(
                "a condition is not a formula; write 1 or 0"
                if value in (sp.true, sp.false)
                else f"a condition is not a formula; write where({shown}, 1, 0), or heaviside(x) for x > 0",
                node,
            )
        return value

    def number(self, node: ast.expr) -> sp.Expr:
        """The real-valued expression of a node; a condition counts as its indicator."""
        value = self._read(node)
        if isinstance(node, ast.Constant) and value in (sp.true, sp.false):
            self._refuse(f"{node.value!r} is a condition, not a number; write 1 or 0", node)
        return indicator(value) if isinstance(value, CONDITIONS) else value

    def condition(self, node: ast.expr) -> Any:
        """The condition of a node."""
        value = self._read(node)
        if not isinstance(value, CONDITIONS):
            self._refuse("a condition such as x > 0 is needed here", node)
        return value

    def _read(self, node: ast.expr) -> Any:
        rule = self._RULES.get(type(node))
        if rule is None:
            self._refuse(
                f"{type(node).__name__} is not part of a formula; use numbers, x, operators and functions", node
            )
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self._refuse(f"nested deeper than {MAX_DEPTH} levels; simplify the formula", node)
        try:
            return rule(self, node)
        except InvalidInput as error:
            if "position" in error.about:
                raise
            self._refuse(str(error), node, **error.about)
        finally:
            self.depth -= 1

    def _refuse(self, message: str, node: ast.expr, /, **about: object) -> NoReturn:
        self.notation.refuse(message, node.col_offset, **about)

    def _text(self, node: ast.expr) -> str:
        """What a node was read from, in Python's notation, shortened to the end of a line."""
        text = self.notation.python[node.col_offset : node.end_col_offset]
        text = f"({text})" if isinstance(node, ast.BinOp) else text
        return text if len(text) <= 40 else f"{text[:18]}...{text[-18:]}"

    def _constant(self, node: ast.Constant) -> Any:
        if isinstance(node.value, bool):
            return sp.true if node.value else sp.false
        if isinstance(node.value, complex):
            self._refuse(REFUSED["I"], node)
        if not isinstance(node.value, int | float):
            self._refuse(f"{node.value!r} is not a number", node)
        literal = self.notation.python[node.col_offset : node.end_col_offset]
        if isinstance(node.value, int):
            literal = str(node.value) if literal[:2].lower() in ("0x", "0b", "0o") else literal
        return rational(literal)

    def _name(self, node: ast.Name | ast.Attribute) -> sp.Expr:
        namespace, name = dotted(node)
        if not namespace and name in self.environment:
            self.used.add(name)
            return self.environment[name]
        if fold(name) in CONSTANTS:
            return CONSTANTS[fold(name)]
        return self._function(namespace, name, [], [])

    def _function(self, namespace: str, name: str, values: list[sp.Expr], keywords: list[ast.keyword]) -> sp.Expr:
        """The function of that name at the argument, with the parameters that are given."""
        word = lookup(name, namespace)
        known = [*self.environment, *(entry.name for entry in self.definitions.values())]
        if word is not None and not values and not keywords:
            if word.least > 1 or word.boolean or word.name in _NEEDS_ARGUMENTS:
                raise InvalidInput(
                    f"{name} is a function of more than x; write {name}({self.argument}, ...)", name=name
                )
            return self.assembler.call(word.build, [self.environment[self.argument]])
        definition, defaults, rest = chosen_definition(namespace, name, keywords, self.definitions)
        if definition is None or name in REFUSED:
            raise unknown_name(name, known)
        given = defaults | parameter_values(definition, values, rest, self.number)
        return self._defined(definition, self.environment[self.argument], given)

    def _sum(self, node: ast.expr) -> sp.Expr:
        """A chain of + and - of any length, read without recursion."""
        terms: list[sp.Expr] = []
        stack: list[tuple[ast.expr, int]] = [(node, 1)]
        while stack:
            current, sign = stack.pop()
            if isinstance(current, ast.BinOp) and isinstance(current.op, ast.Add | ast.Sub):
                stack.append((current.right, sign if isinstance(current.op, ast.Add) else -sign))
                stack.append((current.left, sign))
            elif isinstance(current, ast.UnaryOp) and isinstance(current.op, ast.UAdd | ast.USub):
                stack.append((current.operand, sign if isinstance(current.op, ast.UAdd) else -sign))
            else:
                value = self.number(current)
                terms.append(value if sign == 1 else self.assembler.multiply([sp.S.NegativeOne, value]))
        return self.assembler.add(terms) if len(terms) > 1 else terms[0]

    def _product(self, node: ast.expr) -> sp.Expr:
        factors: list[sp.Expr] = []
        stack: list[tuple[ast.expr, bool]] = [(node, False)]
        while stack:
            current, inverted = stack.pop()
            if isinstance(current, ast.BinOp) and isinstance(current.op, ast.Mult | ast.Div):
                stack.append((current.right, inverted != isinstance(current.op, ast.Div)))
                stack.append((current.left, inverted))
            else:
                value = self.number(current)
                factors.append(self.assembler.power(value, sp.S.NegativeOne) if inverted else value)
        return self.assembler.multiply(factors)

    def _binary(self, node: ast.BinOp) -> Any:
        match node.op:
            case ast.Add() | ast.Sub():
                return self._sum(node)
            case ast.Mult() | ast.Div():
                return self._product(node)
            case ast.Pow():
                return self.assembler.power(self.number(node.left), self.number(node.right))
            case ast.Mod():
                return self.assembler.call(WORDS["mod"].build, [self.number(node.left), self.number(node.right)])
            case ast.FloorDiv():
                inverse = self.assembler.power(self.number(node.right), sp.S.NegativeOne)
                return sp.floor(self.assembler.multiply([self.number(node.left), inverse]))
            case ast.BitAnd() | ast.BitOr():
                return self._connected(node)
        self._refuse(f"the operator {type(node.op).__name__} is not part of a formula; use + - * / % **", node)

    def _connected(self, node: ast.BinOp) -> Any:
        sides = [self._read(node.left), self._read(node.right)]
        if not all(isinstance(side, CONDITIONS) for side in sides):
            self._refuse("& and | connect conditions and bind before <; write and, or, or (x > 0) | (x < -1)", node)
        return self.assembler.check(connect(sp.And if isinstance(node.op, ast.BitAnd) else sp.Or, *sides))

    def _unary(self, node: ast.UnaryOp) -> Any:
        if isinstance(node.op, ast.Not | ast.Invert):
            return sp.Not(self.condition(node.operand))
        return self._sum(node)

    def _boolean(self, node: ast.BoolOp) -> Any:
        connective = sp.And if isinstance(node.op, ast.And) else sp.Or
        return self.assembler.check(connect(connective, *(self.condition(value) for value in node.values)))

    def _compare(self, node: ast.Compare) -> Any:
        numbers = [self.number(node.left), *(self.number(item) for item in node.comparators)]
        relations = []
        for left, operator, right in zip(numbers, node.ops, numbers[1:], strict=False):
            name = {ast.Lt: "Lt", ast.LtE: "Le", ast.Gt: "Gt", ast.GtE: "Ge", ast.Eq: "Eq", ast.NotEq: "Ne"}.get(
                type(operator)
            )
            if name is None:
                self._refuse("only the comparisons < <= > >= == != are accepted", node)
            relations.append(WORDS[fold(name)].build(left, right))
        return self.assembler.check(connect(sp.And, *relations))

    def _conditional(self, node: ast.IfExp) -> sp.Expr:
        pairs = [(self.number(node.body), self.condition(node.test)), (self.number(node.orelse), sp.true)]
        return self.assembler.check(piecewise(pairs))

    def _call(self, node: ast.Call) -> Any:
        if isinstance(node.func, ast.Call) and len(node.args) == 1 and not node.keywords:
            return self._call_layer(node.func, node.args[0])
        if not isinstance(node.func, ast.Name | ast.Attribute):
            raise refuse_call(self._text(node.func))
        namespace, name = dotted(node.func)
        if fold(name) == "piecewise":
            return self._piecewise(node)
        if (not namespace and name in self.environment) or fold(name) in CONSTANTS:
            raise refuse_call(name)
        if not node.args:
            return self._function(namespace, name, [], node.keywords)
        word = None if name in REFUSED else lookup(name, namespace)
        if word is not None:
            return self._call_word(word, name, node)
        definition, defaults, keywords = chosen_definition(namespace, name, node.keywords, self.definitions)
        if definition is None or name in REFUSED:
            raise unknown_name(name, [*self.environment, *(entry.name for entry in self.definitions.values())])
        values = [self.number(argument) for argument in node.args]
        if namespace in LAYERS and name[0].isupper() and not any(value.has(x) for value in values):
            return self._function(namespace, name, self._layer_parameters(name, values), node.keywords)
        given = defaults | parameter_values(definition, values[1:], keywords, self.number)
        return self._defined(definition, values[0], given)

    def _call_layer(self, layer: ast.Call, argument: ast.expr) -> sp.Expr:
        """``nn.ELU(0.5)(x)``: what the first parentheses hold are parameters."""
        if not isinstance(layer.func, ast.Name | ast.Attribute):
            raise refuse_call(self._text(layer))
        namespace, name = dotted(layer.func)
        if not (namespace in LAYERS and name[0].isupper()) and (layer.args or lookup(name, namespace) is None):
            raise refuse_call(self._text(layer))
        inner = _Reader(
            self.notation,
            self.argument,
            {**self.environment, self.argument: self.number(argument)},
            self.assembler,
            self.definitions,
            self.depth,
        )
        inner.used = self.used
        values = self._layer_parameters(name, [self.number(value) for value in layer.args])
        return inner._function(namespace, name, values, layer.keywords)

    def _layer_parameters(self, name: str, values: list[sp.Expr]) -> list[sp.Expr]:
        if values and fold(name) in _UNPLACED:
            raise InvalidInput(
                f"the first argument of {name} is a number of channels; write {name.lower()}(x, 0.25)", name=name
            )
        return values

    def _call_word(self, word: Word, name: str, node: ast.Call) -> Any:
        arguments = word_arguments(word, name, node, self.number, self.condition)
        if word.name == "pow":
            return self.assembler.power(arguments[0], arguments[1])
        return self.assembler.call(word.build, arguments)

    def _defined(self, definition: Definition, value: sp.Expr, given: Mapping[str, Any]) -> sp.Expr:
        """A named activation at ``value``."""
        bound: dict[str, sp.Expr] = {key: rational(text) for key, text in definition.parameters.items()}
        bound.update({key: rational(item) if isinstance(item, str) else item for key, item in given.items()})
        body, notation = syntax_tree(definition.expression)
        inner = _Reader(notation, "x", {"x": value, **bound}, self.assembler, self.definitions, self.depth)
        try:
            return inner.number(body)
        except InvalidInput as error:
            raise InvalidInput(f"in {definition.name}: {error}", name=definition.name) from None

    def _piecewise(self, node: ast.Call) -> sp.Expr:
        pairs = []
        for argument in node.args:
            if not (isinstance(argument, ast.Tuple) and len(argument.elts) == 2):
                self._refuse("Piecewise takes pairs (value, condition)", argument)
            pairs.append((self.number(argument.elts[0]), self.condition(argument.elts[1])))
        if not pairs or node.keywords:
            self._refuse("Piecewise takes pairs (value, condition) and no keywords", node)
        return self.assembler.check(piecewise(pairs))

    _RULES: Mapping[type[ast.expr], Callable[..., Any]] = {
        ast.Constant: _constant,
        ast.Name: _name,
        ast.Attribute: _name,
        ast.BinOp: _binary,
        ast.UnaryOp: _unary,
        ast.BoolOp: _boolean,
        ast.Compare: _compare,
        ast.IfExp: _conditional,
        ast.Call: _call,
    }
