"""The arguments (q1, q2, c) of every dual are checked here, and its answer, value and slope, is defined."""

from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from ntksym.errors import InvalidInput
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import EPSILON

__all__ = ["ROUNDING", "ValueAndSlope", "check_covariance", "gap_of", "snapped"]

ROUNDING = 8 * EPSILON
"""Within this of +-1, relatively, a correlation is +-1: c itself carries as much rounding."""

SPLIT = 2.0**27 + 1
"""Veltkamp's constant: halves of a float64 whose products are exact."""

Numbers = TypeVar("Numbers")


class ValueAndSlope(NamedTuple, Generic[Numbers]):
    """E[s(U)s(V)] and E[s'(U)s'(V)]: float64 arrays, or mpmath numbers where ``dps`` was given."""

    value: Numbers
    slope: Numbers


def check_covariance(first: Any, second: Any, cov: Any) -> None:
    """Make sure that [[q1, c], [c, q2]] is a covariance matrix everywhere.

    Raises
    ------
    InvalidInput
        If it is not.
    """
    if not (np.all(np.isfinite(first)) and np.all(np.isfinite(second)) and np.all(np.isfinite(cov))):
        raise InvalidInput(
            "variances and covariances must be finite numbers; remove NaN and infinity", q1=first, q2=second, c=cov
        )
    if np.any(first < 0) or np.any(second < 0):
        raise InvalidInput("variances q1, q2 must not be negative; pass q1 >= 0 and q2 >= 0", q1=first, q2=second)
    if np.any(np.abs(cov) > np.sqrt(first) * np.sqrt(second) * (1 + ROUNDING)):
        raise InvalidInput(
            "|c| must not exceed sqrt(q1*q2): this is no covariance matrix; pass c = rho*sqrt(q1*q2)",
            q1=first,
            q2=second,
            c=cov,
        )


def snapped(first: Any, second: Any, cov: Any, known: Any = None) -> tuple[Any, Any]:
    """Covariance and determinant, with a correlation within `ROUNDING` of +-1 made exactly that.

    If 1 - ``|rho|`` is ``known`` more exactly than the covariance can say, the determinant is that of it.
    """
    product = np.where(first == second, first, np.sqrt(first) * np.sqrt(second))
    if known is not None:
        return np.copysign(product * (1 - known), cov), product * product * known * (2 - known)
    gap = product - np.abs(cov)
    parallel = gap <= ROUNDING * product
    return np.where(parallel, np.copysign(product, cov), cov), np.where(parallel, 0.0, gap * (product + np.abs(cov)))


def gap_of(first: Array, second: Array, cov: Array) -> Array:
    """1 - |rho| to a few roundings of itself, from the floats as they are: q1*q2 - c**2 without cancellation.

    Dekker, Numer. Math. 18 (1971), section 5: products of float64 as unevaluated sums of two.
    """
    (m1, e1), (m2, e2) = np.frexp(first), np.frexp(second)
    odd = (e1 + e2) % 2
    m1 = np.ldexp(m1, odd)
    c = np.ldexp(np.abs(cov), -((e1 + e2 - odd) // 2))
    (product, rest), (square, lost) = _product(m1, m2), _product(c, c)
    determinant = np.maximum((product - square) + (rest - lost), 0.0)
    whole = np.sqrt(product)
    return np.asarray(determinant / (whole * (whole + c)))


def _product(left: Array, right: Array) -> tuple[Array, Array]:
    """left*right exactly, as a rounded product and its error."""
    product = left * right
    high, above = (part * SPLIT - (part * SPLIT - part) for part in (left, right))
    low, below = left - high, right - above
    return product, ((high * above - product) + high * below + low * above) + low * below
