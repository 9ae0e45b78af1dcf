"""NNGP and NTK of a network in many digits: the recursion of the layers with every dual in mpmath.

The duals are formulas evaluated at that many digits, or integrals where there is no formula. Nothing of it is compiled,
interpolated or truncated, and `tests/network/test_recursion.py` holds the recursion itself against golden values.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import mpmath
import numpy as np

from ntksym.activation.activation import Activation
from ntksym.dual.derivation import derive
from ntksym.network.layers import Network
from ntksym.network.recursion import PairMap, begin, evaluate

__all__ = [
    "GUARD",
    "Kernels",
    "distances",
    "float_recursion",
    "float_recursion_at",
    "moments",
    "recursion",
    "recursion_at",
]

GUARD = 15
"""Digits that sums and products of the recursion have more than the duals: a layer loses less than one."""


class Kernels(NamedTuple):
    """The two kernels: mpmath numbers of a pair of points, or float arrays of many."""

    nngp: Any
    ntk: Any


class Moments(NamedTuple):
    """q1 = <x, x>/d, q2 = <y, y>/d, c = <x, y>/d of the exact values of floats, mpmath numbers."""

    q1: mpmath.mpf
    q2: mpmath.mpf
    c: mpmath.mpf


def moments(x: np.ndarray, y: np.ndarray, dps: int) -> Moments:
    """Second moments of two points, shape (d,) each, to ``dps`` digits."""
    with mpmath.workdps(dps):
        first, second = ([mpmath.mpf(float(entry)) for entry in point] for point in (x, y))
        return Moments(*(mpmath.fdot(u, v) / len(u) for u, v in ((first, first), (second, second), (first, second))))


def recursion(network: Network, x: np.ndarray, y: np.ndarray, dps: int = 30) -> Kernels:
    """NNGP and NTK of two points, from the exact values of the floats.

    Parameters
    ----------
    network : Network
        The layers; residual ones too.
    x, y : float array, shape (d,)
        The points.
    dps : int
        Decimal digits of every dual.
    """
    return recursion_at(network, *moments(x, y, dps + GUARD), dps=dps)


def recursion_at(network: Network, q1: Any, q2: Any, c: Any, dps: int = 30) -> Kernels:
    """NNGP and NTK of two points with these second moments, any numbers that mpmath takes as exact."""
    with mpmath.workdps(dps + GUARD):
        return _recursion(network, mpmath.mpf(q1), mpmath.mpf(q2), mpmath.mpf(c), dps)


@cache
def _recursion(network: Network, q1: mpmath.mpf, q2: mpmath.mpf, c: mpmath.mpf, dps: int) -> Kernels:
    state = evaluate(network, begin(q1, q2, c), {act: _precise(act, dps) for act in network.activations})
    return Kernels(state.c, state.ntk)


@cache
def _precise(activation: Activation, dps: int) -> PairMap:
    """The dual at this many digits; numbers that several pairs share, such as diagonals, are computed once."""
    return cache(partial(derive(activation).evaluate, dps=dps))


def distances(network: Network, x: np.ndarray, y: np.ndarray, dps: int = 60) -> Kernels:
    """K(x, x) + K(y, y) - 2 K(x, y) of both kernels: the differences cost digits, of which there are enough."""
    with mpmath.workdps(dps + GUARD):
        first, second, across = (recursion(network, *pair, dps) for pair in ((x, x), (y, y), (x, y)))
        return Kernels(first.nngp + second.nngp - 2 * across.nngp, first.ntk + second.ntk - 2 * across.ntk)


def float_recursion(
    network: Network, x: np.ndarray, y: np.ndarray, derived: Callable[[Activation], Any] = derive
) -> Kernels:
    """NNGP and NTK of all pairs, shape (n, m) each, by the same recursion in float64: for matrices of many entries.

    Parameters
    ----------
    network : Network
        The layers.
    x, y : float array, shape (n, d) and (m, d)
        The points; the same object for a matrix whose diagonal is exact.
    derived : callable
        Makes the dual of an activation.
    """
    q, r = (np.einsum("ij,ij->i", points, points) / points.shape[1] for points in (x, y))
    c = np.einsum("ik,jk->ij", x, y) / x.shape[1]
    if x is y:
        np.fill_diagonal(c, q)
    return float_recursion_at(network, *np.broadcast_arrays(q[:, None], r), c, derived)


def float_recursion_at(
    network: Network, q1: Any, q2: Any, c: Any, derived: Callable[[Activation], Any] = derive
) -> Kernels:
    """NNGP and NTK at second moments in float64, shape (...)."""
    state = evaluate(network, begin(q1, q2, c), {act: _clipped(derived(act)) for act in network.activations})
    return Kernels(state.c, state.ntk)


def _clipped(dual: Any) -> PairMap:
    """The dual in float64, where rounding may have made a covariance larger than the variances allow."""

    def pair_map(q1: np.ndarray, q2: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        most = np.sqrt(q1 * q2)
        value, slope = dual.evaluate(q1, q2, np.clip(c, -most, most))
        return value, slope

    return pair_map
