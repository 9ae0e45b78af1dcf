r"""Eigenvalues by Gauss and Legendre's rule in the angle.

    mu_n = Gamma(d/2)/(sqrt(pi) Gamma((d-1)/2)) int_0^pi f(cos t) P_n(cos t) sin(t)^(d-2) dt        (Funk-Hecke).

Kernels of kinked activations are analytic in the angle, not in its cosine, so that the rule converges geometrically.
Where they are not even that (a step; Matern kernels), both halves of [0, pi] are mapped by t = (pi/2) s^p. In float64
an eigenvalue has an absolute error of some 1e-16 f(1); in fixed point, of whatever is asked for. Two rules with
different numbers of nodes tell how far from converged they are.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np

from ntksym.numerics.arrays import Array
from ntksym.numerics.fixed_point import decode, decode_floats, encode
from ntksym.numerics.legendre import legendre_fixed
from ntksym.numerics.limits import EPSILON
from ntksym.theory.spectrum.gegenbauer import normaliser, sums, sums_in_digits

__all__ = ["AngleNodes", "Integrals", "angles", "integrate", "integrate_digits", "node_count"]


ROUNDING = 16.0
"""Roundings, in units of eps, in a value of the kernel and its weight."""

FLOAT_DIGITS = 16

GUARD_BITS = 40
MORE_NODES = 1.25


@dataclass(frozen=True)
class Integrals:
    """Eigenvalues for n = 0..degree, and their errors as two rules and rounding tell; float arrays (degree + 1,)."""

    values: Array
    errors: Array


@dataclass(frozen=True)
class AngleNodes:
    """Nodes in [0, pi] as mpmath numbers.

    Attributes
    ----------
    cosines, sines, gaps : list of mpmath numbers
        cos t, sin t and 1 - |cos t|.
    weights : list of mpmath numbers
        Of the rule in t.
    """

    cosines: list[Any]
    sines: list[Any]
    gaps: list[Any]
    weights: list[Any]


def node_count(dim: int, degree: int, digits: int) -> int:
    """Nodes that resolve P_n(cos t) sin(t)^(d-2), whose frequencies beyond n fall like exp(-j^2/(2 d)), on [0, pi]."""
    frequency = degree + min(dim, math.ceil(math.sqrt(2 * dim * digits * math.log(10))))
    return math.ceil(math.pi / 4 * frequency) + degree // 4 + 30 + digits


def angles(count: int, power: int, bits: int) -> AngleNodes:
    """Nodes and weights on [0, pi]; with power > 1, each half mapped by it.

    Parameters
    ----------
    count : int
        Number of nodes, of each half if there are two.
    power : int
        p in t = (pi/2) s^p; 1 for one rule on the whole.
    bits : int
        Of the nodes.
    """
    nodes, weights = (decode(part, bits) for part in legendre_fixed(count, bits))
    if power == 1:
        quarter = mpmath.pi / 2
        places = [quarter * (node + 1) for node in nodes]
        scaled = [quarter * weight for weight in weights]
        return AngleNodes(*_trigonometry(places), scaled)
    halves = [(node + 1) / 2 for node in nodes]
    places = [mpmath.pi / 2 * s**power for s in halves]
    scaled = [mpmath.pi / 4 * power * s ** (power - 1) * w for s, w in zip(halves, weights, strict=True)]
    cosines, sines, gaps = _trigonometry(places)
    return AngleNodes(cosines + [-rho for rho in cosines], sines * 2, gaps * 2, scaled * 2)


def _trigonometry(places: list[Any]) -> tuple[list[Any], list[Any], list[Any]]:
    pairs = [mpmath.cos_sin(place) for place in places]
    cosines, sines = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return cosines, sines, [s * s / (1 + abs(rho)) for rho, s in pairs]


@lru_cache(maxsize=16)
def _float_angles(count: int, power: int) -> tuple[Array, ...]:
    """cos, sin, gap, weight in float64."""
    with mpmath.workdps(25):
        found = angles(count, power, 100)
        columns = (found.cosines, found.sines, found.gaps, found.weights)
        return tuple(np.array([float(entry) for entry in column]) for column in columns)


def integrate(kernel: Callable[[Array, Array], Array], dim: int, degree: int, power: int = 1) -> Integrals:
    """The eigenvalues in float64.

    Parameters
    ----------
    kernel : callable
        (gap, sign) -> f(rho), rho = sign (1 - gap), on arrays.
    dim : int
        d >= 2.
    degree : int
        The largest n.
    power : int
        p of `angles`.
    """
    fewer = node_count(dim, degree, FLOAT_DIGITS) * max(power, 2) // 2
    (coarse, _), (fine, sizes) = (
        _integrate(kernel, dim, degree, count, power) for count in (fewer, math.ceil(MORE_NODES * fewer))
    )
    return Integrals(fine, np.abs(fine - coarse) + ROUNDING * EPSILON * sizes)


def _integrate(
    kernel: Callable[[Array, Array], Array], dim: int, degree: int, count: int, power: int
) -> tuple[Array, Array]:
    cosines, sines, gaps, weights = _float_angles(count, power)
    density = float(normaliser(dim)) * weights * sines ** (dim - 2)
    return sums(cosines, density * kernel(gaps, np.sign(cosines)), dim, degree)


def integrate_digits(
    kernel: Callable[[list[Any]], list[Any]], dim: int, degree: int, digits: int, power: int = 1
) -> Integrals:
    """The eigenvalues with an absolute error of 10**-digits, relative to the largest value of the kernel.

    Parameters
    ----------
    kernel : callable
        List of rho -> list of f(rho), mpmath numbers.
    dim, degree, power : int
        As for `integrate`.
    digits : int
        Decimal digits.
    """
    bits = math.ceil(digits * math.log2(10)) + GUARD_BITS
    fewer = node_count(dim, degree, digits) * max(power, 2) // 2
    results: list[list[int]] = []
    scale: Any = None
    with mpmath.workprec(bits + GUARD_BITS):
        for count in (fewer, math.ceil(MORE_NODES * fewer)):
            places = angles(count, power, bits + GUARD_BITS)
            values = kernel(places.cosines)
            scale = scale or max(abs(value) for value in values) or mpmath.mpf(1)
            constant = normaliser(dim) / scale
            columns = zip(values, places.weights, places.sines, strict=True)
            weights = encode((constant * f * w * s ** (dim - 2) for f, w, s in columns), bits)
            results.append(sums_in_digits(encode(places.cosines, bits), weights, dim, degree, bits))
        size = float(scale)
    (coarse, fine), factor = results, 2 * bits
    gaps = decode_floats([abs(a - b) for a, b in zip(fine, coarse, strict=True)], factor)
    floor = 10.0**-digits if digits < 300 else 0.0
    return Integrals(size * decode_floats(fine, factor), size * (gaps + floor))
