"""Signs and orders of expressions without x: by assumptions, or else by the parameters' values, on record."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import sympy as sp
from sympy.core.relational import Relational

from ntksym.activation.pieces.rewriting import expanded, factored
from ntksym.errors import NoClosedForm, PiecesUnknown

__all__ = ["SignDecider"]

CLEARLY_NONZERO = sp.Float("1e-12")
"""A number whose first 25 digits exceed this is not zero: evalf keeps that many correct."""
MAX_ALGEBRA_OPERATIONS = 15
"""Numbers with more operations are not simplified to see whether they vanish."""
MAX_EXPONENTIAL = 10**6
"""Argument of an exponential in a number whose sign is asked for."""


class SignDecider:
    """Decides signs, and remembers each fact about the parameters' values that a decision rests on.

    Parameters
    ----------
    values : mapping of Symbol to Rational
        The values of the parameters.
    """

    def __init__(self, values: Mapping[sp.Symbol, sp.Rational]) -> None:
        self.values = dict(values)
        self.conditions: list[Relational] = []
        self._known: dict[sp.Expr, int] = {}

    def sign(self, expression: sp.Expr) -> int:
        """-1, 0 or 1.

        Raises
        ------
        PiecesUnknown
            A symbol without a value occurs and the assumptions do not decide.
        """
        if expression.is_Rational or not expression.free_symbols:
            return self._number_sign(expression)
        if expression.is_positive:
            return 1
        if expression.is_negative:
            return -1
        if expression.is_zero:
            return 0
        result = 1
        for factor in sp.Mul.make_args(factored(expression)):
            base = factor.base if factor.is_Pow and factor.exp.is_Integer and factor.exp % 2 else factor
            result *= self._factor_sign(base)
        return result

    def order(self, first: sp.Expr, second: sp.Expr) -> int:
        """The sign of ``first - second``; infinities are allowed, on opposite sides."""
        if first == second:
            return 0
        for infinite, sign in ((first, 1), (second, -1)):
            if infinite is sp.oo:
                return sign
            if infinite is sp.S.NegativeInfinity:
                return -sign
        return self.sign(first - second)

    def merge(self, first: list[sp.Expr], second: list[sp.Expr]) -> list[sp.Expr]:
        """The sorted union of two sorted lists of distinct places."""
        merged: list[sp.Expr] = []
        left, right = list(first), list(second)
        while left and right:
            order = self.order(left[0], right[0])
            merged.append(left.pop(0) if order <= 0 else right.pop(0))
            if order == 0:
                right.pop(0)
        return merged + left + right

    @contextmanager
    def trial(self) -> Iterator[None]:
        """Forget the facts recorded inside if the attempt raises."""
        mark, known = len(self.conditions), dict(self._known)
        try:
            yield
        except NoClosedForm:
            del self.conditions[mark:]
            self._known = known
            raise

    def _factor_sign(self, factor: sp.Expr) -> int:
        if not factor.free_symbols:
            return self._number_sign(factor)
        for answer, holds in ((1, factor.is_positive), (-1, factor.is_negative), (0, factor.is_zero)):
            if holds:
                return answer
        if factor in self._known:
            return self._known[factor]
        missing = sorted(str(symbol) for symbol in factor.free_symbols - set(self.values))
        if missing:
            raise PiecesUnknown(
                f"the sign of {factor} is unknown; give {missing[0]} a value or an assumption such as positive=True",
                subexpression=factor,
            )
        result = self._number_sign(factor.xreplace(self.values))
        self._known[factor] = result
        fact = _fact(factor, result)
        if isinstance(fact, Relational) and fact not in self.conditions:
            self.conditions.append(fact)
        return result

    @staticmethod
    def _number_sign(number: sp.Expr) -> int:
        if number.is_Rational:
            return int(sp.sign(number))
        _require_moderate(number)
        value = number.evalf(25)
        if not value.is_Float and not value.is_Rational:
            raise PiecesUnknown(f"{number} is not a real number", subexpression=number)
        if abs(value) > CLEARLY_NONZERO:
            return 1 if value > 0 else -1
        value = number.evalf(80, maxn=200)
        if abs(value) > sp.Float("1e-60", 80):
            return 1 if value > 0 else -1
        if _vanishes(number):
            return 0
        raise PiecesUnknown(
            f"cannot decide whether {number} is zero; write the constant in a simpler form", subexpression=number
        )


def _vanishes(number: sp.Expr) -> bool:
    """Whether a number is zero by algebra."""
    if expanded(number) == 0:
        return True
    roots = number.atoms(sp.CRootOf)
    if len(roots) == 1:
        return _vanishes_at(number, roots.pop())
    if number.count_ops() > MAX_ALGEBRA_OPERATIONS:
        return False
    try:
        return bool(number.equals(0))
    except (ValueError, RecursionError):
        # Sympy prints integers to sort them, and Python refuses to print more than 4300 digits.
        return False


def _vanishes_at(number: sp.Expr, root: sp.CRootOf) -> bool:
    """Whether a rational expression in one root of an irreducible polynomial is zero."""
    unknown = root.poly.gen
    numerator, _ = sp.fraction(sp.together(number.xreplace({root: unknown})))
    return bool(numerator.is_polynomial(unknown)) and sp.rem(numerator, root.poly.as_expr(), unknown) == 0


def _require_moderate(number: sp.Expr) -> None:
    """Refuse numbers such as exp(exp(1000)), innermost exponential first: evaluating them would not end."""
    for inner in sorted(number.atoms(sp.exp, sp.sinh, sp.cosh), key=lambda item: item.count_ops()):
        if not abs(inner.args[0].evalf(15)) < MAX_EXPONENTIAL:
            raise PiecesUnknown(f"{number} is too large to compute; use smaller constants", subexpression=number)


def _fact(factor: sp.Expr, sign: int) -> sp.Basic:
    """``factor`` has this sign; solved for the parameter where it is linear in a single one."""
    relations = {1: sp.Gt, -1: sp.Lt, 0: sp.Eq}
    if len(factor.free_symbols) == 1:
        (symbol,) = factor.free_symbols
        slope = sp.diff(factor, symbol)
        if slope.is_Rational and slope != 0:
            return relations[sign * int(sp.sign(slope))](symbol, symbol - factor / slope)
    return relations[sign](factor, 0)
