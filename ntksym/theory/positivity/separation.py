r"""The points that a network keeps apart, layer by layer, decide positivity where points have several norms.

With S = <f_i, f_j>, f_i the features of x_i, three things can hold for all points of a kind, each by the one before:

    distinct       the f_i differ: s has an odd part, and is continuous at zero
    separated      no two f_i are parallel: they differ, and a bias adds the same entry to all
    definite       all Gram matrices are positive definite: the f_i are separated, and s is no polynomial

A nonlinearity that is not constant keeps the last two: s(U) = a s(V) for U and V that are not parallel makes s
constant, and s(z_i) are linearly independent for a Gaussian z with a positive definite covariance. The sum of a layer
and a branch has the features of both, side by side: it has what either has. T - S is positive semi-definite at the
output (Schur's product theorem), and so is what a sum adds to it: the NTK has what S has.
"""

from dataclasses import dataclass
from enum import IntEnum

import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.activation.pieces.sign_decider import SignDecider
from ntksym.errors import NoClosedForm
from ntksym.network.layers import Dense, Network, Nonlinearity
from ntksym.network.walk import walk
from ntksym.theory.powers.parity_parts import ParityParts, parts_of
from ntksym.theory.powers.supports import ABSENT, is_zero_at_zero

__all__ = ["is_definite_at_distinct_points", "is_definite_at_nonparallel_points", "ray_powers", "vanishes_at_zero"]


class Level(IntEnum):
    """What is true of the Gram matrices of pairwise non-parallel points."""

    CONSTANT = 0
    FINITE_RANK = 1
    DEFINITE = 2


Levels = frozenset[Level]


class _Nonparallel:
    """The algebra of what may be true of them: several levels where it is not known what an activation is."""

    def dense(self, state: Levels, layer: Dense) -> Levels:
        return state

    def nonlinear(self, state: Levels, layer: Nonlinearity) -> Levels:
        degrees = {pair.degree for pair in parts_of(layer.activation).alternatives}
        return frozenset(_after(level, degree) for level in state for degree in degrees)

    def add(self, state: Levels, branch: Levels) -> Levels:
        return frozenset(max(pair) for pair in ((a, b) for a in state for b in branch))


def _after(level: Level, degree: float) -> Level:
    if degree <= 0 or level == Level.CONSTANT:
        return Level.CONSTANT
    return Level.DEFINITE if degree == float("inf") else level


def is_definite_at_nonparallel_points(network: Network) -> bool | None:
    """Whether Gram matrices of pairwise non-parallel points are positive definite; None if that is not known."""
    levels = walk(network.layers, frozenset({Level.FINITE_RANK}), _Nonparallel())
    if Level.DEFINITE not in levels:
        return False
    return True if levels == {Level.DEFINITE} else None


@dataclass(frozen=True)
class _Known:
    """What is known to hold at distinct points; ``constant``: of one entry of the features, the same at all points."""

    distinct: bool
    separated: bool = False
    definite: bool = False
    constant: bool = False


def _known(distinct: bool, separated: bool, definite: bool, constant: bool) -> _Known:
    return _Known(distinct, separated or (distinct and constant), definite, constant)


class _Distinct:
    """The algebra of that."""

    def dense(self, state: _Known, layer: Dense) -> _Known:
        return _known(state.distinct, state.separated, state.definite, state.constant or bool(layer.b_std))

    def nonlinear(self, state: _Known, layer: Nonlinearity) -> _Known:
        parts = parts_of(layer.activation)
        degrees = [pair.degree for pair in parts.alternatives]
        varies = min(degrees) > 0
        separated = state.separated and varies
        definite = varies and (state.definite or (state.separated and parts.is_polynomial is False))
        return _Known(separated or (state.distinct and _tells_apart(parts)), separated, definite)

    def add(self, state: _Known, branch: _Known) -> _Known:
        return _known(
            state.distinct or branch.distinct,
            state.separated or branch.separated,
            state.definite or branch.definite,
            state.constant or branch.constant,
        )


def is_definite_at_distinct_points(network: Network) -> bool:
    """Whether Gram matrices of distinct points are known to be positive definite, whatever their norms."""
    return walk(network.layers, _Known(distinct=True), _Distinct()).definite


def _tells_apart(parts: ParityParts) -> bool:
    """Whether s(t u) = s(u) for all u holds for t = 1 alone: for t = -1 s is even; else s is constant on both sides."""
    return parts.odd.degree not in (None, ABSENT) and _is_continuous_at_zero(parts.activation)


def _is_continuous_at_zero(activation: Activation) -> bool:
    try:
        return not any(item.is_jump for item in activation.breaks if SignDecider({}).sign(item.position) == 0)
    except NoClosedForm:
        return False


@dataclass(frozen=True)
class _Ray:
    """K(t x, y) = sum_p t^p K_p(x, y), plus a constant if ``offset``; no powers where it is no such sum."""

    powers: frozenset[sp.Expr] | None
    offset: bool = False


class _Scaled:
    """The algebra of these: a homogeneous activation takes one power to one power, and sums have the powers of both."""

    def dense(self, state: _Ray, layer: Dense) -> _Ray:
        return _Ray(state.powers, state.offset or bool(layer.b_std))

    def nonlinear(self, state: _Ray, layer: Nonlinearity) -> _Ray:
        degree = layer.activation.homogeneity
        if degree is None or state.powers is None or state.offset or len(state.powers) > 1:
            return _Ray(None)
        return _Ray(frozenset(power * degree for power in state.powers))

    def add(self, state: _Ray, branch: _Ray) -> _Ray:
        powers = None if state.powers is None or branch.powers is None else state.powers | branch.powers
        return _Ray(powers, state.offset or branch.offset)


def ray_powers(network: Network) -> tuple[float, ...]:
    """The powers p of K(t x, y) = sum_p t^p K_p(x, y) + const, t > 0; none where the kernel is no such sum."""
    powers = walk(network.layers, _Ray(frozenset({sp.S.One})), _Scaled()).powers
    return tuple(sorted(map(float, powers or ())))


class _Zero:
    """The algebra of whether the kernel vanishes at x = 0."""

    def dense(self, state: bool, layer: Dense) -> bool:
        return state and not layer.b_std

    def nonlinear(self, state: bool, layer: Nonlinearity) -> bool:
        return state and is_zero_at_zero(layer.activation)

    def add(self, state: bool, branch: bool) -> bool:
        return state and branch


def vanishes_at_zero(network: Network) -> bool:
    """Whether there is no bias and s(0) = 0 for every activation."""
    return walk(network.layers, True, _Zero())
