"""Hermite coefficients as functions of the variance: Chebyshev polynomials in log2(q), made when they are asked for.

a_k(q), E[s(U)^2] and E[s'(U)^2] are analytic in q in the half-plane Re q > 0 for every activation, since only the
Gaussian depends on q. An octave of q takes 16 nodes; where the check between the nodes is not satisfied, it is halved.
"""

from collections.abc import Iterator
from dataclasses import astuple, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntksym.errors import ToleranceNotMet
from ntksym.hermite.moments import MOST_TERMS, SMOOTH_TERMS, Moments, layout, moments, rule
from ntksym.hermite.tabulated_activation import TabulatedActivation
from ntksym.kept import kept
from ntksym.numerics import chebyshev
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import EPSILON

__all__ = ["Coefficients", "HermiteTable"]


NODES = 16
WHOLES = 4
"""Columns of a panel that are not coefficients."""

BATCH = 256
"""Rows that are interpolated together."""

ACCEPTED = 64 * EPSILON
"""Deviation at the check points, relative to the norm, with which a panel is kept."""

DEEPEST = 5
"""Bisections of an octave; a panel that deep is kept with the deviation it has."""

UNRESOLVED = 1e-8
"""Last Chebyshev coefficients, relative to the norm, that leave no hope of that: checking would take as long again."""

MARGIN = 2.0
"""Factor from the deviation measured at the check points to the bound."""

FLOOR = 4 * EPSILON
"""Rounding of sums of squares, relative."""

_CHECKS = np.cos(np.pi * np.array([0, 5, 11, 16]) / NODES)
"""The ends and two places half-way between nodes, where the error of an interpolation is largest."""


@dataclass(frozen=True)
class CoefficientErrors:
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

    @kept
    def row(self) -> Array:
        """All of them, shape (6,)."""
        return np.array(astuple(self))


@dataclass(frozen=True)
class VariancePanel:
    """Everything as Chebyshev polynomials in log2(q) between ``low`` and ``high``.

    Attributes
    ----------
    low, high : float
        Ends in log2(q).
    fits : float array, shape (NODES, WHOLES + m)
        Chebyshev coefficients of E[s^2], E[s'^2], E[(U s')^2], E[s''^2] and of the m coefficients a_k.
    offset, stride : int
        k = offset + stride*m.
    errors : CoefficientErrors
        What is left out or wrong, at most, on the panel.
    dropped : float array, shape (m + 1, 2)
        Shares of E[s^2] and E[s'^2] in the coefficients from each on, at most, on the panel.
    """

    low: float
    high: float
    fits: Array
    offset: int
    stride: int
    errors: CoefficientErrors
    dropped: Array

    def terms(self, tolerance: float) -> int:
        """How many coefficients keep what is left out below a quarter of the tolerance, anywhere on the panel."""
        return max(1, int(np.argmax(self._dropped_at_most <= tolerance / 4)))

    @kept
    def _dropped_at_most(self) -> Array:
        return np.asarray(np.max(self.dropped, axis=1))


@dataclass(frozen=True)
class Coefficients:
    """Hermite coefficients at n variances, and how good they are.

    Attributes
    ----------
    coefficients : float array, shape (n, m)
        a_k(q), k = offset + stride*m; zero where fewer are stored.
    value, slope, dilation, bend : float arrays, shape (n,)
        E[s(U)^2], E[s'(U)^2], E[(U s'(U))^2], E[s''(U)^2].
    errors : float array, shape (n, 6)
        The fields of ``CoefficientErrors``.
    offset, stride : int
        Which coefficients.
    """

    coefficients: Array
    value: Array
    slope: Array
    dilation: Array
    bend: Array
    errors: Array
    offset: int
    stride: int

    @property
    def order(self) -> NDArray[np.int64]:
        """The degree k of each coefficient, shape (m,)."""
        return self.offset + self.stride * np.arange(self.coefficients.shape[1])

    @property
    def arrays(self) -> dict[str, Array]:
        """Everything that has one row a variance."""
        names = ("coefficients", "value", "slope", "dilation", "bend", "errors")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, eq=False)
class HermiteTable:
    """The panels made so far.

    Parameters
    ----------
    profile : TabulatedActivation
        The tabulated activation.
    most : int
        Largest k + 1 that is computed.
    """

    profile: TabulatedActivation
    most: int = MOST_TERMS
    _panels: dict[tuple[int, int], VariancePanel | None] = field(default_factory=dict, repr=False)

    def __call__(self, variances: Array, tolerance: float = 0.0) -> Coefficients:
        """The coefficients that the tolerance asks for, all that are known for 0, with the tails at each variance."""
        return self.with_tails(variances, self.terms(variances, tolerance))

    def with_tails(self, variances: Array, terms: int) -> Coefficients:
        """The same as ``rows``, with the tails at each variance instead of the largest on its panel."""
        known = self.rows(variances, terms)
        return replace(known, errors=_with_own_tails(known, variances))

    def terms(self, variances: Array, tolerance: float) -> int:
        """How many coefficients keep what is left out below a quarter of the tolerance at all of these variances."""
        panels = self._assign(np.log2(variances), np.arange(len(variances)), 0)
        return max((panel.terms(tolerance) for panel, _ in panels), default=1)

    def rows(self, variances: Array, terms: int, columns: int | None = None) -> Coefficients:
        """The first coefficients at variances q, shape (n,), all positive; a row does not depend on the others.

        Parameters
        ----------
        variances : float array, shape (n,)
            q.
        terms : int
            How many coefficients are kept, the same for all rows that will be paired.
        columns : int, optional
            Number of columns: zeros after those that are kept.
        """
        places = np.log2(variances)
        columns = terms if columns is None else columns
        coefficients = np.zeros((len(places), columns))
        wholes, errors = np.empty((len(places), WHOLES)), np.empty((len(places), 6))
        for panel, rows in _batches(list(self._assign(places, np.arange(len(places)), 0))):
            width = min(terms, columns, panel.fits.shape[1] - WHOLES)
            t = (2 * places[rows] - (panel.low + panel.high)) / (panel.high - panel.low)
            basis = np.polynomial.chebyshev.chebvander(t, NODES - 1)
            coefficients[rows, :width] = _combined(basis, panel.fits[:, WHOLES : WHOLES + width])
            wholes[rows] = _combined(basis, panel.fits[:, :WHOLES])
            errors[rows] = panel.errors.row
            errors[rows, :2] += panel.dropped[width]
        value, slope, dilation, bend = np.maximum(wholes, 0.0).T
        bend = bend if self.profile.bends else np.full(len(places), np.inf)
        slope = slope if self.profile.continuous else np.full(len(places), np.inf)
        return Coefficients(coefficients, value, slope, dilation, bend, errors, *layout(self.profile))

    def _assign(
        self, places: Array, rows: NDArray[np.intp], level: int
    ) -> Iterator[tuple[VariancePanel, NDArray[np.intp]]]:
        cells = np.floor(places[rows] * 2**level).astype(np.int64)
        for cell in np.unique(cells):
            mine = rows[cells == cell]
            panel = self._panel(level, int(cell))
            if panel is None:
                yield from self._assign(places, mine, level + 1)
            else:
                yield panel, mine

    def _panel(self, level: int, cell: int) -> VariancePanel | None:
        """The panel of a cell; None where it must be halved."""
        if (level, cell) not in self._panels:
            try:
                panel = self._make(cell / 2**level, (cell + 1) / 2**level, coarsely=level == DEEPEST)
            except ToleranceNotMet:
                if level == DEEPEST:
                    raise
                self._panels[level, cell] = None  # the upper end may be where E[s(U)^2] diverges
                return None
            if panel is None:
                self._panels[level, cell] = None
                return None
            worst = max(panel.errors.deviation, panel.errors.slope_deviation, panel.errors.diagonal)
            self._panels[level, cell] = panel if worst <= ACCEPTED or level == DEEPEST else None
        return self._panels[level, cell]

    def _make(self, low: float, high: float, coarsely: bool) -> VariancePanel | None:
        """The panel between two logarithms; None, before anything is checked, where it is seen to be too wide."""
        middle, half = (low + high) / 2, (high - low) / 2
        at_nodes = self._measure(low, high, 2.0 ** chebyshev.grid(NODES, (low, high)), 1.0)
        wholes = at_nodes.value, at_nodes.slope, at_nodes.dilation, at_nodes.bend
        samples = np.column_stack([*wholes, at_nodes.coefficients])
        if not self.profile.continuous:
            samples[:, 1] = 1.0
        fits = chebyshev.transform(NODES) @ samples
        if not coarsely and np.abs(fits[-2:, WHOLES:]).max(initial=0.0) > UNRESOLVED * np.sqrt(at_nodes.value.max()):
            return None
        variances = 2.0 ** (middle + half * _CHECKS)
        checks = self._measure(low, high, variances, 1.4)
        guess = np.polynomial.chebyshev.chebvander(_CHECKS, NODES - 1) @ fits
        offset, stride = layout(self.profile)
        errors = _errors(variances, checks, guess, offset, stride)
        return VariancePanel(low, high, fits, offset, stride, errors, _dropped(variances, guess, offset, stride))

    def _measure(self, low: float, high: float, variances: Array, fineness: float) -> Moments:
        for count in (SMOOTH_TERMS, self.most):
            nodes = rule(self.profile, 2.0**low, 2.0**high, count, fineness)
            found = moments(nodes, variances, count)
            last = nodes.offset + nodes.stride * (found.coefficients.shape[1] - 1)
            if last < count - 1 - nodes.stride:
                break
        return found


def _combined(basis: NDArray[Any], fits: Array) -> Array:
    """Their product; einsum adds in one order whatever the shape, so that no row depends on which come with it."""
    return np.asarray(np.einsum("nk,km->nm", basis, fits))


def _batches(panels: list[tuple[VariancePanel, NDArray[np.intp]]]) -> Iterator[tuple[VariancePanel, NDArray[np.intp]]]:
    """The rows of every panel a few at a time: what is made on the way takes little memory."""
    for panel, rows in panels:
        for first in range(0, len(rows), BATCH):
            yield panel, rows[first : first + BATCH]


def _errors(variances: Array, exact: Moments, guess: Array, offset: int, stride: int) -> CoefficientErrors:
    """What the fits get wrong at the check points, with a margin for the points between."""
    stored = guess[:, WHOLES:]
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
    return CoefficientErrors(tail, slope_tail, *(float(MARGIN * part + FLOOR) for part in measured))


def _dropped(variances: Array, guess: Array, offset: int, stride: int) -> Array:
    """Shares of the two sums of squares in the coefficients from each on: the largest at the check points."""
    squares = guess[:, WHOLES:] ** 2
    order = offset + stride * np.arange(squares.shape[1])
    shares = []
    for parts, whole in ((squares, guess[:, 0]), (squares * order, guess[:, 1] * variances)):
        after = np.cumsum(parts[:, ::-1], axis=1)[:, ::-1]
        share = np.divide(after, whole[:, None], out=np.zeros_like(after), where=whole[:, None] > 0)
        shares.append(np.append(1.25 * share.max(axis=0), 0.0))
    return np.column_stack(shares)


def _share(rest: Array, whole: Array) -> float:
    """The rest of a sum of squares: a difference, so never less than its rounding."""
    share = np.divide(1.25 * rest, whole, out=np.ones_like(whole), where=np.isfinite(whole))
    return float(np.max(np.clip(share, 0.0, 1.0)) + FLOOR)


def _with_own_tails(found: Coefficients, variances: Array) -> Array:
    """The errors with the tails at each variance, where they are smaller than the largest on the panel."""
    errors = found.errors.copy()
    squares = found.coefficients**2
    wholes = found.value, np.where(np.isfinite(found.slope), found.slope * variances, 0.0)
    for tail, (whole, sums) in enumerate(
        zip(wholes, (squares.sum(axis=1), np.einsum("nk,k->n", squares, found.order)), strict=True)
    ):
        margin = FLOOR + 2 * errors[:, 2 + tail] + errors[:, 4 + tail]
        rest = np.divide(np.maximum(whole - sums, 0.0), whole, out=np.ones_like(whole), where=whole > 0)
        errors[:, tail] = np.minimum(errors[:, tail], rest + margin)
    return errors
