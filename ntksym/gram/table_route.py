r"""Whether the kernel on given data is worth a table in two variances and the angle, and that table.

    K(x_i, x_j) = r_i r_j F(log q_i, log q_j, theta_ij),    r_i = sqrt(K(x_i, x_i)),

with q the variance before the first nonlinearity and theta the angle there: whatever the layers are, they see nothing
else of two rows. F is smooth but where both angle and variances agree, or where the rows are opposite: the table leaves
out a neighbourhood of 0 and pi, and whatever is far from the angles of the data. Such pairs are computed one by one.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from ntksym.errors import NoSuchDual, ToleranceNotMet
from ntksym.gram.choice import LoweredNetwork, sampled_correlations
from ntksym.gram.error_bound import Bound, bound_of_single_pairs
from ntksym.gram.fits.table_series import Domain, Places, TableSeries, fit
from ntksym.gram.pairs import carry
from ntksym.gram.rows import RowStates, prepare
from ntksym.gram.schedule import LayerArrays, LayerPlan
from ntksym.numerics.limits import SURE_VARIANCES

__all__ = ["InterpolatedRoute", "tabulate"]

Array = NDArray[np.float64]

SHARE = 10
"""The table may be wrong by one part in so many of the tolerance."""

BEST, TERM = 60.0, 0.7
"""Cost of a pair, and of every term beside, in terms of a series as in `ntksym.lowering.costs`."""

WORTH = 0.6
"""The cost of a pair in a table over that in the layers must be less: estimates are rough."""

FIT, FIT_FORMULA, FIT_SERIES = 7e6, 1.7e5, 6e8
"""Cost of a layer in a fit: a closed form, that and every unit of its cost, or a series. A call must save as much."""

ONE_VARIANCE = 20
"""A fit for rows of one norm costs one part in so many of that."""

CLOSEST = 0.02
"""Radians from 0 and pi that a table keeps away from."""

WIDER = 0.7
"""The table comes nearer to 0 and pi than the angles of a sample of pairs, by this factor at least."""

ANGLE_STEP, VARIANCE_STEP = 1.25, np.log(2) / 8
"""Factors of angles, and steps of log(q), to which a domain is widened, so that similar data find the same table."""

MOST_LEFT_OUT = 1e-3
"""Share of the pairs of a sample that may be too near for a table."""

ONE = 1e-12
"""Width of a domain in log(q) below which it is taken for a point ..."""

DIGITS = 45
"""... rounded to so many bits."""

CHANGE = 1e-4
"""Change of log(q) by which it is found out how F depends on it there."""


@dataclass(frozen=True)
class InterpolatedRoute:
    """The kernel as a table in two variances and the angle.

    Parameters
    ----------
    series : TableSeries
        The table, of the kernels that are wanted.
    error : float
        Bound of the error of an entry, relative to sqrt(K(x, x) K(y, y)).
    """

    series: TableSeries = field(repr=False)
    error: float

    def __str__(self) -> str:
        rank, (low, high) = self.series.basis.shape[1], self.series.domain.angles
        return (
            f"a table in two variances and the angle, {rank} functions of the variance, {self.series.terms} terms, "
            f"error < {self.error:.1e}; angles from {low:.2g} to {high:.3g}, other pairs one by one"
        )


def tabulate(
    engine: LoweredNetwork, cost: float, points: tuple[Array, Array], wanted: tuple[str, ...], tol: float
) -> InterpolatedRoute | str:
    """The kernel on some data as a table, or why there is none.

    Parameters
    ----------
    engine : LoweredNetwork
        The network, with a closed form wherever there is one.
    cost : float
        Estimated cost of a pair layer by layer.
    points : pair of float arrays, shapes (n, d), (m, d)
        The data; twice the same array for a symmetric result.
    wanted : tuple of str
        "nngp", "ntk" or both.
    tol : float
        Error allowed in an entry, relative to sqrt(K(x, x) K(y, y)).
    """
    x, y = points
    saved = len(x) * len(y) / (1 + (x is y)) * (WORTH * cost - BEST)
    fitting = _cost_of_fit(engine) if saved > FIT / ONE_VARIANCE else np.inf
    if saved <= fitting / ONE_VARIANCE:
        return "a table in the variances costs no less than the layers"
    machine = engine.machine(x.shape[1])
    squares = [np.einsum("ij,ij->i", rows, rows) for rows in ((x,) if x is y else (x, y))]
    first = machine[1].weights[0] * (machine[1].scale * np.concatenate(squares)) + machine[1].biases[0]
    domain = _domain((float(first.min()), float(first.max())), sampled_correlations(engine.schedule, points)[1])
    if isinstance(domain, str):
        return domain
    if domain.variances[0] < domain.variances[1] and saved <= fitting:
        return "a table in the variances costs no less than the layers"
    plan = engine.schedule
    found = _fitted(_Task(id(plan), 1 / x.shape[1], domain, wanted, tol / SHARE, plan, machine))
    if isinstance(found, str):
        return found
    spread = float(np.abs(np.log(first) - domain.variances[0]).max()) if found.rate else 0.0
    error = found.series.error + found.rate * spread + max(getattr(found.duals, name) for name in wanted)
    if error > tol:
        return "the errors of series are not bounded well enough for a table"
    if BEST + TERM * found.series.terms > WORTH * cost:
        return "a table in the variances has so many terms that the layers cost less"
    return InterpolatedRoute(found.series, error)


def _cost_of_fit(engine: LoweredNetwork) -> float:
    layers = (entry for entry in engine.schedule.hidden if entry.dual is not None)
    return sum(FIT_SERIES if entry.series is not None else FIT + FIT_FORMULA * engine.cost(entry) for entry in layers)


def _domain(ends: tuple[float, float], correlations: Array) -> Domain | str:
    """Where the table is wanted: all variances, and the angles of a sample of pairs with a margin."""
    low, high = ends
    if not (low > 0 and np.isfinite(high)):
        return "a variance is zero or overflows"
    angles = np.arccos(correlations)
    inside = angles[(angles > CLOSEST) & (angles < np.pi - CLOSEST)]
    if len(inside) < (1 - MOST_LEFT_OUT) * len(angles) or not len(inside):
        return "too many rows are nearly equal or opposite for a table"
    first, last = _widened(float(inside.min())), np.pi - _widened(float(np.pi - inside.max()))
    left, right = np.log(low), np.log(high)
    if right - left < ONE:
        left = right = float(np.ldexp(np.round(np.ldexp((left + right) / 2, DIGITS)), -DIGITS))
    else:
        left, right = VARIANCE_STEP * np.floor(left / VARIANCE_STEP), VARIANCE_STEP * np.ceil(right / VARIANCE_STEP)
    return Domain((float(left), float(right)), (first, float(last)))


def _widened(angle: float) -> float:
    """A smaller angle on a ladder that begins at the smallest."""
    rungs = np.floor(np.log(max(WIDER * angle / CLOSEST, 1.0)) / np.log(ANGLE_STEP))
    return float(CLOSEST * ANGLE_STEP**rungs)


@dataclass(frozen=True)
class _Task:
    """What a fit depends on: the network, known by its identity, which costs less than comparing it, and numbers."""

    network: int
    scale: float
    domain: Domain
    wanted: tuple[str, ...]
    allowed: float
    schedule: LayerPlan = field(compare=False)
    machine: tuple[ModuleType, LayerArrays] = field(compare=False)


@dataclass(frozen=True)
class _Fit:
    """A table, how fast F changes with log(q) where that is one number, and what duals that are series get wrong."""

    series: TableSeries
    rate: float
    duals: Bound


@lru_cache(maxsize=128)
def _fitted(task: _Task) -> _Fit | str:
    try:
        return _fit(task)
    except (NoSuchDual, ToleranceNotMet) as error:  # the layers will say so of the row where it is
        return str(error)


def _fit(task: _Task) -> _Fit | str:
    low, high = task.domain.variances
    states = _states(task, np.array([low, high]))
    variances = states.variances[:, :, : states.count]
    if not (np.all(variances > SURE_VARIANCES[0]) and np.all(variances < SURE_VARIANCES[1])):
        return "a variance is too small or too large for a table"
    largest = float(np.cos(min(task.domain.angles[0], np.pi - task.domain.angles[1])))
    duals = bound_of_single_pairs(task.machine[1], task.schedule, [states], largest)
    if max(getattr(duals, name) for name in task.wanted) > SHARE * task.allowed:
        return "the errors of series are not bounded well enough for a table"
    series = fit(lambda places: _sample(task, places), task.domain, task.allowed)
    if series is None:
        return "a table in the variances has too many terms"
    rate = 0.0
    if low == high:
        ends, angles = low + CHANGE * np.array([-1.0, 1.0]), np.linspace(*task.domain.angles, 64)
        rows = [np.full(len(angles), k) for k in (0, 1)]
        below, above = (_sample(task, Places(ends, row, row, angles)) for row in rows)
        rate = float(np.abs(above - below).max()) / (2 * CHANGE)
    return _Fit(series, rate, duals)


def _states(task: _Task, logarithms: Array) -> RowStates:
    module, network = task.machine
    squares = (np.exp(logarithms) - network.biases[0]) / (network.weights[0] * network.scale)
    (states,) = prepare(module, network, task.schedule.hidden, [squares], 1, pairs=False)
    return states


def _sample(task: _Task, places: Places) -> Array:
    """F of each wanted kernel."""
    module, network = task.machine
    states = _states(task, places.variances)
    layers = len(task.schedule.hidden) + 1
    i, j = places.first, places.second
    variances = [(q[i], q[j]) for q in (states.variance(layer) for layer in range(layers))]
    half = places.angles / 2
    p = np.sqrt(variances[0][0]) * np.sqrt(variances[0][1])
    ahead = places.angles < np.pi / 2
    low = 2 * p * np.where(ahead, np.sin(half), np.cos(half)) ** 2
    found = carry.advance(module, network, task.schedule.hidden, variances, low, np.where(ahead, 1.0, -1.0))
    roots = np.sqrt(states.variance(layers - 1)), np.sqrt(states.tangent)
    kept = [k for k, name in enumerate(("nngp", "ntk")) if name in task.wanted]
    return np.array([found[k] / (roots[k][i] * roots[k][j]) for k in kept])
