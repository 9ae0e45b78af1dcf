"""Singularities and breaks of an activation are measured: orders of poles, powers of logarithms, jumps.

Near a place t, log2|f| at the distances 2^-n is p n + k log2(n) + constant for ``|f| ~ |x - t|^-p log(1/|x - t|)^k``:
three distances, in some thousand bits, give p and k.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.activation.singular_points import (
    Place,
    breaking_functions,
    singular_functions,
    zeros_of,
)
from ntksym.errors import NoClosedForm

__all__ = ["Singularity", "breaking_places", "grows_at", "jumps_at", "singular_places", "singularity_at"]

DISTANCES = (192, 384, 768)
"""Powers 2^-n of the distances at which a power and a logarithm are told apart: three values, and a constant."""

BESIDE = (1.0, 1.3, 1.7)
"""Places at each distance, in units of it: the largest value counts, where the function oscillates."""

BITS = 6 * DISTANCES[-1] + 64
"""Working precision: what cancels up to the sixth order at the smallest distance is still known."""

ROUGH = (20, 40)
"""Distances of a first look, which dismisses what is regular."""

SURELY_INTEGRABLE = 0.25
"""Order at the first look up to which nothing is looked at again: logarithms change it by less than a fifth."""

GROWING = 0.1
"""log2 of a growth from the first distance to the second: that of the root of a logarithm is 0.5."""

PURE = 1e-9
"""Power of the logarithm that is none."""

UNSURE = 2e-3
"""Error of an order that is measured next to a logarithm."""

SMALLEST_JUMP = 1e-30
"""Difference of the two sides that is no rounding."""

BELOW_JUMPS = 110
"""Distance 2^-n at which a function of slope one differs by less than that."""

SAME = 1e-9
"""Places nearer than this, relative, are one."""

HALF = sp.Rational(1, 2)


@dataclass(frozen=True)
class Singularity:
    """``|f| ~ |x - place|^-order log(1/|x - place|)^logarithm`` from at least one side.

    Attributes
    ----------
    place : Expr
        t; a Float where it is known as a number only.
    shown : str
        t in print.
    order : Expr
        p, ``oo`` where f grows beyond every power; 0 with a positive logarithm, or for a jump.
    logarithm : float
        k, the power of the logarithm.
    jump : bool
        Whether f is a derivative and has a point mass at t, the function itself having a jump.
    """

    place: sp.Expr
    shown: str
    order: sp.Expr
    logarithm: float = 0.0
    jump: bool = False

    @property
    def is_integrable(self) -> bool:
        """Whether f^2 is integrable near t."""
        if self.jump or self.order > HALF:
            return False
        return bool(self.order < HALF) or self.logarithm < -0.5 - UNSURE

    def __str__(self) -> str:
        if self.jump:
            return f"it jumps at x = {self.shown}"
        if self.order.is_infinite:
            return f"it grows beyond every power of 1/|x - t| near t = {self.shown}"
        return f"it has a pole of order {self.order} at x = {self.shown}"


def singular_places(activation: Activation) -> Iterator[Place]:
    """Where s may be infinite: breakpoints, and zeros of what stands below a fraction bar, in a logarithm, ...

    Parameters
    ----------
    activation : Activation
        s, at the values of its parameters.
    """
    suspects = singular_functions(_concrete(activation))
    if suspects:
        yield from _places(suspects, _breakpoints(activation))


def breaking_places(activation: Activation) -> Iterator[Place]:
    """Where s may jump or be infinitely steep; of infinitely many places that are alike, those nearest to zero.

    Parameters
    ----------
    activation : Activation
        s, at the values of its parameters.
    """
    yield from _places(breaking_functions(_concrete(activation)), _breakpoints(activation))


def _concrete(activation: Activation) -> sp.Expr:
    return activation.expression.xreplace(activation.values)


def _breakpoints(activation: Activation) -> tuple[sp.Expr, ...]:
    """Places where neighbouring pieces meet, without deciding what happens there; none where they are not known."""
    try:
        return tuple(place.xreplace(activation.values) for place in activation.pieces.breakpoints)
    except NoClosedForm:
        return ()


def _places(functions: tuple[sp.Expr, ...], known: tuple[sp.Expr, ...]) -> Iterator[Place]:
    """Known places, then the zeros of functions, those nearest to zero first."""
    seen: list[float] = []
    for place in [*map(Place, known), *(place for function in functions for place in zeros_of(function))]:
        number = float(place.expression)
        if all(abs(number - other) > SAME * max(1.0, abs(other)) for other in seen):
            seen.append(number)
            yield place


def singularity_at(function: Callable[[Any], Any], place: Place) -> Singularity | None:
    """How a function grows towards a place; None where it does not, or so little that its square is integrable.

    Parameters
    ----------
    function : callable
        f on mpmath numbers, at the current precision.
    place : Place
        t.
    """
    worst = None
    rough_place = place.located(8 * ROUGH[-1])
    for side in (-1, 1) if rough_place is not None else ():
        with mpmath.workprec(8 * ROUGH[-1]):
            rough = [_level(function, rough_place, side, bits) for bits in ROUGH]
        if not rough[1] - rough[0] > SURELY_INTEGRABLE * (ROUGH[1] - ROUGH[0]):
            continue
        precise = place.located(BITS)
        if precise is None:
            continue
        order, logarithm = _power(function, precise, side)
        if worst is None or order > worst.order:
            worst = Singularity(place.expression, str(place), order, logarithm)
    return worst


def grows_at(function: Callable[[Any], Any], place: Place) -> bool:
    """Whether a function grows towards a place at all, be it like a logarithm.

    Parameters
    ----------
    function : callable
        On mpmath numbers, at the current precision.
    place : Place
        Where.
    """
    precise = place.located(8 * ROUGH[-1])
    if precise is None:
        return False
    with mpmath.workprec(8 * ROUGH[-1]):
        levels = [[_level(function, precise, side, bits) for bits in ROUGH] for side in (-1, 1)]
    return any(far - near > GROWING for near, far in levels)


def _level(function: Callable[[Any], Any], place: Any, side: int, bits: int) -> Any:
    """log2 of ``|f|`` at the distance 2^-bits, ``inf`` where f overflows, ``-inf`` where it vanishes."""
    levels = [-mpmath.inf]
    for part in BESIDE:
        size = abs(function(place + side * mpmath.ldexp(part, -bits)))
        if size and not mpmath.isnan(size):
            levels.append(mpmath.log(size, 2) if mpmath.isfinite(size) else mpmath.inf)
    return max(levels)


def _power(function: Callable[[Any], Any], place: Any, side: int) -> tuple[sp.Expr, float]:
    """The order p and the power k of the logarithm: log2|f| = p n + k log2(n) + constant at the distances 2^-n."""
    with mpmath.workprec(BITS):
        near, middle, far = (_level(function, place, side, bits) for bits in DISTANCES)
        if mpmath.isinf(far) or far - middle > DISTANCES[-1] ** 2:
            return (sp.oo if far > 0 else -sp.oo), 0.0
        steps = middle - near, far - middle
        order = float((steps[1] - steps[0]) / DISTANCES[0])
        logarithm = float(2 * steps[0] - steps[1])
    simple = Fraction(order).limit_denominator(1000)
    pure = abs(logarithm) <= PURE
    if abs(float(simple) - order) <= (PURE if pure else UNSURE):
        return sp.Rational(simple.numerator, simple.denominator), 0.0 if pure else logarithm
    return sp.Float(order, 6), logarithm


def jumps_at(function: Callable[[Any], Any], place: Place) -> bool:
    """Whether the difference between the two sides of a place stays, from one distance to the next.

    Parameters
    ----------
    function : callable
        On mpmath numbers, at the current precision.
    place : Place
        Where.
    """
    gaps = []
    for bits, precision in ((BELOW_JUMPS, 8 * ROUGH[-1]), (DISTANCES[0], BITS)):
        precise = place.located(precision)
        if precise is None:
            return False
        with mpmath.workprec(precision):
            step = mpmath.ldexp(1, -bits)
            gaps.append(abs(function(precise + step) - function(precise - step)))
        if not (mpmath.isfinite(gaps[-1]) and gaps[-1] > SMALLEST_JUMP):
            return False
    return bool(gaps[1] > gaps[0] / 16)
