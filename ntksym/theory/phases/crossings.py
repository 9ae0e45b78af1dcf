"""The zeros of a function of a positive variable are found, all at once, by Chebyshev polynomials in its logarithm.

Expectations over N(0, q) are analytic in q for Re q > 0 whatever the activation, so on an octave of q a polynomial of
degree 16 in log(q) is the function to rounding: the nearest singularity is pi/2 away from an interval of half-width
log(2)/2, and 9.1**-17 = 5e-17.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.polynomial import Chebyshev

from ntksym.errors import NoSuchDual, OutOfReach, ToleranceNotMet
from ntksym.numerics import chebyshev
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import EPSILON

__all__ = ["Crossing", "Survey", "survey"]


DEGREE = 16

TOUCHING = 1e-6
"""Imaginary part, in cells, below which two complex roots are one double root: the root of EPSILON, with a margin."""

ZERO = 64 * EPSILON
"""A function that is smaller than this everywhere is zero."""

RESOLVED = 1e-12
"""Last coefficients at which a polynomial is taken for the function; zeros are then corrected by a Newton step."""

DEEPEST = 4
"""Halvings of a cell."""


@dataclass(frozen=True)
class Crossing:
    """A zero.

    Attributes
    ----------
    place : float
        q.
    slope : float
        Derivative in log(q) there.
    """

    place: float
    slope: float


@dataclass(frozen=True)
class Survey:
    """What a function does between two ends.

    Attributes
    ----------
    crossings : tuple of Crossing
        Its zeros, increasing; none where it is zero everywhere.
    first, last : float
        Its first and its last value that is not zero to rounding.
    end : float
        Where it could not be followed any farther, or the upper end.
    vanishes : bool
        Whether it is zero everywhere, to rounding.
    """

    crossings: tuple[Crossing, ...]
    first: float
    last: float
    end: float
    vanishes: bool


def survey(function: Callable[[Array], Array], edges: Array) -> Survey:
    """The zeros of a function of q > 0.

    Parameters
    ----------
    function : callable
        q, shape (n,), to values between -1 and 1, shape (n,), whose rounding errors are of the order of `EPSILON`.
    edges : float array, shape (m,)
        Increasing; from each to the next is an octave or less.

    Raises
    ------
    OutOfReach
        If the sign changes where the function is zero to rounding on a whole interval.
    """
    found: list[Crossing] = []
    largest, ends, end = 0.0, [], float(edges[0])
    for low, high in pairwise(np.log(edges).tolist()):
        try:
            pieces = chebyshev.piecewise(lambda t: function(np.exp(t)), (low, high), DEGREE, _is_resolved, DEEPEST)
        except (NoSuchDual, ToleranceNotMet):
            break
        if not all(np.isfinite(piece.coef).all() for piece in pieces):
            break
        for piece in pieces:
            size = float(np.abs(piece.coef).sum())
            largest = max(largest, size)
            ends += [float(piece(place)) for place in piece.domain]
            if size > ZERO and abs(piece.coef[0]) <= np.abs(piece.coef[1:]).sum():
                found += _zeros(function, piece)
        end = float(np.exp(high))
    clear = [value for value in ends if abs(value) > ZERO]
    if not found and clear and clear[0] * clear[-1] < 0:
        raise OutOfReach(
            "two lengths are so near that float64 does not tell them apart: b_std is too small for a W_std so near to "
            "a critical one; take b_std=0 or a larger one",
            lengths=ends,
        )
    vanishes = bool(ends) and largest <= ZERO
    # A zero where two polynomials meet may be one of each.
    found = [zero for k, zero in enumerate(found) if not k or zero.place > found[k - 1].place * (1 + TOUCHING)]
    return Survey(tuple(found), *(clear[0], clear[-1]) if clear else (0.0, 0.0), end, vanishes)


def _is_resolved(coefficients: Array, scale: float) -> bool:
    """Whether a polynomial is the function, or the function is not finite, which halving does not mend."""
    return not np.isfinite(coefficients).all() or bool(np.abs(coefficients[-2:]).max() <= RESOLVED)


def _zeros(function: Callable[[Array], Array], fit: Chebyshev) -> list[Crossing]:
    low, high = map(float, fit.domain)
    roots = (2 * np.asarray(fit.roots(), dtype=np.complex128) - low - high) / (high - low)
    # A zero where two polynomials meet may be just outside of both: each looks a little beyond its ends.
    near = roots[(np.abs(roots.imag) < TOUCHING) & (np.abs(roots.real) < 1 + TOUCHING)].real
    derivative, crossings = fit.deriv(), []
    places = np.sort(near)
    for place in places[np.diff(places, prepend=-2.0) >= TOUCHING].tolist():
        where = low + (place + 1) * (high - low) / 2
        slope = float(derivative(where))
        step = float(function(np.exp(np.array([where])))[0]) / slope if slope else 0.0
        where -= step if abs(step) < TOUCHING * (high - low) else 0.0
        crossings.append(Crossing(float(np.exp(where)), float(derivative(where))))
    return crossings
