r"""The leading singularity of a kernel on the sphere at rho = 1 and rho = -1, from the kinks of its activations.

A derivative of order r that jumps by J_i at x_i gives, with B = sum_i J_i^2 p_q(x_i) and p_q the density of N(0, q),

    K = smooth + C_r B (2 (q - c))^(r + 1/2),     C_r = (-1)^(r+1) 2^(r+1/2) Gamma(r+1)/(2 (2r+1)! sqrt(pi)),

since E[sum_i J_i^2 p |U - V|^(2r+1)] (-1)^(r+1)/(2 (2r+1)!) is what is not smooth (Bietti and Bach 2021, section 3, for
kinks at zero). A layer passes the singularity of the one before on with a factor W_std^2 D, and adds its own:

    c <- D c + C_r B (2m)^(r+1/2),   t <- D t - (2r+1) C_r B T (2m)^(r-1/2),   m <- D m,     m = dS/d rho at rho = 1

with (1-rho)^(r+1/2) for the NNGP and (1-rho)^(r-1/2) for the NTK. A jump of s itself takes the root of what is there:
the exponent is 2^-L after L such layers. The same at rho = -1 as long as S(-1) = -S(1), with B of the pairs of kinks at
opposite places.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ntksym.activation.activation import Activation
from ntksym.network.layers import Dense, Network
from ntksym.theory.requests import Get, dual_of
from ntksym.theory.spectrum.kinks import Kink, kinks_of

__all__ = ["Singularity", "is_single_layer", "leading_singularity", "stepped_singularity"]


@dataclass(frozen=True)
class Singularity:
    """f = smooth + plus (1 - rho)^exponent near 1, and smooth + minus (1 + rho)^exponent near -1.

    Attributes
    ----------
    exponent : float
        nu, not a whole number.
    plus, minus : float
        The coefficients.
    """

    exponent: float
    plus: float
    minus: float


def smoothness(order: int) -> float:
    """C_r."""
    gamma = math.factorial(order) * 2 ** (order + 0.5) / (2 * math.factorial(2 * order + 1) * math.sqrt(math.pi))
    return -gamma if order % 2 == 0 else gamma


def density(variance: float, place: float) -> float:
    """p_q(x)."""
    return math.exp(-place * place / (2 * variance)) / math.sqrt(2 * math.pi * variance)


def weight_of(kinks: Sequence[Kink], order: int, variance: float) -> tuple[float, float]:
    """B of rho = 1 and of rho = -1."""
    plus = sum(kink.jumps[order] ** 2 * density(variance, kink.place) for kink in kinks)
    minus = 0.0
    for kink in kinks:
        for other in kinks:
            if other.place == -kink.place:
                minus += kink.jumps[order] * other.jumps[order] * density(variance, kink.place)
    return plus, (-1) ** (order + 1) * minus


@dataclass
class _Walk:
    """The state at rho = 1, and at rho = -1; ``mirror`` is S(-1)/S(1) where that is 1 or -1, else None."""

    q: float
    m: float
    t: float
    low: float
    mirror: int | None
    c: float = 0.0
    tangent: float = 0.0
    c_minus: float = 0.0
    tangent_minus: float = 0.0


def leading_singularity(
    network: Network, get: Get, mean_square: float, order: int, kinks: Callable[[Activation], Sequence[Kink]] = kinks_of
) -> Singularity:
    """The singularity that derivatives of this order make, the lowest of all layers.

    Parameters
    ----------
    network : Network
        Activations whose kinks are known.
    get : "nngp" or "ntk"
        Which kernel.
    mean_square : float
        |x|^2/d.
    order : int
        r, at least 1.
    kinks : callable
        Of an activation; those of its even or odd part, for the kernel of that.
    """
    walk = _Walk(mean_square, mean_square, 0.0, -mean_square, -1)
    for layer in network.layers:
        if isinstance(layer, Dense):
            _affine(walk, layer)
        else:
            _bend(walk, layer.activation, kinks(layer.activation), order)
    if get == "nngp":
        return Singularity(order + 0.5, walk.c, walk.c_minus)
    return Singularity(order - 0.5, walk.tangent, walk.tangent_minus)


def _affine(walk: _Walk, layer: Dense) -> None:
    weight, bias = layer.weight_variance, layer.bias_variance
    for name in ("c", "c_minus", "tangent", "tangent_minus", "m"):
        setattr(walk, name, weight * getattr(walk, name))
    walk.q, walk.low = weight * walk.q + bias, weight * walk.low + bias
    walk.t = walk.q + weight * walk.t
    if bias and walk.mirror == -1:
        walk.mirror = None


def _bend(walk: _Walk, activation: Activation, kinks: Sequence[Kink], order: int) -> None:
    dual, q = dual_of(activation), walk.q
    value, slope = (float(part) for part in dual.evaluate(q, q, q))
    constant = smoothness(order)
    plus, minus = weight_of(kinks, order, q)
    bent, turned = constant * (2 * walk.m) ** (order + 0.5), (2 * order + 1) * constant * (2 * walk.m) ** (order - 0.5)
    c = slope * walk.c + bent * plus
    tangent = slope * walk.tangent - turned * plus * walk.t
    low, low_slope = (float(part) for part in dual.evaluate(q, q, min(max(walk.low, -q), q)))
    if walk.mirror == -1:
        walk.c_minus = low_slope * walk.c_minus + bent * minus
        walk.tangent_minus = low_slope * walk.tangent_minus - turned * minus * walk.t
        walk.mirror = {"odd": -1, "even": 1}.get(activation.parity)
    elif walk.mirror == 1:
        walk.c_minus, walk.tangent_minus = c, tangent
    else:
        walk.c_minus, walk.tangent_minus = low_slope * walk.c_minus, low_slope * walk.tangent_minus
    walk.low = low
    walk.c, walk.tangent, walk.q, walk.m, walk.t = c, tangent, value, slope * walk.m, walk.t * slope


def stepped_singularity(network: Network, mean_square: float) -> Singularity:
    """Of the NNGP of a network in which an activation jumps: V - K = sqrt((q - c)/pi) B to leading order.

    Parameters
    ----------
    network, mean_square : Network, float
        As for `leading_singularity`.
    """
    exponent, gap, q, low, minus = 1.0, mean_square, mean_square, -mean_square, 0.0
    mirror: int | None = -1
    for layer in network.layers:
        if isinstance(layer, Dense):
            weight, bias = layer.weight_variance, layer.bias_variance
            q, low, gap, minus = weight * q + bias, weight * low + bias, weight * gap, weight * minus
            mirror = None if mirror == -1 and bias else mirror
            continue
        dual = dual_of(layer.activation)
        plus, opposite = weight_of(kinks_of(layer.activation), 0, q)
        value, slope = (float(part) for part in dual.evaluate(q, q, q))
        below, below_slope = (float(part) for part in dual.evaluate(q, q, min(max(low, -q), q)))
        if plus:
            minus = smoothness(0) * opposite * math.sqrt(2 * gap) if mirror == -1 else 0.0
            gap, exponent = -smoothness(0) * plus * math.sqrt(2 * gap), exponent / 2
        else:
            minus, gap = below_slope * minus, slope * gap
        if mirror == -1:
            mirror = {"odd": -1, "even": 1}.get(layer.activation.parity)
        q, low = value, below
    return Singularity(exponent, -gap, -gap * mirror if mirror else minus)


def is_single_layer(network: Network) -> bool:
    """Whether there is one nonlinear layer and no bias in front of it."""
    if network.depth != 1:
        return False
    for layer in network.layers:
        if not isinstance(layer, Dense):
            return True
        if layer.bias_variance:
            return False
    return False
