r"""A kernel on the sphere as a function of the angle, in float64 without cancellation at the ends and in many digits.

Besides S the distances low = q - S and high = q + S are carried. A Dense layer scales low by W_std^2, whatever its
bias; a nonlinearity turns it into

    V(q) - K(q, q, S) = low int_0^1 2 t D(q, q, q - low t^2) dt,

which is smooth in t also where D is infinite at the diagonal, and integrated where the difference would cancel.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.dual import ClosedDual
from ntksym.dual.derivation import dual_of
from ntksym.formula.functions import FUNCTIONS
from ntksym.network.layers import Dense, Network, Nonlinearity
from ntksym.network.walk import walk
from ntksym.numerics.arrays import Array
from ntksym.numerics.legendre import legendre
from ntksym.numerics.limits import SMALLEST_NORMAL
from ntksym.special.symbolic import MPMATH
from ntksym.symbols import c, q, q1, q2
from ntksym.theory.requests import Get, as_mpf, bias_variance, exact_value, require_variance, weight_variance

__all__ = [
    "Diagonal",
    "diagonal",
    "diagonal_formula",
    "evaluate_angles",
    "evaluate_digits",
    "has_digits",
    "is_elementary",
]


NEAR = 1e-2
"""Below this share of q, the distance after a nonlinearity is integrated; above, a difference loses two digits."""

NODES = 16

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


@dataclass(frozen=True)
class _OneStep:
    """The diagonal while the layers go by; m = dS/d rho at rho = 1."""

    variances: tuple[float, ...]
    q: float
    t: float
    m: float


class _AtOne:
    """The algebra of the diagonal."""

    def dense(self, state: _OneStep, layer: Dense) -> _OneStep:
        weight, q = layer.weight_variance, layer.weight_variance * state.q + layer.bias_variance
        return _OneStep(state.variances, q, q + weight * state.t, weight * state.m)

    def nonlinear(self, state: _OneStep, layer: Nonlinearity) -> _OneStep:
        q = state.q
        require_variance(q, len(state.variances) + 1, layer.activation)
        value, slope = (float(part) for part in dual_of(layer.activation).evaluate(q, q, q))
        return _OneStep((*state.variances, q), value, state.t * slope, state.m * slope)

    def add(self, state: _OneStep, branch: _OneStep) -> _OneStep:
        return _OneStep(branch.variances, state.q + branch.q, state.t + branch.t, state.m + branch.m)


def diagonal(network: Network, mean_square: float) -> Diagonal:
    """The variances of every layer, for |x|^2/d = mean_square.

    Raises
    ------
    InvalidInput
        Where a variance vanishes or explodes.
    NoSuchDual
        Where E[s(U)^2] diverges.
    """
    end = walk(network.layers, _OneStep((), mean_square, 0.0, mean_square), _AtOne())
    return Diagonal(end.variances, end.q, end.t, end.m / end.q if end.q else math.inf)


@dataclass(frozen=True)
class _Pairs:
    """S, T and the two distances at many angles."""

    q: float
    s: Array
    low: Array
    high: Array
    t: Array


@dataclass(frozen=True)
class _AtAngles:
    """The algebra of pairs of points of one variance, in float64."""

    with_slope: bool

    def dense(self, state: _Pairs, layer: Dense) -> _Pairs:
        """The distance low = q - S does not see the bias."""
        weight, bias = layer.weight_variance, layer.bias_variance
        s = weight * state.s + bias
        return _Pairs(
            weight * state.q + bias, s, weight * state.low, weight * state.high + 2 * bias, s + weight * state.t
        )

    def nonlinear(self, state: _Pairs, layer: Nonlinearity) -> _Pairs:
        activation, q = layer.activation, state.q
        dual = dual_of(activation)
        gap = np.minimum(np.minimum(state.low, state.high) / q, 1.0)
        value, slope = dual.evaluate(q, q, np.copysign(q * (1 - gap), state.s), gap=gap)
        variance = float(dual.evaluate(q, q, q).value)
        low, high = variance - value, variance + value
        near, mirrored = state.low < NEAR * q, state.high < NEAR * q
        low[near] = _distance(activation, q, state.low[near])
        if activation.parity == "even":
            low[mirrored] = _distance(activation, q, state.high[mirrored])
        if activation.parity == "odd":
            high[mirrored] = _distance(activation, q, state.high[mirrored])
        return _Pairs(variance, value, low, high, state.t * slope if self.with_slope else state.t)

    def add(self, state: _Pairs, branch: _Pairs) -> _Pairs:
        """Both distances are sums, like S and q."""
        return _Pairs(
            state.q + branch.q,
            state.s + branch.s,
            state.low + branch.low,
            state.high + branch.high,
            state.t + branch.t,
        )


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
    end = walk(network.layers, pairs, _AtAngles(with_slope=get == "ntk"))
    return end.s if get == "nngp" else end.t


def _distance(activation: Activation, q: float, low: Array) -> Array:
    """V - K at covariances q - low."""
    if not len(low):
        return low
    nodes, weights = legendre(NODES)
    t, weights = (nodes + 1) / 2, weights / 2
    gap = np.maximum(np.outer(low / q, t * t), SMALLEST_NORMAL)
    slope = dual_of(activation).evaluate(q, q, q * (1 - gap), gap=gap).slope
    return low * (slope @ (2 * t * weights))


@lru_cache(maxsize=128)
def has_digits(activation: Activation) -> bool:
    """Whether the dual is a closed form that mpmath evaluates quickly."""
    dual = dual_of(activation)
    return dual.kind == "closed" and not dual.accurate_range.is_empty


@lru_cache(maxsize=128)
def is_elementary(activation: Activation) -> bool:
    """Whether the formula of the dual has no functions that mpmath takes milliseconds for."""
    dual = dual_of(activation)
    return isinstance(dual, ClosedDual) and all(
        isinstance(node, sp.atan2) or type(node).__name__ in FUNCTIONS for node in dual.value.atoms(sp.Function)
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


def diagonal_formula(activation: Activation) -> Callable[[Any], tuple[Any, Any]]:
    """Q -> E[s(U)^2], E[s'(U)^2] of a closed dual, for mpmath numbers."""
    return _formulas(activation, True)[1]


@dataclass(frozen=True)
class _Digits:
    """q, and S and T at many correlations, as mpmath numbers."""

    q: Any
    s: list[Any]
    t: list[Any]


@dataclass(frozen=True)
class _InDigits:
    """The algebra of the same in many digits, by the formulas of closed duals."""

    with_slope: bool

    def dense(self, state: _Digits, layer: Dense) -> _Digits:
        weight, bias = as_mpf(weight_variance(layer)), as_mpf(bias_variance(layer))
        s = [weight * entry + bias for entry in state.s]
        return _Digits(weight * state.q + bias, s, [a + weight * b for a, b in zip(s, state.t, strict=True)])

    def nonlinear(self, state: _Digits, layer: Nonlinearity) -> _Digits:
        pair, whole = _formulas(layer.activation, self.with_slope)
        results = [pair(state.q, state.q, entry) for entry in state.s]
        t = [mpmath.re(slope) * entry for (_, slope), entry in zip(results, state.t, strict=True)]
        return _Digits(whole(state.q)[0], [mpmath.re(value) for value, _ in results], t)

    def add(self, state: _Digits, branch: _Digits) -> _Digits:
        s, t = ([a + b for a, b in zip(*lists, strict=True)] for lists in ((state.s, branch.s), (state.t, branch.t)))
        return _Digits(state.q + branch.q, s, t)


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
        q = as_mpf(exact_value(mean_square))
        start = _Digits(q, [q * rho for rho in cosines], [mpmath.mpf(0)] * len(cosines))
        end = walk(network.layers, start, _InDigits(with_slope=get == "ntk"))
        return end.s if get == "nngp" else end.t
