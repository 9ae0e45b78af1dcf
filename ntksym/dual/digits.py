"""At which variances the formulas of a dual keep their digits in floating point: found out by comparison.

A formula may be a sum of parts of size 1 whose whole is as small as q, like that of ELU near zero; or of parts that
grow beyond it. Up to which variance is nothing that its form tells, so it is compared with itself at higher precision,
on a ladder of variances, until it fails.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ntksym.dual.covariance import ValueAndSlope
from ntksym.errors import NtkSymError

__all__ = ["ORDINARY", "trusted_variances"]

ORDINARY = 2.0**-4, 2.0**2
"""Between these every formula is trusted."""

SMALL = [2.0**-k for k in (4, 8, 12, 16, 20, 28, 40, 100)]
LARGE = [2.0**k for k in (2, 4, 6, 8, 12, 16, 20, 28, 40)]
"""Ladders of variances; beyond their ends nothing new happens."""

PLACES = ((1.0, 0.5), (0.25, -0.3), (1.0, 1 - 1e-6))
"""q2/q and the correlation of the pairs (q, q2) that are compared."""

ACCURACY = 5e-13
"""Error allowed, relative to the diagonals: half the tolerance that kernels have by default ..."""

ROUNDINGS = 8 * float(np.finfo(np.float64).eps)
"""... beside what so large a change of c would do, which no formula can help."""

NEGLIGIBLE = 1e-290
"""Numbers that underflow are not compared."""


def trusted_variances(
    in_float64: Callable[[Any, Any, Any], ValueAndSlope], exactly: Callable[[Any, Any, Any], ValueAndSlope]
) -> tuple[float, float]:
    """The smallest and the largest variance at which values and slopes have 12 digits of sqrt(K(q1) K(q2)).

    Parameters
    ----------
    in_float64 : callable
        q1, q2, c -> value and slope, arrays of shape (n,).
    exactly : callable
        The same for single numbers, to full precision.
    """

    def keeps(q: float) -> bool:
        pairs = [(q, ratio * q, rho * math.sqrt(ratio) * q) for ratio, rho in PLACES]
        found = in_float64(*np.array(pairs).T)
        if np.all(np.abs(in_float64(*np.full((3, 1), q)).value) <= NEGLIGIBLE):
            return True
        try:
            exact = [exactly(*pair) for pair in pairs]
            diagonals = [exactly(ratio * q, ratio * q, ratio * q) for ratio, _ in PLACES]
        except NtkSymError:  # there is no dual
            return True
        scales = [[_geometric_mean(*parts) for parts in zip(diagonals[0], other, strict=True)] for other in diagonals]
        return all(
            _agree([float(numbers[k]) for numbers in found], exact[k], scales[k], math.sqrt(pairs[k][0] * pairs[k][1]))
            for k in range(len(PLACES))
        )

    return _last(SMALL, keeps, 0.0), _last(LARGE, keeps, math.inf)


def _geometric_mean(one: Any, other: Any) -> float:
    return math.sqrt(abs(float(one))) * math.sqrt(abs(float(other)))


def _agree(found: Sequence[float], exact: ValueAndSlope, scales: Sequence[float], size: float) -> bool:
    """Value and slope, as far as they neither underflow nor overflow nor jump; ``size`` is sqrt(q1 q2)."""
    compared = [NEGLIGIBLE < scale < 1 / NEGLIGIBLE for scale in scales]
    condition = abs(float(exact.slope)) * size / scales[0] if all(compared) else 0.0
    allowed = ACCURACY + ROUNDINGS * condition
    return all(
        abs(number - float(value)) <= allowed * scale
        for number, value, scale, wanted in zip(found, exact, scales, compared, strict=True)
        if wanted
    )


def _last(ladder: Sequence[float], keeps: Callable[[float], bool], beyond: float) -> float:
    """The last rung before one that fails; where the highest and the one in the middle do not fail, none does."""
    if keeps(ladder[-1]) and keeps(ladder[len(ladder) // 2]):
        return beyond
    last = 1.0
    for rung in ladder:
        if not keeps(rung):
            return last
        last = rung
    return beyond
