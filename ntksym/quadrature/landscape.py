"""The mass of an integrand is located by a coarse survey in logarithms, before anything is integrated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray

from ntksym.errors import OutOfReach

__all__ = ["Landscape", "survey"]

SPACING = 0.125
MOST_POINTS = 400
FARTHEST = 300.0
"""The survey gives up here, in standard deviations: an integrand that still matters is not integrable, or nearly so."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Landscape:
    """Sizes, as binary logarithms, of F(u), G(v) and F(u) G(v) exp(-g*(u - v)**2/2), and the box that matters.

    `left`, `right` bound the box in u and in v; `peaks` are the largest |F| and |G|; `height` is the largest value of
    the product; `mean` is E|f(U) g(V)| to a few per cent, and `natural` is sqrt(E[f(U)**2] E[g(V)**2]).
    """

    left: tuple[float, float]
    right: tuple[float, float]
    peaks: tuple[float, float]
    height: float
    mean: float
    natural: float


def survey(
    functions: Sequence[Callable[[Any], Any]],
    kinks: Sequence[Sequence[Any]],
    *,
    rho: float,
    sharpness: float,
    depth: float,
) -> Landscape:
    """Look at F and G on a grid, wider and wider until everything above ``2**-depth`` of the height is seen."""
    reach = 16.0
    while True:
        grids = [_grid(reach, points) for points in kinks]
        heights = [_logarithms(function, grid) for function, grid in zip(functions, grids, strict=True)]
        gaps = grids[0][:, None] - grids[1][None, :]
        with np.errstate(over="ignore"):
            ridge = -np.minimum(sharpness * gaps**2, 1e12) / (2 * np.log(2))
        joint = heights[0][:, None] + heights[1][None, :] + ridge
        height = float(joint.max())
        if height == -np.inf:
            return Landscape((-1.0, -1.0), (1.0, 1.0), (0.0, 0.0), -np.inf, -np.inf, -np.inf)
        seen = joint > height - depth
        sides = [grid[seen.any(axis=1 - axis)] for axis, grid in enumerate(grids)]
        if all(-reach < side[0] and side[-1] < reach for side in sides):
            break
        reach *= 1.5
        if reach > FARTHEST:
            raise OutOfReach(
                f"the integrand does not decay within {FARTHEST:g} standard deviations: the expectation does not "
                "exist, or the covariance is at the edge of its domain; take smaller variances",
                reach=reach,
            )
    left, right = zip(*(_snapped(side, _spacing(reach)) for side in sides), strict=True)
    inside = [(grid > low) & (grid < high) for grid, low, high in zip(grids, left, right, strict=True)]
    tops = [float(values[mask].max()) for values, mask in zip(heights, inside, strict=True)]
    squares = [_mean_square(values, grid, rho) for values, grid in zip(heights, grids, strict=True)]
    mean = _mean(heights, grids, joint, rho, ridge)
    return Landscape((left[0], left[1]), (right[0], right[1]), (tops[0], tops[1]), height, mean, sum(squares) / 2)


def _spacing(reach: float) -> float:
    return max(SPACING, 2 * reach / MOST_POINTS)


def _snapped(side: Floats, spacing: float) -> tuple[float, float]:
    """Ends outside, on multiples of a power of two, so that panels of u and of v have equal widths.

    Two spacings: a jump can hide in the first one, a ridge narrower than the grid in the second.
    """
    low, high = float(side[0]) - 2 * spacing, float(side[-1]) + 2 * spacing
    unit = 2.0 ** min(2, np.floor(np.log2(high - low)) - 2)
    return float(np.floor(low / unit) * unit), float(np.ceil(high / unit) * unit)


def _grid(reach: float, kinks: Sequence[Any]) -> Floats:
    """Equally spaced points, and a few in every interval between kinks: a narrow box must not fall through."""
    points = [np.arange(-reach, reach + SPACING, _spacing(reach))]
    ends = [-reach, *(float(kink) for kink in kinks if abs(kink) < reach), reach]
    offsets = np.array([0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98])
    points += [low + (high - low) * offsets for low, high in pairwise(ends) if high - low < 1]
    return np.unique(np.concatenate(points))


def _logarithms(function: Callable[[Any], Any], grid: Floats) -> Floats:
    values = (abs(function(mpmath.mpf(float(point)))) for point in grid)
    # A removable singularity on the grid, as that of sin(x)/x, is no number: it is passed over.
    return np.array([float(mpmath.log(value, 2)) if value and mpmath.isfinite(value) else -np.inf for value in values])


def _weights(grid: Floats) -> Floats:
    return np.asarray(np.gradient(grid), dtype=np.float64)


def _mean_square(values: Floats, grid: Floats, rho: float) -> float:
    """log2 of E[f**2] from log2 of |f(u)| exp(-u**2/(2 (1 + rho)))."""
    logs = 2 * values + grid**2 * (1 / (1 + rho) - 0.5) / np.log(2)
    top = float(logs.max())
    total = float((np.exp2(logs - top) * _weights(grid)).sum()) / np.sqrt(2 * np.pi)
    return top + float(np.log2(total))


def _mean(heights: Sequence[Floats], grids: Sequence[Floats], joint: Floats, rho: float, ridge: Floats) -> float:
    """log2 of E|f(U) g(V)|, over the same sum for f = g = 1, so that a ridge finer than the grid does no harm."""
    bells = [-(grid**2) / (2 * (1 + rho) * np.log(2)) for grid in grids]
    plain = bells[0][:, None] + bells[1][None, :] + ridge
    base = plain.max(axis=1)
    weights = _weights(grids[1])
    rows = base + np.log2((np.exp2(plain - base[:, None]) * weights).sum(axis=1))
    outer = -(grids[0] ** 2) / (2 * np.log(2)) - rows
    logs = joint + outer[:, None]
    top = float(logs.max())
    total = float((np.exp2(logs - top) * weights).sum(axis=1) @ _weights(grids[0])) / np.sqrt(2 * np.pi)
    return top + float(np.log2(total))
