r"""A kernel on the sphere as a function of the angle, in float64 without cancellation at the ends and in many digits.

Besides S the distances low = q - S and high = q + S are carried. A Dense layer scales low by W_std^2, whatever its
bias; a nonlinearity turns it into

    V(q) - K(q, q, S) = low int_0^1 2 t D(q, q, q - low t^2) dt,

which is smooth in t also where D is infinite at the diagonal, and integrated where the difference would cancel.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from numpy.typing import NDArray

from ntksym.activation.activation import Activation
from ntksym.dual import ClosedDual
from ntksym.network.layers import Dense, Network
from ntksym.numerics.legendre import legendre
from ntksym.special.symbolic import MPMATH
from ntksym.symbols import c, q, q1, q2
from ntksym.theory.requests import Get, as_mpf, bias_variance, dual_of, exact_value, require_variance, weight_variance

__all__ = ["Diagonal", "diagonal", "evaluate_angles", "evaluate_digits", "has_digits", "is_elementary"]

Array = NDArray[np.float64]

NEAR = 1e-2
"""Below this share of q, the distance after a nonlinearity is integrated; above, a difference loses two digits."""

NODES = 16

ELEMENTARY = frozenset(
    {"acos", "asin", "atan", "atan2", "cos", "cosh", "erf", "erfc", "exp", "log", "sin", "sinh", "sqrt"}
)

GUARD = 25
"""Digits that cancel in closed forms between the nodes nearest to 0 and pi and these ends."""


@dataclass(frozen=True)
class Diagonal:
    """The kernel at x = y.

    Attributes
    ----------
    variances : tuple of float
        q before every nonlinearity.
    nngp, ntk : float
        S(1) and T(1) at the output; the NTK is infinite where an activation jumps.
    steepness : float
        dS/d rho over S at rho = 1: the kernel changes within angles of 1/sqrt(steepness).
    """

    variances: tuple[float, ...]
    nngp: float
    ntk: float
    steepness: float


def diagonal(network: Network, mean_square: float) -> Diagonal:
    """The variances of every layer, for |x|^2/d = mean_square.

    Raises
    ------
    InvalidInput
        Where a variance vanishes or explodes.
    NoSuchDual
        Where E[s(U)^2] diverges.
    """
    q, t, m = mean_square, 0.0, mean_square
    variances: list[float] = []
    for layer in network.layers:
        if isinstance(layer, Dense):
            q = layer.weight_variance * q + layer.bias_variance
            t, m = q + layer.weight_variance * t, layer.weight_variance * m
        else:
            require_variance(q, len(variances) + 1, layer.activation)
            variances.append(q)
            value, slope = dual_of(layer.activation).evaluate(q, q, q)
            q, t, m = float(value), t * float(slope), m * float(slope)
    return Diagonal(tuple(variances), q, t, m / q if q else math.inf)


@dataclass
class _Pairs:
    q: float
    s: Array
    low: Array
    high: Array
    t: Array


def evaluate_angles(network: Network, get: Get, mean_square: float, gap: Array, sign: Array) -> Array:
    """K(rho) at rho = sign (1 - gap), in float64.

    Parameters
    ----------
    network : Network
        The layers.
    get : "nngp" or "ntk"
        Which kernel.
    mean_square : float
        |x|^2/d.
    gap, sign : float arrays, shape (n,)
        1 - |rho| to all digits, and the sign of rho.
    """
    near, far = mean_square * gap, mean_square * (2 - gap)
    s = mean_square * sign * (1 - gap)
    pairs = _Pairs(mean_square, s, np.where(sign > 0, near, far), np.where(sign > 0, far, near), np.zeros(len(gap)))
    for layer in network.layers:
        if isinstance(layer, Dense):
            _affine(pairs, layer.weight_variance, layer.bias_variance)
        else:
            _bend(pairs, layer.activation, with_slope=get == "ntk")
    return pairs.s if get == "nngp" else pairs.t


def _affine(pairs: _Pairs, weight: float, bias: float) -> None:
    pairs.q = weight * pairs.q + bias
    pairs.s = weight * pairs.s + bias
    pairs.low, pairs.high = weight * pairs.low, weight * pairs.high + 2 * bias
    pairs.t = pairs.s + weight * pairs.t


def _bend(pairs: _Pairs, activation: Activation, *, with_slope: bool) -> None:
    dual, q = dual_of(activation), pairs.q
    gap = np.minimum(np.minimum(pairs.low, pairs.high) / q, 1.0)
    value, slope = dual.evaluate(q, q, np.copysign(q * (1 - gap), pairs.s), gap=gap)
    variance = float(dual.evaluate(q, q, q).value)
    low, high = variance - value, variance + value
    near = pairs.low < NEAR * q
    low[near] = _distance(activation, q, pairs.low[near])
    if activation.parity == "even":
        mirrored = pairs.high < NEAR * q
        low[mirrored] = _distance(activation, q, pairs.high[mirrored])
    if activation.parity == "odd":
        mirrored = pairs.high < NEAR * q
        high[mirrored] = _distance(activation, q, pairs.high[mirrored])
    pairs.q, pairs.s, pairs.low, pairs.high = variance, value, low, high
    if with_slope:
        pairs.t = pairs.t * slope


def _distance(activation: Activation, q: float, low: Array) -> Array:
    """V - K at covariances q - low."""
    if not len(low):
        return low
    nodes, weights = legendre(NODES)
    t, weights = (nodes + 1) / 2, weights / 2
    gap = np.maximum(np.outer(low / q, t * t), np.finfo(np.float64).tiny)
    slope = dual_of(activation).evaluate(q, q, q * (1 - gap), gap=gap).slope
    return low * (slope @ (2 * t * weights))


@lru_cache(maxsize=128)
def has_digits(activation: Activation) -> bool:
    """Whether the dual is a closed form that mpmath evaluates quickly."""
    dual = dual_of(activation)
    return isinstance(dual, ClosedDual) and dual.stable and not dual.value.has(sp.Integral)


@lru_cache(maxsize=128)
def is_elementary(activation: Activation) -> bool:
    """Whether the formula of the dual has no functions that mpmath takes milliseconds for."""
    dual = dual_of(activation)
    return isinstance(dual, ClosedDual) and not any(
        type(node).__name__ not in ELEMENTARY for node in dual.value.atoms(sp.Function)
    )


@lru_cache(maxsize=128)
def _formulas(activation: Activation, with_slope: bool) -> tuple[Any, Any]:
    """(q1, q2, c) -> value (and slope), q -> the same on the diagonal, for mpmath numbers."""
    dual = dual_of(activation)
    known = activation.values
    slopes = (dual.slope, dual.diagonal_slope) if with_slope else (sp.S.Zero, sp.S.Zero)
    pair, whole = zip((dual.value, dual.diagonal), slopes, strict=True)
    first, second = (
        sp.lambdify(
            arguments, [sp.sympify(part).xreplace(known) for part in parts], modules=[MPMATH, "mpmath"], cse=True
        )
        for arguments, parts in (([q1, q2, c], pair), ([q], whole))
    )
    return first, second


def evaluate_digits(network: Network, get: Get, mean_square: float, cosines: list[Any]) -> list[Any]:
    """K(rho) at given rho as mpmath numbers, of the precision that mpmath has; for networks that `has_digits`.

    Parameters
    ----------
    network : Network
        The layers.
    get : "nngp" or "ntk"
        Which kernel.
    mean_square : float
        |x|^2/d.
    cosines : list of mpmath numbers
        rho.
    """
    with mpmath.extradps(GUARD):
        start = exact_value(mean_square)
        variance = as_mpf(start)
        s, t = [variance * rho for rho in cosines], [mpmath.mpf(0)] * len(cosines)
        for layer in network.layers:
            if isinstance(layer, Dense):
                weight, bias = as_mpf(weight_variance(layer)), as_mpf(bias_variance(layer))
                variance = weight * variance + bias
                s = [weight * entry + bias for entry in s]
                t = [a + weight * b for a, b in zip(s, t, strict=True)]
            else:
                pair, whole = _formulas(layer.activation, get == "ntk")
                results = [pair(variance, variance, entry) for entry in s]
                s = [mpmath.re(value) for value, _ in results]
                t = [mpmath.re(b) * a for (_, b), a in zip(results, t, strict=True)]
                variance = whole(variance)[0]
        return s if get == "nngp" else t
