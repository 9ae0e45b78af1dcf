"""One walk over a network: whatever is said of a network is said layer by layer, by an algebra of states.

An algebra has one method for each kind of layer and for each way of joining. What it carries from layer to layer is its
own affair: numbers, arrays, power series, sets of powers, bounds. A new kind of layer is a class in `layers`, a line
here and one method in every algebra; where that is missing, the type checker lists it.
"""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from ntksym.network.layers import Dense, Layer, Nonlinearity, Residual

__all__ = ["Algebra", "walk"]

State = TypeVar("State")


class Algebra(Protocol[State]):
    """What happens to a state at each kind of layer. No method changes a state that it is given."""

    def dense(self, state: State, layer: Dense) -> State:
        """Behind z = W_std W h/sqrt(n) + b_std b."""

    def nonlinear(self, state: State, layer: Nonlinearity) -> State:
        """Behind h = s(z)."""

    def add(self, state: State, branch: State) -> State:
        """The sum of what went into a branch and what came out of it, which are independent."""


def walk(layers: Iterable[Layer], state: State, algebra: Algebra[State]) -> State:
    """The state behind the last layer.

    Parameters
    ----------
    layers : iterable of layers
        ``network.layers``, or the layers of a branch.
    state : any
        What the algebra knows of the data.
    algebra : Algebra
        What happens to it.

    Raises
    ------
    TypeError
        For a kind of layer that is not known.
    """
    for layer in layers:
        match layer:
            case Dense():
                state = algebra.dense(state, layer)
            case Nonlinearity():
                state = algebra.nonlinear(state, layer)
            case Residual():
                state = algebra.add(state, walk(layer.branch, state, algebra))
            case _:
                raise TypeError(f"no rule for {layer!r}: give the walk over networks a case for it")
    return state
