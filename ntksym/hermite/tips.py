r"""Integrals around a singularity of s, over a piece so narrow that only they matter.

Next to a place t where s or s' is infinite, or not analytic, pieces halve towards t, and the last one, of width w, is
narrower than anything a Gaussian or a Hermite function can see. A constant stands there for s, its mean, which keeps
every linear functional; what it takes from squares, the variance of s on the piece, is kept apart and counted at t.
With d = w exp(-y) the integrands p(log d) d^(-2 p) fall like exp(-(1 - 2 p) y), smoothly, and Gauss-Legendre panels in
y, each wider than the one before, follow them as far as they matter.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

from ntksym.errors import ToleranceNotMet
from ntksym.numerics.arrays import Array
from ntksym.numerics.legendre import legendre

__all__ = ["Tips", "tip_integrals"]


POINTS = 16
FIRST_PANEL = 4.0
WIDER = 1.25
MOST_PANELS = 36
"""Panels in y: the last ends near y = 5e4, where even d^(-0.999) has faded."""

FADED = 1e-18
"""Share of the whole at which the panels end."""

BITS_PER_UNIT = 1.45
"""log2(e): bits of a distance exp(-y)."""

BITS = 100


@dataclass(frozen=True)
class Tips:
    """Masses that squares have beyond those of the polynomials, each at one place.

    Attributes
    ----------
    places : float array, shape (m,)
        Where they are.
    masses : float array, shape (m, 3)
        Integrals over x of (s - mean)^2, (s' - mean)^2 and (x s' - mean)^2.
    """

    places: Array
    masses: Array

    def between(self, low: float, high: float, factor: float) -> "Tips":
        """Those between two places, times a factor."""
        mine = (self.places > low) & (self.places < high)
        return Tips(self.places[mine], factor * self.masses[mine])

    def squares(self, variances: Array) -> Array:
        """What they add to E[s(U)^2], E[s'(U)^2] and E[(U s'(U))^2], shape (3, n)."""
        spread = np.sqrt(variances)
        density = np.exp(-((self.places / spread[:, None]) ** 2) / 2) / (np.sqrt(2 * np.pi) * spread[:, None])
        return np.asarray((density @ self.masses).T)


def tip_integrals(function: Callable[[Any], Any], place: Callable[[int], Any], side: int, width: float) -> Array:
    """The mean of a function on a narrow piece at one side of a place, and the integral of (f - mean)^2 over it.

    Parameters
    ----------
    function : callable
        f, of mpmath numbers at the current precision, with a square that is integrable.
    place : callable
        Binary digits -> the place with that many.
    side : -1 or 1
        Where the piece lies.
    width : float
        Its width w.

    Raises
    ------
    ToleranceNotMet
        If the square does not fade: f^2 is not integrable, or nearly so.
    """
    nodes, weights = legendre(POINTS)
    total, squares = mpmath.mpf(0), mpmath.mpf(0)
    start, length = 0.0, FIRST_PANEL
    for _ in range(MOST_PANELS):
        bits = BITS + int(BITS_PER_UNIT * (start + length)) + max(0, -int(np.log2(width)))
        with mpmath.workprec(bits):
            middle, square = place(bits), mpmath.mpf(0)
            for node, weight in zip(nodes, weights, strict=True):
                share = mpmath.exp(-(start + length * (1 + float(node)) / 2))
                height = function(middle + side * width * share)
                mass = float(weight) * length / 2 * share
                total, square = total + mass * height, square + mass * height**2
        squares += square
        if square <= FADED * squares:
            return np.array([float(total), float(width * (squares - total**2))])
        start, length = start + length, WIDER * length
    raise ToleranceNotMet(
        "the integral of a square next to a singularity has not settled: its order is almost 1/2", place=start
    )
