"""A dual that is a series, at pairs of one variance whose distance from |rho| = 1 is known to all digits."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ntksym.dual.protocol import SeriesLike
from ntksym.hermite.truncation import limits
from ntksym.numerics.arrays import Array

__all__ = ["SERVED", "PowerTerms", "sum_pairs", "terms_at"]


SERVED = 1e-14
"""Truncation error, relative, up to which the stored terms are taken for the whole series."""

NEGLIGIBLE = 1e-18
"""What all terms that are left out may add up to, relative, beside that."""


@dataclass(frozen=True)
class PowerTerms:
    """K(q, q, rho q) = sum_k squares[k] rho**degrees[k] at one variance q, for every rho.

    Attributes
    ----------
    variance, value, slope : float
        q, E[s(U)^2] and E[s'(U)^2].
    degrees, squares : float arrays, shape (m,)
        k and a_k(q)^2.
    """

    variance: float
    value: float
    slope: float
    degrees: Array
    squares: Array


@lru_cache(maxsize=256)
def terms_at(dual: SeriesLike, variance: float) -> PowerTerms | None:
    """The terms of a series at one variance; None where the stored ones do not serve every correlation."""
    place = np.array([variance])
    found = dual.coefficients(place)
    if limits(found, place, SERVED)[0, -1] < 1:
        return None
    squares = found.coefficients[0] ** 2
    energies = squares * np.maximum(found.order, 1)
    kept = np.cumsum(energies[::-1])[::-1] > NEGLIGIBLE * variance * found.slope[0]
    return PowerTerms(
        variance, float(found.value[0]), float(found.slope[0]), found.order[kept].astype(float), squares[kept]
    )


def sum_pairs(terms: PowerTerms, covariance_gap: Array, sign: Array) -> tuple[Array, Array, Array]:
    """K and D at c = sign*(q - low), and K(q) - K(q - low) = sum_k a_k^2 (1 - (1 - low/q)^k), whose terms are positive.

    Parameters
    ----------
    terms : PowerTerms
        From `terms_at`.
    covariance_gap, sign : float arrays, shape (n,)
        q - ``|c|``, and the sign of c.
    """
    with np.errstate(divide="ignore"):
        logarithm = np.log1p(-np.minimum(covariance_gap / terms.variance, 1.0))[:, None]
    degrees, squares = terms.degrees, terms.squares
    drops = -np.expm1(np.where(degrees > 0, logarithm, 0.0) * degrees)
    signs = np.where(degrees % 2 == 0, 1.0, sign[:, None])
    less = degrees - 1
    powers = np.exp(np.where(less > 0, logarithm, 0.0) * np.maximum(less, 0.0))
    lost = drops @ squares
    value = np.where(sign > 0, terms.value - lost, (signs * (1 - drops)) @ squares)
    slope = (signs * sign[:, None] * powers) @ (squares * degrees) / terms.variance
    return value, np.where((covariance_gap == 0) & (sign > 0), terms.slope, slope), lost
