"""Real rows: times as long as normal rows of the same shape, errors at sampled pairs, and the bounds that are reported.

    python -m tests.benchmarks real                      all rows and activations
    python -m tests.benchmarks real --only "iris, raw"   some of them

Rows that are not centred, have few columns, near neighbours or very different norms are what people have. Every case
runs in a process of its own, with a limit of its time, since what is measured may not end; what it found until then
counts.
Depth 3, W_std 1.5, b_std 0.125, the NTK; errors and bounds are relative to sqrt(K(x, x) K(y, y)).
"""

import argparse
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

import ntksym as nk
from tests.benchmarks.tables import Printer, cell
from tests.oracle import recursion

__all__ = ["ACTIVATIONS", "ROWS", "Found", "run", "show"]

ACTIVATIONS = ("relu", "gelu", "elu", "tanh", "mish", "x*exp(-abs(x))", "sin", "erf")

DEPTH, W_STD, B_STD = 3, 1.5, 0.125
"""Binary fractions: the oracle works with the exact values of the floats."""

DIGITS = 40
LIMIT = 90.0
"""Seconds a case may take, from the start of its process: the compilations of two kernels and the oracle are in it."""

PATIENCE = 2.0
"""Seconds of repetitions, after which the times are taken as they are."""

Array = NDArray[np.float64]


def _data_set(name: str) -> Callable[[], Array]:
    def load() -> Array:
        from sklearn import datasets

        loader = getattr(datasets, f"load_{name}")
        given = loader(scaled=False) if name == "diabetes" else loader()
        return np.asarray(given.data, dtype=float)

    return load


def _standardised(load: Callable[[], Array]) -> Callable[[], Array]:
    def scaled() -> Array:
        x = load()
        spread = x.std(axis=0)
        return (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)

    return scaled


def _clusters() -> Array:
    """Two clouds of 100 points, their centres 1e-6 apart, each a hundredth of that wide."""
    generator = np.random.default_rng(1)
    centre, step = generator.normal(size=(2, 10))
    centres = np.array([centre, centre + 1e-6 * step / np.linalg.norm(step)])
    return np.repeat(centres, 100, axis=0) + 1e-8 * generator.normal(size=(200, 10))


def _decades() -> Array:
    """Normal rows times factors from 1e-3 to 1e3."""
    generator = np.random.default_rng(2)
    return generator.normal(size=(200, 10)) * 10.0 ** generator.uniform(-3, 3, size=(200, 1))


DATA_SETS = ("iris", "wine", "breast_cancer", "diabetes", "digits")

ROWS: dict[str, Callable[[], Array]] = {
    **{f"{name}, raw": _data_set(name) for name in DATA_SETS},
    **{f"{name}, standardised": _standardised(_data_set(name)) for name in DATA_SETS},
    "a line": lambda: np.linspace(-3, 3, 200)[:, None],
    "years": lambda: np.arange(1990.0, 2024.0)[:, None],
    "two clusters": _clusters,
    "six decades": _decades,
}


@dataclass(frozen=True)
class Found:
    """What a case found before its time was over.

    Parameters
    ----------
    nanoseconds : float or None
        An entry of the matrix of these rows, in a warm call.
    ratio : float or None
        Its time over that of normal rows of the same shape.
    error : float or None
        The largest at the sampled pairs.
    bound : float or None
        What `error_bound` says of all pairs.
    refused : str
        Why there is no matrix.
    """

    nanoseconds: float | None = None
    ratio: float | None = None
    error: float | None = None
    bound: float | None = None
    refused: str = ""


def sampled(x: Array) -> list[tuple[int, int]]:
    """Pairs to look at: the nearest two different rows, the smallest and the largest, two at random."""
    norms = np.linalg.norm(x, axis=1)
    distances = np.linalg.norm(x[:, None] - x[None], axis=2) if len(x) <= 600 else _distances(x)
    distances[distances == 0] = np.inf
    nearest = np.unravel_index(int(distances.argmin()), distances.shape)
    chosen = np.random.default_rng(3).integers(len(x), size=2)
    pairs = [nearest, (norms.argmin(), norms.argmax()), tuple(chosen)]
    return [(int(i), int(j)) for i, j in pairs]


def _distances(x: Array) -> Array:
    return np.array([np.linalg.norm(x - row, axis=1) for row in x])


def worst_error(network: nk.Network, x: Array, matrix: Array) -> float:
    """The largest error at the sampled pairs."""
    worst = 0.0
    for i, j in sampled(x):
        exact = recursion(network, x[i], x[j], dps=DIGITS).ntk
        worst = max(worst, float(abs(exact - float(matrix[i, j]))) / float(np.sqrt(matrix[i, i] * matrix[j, j])))
    return worst


def _times(kernel: nk.Kernel, given: Sequence[Array]) -> list[list[float]]:
    """Seconds of warm calls on each of some rows, in turns."""
    times: list[list[float]] = [[] for _ in given]
    start = time.perf_counter()
    while len(times[-1]) < 3 or (time.perf_counter() - start < PATIENCE and len(times[-1]) < 50):
        for x, seconds in zip(given, times, strict=True):
            begin = time.perf_counter()
            kernel(x)
            seconds.append(time.perf_counter() - begin)
        if time.perf_counter() - start > 10 * PATIENCE:
            break
    return times


def measure(rows: str, activation: str, say: Callable[[dict[str, Any]], object]) -> None:
    """One case; what is found is said as soon as it is known."""
    x = ROWS[rows]()
    network = nk.fully_connected(activation, DEPTH, W_std=W_STD, b_std=B_STD)
    kernel = nk.build(network)
    normal = np.random.default_rng(0).normal(size=x.shape)
    try:
        matrix = kernel(x)
        kernel(normal)
    except nk.NtksymError as error:
        say({"refused": str(error)})
        return
    real, synthetic = map(median, _times(kernel, (x, normal)))
    say({"nanoseconds": 1e9 * real / matrix.size, "ratio": real / synthetic})
    say({"bound": kernel.error_bound(x)})
    say({"error": worst_error(network, x, matrix)})


def run(rows: str, activation: str, limit: float = LIMIT) -> Found:
    """One case in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.real", rows, activation]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=True)
        said = ended.stdout
    except subprocess.TimeoutExpired as expired:
        output = expired.stdout or b""
        said = output.decode() if isinstance(output, bytes) else output
    found: dict[str, Any] = {}
    for line in said.splitlines():
        found |= json.loads(line)
    return Found(**found)


def show(printer: Printer, *, only: Sequence[str] = (), limit: float = LIMIT, quick: bool = False) -> None:
    """Every case, and three tables: ratios, errors, bounds."""
    cases = [case for case in product(ROWS, ACTIVATIONS) if not only or any(text in ", ".join(case) for text in only)]
    cases = [("years", "relu"), ("a line", "erf")] if quick else cases
    found: dict[tuple[str, str], Found] = {}
    for number, case in enumerate(cases, 1):
        print(f"[{number}/{len(cases)}] {', '.join(case)}", file=sys.stderr, flush=True)
        found[case] = run(*case, limit=limit)
    names = [name for name in ACTIVATIONS if any(activation == name for _, activation in cases)]
    sets = list(dict.fromkeys(rows for rows, _ in cases))
    titles: dict[str, Callable[[Found], str]] = {
        "Nanoseconds an entry": lambda one: _said(one, limit, one.nanoseconds),
        "Times as long as normal rows of the same shape": lambda one: _said(one, limit, one.ratio),
        "Largest error": lambda one: cell(one.error, ".0e"),
        "Bound": lambda one: cell(one.bound, ".0e"),
    }
    for title, text in titles.items():
        lines = [[rows, *(text(found[rows, name]) if (rows, name) in found else "" for name in names)] for rows in sets]
        printer.table(title, ["rows", *names], lines)
    for (rows, name), one in found.items():
        if one.refused:
            printer.say(f"{rows}, {name}: refused: {one.refused}")


def _said(found: Found, limit: float, number: float | None) -> str:
    if found.refused:
        return "refused"
    return f"> {limit:.0f} s" if number is None else cell(number)


def main() -> None:
    """One case, for `run`."""
    parser = argparse.ArgumentParser(description="One case; the table is made by python -m tests.benchmarks real.")
    parser.add_argument("rows", choices=ROWS)
    parser.add_argument("activation")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    measure(options.rows, options.activation, lambda words: print(json.dumps(words), flush=True))


if __name__ == "__main__":
    main()
