r"""The even or odd part of a function on x > 0, outside the class of closed forms: a polynomial, none, or not known.

An even polynomial of degree m is one of degree m/2 in t = x^2, an odd one x times such. So f(x), or f(x)/x, has
vanishing divided differences of order m/2 + 1 in t wherever the places are: on one piece or on several.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from typing import Any

import mpmath
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.activation.growth import Growth, sides_of
from ntksym.activation.pieces.identity import clearly_nonzero, is_zero
from ntksym.activation.pieces.rewriting import term_bound
from ntksym.activation.pieces.sign_decider import SignDecider
from ntksym.activation.traits import is_continuous
from ntksym.errors import NoClosedForm, PiecesUnknown, ToleranceNotMet
from ntksym.formula import compile_mpmath
from ntksym.numerics.divided_differences import divided_difference
from ntksym.symbols import x
from ntksym.theory.powers.supports import ABSENT

__all__ = ["Finding", "HalfLinePart", "Piece", "examine", "halves_of"]

MOST = 40
"""Degree up to which polynomials are looked for and refuted."""

MOST_TERMS = 400
"""Terms of a polynomial that is multiplied out."""

GUESS_DIGITS = 60
"""Digits in which coefficients of a polynomial are guessed, before it is proved."""

LARGEST_DENOMINATOR = 10**6

UNPROVED = "no identity with a polynomial was proved, and none refuted; write it in a simpler form"

NO_PIECES = "nothing was tried; write it with finitely many pieces"


@dataclass(frozen=True)
class Piece:
    """An expression between two places, 0 <= low < high."""

    low: sp.Expr
    high: sp.Expr
    expression: sp.Expr

    @property
    def span(self) -> tuple[sp.Rational, sp.Rational]:
        """A closed interval inside, with rational ends, in which to evaluate."""
        low = sp.Rational(str(self.low.evalf(20)))
        high = sp.Rational(str(self.high.evalf(20))) if self.high.is_finite else low + 5
        margin = (high - low) / 16
        return low + margin, high - margin


@dataclass(frozen=True)
class HalfLinePart:
    """(s(x) + s(-x))/2 or (s(x) - s(-x))/2 for x > 0.

    Parameters
    ----------
    parity : "even" or "odd"
        Which.
    pieces : tuple of Piece
        From 0 to infinity; analytic inside. A single one that need only be continuous where the pieces are unknown.
    growth : Growth or None
        Towards infinity.
    known : bool
        Whether the pieces are analytic.
    vanishes : bool
        Whether it is known to be zero.
    """

    parity: str
    pieces: tuple[Piece, ...]
    growth: Growth | None
    known: bool
    vanishes: bool

    @property
    def lowest(self) -> int:
        """The lowest degree of this parity."""
        return 0 if self.parity == "even" else 1


@dataclass(frozen=True)
class Finding:
    """What was found of a part: its degree as in `ParityPart`, the reason and its source."""

    degree: float | None
    reason: str
    source: str


def halves_of(activation: Activation) -> Iterator[HalfLinePart]:
    """The even and the odd part of an activation without parameters.

    Parameters
    ----------
    activation : Activation
        The function s.
    """
    for parity, sign in (("even", 1), ("odd", -1)):
        try:
            pieces = tuple(_folded(activation, sign))
            known = True
        except NoClosedForm:
            whole = _combined(activation.expression, activation.expression, sign)
            pieces, known = (Piece(sp.S.Zero, sp.oo, whole),), False
        vanishes = activation.parity == ("odd" if parity == "even" else "even")
        sides = sides_of(pieces[-1].expression, None, {})
        yield HalfLinePart(parity, pieces, sides[0] if sides else None, known, vanishes)


def _combined(right: sp.Expr, left: sp.Expr, sign: int) -> sp.Expr:
    return (right + sign * left.xreplace({x: -x})) / 2


def _folded(activation: Activation, sign: int) -> Iterator[Piece]:
    pieces = activation.pieces
    judge = SignDecider({})
    ends = [-sp.oo, *pieces.breakpoints, sp.oo]
    places: list[sp.Expr] = []
    for place in pieces.breakpoints:
        size = place if judge.sign(place) > 0 else -place
        if judge.sign(size):
            places = judge.merge(places, [size])

    def covering(low: sp.Expr, high: sp.Expr) -> sp.Expr:
        for expression, (begin, end) in zip(pieces.expressions, pairwise(ends), strict=True):
            if judge.order(begin, low) <= 0 and judge.order(high, end) <= 0:
                return expression
        raise PiecesUnknown(
            f"no piece of {activation.name} between {low} and {high}", name=activation.name, low=low, high=high
        )

    for low, high in pairwise([sp.S.Zero, *places, sp.oo]):
        yield Piece(low, high, _combined(covering(low, high), covering(-high, -low), sign))


def examine(half: HalfLinePart) -> Finding:
    """Whether the half is a polynomial, with the proof in words.

    Parameters
    ----------
    half : HalfLinePart
        From `halves_of`.
    """
    if half.vanishes or all(is_zero(piece.expression) is True for piece in half.pieces):
        return Finding(ABSENT, "is zero", "an identity of expressions")
    if not half.known and not is_continuous(half.pieces[0].expression):
        return Finding(None, "is not known, since the pieces of the formula are not", NO_PIECES)
    found = _by_algebra(half)
    if found is not None:
        return found
    growth = half.growth
    if growth is None:
        return Finding(None, "is not known: no bound of its growth was found", UNPROVED)
    if growth.attained and (growth.exponential.is_positive or growth.gaussian.is_positive):
        return Finding(math.inf, "grows faster than every power, so it is no polynomial", "its order of growth")
    degree = _largest_degree(half, growth)
    if degree is None:
        return Finding(None, "is not known: its growth bounds no degree", UNPROVED)
    return _refuted(half, degree) or _affirmed(half, degree) or Finding(None, "is not known", UNPROVED)


def _by_algebra(half: HalfLinePart) -> Finding | None:
    """The answer where every piece is a polynomial with rational coefficients: one for all, of this parity, or none."""
    expressions = [piece.expression for piece in half.pieces]
    if not half.known or not all(part.is_polynomial(x) and term_bound(part) <= MOST_TERMS for part in expressions):
        return None
    polynomials = [sp.Poly(part, x) for part in expressions]
    if not all(number.is_Rational for polynomial in polynomials for number in polynomial.coeffs()):
        return None
    first = polynomials[0]
    if any(other != first for other in polynomials) or any((power - half.lowest) % 2 for (power,) in first.monoms()):
        return Finding(math.inf, "is no polynomial: its pieces on x > 0 are not one of this parity", "exact algebra")
    return Finding(int(first.degree()), f"is the polynomial {first.as_expr()}", "exact algebra")


def _largest_degree(half: HalfLinePart, growth: Growth) -> int | None:
    """The largest degree of a polynomial of this parity that grows no faster; ``ABSENT`` if only zero does."""
    if growth.exponential.is_positive or growth.gaussian.is_positive:
        return None
    if growth.exponential.is_negative or growth.gaussian.is_negative:
        return ABSENT
    degree = math.floor(growth.degree)
    degree -= (degree - half.lowest) % 2
    return max(degree, ABSENT) if degree <= MOST else None


def _places(half: HalfLinePart, count: int) -> list[tuple[sp.Expr, sp.Rational]]:
    """Pairs of a piece's expression and a place inside it: ``count`` on every piece, and in no symmetric order."""
    chosen = []
    for piece in half.pieces:
        low, high = piece.span
        steps = [sp.Rational(2 * k + 1, 2 * count) for k in range(count)]
        chosen += [(piece.expression, low + (high - low) * step * (3 + step) / 4) for step in steps]
    return chosen


def _unknowns(half: HalfLinePart, degree: int) -> int:
    """Coefficients of a polynomial of this degree and parity."""
    return 0 if degree == ABSENT else (degree - half.lowest) // 2 + 1


def _refuted(half: HalfLinePart, degree: int) -> Finding | None:
    """A divided difference that does not vanish."""
    order = _unknowns(half, degree)
    places = _places(half, order + 1)
    would_be = "zero" if degree == ABSENT else f"of degree {degree} at most"
    reason = f"is no polynomial: by its growth it would be {would_be}, and it is not"
    for first in range(0, len(places) - order):
        source = _nonzero(half, places[first : first + order + 1], order)
        if source:
            return Finding(math.inf, reason, source)
    return None


def _nonzero(half: HalfLinePart, places: list[tuple[sp.Expr, sp.Rational]], order: int) -> str | None:
    """Who says that the divided difference at these places is not zero."""
    what = f"a divided difference of order {order} in x^2, not zero"
    try:
        if import_module("ntksym.hermite.certified.differences").excludes_zero(places, half.lowest):
            return f"{what} in ball arithmetic"
    except (ImportError, ToleranceNotMet):
        pass
    functions = [(compile_mpmath(expression, {}), place) for expression, place in places]

    def difference(_: Any) -> Any:
        points = [_number(place) for _, place in functions]
        column = [function(point) / point**half.lowest for (function, _), point in zip(functions, points, strict=True)]
        return divided_difference(column, [point**2 for point in points])

    if clearly_nonzero(difference, mpmath.mpf(0), extra_digits=4 * order):
        return f"{what} in the first digits at 30, 90 and 180 digits"
    return None


def _affirmed(half: HalfLinePart, degree: int) -> Finding | None:
    """A polynomial guessed from numbers, and proved to be the function on every piece."""
    if not half.known:
        return None
    guess = _guessed(half.pieces[0], half.lowest, _unknowns(half, degree))
    if guess is None or not all(_is_identity(piece, guess) for piece in half.pieces):
        return None
    if guess == 0:
        return Finding(ABSENT, "is zero", "an identity of expressions")
    return Finding(int(sp.degree(guess, x)), f"is the polynomial {guess}", "an identity of expressions")


def _is_identity(piece: Piece, guess: sp.Expr) -> bool:
    return is_zero(piece.expression - guess, points=tuple(str(place.evalf(15)) for place in piece.span)) is True


def _guessed(piece: Piece, lowest: int, unknowns: int) -> sp.Expr | None:
    """The polynomial with rational coefficients through as many points as it has coefficients."""
    if unknowns == 0:
        return sp.S.Zero
    function = compile_mpmath(piece.expression, {})
    low, high = piece.span
    with mpmath.workdps(GUESS_DIGITS + 4 * unknowns):
        points = [_number(low + (high - low) * sp.Rational(k, unknowns)) for k in range(unknowns)]
        matrix = mpmath.matrix([[point ** (lowest + 2 * k) for k in range(unknowns)] for point in points])
        solution = mpmath.lu_solve(matrix, mpmath.matrix([function(point) for point in points]))
        near = [_rational(number) for number in solution]
    coefficients = [number for number in near if number is not None]
    if len(coefficients) < len(near):
        return None
    return sp.Add(*(number * x ** (lowest + 2 * k) for k, number in enumerate(coefficients)))


def _rational(number: Any) -> sp.Rational | None:
    near = sp.Rational(sp.Integer(round(number * 10**GUESS_DIGITS)), 10**GUESS_DIGITS).limit_denominator(
        LARGEST_DENOMINATOR
    )
    return near if abs(number - _number(near)) < mpmath.mpf(10) ** (-GUESS_DIGITS // 2) else None


def _number(rational: sp.Rational) -> Any:
    return mpmath.mpf(int(rational.p)) / int(rational.q)
