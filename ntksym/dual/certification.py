"""Bounds of the errors of a series that are theorems: by ball arithmetic, which is loaded when they are asked for."""

from dataclasses import astuple
from functools import lru_cache
from importlib import import_module
from types import ModuleType

import numpy as np

from ntksym.activation.activation import Activation
from ntksym.errors import InvalidInput
from ntksym.hermite.coefficient_table import Coefficients
from ntksym.numerics.arrays import Array

__all__ = ["certified_errors", "require_certification"]


def require_certification() -> ModuleType:
    """The module that certifies. It needs python-flint, which is optional and loads longer than the rest of this room.

    Raises
    ------
    InvalidInput
        If python-flint is not installed.
    """
    try:
        return import_module("ntksym.hermite.certified.certificate")
    except ImportError as error:
        raise InvalidInput(
            "certify=True needs python-flint: pip install 'ntksym[certify]'", package="python-flint"
        ) from error


def certified_errors(activation: Activation, variances: Array, found: Coefficients) -> Array:
    """Tail, tail of the slope, deviation and deviation of the slope, as in `Certificate`, shape (n, 4).

    Parameters
    ----------
    activation : Activation
        s.
    variances : float array, shape (n,)
        Variances, positive.
    found : Coefficients
        What was computed for them.
    """
    each = zip(variances.tolist(), found.coefficients, strict=True)
    layout = found.offset, found.stride
    bounds = [_certificate(activation, variance, row.tobytes(), layout) for variance, row in each]
    return np.array(bounds).reshape(-1, 4)


@lru_cache(maxsize=4096)
def _certificate(activation: Activation, q: float, packed: bytes, layout: tuple[int, int]) -> tuple[float, ...]:
    offset, stride = layout
    stored = np.frombuffer(packed)
    computed = np.zeros(offset + stride * (len(stored) - 1) + 1)
    computed[offset::stride] = stored
    return astuple(require_certification().certify(activation, q, computed))
