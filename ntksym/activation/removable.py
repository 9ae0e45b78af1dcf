"""A formula continued to its removable singularities: sin(x)/x at 0, in full accuracy at 0 and near it.

At such a place t a formula says 0/0, and near it numerator and denominator cancel: what vanishes to order m loses
m log2(1/|x - t|) bits. Multiprecision numbers are computed with that many bits more; float64 numbers near t come from a
polynomial that multiprecision numbers are fitted by.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from ntksym.activation.singular_points import Place, dividing_functions, zeros_of
from ntksym.formula import compile_mpmath
from ntksym.kept import kept
from ntksym.numerics.arrays import Array

__all__ = ["Continuation", "Function"]

Function = Callable[[Any], Any]

ORDERS = 7
"""What cancels up to this order keeps its bits: six in a function, one more in its derivative."""

NEAR_BITS = 8
"""From 2^-8 on, relative, a place is near and bits are added."""

DEGREE = 31
"""Of the polynomials that stand for the function around a place: 1/4 of a circle of convergence, at rounding."""

RADII = tuple(2.0**-k for k in range(2, 12))
"""Distances up to which a polynomial is tried; none is resolved where the function is not analytic."""

RESOLVED = 8 * float(np.finfo(np.float64).eps)

DIGITS = 40

FAR = 200
"""Powers 2^-n of the distance at which a limit is looked for."""


@dataclass(frozen=True, eq=False)
class Continuation:
    """Where a formula says 0/0, and functions without the gap.

    Parameters
    ----------
    expression : Expr
        In x alone: the parameters have their values.
    """

    expression: sp.Expr

    @kept
    def _suspects(self) -> tuple[Place, ...]:
        """Zeros of what stands below a fraction bar or in a logarithm; empty for most formulas."""
        functions = dividing_functions(self.expression)
        return tuple(place for function in functions for place in zeros_of(function))

    @kept
    def places(self) -> tuple[Place, ...]:
        """Those at which the formula has a limit."""
        if not self._suspects:
            return ()
        function = compile_mpmath(self.expression, {})
        return tuple(place for place in self._suspects if _has_limit(function, place))

    def precise(self, function: Function) -> Function:
        """The function on mpmath numbers, with more bits near the places and its limit at them, where it has one.

        Parameters
        ----------
        function : callable
            Of mpmath numbers at the current precision: the formula, or its derivative.
        """
        if not self._suspects:
            return function
        known: dict[int, list[Any]] = {}

        def evaluate(point: Any) -> Any:
            number = mpmath.mpf(point)
            bits = mpmath.mp.prec
            if bits not in known:
                known[bits] = [place.located(2 * bits) for place in self.places]
            for place in known[bits]:
                if place is None:
                    continue
                distance = number - place
                if abs(distance) <= mpmath.ldexp(abs(place), -bits):
                    return _limit(function, number, bits)
                lost = -mpmath.mag(distance)
                if lost > NEAR_BITS:
                    with mpmath.workprec(bits + ORDERS * lost):
                        value = function(number)
                    return +value
            value = function(number)
            return _limit(function, number, bits) if mpmath.isnan(value) else value

        return evaluate

    def rounded(self, values: Callable[[Array], Array], function: Function) -> Callable[[Array], Array]:
        """The function on float64 arrays, with polynomials around the places where it is analytic.

        Parameters
        ----------
        values : callable
            Of float64 arrays of one dimension.
        function : callable
            The same of mpmath numbers, as `precise` returns it.
        """
        if not self._suspects:
            return values
        fits: dict[Place, tuple[float, float, np.polynomial.Chebyshev]] = {}

        def evaluate(points: Array) -> Array:
            result = np.array(values(points))
            for place in self.places:
                if not np.any(np.abs(points - float(place.expression)) <= RADII[0]):
                    continue
                if place not in fits:
                    fits[place] = _fit(function, place)
                middle, radius, polynomial = fits[place]
                near = np.abs(points - middle) <= radius
                if near.any():
                    result[near] = polynomial(points[near])
            return result

        return evaluate


def _has_limit(function: Function, place: Place) -> bool:
    """Whether both sides come to one value, from near and from nearer."""
    middle = place.located(2 * FAR)
    if middle is None:
        return False
    with mpmath.workprec(ORDERS * FAR):
        sides = [function(middle + sign * mpmath.ldexp(1, -bits)) for bits in (FAR // 2, FAR) for sign in (-1, 1)]
        if not all(map(mpmath.isfinite, sides)):
            return False
        return bool(max(sides) - min(sides) <= mpmath.ldexp(max(1, abs(sides[0])), -FAR // 4))


def _limit(function: Function, number: Any, bits: int) -> Any:
    """The value at a place that both sides come to from near and from nearer; else what the formula says there."""
    with mpmath.workprec(ORDERS * 4 * bits):
        sides = [function(number + sign * mpmath.ldexp(1, -far * bits)) for far in (2, 3) for sign in (-1, 1)]
        if all(map(mpmath.isfinite, sides)):
            spread = max(sides) - min(sides)
            if spread <= mpmath.ldexp(max(1, abs(sides[0])), -bits):
                return (sides[2] + sides[3]) / 2
    return function(number)


def _fit(function: Function, place: Place) -> tuple[float, float, np.polynomial.Chebyshev]:
    """Middle, radius and polynomial; a radius of zero, and the value at the place, where none is resolved."""
    middle = float(place.expression)
    nodes = np.cos(np.pi * (np.arange(DEGREE + 1) + 0.5) / (DEGREE + 1))
    with mpmath.workdps(DIGITS):
        for radius in RADII:
            samples = np.array([float(function(mpmath.mpf(middle) + radius * node)) for node in nodes])
            if not np.isfinite(samples).all():
                continue
            found = np.polynomial.Chebyshev.fit(nodes, samples, DEGREE, domain=[-1, 1])
            if np.abs(found.coef[-4:]).max() <= RESOLVED * np.abs(samples).max():
                domain = [middle - radius, middle + radius]
                return middle, radius, np.polynomial.Chebyshev(found.coef, domain=domain)
        value = float(function(mpmath.mpf(middle)))
    return middle, 0.0, np.polynomial.Chebyshev([value], domain=[middle - 1, middle + 1])
