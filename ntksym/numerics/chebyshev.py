r"""Interpolation by Chebyshev polynomials in n points of the first kind, x_j = cos(pi (j + 1/2)/n), j = 0, ..., n - 1.

The interpolant of values f_j is sum_k c_k T_k with c_k = (2/n) sum_j f_j cos(pi k (j + 1/2)/n), half of that for k = 0;
for a function that is analytic inside the ellipse with foci -1 and 1 and semiaxes that add up to r, |c_k| falls like
r^-k (Trefethen, Approximation Theory and Approximation Practice, 2013, chapters 3 and 8). Sums of T_k are
`numpy.polynomial.chebyshev`'s.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.polynomial import Chebyshev
from numpy.polynomial.chebyshev import cheb2poly

from ntksym.numerics.arrays import Array

__all__ = ["centred", "grid", "length", "nodes", "piecewise", "powers", "transform"]


@cache
def nodes(count: int) -> Array:
    """The n points in (-1, 1), decreasing, shape (n,); only to be read."""
    return _frozen(np.cos(_angles(count)))


@cache
def transform(count: int) -> Array:
    """From values in the points to the coefficients c_k, shape (n, n); only to be read."""
    matrix = 2 / count * np.cos(np.outer(np.arange(count), _angles(count)))
    matrix[0] /= 2
    return _frozen(matrix)


@cache
def powers(count: int) -> Array:
    """From the coefficients c_k to those of 1, x, x^2, ..., shape (n, n); only to be read.

    Its entries grow like 2.4^k: for coefficients that fall faster.
    """
    matrix = np.zeros((count, count))
    for order in range(count):
        matrix[: order + 1, order] = cheb2poly(np.eye(count)[order, : order + 1])
    return _frozen(matrix)


def grid(count: int, ends: tuple[float, float]) -> Array:
    """The points on an interval, from its upper end down, shape (n,)."""
    low, high = ends
    return np.asarray((low + high) / 2 + (high - low) / 2 * nodes(count))


def centred(places: Array, ends: tuple[float, float]) -> Array:
    """Places of an interval mapped to [-1, 1]; to zero where its ends are equal."""
    low, high = ends
    return np.zeros_like(places) if low == high else np.asarray((2 * places - low - high) / (high - low))


def length(sizes: Array, allowed: float) -> int:
    """How many coefficients to keep for those left out to add up to at most ``allowed``: ``sizes`` are their moduli."""
    return int(np.count_nonzero(np.cumsum(sizes[::-1]) > allowed))


def piecewise(
    function: Callable[[Array], Array],
    ends: tuple[float, float],
    degree: int,
    is_resolved: Callable[[Array, float], bool],
    deepest: int,
) -> list[Chebyshev]:
    """Interpolants of a function on an interval that is halved until each is resolved, from left to right.

    Parameters
    ----------
    function : callable
        Places, shape (degree + 1,), to values.
    ends : pair of float
        The interval.
    degree : int
        Of each polynomial.
    is_resolved : callable
        Coefficients, and the largest of them on the pieces that this one is a part of -> whether to stop here.
    deepest : int
        Halvings at most.
    """

    def pieces(ends: tuple[float, float], scale: float, level: int) -> list[Chebyshev]:
        coefficients = np.asarray(transform(degree + 1) @ function(grid(degree + 1, ends)))
        scale = max(scale, float(np.abs(coefficients).max()))
        if level == deepest or is_resolved(coefficients, scale):
            return [Chebyshev(coefficients, domain=ends)]
        middle = (ends[0] + ends[1]) / 2
        return [*pieces((ends[0], middle), scale, level + 1), *pieces((middle, ends[1]), scale, level + 1)]

    return pieces(ends, 0.0, 0)


def _angles(count: int) -> Array:
    return np.asarray(np.pi * (np.arange(count) + 0.5) / count)


def _frozen(array: Array) -> Array:
    array.setflags(write=False)
    return array
