"""Text to sympy through an allow-list over Python's syntax tree: nothing is evaluated, executed or guessed."""

import ast
import difflib
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, Protocol

import sympy as sp

from ntksym.errors import InvalidInput
from ntksym.formula.bounds import MAX_DEPTH, BoundedBuilder
from ntksym.formula.conditionals import CONDITIONS, connect, indicator, piecewise
from ntksym.formula.syntax import one_line, rational, refuse, syntax_tree
from ntksym.formula.vocabulary import CONSTANTS, NAMESPACES, REFUSED, SPELLINGS, WORDS, Word, fold, lookup
from ntksym.symbols import parameter, x

__all__ = ["Definition", "parse"]


class Definition(Protocol):
    """A named activation that a formula may call: its text in ``x`` and its parameters' default values as text."""

    @property
    def name(self) -> str:
        """The usual spelling."""

    @property
    def expression(self) -> str:
        """The formula."""

    @property
    def parameters(self) -> Mapping[str, str]:
        """Parameter name -> default value as text, in the order of positional arguments."""

    @property
    def keywords(self) -> Mapping[str, str]:
        """Other names of the parameters -> the name used in the formula."""


def parse(
    text: str,
    values: Mapping[str, sp.Rational] | None = None,
    definitions: Mapping[str, Definition] | None = None,
    argument: str = "x",
) -> sp.Expr:
    """The sympy expression, in ``symbols.x`` and the declared parameters, that a formula stands for.

    Parameters
    ----------
    text : str
        Arithmetic in Python's notation: numbers (decimals are exact), ``x``, parameters, ``+ - * / **``, comparisons,
        ``and or not``, ``a if condition else b``, and the functions of the vocabulary in any usual spelling.
    values : mapping of str to Rational
        The declared parameters; a parameter in the exponent of x is replaced by its value.
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
    tree = syntax_tree(text)
    symbols = {name: parameter(name, value) for name, value in declared.items()}
    assembler = BoundedBuilder({symbols[name]: value for name, value in declared.items()})
    reader = _Reader(one_line(text), {argument: x, **symbols}, assembler, definitions or {})
    expression = reader.number(tree.body)
    unused = sorted(set(declared) - reader.used)
    if unused:
        raise InvalidInput(
            f"parameter {unused[0]!r} is declared but the formula does not use it; remove it", parameter=unused[0]
        )
    return expression


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


class _Reader:
    """Reads one syntax tree; ``environment`` maps the names of the formula to expressions."""

    def __init__(
        self,
        text: str,
        environment: Mapping[str, sp.Expr],
        assembler: BoundedBuilder,
        definitions: Mapping[str, Definition],
        depth: int = 0,
    ) -> None:
        self.text = text
        self.environment = environment
        self.assembler = assembler
        self.definitions = definitions
        self.depth = depth
        self.used: set[str] = set()

    def number(self, node: ast.expr) -> sp.Expr:
        """The real-valued expression of a node; a condition counts as its indicator."""
        value = self._read(node)
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
            self._refuse(str(error), node)
        finally:
            self.depth -= 1

    def _refuse(self, message: str, node: ast.expr, **about: object) -> NoReturn:
        refuse(message, self.text, node.col_offset, **about)

    def _constant(self, node: ast.Constant) -> Any:
        if isinstance(node.value, bool):
            return sp.true if node.value else sp.false
        if isinstance(node.value, complex):
            self._refuse(REFUSED["I"], node)
        if not isinstance(node.value, int | float):
            self._refuse(f"{node.value!r} is not a number", node)
        literal = self.text[node.col_offset : node.end_col_offset]
        if isinstance(node.value, int):
            literal = str(node.value) if literal[:2].lower() in ("0x", "0b", "0o") else literal
        return rational(literal)

    def _name(self, node: ast.Name) -> sp.Expr:
        return self._resolve(node.id, node)

    def _resolve(self, name: str, node: ast.expr) -> sp.Expr:
        if name in self.environment:
            self.used.add(name)
            return self.environment[name]
        if fold(name) in CONSTANTS:
            return CONSTANTS[fold(name)]
        self._refuse_name(name, node)

    def _attribute(self, node: ast.Attribute) -> sp.Expr:
        namespace, name = self._dotted(node)
        if namespace in NAMESPACES and fold(name) in CONSTANTS:
            return CONSTANTS[fold(name)]
        self._refuse_name(name, node)

    def _dotted(self, node: ast.expr) -> tuple[str, str]:
        parts: list[str] = []
        current = node
        while isinstance(current, ast.Attribute):
            parts.append(current.attr)
            current = current.value
        if not isinstance(current, ast.Name):
            self._refuse("only plain functions such as abs(x) can be called, not methods", node)
        namespace = ".".join([current.id, *reversed(parts[1:])]) if parts else ""
        name = parts[0] if parts else current.id
        if namespace and namespace not in NAMESPACES:
            self._refuse(f"{namespace!r} is not a known prefix; write {name}(...) alone", node)
        return namespace, name

    def _refuse_name(self, name: str, node: ast.expr) -> NoReturn:
        reason = REFUSED.get(name) or REFUSED.get(fold(name))
        if reason:
            self._refuse(f"{name!r}: {reason}", node, name=name)
        if name == "X":
            self._refuse("unknown name 'X'; the argument is the lower-case x", node, name=name)
        if lookup(name) or fold(name) in self.definitions:
            self._refuse(f"{name!r} is a function; write {name}(x)", node, name=name)
        names = [*self.environment, *CONSTANTS, *SPELLINGS, *(entry.name for entry in self.definitions.values())]
        known = {fold(spelling): spelling for spelling in names}
        near = tuple(known[close] for close in difflib.get_close_matches(fold(name), known, 3, 0.6))
        advice = f"if it is a parameter, give its value: {name}=..."
        if near:
            advice = f"did you mean {', '.join(near)}? {advice[0].upper()}{advice[1:]}"
        self._refuse(f"unknown name {name!r}; {advice}", node, name=name, near=near)

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
            case ast.BitAnd():
                return self.assembler.check(connect(sp.And, self.condition(node.left), self.condition(node.right)))
            case ast.BitOr():
                return self.assembler.check(connect(sp.Or, self.condition(node.left), self.condition(node.right)))
            case ast.BitXor():
                self._refuse("^ is not a power here; write **", node)
        self._refuse(f"the operator {type(node.op).__name__} is not part of a formula; use + - * / **", node)

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
        namespace, name = self._dotted(node.func)
        if name == "Piecewise" or fold(name) == "piecewise":
            return self._piecewise(node)
        if name in REFUSED:
            self._refuse_name(name, node)
        word = lookup(name, namespace)
        if word is not None:
            return self._call_word(word, name, node)
        definition = self.definitions.get(fold(name))
        if definition is not None:
            return self._call_definition(name, definition, node)
        self._refuse_name(name, node)

    def _call_word(self, word: Word, name: str, node: ast.Call) -> Any:
        if any(isinstance(argument, ast.Starred) for argument in node.args):
            self._refuse("a starred argument is not part of a formula", node)
        read: Callable[[ast.expr], Any] = (
            self.condition if word.boolean and word.name in ("and", "or", "not") else self.number
        )
        if word.name == "where" and len(node.args) == 3:
            arguments = [self.condition(node.args[0]), self.number(node.args[1]), self.number(node.args[2])]
        else:
            arguments = [None if _is_none(argument) and word.keywords else read(argument) for argument in node.args]
        for keyword in node.keywords:
            if keyword.arg not in word.keywords:
                self._refuse(f"{name} has no keyword {keyword.arg!r}", node)
            place = 1 + word.keywords.index(keyword.arg)
            arguments.extend([None] * (place + 1 - len(arguments)))
            arguments[place] = None if _is_none(keyword.value) else read(keyword.value)
        if not word.least <= len(arguments) <= word.most:
            wanted = str(word.least) if word.least == word.most else f"{word.least} to {word.most}"
            self._refuse(f"{name} takes {wanted} argument{'s' * (wanted != '1')}, not {len(arguments)}", node)
        if word.name == "pow":
            return self.assembler.power(arguments[0], arguments[1])
        return self.assembler.call(word.build, arguments)

    def _call_definition(self, name: str, definition: Definition, node: ast.Call) -> sp.Expr:
        names = list(definition.parameters)
        if not 1 <= len(node.args) <= 1 + len(names):
            self._refuse(f"{name} takes x and at most {len(names)} parameters ({', '.join(names) or 'none'})", node)
        bound: dict[str, sp.Expr] = {key: rational(text) for key, text in definition.parameters.items()}
        bound.update(zip(["x", *names], (self.number(argument) for argument in node.args), strict=False))
        for keyword in node.keywords:
            key = definition.keywords.get(keyword.arg or "", keyword.arg or "")
            if key not in names:
                self._refuse(f"{name} has no parameter {keyword.arg!r}; it has {', '.join(names) or 'none'}", node)
            bound[key] = self.number(keyword.value)
        body = syntax_tree(definition.expression)
        inner = _Reader(one_line(definition.expression), bound, self.assembler, self.definitions, self.depth)
        try:
            return inner.number(body.body)
        except InvalidInput as error:
            self._refuse(f"in {name}: {error}", node)

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
        ast.Attribute: _attribute,
        ast.BinOp: _binary,
        ast.UnaryOp: _unary,
        ast.BoolOp: _boolean,
        ast.Compare: _compare,
        ast.IfExp: _conditional,
        ast.Call: _call,
    }
