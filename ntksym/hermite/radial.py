r"""The difference that norms alone make between two rows: h = f1 - f2, f_i = s(r_i Z), r_i = sqrt(q_i), Z ~ N(0, 1).

With g = f1 + f2, the norm of L2 under the distribution of Z, and primes for s' in place of s,

    G = |f1||f2| - <f1, f2> = P/(2 (1 - B^2/|g|^2)),     P = |h - (<h, g>/|g|^2) g|^2,
    B = |f1| - |f2| = <h, g>/(|f1| + |f2|),     G' = |h'|^2,     B' = |f1'|^2 - |f2'|^2 = <h', g'>,

where nothing cancels: B and B' are of first order in r1 - r2, G and G' of second, or of first where s or s' jumps away
from zero.
They are smooth in the mean r of the radii and in their relative difference t > 0, and are interpolated, divided by the
power of t; the values come from quadrature between the kinks.
"""

from functools import lru_cache

import numpy as np

from ntksym.activation.activation import Activation
from ntksym.hermite.moments import reach_of
from ntksym.hermite.pair_values import table_of
from ntksym.hermite.tabulated_activation import TabulatedActivation
from ntksym.numerics import chebyshev
from ntksym.numerics.arrays import Array
from ntksym.numerics.legendre import legendre
from ntksym.numerics.limits import DIVISOR_FLOOR, EPSILON

__all__ = ["CLOSEST", "WIDEST", "radial_differences", "radial_gap"]


WIDEST = 2.0**-4
"""Relative difference of radii up to which all this is interpolated."""

CLOSEST = 4 * EPSILON
"""Radii nearer than this are one radius."""

CELLS = 2
"""Parts of an octave of r, interpolated apart."""

RADII, DIFFERENCES = 12, 10
"""Nodes of the interpolation."""

POINTS = 16
MEAN_POINTS = 6


def radial_gap(activation: Activation, first: Array, second: Array) -> Array:
    """G for n pairs of radii sqrt(q) that differ by at most `WIDEST`, relatively.

    Parameters
    ----------
    activation : Activation
        s.
    first, second : float arrays, shape (n,)
        Radii, positive.
    """
    return _interpolate(activation, first, second, first - second, slopes=False)[0]


def radial_differences(activation: Activation, first: Array, second: Array, apart: Array) -> Array:
    """G, B, G' and B' for n pairs, shape (4, n); ``apart`` is the difference of the radii, to all its digits."""
    found = np.concatenate([_interpolate(activation, first, second, apart, slopes=slopes) for slopes in (False, True)])
    found[1::2] *= np.sign(apart)
    return np.asarray(found)


def _interpolate(activation: Activation, first: Array, second: Array, apart: Array, *, slopes: bool) -> Array:
    """G and ``|B|`` of s, or of s'."""
    middle = (first + second) / 2
    ratio = np.abs(apart) / middle
    place = CELLS * np.log2(middle)
    cells = np.floor(place).astype(int)
    result = np.zeros((2, len(first)))
    order = _order(activation, slopes)
    for cell in np.unique(cells[ratio > 0]):
        mine = np.flatnonzero((cells == cell) & (ratio > 0))
        across = _chebyshev(2 * (place[mine] - cell) - 1, RADII)
        along = _chebyshev(2 * ratio[mine] / WIDEST - 1, DIFFERENCES)
        gap, length = np.einsum("nr,krd,nd->kn", across, _coefficients(activation, int(cell), slopes), along)
        result[:, mine] = np.exp(gap) * ratio[mine] ** order, length * ratio[mine]
    return result


def _order(activation: Activation, slopes: bool) -> int:
    """The power of r1 - r2 that a gap is."""
    jumps = [item for item in activation.breaks if (item.is_corner if slopes else item.is_jump)]
    return 1 if any(item.position != 0 for item in jumps) else 2


def _chebyshev(places: Array, count: int) -> Array:
    """Values of the Chebyshev polynomials, shape (n, count)."""
    return np.asarray(np.polynomial.chebyshev.chebvander(np.clip(places, -1.0, 1.0), count - 1), dtype=np.float64)


@lru_cache(maxsize=256)
def _coefficients(activation: Activation, cell: int, slopes: bool) -> Array:
    """log(G/t^k) and B/t on a cell as sums of products of Chebyshev polynomials in log r and t."""
    radii = 2.0 ** (chebyshev.grid(RADII, (cell, cell + 1)) / CELLS)
    differences = chebyshev.grid(DIFFERENCES, (0.0, WIDEST))
    profile, order = table_of(activation).profile, _order(activation, slopes)
    shares = np.array(
        [[_shares(profile, (r * (1 + t / 2), r * (1 - t / 2)), slopes) for t in differences] for r in radii]
    )
    values = np.stack(
        [np.log(np.maximum(shares[..., 0], DIVISOR_FLOOR) / differences**order), shares[..., 1] / differences]
    )
    return np.asarray(chebyshev.transform(RADII) @ values @ chebyshev.transform(DIFFERENCES).T)


def _shares(profile: TabulatedActivation, radii: tuple[float, float], slopes: bool) -> tuple[float, float]:
    """G and B, or G' and B'."""
    outer, inner = radii
    reach = reach_of(profile, outer)
    table = profile.table(int(np.floor(np.log2(inner))) - 3, int(np.ceil(np.log2(outer * reach))))
    crossed = [sorted((kink / outer, kink / inner)) for kink in profile.breaks if kink]
    edges = np.concatenate([table.edges / outer, table.edges / inner, *crossed, np.arange(-reach, reach), [reach]])
    z, masses = _grid(edges, reach)
    function, derivative = (table.slope, table.bend) if slopes else (table.value, table.slope)
    values = [function(side * z) for side in radii]
    middle, half = (outer + inner) / 2, (outer - inner) / 2
    places, weights = legendre(MEAN_POINTS)
    change = half * z * (weights @ derivative(np.outer(middle + half * places, z)))
    for low, high in crossed:
        inside = (low < z) & (z < high)
        change[inside] = (values[0] - values[1])[inside]
    total = values[0] + values[1]
    both, square = masses @ (change * total), masses @ (total * total)
    if slopes:
        return float(masses @ (change * change)), float(both)
    rest = change - both / square * total
    length = both / sum(np.sqrt(masses @ (value * value)) for value in values)
    return float(masses @ (rest * rest) / (2 * (1 - length * length / square))), float(length)


def _grid(edges: Array, reach: float) -> tuple[Array, Array]:
    """Points between the edges and their masses under the normal distribution."""
    ends = np.unique(np.clip(edges, -reach, reach))
    half = np.diff(ends)[:, None] / 2
    places, masses = legendre(POINTS)
    points = ((ends[:-1] + ends[1:])[:, None] / 2 + half * places).ravel()
    return points, (half * masses).ravel() * np.exp(-points * points / 2) / np.sqrt(2 * np.pi)
