"""Coefficients and moments by composite Gauss-Legendre in mpmath: shares no code with the enclosures it judges."""

from bisect import bisect
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import mpmath as mp
from mpmath.calculus.quadrature import GaussLegendre

from ntksym.activation.activation import Activation

DIGITS = 50
REACH = 16
"""phi(16) = 1e-56: what is beyond, for functions that grow like a power, is below the digits."""
RULE = 5
"""48 nodes a panel."""


@dataclass(frozen=True)
class Numbers:
    coefficients: list[Any]
    value: Any
    slope: Any


def moments_of(activation: Activation, q: float, count: int, width: float = 1.0) -> Numbers:
    """a_k for k < count, V and D with about 40 digits, where no pole is nearer to the real axis than ``width``.

    A panel of half length w/2 with a pole at distance w has a Bernstein ellipse of sum r = 4.2, so that 48 nodes leave
    r**(-96) = 1e-59.
    """
    with mp.workdps(DIGITS):
        root = mp.sqrt(mp.mpf(q))
        value, slope = activation.to_mpmath(), activation.derivative_to_mpmath()
        breaks = [
            mp.mpmathify(place.xreplace(activation.values).evalf(DIGITS)) / root
            for place in activation.pieces.breakpoints
        ]
        ends = [mp.mpf(-REACH) + k * mp.mpf(width) for k in range(round(2 * REACH / width) + 1)]
        for place in breaks:
            if place not in ends:
                ends.insert(bisect(ends, place), place)
        rule = GaussLegendre(mp.mp).calc_nodes(RULE, mp.mp.prec)
        coefficients, total, steep = [mp.mpf(0)] * count, mp.mpf(0), mp.mpf(0)
        for low, high in pairwise(ends):
            centre, half = (low + high) / 2, (high - low) / 2
            for node, weight in rule:
                z = centre + half * node
                density = half * weight * mp.npdf(z)
                here = value(root * z)
                total += density * here**2
                steep += density * slope(root * z) ** 2
                before, now = mp.mpf(0), density * here
                for k in range(count):
                    coefficients[k] += now
                    before, now = now, (z * now - mp.sqrt(k) * before) / mp.sqrt(k + 1)
        return Numbers(coefficients, total, steep)
