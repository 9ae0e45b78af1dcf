"""Laws of decay against computed eigenvalues."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ntksym.numerics.arrays import Array
from ntksym.theory.spectrum.decay import Law

__all__ = ["Fit", "fit"]


RELIABLE = 1e-2
"""Relative error of an eigenvalue that may be fitted."""

FEWEST = 6


@dataclass(frozen=True)
class Fit:
    """What the larger half of the degrees says.

    Attributes
    ----------
    measured : float
        The exponent of n (algebraic), A of exp(-A n^p) with p as predicted (stretched exponential), the ratio of
        successive degrees (geometric).
    ratio : float
        mu_n over its predicted leading term, at the largest n (algebraic); measured over predicted A, or logarithms of
        the ratios.
    degrees : tuple of int
        The first and last degree used.
    """

    measured: float
    ratio: float
    degrees: tuple[int, int]

    def __str__(self) -> str:
        return f"measured {self.measured:.4g} on n = {self.degrees[0]}..{self.degrees[1]}, ratio {self.ratio:.4f}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"measured": self.measured, "ratio": self.ratio, "degrees": list(self.degrees)}


def fit(law: Law, dim: int, parity: int, eigenvalues: Array, relative_errors: Array) -> Fit | None:
    """Fit the eigenvalues of one parity; None where the law has no number, or too few are reliable and beyond n = d.

    Parameters
    ----------
    law : Law
        What is predicted of them.
    dim, parity : int
        d of the sphere; 0 for even degrees and 1 for odd ones.
    eigenvalues, relative_errors : float arrays, shape (degree + 1,)
        All of them.
    """
    n = np.arange(parity, len(eigenvalues), 2)
    good = (eigenvalues[n] > 0) & (relative_errors[n] < RELIABLE) & (n > 0)
    n = n[good]
    n = n[len(n) // 2 :]
    if len(n) < FEWEST or law.kind not in _FITS or dim < 2 or n[0] < dim:
        return None
    measured, ratio = _FITS[law.kind](law, dim, n.astype(np.float64), np.log(eigenvalues[n]))
    return Fit(measured, ratio, (int(n[0]), int(n[-1])))


def _slope(columns: list[Array], logs: Array) -> float:
    """The coefficient of the last column."""
    matrix = np.column_stack([np.ones(len(logs)), *columns])
    return float(np.linalg.lstsq(matrix, logs, rcond=None)[0][-1])


def _algebraic(law: Law, dim: int, n: Array, logs: Array) -> tuple[float, float]:
    predicted = law.predicted(dim, int(n[-1]))
    return -_slope([np.log(n + (dim - 2) / 2)], logs), math.exp(logs[-1]) / predicted


def _stretched(law: Law, dim: int, n: Array, logs: Array) -> tuple[float, float]:
    assert law.exponent is not None
    assert law.constant is not None
    measured = -_slope([np.log(n), n**law.exponent], logs)
    return measured, measured / law.constant


def _geometric(law: Law, dim: int, n: Array, logs: Array) -> tuple[float, float]:
    assert law.constant is not None
    rate = _slope([np.log(n), n], logs)
    return math.exp(rate), rate / math.log(law.constant)


_FITS = {"algebraic": _algebraic, "stretched exponential": _stretched, "geometric": _geometric}
