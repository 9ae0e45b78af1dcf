"""The Hermite series of an activation at given variances, as the tiles of a Gram matrix take it."""

from dataclasses import dataclass

from ntksym.numerics.arrays import Array

__all__ = ["STEP", "Expansion", "SeriesLayout"]

STEP = 8
"""Terms are stored, and added up, in groups of this many."""


@dataclass(frozen=True)
class SeriesLayout:
    """How much of a series is stored, the same for all rows that will be paired.

    Attributes
    ----------
    terms : int
        How many coefficients are kept; those beyond are zero.
    groups : int
        How many groups of ``STEP`` terms are stored.
    """

    terms: int
    groups: int


@dataclass(frozen=True)
class Expansion:
    r"""``K(q_i, q_j, c) = rho**offset sum_m A[i, m] A[j, m] rho**(stride*m)``, rho = c/sqrt(q_i q_j), for n variances.

    The slope dK/dc is the derivative of this in rho over sqrt(q_i q_j). An even or odd activation has every second
    coefficient zero: then stride is 2, and offset the parity.

    Attributes
    ----------
    coefficients : float array, shape (n, terms)
        ``A[i, m] = a_k(q_i)``, k = offset + stride*m; terms is a multiple of ``STEP``.
    offset, stride : int
        Which coefficients are stored: (0, 1), (0, 2) or (1, 2).
    value : float array, shape (n,)
        E[s(U)^2] at q: the kernel on the diagonal, from an integral of its own.
    slope : float array, shape (n,)
        E[s'(U)^2] at q; infinite where s jumps.
    limits : float array, shape (n, terms // STEP)
        ``limits[i, g]``: for ``|rho| <= min(limits[i, g], limits[j, g])`` the first ``STEP*(g + 1)`` stored terms give
        value and slope within the tolerance, relative to sqrt(V(q_i) V(q_j)) and sqrt(D(q_i) D(q_j)). Not decreasing in
        g; 1 where they are accurate for every rho. Beyond ``limits[i, -1]`` the series is not accurate.
    """

    coefficients: Array
    offset: int
    stride: int
    value: Array
    slope: Array
    limits: Array
