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
from ntksym.activation.kinks import Kink, kinks_of
from ntksym.dual.derivation import dual_of
from ntksym.network.layers import Dense, Network, Nonlinearity
from ntksym.network.walk import walk
from ntksym.theory.zonal import ZonalKernel

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


def _behind(mirror: int | None, parity: str | None) -> int | None:
    """S(-1)/S(1) behind an activation, where it was -1, 1 or neither (None) in front of it."""
    return {"odd": -1, "even": 1}.get(parity or "") if mirror == -1 else mirror


def _biased(mirror: int | None, layer: Dense) -> int | None:
    return None if mirror == -1 and layer.bias_variance else mirror


def _joined(mirror: int | None, variance: float, other: int | None, added: float) -> int | None:
    """Of a sum: a kernel that is zero leaves the other one as it is."""
    if not (variance and added):
        return mirror if variance else other
    return mirror if mirror == other else None


@dataclass(frozen=True)
class _Ends:
    """What is known at rho = 1 and at rho = -1 while the layers go by.

    Attributes
    ----------
    q, m, t : float
        S, dS/d rho and T at rho = 1.
    low : float
        S(-1).
    mirror : int or None
        S(-1)/S(1) where that is 1 or -1.
    plus, minus : pair of float
        The coefficients of the singular parts of S and T at rho = 1 and at rho = -1.
    """

    q: float
    m: float
    t: float
    low: float
    mirror: int | None
    plus: tuple[float, float] = (0.0, 0.0)
    minus: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class _Kinked:
    """The algebra of singular parts that derivatives of one order make."""

    order: int
    kinks: Callable[[Activation], Sequence[Kink]]

    def dense(self, state: _Ends, layer: Dense) -> _Ends:
        weight, bias = layer.weight_variance, layer.bias_variance
        q = weight * state.q + bias
        plus, minus = ((weight * c, weight * t) for c, t in (state.plus, state.minus))
        mirror = _biased(state.mirror, layer)
        return _Ends(q, weight * state.m, q + weight * state.t, weight * state.low + bias, mirror, plus, minus)

    def nonlinear(self, state: _Ends, layer: Nonlinearity) -> _Ends:
        dual, q, order = dual_of(layer.activation), state.q, self.order
        value, slope = (float(part) for part in dual.evaluate(q, q, q))
        low, low_slope = (float(part) for part in dual.evaluate(q, q, min(max(state.low, -q), q)))
        constant, root = smoothness(order), math.sqrt(2 * state.m)
        bent, turned = constant * root ** (2 * order + 1), (2 * order + 1) * constant * root ** (2 * order - 1)
        near, opposite = weight_of(self.kinks(layer.activation), order, q)
        plus = slope * state.plus[0] + bent * near, slope * state.plus[1] - turned * near * state.t
        minus = low_slope * state.minus[0], low_slope * state.minus[1]
        if state.mirror == -1:
            minus = minus[0] + bent * opposite, minus[1] - turned * opposite * state.t
        elif state.mirror == 1:
            minus = plus
        mirror = _behind(state.mirror, layer.activation.parity)
        return _Ends(value, slope * state.m, state.t * slope, low, mirror, plus, minus)

    def add(self, state: _Ends, branch: _Ends) -> _Ends:
        return _Ends(
            state.q + branch.q,
            state.m + branch.m,
            state.t + branch.t,
            state.low + branch.low,
            _joined(state.mirror, state.q, branch.mirror, branch.q),
            (state.plus[0] + branch.plus[0], state.plus[1] + branch.plus[1]),
            (state.minus[0] + branch.minus[0], state.minus[1] + branch.minus[1]),
        )


def _whole(activation: Activation) -> tuple[Kink, ...]:
    return kinks_of(activation.breaks)


def leading_singularity(
    kernel: ZonalKernel, order: int, kinks: Callable[[Activation], Sequence[Kink]] = _whole
) -> Singularity:
    """The singularity that derivatives of this order make, the lowest of all layers.

    Parameters
    ----------
    kernel : ZonalKernel
        Of activations whose kinks are known.
    order : int
        r, at least 1.
    kinks : callable
        Of an activation, all of them; or those of its even or odd part, for the kernel of that.
    """
    square = kernel.mean_square
    end = walk(kernel.network.layers, _Ends(square, square, 0.0, -square, -1), _Kinked(order, kinks))
    if kernel.get == "nngp":
        return Singularity(order + 0.5, end.plus[0], end.minus[0])
    return Singularity(order - 0.5, end.plus[1], end.minus[1])


@dataclass(frozen=True)
class _Stepped:
    """S = q - fall (1 - rho)^exponent + ... at rho = 1, and at rho = -1 low + rise (1 + rho)^exponent + ....

    Attributes
    ----------
    exponent : float
        2^-L after L activations that jump; 1 as long as S is smooth.
    fall, rise : float
        The coefficients. Of the rise where S is neither odd nor even (`mirror` None) only what is singular counts.
    q, low : float
        S(1) and S(-1).
    mirror : int or None
        S(-1)/S(1) where that is 1 or -1.
    """

    exponent: float
    fall: float
    rise: float
    q: float
    low: float
    mirror: int | None


class _Steps:
    """The algebra of the singular parts that jumps make: V - K = sqrt((q - c)/pi) B to leading order."""

    def dense(self, state: _Stepped, layer: Dense) -> _Stepped:
        weight, bias = layer.weight_variance, layer.bias_variance
        return _Stepped(
            state.exponent,
            weight * state.fall,
            weight * state.rise,
            weight * state.q + bias,
            weight * state.low + bias,
            _biased(state.mirror, layer),
        )

    def nonlinear(self, state: _Stepped, layer: Nonlinearity) -> _Stepped:
        dual, q = dual_of(layer.activation), state.q
        near, opposite = weight_of(kinks_of(layer.activation.breaks), 0, q)
        value, slope = (float(part) for part in dual.evaluate(q, q, q))
        low, low_slope = (float(part) for part in dual.evaluate(q, q, min(max(state.low, -q), q)))
        exponent, fall, rise = state.exponent, slope * state.fall, low_slope * state.rise
        if near:
            root = smoothness(0) * math.sqrt(2 * state.fall)
            exponent, fall, rise = exponent / 2, -root * near, root * opposite if state.mirror == -1 else 0.0
        mirror = _behind(state.mirror, layer.activation.parity)
        return _Stepped(exponent, fall, -fall * mirror if mirror else rise, value, low, mirror)

    def add(self, state: _Stepped, branch: _Stepped) -> _Stepped:
        """What is less smooth decides; of two alike the coefficients add."""
        exponent = min(state.exponent, branch.exponent)
        leading = [one for one in (state, branch) if one.exponent == exponent]
        return _Stepped(
            exponent,
            sum(one.fall for one in leading),
            sum(one.rise for one in leading),
            state.q + branch.q,
            state.low + branch.low,
            _joined(state.mirror, state.q, branch.mirror, branch.q),
        )


def stepped_singularity(kernel: ZonalKernel) -> Singularity:
    """Of the NNGP of a network in which an activation jumps.

    Parameters
    ----------
    kernel : ZonalKernel
        As for `leading_singularity`.
    """
    square = kernel.mean_square
    end = walk(kernel.network.layers, _Stepped(1.0, square, square, square, -square, -1), _Steps())
    return Singularity(end.exponent, -end.fall, end.rise)


@dataclass(frozen=True)
class _Odd:
    """Whether S is odd in rho, and whether it was in front of every activation so far."""

    now: bool = True
    before: bool = True


class _Oddness:
    """The algebra of these."""

    def dense(self, state: _Odd, layer: Dense) -> _Odd:
        return _Odd(state.now and not layer.bias_variance, state.before)

    def nonlinear(self, state: _Odd, layer: Nonlinearity) -> _Odd:
        return _Odd(state.now and layer.activation.parity == "odd", state.before and state.now)

    def add(self, state: _Odd, branch: _Odd) -> _Odd:
        return _Odd(state.now and branch.now, branch.before)


def is_single_layer(network: Network) -> bool:
    """Whether there is one nonlinear layer and no bias in front of it.

    Then the even and the odd part of the activation make the even and the odd part of the kernel.
    """
    return network.depth == 1 and walk(network.layers, _Odd(), _Oddness()).before
