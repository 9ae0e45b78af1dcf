"""Places where a formula may be singular or break are found as numbers: zeros of denominators, in logarithms, ...

Exact places come from ``pieces``; this is for formulas whose pieces are not known or infinitely many, as those of
1/sin(x) or asin(sin(x)), and for singularities that pieces do not show, as that of sin(1/x).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from sympy.core.relational import Relational

from ntksym.activation.pieces.slopes import derivative
from ntksym.formula import compile_mpmath, compile_numpy
from ntksym.numerics.arrays import Array
from ntksym.symbols import x

__all__ = [
    "Place",
    "breaking_functions",
    "dividing_functions",
    "refined",
    "singular_functions",
    "survey_points",
    "zeros_at",
    "zeros_of",
]


EVEN_STEP = 1 / 32
"""Distance of the points of a survey around zero: waves of a higher frequency than 30 may hide a zero."""

EVEN_REACH = 64.0
POINTS_PER_OCTAVE = 16
OCTAVES = 14
"""Beyond the even points, up to 1e6: polynomials have their exact roots found elsewhere, waves have zeros nearer."""

TOUCHING = 1e-9
"""A function that touches zero is this small, relative to its neighbours on the grid, where its slope vanishes."""

ROUNDED = 1e-14
"""Zeros nearer to 0 than this are 0, which the points of a survey avoid and bisection does not hit."""

SECANT_STEPS = 40
NEAREST = 16
"""Places that are looked at where infinitely many are alike: those nearest to zero."""

LONG = 6
"""Operations of an expression that is printed as a number instead."""

MOST_ZEROS = 4000
"""Zeros of one function that are refined; a function with more oscillates too fast for anything here."""


def survey_points() -> Array:
    """Points of the line, increasing: evenly around zero, then this many an octave."""
    near = np.arange(-EVEN_REACH, EVEN_REACH + EVEN_STEP / 2, EVEN_STEP) + 1 / 1024  # zeros hide on round places
    far = EVEN_REACH * 2.0 ** (np.arange(1, OCTAVES * POINTS_PER_OCTAVE + 1) / POINTS_PER_OCTAVE)
    return np.concatenate([-far[::-1], near, far])


@lru_cache(maxsize=512)
def singular_functions(expression: sp.Expr) -> tuple[sp.Expr, ...]:
    """Functions of x at whose zeros a part of the expression is infinite, or stops being analytic.

    Parameters
    ----------
    expression : Expr
        In x alone.
    """
    return tuple(dict.fromkeys(part for node in sp.preorder_traversal(expression) for part in _singular(node)))


@lru_cache(maxsize=512)
def dividing_functions(expression: sp.Expr) -> tuple[sp.Expr, ...]:
    """Functions of x at whose zeros the expression may say 0/0 or 0*oo: what stands below a bar, or in a logarithm.

    Parameters
    ----------
    expression : Expr
        In x alone.
    """
    nodes = sp.preorder_traversal(expression)
    infinite = (node for node in nodes if isinstance(node, sp.log) or (node.is_Pow and not node.exp.is_nonnegative))
    return tuple(dict.fromkeys(part for node in infinite for part in _singular(node)))


@lru_cache(maxsize=512)
def breaking_functions(expression: sp.Expr) -> tuple[sp.Expr, ...]:
    """Functions of x at whose zeros a part of the expression is singular, jumps or has a kink.

    Parameters
    ----------
    expression : Expr
        In x alone.
    """
    nodes = tuple(sp.preorder_traversal(expression))
    return tuple(dict.fromkeys(part for node in nodes for part in (*_singular(node), *_breaking(node))))


def _singular(node: Any) -> Iterator[sp.Expr]:
    if not isinstance(node, sp.Expr) or not node.has(x):
        return
    if node.is_Pow and node.base.has(x) and not (node.exp.is_Integer and node.exp >= 0):
        yield from _factors(node.base)
    elif isinstance(node, sp.log):
        yield from _factors(node.args[0])
    elif isinstance(node, sp.tan):
        yield sp.cos(node.args[0])
    elif isinstance(node, sp.asin | sp.acos | sp.atanh):
        yield from (1 - node.args[0], 1 + node.args[0])
    elif isinstance(node, sp.acosh):
        yield node.args[0] - 1


def _factors(function: sp.Expr) -> Iterator[sp.Expr]:
    """The bases of a product: sin(x)**2 vanishes where sin(x) does."""
    for factor in sp.Mul.make_args(function):
        base = factor.base if factor.is_Pow else factor
        if base.has(x) and not isinstance(base, sp.exp | sp.cosh):
            yield base.args[0] if isinstance(base, sp.Abs) else base


def _breaking(node: Any) -> Iterator[sp.Expr]:
    if isinstance(node, sp.Abs | sp.sign | sp.Heaviside):
        yield node.args[0]
    elif isinstance(node, sp.Max | sp.Min):
        arguments = node.args
        yield from (one - other for i, one in enumerate(arguments) for other in arguments[i + 1 :])
    elif isinstance(node, Relational):
        yield node.lhs - node.rhs
    elif isinstance(node, sp.floor | sp.ceiling):
        yield sp.sin(sp.pi * node.args[0])


def zeros_at(function: sp.Expr, points: Array) -> tuple[float, ...]:
    """Zeros of a function on the range of some points, increasing: crossings, and places where it touches zero.

    Parameters
    ----------
    function : Expr
        In x alone.
    points : float array, shape (n,)
        A grid, increasing; a pair of zeros closer than it is missed.
    """
    if not function.has(x):
        return ()
    slope = derivative(function)
    values, slopes = (compile_numpy(part, {}) for part in (function, slope))
    heights = values(points)
    tilts = slopes(points) * np.ones_like(points)
    zero = np.pad(heights == 0, 1)
    alone = zero[1:-1] & ~zero[:-2] & ~zero[2:]  # not where it rounds to zero, as 1 - tanh(x) does
    found = [float(place) for place in points[alone]]
    found += _crossings(values, points, heights)
    sizes = np.abs(heights)
    for place in _crossings(slopes, points, tilts):
        cell = int(np.clip(np.searchsorted(points, place), 1, len(points) - 1))
        height = abs(float(values(np.array([place]))[0]))
        if height <= TOUCHING * max(sizes[cell - 1], sizes[cell]):
            found.append(place)
    return _distinct(found)


def _crossings(function: Callable[[Array], Array], points: Array, heights: Array) -> list[float]:
    """Where a function changes its sign, by bisection of all the cells at once."""
    signs = np.sign(heights)
    with np.errstate(invalid="ignore"):
        cells = np.flatnonzero(signs[:-1] * signs[1:] < 0)[:MOST_ZEROS]
    low, high, left = points[cells], points[cells + 1], signs[cells]
    for _ in range(60):
        if not len(cells):
            break
        middle = (low + high) / 2
        same = np.sign(function(middle)) == left
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return [float(place) for place in (low + high) / 2]


def _distinct(places: list[float]) -> tuple[float, ...]:
    kept: list[float] = []
    for place in sorted(0.0 if abs(place) < ROUNDED else place for place in places):
        if not kept or place - kept[-1] > 1e-9 * max(1.0, abs(place)):
            kept.append(place)
    return tuple(kept)


def refined(function: sp.Expr, start: float, bits: int) -> Any:
    """A zero to more binary digits, or None where there is none: secants on f/f', whose zeros are simple.

    Parameters
    ----------
    function : Expr
        In x alone.
    start : float
        The zero, in float64.
    bits : int
        Binary digits after the point.
    """
    value, slope = compile_mpmath(function, {}), compile_mpmath(derivative(function), {})

    def ratio(place: Any) -> Any:
        height = value(place)
        return height / slope(place) if height else height

    with mpmath.workprec(4 * bits):
        first, second = mpmath.mpf(start), mpmath.mpf(start) + mpmath.ldexp(max(1.0, abs(start)), -40)
        try:
            low, high = ratio(first), ratio(second)
            for _ in range(SECANT_STEPS):
                if high == 0 or abs(second - first) < mpmath.ldexp(1, -bits):
                    return second
                if high == low:
                    return None
                first, second = second, second - high * (second - first) / (high - low)
                low, high = high, ratio(second)
                if not mpmath.isfinite(high) or abs(second - start) > 1e-6 * max(1.0, abs(start)):
                    return None
        except ZeroDivisionError:
            return None
    return None


@dataclass(frozen=True)
class Place:
    """A place that can be had with as many digits as are asked for.

    Attributes
    ----------
    expression : Expr
        The place, a Float where it is a number only.
    function : Expr or None
        What vanishes there, where the place is a number only.
    """

    expression: sp.Expr
    function: sp.Expr | None = None

    def located(self, bits: int) -> Any:
        """The place with this many binary digits; None where nothing vanishes there after all."""
        if self.function is not None:
            return refined(self.function, float(self.expression), bits)
        with mpmath.workprec(bits):
            return mpmath.mpmathify(sp.N(self.expression, mpmath.mp.dps + 5))

    def __str__(self) -> str:
        plain = self.function is None and self.expression.count_ops() <= LONG and not self.expression.has(sp.CRootOf)
        return str(self.expression) if plain else f"{float(self.expression):.6g}"


@lru_cache(maxsize=512)
def zeros_of(function: sp.Expr) -> tuple[Place, ...]:
    """Zeros of a function of x: exact, all of them, for polynomials; else those nearest to zero.

    Parameters
    ----------
    function : Expr
        In x alone.
    """
    if function.is_positive or function.is_negative:
        return ()
    if function.is_polynomial(x):
        polynomial = sp.Poly(function, x)
        if polynomial.degree() < 1:
            return ()
        if polynomial.degree() == 1:
            return (Place(-polynomial.nth(0) / polynomial.nth(1)),)
        if polynomial.get_domain() in (sp.ZZ, sp.QQ):
            return tuple(Place(root) for root in dict.fromkeys(sp.real_roots(polynomial)))
    places = sorted(zeros_at(function, survey_points()), key=abs)
    return tuple(Place(sp.Float(place), function) for place in places[:NEAREST])
