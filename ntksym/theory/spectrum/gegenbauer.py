r"""Harmonic analysis on the sphere S^{d-1}: multiplicities, Gegenbauer polynomials, projections of powers.

    N(d, n) = (2n + d - 2)/n C(n + d - 3, d - 2),  N(d, 0) = 1,                         the harmonics of degree n
    P_{n+1} = ((2n + d - 2) t P_n - n P_{n-1})/(n + d - 2),  P_n(1) = 1
    t^k = sum_n m(k, n) N(d, n) P_n(t),  n <= k,  n = k mod 2,  m(k, n) > 0
    (1 - t)^nu = sum_n A_n(d, nu) N(d, n) P_n(t)

(Mueller, Spherical Harmonics, 1966; Azevedo and Menegatto, J. Approx. Theory 177 (2014) 57.)
"""

import math
from typing import Any

import mpmath
import numpy as np
import scipy

from ntksym.numerics.arrays import Array
from ntksym.numerics.fixed_point import Integers, encode

__all__ = [
    "decay_exponent",
    "log_projections",
    "masses",
    "multiplicity",
    "normaliser",
    "power_coefficient",
    "project",
    "sums",
    "sums_in_digits",
]


ROUNDED_UP = 1.01
"""Covers that m(k, n) is largest at a whole number next to the peak, and the rounding of its logarithm."""


def multiplicity(dim: int, degree: int) -> int:
    """N(d, n), the number of independent spherical harmonics of degree n on S^{d-1}."""
    if dim == 1:
        return int(degree <= 1)
    total = math.comb(degree + dim - 1, dim - 1)
    return total - (math.comb(degree + dim - 3, dim - 1) if degree >= 2 else 0)


def masses(multiplicities: tuple[int, ...], eigenvalues: Array) -> Array:
    """N(d, n) mu_n, also where N(d, n) is beyond float64."""
    found = np.empty(len(eigenvalues))
    for n, (count, value) in enumerate(zip(multiplicities, eigenvalues.tolist(), strict=True)):
        shift = max(count.bit_length() - 1000, 0)
        found[n] = np.ldexp(float(count >> shift) * value, shift)
    return found


def project(coefficients: Array, dim: int, degree: int) -> tuple[Array, Array]:
    """mu_n = sum_j c_(n+2j) m(n + 2j, n) for n <= degree, and the largest m(k, n) beyond the coefficients.

    Parameters
    ----------
    coefficients : float array, shape (terms,)
        c_k >= 0 of sum c_k t^k; more than degree of them.
    dim : int
        d of the sphere S^{d-1}.
    degree : int
        The largest n.

    Returns
    -------
    pair of float arrays, shape (degree + 1,)
        Eigenvalues, without cancellation; sup of m(k, n) over k >= terms.
    """
    terms = len(coefficients)
    values, beyond = np.zeros(degree + 1), np.zeros(degree + 1)
    first = 1.0
    for n in range(degree + 1):
        k = np.arange(n, max(terms, n + 1) + 2, 2, dtype=np.float64)
        ratios = (k + 2) * (k + 1) / ((k - n + 2) * (k + n + dim))
        weights = first * np.cumprod(np.concatenate([[1.0], ratios]))
        inside = coefficients[n::2]
        values[n] = float(weights[: len(inside)] @ inside)
        beyond[n] = _largest(n, dim, weights, len(inside))
        first *= (n + 1) / (2 * n + dim)
    return values, beyond


def _largest(n: int, dim: int, weights: Array, start: int) -> float:
    """The largest m(k, n) from k = n + 2 start on: m rises up to k near n^2/(d - 1) and falls from there."""
    if dim == 1:
        return 1.0
    peak = (n * (n + dim - 2) - 2 * dim + 2) / (dim - 1)
    if n + 2 * start >= peak:
        return float(weights[start])
    return min(1.0, ROUNDED_UP * math.exp(_log_projection(math.ceil(peak), n, dim)))


def _log_projection(k: int, n: int, dim: int) -> float:
    """The logarithm of m(k, n) = k! Gamma(d/2) Gamma((k-n+1)/2)/((k-n)! 2^n sqrt(pi) Gamma((k+n+d)/2))."""
    above = math.lgamma(k + 1) + math.lgamma(dim / 2) + math.lgamma((k - n + 1) / 2)
    below = math.lgamma(k - n + 1) + n * math.log(2) + math.log(math.pi) / 2 + math.lgamma((k + n + dim) / 2)
    return above - below


def log_projections(k: Array, n: int, dim: int) -> Array:
    """The same at several k >= n of the parity of n."""
    gammaln = scipy.special.gammaln  # loaded by its first use
    above = gammaln(k + 1) + math.lgamma(dim / 2) + gammaln((k - n + 1) / 2)
    return np.asarray(above - gammaln(k - n + 1) - n * math.log(2) - math.log(math.pi) / 2 - gammaln((k + n + dim) / 2))


def normaliser(dim: int) -> Any:
    """Gamma(d/2)/(sqrt(pi) Gamma((d-1)/2)): makes sin(theta)^(d-2) d theta a probability; for d >= 2, in mpmath."""
    half = mpmath.mpf(dim) / 2
    return mpmath.gammaprod([half], [half - mpmath.mpf(1) / 2]) / mpmath.sqrt(mpmath.pi)


def sums(points: Array, weights: Array, dim: int, degree: int) -> tuple[Array, Array]:
    """sum_j w_j P_n(t_j) for n <= degree, and sum_j |w_j P_n(t_j)|, in float64."""
    found, sizes = np.empty(degree + 1), np.empty(degree + 1)
    before, value = np.zeros(len(points)), np.ones(len(points))
    for n in range(degree + 1):
        found[n], sizes[n] = weights @ value, np.abs(weights) @ np.abs(value)
        if n == 0:
            before, value = value, points
        else:
            before, value = value, ((2 * n + dim - 2) * points * value - n * before) / (n + dim - 2)
    return found, sizes


def sums_in_digits(points: Integers, weights: Integers, dim: int, degree: int, bits: int) -> list[int]:
    """The same sums of fixed-point numbers, as integers of ``2*bits`` bits behind the point."""
    found = []
    before, value = np.zeros(len(points), dtype=object), encode([1] * len(points), bits)
    for n in range(degree + 1):
        found.append(int(weights @ value))
        if n == 0:
            before, value = value, points
        else:
            before, value = value, ((2 * n + dim - 2) * (points * value >> bits) - n * before) // (n + dim - 2)
    return found


def power_coefficient(dim: int, degree: int, exponent: float) -> Any:
    """A_n(d, nu), the eigenvalue of (1 - t)^nu on S^{d-1}; an mpmath number.

    2^nu Gamma(nu + (d-1)/2) Gamma(d-1)/(Gamma((d-1)/2) Gamma(-nu)) * Gamma(n - nu)/Gamma(n + d - 1 + nu)
    """
    nu, half = mpmath.mpf(exponent), (mpmath.mpf(dim) - 1) / 2
    constant = mpmath.gammaprod([nu + half, dim - 1], [half, -nu])
    return 2**nu * constant * mpmath.gammaprod([degree - nu], [degree + dim - 1 + nu])


def decay_exponent(dim: int, exponent: float) -> float:
    """The e in A_n(d, nu) ~ n^(-e): d + 2 nu - 1."""
    return dim + 2 * exponent - 1
