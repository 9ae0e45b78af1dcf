"""Rows of numbers in, Gram matrices out: .npy, .npz, .csv and the toy data sets of scikit-learn."""

import csv
import difflib
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntksym.errors import InvalidInput

__all__ = ["DATA_SETS", "check_destination", "load", "save"]

DATA_SETS = ("breast_cancer", "diabetes", "digits", "iris", "wine")
_USUAL_NAMES = ("X", "x", "data", "x_train", "X_train")
_DELIMITERS = (",", ";", "\t")


def load(
    source: str, *, array: str | None = None, limit: int | None = None, normalize: bool = False
) -> NDArray[np.float64]:
    """X of shape (n, d) in float64, every entry finite.

    Parameters
    ----------
    source : str
        A path that ends in .npy, .npz or .csv, or the name of one of `DATA_SETS`.
    array : str, optional
        Which array of an .npz file.
    limit : int, optional
        Keep the first ``limit`` rows.
    normalize : bool
        Scale every row to ``|x|^2 = d``, so that the variance at the first layer is ``W_std^2 + b_std^2``.

    Raises
    ------
    InvalidInput
        The file cannot be read, or does not hold rows of finite numbers.
    """
    suffix = Path(source).suffix.lower()
    if suffix in (".npy", ".npz"):
        raw = _read_numpy(source, array)
    elif suffix == ".csv":
        raw = _read_csv(source)
    else:
        raw = _load_data_set(source)
    return _check(raw, source, limit=limit, normalize=normalize)


def _read_numpy(source: str, array: str | None) -> NDArray[np.generic]:
    """Told apart by what is inside, not by the ending."""
    try:
        with open(source, "rb") as file:
            loaded = np.load(file, allow_pickle=False)
            return _pick(loaded, array, source) if isinstance(loaded, np.lib.npyio.NpzFile) else np.asarray(loaded)
    except InvalidInput:
        raise
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InvalidInput(
            f"{source} is not a file of numbers that numpy.save or numpy.savez wrote ({error})", source=source
        ) from error


def _pick(arrays: Mapping[str, NDArray[np.generic]], name: str | None, source: str) -> NDArray[np.generic]:
    names = list(arrays)
    if name is None:
        known = [usual for usual in _USUAL_NAMES if usual in names]
        name = names[0] if len(names) == 1 else known[0] if known else None
    if name not in names:
        held = ", ".join(names) or "no array"
        wanted = "several arrays" if name is None else f"no array {name!r}"
        raise InvalidInput(f"{source} holds {wanted} ({held}); choose one with --array NAME", source=source)
    return arrays[name]


def _read_csv(source: str) -> NDArray[np.generic]:
    try:
        with open(source, encoding="utf-8-sig") as file:
            rows = [(line, cells) for line, cells in _cells(file) if cells]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{source} is not a text file in UTF-8 ({error})", source=source) from error
    if rows and not any(_is_number(cell) for cell in rows[0][1]):
        rows = rows[1:]  # a line of column names
    if not rows:
        raise InvalidInput(f"{source} holds no rows of numbers", source=source)
    width = len(rows[0][1])
    for line, cells in rows:
        if len(cells) != width:
            raise InvalidInput(
                f"{source}, line {line}: {len(cells)} columns where the first row has {width}", source=source, line=line
            )
        for column, cell in enumerate(cells, start=1):
            if not _is_number(cell):
                raise InvalidInput(
                    f"{source}, line {line}, column {column}: {cell!r} is not a number; "
                    "leave out columns of text and rows with missing values",
                    source=source,
                    line=line,
                )
    return np.array([[float(cell) for cell in cells] for _, cells in rows])


def _cells(lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each line that is neither blank nor a comment; the first such line shows the delimiter."""
    delimiter = None
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if delimiter is None:
            delimiter = max(_DELIMITERS, key=line.count)
        yield number, [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _load_data_set(name: str) -> NDArray[np.generic]:
    if Path(name).is_dir():
        raise InvalidInput(f"{name} is a folder; give the name of a .npy, .npz or .csv file in it", name=name)
    if name not in DATA_SETS:
        near = difflib.get_close_matches(name, DATA_SETS, n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        raise InvalidInput(
            f"no data called {name!r}; {meant}--data takes a .npy, .npz or .csv file, or one of {', '.join(DATA_SETS)}",
            name=name,
        )
    try:
        from sklearn import datasets
    except ImportError as error:
        raise InvalidInput(
            f"the data set {name!r} comes with scikit-learn, which is not installed; "
            "python -m pip install 'ntksym[sklearn]'",
            name=name,
        ) from error
    return np.asarray(getattr(datasets, f"load_{name}")().data)


def _check(raw: NDArray[np.generic], source: str, *, limit: int | None, normalize: bool) -> NDArray[np.float64]:
    if raw.dtype.kind not in "biuf":
        raise InvalidInput(f"{source} holds {raw.dtype}, not real numbers", source=source)
    if raw.ndim != 2:
        way_out = (
            f"reshape it to ({raw.shape[0]}, {raw[0].size})" if raw.ndim > 2 and len(raw) else "one row a data point"
        )
        raise InvalidInput(f"{source} has shape {raw.shape}, where (rows, columns) is needed: {way_out}", source=source)
    X = np.ascontiguousarray(raw[:limit], dtype=np.float64)
    if X.size == 0:
        raise InvalidInput(f"{source} has shape {raw.shape}: no data", source=source)
    if not np.isfinite(X).all():
        row, column = np.argwhere(~np.isfinite(X))[0]
        raise InvalidInput(
            f"{source}: row {row} has {X[row, column]} in column {column} (from 0 on); leave out or fill such rows",
            source=source,
        )
    return _normalize(X, source) if normalize else X


def _normalize(X: NDArray[np.float64], source: str) -> NDArray[np.float64]:
    largest = np.abs(X).max(axis=1, keepdims=True)
    if not largest.all():
        row = int(np.argmin(largest))
        raise InvalidInput(
            f"{source}: row {row} is zero and has no direction; leave it out or drop --normalize", source=source
        )
    scaled = X / largest  # first, so that the norm neither overflows nor underflows
    normalized: NDArray[np.float64] = scaled * (np.sqrt(X.shape[1]) / np.linalg.norm(scaled, axis=1, keepdims=True))
    return normalized


def check_destination(out: str, *, matrices: int, source: str) -> None:
    """Refuse before the work, not after it, a file that could not be written.

    Raises
    ------
    InvalidInput
        Unknown ending, missing folder, two matrices for a file that holds one, or the data itself as destination.
    """
    path = Path(out)
    if path.suffix.lower() not in (".npy", ".npz", ".csv"):
        raise InvalidInput(f"--out {out}: the name must end in .npy, .npz or .csv", out=out)
    if matrices > 1 and path.suffix.lower() != ".npz":
        raise InvalidInput(f"--out {out}: NNGP and NTK together need a .npz file", out=out)
    if path.is_dir():
        raise InvalidInput(f"--out {out} is a folder; give the name of a file", out=out)
    if not path.parent.is_dir():
        raise InvalidInput(f"--out {out}: there is no folder {path.parent}", out=out)
    if not os.access(path.parent, os.W_OK):
        raise InvalidInput(f"--out {out}: the folder {path.parent} cannot be written to", out=out)
    if path.exists() and Path(source).exists() and path.samefile(source):
        raise InvalidInput(f"--out {out} is the data itself; choose another name", out=out)


def save(out: str, matrices: Mapping[str, NDArray[np.floating]]) -> int:
    """Write the matrices under their names and return the size of the file in bytes.

    The file appears whole or not at all: it is written beside ``out`` and renamed, so an older one of that name is
    replaced only by a complete new one.
    """
    path = Path(out)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(temporary, "xb") as file:
            if path.suffix.lower() == ".npz":
                arrays: dict[str, Any] = dict(matrices)
                np.savez(file, **arrays)
            else:
                (matrix,) = matrices.values()
                if path.suffix.lower() == ".npy":
                    np.save(file, matrix, allow_pickle=False)
                else:
                    np.savetxt(file, matrix, delimiter=",", fmt="%.17g")
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path.stat().st_size
