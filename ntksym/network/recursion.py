r"""The recursion of (q, c, ntk) through the layers: the meaning of a network, slow and independent of the lowering.

For two positions x and y (data points, or places in them) a state holds the variances q1 = S(x, x), q2 = S(y, y), the
covariance c = S(x, y) of the entries and the tangent kernel t = T(x, y). With K the dual and D = dK/dc its slope,

    Dense          S <- W_std^2 S + b_std^2,     T <- S_new + W_std^2 T
    Nonlinearity   T <- T D(q1, q2, c),          c <- K(q1, q2, c),        q <- K(q, q, q)
    Residual       S <- S + S',                  T <- T + T',              S', T' of the branch, begun with S, T

starting from S = <x, y>/d and T = 0 (Jacot et al. 2018, Theorem 1; Lee et al. 2018). The limits are those of the
parameterisation of `ntksym.network.layers.Dense`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ntksym.activation.activation import Activation
from ntksym.network.layers import Dense, Network, Nonlinearity
from ntksym.network.walk import walk

__all__ = ["PairMap", "Recursion", "State", "begin", "evaluate"]

PairMap = Callable[[Any, Any, Any], tuple[Any, Any]]
"""(q1, q2, c) -> (value, slope), right also at c = q1 = q2; any kind of number."""


@dataclass(frozen=True)
class State:
    """q1, q2, c and ntk of a pair of positions; numbers of any kind, or arrays of pairs.

    Parameters
    ----------
    q1, q2 : number
        Variances at the two positions.
    c : number
        Covariance between them: the NNGP kernel so far.
    ntk : number
        The tangent kernel so far.
    """

    q1: Any
    q2: Any
    c: Any
    ntk: Any


def begin(q1: Any, q2: Any, c: Any) -> State:
    """The state of the data: q1 = <x, x>/d, q2 = <y, y>/d, c = <x, y>/d, and nothing trained yet."""
    return State(q1, q2, c, 0 * c)


@dataclass(frozen=True)
class Recursion:
    """The algebra of states: an `Algebra` of the walk over a network.

    Parameters
    ----------
    duals : mapping
        For each activation the map (q1, q2, c) -> (value, slope).
    """

    duals: Mapping[Activation, PairMap]

    def dense(self, state: State, layer: Dense) -> State:
        """S <- W_std^2 S + b_std^2, T <- S + W_std^2 T."""
        weight, bias = layer.weight_variance, layer.bias_variance
        q1, q2, c = (weight * entry + bias for entry in (state.q1, state.q2, state.c))
        return State(q1, q2, c, c + weight * state.ntk)

    def nonlinear(self, state: State, layer: Nonlinearity) -> State:
        """T <- T D(q1, q2, c), c <- K(q1, q2, c), q <- K(q, q, q)."""
        dual = self.duals[layer.activation]
        value, slope = dual(state.q1, state.q2, state.c)
        q1, q2 = (dual(q, q, q)[0] for q in (state.q1, state.q2))
        return State(q1, q2, value, state.ntk * slope)

    def add(self, state: State, branch: State) -> State:
        """S <- S + S', T <- T + T': the last Dense layer of a branch has weights of its own."""
        return State(state.q1 + branch.q1, state.q2 + branch.q2, state.c + branch.c, state.ntk + branch.ntk)


def evaluate(network: Network, state: State, duals: Mapping[Activation, PairMap]) -> State:
    """The state after the whole network: ``c`` is the NNGP kernel, ``ntk`` the tangent kernel.

    Parameters
    ----------
    network : Network
        The layers.
    state : State
        From ``begin``.
    duals : mapping
        For each activation the map (q1, q2, c) -> (value, slope).
    """
    return walk(network.layers, state, Recursion(duals))
