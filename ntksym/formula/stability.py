"""The same function, written so that floating-point arithmetic keeps its digits in the tails."""

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp
from sympy.core.relational import Relational

from ntksym.formula.conditionals import compare, connect, extremum, piecewise
from ntksym.symbols import x

__all__ = ["stabilise"]

expm1 = sp.Function("expm1", real=True)
log1p = sp.Function("log1p", real=True)
expit = sp.Function("expit", real=True)
softplus = sp.Function("softplus", real=True)
log_cosh = sp.Function("log_cosh", real=True)
error_tail = sp.Function("error_tail", real=True)
"""erfc, which sympy would turn round: erfc(-u) = 2 - erfc(u)."""
rise = sp.Function("rise", real=True)
"""``rise(u, v) = u + sqrt(u**2 + v**2)``."""

MAX_TERMS = 12
"""Sums longer than this are left alone: the search for partners is quadratic."""


def stabilise(expression: sp.Expr) -> sp.Expr:
    """An equal expression in which cancelling sums are single functions.

    ``1 + erf(u)`` becomes ``error_tail(-u)``, ``exp(u) - 1`` becomes ``expm1(u)``, ``1/(1 + exp(u))`` becomes
    ``expit(-u)``, ``log(1 + exp(u))`` becomes ``softplus(u)``, ``u + sqrt(u**2 + v**2)`` becomes ``rise(u, v)``. Only
    ``arithmetic`` knows the new heads.
    """
    memo: dict[Any, Any] = {}

    def visit(node: Any) -> Any:
        if node not in memo:
            memo[node] = rebuild(node)
        return memo[node]

    def rebuild(node: Any) -> Any:
        if not node.args or not node.has(x):
            return node
        if isinstance(node, sp.Piecewise):
            return piecewise([(visit(value), visit(condition)) for value, condition in node.args])
        rule = _RULES.get(type(node))
        replaced = rule(node) if rule else None
        if replaced is not None:
            return visit(replaced)
        arguments = [visit(argument) for argument in node.args]
        if all(new is old for new, old in zip(arguments, node.args, strict=True)):
            return node
        if isinstance(node, Relational):
            return compare(node.func, *arguments)
        if isinstance(node, sp.Max | sp.Min):
            return extremum(node.func, *arguments)
        return connect(node.func, *arguments) if isinstance(node, sp.And | sp.Or) else node.func(*arguments)

    return visit(expression)


def _stable_sum(node: sp.Add) -> sp.Expr | None:
    terms = list(node.args)
    if len(terms) > MAX_TERMS:
        return None
    for term in terms:
        for factor in sp.Mul.make_args(term):
            if not (isinstance(factor, sp.erf | sp.tanh | sp.exp) and factor.has(x)):
                continue
            weight = term / factor
            for sign in (1, -1):
                partner = sign * weight
                if partner in terms and (sign == -1 or not isinstance(factor, sp.exp)):
                    rest = [other for other in terms if other not in (term, partner)]
                    return sp.Add(*rest, weight * _merged(factor, sign))
    return _stable_root(terms)


def _merged(factor: sp.Expr, sign: int) -> sp.Expr:
    argument = factor.args[0]
    if isinstance(factor, sp.exp):
        return expm1(argument)
    if isinstance(factor, sp.erf):
        return sign * error_tail(-sign * argument)
    return 2 * sign * expit(2 * sign * argument)


def _stable_root(terms: list[sp.Expr]) -> sp.Expr | None:
    for term in terms:
        coefficient, root = term.as_coeff_Mul()
        if not (isinstance(root, sp.Pow) and root.exp == sp.S.Half and root.base.is_polynomial(x)):
            continue
        rest = sp.Add(*(other for other in terms if other is not term))
        if not rest.has(x) or not rest.is_polynomial(x):
            continue
        side = rest if coefficient > 0 else -rest
        square = sp.expand(coefficient**2 * root.base - side**2)
        if not square.has(x) and square.is_positive:
            return sp.sign(coefficient) * rise(side, sp.sqrt(square))
    return None


def _stable_logarithm(node: sp.log) -> sp.Expr | None:
    argument = node.args[0]
    if isinstance(argument, sp.cosh):
        return log_cosh(argument.args[0])
    if isinstance(argument, sp.Add) and sp.S.One in argument.args:
        rest = argument - 1
        return softplus(rest.args[0]) if isinstance(rest, sp.exp) else log1p(rest)
    return None


def _stable_product(node: sp.Mul) -> sp.Expr | None:
    """``exp(u)/(1 + exp(u))`` is ``expit(u)``."""
    for factor in node.args:
        if isinstance(factor, sp.exp) and (1 + factor) ** -1 in node.args:
            return node / factor * (1 + factor) * expit(factor.args[0])
    return None


def _stable_power(node: sp.Pow) -> sp.Expr | None:
    base, exponent = node.args
    if (
        exponent.is_Integer
        and exponent < 0
        and isinstance(base, sp.Add)
        and len(base.args) == 2
        and sp.S.One in base.args
    ):
        rest = base - 1
        if isinstance(rest, sp.exp):
            return expit(-rest.args[0]) ** (-exponent)
    return None


_RULES: Mapping[type, Callable[[Any], sp.Expr | None]] = {
    sp.Add: _stable_sum,
    sp.Mul: _stable_product,
    sp.log: _stable_logarithm,
    sp.Pow: _stable_power,
}
