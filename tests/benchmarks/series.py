"""Activations without a closed form: time and error of whole kernels, error and bound of single duals.

Run as  python -m tests.benchmarks.series [--neural-tangents PYTHON] [--rounds 15]

PYTHON is an interpreter that has neural-tangents (tests/references/neural_tangents_data.py says how to make one); its
``ElementwiseNumerical(tanh, deg=25)`` then runs on the same rows. Errors are relative to sqrt(K(x, x) K(y, y)), against
the reference recursion in mpmath with every expectation integrated numerically to 25 digits.
"""

import argparse
from collections.abc import Sequence
from functools import cache
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import ntksym as nk
from ntksym.network import recursion
from ntksym.quadrature.activations import derivative_integrand, integrand
from ntksym.quadrature.expectation import expectation
from tests.benchmarks.clock import Clock, take_turns
from tests.benchmarks.environment import describe, set_aside
from tests.benchmarks.peers import Peer
from tests.benchmarks.problems import B_STD, W_STD, Problem
from tests.references.series_points import GOLDEN, PLACES, references

DEPTH, DEGREE = 3, 25
TOLERANCES = (1e-7, 1e-10, 1e-12)
DIGITS = 25
ACTIVATIONS = ("tanh", "sigmoid", "softplus", "silu", "mish", "arctan", "softsign")

Array = NDArray[np.float64]
Pairs = list[tuple[int, int]]


def network(activation: str) -> nk.Network:
    """The network of every kernel here."""
    return nk.fully_connected(activation, DEPTH, W_std=W_STD, b_std=B_STD)


def rows(n: int, d: int) -> Array:
    """Independent standard normal entries."""
    return np.random.default_rng(0).normal(size=(n, d))


def sample(x: Array) -> Pairs:
    """Pairs to look at: random ones, the most and the least alike, the shortest and the longest row, the diagonal."""
    lengths = np.sqrt((x * x).sum(axis=1))
    cosines = x @ x.T / np.outer(lengths, lengths)
    np.fill_diagonal(cosines, 0.0)
    shortest, longest = int(lengths.argmin()), int(lengths.argmax())
    extremes = [divmod(int(place), len(x)) for place in (cosines.argmax(), cosines.argmin())]
    drawn = np.random.default_rng(1).integers(len(x), size=(8, 2)).tolist()
    return [*map(tuple, drawn), *extremes, (shortest, longest), *((i, i) for i in (shortest, longest, 0))]


def tangent(activation: str, x: Array, pairs: Pairs) -> tuple[Array, Array]:
    """The tangent kernel at the pairs, and sqrt(K(x, x) K(y, y)) there, from numerical integrals."""
    act = nk.Activation(activation)
    functions = integrand(act), derivative_integrand(act)

    @cache
    def dual(q1: Any, q2: Any, c: Any) -> tuple[Any, Any]:
        value, slope = (expectation(function, function, q1, q2, c, dps=DIGITS).value for function in functions)
        return value, slope

    @cache
    def entry(i: int, j: int) -> Any:
        one, two = ([mpmath.mpf(float(number)) for number in x[k]] for k in (i, j))
        q1, q2, c = (mpmath.fdot(*pair) / x.shape[1] for pair in ((one, one), (two, two), (one, two)))
        return recursion.evaluate(network(activation), recursion.begin(q1, q2, c), {act: dual}).ntk

    with mpmath.workdps(DIGITS + 10):
        values = [float(entry(i, j)) for i, j in pairs]
        scales = [float(mpmath.sqrt(entry(i, i) * entry(j, j))) for i, j in pairs]
    return np.array(values), np.array(scales)


def errors(result: Array, pairs: Pairs, exact: Array, scales: Array) -> tuple[float, float]:
    """Largest relative error off the diagonal, and on it."""
    found = np.array([result[pair] for pair in pairs])
    relative = np.abs(found - exact) / scales
    diagonal = np.array([i == j for i, j in pairs])
    return float(relative[~diagonal].max()), float(relative[diagonal].max())


def timed(kernels: Sequence[nk.Kernel], x: Array, rounds: int) -> list[Clock]:
    """The kernels on the rows, in turns, after a turn that compiles."""
    clocks = [Clock("", lambda k=kernel: k(x)) for kernel in kernels]
    for clock in clocks:
        clock.work()
    take_turns(clocks, rounds)
    return clocks


def milliseconds(clock: Clock) -> tuple[str, str]:
    """Median and best as text."""
    return f"{1e3 * clock.median:.1f}", f"{1e3 * clock.best:.1f}"


def by_neural_tangents(interpreter: str, x: Array) -> tuple[float, Array]:
    """Seconds of the second run, and the tangent kernel."""
    problem = Problem("tanh", DEPTH, *x.shape)
    peer = Peer("neural-tangents", "with_neural_tangents", interpreter)
    try:
        pairs = [(i, j) for i in range(len(x)) for j in range(len(x))]
        values = peer.prepare(problem, x, pairs)["values"]
        return peer.run(), np.array(values).reshape(len(x), len(x))
    finally:
        peer.close()


def kernels(n: int, d: int, rounds: int, interpreter: str | None) -> Table:
    """Time and error of the tanh network, ours at several tolerances and neural-tangents'."""
    x = rows(n, d)
    pairs = sample(x)
    exact, scales = tangent("tanh", x, pairs)
    columns = ("", "median ms", "best ms", "error off the diagonal", "on the diagonal", "bound", "times slower")
    table = Table(*columns, title=f"tanh, n = {n}, d = {d}")
    ours = [nk.build(network("tanh"), tol=tol) for tol in TOLERANCES]
    times = timed(ours, x, rounds)
    for kernel, taken in zip(ours, times, strict=True):
        found = (*errors(kernel(x), pairs, exact, scales), kernel.error_bound(x))
        table.add_row(f"ntksym, tol = {kernel.tol:g}", *milliseconds(taken), *map("{:.1e}".format, found), "")
    if interpreter:
        seconds, result = by_neural_tangents(interpreter, x)
        name = f"neural-tangents, ElementwiseNumerical(deg={DEGREE})"
        found = errors(result, pairs, exact, scales)
        ratio = " / ".join(f"{seconds / taken.median:.0f}" for taken in times)
        table.add_row(name, f"{1e3 * seconds:.0f}", "", *map("{:.1e}".format, found), "none", ratio)
    return table


def against_closed(n: int, d: int, rounds: int) -> Table:
    """Time of tanh, by series, over that of ReLU, in closed form."""
    x = rows(n, d)
    table = Table("", "median ms", "best ms", "over relu", "best over best", title=f"n = {n}, d = {d}")
    names = ["relu, closed form", *(f"tanh, series, tol = {tol:g}" for tol in TOLERANCES)]
    built = [nk.build(network("relu")), *(nk.build(network("tanh"), tol=tol) for tol in TOLERANCES)]
    times = timed(built, x, rounds)
    for name, taken in zip(names, times, strict=True):
        ratios = f"{taken.median / times[0].median:.2f}", f"{taken.best / times[0].best:.2f}"
        table.add_row(name, *milliseconds(taken), *ratios)
    return table


def bounds() -> Table:
    """Value error and bound, at the golden point and, the largest, over all reference points; slope likewise."""
    table = Table(
        *("", "golden error", "bound", "golden slope error", "bound"),
        *("largest error", "bound", "largest slope error", "bound", "smallest bound/error"),
        title=f"duals by series, relative to sqrt(V V) and sqrt(D D), {len(PLACES)} places",
    )
    for name in ACTIVATIONS:
        dual: Any = nk.derive(name)
        points = references()[name]
        cells = []
        for point in points:
            value, slope = dual.evaluate(point.q1, point.q2, point.c)
            own, other = dual.error_bound(point.q1, point.q2), dual.slope_error_bound(point.q1, point.q2)
            cells.append(
                tuple(
                    float(number / scale)
                    for number, scale in (
                        (abs(mpmath.mpf(float(value)) - point.value), point.value_scale),
                        (own, point.value_scale),
                        (abs(mpmath.mpf(float(slope)) - point.slope), point.slope_scale),
                        (other, point.slope_scale),
                    )
                    if scale
                )
            )
        measured = np.array([cell for cell in cells if len(cell) == 4])
        golden, worst = cells[PLACES.index(GOLDEN)], measured.max(axis=0)
        with np.errstate(divide="ignore"):
            margin = min((measured[:, 1] / measured[:, 0]).min(), (measured[:, 3] / measured[:, 2]).min())
        table.add_row(name, *map("{:.1e}".format, (*golden, *worst)), f"{margin:.1f}")
    return table


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neural-tangents", metavar="PYTHON", help="an interpreter that has neural-tangents")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    set_aside()
    print(describe())
    console = Console(width=170)
    console.print(kernels(1000, 100, options.rounds, options.neural_tangents))
    console.print(against_closed(4000, 100, options.rounds))
    console.print(bounds())


if __name__ == "__main__":
    main()
