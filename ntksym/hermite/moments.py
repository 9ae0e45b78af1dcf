r"""Hermite coefficients ``a_k(q) = E[s(sqrt(q) Z) h_k(Z)]``, Z ~ N(0, 1), for several variances at once.

Gauss-Legendre panels end at every kink and wherever the tabulated activation changes its polynomial. The Hermite
functions ``h_k(z) exp(-z**2/4)`` stay bounded, so their recurrence is stable. A continuous activation gives
``a_k = sqrt(q/k) E[s'(sqrt(q) Z) h_{k-1}(Z)]`` for k >= 1, which keeps its digits where sqrt(q) is tiny.
"""

from dataclasses import dataclass
from math import ceil, floor, log2, sqrt

import numpy as np

from ntksym.errors import OutOfReach
from ntksym.hermite.piecewise_table import Table
from ntksym.hermite.tabulated_activation import TabulatedActivation
from ntksym.hermite.tips import Tips
from ntksym.numerics.arrays import Array
from ntksym.numerics.legendre import legendre
from ntksym.numerics.limits import EPSILON

__all__ = ["MOST_TERMS", "SMALLEST_REACH", "Moments", "Rule", "layout", "moments", "reach_of", "rule"]


MOST_TERMS = 1024
"""Largest k + 1 that is computed."""

POINTS = 24
"""Nodes of a panel."""

SMOOTH_TERMS = 144
"""Up to this many Hermite functions a panel of one standard deviation resolves; more need narrower ones."""

SETTLED = 64 * EPSILON
"""Parseval's sum may be complete when it comes this near to the integral, relatively."""

FADED = 1e-29
"""It is complete when the last GROUP coefficients add no more than this, relatively: a pair feels the root."""

GROUP = 16

SMALLEST_REACH, LARGEST_REACH = 13.0, 60.0
"""Standard deviations beyond which exp(-z**2/4) hides a bounded function; where even a growing one must be hidden."""

HIDDEN = 1e-18
"""Size, relative to the largest, below which s(sqrt(q) z) exp(-z**2/4) is left out."""


@dataclass(frozen=True)
class Rule:
    """Where an activation is known on the way to integrals over a range of variances.

    Attributes
    ----------
    points, weights : float arrays, shape (m,)
        Nodes x and weights dx; only x > 0, with the weights doubled, for an even or odd activation.
    value, slope, bend : float arrays, shape (m,)
        s, s' and s'' at the nodes.
    offset, stride : int
        Which coefficients are not zero: k = offset + stride*m.
    continuous : bool
        Whether s has no jump, and s' a square that is integrable.
    tips : Tips
        What the polynomials leave out of the squares where s or s' is singular.
    """

    points: Array
    weights: Array
    value: Array
    slope: Array
    bend: Array
    offset: int
    stride: int
    continuous: bool
    tips: Tips


@dataclass(frozen=True)
class Moments:
    """Expectations at variances q, for the first coefficients k = offset + stride*m.

    Attributes
    ----------
    coefficients : float array, shape (n, m)
        a_k(q).
    value : float array, shape (n,)
        E[s(U)^2].
    slope : float array, shape (n,)
        E[s'(U)^2]; infinite where s jumps.
    dilation : float array, shape (n,)
        E[(U s'(U))^2], U ~ N(0, q): how fast s(sqrt(q) Z) moves with log(sqrt(q)).
    bend : float array, shape (n,)
        E[s''(U)^2] without what jumps of s' add to it.
    """

    coefficients: Array
    value: Array
    slope: Array
    dilation: Array
    bend: Array


def rule(profile: TabulatedActivation, low: float, high: float, count: int, fineness: float = 1.0) -> Rule:
    """Nodes that serve all variances from ``low`` to ``high`` and the first ``count`` Hermite functions.

    Parameters
    ----------
    profile : TabulatedActivation
        The tabulated activation.
    low, high : float
        Range of variances, positive; ``high`` is at most a few times ``low``.
    count : int
        Number of Hermite functions that the panels resolve.
    fineness : float
        Panels are shorter by this factor; 1 is enough, more is for checking.

    Raises
    ------
    OutOfReach
        If s oscillates or grows too fast at these variances.
    """
    reach = reach_of(profile, sqrt(high))
    core, top = floor(log2(sqrt(low))) - 4, ceil(log2(reach * sqrt(high)))
    table = profile.table(core, top, reach * sqrt(high))
    parity = profile.activation.parity
    width = sqrt(low) * min(1.0, sqrt(SMOOTH_TERMS / count)) / fineness
    start = 0.0 if parity in ("even", "odd") else -reach * sqrt(high)
    edges = _edges(table, start, reach * sqrt(high), width, fineness)
    half = np.diff(edges) / 2
    places, masses = legendre(POINTS)
    points = ((edges[:-1] + half)[:, None] + half[:, None] * places).ravel()
    weights = (half[:, None] * masses).ravel() * (2.0 if start == 0 else 1.0)
    offset, stride = layout(profile)
    continuous = profile.continuous
    known = table.value(points), table.slope(points), table.bend(points)
    tips = table.tips.between(start, reach * sqrt(high), 2.0 if start == 0 else 1.0)
    return Rule(points, weights, *known, offset, stride, continuous, tips)


def layout(profile: TabulatedActivation) -> tuple[int, int]:
    """Offset and stride of the coefficients that are not zero."""
    return {"even": (0, 2), "odd": (1, 2)}.get(profile.activation.parity, (0, 1))


def _edges(table: Table, start: float, end: float, width: float, fineness: float) -> Array:
    uniform = np.linspace(start, end, ceil((end - start) / width) + 1)
    inside = table.edges[(table.edges > start) & (table.edges < end)]
    edges = np.unique(np.concatenate([uniform, inside]))
    keep = np.append(True, np.diff(edges) > 1e-3 * width / fineness)
    keep |= np.isin(edges, inside)
    return np.asarray(edges[keep])


def reach_of(profile: TabulatedActivation, deviation: float) -> float:
    """Standard deviations beyond which s(deviation*z) exp(-z**2/4) is negligible on both sides."""
    places = np.arange(0.0, LARGEST_REACH + 0.25, 0.5)
    sizes = np.maximum(*(np.abs(profile.activation(sign * deviation * places)) for sign in (1, -1)))
    end = np.flatnonzero(np.isfinite(np.append(0.0, sizes)))[-1]  # beyond, s overflows
    sizes = np.where(np.isfinite(sizes), sizes, 0.0)  # a place before, where s is infinite, takes no mass
    with np.errstate(divide="ignore", invalid="ignore"):
        levels = np.log(sizes[:end]) - places[:end] ** 2 / 4
    largest = np.max(levels, initial=-np.inf)
    visible = np.flatnonzero(levels > largest + np.log(HIDDEN))
    last = places[visible[-1] + 1] if len(visible) and visible[-1] + 1 < len(places) else 0.0
    if not largest < np.inf or (len(visible) and visible[-1] + 1 >= end):
        raise OutOfReach(
            f"{profile.activation.name} grows too fast at the variance {deviation**2:.6g}: its square is not "
            "integrable in float64; use smaller W_std, b_std or inputs",
            activation=profile.activation,
        )
    return float(max(last, SMALLEST_REACH))


def moments(nodes: Rule, variances: Array, count: int) -> Moments:
    """Coefficients a_k, k < ``count``, or fewer where Parseval's sums are complete before at every variance.

    Parameters
    ----------
    nodes : Rule
        Nodes made for these variances and this count.
    variances : float array, shape (n,)
        q, positive.
    count : int
        Largest number of Hermite functions.
    """
    z = nodes.points / np.sqrt(variances)[:, None]
    density = nodes.weights * np.exp(-(z**2) / 4) / np.sqrt(2 * np.pi * variances)[:, None]
    envelope = np.exp(-(z**2) / 4)
    root = np.sqrt(nodes.weights / np.sqrt(2 * np.pi * variances)[:, None]) * envelope
    squared = (nodes.value, nodes.slope, nodes.points * nodes.slope, nodes.bend)
    value, slope, dilation, bend = (_mean_square(root, part) for part in squared)
    left_out = nodes.tips.squares(variances)
    value, slope, dilation = value + left_out[0], slope + left_out[1], dilation + left_out[2]
    first = np.sum(density * nodes.value * envelope, axis=1)[:, None]
    shift, weighted = (1, density * nodes.slope) if nodes.continuous else (0, density * nodes.value)
    columns = [first] if shift and nodes.offset == 0 else []
    older, newer = np.zeros_like(z), envelope
    squares, energies = [column[:, 0] ** 2 for column in columns], [0 * value for _ in columns]
    for k in range(count - shift):
        if (k + shift - nodes.offset) % nodes.stride == 0:
            column = np.einsum("ij,ij->i", weighted, newer)
            if shift:
                column *= np.sqrt(variances / (k + 1))
            columns.append(column[:, None])
            squares.append(column**2)
            energies.append((k + shift) * column**2)
        if k % GROUP == GROUP - 1 and _complete(squares, value) and _complete(energies, variances * slope):
            break
        older, newer = newer, (z * newer - sqrt(k) * older) / sqrt(k + 1)
    slopes = slope if nodes.continuous else np.full(len(variances), np.inf)
    return Moments(np.hstack(columns), value, slopes, dilation, bend)


def _mean_square(root: Array, values: Array) -> Array:
    """Squared after the Gaussian is on, which hides what would overflow."""
    parts = root * values
    return np.asarray(np.einsum("ij,ij->i", parts, parts))


def _complete(parts: list[Array], whole: Array) -> bool:
    return bool(np.all(sum(parts[-GROUP:]) <= FADED * whole) and np.all(whole - sum(parts) <= SETTLED * whole))
