"""The number of powers of rho that the eigenvalues up to a degree ask for follows from the law of decay."""

import math
from typing import Any

import numpy as np

from ntksym.numerics.arrays import Array
from ntksym.theory.spectrum.decay import Law
from ntksym.theory.spectrum.gegenbauer import log_projections

__all__ = ["MOST_TERMS", "first_terms"]


MOST_TERMS = 3000
"""Terms of a power series."""

FEWEST_TERMS, FALLEN = 160, 28.0
"""Terms beyond the degree to begin with, or as many as it takes for the summand to fall by exp(-28)."""


def first_terms(laws: tuple[Law, Law], dim: int, degree: int) -> int:
    """Terms to begin with: until c_k m(k, n) is far below its peak, with c_k as the law of decay implies.

    exp(-C sqrt(k) - n^2/(2k)) k^(-d/2), with a peak at k = (n^2/C)^(2/3); rho^-k m(k, n) if K is analytic up to rho.
    """
    fewest = degree + FEWEST_TERMS
    rates: list[Any] = [law.constant for law in laws if law.kind == "stretched exponential"]
    ratios: list[Any] = [law.constant for law in laws if law.kind == "geometric"]
    if rates and degree:
        scale = (min(rates) / 1.5) ** 1.5
        k = (degree**2 / scale) ** (2 / 3) * np.arange(1.0, 20.0, 0.05)
        return max(fewest, _fallen(k, scale * np.sqrt(k) + degree**2 / (2 * k) + dim / 2 * np.log(k)))
    if ratios and degree:
        k = degree + 2 * np.arange(MOST_TERMS // 2, dtype=np.float64)
        rho = (max(ratios) + 1 / max(ratios)) / 2
        return max(fewest, _fallen(k, math.log(rho) * k - log_projections(k, degree, dim)))
    return fewest


def _fallen(k: Array, logs: Array) -> int:
    """The first k beyond the least of these where they are ``FALLEN`` above it."""
    least = int(np.argmin(logs))
    enough = logs[least:] - logs[least] > FALLEN
    return math.ceil(k[least + int(np.argmax(enough))]) if np.any(enough) else math.ceil(k[-1])
