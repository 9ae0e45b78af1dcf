r"""A function of two variances and an angle as a table of coefficients, from its values: how many, how large the error.

F(u, v, theta) = F(v, u, theta) is interpolated in Chebyshev points of u, v and theta (Trefethen, Approximation Theory
and Approximation Practice, 2013, chapters 3 and 8); their numbers come from lines across the domain. The rank in u is
lower than the number of points: with A = Q S the singular value decomposition of the coefficients, those of u in rows,

    F = sum_rs phi_r(u) phi_s(v) sum_k C[r, s, k] T_k(t),     phi_r(u) = sum_a Q[a, r] T_a(u),

where s of a small singular value needs few k. What is kept is then checked between the points.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.polynomial.chebyshev import chebvander
from numpy.typing import NDArray

from ntksym.lowering.templates.table import GROUP
from ntksym.numerics import chebyshev
from ntksym.numerics.arrays import Array

__all__ = ["Domain", "Places", "Sample", "TableSeries", "fit"]

Indices = NDArray[np.intp]

VARIANCES, ANGLES = 28, 64
"""Chebyshev points on the lines that tell how many are needed, and more than are ever used."""

SHARES = (3.0, 12.0)
"""Coefficients may be left out up to 1/3 of what is allowed, and up to 1/12 where that is too much."""

CHECKED = 16, 24
"""Variances and angles from which the places between the points are drawn."""

CHECKS = 512
"""Number of these places."""

SAFETY = 2.0
"""The largest error is at most this times the largest that the checks see."""


@dataclass(frozen=True)
class Domain:
    """Where F is wanted.

    Parameters
    ----------
    variances : pair of floats
        Smallest and largest u; equal for a function of the angle alone.
    angles : pair of floats
        Smallest and largest theta.
    """

    variances: tuple[float, float]
    angles: tuple[float, float]

    @property
    def line(self) -> tuple[float, float]:
        """The numbers scale and shift in t = scale*theta + shift."""
        low, high = self.angles
        return 2 / (high - low), -(high + low) / (high - low)


@dataclass(frozen=True)
class Places:
    """Triples (u[i], u[j], theta).

    Parameters
    ----------
    variances : float array, shape (m,)
        The u that occur.
    first, second : int arrays, shape (n,)
        i and j.
    angles : float array, shape (n,)
        theta.
    """

    variances: Array
    first: Indices
    second: Indices
    angles: Array


Sample = Callable[[Places], Array]
"""F of each kernel at n places, shape (kernels, n)."""


@dataclass(frozen=True)
class TableSeries:
    """F for one or two kernels.

    Parameters
    ----------
    domain : Domain
        Where it holds.
    basis : float array, shape (a, r)
        Q, columns of zeros added to whole groups.
    tables : tuple of float arrays, shapes (r, r, k)
        C of each kernel.
    sizes : int array, shape (kernels, r/GROUP)
        How many k are used of every group of s, whole groups.
    error : float
        Bound of the error of F.
    """

    domain: Domain
    basis: Array
    tables: tuple[Array, ...]
    sizes: NDArray[np.int64]
    error: float

    @property
    def terms(self) -> int:
        """Number of coefficients that a pair takes, of the kernel with more of them."""
        return int(GROUP * self.sizes.sum(axis=1).max())

    def functions(self, u: Array) -> Array:
        """The values of phi at every u, shape (n, r)."""
        polynomials = chebvander(chebyshev.centred(u, self.domain.variances), len(self.basis) - 1)
        return np.asarray(np.einsum("na,ar->nr", polynomials, self.basis))  # no row depends on the others, as by BLAS

    def __call__(self, places: Places) -> Array:
        """F at places, shape (kernels, n)."""
        phi = self.functions(places.variances)
        scale, shift = self.domain.line
        turns = chebvander(scale * places.angles + shift, max(table.shape[2] for table in self.tables) - 1)
        found = np.zeros((len(self.tables), len(places.angles)))
        for kernel, table in enumerate(self.tables):
            for group, size in enumerate(self.sizes[kernel]):
                columns = slice(GROUP * group, GROUP * (group + 1))
                rows = np.einsum("nr,rsk->nsk", phi[places.first], table[:, columns, :size])
                found[kernel] += np.einsum("nsk,ns,nk->n", rows, phi[places.second, columns], turns[:, :size])
        return found


def fit(sample: Sample, domain: Domain, allowed: float) -> TableSeries | None:
    """The table with an error of at most ``allowed``; None where that takes too many points.

    Parameters
    ----------
    sample : callable
        The function, for all kernels in one go.
    domain : Domain
        Where the table is wanted.
    allowed : float
        Error allowed.
    """
    places = _between(domain)
    exact = sample(places)
    for share in SHARES:
        counts = _counts(sample, domain, allowed / share)
        if counts is None:
            return None
        series = _compressed(domain, _coefficients(sample, domain, counts), allowed / share)
        error = SAFETY * float(np.abs(series(places) - exact).max())
        if error <= allowed:
            return TableSeries(domain, series.basis, series.tables, series.sizes, error)
    return None


def _counts(sample: Sample, domain: Domain, allowed: float) -> tuple[int, int] | None:
    """Points in u and in theta that lines along the edges and through the middle of the domain need."""
    variances, edges = chebyshev.grid(VARIANCES, domain.variances), _ends(domain.variances)
    angles, turns = _ends(domain.angles), chebyshev.grid(ANGLES, domain.angles)
    across = list(product(range(len(edges)), angles, len(edges) + np.arange(VARIANCES)))
    along = list(product(*[range(len(edges))] * 2, turns))
    first, theta, second = map(np.array, zip(*across, *((i, theta, j) for i, j, theta in along), strict=True))
    values = sample(Places(np.concatenate([edges, variances]), first, second, theta))
    if not np.all(np.isfinite(values)):
        return None
    rows = _needed(values[:, : len(across)], VARIANCES, allowed)
    columns = _needed(values[:, len(across) :], ANGLES, allowed)
    return None if rows > VARIANCES - 2 or columns > ANGLES - 4 else (rows, max(columns, 2))


def _ends(ends: tuple[float, float]) -> Array:
    low, high = ends
    return np.unique([low, (low + high) / 2, high])


def _needed(values: Array, count: int, allowed: float) -> int:
    """The longest of the interpolants on lines of ``count`` points each, without what may be left out."""
    coefficients = np.abs(values.reshape(-1, count) @ chebyshev.transform(count).T).max(axis=0)
    return max(1, chebyshev.length(coefficients, allowed))


def _coefficients(sample: Sample, domain: Domain, counts: tuple[int, int]) -> Array:
    """Those of the interpolant in all points, shape (kernels, a, a, k)."""
    rows, turns = counts
    i, j = np.triu_indices(rows)
    angles = np.tile(chebyshev.grid(turns, domain.angles), len(i))
    found = sample(Places(chebyshev.grid(rows, domain.variances), np.repeat(i, turns), np.repeat(j, turns), angles))
    values = np.empty((len(found), rows, rows, turns))
    values[:, i, j] = values[:, j, i] = found.reshape(len(found), len(i), turns)
    across = chebyshev.transform(rows)
    return np.einsum("ai,bj,ck,nijk->nabc", across, across, chebyshev.transform(turns), values, optimize=True)


def _compressed(domain: Domain, coefficients: Array, allowed: float) -> TableSeries:
    """The same in as few functions of u and as few terms as serve, in whole groups."""
    kernels, rows, _, turns = coefficients.shape
    basis, sizes, _ = np.linalg.svd(coefficients.transpose(1, 0, 2, 3).reshape(rows, -1), full_matrices=False)
    rank = max(1, int(np.count_nonzero(np.sqrt(np.cumsum(sizes[::-1] ** 2))[::-1] > allowed)))
    whole = -(-rank // GROUP) * GROUP
    padded = np.zeros((rows, whole))
    padded[:, :rank] = basis[:, :rank]
    tables = np.zeros((kernels, whole, whole, -(-turns // GROUP) * GROUP))
    tables[..., :turns] = np.einsum("ar,bs,nabk->nrsk", padded, padded, coefficients, optimize=True)
    groups = np.abs(tables).sum(axis=1).reshape(kernels, whole // GROUP, GROUP, -1).sum(axis=2)
    rest = np.cumsum(groups[..., ::-1], axis=-1)[..., ::-1]
    kept = np.maximum(np.count_nonzero(rest > allowed, axis=-1), 1)
    return TableSeries(domain, padded, tuple(tables), -(-kept // GROUP) * GROUP, np.inf)


def _between(domain: Domain) -> Places:
    """Places that are not points of the interpolation, the corners of the domain among them."""
    draws = np.random.default_rng(0)
    rows, turns = CHECKED
    variances = np.concatenate([domain.variances, draws.uniform(*domain.variances, rows)])
    angles = np.concatenate([domain.angles, draws.uniform(*domain.angles, turns)])
    corners = np.array(list(product((0, 1), (0, 1), (0, 1))))
    picks = np.column_stack([draws.integers(len(part), size=CHECKS) for part in (variances, variances, angles)])
    first, second, third = np.concatenate([corners, picks]).T
    return Places(variances, first, second, angles[third])
