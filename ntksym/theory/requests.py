"""A kernel on a sphere: what is asked of it, checked, and the exact numbers that its layers are made of."""

import math
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal

import mpmath
import numpy as np

from ntksym.activation.activation import Activation
from ntksym.dual.derivation import dual_of
from ntksym.errors import InvalidInput, NoClosedForm, NoSuchDual
from ntksym.network.layers import Dense, Network
from ntksym.numerics.limits import SMALLEST_VARIANCE

__all__ = [
    "Get",
    "as_mpf",
    "bias_variance",
    "check_exists",
    "check_get",
    "check_mean_square",
    "check_network",
    "check_whole",
    "exact_value",
    "is_analytic",
    "require_variance",
    "weight_variance",
]

Get = Literal["nngp", "ntk"]

LARGEST_EXACT_VARIANCE = 1e140
"""Variances above this are refused: their squares leave float64."""


def check_network(network: object) -> Network:
    """The network, or InvalidInput."""
    if not isinstance(network, Network):
        raise InvalidInput(
            f"a kernel on the sphere needs a Network, not {type(network).__name__}; make one with "
            'fully_connected("relu", depth=2) or serial(Dense(), "relu", Dense())',
            name__=type(network).__name__,
        )
    return network


def check_get(get: object) -> Get:
    """The name of the kernel, "nngp" or "ntk", or InvalidInput."""
    if get not in ("nngp", "ntk"):
        raise InvalidInput(f'get={get!r} is not known; choose "nngp" or "ntk"', get=get)
    return get


def check_whole(name: str, value: Any, least: int, most: int) -> int:
    """A whole number between two bounds, or InvalidInput."""
    if isinstance(value, bool | np.bool_) or not hasattr(value, "__index__"):
        raise InvalidInput(
            f"{name} must be a whole number, not {value!r}; try {name}={max(least, 10)}",
            name=name,
            value=value,
            least=least,
        )
    if not least <= int(value) <= most:
        raise InvalidInput(
            f"{name} must be between {least} and {most}, not {int(value)}; try {name}={max(least, 10)}",
            name=name,
            least=least,
            most=most,
            value=value,
        )
    return int(value)


def check_mean_square(value: Any) -> float:
    """|x|^2/d as a positive finite float, or InvalidInput."""
    good = isinstance(value, int | float | np.integer | np.floating | Fraction) and not isinstance(value, bool)
    number = float(value) if good else math.nan
    if not (math.isfinite(number) and number > 0):
        raise InvalidInput(
            f"mean_square must be a positive finite number, |x|^2/d of the data, not {value!r}; try mean_square=1.0",
            value=value,
        )
    return number


def check_exists(network: Network, get: Get) -> None:
    """Make sure that the NTK exists where it is asked for.

    Raises
    ------
    NoSuchDual
        If an activation jumps or is infinitely steep: E[s'(U)^2] is infinite.
    """
    for activation in network.activations if get == "ntk" else ():
        if not dual_of(activation).continuous:
            raise NoSuchDual(
                f"{activation.name} jumps or is infinitely steep, so E[s'(U)^2] is infinite and there is no NTK; "
                'use get="nngp"',
                activation=activation,
            )


@lru_cache(maxsize=256)
def is_analytic(activation: Activation) -> bool:
    """Whether the function is known to be smooth on the whole line: one piece, that is finite and has no breaks."""
    try:
        return not activation.pieces.breakpoints
    except NoClosedForm:
        return False


def exact_value(number: float) -> Fraction:
    """The rational that the shortest decimal of a float stands for."""
    return Fraction(repr(float(number)))


def as_mpf(number: Fraction) -> Any:
    """The quotient at mpmath's precision."""
    return mpmath.mpf(number.numerator) / number.denominator


def weight_variance(layer: Dense) -> Fraction:
    """W_std^2, exactly."""
    return exact_value(layer.W_std) ** 2


def bias_variance(layer: Dense) -> Fraction:
    """b_std^2, exactly."""
    return exact_value(layer.b_std) ** 2 if layer.b_std else Fraction(0)


def require_variance(variance: Any, layer: int, activation: Activation) -> None:
    """Make sure that a variance before an activation is a number that can be worked with.

    Raises
    ------
    InvalidInput
        If it vanishes or explodes.
    """
    if not mpmath.isfinite(variance) or variance > LARGEST_EXACT_VARIANCE:
        raise InvalidInput(
            f"the variance before layer {layer}, {activation.name}, is beyond {LARGEST_EXACT_VARIANCE:.0e}; "
            "use a smaller W_std or fewer layers",
            layer=layer,
            name=activation.name,
        )
    if variance < SMALLEST_VARIANCE:
        raise InvalidInput(
            f"the variance before layer {layer}, {activation.name}, is below {SMALLEST_VARIANCE:.0e}: the kernel is "
            "constant to all digits; use a larger W_std, a bias or fewer layers",
            layer=layer,
            name=activation.name,
        )
