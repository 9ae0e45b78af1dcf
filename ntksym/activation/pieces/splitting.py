"""A function of x as smooth pieces: breakpoints in order, and one expression without kinks on each interval between."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import sympy as sp
from sympy.core.relational import Relational
from sympy.logic.boolalg import ITE, And, Not, Or

from ntksym.activation.pieces.identity import is_zero
from ntksym.activation.pieces.rewriting import expanded, factored, limit_at, term_bound
from ntksym.activation.pieces.sign_decider import SignDecider
from ntksym.activation.pieces.signs import sign_pattern
from ntksym.errors import PiecesUnknown
from ntksym.formula.functions import FUNCTIONS
from ntksym.symbols import x

__all__ = ["Pieces", "split"]

KINKED = (sp.Abs, sp.sign, sp.Heaviside, sp.Max, sp.Min, sp.Piecewise)
"""Heads that do not survive in a piece."""
STAIRS = (sp.floor, sp.ceiling)
"""Heads with infinitely many pieces."""
MAX_RATIONAL_TERMS = 60
"""Terms of a rational function that is brought to lowest terms."""
MAX_ROUNDS = 4
"""Passes over a piece in which sympy has formed a new absolute value, as sqrt(x**2)."""


@dataclass(frozen=True)
class Pieces:
    """A function, almost everywhere: ``expressions[i]`` between ``breakpoints[i-1]`` and ``breakpoints[i]``.

    The breakpoints increase strictly; they are constants or expressions in the parameters. ``conditions`` are the facts
    about the parameters' values, beyond the assumptions of their symbols, that signs and orders were decided by.
    """

    breakpoints: tuple[sp.Expr, ...]
    expressions: tuple[sp.Expr, ...]
    conditions: tuple[Relational, ...] = ()


@dataclass(frozen=True)
class _Cells:
    """Values of any kind on consecutive open intervals."""

    places: tuple[sp.Expr, ...]
    values: tuple[Any, ...]


def split(expression: sp.Expr, values: Mapping[sp.Symbol, sp.Rational] | None = None) -> Pieces:
    """The pieces of an expression in x.

    Parameters
    ----------
    expression : Expr
        In ``symbols.x`` and parameters.
    values : mapping of Symbol to Rational
        The parameters' values: used, and recorded as conditions, where assumptions do not decide.

    Raises
    ------
    PiecesUnknown
        The sign regions of a part cannot be found, as in Max(sin(x), 0), or there are infinitely many pieces (floor).
    """
    judge = SignDecider(values or {})
    cells = _Splitter(judge).split(sp.sympify(expression), -sp.oo, sp.oo)
    cells = _Cells(cells.places, tuple(_tidy(value) for value in cells.values))
    cells = _merged(cells, lambda left, right, place: _continues(left, right, place, judge))
    return Pieces(cells.places, cells.values, tuple(judge.conditions))


class _Splitter:
    def __init__(self, judge: SignDecider) -> None:
        self.judge = judge
        self._smooth: dict[Any, bool] = {}

    def split(self, node: Any, low: sp.Expr, high: sp.Expr, rounds: int = 0) -> _Cells:
        """The node's pieces inside (low, high)."""
        if self._is_smooth(node):
            return _Cells((), (node,))
        if isinstance(node, STAIRS):
            raise PiecesUnknown(f"{node} has infinitely many pieces", subexpression=node)
        if isinstance(node, sp.Piecewise):
            return self._piecewise(node, low, high)
        if isinstance(node, sp.Max | sp.Min):
            return self._extremum(node, low, high)
        parts = [self.split(argument, low, high) for argument in node.args]
        rule = _RULES.get(type(node).__name__)
        places, columns = self._aligned(parts)
        ends = (low, *places, high)
        pieces = []
        for index, arguments in enumerate(columns):
            if rule is not None:
                pieces.append(rule(self, node, arguments, ends[index], ends[index + 1]))
            else:
                pieces.append(self._apply(node, arguments, ends[index], ends[index + 1], rounds))
        cells = _joined(places, pieces)
        if any(isinstance(value, sp.Expr) and value.has(sp.nan, sp.zoo, sp.oo, -sp.oo) for value in cells.values):
            raise PiecesUnknown(f"{node} is not finite between {low} and {high}; exclude it there", subexpression=node)
        return cells

    def _is_smooth(self, node: Any) -> bool:
        """No kinks, and no singularities that would have to become breakpoints."""
        known = self._smooth.get(node)
        if known is None:
            name = type(node).__name__
            known = not isinstance(node, KINKED + STAIRS) and all(self._is_smooth(argument) for argument in node.args)
            if known and node.has(x):
                known = name not in _RULES or (name == "Pow" and node.exp.is_Integer and node.exp > 0)
            self._smooth[node] = known
        return known

    def _apply(self, node: Any, arguments: tuple[Any, ...], low: sp.Expr, high: sp.Expr, rounds: int) -> _Cells:
        value = node.func(*arguments)
        if rounds < MAX_ROUNDS and value.has(*KINKED):
            return self.split(value, low, high, rounds + 1)
        return _Cells((), (value,))

    def signs(self, function: sp.Expr, low: sp.Expr, high: sp.Expr) -> _Cells:
        """The signs of a function that may itself have pieces."""
        cells = self.split(function, low, high)
        ends = (low, *cells.places, high)
        parts = []
        for index, value in enumerate(cells.values):
            pattern = sign_pattern(value, ends[index], ends[index + 1], self.judge)
            parts.append(_Cells(pattern.zeros, pattern.signs))
        return _merged(_joined(cells.places, parts), lambda left, right, place: left == right)

    def _aligned(self, parts: list[_Cells]) -> tuple[tuple[sp.Expr, ...], list[tuple[Any, ...]]]:
        """All parts on their common refinement."""
        places: list[sp.Expr] = []
        for part in parts:
            places = self.judge.merge(places, list(part.places))
        cursor = [0] * len(parts)
        columns = [tuple(part.values[0] for part in parts)]
        for place in places:
            for number, part in enumerate(parts):
                step = cursor[number]
                if step < len(part.places) and self.judge.order(part.places[step], place) == 0:
                    cursor[number] += 1
            columns.append(tuple(part.values[step] for part, step in zip(parts, cursor, strict=True)))
        return tuple(places), columns

    def _extremum(self, node: Any, low: sp.Expr, high: sp.Expr) -> _Cells:
        wanted = 1 if isinstance(node, sp.Max) else -1
        arguments = sorted(node.args, key=lambda item: (item.has(x), item.count_ops()))
        result = self.split(arguments[0], low, high)
        for argument in arguments[1:]:
            places, columns = self._aligned([result, self.split(argument, low, high)])
            ends = (low, *places, high)
            pieces = []
            for index, (first, second) in enumerate(columns):
                signs = self.signs(first - second, ends[index], ends[index + 1])
                pieces.append(
                    _Cells(signs.places, tuple(first if sign * wanted >= 0 else second for sign in signs.values))
                )
            result = _merged(_joined(places, pieces), lambda left, right, place: left == right)
        return result

    def _piecewise(self, node: sp.Piecewise, low: sp.Expr, high: sp.Expr) -> _Cells:
        truths = [self.truth(condition, low, high) for _, condition in node.args]
        places, columns = self._aligned(truths)
        chosen = tuple(row.index(True) if True in row else None for row in columns)
        cells = _merged(_Cells(places, chosen), lambda left, right, place: left == right)
        ends = (low, *cells.places, high)
        pieces = []
        for index, branch in enumerate(cells.values):
            if branch is None:
                raise PiecesUnknown(
                    f"{node} has no value between {ends[index]} and {ends[index + 1]}; add a last case",
                    subexpression=node,
                )
            pieces.append(self.split(node.args[branch][0], ends[index], ends[index + 1]))
        return _joined(cells.places, pieces)

    def truth(self, condition: Any, low: sp.Expr, high: sp.Expr) -> _Cells:
        """Where a condition holds, almost everywhere."""
        if condition in (sp.true, sp.false):
            return _Cells((), (bool(condition),))
        if isinstance(condition, And | Or | Not | ITE):
            places, columns = self._aligned([self.truth(argument, low, high) for argument in condition.args])
            combine = _COMBINED[condition.func]
            return _merged(
                _Cells(places, tuple(combine(row) for row in columns)), lambda left, right, place: left == right
            )
        if not isinstance(condition, Relational):
            raise PiecesUnknown(f"{condition} is not a comparison", subexpression=condition)
        accepted = _ACCEPTED[type(condition).__name__]
        difference = condition.lhs - condition.rhs
        if accepted == (0,) and difference.has(x):
            # An equation holds on an interval only if it is an identity there.
            cells = self.split(difference, low, high)
            return _Cells(cells.places, tuple(is_zero(value, self.judge.values) is True for value in cells.values))
        signs = self.signs(difference, low, high)
        return _Cells(signs.places, tuple(sign in accepted for sign in signs.values))

    def _absolute(self, node: Any, arguments: tuple[Any, ...], low: sp.Expr, high: sp.Expr) -> _Cells:
        (argument,) = arguments
        return self._by_sign(argument, low, high, lambda sign: sign * argument)

    def _sign(self, node: Any, arguments: tuple[Any, ...], low: sp.Expr, high: sp.Expr) -> _Cells:
        return self._by_sign(arguments[0], low, high, sp.Integer)

    def _step(self, node: Any, arguments: tuple[Any, ...], low: sp.Expr, high: sp.Expr) -> _Cells:
        at_zero = arguments[1] if len(arguments) > 1 else sp.S.Half
        return self._by_sign(
            arguments[0], low, high, lambda sign: at_zero if sign == 0 else sp.Integer((sign + 1) // 2)
        )

    def _by_sign(self, argument: sp.Expr, low: sp.Expr, high: sp.Expr, value: Callable[[int], sp.Expr]) -> _Cells:
        signs = self.signs(argument, low, high)
        return _Cells(signs.places, tuple(value(sign) for sign in signs.values))

    def _power(self, node: Any, arguments: tuple[Any, ...], low: sp.Expr, high: sp.Expr) -> _Cells:
        """Poles and branch points become breakpoints; even powers under a root become absolute values."""
        base, exponent = arguments
        if not base.has(x) or (exponent.is_Integer and exponent >= 0):
            return self._apply(node, arguments, low, high, 0)
        zeros = sign_pattern(base, low, high, self.judge).zeros
        ends = (low, *zeros, high)
        if exponent.is_Integer:
            return _Cells(zeros, (base**exponent,) * (len(zeros) + 1))
        factors = [factor.as_base_exp() for factor in sp.Mul.make_args(factored(base))]
        even = [(inner, power) for inner, power in factors if inner.has(x) and power.is_Integer and power % 2 == 0]
        # The odd part stays one number under the root: sqrt(-x) is not sqrt(-1)*sqrt(x) for x < 0.
        odd = sp.Mul(*(inner**power for inner, power in factors if (inner, power) not in even))
        pieces = []
        for left, right in pairwise(ends):
            value = odd**exponent
            for inner, power in even:
                (sign,) = sign_pattern(inner, left, right, self.judge).signs
                value *= (sign * inner) ** (power * exponent)
            pieces.append(value)
        return _Cells(zeros, tuple(pieces))

    def _singular(self, node: Any, arguments: tuple[Any, ...], low: sp.Expr, high: sp.Expr) -> _Cells:
        """Functions with a branch point where ``_BRANCH`` of the argument vanishes."""
        zeros = sign_pattern(_BRANCH[type(node).__name__](arguments[0]), low, high, self.judge).zeros
        return _Cells(zeros, (node.func(*arguments),) * (len(zeros) + 1))


_BRANCH: Mapping[str, Callable[[sp.Expr], sp.Expr]] = {
    name: function.branch for name, function in FUNCTIONS.items() if callable(function.branch)
}
"""Function -> u -> what vanishes where the function is not smooth."""

_RULES: Mapping[str, Callable[..., _Cells]] = {
    "Abs": _Splitter._absolute,
    "sign": _Splitter._sign,
    "Heaviside": _Splitter._step,
    "Pow": _Splitter._power,
    **dict.fromkeys(_BRANCH, _Splitter._singular),
}

_COMBINED: Mapping[Any, Callable[[tuple[bool, ...]], bool]] = {
    And: all,
    Or: any,
    Not: lambda row: not row[0],
    ITE: lambda row: row[1] if row[0] else row[2],
}

_ACCEPTED: Mapping[str, tuple[int, ...]] = {
    "StrictGreaterThan": (1,),
    "GreaterThan": (0, 1),
    "StrictLessThan": (-1,),
    "LessThan": (-1, 0),
    "Unequality": (-1, 1),
    "Equality": (0,),
}
"""Signs of left minus right for which a relation holds."""


def _joined(places: tuple[sp.Expr, ...], parts: list[_Cells]) -> _Cells:
    all_places: list[sp.Expr] = list(parts[0].places)
    values: list[Any] = list(parts[0].values)
    for place, part in zip(places, parts[1:], strict=True):
        all_places += [place, *part.places]
        values += part.values
    return _Cells(tuple(all_places), tuple(values))


def _merged(cells: _Cells, same: Callable[[Any, Any, sp.Expr], bool]) -> _Cells:
    places: list[sp.Expr] = []
    values = [cells.values[0]]
    for place, value in zip(cells.places, cells.values[1:], strict=True):
        if same(values[-1], value, place):
            continue
        places.append(place)
        values.append(value)
    return _Cells(tuple(places), tuple(values))


def _continues(left: sp.Expr, right: sp.Expr, place: sp.Expr, judge: SignDecider) -> bool:
    """Whether two neighbours are one smooth expression that is regular at the place between them."""
    if is_zero(left - right, judge.values) is not True:
        return False
    return all(bool(limit_at(left, place, side).is_finite) for side in ("-", "+"))


def _tidy(piece: sp.Expr) -> sp.Expr:
    """Multiplied out where that stays short."""
    if piece.is_rational_function(x) and not piece.is_polynomial(x) and term_bound(piece) <= MAX_RATIONAL_TERMS:
        return sp.cancel(piece)
    return expanded(piece)
