"""Layers as frozen descriptions, and the network that is a sequence of them."""

import math
from dataclasses import dataclass
from itertools import groupby, pairwise

import sympy as sp

from ntksym.activation.activation import Activation, as_activation
from ntksym.errors import InvalidInput

__all__ = ["Dense", "Layer", "Network", "Nonlinearity", "fully_connected", "serial"]


@dataclass(frozen=True)
class Dense:
    """z = W_std/sqrt(n_in) * W h + b_std * b, with the entries of W (n_out, n_in) and b (n_out,) independent N(0, 1).

    Parameters
    ----------
    W_std : float
        Standard deviation of the weights before the scaling by the width; positive.
    b_std : float or None
        Standard deviation of the bias; None for a layer without bias.

    Raises
    ------
    InvalidInput
        If a standard deviation is not a finite number in its range.
    """

    W_std: float = 1.0
    b_std: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "W_std", _deviation("W_std", self.W_std))
        if not self.weight_variance > 0:
            raise InvalidInput(f"W_std must have a positive square, not {self.W_std}; try W_std=1.0", W_std=self.W_std)
        if self.b_std is not None:
            object.__setattr__(self, "b_std", _deviation("b_std", self.b_std))

    @property
    def weight_variance(self) -> float:
        """W_std**2."""
        return self.W_std * self.W_std

    @property
    def bias_variance(self) -> float:
        """b_std**2, zero without bias."""
        return 0.0 if self.b_std is None else self.b_std * self.b_std

    def __str__(self) -> str:
        weight = "W h/sqrt(n)" if self.W_std == 1.0 else f"{self.W_std!r}*W h/sqrt(n)"
        return weight if not self.b_std else f"{weight} + {self.b_std!r}*b"


def _deviation(name: str, value: object) -> float:
    if isinstance(value, bool | str | bytes | complex):
        raise InvalidInput(f"{name} must be a number such as 1.5, not {value!r}", **{name: value})
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(f"{name} must be a number such as 1.5, not {value!r}", **{name: value}) from error
    if not math.isfinite(number * number) or number < 0:
        raise InvalidInput(f"{name} must be finite and not negative, not {number}; try {name}=1.0", **{name: value})
    return number


@dataclass(frozen=True)
class Nonlinearity:
    """h = s(z), entry by entry.

    Parameters
    ----------
    activation : Activation
        The function s.
    """

    activation: Activation

    def __str__(self) -> str:
        return f"{self.activation.name}(z)"


Layer = Dense | Nonlinearity


@dataclass(frozen=True)
class Network:
    """A sequence of layers from the data to the output, which is the limit of infinite widths of a random network.

    Parameters
    ----------
    layers : tuple of Dense or Nonlinearity
        Dense first and last, never two nonlinearities in a row. Made by ``serial`` or ``fully_connected``.

    Raises
    ------
    InvalidInput
        If the sequence breaks these rules.
    """

    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        _check(self.layers)

    @property
    def activations(self) -> tuple[Activation, ...]:
        """The activations, one a nonlinear layer, from the data to the output."""
        return tuple(layer.activation for layer in self.layers if isinstance(layer, Nonlinearity))

    @property
    def depth(self) -> int:
        """Number of hidden (nonlinear) layers."""
        return len(self.activations)

    def __repr__(self) -> str:
        blocks = [self.layers[start : start + 2] for start in range(0, len(self.layers), 2)]
        texts = []
        for block, repeated in groupby(blocks):
            times = len(list(repeated))
            text = " -> ".join(map(str, block))
            texts.append(f"{times} x [{text}]" if times > 1 else text)
        formulas = dict.fromkeys(f"{act.name}(x) = {act.expression}" for act in self.activations)
        return f"<Network {' -> '.join(texts)}{' where ' if formulas else ''}{', '.join(formulas)}>"


def _check(layers: tuple[Layer, ...]) -> None:
    if not all(isinstance(layer, Dense | Nonlinearity) for layer in layers):
        raise InvalidInput("a Network is made of Dense and Nonlinearity; serial(...) also takes names and formulas")
    if not layers:
        raise InvalidInput("a network needs at least one layer; try serial(Dense(), 'relu', Dense())")
    if not isinstance(layers[0], Dense):
        raise InvalidInput(
            f"the network begins with the nonlinearity {layers[0].activation.name}, but a dual needs Gaussian inputs; "
            "put a Dense() in front of it",
            layer=layers[0],
        )
    if not isinstance(layers[-1], Dense):
        raise InvalidInput(
            f"the network ends with the nonlinearity {layers[-1].activation.name}; end it with a Dense()",
            layer=layers[-1],
        )
    for place, (layer, following) in enumerate(pairwise(layers)):
        if isinstance(layer, Nonlinearity) and isinstance(following, Nonlinearity):
            raise InvalidInput(
                f"layers {place} and {place + 1} are two nonlinearities in a row, {layer.activation.name} and "
                f"{following.activation.name}; put a Dense() between them, or write one formula for the two",
                layers=(layer, following),
            )


def serial(*layers: "Dense | Nonlinearity | Network | Activation | sp.Expr | str") -> Network:
    """The network that applies the layers one after the other.

    Parameters
    ----------
    *layers : Dense, Activation, str, sympy expression or Network
        A text is a catalogue name or a formula in x; a network is spliced in.

    Raises
    ------
    InvalidInput
        If the layers do not alternate as they must, or a formula cannot be read.
    """
    flat: list[Layer] = []
    for layer in layers:
        if isinstance(layer, Network):
            flat.extend(layer.layers)
        elif isinstance(layer, Dense | Nonlinearity):
            flat.append(layer)
        else:
            flat.append(Nonlinearity(as_activation(layer)))
    return Network(tuple(flat))


def fully_connected(
    activation: "Activation | sp.Expr | str", depth: int, W_std: float = 1.0, b_std: float | None = None
) -> Network:
    """The network Dense, s, Dense, s, ..., Dense with ``depth`` nonlinear layers, all Dense layers alike.

    Parameters
    ----------
    activation : Activation, str or sympy expression
        The function s.
    depth : int
        Number of hidden layers, at least 0; with 0 the network is linear.
    W_std : float
        Standard deviation of the weights.
    b_std : float or None
        Standard deviation of the biases; None for no bias.

    Raises
    ------
    InvalidInput
        If the depth is not a whole number or a formula cannot be read.
    """
    if isinstance(depth, bool) or not hasattr(depth, "__index__") or int(depth) < 0:
        raise InvalidInput(f"depth must be a whole number, 0 or more, not {depth!r}; try depth=3", depth=depth)
    dense = Dense(W_std, b_std)
    hidden = Nonlinearity(as_activation(activation))
    return Network((dense, hidden) * int(depth) + (dense,))
