"""The arguments of a kernel are brought into one form or refused, and so is the form of the answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ntksym.errors import InvalidInput
from ntksym.gram.threads import idle_threads
from ntksym.kept import kept

__all__ = [
    "Fingerprint",
    "Request",
    "answer",
    "kernels",
    "matrices",
    "points",
    "result_type",
    "thread_count",
    "tolerance",
]

NUMERIC_KINDS = "biuf"
"""Booleans, integers and real floating-point numbers."""

FINGERPRINT = 64
"""Rows by which data are known again: few enough to cost nothing beside one block of entries."""

Array = NDArray[Any]


class Nngp(NamedTuple):
    """The answer to ``get=("nngp",)``."""

    nngp: Array


class Ntk(NamedTuple):
    """The answer to ``get=("ntk",)``."""

    ntk: Array


class NngpNtk(NamedTuple):
    """The answer to ``get=("nngp", "ntk")``."""

    nngp: Array
    ntk: Array


class NtkNngp(NamedTuple):
    """The answer to ``get=("ntk", "nngp")``."""

    ntk: Array
    nngp: Array


@dataclass(frozen=True)
class Fingerprint:
    """By what some data are known again.

    Attributes
    ----------
    shape : tuple of int
        Rows of X, rows of Y, features; as many rows of Y as of X also where the data are X alone.
    digest : str
        Of some rows.
    """

    shape: tuple[int, int, int]
    digest: str


@dataclass(frozen=True, eq=False)
class Request:
    """The data of a call and what is wanted of them.

    Parameters
    ----------
    x, y : float arrays, shapes (n, d), (m, d)
        The points, twice the same array for a symmetric result.
    wanted : tuple of str
        "nngp", "ntk" or both.
    threads : int
        Number of threads.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    wanted: tuple[str, ...]
    threads: int

    @property
    def pair(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Both sets of points."""
        return self.x, self.y

    @property
    def sets(self) -> dict[str, NDArray[np.float64]]:
        """Each set once, by the name that the user knows."""
        return {"X": self.x} if self.symmetric else {"X": self.x, "Y": self.y}

    @property
    def symmetric(self) -> bool:
        """Whether the points are paired with themselves."""
        return self.x is self.y

    @property
    def features(self) -> int:
        """D."""
        return self.x.shape[1]

    @property
    def entries(self) -> float:
        """Number of pairs that are computed."""
        return len(self.x) * len(self.y) / (1 + self.symmetric)

    @kept
    def squares(self) -> list[NDArray[np.float64]]:
        """<x, x> of every row of each set."""
        return [np.einsum("ij,ij->i", rows, rows) for rows in self.sets.values()]

    @property
    def all_squares(self) -> NDArray[np.float64]:
        """The same of all sets."""
        return np.concatenate(self.squares)

    @kept
    def fingerprint(self) -> Fingerprint:
        """By what these data are known again: their shape, and `FINGERPRINT` rows of each set, spread evenly."""
        digest = blake2b(digest_size=16)
        for rows in self.sets.values():
            digest.update(rows[:: max(1, len(rows) // FINGERPRINT)].tobytes())
        return Fingerprint((len(self.x), len(self.y), self.features), digest.hexdigest())


ANSWERS: dict[tuple[str, ...], Any] = {answer._fields: answer for answer in (Nngp, Ntk, NngpNtk, NtkNngp)}


def kernels(get: object) -> tuple[str, ...]:
    """The names of the kernels asked for, or InvalidInput."""
    names = (get,) if isinstance(get, str) else get
    if not isinstance(names, tuple | list) or tuple(names) not in ANSWERS:
        raise InvalidInput(f'get={get!r} is not known; choose "nngp", "ntk" or ("nngp", "ntk")', get=get)
    return tuple(names)


def answer(get: object, results: Mapping[str, Any]) -> Any:
    """The matrix asked for, or the named tuple of matrices."""
    if isinstance(get, str):
        return results[get]
    return ANSWERS[tuple(results)](**results)


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
        way_out = _conversion(array, name)
        raise InvalidInput(f"{name} must hold real numbers, not {array.dtype}; {way_out}", dtype=array.dtype)
    if array.ndim != 2:
        way_out = _reshaping(array, name)
        raise InvalidInput(f"{name} must have shape (n, d), but it has {array.shape}; {way_out}", shape=array.shape)
    if array.shape[1] == 0:
        raise InvalidInput(
            f"{name} has shape {array.shape}: points without features; pass at least one column",
            name=name,
            shape=array.shape,
        )
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
    return np.require(numbers, requirements=("C", "ALIGNED", "WRITEABLE"))  # the one kind that code is compiled for


def _array(data: Any, name: str) -> NDArray[Any]:
    if hasattr(data, "toarray"):
        raise InvalidInput(f"{name} is a sparse matrix; pass {name}.toarray()", name=name)
    if isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):
        raise InvalidInput(
            f"{name} has masked entries; fill them in, as {name}.filled(0.0) does, or drop their rows", name=name
        )
    try:
        return np.asarray(data)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"{name} is no rectangular array of numbers ({error}); give it shape (n, d)", name=name
        ) from error


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


def matrices(
    out: Any, names: tuple[str, ...], data: tuple[NDArray[Any], NDArray[Any]], dtype: str
) -> dict[str, NDArray[Any]]:
    """The arrays that receive the results: new ones, or those of ``out`` once it is certain that they fit.

    Parameters
    ----------
    out : None, array, or sequence of arrays
        What the user passed.
    names : tuple of str
        What each result is called.
    data : pair of arrays, shapes (n, d), (m, d)
        The points; each result has shape (n, m).
    dtype : str
        Type of each result.

    Raises
    ------
    InvalidInput
        If an array of ``out`` does not fit.
    """
    shape = len(data[0]), len(data[1])
    if out is None:
        return {name: np.empty(shape, dtype=dtype) for name in names}
    given = (out,) if isinstance(out, np.ndarray) else tuple(out)
    if len(given) != len(names):
        raise InvalidInput(
            f"get asks for {len(names)} matrices, but out holds {len(given)}; pass one array for each",
            names=names,
            given=given,
        )
    for array in given:
        if not isinstance(array, np.ndarray) or array.shape != shape or array.dtype != np.dtype(dtype):
            what = f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
            raise InvalidInput(
                f"out must be a {dtype} array of shape {shape}, not {what}; numpy.empty makes one",
                dtype=dtype,
                shape=shape,
                what=what,
            )
        if not (array.flags.c_contiguous and array.flags.writeable):
            raise InvalidInput(
                "out must be C-contiguous and writeable; numpy.empty(shape) makes such an array", out=out
            )
    pairs = [*combinations(given, 2), *((array, points) for array in given for points in data)]
    if any(np.may_share_memory(*pair) for pair in pairs):
        raise InvalidInput(
            "the arrays of out share memory with each other or with the data; pass separate arrays", out=out
        )
    return dict(zip(names, (np.asarray(array) for array in given), strict=True))


def tolerance(tol: Any) -> float:
    """An accuracy between 0 and 1, or InvalidInput."""
    if isinstance(tol, bool) or not isinstance(tol, float | int | np.floating) or not 0 < tol < 1:
        raise InvalidInput(f"tol must be a number between 0 and 1, not {tol!r}; try tol=1e-12", tol=tol)
    return float(tol)


def result_type(dtype: Any) -> str:
    """The name "float64" or "float32", or InvalidInput."""
    try:
        name = np.dtype(dtype).name
    except TypeError as error:
        raise InvalidInput(f'dtype {dtype!r} is not known; use "float64" or "float32"', dtype=dtype) from error
    if name not in ("float64", "float32"):
        raise InvalidInput(f'results are "float64" or "float32", not {name}; convert them afterwards', dtype=dtype)
    return name


def thread_count(threads: Any) -> int:
    """How many threads to use, by default those that are spare (`idle_threads`), or InvalidInput."""
    if threads is None:
        return idle_threads()
    return whole_number("threads", threads, 1)


def whole_number(name: str, value: Any, least: int) -> int:
    """A whole number, not below the least, or InvalidInput."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or int(value) < least:
        raise InvalidInput(
            f"{name} must be a whole number, {least} or more, not {value!r}; try {name}={max(least, 2)}",
            name=name,
            least=least,
            value=value,
        )
    return int(value)
