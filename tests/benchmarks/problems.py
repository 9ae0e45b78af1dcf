"""What is computed in the benchmarks: networks, rows, pairs to look at, and exact values there."""

from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, ClassVar

import mpmath
import numpy as np
from numpy.typing import NDArray

import ntksym as nk
from ntksym.network import recursion

__all__ = ["B_STD", "TOLERANCE", "W_STD", "Problem", "exact", "largest_error"]

W_STD, B_STD = 1.5, 0.1
TOLERANCE = 1e-10
"""Of kernels that are series."""

DIGITS = 30
SAMPLE = 200
"""Pairs are looked for among so many rows."""

Array = NDArray[np.float64]
Pairs = list[tuple[int, int]]


@dataclass(frozen=True)
class Problem:
    """A Gram matrix: fully connected network, independent standard normal data.

    Parameters
    ----------
    activation : str
        A name of the catalogue.
    depth, n, d : int
        Hidden layers, rows, features.
    dtype : "float64" or "float32"
        Of the result.
    normalised : bool
        Whether all rows have the norm sqrt(d).
    get : "ntk" or "nngp"
        Which kernel.
    bias : bool
        Whether there are biases; scikit-ntk's differ from ours, so that it is compared without.
    """

    activation: str = "relu"
    depth: int = 3
    n: int = 4000
    d: int = 100
    dtype: str = "float64"
    normalised: bool = False
    get: str = "ntk"
    bias: bool = True

    COLUMNS: ClassVar[tuple[str, ...]] = ("activation", "depth", "n", "d", "result", "rows")

    def cells(self) -> tuple[str, ...]:
        """For the columns of a table."""
        result = self.dtype + " nngp" * (self.get == "nngp") + ", no bias" * (not self.bias)
        rows = "normalised" if self.normalised else "raw"
        return self.activation, str(self.depth), str(self.n), str(self.d), result, rows

    def __str__(self) -> str:
        return ", ".join(f"{name} {text}" for name, text in zip(self.COLUMNS, self.cells(), strict=True))

    @property
    def b_std(self) -> float | None:
        return B_STD if self.bias else None

    @property
    def network(self) -> nk.Network:
        return nk.fully_connected(self.activation, self.depth, W_std=W_STD, b_std=self.b_std)

    def rows(self) -> Array:
        """The data."""
        x = np.random.default_rng(0).normal(size=(self.n, self.d))
        return x * np.sqrt(self.d / (x * x).sum(axis=1, keepdims=True)) if self.normalised else x

    def pairs(self) -> Pairs:
        """Pairs to look at: random ones, the most and the least alike, a point with itself."""
        x = self.rows()[:SAMPLE]
        cosines = x @ x.T / np.sqrt(np.outer((x * x).sum(axis=1), (x * x).sum(axis=1)))
        np.fill_diagonal(cosines, 0.0)
        extremes = [divmod(int(place), len(x)) for place in (cosines.argmax(), cosines.argmin())]
        return [(0, 1), (2, min(7, len(x) - 1)), *extremes, (3, 3)]

    def request(self) -> dict[str, Any]:
        """For a server; numbers and words only."""
        return asdict(self) | {"W_std": W_STD, "b_std": self.b_std, "tolerance": TOLERANCE}


def exact(problem: Problem, x: Array, pairs: Pairs, digits: int = DIGITS) -> tuple[list[Any], list[Any]]:
    """The kernel at pairs of rows, and sqrt(K(x, x) K(y, y)) there, by the reference recursion in mpmath.

    Closed forms are evaluated with `digits` digits; of other activations every expectation is integrated numerically.
    """
    network = problem.network
    duals = {activation: nk.derive(activation) for activation in network.activations}

    def expectations(dual: Any) -> Any:
        return cache(lambda q1, q2, c: tuple(dual.evaluate(q1, q2, c, dps=digits)))

    evaluated = {activation: expectations(dual) for activation, dual in duals.items()}

    @cache
    def entry(i: int, j: int) -> Any:
        one, two = ([mpmath.mpf(float(number)) for number in x[k]] for k in (i, j))
        q1, q2, c = (mpmath.fdot(*pair) / x.shape[1] for pair in ((one, one), (two, two), (one, two)))
        state = recursion.evaluate(network, recursion.begin(q1, q2, c), evaluated)
        return state.ntk if problem.get == "ntk" else state.c

    with mpmath.workdps(digits + 10):
        values = [entry(i, j) for i, j in pairs]
        scales = [mpmath.sqrt(entry(i, i) * entry(j, j)) for i, j in pairs]
    return values, scales


def largest_error(found: list[float], values: list[Any], scales: list[Any]) -> float:
    """Relative to sqrt(K(x, x) K(y, y)); NaN if one of the numbers is."""
    errors = [
        abs(mpmath.mpf(number) - value) / scale for number, value, scale in zip(found, values, scales, strict=True)
    ]
    return float("nan") if any(map(mpmath.isnan, errors)) else float(max(errors))
