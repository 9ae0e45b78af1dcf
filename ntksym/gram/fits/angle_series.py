r"""One function of the angle on [0, pi] as two polynomials, from its values: how many terms, and how large the error.

F(theta) = A(sigma) + rho B(sigma), rho = cos(theta), sigma = sin(theta). A and B are interpolated in Chebyshev points
of sigma on [0, 1], twice as many until the last quarter of the coefficients is negligible (Trefethen, Approximation
Theory and Approximation Practice, 2013, chapters 3 and 8). What is kept of them is then checked between the points.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.polynomial.chebyshev import cheb2poly

from ntksym.lowering.templates.angle import GROUP
from ntksym.numerics import chebyshev
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import EPSILON

__all__ = ["FEWEST", "MOST", "AngleSeries", "Angles", "Sample", "between", "fit"]

Parts = tuple[Array, Array]

FEWEST, MOST = 32, 256
"""Chebyshev points with which the search begins, and ends."""

MOST_BLOCKS = 16
"""b at most: with as many, the powers of the longest interpolants have small coefficients."""

CHECKS = 16
"""Gaps between Chebyshev points that are looked into."""

EDGES = (0.0, 1e-9, 1e-7, 1e-5, 1e-3)
"""Angles near 0 and pi that are looked at as well."""

SAFETY = 2.0
"""The largest error is at most this times the largest that the checks see."""


@dataclass(frozen=True)
class Angles:
    """Angles theta and pi - theta for some theta in [0, pi/2], shape (k,) each, without cancellation.

    Parameters
    ----------
    sigma : float array, shape (k,)
        sin(theta).
    rho : float array, shape (k,)
        cos(theta).
    gap : float array, shape (k,)
        1 - cos(theta).
    """

    sigma: Array
    rho: Array
    gap: Array


Sample = Callable[[Angles], tuple[Array, Array]]
"""F of each kernel at theta and at pi - theta, shape (kernels, k) each."""


@dataclass(frozen=True)
class AngleSeries:
    """F = A(sigma) + rho B(sigma) for one kernel, with F(0) = 1.

    Parameters
    ----------
    parts : pair of float arrays, shapes (b, k)
        A and B: P_r, highest power first, in sum_r T_r(y) P_r(T_b(y)), y = 2 sigma - 1; k = 0 for one that vanishes.
    error : float
        Bound of the error of F.
    """

    parts: Parts
    error: float

    @property
    def terms(self) -> int:
        """Number of coefficients."""
        return sum(part.size for part in self.parts)

    def __call__(self, sigma: Array, rho: Array) -> Array:
        """F at angles with these sines and cosines, shape (k,)."""
        return _sum(self.parts, sigma, rho)


def fit(sample: Sample, allowed: float) -> tuple[AngleSeries, ...] | None:
    """The series of each kernel with an error of at most ``allowed``; None where that takes too many terms.

    Parameters
    ----------
    sample : callable
        The function, for all kernels in one go.
    allowed : float
        Error allowed.
    """
    count = FEWEST
    while count <= MOST:
        found = [_coefficients(part, count) for part in _parts(sample, _nodes(count))]
        level = max(float(np.abs(part[..., -count // 4 :]).max()) for part in found)
        if level <= allowed / 10:
            series = _series(list(zip(*found, strict=True)), allowed)
            error = _checked(series, sample, count) if series else np.inf
            if error <= allowed:
                return tuple(AngleSeries(parts, error) for parts in series)
        elif level ** (MOST / count) > allowed:  # the coefficients fall like a power: the last will not be small enough
            return None
        count *= 2
    return None


def _parts(sample: Sample, angles: Angles) -> tuple[Array, Array]:
    """Values of A and B of every kernel."""
    near, far = sample(angles)
    return (near + far) / 2, (near - far) / (2 * angles.rho)


@lru_cache(maxsize=8)
def _nodes(count: int) -> Angles:
    return _angles(np.pi * (np.arange(count) + 0.5) / count)


def _angles(phi: Array) -> Angles:
    """Those with 2 sin(theta) - 1 = cos(phi)."""
    sigma = np.cos(phi / 2) ** 2
    rho = np.sin(phi / 2) * np.sqrt(1 + sigma)
    return Angles(sigma, rho, sigma * sigma / (1 + rho))


def _coefficients(values: Array, count: int) -> Array:
    """Chebyshev coefficients of interpolants, shape (kernels, count)."""
    return values @ chebyshev.transform(count).T


def _series(kernels: Sequence[tuple[Array, Array]], allowed: float) -> tuple[Parts, ...]:
    """As few terms as serve, in as few blocks, the same number for all; none where the powers cancel too much."""
    lengths = [[_needed(part, allowed / 8) for part in parts] for parts in kernels]
    blocks = 1
    while blocks <= MOST_BLOCKS:
        series = [
            (_powers(parts[0], needed[0], blocks), _powers(parts[1], needed[1], blocks))
            for parts, needed in zip(kernels, lengths, strict=True)
        ]
        if max(sum(float(np.abs(part).sum()) for part in parts) for parts in series) * EPSILON <= allowed / 4:
            return tuple(series)
        blocks *= 2
    return ()


def _needed(coefficients: Array, allowed: float) -> int:
    """How many terms to keep; the others are small in the mean over [0, 1], and the checks see whether everywhere."""
    rest = np.sqrt(np.cumsum(coefficients[::-1] ** 2))[::-1]
    return int(np.count_nonzero(rest > allowed))


def _powers(coefficients: Array, length: int, blocks: int) -> Array:
    """P_r, shape (blocks, k), from the first Chebyshev coefficients, as many as whole groups hold."""
    if length == 0:
        return np.zeros((blocks, 0))
    terms = GROUP * -(-length // (GROUP * blocks))
    kept = np.zeros(blocks * terms)
    kept[: min(len(coefficients), len(kept))] = coefficients[: len(kept)]
    grid = kept.reshape(terms, blocks)  # grid[m, r] multiplies T_(b m + r) = 2 T_r T_(b m) - T_(b m - r)
    for m in range(terms - 1, 0, -1):
        grid[m - 1, 1:] -= grid[m, :0:-1]
        grid[m, 1:] *= 2
    powers = np.zeros((blocks, terms))
    for r in range(blocks):
        column = cheb2poly(grid[:, r])
        powers[r, terms - len(column) :] = column[::-1]
    return powers


def _sum(parts: Parts, sigma: Array, rho: Array) -> Array:
    even, odd = (_evaluate(part, 2 * sigma - 1) for part in parts)
    return even + rho * odd


def _evaluate(part: Array, y: Array) -> Array:
    """sum_r T_r(y) P_r(T_b(y)), in the order of operations of the compiled code."""
    u = y
    for _ in range(part.shape[0].bit_length() - 1):
        u = 2 * u * u - 1
    total, before, now = np.zeros_like(y), y, np.ones_like(y)
    for row in part:
        power = np.zeros_like(y)
        for term in row:
            power = power * u + term
        total = total + now * power
        before, now = now, 2 * y * now - before
    return total


def _checked(series: Sequence[Parts], sample: Sample, count: int) -> float:
    """The largest error between the points, and near 0 and pi."""
    angles = between(count)
    worst = 0.0
    for rho, values in zip((angles.rho, -angles.rho), sample(angles), strict=True):
        for parts, exact in zip(series, values, strict=True):
            worst = max(worst, float(np.abs(_sum(parts, angles.sigma, rho) - exact).max()))
    return SAFETY * worst


@lru_cache(maxsize=8)
def between(count: int) -> Angles:
    """Angles half-way between Chebyshev points, and some near 0 and pi."""
    places = np.unique(np.linspace(1, count - 1, CHECKS).round())
    inside = _angles(places * (np.pi / count))
    edges = np.array(EDGES)
    half = np.sin(edges / 2)
    whole = [(inside.sigma, np.sin(edges)), (inside.rho, np.cos(edges)), (inside.gap, 2 * half * half)]
    return Angles(*(np.concatenate(pair) for pair in whole))
