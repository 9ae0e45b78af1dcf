"""Hermite coefficients as functions of the variance: Chebyshev polynomials in log2(q), made when they are asked for.

a_k(q), E[s(U)^2] and E[s'(U)^2] are analytic in q in the half-plane Re q > 0 for every activation, since only the
Gaussian depends on q. An octave of q takes 16 nodes; where the check between the nodes is not satisfied, it is halved.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ntksym.series.hermite import MOST_TERMS, SMOOTH_TERMS, Moments, layout, moments, rule
from ntksym.series.profile import Profile

__all__ = ["Coefficients", "VarianceTable"]

Array = NDArray[np.float64]

NODES = 16
EPSILON = float(np.finfo(np.float64).eps)

ACCEPTED = 64 * EPSILON
"""Deviation at the check points, relative to the norm, with which a panel is kept."""

DEEPEST = 5
"""Bisections of an octave; a panel that deep is kept with the deviation it has."""

MARGIN = 2.0
"""Factor from the deviation measured at the check points to the bound."""

FLOOR = 4 * EPSILON
"""Rounding of sums of squares, relative."""

_ANGLES = np.pi * (np.arange(NODES) + 0.5) / NODES
_PLACES = np.cos(_ANGLES)
_TRANSFORM = 2 / NODES * np.cos(np.outer(np.arange(NODES), _ANGLES))
_TRANSFORM[0] /= 2
_CHECKS = np.cos(np.pi * np.array([0.5, 6.0, 10.0, 15.5]) / NODES)


@dataclass(frozen=True)
class Panel:
    """Everything as Chebyshev polynomials in log2(q) between ``low`` and ``high``.

    Attributes
    ----------
    low, high : float
        Ends in log2(q).
    fits : float array, shape (NODES, 3 + m)
        Chebyshev coefficients of E[s^2], E[s'^2], E[(U s')^2] and of the m coefficients a_k.
    offset, stride : int
        k = offset + stride*m.
    errors : Errors
        What is left out or wrong, at most, on the panel.
    """

    low: float
    high: float
    fits: Array
    offset: int
    stride: int
    errors: "Errors"


@dataclass(frozen=True)
class Errors:
    """Relative to E[s^2] (squares), E[s'^2] (squares) and their roots (deviations).

    Attributes
    ----------
    tail : float
        sum of a_k^2 beyond the stored terms, over E[s^2].
    slope_tail : float
        sum of k a_k^2/q beyond the stored terms, over E[s'^2].
    deviation : float
        sqrt(sum (a_k - stored)^2 / E[s^2]).
    slope_deviation : float
        sqrt(sum k (a_k - stored)^2 / (q E[s'^2])).
    diagonal, diagonal_slope : float
        Relative errors of E[s^2] and E[s'^2] themselves.
    """

    tail: float
    slope_tail: float
    deviation: float
    slope_deviation: float
    diagonal: float
    diagonal_slope: float


@dataclass(frozen=True)
class Coefficients:
    """Hermite coefficients at n variances, and how good they are.

    Attributes
    ----------
    coefficients : float array, shape (n, m)
        a_k(q), k = offset + stride*m; zero where fewer are stored.
    value, slope, dilation : float arrays, shape (n,)
        E[s(U)^2], E[s'(U)^2], E[(U s'(U))^2].
    errors : float array, shape (n, 6)
        The fields of ``Errors``.
    offset, stride : int
        Which coefficients.
    """

    coefficients: Array
    value: Array
    slope: Array
    dilation: Array
    errors: Array
    offset: int
    stride: int

    @property
    def arrays(self) -> tuple[Array, Array, Array, Array, Array]:
        """Everything that has one row a variance."""
        return self.coefficients, self.value, self.slope, self.dilation, self.errors


@dataclass(frozen=True, eq=False)
class VarianceTable:
    """The panels made so far.

    Parameters
    ----------
    profile : Profile
        The tabulated activation.
    """

    profile: Profile
    _panels: dict[tuple[int, int], Panel | None] = field(default_factory=dict, repr=False)

    def __call__(self, variances: Array) -> Coefficients:
        """Coefficients at variances q, shape (n,), all positive."""
        places = np.log2(variances)
        found = [(panel, rows) for panel, rows in self._assign(places, np.arange(len(places)), 0)]
        terms = max((panel.fits.shape[1] for panel, _ in found), default=3)
        table = np.zeros((len(places), terms))
        errors = np.empty((len(places), 6))
        for panel, rows in found:
            middle, half = (panel.low + panel.high) / 2, (panel.high - panel.low) / 2
            basis = np.polynomial.chebyshev.chebvander((places[rows] - middle) / half, NODES - 1)
            table[rows, : panel.fits.shape[1]] = basis @ panel.fits
            e = panel.errors
            errors[rows] = e.tail, e.slope_tail, e.deviation, e.slope_deviation, e.diagonal, e.diagonal_slope
        offset, stride = layout(self.profile)
        value, dilation = np.maximum(table[:, 0], 0.0), np.maximum(table[:, 2], 0.0)
        slope = np.maximum(table[:, 1], 0.0) if self.profile.continuous else np.full(len(places), np.inf)
        found = Coefficients(table[:, 3:], value, slope, dilation, errors, offset, stride)
        return replace(found, errors=_with_own_tails(found, variances))

    def _assign(self, places: Array, rows: NDArray[np.intp], level: int) -> Iterator[tuple[Panel, NDArray[np.intp]]]:
        cells = np.floor(places[rows] * 2**level).astype(np.int64)
        for cell in np.unique(cells):
            mine = rows[cells == cell]
            panel = self._panel(level, int(cell))
            if panel is None:
                yield from self._assign(places, mine, level + 1)
            else:
                yield panel, mine

    def _panel(self, level: int, cell: int) -> Panel | None:
        """The panel of a cell; None where it must be halved."""
        if (level, cell) not in self._panels:
            panel = self._make(cell / 2**level, (cell + 1) / 2**level)
            worst = max(panel.errors.deviation, panel.errors.slope_deviation, panel.errors.diagonal)
            self._panels[level, cell] = panel if worst <= ACCEPTED or level == DEEPEST else None
        return self._panels[level, cell]

    def _make(self, low: float, high: float) -> Panel:
        middle, half = (low + high) / 2, (high - low) / 2
        at_nodes = self._measure(low, high, 2.0 ** (middle + half * _PLACES), 1.0)
        samples = np.column_stack([at_nodes.value, at_nodes.slope, at_nodes.dilation, at_nodes.coefficients])
        if not self.profile.continuous:
            samples[:, 1] = 1.0
        fits = _TRANSFORM @ samples
        variances = 2.0 ** (middle + half * _CHECKS)
        checks = self._measure(low, high, variances, 1.4)
        guess = np.polynomial.chebyshev.chebvander(_CHECKS, NODES - 1) @ fits
        offset, stride = layout(self.profile)
        return Panel(low, high, fits, offset, stride, _errors(variances, checks, guess, offset, stride))

    def _measure(self, low: float, high: float, variances: Array, fineness: float) -> Moments:
        for count in (SMOOTH_TERMS, MOST_TERMS):
            nodes = rule(self.profile, 2.0**low, 2.0**high, count, fineness)
            found = moments(nodes, variances, count)
            last = nodes.offset + nodes.stride * (found.coefficients.shape[1] - 1)
            if last < count - 1 - nodes.stride:
                break
        return found


def _errors(variances: Array, exact: Moments, guess: Array, offset: int, stride: int) -> Errors:
    """What the fits get wrong at the check points, with a margin for the points between."""
    stored = guess[:, 3:]
    width = max(stored.shape[1], exact.coefficients.shape[1])
    found, wanted = (np.pad(a, ((0, 0), (0, width - a.shape[1]))) for a in (stored, exact.coefficients))
    order = offset + stride * np.arange(width)
    size = np.where(exact.value > 0, exact.value, 1.0)
    energy = np.where(exact.slope > 0, exact.slope, 1.0) * variances
    kept = wanted[:, : stored.shape[1]]
    tail = _share(exact.value - np.sum(kept**2, axis=1), size)
    slope_tail = _share(exact.slope * variances - np.sum(order[: stored.shape[1]] * kept**2, axis=1), energy)
    gap = (found - wanted)[:, : stored.shape[1]]
    deviation = np.sqrt(np.sum(gap**2, axis=1) / size).max()
    slope_deviation = np.sqrt(np.sum(order[: stored.shape[1]] * gap**2, axis=1) / energy).max()
    diagonal = np.max(np.abs(guess[:, 0] - exact.value) / size)
    gap_of_slopes = np.where(np.isfinite(energy), np.abs(guess[:, 1] - exact.slope) * variances, 0.0)
    diagonal_slope = np.max(gap_of_slopes / energy)
    measured = (deviation, slope_deviation, diagonal, diagonal_slope)
    return Errors(tail, slope_tail, *(float(MARGIN * max(part, EPSILON)) for part in measured))


def _share(rest: Array, whole: Array) -> float:
    """The rest of a sum of squares: a difference, so never less than its rounding."""
    share = np.divide(1.25 * rest, whole, out=np.ones_like(whole), where=np.isfinite(whole))
    return float(np.max(np.clip(share, 0.0, 1.0)) + FLOOR)


def _with_own_tails(found: Coefficients, variances: Array) -> Array:
    """The errors with the tails at each variance, where they are smaller than the largest on the panel."""
    errors = found.errors.copy()
    squares = found.coefficients**2
    order = found.offset + found.stride * np.arange(squares.shape[1])
    wholes = found.value, np.where(np.isfinite(found.slope), found.slope * variances, 0.0)
    for tail, (whole, sums) in enumerate(zip(wholes, (squares.sum(axis=1), squares @ order), strict=True)):
        margin = FLOOR + 2 * errors[:, 2 + tail] + errors[:, 4 + tail]
        rest = np.divide(np.maximum(whole - sums, 0.0), whole, out=np.ones_like(whole), where=whole > 0)
        errors[:, tail] = np.minimum(errors[:, tail], rest + margin)
    return errors
