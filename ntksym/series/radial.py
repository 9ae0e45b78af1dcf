r"""What a difference of norms alone leaves between two rows: G = sqrt(V1 V2) - E[s(sqrt(q1) Z) s(sqrt(q2) Z)].

With h = f1 - f2, g = f1 + f2, f_i = s(r_i Z), r_i = sqrt(q_i), and the norm of L2 under the normal distribution of Z,

    G = P/(2 (1 - B^2/|g|^2)),     P = |h - (<h, g>/|g|^2) g|^2,     B = <h, g>/(|f1| + |f2|),

where nothing cancels: G is of second order in r1 - r2. It is smooth in the mean r of the radii and in their relative
difference t > 0; log(G/t^2) is interpolated, whose values come from quadrature between the kinks.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ntksym.activation import Activation
from ntksym.series.evaluation import table_of
from ntksym.series.hermite import reach_of
from ntksym.series.profile import Profile, Table

__all__ = ["CLOSEST", "WIDEST", "radial_gap"]

Array = NDArray[np.float64]

WIDEST = 2.0**-6
"""Relative difference of radii up to which G is interpolated."""

CLOSEST = 4 * float(np.finfo(np.float64).eps)
"""Radii nearer than this are one radius."""

CELLS = 2
"""Parts of an octave of r, interpolated apart."""

RADII, DIFFERENCES = 10, 5
"""Nodes of the interpolation."""

POINTS = 16
_PLACES, _MASSES = np.polynomial.legendre.leggauss(POINTS)
_MEAN_PLACES, _MEAN_WEIGHTS = np.polynomial.legendre.leggauss(6)

LEAST = 1e-300


def radial_gap(activation: Activation, first: Array, second: Array) -> Array:
    """G for n pairs of radii sqrt(q) that differ by at most `WIDEST`, relatively.

    Parameters
    ----------
    activation : Activation
        s, without jumps.
    first, second : float arrays, shape (n,)
        Radii, positive.
    """
    middle = (first + second) / 2
    apart = np.abs(first - second) / middle
    place = CELLS * np.log2(middle)
    cells = np.floor(place).astype(int)
    result = np.zeros(len(first))
    for cell in np.unique(cells[apart > CLOSEST]):
        mine = np.flatnonzero((cells == cell) & (apart > CLOSEST))
        across = _chebyshev(2 * (place[mine] - cell) - 1, RADII)
        along = _chebyshev(2 * apart[mine] / WIDEST - 1, DIFFERENCES)
        logarithm = np.einsum("nr,rd,nd->n", across, _coefficients(activation, int(cell)), along)
        result[mine] = np.exp(logarithm) * apart[mine] ** 2
    return result


def _chebyshev(places: Array, count: int) -> Array:
    """Values of the Chebyshev polynomials, shape (n, count)."""
    return np.asarray(np.polynomial.chebyshev.chebvander(np.clip(places, -1.0, 1.0), count - 1), dtype=np.float64)


@lru_cache(maxsize=256)
def _coefficients(activation: Activation, cell: int) -> Array:
    """log(G/t^2) on a cell as a sum of products of Chebyshev polynomials in log r and t, shape (RADII, DIFFERENCES)."""
    nodes = [np.polynomial.chebyshev.chebpts1(count) for count in (RADII, DIFFERENCES)]
    radii = 2.0 ** ((cell + (nodes[0] + 1) / 2) / CELLS)
    differences = WIDEST * (nodes[1] + 1) / 2
    profile = table_of(activation).profile
    values = np.array([[np.log(max(_share(profile, r, t), LEAST)) for t in differences] for r in radii])
    inverses = [np.linalg.inv(_chebyshev(points, len(points))) for points in nodes]
    return np.asarray(inverses[0] @ values @ inverses[1].T)


def _share(profile: Profile, radius: float, difference: float) -> float:
    """G/t^2 at r1 = r (1 + t/2), r2 = r (1 - t/2)."""
    outer, inner = radius * (1 + difference / 2), radius * (1 - difference / 2)
    reach = reach_of(profile, outer)
    low, high = int(np.floor(np.log2(inner))) - 3, int(np.ceil(np.log2(outer * reach)))
    table = profile.table(low, high)
    crossed = [sorted((kink / outer, kink / inner)) for kink in profile.breaks if kink]
    z, masses = _grid(np.concatenate([table.edges / radius, *crossed, np.arange(-reach, reach), [reach]]), reach)
    change = _change(table, z, outer, inner, crossed) / difference
    total = table.value(outer * z) + table.value(inner * z)
    both, square = masses @ (change * total), masses @ (total * total)
    rest = change - both / square * total
    lengths = sum(np.sqrt(masses @ table.value(side * z) ** 2) for side in (outer, inner))
    return float(masses @ (rest * rest) / (2 * (1 - (difference * both / lengths) ** 2 / square)))


def _grid(edges: Array, reach: float) -> tuple[Array, Array]:
    """Points between the edges and their masses under the normal distribution."""
    ends = np.unique(np.clip(edges, -reach, reach))
    half = np.diff(ends)[:, None] / 2
    points = ((ends[:-1] + ends[1:])[:, None] / 2 + half * _PLACES).ravel()
    return points, (half * _MASSES).ravel() * np.exp(-points * points / 2) / np.sqrt(2 * np.pi)


def _change(table: Table, z: Array, outer: float, inner: float, crossed: list[list[float]]) -> Array:
    """s(r1 z) - s(r2 z), as an integral of s' unless a kink lies between."""
    middle, half = (outer + inner) / 2, (outer - inner) / 2
    change = half * z * (_MEAN_WEIGHTS @ table.slope(np.outer(middle + half * _MEAN_PLACES, z)))
    for low, high in crossed:
        inside = (low < z) & (z < high)
        change[inside] = table.value(outer * z[inside]) - table.value(inner * z[inside])
    return np.asarray(change)
