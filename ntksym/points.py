"""Data as rows of float64: what is accepted, and what is refused with the way out."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ntksym.errors import InvalidInput

__all__ = ["points"]

NUMERIC_KINDS = "biuf"
"""Booleans, integers and real floating-point numbers."""


def points(data: ArrayLike, name: str) -> NDArray[np.float64]:
    """The data as an array (n, d) of finite float64, without a copy where it is one already.

    Parameters
    ----------
    data : array_like, shape (n, d)
        Real numbers: n points (possibly none) with d >= 1 features.
    name : str
        What to call it in messages.

    Raises
    ------
    InvalidInput
        For NaN or infinity, another number of dimensions, no features, and whatever is not real numbers.
    """
    array = _array(data, name)
    if array.dtype.kind not in NUMERIC_KINDS:
        raise InvalidInput(
            f"{name} must hold real numbers, but its dtype is {array.dtype}; {_conversion(array, name)}", dtype=array.dtype
        )
    if array.ndim != 2:
        raise InvalidInput(f"{name} must have shape (n, d), but it has {array.shape}; {_reshaping(array, name)}", shape=array.shape)
    if array.shape[1] == 0:
        raise InvalidInput(f"{name} has shape {array.shape}: points without features; pass at least one column")
    with np.errstate(over="ignore"):  # what float64 cannot hold becomes infinite and is refused below
        numbers = np.asarray(array, dtype=np.float64)
    finite = np.isfinite(numbers)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise InvalidInput(
            f"{name}[{row}, {column}] is {array[row, column]}, not a finite number; drop such rows "
            f"({name}[numpy.isfinite({name}).all(axis=1)]) or fill them in",
            row=int(row),
            column=int(column),
        )
    return numbers if numbers.flags.c_contiguous or numbers.flags.f_contiguous else np.ascontiguousarray(numbers)


def _array(data: Any, name: str) -> NDArray[Any]:
    if hasattr(data, "toarray"):
        raise InvalidInput(f"{name} is a sparse matrix; pass {name}.toarray()")
    if isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):
        raise InvalidInput(f"{name} has masked entries; fill them in, for instance {name}.filled(0.0), or drop their rows")
    try:
        return np.asarray(data)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{name} is not a rectangular array of numbers ({error}); pass an array of shape (n, d)") from error


def _conversion(array: NDArray[Any], name: str) -> str:
    if array.dtype.kind == "c":
        return f"pass {name}.real, or both parts as columns"
    return f"convert it first, for instance numpy.asarray({name}, dtype=float), and encode texts as numbers"


def _reshaping(array: NDArray[Any], name: str) -> str:
    if array.ndim == 1:
        return f"one point is {name}.reshape(1, -1), points of one feature are {name}.reshape(-1, 1)"
    if array.ndim == 0:
        return "pass one row a point"
    return f"flatten every point: {name}.reshape(len({name}), -1)"
