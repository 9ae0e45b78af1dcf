r"""The kernel of a network on the sphere |x|^2 = d mean_square, a function of rho alone: K(rho) = sum_k c_k rho^k.

All of theory computes on this value: it keeps what is known of the kernel, and is computed once.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mpmath

from ntksym.activation.activation import Activation
from ntksym.kept import kept
from ntksym.network.layers import Network
from ntksym.numerics.arrays import Array
from ntksym.theory.angles import (
    Diagonal,
    diagonal,
    evaluate_angles,
    evaluate_digits,
    has_digits,
    is_elementary,
)
from ntksym.theory.powers.parity_parts import parts_of
from ntksym.theory.powers.supports import ABSENT, Support, layer_supports
from ntksym.theory.powers.zonal_series import ZonalSeries, layer_variances, zonal_series
from ntksym.theory.requests import (
    Get,
    check_exists,
    check_get,
    check_mean_square,
    check_network,
    is_analytic,
)

__all__ = ["OfZonalKernel", "ZonalKernel", "zonal_kernel"]


SPARED_BITS = 8
"""Correlations that differ in fewer last bits are one: rules of quadrature are symmetric to rounding."""

KEPT = 32
"""Power series that are kept: one spectrum asks for a few lengths, and a polynomial network for one."""


@dataclass(frozen=True)
class ZonalKernel:
    """A kernel on a sphere.

    Attributes
    ----------
    network : Network
        The layers.
    get : "nngp" or "ntk"
        Which kernel.
    mean_square : float
        |x|^2/d.
    """

    network: Network
    get: Get
    mean_square: float

    @kept
    def diagonal(self) -> Diagonal:
        """Variances before each layer, and both kernels at rho = 1.

        Raises
        ------
        InvalidInput
            Where a variance vanishes or explodes.
        NoSuchDual
            Where E[s(U)^2] diverges.
        """
        return diagonal(self.network, self.mean_square)

    @property
    def trace(self) -> float:
        """K(1)."""
        return self.diagonal.nngp if self.get == "nngp" else self.diagonal.ntk

    @property
    def activations(self) -> Iterable[Activation]:
        """Those of the network, each once."""
        return dict.fromkeys(self.network.activations)

    @kept
    def is_smooth(self) -> bool:
        """Whether all activations are analytic on the line."""
        return all(is_analytic(activation) for activation in self.activations)

    @kept
    def has_digits(self) -> bool:
        """Whether mpmath evaluates all duals quickly."""
        return all(has_digits(activation) for activation in self.activations)

    @kept
    def is_elementary(self) -> bool:
        """Whether no dual has functions that mpmath takes milliseconds for."""
        return all(is_elementary(activation) for activation in self.activations)

    @kept
    def support(self) -> Support:
        """The largest even and odd power of rho in K; infinite where it is not known that there is one."""
        degrees = {}
        for activation in self.activations:
            parts = parts_of(activation)
            known = [math.inf if part.degree is None else part.degree for part in (parts.even, parts.odd)]
            degrees[activation] = (Support(*known),)
        *_, (_, possible) = layer_supports(self.network, degrees)
        (last,) = possible
        return last.nngp if self.get == "nngp" else last.ntk

    @kept
    def exact_variances(self) -> tuple[Any, ...]:
        """Q in front of every activation, as mpmath numbers; for activations that are analytic."""
        return tuple(layer_variances(self.network, self.mean_square))

    def series(self, terms: int) -> ZonalSeries:
        """c_k, k < terms, in float64 with bounds."""
        return _series(self, terms)

    def at_gaps(self, gap: Array, sign: Array) -> Array:
        """K(rho) at rho = sign (1 - gap), in float64, relatively accurate at both ends."""
        return evaluate_angles(self.network, self.get, self.mean_square, gap, sign)

    def at_cosines(self, cosines: list[Any]) -> list[Any]:
        """K(rho) as mpmath numbers, of the precision that mpmath has but for a few bits; where it `has_digits`.

        Of a kernel that is even or odd in rho one value does for rho and -rho.
        """
        sign = -1 if self.support.even == ABSENT else 1 if self.support.odd == ABSENT else 0
        if not sign:
            return evaluate_digits(self.network, self.get, self.mean_square, cosines)
        bits = mpmath.mp.prec - SPARED_BITS
        keys = [int(mpmath.ldexp(abs(rho), bits)) for rho in cosines]
        sizes = dict(zip(keys, map(abs, cosines), strict=True))
        values = evaluate_digits(self.network, self.get, self.mean_square, list(sizes.values()))
        known = dict(zip(sizes, values, strict=True))
        return [known[key] * (sign if rho < 0 else 1) for key, rho in zip(keys, cosines, strict=True)]


@dataclass(frozen=True, eq=False)
class OfZonalKernel:
    """What is computed from a kernel on a sphere, and keeps it.

    Attributes
    ----------
    kernel : ZonalKernel
        The parent of this stage: network, which kernel, and |x|^2/d of the points.
    """

    kernel: ZonalKernel

    @property
    def network(self) -> Network:
        """The layers."""
        return self.kernel.network

    @property
    def get(self) -> Get:
        """Which kernel, "nngp" or "ntk"."""
        return self.kernel.get

    @property
    def mean_square(self) -> float:
        """|x|^2/d of the points."""
        return self.kernel.mean_square


@lru_cache(maxsize=KEPT)
def _series(kernel: ZonalKernel, terms: int) -> ZonalSeries:
    return zonal_series(kernel.network, kernel.get, kernel.mean_square, terms)


def zonal_kernel(network: Network, get: str, mean_square: float) -> ZonalKernel:
    """The kernel that is asked for, if it exists.

    Raises
    ------
    InvalidInput
        For something that is no network, kernel or |x|^2/d.
    NoSuchDual
        For the NTK of an activation that jumps.
    """
    network, which, square = check_network(network), check_get(get), check_mean_square(mean_square)
    check_exists(network, which)
    return ZonalKernel(network, which, square)
