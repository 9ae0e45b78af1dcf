"""Functions resolved to a number of bits on panels: evaluated once, at Chebyshev points, and cheap ever after.

All numbers are integers in fixed point, ``number * 2**bits``: Python multiplies such integers several times faster than
mpmath multiplies floating-point numbers.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mpmath

from ntksym.kept import kept

__all__ = ["Panel", "Resolved", "resolve", "to_fixed"]

NARROWEST = 100
"""A panel is not halved below 2**-NARROWEST; what an integrable singularity still costs is in `Resolved.error`."""

MOST_PANELS = 4000
"""Resolution stops here; what is not resolved by then is reported in `Resolved.error`."""


def to_fixed(number: Any, bits: int) -> int:
    """``number * 2**bits`` of an mpmath number, rounded to an integer."""
    return int(mpmath.libmp.to_fixed(mpmath.mp.convert(number)._mpf_, bits))


@lru_cache(maxsize=64)
def _chebyshev(order: int, bits: int) -> tuple[tuple[Any, ...], tuple[int, ...], tuple[tuple[int, ...], ...]]:
    """Chebyshev points, the table cos(k*pi/(2*order)) for k < 4*order, the monomial coefficients of T_0, T_1, ..."""
    with mpmath.workprec(bits + 20):
        table = [mpmath.cos(mpmath.pi * k / (2 * order)) for k in range(4 * order)]
    rows = [[1], [0, 1]]
    for degree in range(2, order):
        row = [0] * (degree + 1)
        for power, entry in enumerate(rows[-1]):
            row[power + 1] += 2 * entry
        for power, entry in enumerate(rows[-2]):
            row[power] -= entry
        rows.append(row)
    points = tuple(table[2 * k + 1] for k in range(order))
    return points, tuple(to_fixed(entry, bits) for entry in table), tuple(tuple(row) for row in rows)


@dataclass(frozen=True)
class Panel:
    """A polynomial on [left, right], in t = (position - middle)/half, highest power first.

    `largest` bounds its absolute values, `error` estimates its distance from the function; all in fixed point.
    """

    left: int
    right: int
    coefficients: tuple[int, ...]
    largest: int
    error: int


@dataclass(frozen=True, eq=False)
class Resolved:
    """A piecewise polynomial on adjacent panels, zero elsewhere, in fixed point with `bits` binary places."""

    panels: tuple[Panel, ...]
    bits: int

    @kept
    def edges(self) -> tuple[int, ...]:
        """Ends of the panels, increasing."""
        return (*(panel.left for panel in self.panels), self.panels[-1].right)

    @kept
    def error(self) -> Any:
        """Estimate of the integral of |function - self|."""
        total = sum(panel.error * (panel.right - panel.left) for panel in self.panels)
        return mpmath.ldexp(mpmath.mpf(total), -2 * self.bits)

    @kept
    def norm(self) -> Any:
        """Bound of the integral of |self|."""
        total = sum(panel.largest * (panel.right - panel.left) for panel in self.panels)
        return mpmath.ldexp(mpmath.mpf(total), -2 * self.bits)

    def __call__(self, position: int) -> int:
        """Value at a position, both in fixed point."""
        edges = self.edges
        if not edges[0] <= position <= edges[-1]:
            return 0
        panel = self.panels[min(bisect_right(edges, position), len(self.panels)) - 1]
        bits = self.bits
        t = ((2 * position - panel.left - panel.right) << bits) // (panel.right - panel.left)
        value = 0
        for coefficient in panel.coefficients:
            value = (value * t >> bits) + coefficient
        return value


def resolve(
    function: Callable[[Any], Any], breakpoints: Sequence[Any], *, order: int, bits: int, accuracy: int, widest: Any
) -> Resolved:
    """Interpolate a function, smooth between the breakpoints, until the error is below ``2**-accuracy``.

    Parameters
    ----------
    function : callable
        From mpmath numbers to mpmath numbers, of size one at most or so.
    breakpoints : sequence
        Increasing mpmath numbers: the two ends and every kink or jump in between.
    order : int
        Number of interpolation points on a panel.
    bits : int
        Binary places of the result; a good deal more than `accuracy`.
    accuracy : int
        Panels are halved until their error, times their width if that is below 1, is estimated below ``2**-accuracy``.
    widest : number
        Largest width of a panel.
    """
    ends = [to_fixed(point, bits) for point in breakpoints]
    waiting: list[tuple[int, int]] = []
    for left, right in zip(ends[-2::-1], ends[:0:-1], strict=True):  # the leftmost on top of the stack
        parts = -((left - right) // to_fixed(widest, bits))
        cuts = [left + (right - left) * part // parts for part in range(parts + 1)]
        waiting += list(zip(cuts[-2::-1], cuts[:0:-1], strict=True))
    done: list[Panel] = []
    narrowest = 1 << max(bits - NARROWEST, 10)
    while waiting:
        left, right = waiting.pop()
        panel = _fit(function, left, right, order, bits)
        width = min(right - left, 1 << bits)
        unresolved = panel.error * width >> (2 * bits - accuracy)
        if unresolved and width > 2 * narrowest and len(done) + len(waiting) < MOST_PANELS:
            middle = (left + right) // 2
            waiting += [(middle, right), (left, middle)]
        else:
            done.append(panel)
    return Resolved(tuple(done), bits)


def _fit(function: Callable[[Any], Any], left: int, right: int, order: int, bits: int) -> Panel:
    points, cosines, monomials = _chebyshev(order, bits)
    middle = mpmath.ldexp(mpmath.mpf(left + right), -bits - 1)
    half = mpmath.ldexp(mpmath.mpf(right - left), -bits - 1)
    values = [to_fixed(function(middle + half * t), bits) for t in points]
    largest = max(map(abs, values))
    if not largest:
        return Panel(left, right, (), 0, 0)
    chebyshev = [
        2 * sum(value * cosines[degree * (2 * k + 1) % (4 * order)] for k, value in enumerate(values)) // order >> bits
        for degree in range(order)
    ]
    chebyshev[0] //= 2
    error = 4 * max(map(abs, chebyshev[-4:]))
    while chebyshev and abs(chebyshev[-1]) < 16:  # rounding, not signal
        chebyshev.pop()
    powers = [0] * len(chebyshev)
    for entry, row in zip(chebyshev, monomials, strict=False):
        for power, factor in enumerate(row):
            powers[power] += entry * factor
    return Panel(left, right, tuple(reversed(powers)), largest, error)
