"""Conditions and case distinctions, built without sympy's own rewriting of them, which can take arbitrarily long."""

from collections.abc import Mapping
from typing import Any

import sympy as sp
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanAtom, BooleanFunction

from ntksym.errors import InvalidInput

__all__ = ["CONDITIONS", "compare", "connect", "extremum", "indicator", "piecewise", "substitute"]

CONDITIONS = (Relational, BooleanAtom, BooleanFunction)
"""Sympy's classes of conditions (not Boolean, since a Symbol is one too)."""
MAX_CASES = 64
"""Cases of one distinction after those inside its conditions have been drawn out."""
MAX_COMPARED_OPERATIONS = 40
"""Operations in the arguments of a Max or Min that sympy may simplify."""
MAX_COMPARED_EXTREMA = 2
"""Other Max and Min inside those arguments."""

Cases = list[tuple[sp.Expr, Any]]


def piecewise(pairs: Cases) -> sp.Expr:
    """``Piecewise``; a case distinction inside a condition is drawn out, constant conditions are folded.

    Raises
    ------
    InvalidInput
        Drawing out would make more than ``MAX_CASES`` cases.
    """
    return _distinguish(pairs, [])


def _distinguish(pairs: Cases, made: list[int]) -> sp.Expr:
    kept: Cases = []
    for value, condition in pairs:
        if condition == sp.false:
            continue
        kept.append((value, condition))
        if condition == sp.true:
            break
    if not kept:
        return sp.nan
    if kept[0][1] == sp.true:
        return kept[0][0]
    made.append(len(kept))
    if sum(made) > MAX_CASES:
        raise InvalidInput(
            "conditions compare too many case distinctions; write them with max, min and abs", cases=kept
        )
    for place, (value, condition) in enumerate(kept):
        inner = _innermost(condition)
        if inner is not None:
            cases = []
            for part, test in inner.args:
                drawn = (value, substitute(condition, {inner: part}))
                cases.append((_distinguish([*kept[:place], drawn, *kept[place + 1 :]], made), test))
            return _distinguish(cases, made)
    return sp.Piecewise(*kept, evaluate=False)


def _innermost(condition: Any) -> sp.Piecewise | None:
    """A case distinction in a condition; its own conditions contain none, since it was built here."""
    found = condition.atoms(sp.Piecewise)
    return min(found, key=lambda item: (item.count_ops(), str(item))) if found else None


def indicator(condition: Any) -> sp.Expr:
    """1 where the condition holds, 0 elsewhere."""
    return piecewise([(sp.S.One, condition), (sp.S.Zero, sp.true)])


def compare(relation: type[Relational], left: sp.Expr, right: sp.Expr) -> Any:
    """The relation, evaluated only between numbers."""
    if left == right or not (left.free_symbols or right.free_symbols):
        return relation(left, right)
    return relation(left, right, evaluate=False)


def connect(connective: type[sp.And] | type[sp.Or], *conditions: Any) -> Any:
    """``And`` or ``Or``; constant conditions are folded."""
    dominant = sp.false if connective is sp.And else sp.true
    if dominant in conditions:
        return dominant
    kept = [condition for condition in dict.fromkeys(conditions) if condition not in (sp.true, sp.false)]
    if len(kept) < 2:
        return kept[0] if kept else sp.Not(dominant)
    return connective(*kept, evaluate=False)


def extremum(head: type[sp.Max] | type[sp.Min], *arguments: sp.Expr) -> sp.Expr:
    """``Max`` or ``Min``; sympy compares short arguments only, since its time doubles with each level of nesting."""
    nested = set().union(*(argument.atoms(sp.Max, sp.Min) for argument in arguments))
    short = len(nested) <= MAX_COMPARED_EXTREMA and (
        sum(argument.count_ops() for argument in arguments) <= MAX_COMPARED_OPERATIONS
    )
    return head(*arguments) if short else head(*arguments, evaluate=False)


def substitute(expression: Any, replacements: Mapping[Any, Any]) -> Any:
    """The expression with nodes replaced, as ``xreplace`` does, and rebuilt by the functions of this module."""
    memo: dict[Any, Any] = dict(replacements)

    def visit(node: Any) -> Any:
        if node not in memo:
            memo[node] = rebuild(node)
        return memo[node]

    def rebuild(node: Any) -> Any:
        if not node.args:
            return node
        if isinstance(node, sp.Piecewise):
            return piecewise([(visit(value), visit(condition)) for value, condition in node.args])
        arguments = [visit(argument) for argument in node.args]
        if all(new is old for new, old in zip(arguments, node.args, strict=True)):
            return node
        if isinstance(node, Relational):
            return compare(node.func, *arguments)
        if isinstance(node, sp.And | sp.Or):
            return connect(node.func, *arguments)
        if isinstance(node, sp.Max | sp.Min):
            return extremum(node.func, *arguments)
        return node.func(*arguments)

    return visit(expression)
