"""Phi, Phi2 and their products with exponentials in float64, broadcasting over arrays: a reference, not the fast path.

Same wedges as in `multiprecision`, with six Gauss-Legendre nodes a wedge. Error of Phi2: 5 eps absolutely; relatively
(20 + R^2) eps where h, k <= 0, R^2 = (h^2 - 2 r h k + k^2)/(1 - r^2), because R^2/2 is rounded and then exponentiated.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike

from ntksym.numerics.arrays import Array
from ntksym.numerics.legendre import legendre

__all__ = ["NUMPY", "bivariate_normal_cdf", "normal_cdf"]


_ROOT_HALF = float(np.sqrt(0.5))
_LONG_MILLS = float(np.sqrt(np.pi / 2))
_NODES = 12
# Below, M = 1 - z*mills(z) magnifies rounding at most 12 times; above, 60 levels of the continued fraction reach 1e-16.
_SWITCH, _LEVELS = 3.0, 60


def normal_cdf(h: ArrayLike) -> Array:
    """Phi(h); accuracy that of scipy.special.ndtr."""
    return np.asarray(scipy.special.ndtr(np.asarray(h, dtype=np.float64)))


def exp_normal_cdf(a: ArrayLike, h: ArrayLike) -> Array:
    """exp(a) * Phi(h), finite whenever the product is."""
    a, h = np.broadcast_arrays(np.asarray(a, dtype=np.float64), np.asarray(h, dtype=np.float64))
    below = np.minimum(h, 0.0)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        tail = np.where(
            np.isneginf(below), 0.0, np.exp(a - below * below / 2) * scipy.special.erfcx(-below * _ROOT_HALF) / 2
        )
        return np.where(h < 0, tail, np.exp(a) * scipy.special.ndtr(h))


def bivariate_normal_cdf(h: ArrayLike, k: ArrayLike, r: ArrayLike) -> Array:
    """Phi2(h, k; r), correlation r in [-1, 1]."""
    r = np.asarray(r, dtype=np.float64)
    return exp_bivariate_normal_cdf(0.0, h, k, r, np.sqrt((1.0 - r) * (1.0 + r)))


def exp_bivariate_normal_cdf(a: ArrayLike, h: ArrayLike, k: ArrayLike, r: ArrayLike, s: ArrayLike) -> Array:
    """exp(a) * Phi2(h, k; r) with s = sqrt(1 - r^2) given; near |r| = 1 it is s that counts, r gives the sign."""
    arrays = (np.asarray(item, dtype=np.float64) for item in (a, h, k, r, s))
    a, h, k, r, s = np.broadcast_arrays(*arrays)
    with np.errstate(all="ignore"):
        # |h| <= 1e150 keeps squares finite; the value at larger arguments is that at infinity.
        near_h, near_k = np.clip(h, -1e150, 1e150), np.clip(k, -1e150, 1e150)
        value = _interior(a, near_h, near_k, r, np.maximum(s, 1e-150))
        centre = np.exp(a) * np.arctan2(s, -r) / (2 * np.pi)
        value = np.where((h == 0) & (k == 0), centre, value)
    undefined = np.isnan(h) | np.isnan(k) | np.isnan(r) | np.isnan(a) | np.isnan(s)
    return np.where(undefined, np.nan, np.maximum(value, 0.0))


def exp_sinh(a: ArrayLike, b: ArrayLike) -> Array:
    """exp(a) * sinh(b), finite whenever the product is."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    size = np.abs(b)
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.copysign(np.exp(a + size) * -np.expm1(-2 * size) / 2, b))


def exp_cosh(a: ArrayLike, b: ArrayLike) -> Array:
    """exp(a) * cosh(b), finite whenever the product is."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    size = np.abs(b)
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.exp(a + size) * (1 + np.exp(-2 * size)) / 2)


def exp_erfi(a: ArrayLike, y: ArrayLike) -> Array:
    """exp(a) * erfi(y) = exp(a + y^2) * 2 dawsn(y)/sqrt(pi)."""
    a, y = np.asarray(a, dtype=np.float64), np.asarray(y, dtype=np.float64)
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.exp(a + y * y) * scipy.special.dawsn(y) * (2 / np.sqrt(np.pi)))


def _interior(a: Array, h: Array, k: Array, r: Array, s: Array) -> Array:
    """The sum of the two edges; an edge the origin lies beyond takes its complement, so that little cancels."""
    sign = np.where(r < 0, -1.0, 1.0)
    distance = s * s / (1 + np.abs(r))
    gap = k - sign * h
    across_h = (gap + distance * sign * h) / s
    across_k = (distance * k - gap) * sign / s
    return np.where(
        (h > 0) & (k > 0),
        np.exp(a) - _edge(a, -h, across_h) - _edge(a, -k, across_k),
        np.where(h > 0, 0.0, _edge(a, h, across_h))
        + np.where(k > 0, 0.0, _edge(a, k, across_k))
        - np.where(h > 0, _edge(a, -h, across_h), 0.0)
        - np.where(k > 0, _edge(a, -k, across_k), 0.0),
    )


def _edge(a: Array, h: Array, across: Array) -> Array:
    """exp(a) times the mass beyond the edge at h <= 0 seen from the origin: a wedge, or a half-plane less a wedge."""
    h = np.minimum(h, 0.0)
    part = _wedge(a, -h, np.abs(across))
    return np.where(across <= 0, part, exp_normal_cdf(a, h) - part)


def _wedge(a: Array, b: Array, w: Array) -> Array:
    small, large = np.minimum(b, w), np.maximum(b, w)
    radius = np.hypot(b, w)
    scale = np.exp(a - radius * radius / 2)
    top = small / np.where(radius > 0, radius + large, 1.0)
    angular = np.zeros_like(radius)
    for node, weight in zip(*(half[_NODES // 2 :] for half in legendre(_NODES)), strict=True):
        square = (top * node) ** 2
        angular += weight * _first_moment(radius * (1 - square) / (1 + square)) / (1 + square)
    part = top * angular / np.pi
    quadrant = scipy.special.erfcx(b * _ROOT_HALF) * scipy.special.erfcx(w * _ROOT_HALF) / 4
    return np.where(scale == 0, 0.0, scale * np.where(b <= w, part, quadrant - part))


def _first_moment(z: Array) -> Array:
    """M(z) = int_0^oo t exp(-t^2/2 - z t) dt = 1 - z*mills(z) = K/(z + K), K = 1/(z + 2/(z + 3/(z + ...)))."""
    far = np.maximum(z, _SWITCH)
    tail: Any = 0.0
    for level in range(_LEVELS, 0, -1):
        tail = level / (far + tail)
    return np.where(z < _SWITCH, 1 - z * (_LONG_MILLS * scipy.special.erfcx(z * _ROOT_HALF)), tail / (far + tail))


NUMPY: dict[str, Callable[..., Array]] = {
    "NormalCDF": normal_cdf,
    "BivariateNormalCDF": bivariate_normal_cdf,
    "ExpNormalCDF": exp_normal_cdf,
    "ExpBivariateNormalCDF": exp_bivariate_normal_cdf,
    "ExpSinh": exp_sinh,
    "ExpCosh": exp_cosh,
    "ExpErfi": exp_erfi,
}
"""Name of the sympy function -> float64 function; use as sympy.lambdify(..., modules=[NUMPY, "numpy", "scipy"])."""
