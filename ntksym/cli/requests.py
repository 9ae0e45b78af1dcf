"""Options are turned into the activations and networks that the library takes."""

import argparse

from ntksym.activation.activation import Activation
from ntksym.errors import InvalidInput
from ntksym.network.layers import Network, fully_connected

__all__ = ["activation_of", "network_of"]


def activation_of(options: argparse.Namespace) -> Activation:
    """The formula with its parameters."""
    names = [name for name, _ in options.parameters]
    for name in names:
        if names.count(name) > 1:
            raise InvalidInput(f"the parameter {name} is given twice", name=name)
    return Activation(options.formula, **dict(options.parameters))


def network_of(options: argparse.Namespace) -> Network:
    """The fully connected network."""
    return fully_connected(activation_of(options), depth=options.depth, W_std=options.W_std, b_std=options.b_std)
