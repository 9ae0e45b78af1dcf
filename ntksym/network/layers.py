"""Layers as frozen descriptions, and the network that is a sequence of them."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

import sympy as sp

from ntksym.activation.activation import Activation, as_activation
from ntksym.errors import InvalidInput

__all__ = [
    "Dense",
    "Layer",
    "Network",
    "Nonlinearity",
    "Residual",
    "flattened",
    "fully_connected",
    "residual",
    "serial",
]


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


@dataclass(frozen=True)
class Residual:
    """h + branch(h): a branch with weights of its own, added to what goes into it.

    Parameters
    ----------
    branch : tuple of layers
        What is added; its last layer is Dense, so that its outputs are Gaussian in the limit of infinite widths and
        independent of h given the kernels.
    """

    branch: "tuple[Layer, ...]"

    def __str__(self) -> str:
        return f"h + [{_written(self.branch)}]"


Layer = Dense | Nonlinearity | Residual


@dataclass(frozen=True)
class Network:
    """A sequence of layers from the data to the output, which is the limit of infinite widths of a random network.

    Parameters
    ----------
    layers : tuple of Dense, Nonlinearity or Residual
        Dense first; last a Dense or a Residual; every nonlinearity takes what a Dense or a Residual gives. Made by
        ``serial`` or ``fully_connected``.

    Raises
    ------
    InvalidInput
        If the sequence breaks these rules.
    """

    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        if not self.layers:
            raise InvalidInput(
                "a network needs at least one layer; try serial(Dense(), 'relu', Dense())", layers=self.layers
            )
        _check(self.layers, within="the network", gaussian=False)

    @property
    def activations(self) -> tuple[Activation, ...]:
        """The activations, one a nonlinear layer, from the data to the output, those of branches in their place."""
        return tuple(layer.activation for layer in flattened(self.layers) if isinstance(layer, Nonlinearity))

    @property
    def depth(self) -> int:
        """Number of hidden (nonlinear) layers, those of branches counted."""
        return len(self.activations)

    def __repr__(self) -> str:
        formulas = dict.fromkeys(f"{act.name}(x) = {act.expression}" for act in self.activations)
        return f"<Network {_written(self.layers)}{' where ' if formulas else ''}{', '.join(formulas)}>"


def flattened(layers: Iterable[Layer]) -> Iterator[Layer]:
    """The layers in the order in which data meet them; a Residual comes right behind the layers of its branch."""
    for layer in layers:
        if isinstance(layer, Residual):
            yield from flattened(layer.branch)
        yield layer


def _written(layers: tuple[Layer, ...]) -> str:
    """Layers as text; blocks of two that repeat are counted."""
    blocks = [layers[start : start + 2] for start in range(0, len(layers), 2)]
    if len(set(layers)) == 1:
        blocks = [(layer,) for layer in layers]
    texts = []
    for block, repeated in groupby(blocks):
        times = len(list(repeated))
        text = " -> ".join(map(str, block))
        texts.append(f"{times} x [{text}]" if times > 1 else text)
    return " -> ".join(texts)


def _check(layers: tuple[Layer, ...], *, within: str, gaussian: bool) -> None:
    """Refuse layers that have no kernel; ``gaussian`` says whether what goes in is Gaussian in the limit."""
    for place, layer in enumerate(layers):
        match layer:
            case Dense():
                gaussian = True
            case Nonlinearity(activation):
                if not gaussian:
                    raise InvalidInput(_needs_dense(layers, place, activation, within), layer=layer, place=place)
                gaussian = False
            case Residual(branch):
                if not gaussian:
                    raise InvalidInput(
                        f"layer {place} of {within} adds to what is not Gaussian; put a Dense() in front of it",
                        layer=layer,
                        place=place,
                    )
                _check_branch(branch)
            case _:
                raise InvalidInput(
                    f"a Network is made of Dense, Nonlinearity and Residual, not {layer!r}; "
                    "serial(...) also takes names and formulas",
                    layer=layer,
                )
    if not gaussian:
        last = layers[-1]
        name = last.activation.name if isinstance(last, Nonlinearity) else repr(last)
        raise InvalidInput(f"{within} ends with the nonlinearity {name}; end it with a Dense()", layer=last)


def _check_branch(branch: tuple[Layer, ...]) -> None:
    if not any(isinstance(layer, Dense) for layer in branch):
        raise InvalidInput(
            "a branch needs a Dense layer, whose weights make it independent of what it is added to; "
            "try residual('relu', Dense())",
            branch=branch,
        )
    _check(branch, within="a branch", gaussian=True)


def _needs_dense(layers: tuple[Layer, ...], place: int, activation: Activation, within: str) -> str:
    """Why a nonlinearity cannot stand at this place."""
    if place == 0:
        return (
            f"{within} begins with the nonlinearity {activation.name}, but a dual needs Gaussian inputs; "
            "put a Dense() in front of it"
        )
    before = layers[place - 1]
    assert isinstance(before, Nonlinearity)  # nothing else leaves what is not Gaussian
    return (
        f"layers {place - 1} and {place} of {within} are two nonlinearities in a row, {before.activation.name} and "
        f"{activation.name}; put a Dense() between them, or write one formula for the two"
    )


def residual(*branch: "Dense | Nonlinearity | Residual | Network | Activation | sp.Expr | str") -> Residual:
    """The layer h + branch(h), which adds a branch with weights of its own to what goes into it.

    Parameters
    ----------
    *branch : layers as for ``serial``
        What is added, for instance ``residual("relu", Dense(1.0))``; it ends with a Dense layer or a residual.

    Raises
    ------
    InvalidInput
        If the branch has no kernel, or a formula cannot be read.

    References
    ----------
    He et al., "Identity Mappings in Deep Residual Networks" (2016), eq. (1); Yang, "Tensor Programs II" (2020), for
    the limit.
    """
    layers = _layers_of(branch)
    _check_branch(layers)
    return Residual(layers)


def serial(*layers: "Dense | Nonlinearity | Residual | Network | Activation | sp.Expr | str") -> Network:
    """The network that applies the layers one after the other.

    Parameters
    ----------
    *layers : Dense, Residual, Activation, str, sympy expression or Network
        A text is a catalogue name or a formula in x; a network is spliced in.

    Raises
    ------
    InvalidInput
        If the layers do not alternate as they must, or a formula cannot be read.
    """
    return Network(_layers_of(layers))


def _layers_of(
    given: "Iterable[Dense | Nonlinearity | Residual | Network | Activation | sp.Expr | str]",
) -> tuple[Layer, ...]:
    flat: list[Layer] = []
    for layer in given:
        if isinstance(layer, Network):
            flat.extend(layer.layers)
        elif isinstance(layer, Dense | Nonlinearity | Residual):
            flat.append(layer)
        else:
            flat.append(Nonlinearity(as_activation(layer)))
    return tuple(flat)


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
