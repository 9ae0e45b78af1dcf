r"""The table route: the kernel on given data is a table in two variances and the angle.

    K(x_i, x_j) = r_i r_j F(log q_i, log q_j, theta_ij),    r_i = sqrt(K(x_i, x_i)),

with q the variance before the first nonlinearity and theta the angle there: whatever the layers are, they see nothing
else of two rows. F is smooth but where both angle and variances agree, or where the rows are opposite: the table leaves
out a neighbourhood of 0 and pi, and whatever is far from the angles of the data. Such pairs are computed one by one.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ntksym.gram.choice import MANY, sampled_correlations
from ntksym.gram.costs import COSTS
from ntksym.gram.engines import LoweredNetwork, Lowering
from ntksym.gram.error_bound import Bound
from ntksym.gram.fits.table_series import Domain, Places, TableSeries, fit
from ntksym.gram.fitting import CHANGE, FitTask, Refusal, Sampler, fitted, logarithm
from ntksym.gram.inputs import Fingerprint, Request
from ntksym.gram.rows import RowStates
from ntksym.gram.schedule import LayerPlan, Machine
from ntksym.gram.tiles import Compiled
from ntksym.lowering import store
from ntksym.lowering.templates.frame import TILE
from ntksym.lowering.templates.table import DIAGONALS, FIRST, GROUP, INVERSE, ROOTS, table_source
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import SMALLEST_VARIANCE

__all__ = ["InterpolatedRoute", "find_interpolated"]


CLOSEST = 0.02
"""Radians from 0 and pi that a table keeps away from: nearer, kinks of the angle make its series long."""

WIDER = 0.7
"""The table comes nearer to 0 and pi than the angles of a sample of pairs, by this factor at least."""

ANGLE_STEP, VARIANCE_STEP = 1.25, np.log(2) / 8
"""Factors of angles, and steps of log(q), to which a domain is widened, so that similar data find the same table."""

MOST_LEFT_OUT = 1e-3
"""Share of the pairs of a sample that may be too near for a table: each costs as much as a thousand others."""

ONE = 1e-12
"""Width of a domain in log(q) below which it is taken for a point: what F changes on it is below every tolerance."""

CHECKED_ANGLES = 64
"""Angles at which it is found out how fast F changes with log(q)."""


@dataclass(frozen=True)
class InterpolatedRoute:
    """The kernel as a table in two variances and the angle.

    Parameters
    ----------
    data : Fingerprint
        The data that it was chosen for.
    lowering : Lowering
        How the layers are lowered that the rows go through, and single pairs.
    kernels : tuple of str
        The kernels that it is a table of.
    series : TableSeries
        The table, of each of these.
    error : float
        Bound of the error of an entry, relative to sqrt(K(x, x) K(y, y)).
    spread : float
        How far rows of one norm are from it, in log(q).
    """

    data: Fingerprint
    lowering: Lowering
    kernels: tuple[str, ...]
    series: TableSeries = field(repr=False)
    error: float
    spread: float

    name = "table"

    @property
    def bound(self) -> Bound:
        """The error, the same for both kernels."""
        return Bound(self.error, self.error)

    def __str__(self) -> str:
        rank, (low, high) = self.series.basis.shape[1], self.series.domain.angles
        return (
            f"a table in two variances and the angle, {rank} functions of the variance, {self.series.terms} terms, "
            f"error < {self.error:.1e}; angles from {low:.2g} to {high:.3g}, other pairs one by one"
        )

    def refusal(self, first: Array, tol: float) -> str | None:
        """Why the route does not hold for rows with these variances before the first nonlinearity."""
        low, high = self.series.domain.variances
        logarithms = np.log(np.maximum(first, SMALLEST_VARIANCE))
        apart = np.maximum(low - logarithms, logarithms - high).max(initial=0.0)
        return None if apart <= self.spread else "the norms of the rows lie outside of the table"

    def compiled(self, machine: Machine, states: tuple[RowStates, RowStates], wanted: tuple[bool, bool]) -> Compiled:
        """What fills tiles with entries r_i r_j F(q_i, q_j, theta_ij); parameters as for `ZonalRoute.compiled`."""
        arrays = machine.arrays
        numbers = float(arrays.weights[0]) * arrays.scale, float(arrays.biases[0]), *self.series.domain.line
        lines = (_lines(part, self.series) for part in states)
        places = [("nngp", "ntk").index(name) for name in self.kernels]
        return Compiled(store.load(table_source()), "fill", (*numbers, *lines, *_packed(self.series, places)))


@dataclass(frozen=True)
class TableDomain:
    """An interval of variances, or one of them, and an interval of angles.

    Parameters
    ----------
    place : Domain
        log(q) and theta.
    """

    place: Domain

    @property
    def probes(self) -> Array:
        """Both ends of the variances."""
        return np.array(self.place.variances)

    @property
    def largest(self) -> float:
        """The cosine of the angle nearest to 0 or pi."""
        low, high = self.place.angles
        return float(np.cos(min(low, np.pi - high)))

    def obstacle(self, layers: LayerPlan, states: RowStates) -> str | None:
        """Nothing: single pairs are evaluated whatever their terms are accurate for."""
        return None

    def fit(self, sampler: Sampler, allowed: float) -> TableSeries | None:
        """The table of the kernels that are wanted."""
        return fit(lambda places: self._sample(sampler, places), self.place, allowed)

    def rate(self, sampler: Sampler) -> float:
        """From the differences at neighbouring variances."""
        low, high = self.place.variances
        if low < high:
            return 0.0
        ends, angles = low + CHANGE * np.array([-1.0, 1.0]), np.linspace(*self.place.angles, CHECKED_ANGLES)
        rows = [np.full(len(angles), k) for k in (0, 1)]
        below, above = (self._sample(sampler, Places(ends, row, row, angles)) for row in rows)
        return float(np.abs(above - below).max()) / (2 * CHANGE)

    def _sample(self, sampler: Sampler, places: Places) -> Array:
        """F of each wanted kernel at places."""
        ahead, half = places.angles < np.pi / 2, places.angles / 2
        one_minus_rho = 2 * np.where(ahead, np.sin(half), np.cos(half)) ** 2
        sign = np.where(ahead, 1.0, -1.0)
        low, high = self.place.variances
        return sampler(
            sampler.rows(places.variances), places.first, places.second, one_minus_rho, sign, one_norm=low == high
        )


def find_interpolated(
    network: LoweredNetwork, lowering: Lowering, cost: float, request: Request, tol: float, *, forced: bool = False
) -> InterpolatedRoute | Refusal:
    """The kernel on some data as a table, or why there is none.

    Parameters
    ----------
    network : LoweredNetwork
        The network, with a closed form wherever there is one.
    lowering : Lowering
        How it was lowered.
    cost : float
        Estimated cost of a pair layer by layer.
    request : Request
        The data.
    tol : float
        Error allowed in an entry, relative to sqrt(K(x, x) K(y, y)).
    forced : bool
        Whether it is computed so even if that costs more than the layers.
    """
    saved = np.inf if forced else request.entries * (COSTS.worth * cost - COSTS.table.pair)
    fitting = _cost_of_fit(network) if saved > COSTS.table_fit * COSTS.one_variance else np.inf
    if saved <= fitting * COSTS.one_variance and not forced:
        return Refusal("a table in the variances costs no less than the layers")
    layers = network.layers
    first = layers.first.weight_variance / request.features * request.all_squares + layers.first.bias_variance
    ends = float(first.min(initial=np.inf)), float(first.max(initial=0.0))
    place = _place(ends, sampled_correlations(layers, request.pair)[1], forced=forced)
    if isinstance(place, Refusal):
        return place
    if place.variances[0] < place.variances[1] and saved <= fitting and not forced:
        return Refusal("a table in the variances costs no less than the layers")
    found = fitted(FitTask(layers, TableDomain(place), request.wanted, tol, network))
    if isinstance(found, Refusal):
        return found
    alike = place.variances[0] == place.variances[1]
    spread = float(np.abs(np.log(first) - place.variances[0]).max()) if alike else 0.0
    error = found.function.error + found.rate * spread + found.duals.worst(request.wanted)
    if error > tol:
        return Refusal("the errors of series are not bounded well enough for a table")
    if COSTS.table.of(found.function.terms) > COSTS.worth * cost and not forced:
        return Refusal("a table in the variances has so many terms that the layers cost less")
    longer = request.entries * MOST_LEFT_OUT >= MANY
    truncations = tuple(replace(one, longer=longer) for one in lowering.truncations)
    return InterpolatedRoute(
        request.fingerprint,
        replace(lowering, truncations=truncations),
        request.wanted,
        found.function,
        error,
        spread,
    )


def _cost_of_fit(network: LoweredNetwork) -> float:
    layers = (layer for layer in network.layers.hidden if layer.dual is not None)
    formula, series = COSTS.table_fit_formula, COSTS.table_fit_series
    return sum(
        series if layer.series is not None else COSTS.table_fit + formula * network.cost(layer) for layer in layers
    )


def _place(ends: tuple[float, float], correlations: Array, *, forced: bool) -> Domain | Refusal:
    """Where the table is wanted: all variances, and the angles of a sample of pairs with a margin."""
    low, high = ends
    if not (0 < low <= high < np.inf):
        return Refusal("a variance is zero or overflows")
    angles = np.arccos(correlations)
    inside = angles[(angles > CLOSEST) & (angles < np.pi - CLOSEST)]
    if not len(inside) or (len(inside) < (1 - MOST_LEFT_OUT) * len(angles) and not forced):
        return Refusal("too many rows are nearly equal or opposite for a table")
    first, last = _widened(float(inside.min())), np.pi - _widened(float(np.pi - inside.max()))
    left, right = np.log(low), np.log(high)
    if right - left < ONE:
        left = right = logarithm((low + high) / 2)
    else:
        left, right = VARIANCE_STEP * np.floor(left / VARIANCE_STEP), VARIANCE_STEP * np.ceil(right / VARIANCE_STEP)
    return Domain((float(left), float(right)), (first, float(last)))


def _widened(angle: float) -> float:
    """A smaller angle on a ladder that begins at the smallest."""
    rungs = np.floor(np.log(max(WIDER * angle / CLOSEST, 1.0)) / np.log(ANGLE_STEP))
    return float(CLOSEST * ANGLE_STEP**rungs)


def _lines(states: RowStates, series: TableSeries) -> Array:
    """Row quantities, shape (blocks, slots, TILE); rows of padding have those of the first row."""
    blocks, rank = len(states.variances), series.basis.shape[1]
    variances = states.variances[:, 0].reshape(-1).copy()
    variances[states.count :] = variances[0]
    lines = np.empty((blocks, FIRST + rank, TILE))
    lines[:, INVERSE] = (1 / np.sqrt(np.maximum(variances, SMALLEST_VARIANCE))).reshape(blocks, TILE)
    for root, diagonal, kernel in zip(ROOTS, DIAGONALS, (states.variances[:, -1], states.tangents), strict=True):
        lines[:, root], lines[:, diagonal] = np.sqrt(kernel), kernel
    functions = series.functions(np.log(variances))
    lines[:, FIRST:] = functions.reshape(blocks, TILE, rank).transpose(0, 2, 1)
    return lines


def _packed(series: TableSeries, kernels: list[int]) -> tuple[Array, NDArray[np.int64]]:
    """The coefficients as compiled code reads them: for every r the groups, in each k by k, s by s."""
    rank = series.basis.shape[1]
    table = np.zeros((2, rank, series.terms))
    sizes = np.zeros((2, rank // GROUP), dtype=np.int64)
    for kernel, one, counts in zip(kernels, series.tables, series.sizes, strict=True):
        parts = [
            one[:, GROUP * group : GROUP * (group + 1), :count].transpose(0, 2, 1).reshape(rank, -1)
            for group, count in enumerate(counts)
        ]
        whole = np.concatenate(parts, axis=1)
        table[kernel, :, : whole.shape[1]], sizes[kernel] = whole, counts
    return table, sizes
