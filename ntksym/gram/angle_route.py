r"""Whether the kernel on given data is one function of the angle between two rows, and that function as a series.

    K(x_i, x_j) = r_i r_j F(theta_ij),    r_i = sqrt(K(x_i, x_i)),    F(0) = 1

with theta the angle before the first nonlinearity, cos(theta) = c/sqrt(q_i q_j). It holds for two reasons.

One norm: every layer is a function of (q, q, c), and q is the same for all rows.

Homogeneity, s(t x) = t^a s(x) for t > 0 in every layer, no bias: K(q1, q2, c) = (q1 q2)^(a/2) K(1, 1, rho) and
D = (q1 q2)^((a-1)/2) D(1, 1, rho). So rho' = K(1, 1, rho)/K(1, 1, 1) depends on rho alone. If T = k sqrt(q1 q2) G(rho)
with G(1) = 1, the next layer has T' = sqrt(q1' q2') (rho' + k D(1, 1, rho) G(rho)/K(1, 1, 1)) since
q' = w^2 q^a K(1, 1, 1): again a number times sqrt(q1' q2') times a function of rho, whatever a is in each layer.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from ntksym.dual import Dual
from ntksym.errors import NoSuchDual, ToleranceNotMet
from ntksym.gram.choice import LoweredNetwork
from ntksym.gram.error_bound import Bound, bound_of_single_pairs
from ntksym.gram.fits.angle_series import FEWEST, Angles, AngleSeries, between, fit
from ntksym.gram.pairs import carry
from ntksym.gram.pairs.one_variance import terms_at
from ntksym.gram.rows import RowStates, prepare
from ntksym.gram.schedule import LayerArrays, LayerPlan
from ntksym.numerics.limits import SURE_VARIANCES

__all__ = ["HOMOGENEOUS", "ONE_NORM", "Refusal", "ZonalRoute", "collapse", "is_homogeneous"]

Array = NDArray[np.float64]

ONE_NORM = "all rows have one norm"
HOMOGENEOUS = "the network is positively homogeneous without bias"

SHARE = 10
"""The series may be wrong by one part in so many of the tolerance."""

STEP = 1e-4
"""Relative change of the variance by which it is found out how F depends on it."""

DIGITS = 45
"""Bits to which the common norm is rounded, so that other data of this norm find the same series."""

BEST, TERM = 10.0, 0.25
"""Cost of a pair, and of every term beside, in terms of a series as in `ntksym.lowering.costs`."""

SERIES = 40.0
"""Cost of a pair in a layer at most: then it is a series."""

FIT = 5e6
"""Cost of a layer in a fit, of which a call must save as much: others may follow."""


@dataclass(frozen=True)
class Refusal:
    """Why a kernel is computed layer by layer."""

    reason: str

    def __str__(self) -> str:
        return f"layer by layer: {self.reason}"


@dataclass(frozen=True)
class ZonalRoute:
    """The kernel as one function of the angle.

    Parameters
    ----------
    reason : str
        `ONE_NORM` or `HOMOGENEOUS`.
    series : pair of AngleSeries or None
        For NNGP and NTK; None for the one not wanted.
    error : float
        Bound of the error of an entry, relative to sqrt(K(x, x) K(y, y)).
    """

    reason: str
    series: tuple[AngleSeries | None, AngleSeries | None] = field(repr=False)
    error: float

    @property
    def terms(self) -> int:
        """Number of coefficients of the longer series."""
        return max(one.terms for one in self.series if one)

    def __str__(self) -> str:
        return f"one function of the angle, {self.terms} terms, error < {self.error:.1e}: {self.reason}"


def is_homogeneous(schedule: LayerPlan) -> bool:
    """Whether no layer has a bias and every activation has s(t x) = t^a s(x) for t > 0, with some a of its own."""
    denses = [schedule.first, *(entry.dense for entry in schedule.hidden)]
    duals = [entry.dual for entry in schedule.hidden if entry.dual is not None]
    return not any(dense.bias_variance for dense in denses) and all(
        dual.activation.homogeneity is not None for dual in duals
    )


def collapse(
    engine: LoweredNetwork, points: tuple[Array, Array], wanted: tuple[str, ...], tol: float
) -> ZonalRoute | Refusal:
    """The kernel on some data as one function of the angle, or why it is computed layer by layer.

    Parameters
    ----------
    engine : LoweredNetwork
        The network.
    points : pair of float arrays, shapes (n, d), (m, d)
        The data; twice the same array for a symmetric result.
    wanted : tuple of str
        "nngp", "ntk" or both.
    tol : float
        Error allowed in an entry, relative to sqrt(K(x, x) K(y, y)).
    """
    x, y = points
    entries = len(x) * len(y) / (1 + (x is y))
    layers = _layer_costs(engine) if entries * SERIES > FIT else []
    if entries * (sum(layers) - BEST) <= FIT * len(layers):
        return Refusal("that costs no less than the layers on so few points")
    machine = engine.machine(x.shape[1])
    squares = np.concatenate([np.einsum("ij,ij->i", rows, rows) for rows in ((x,) if x is y else (x, y))])
    homogeneous = is_homogeneous(engine.schedule)
    square = _typical(squares) if homogeneous else _rounded((float(squares.min()) + float(squares.max())) / 2)
    spread = 0.0 if homogeneous else _spread(machine[1], squares, square)
    if not spread < STEP:
        return Refusal("the rows have different norms")
    plan = engine.schedule
    found = _fitted(_Task(id(plan), machine[1].scale * square, homogeneous, wanted, tol / SHARE, plan, machine))
    if isinstance(found, Refusal):
        return found
    if homogeneous and not _in_range(engine.schedule, found.variances, squares / square):
        return Refusal("the variances leave the range in which homogeneity holds to rounding")
    if found.series[0].error + found.rate * spread > tol / SHARE:
        return Refusal("the norms of the rows differ by too much")
    error = found.series[0].error + found.rate * spread + max(getattr(found.duals, name) for name in wanted)
    if error > tol:
        return Refusal("the errors of series are not bounded at every angle")
    if BEST + sum(one.terms for one in found.series) * TERM >= sum(layers):
        return Refusal("the function of the angle has so many terms that the layers cost less")
    by_name = dict(zip(wanted, found.series, strict=True))
    return ZonalRoute(HOMOGENEOUS if homogeneous else ONE_NORM, (by_name.get("nngp"), by_name.get("ntk")), error)


def _layer_costs(engine: LoweredNetwork) -> list[float]:
    """Estimated cost of a pair in every layer, in terms of a series."""
    nonlinear = [entry for entry in engine.schedule.hidden if entry.dual is not None]
    return [SERIES if entry.series is not None else min(engine.cost(entry), SERIES) for entry in nonlinear]


def _typical(squares: Array) -> float:
    """A power of two near the median of the norms: for homogeneous networks any would do."""
    positive = squares[squares > 0]
    return float(2.0 ** np.round(np.log2(np.median(positive)))) if len(positive) else 1.0


def _rounded(square: float) -> float:
    mantissa, exponent = np.frexp(square)
    return float(np.ldexp(np.round(np.ldexp(mantissa, DIGITS)), exponent - DIGITS))


def _spread(network: LayerArrays, squares: Array, square: float) -> float:
    """Largest relative distance from the common variance before the first nonlinearity; not a number if that is 0."""
    first = network.weights[0] * (network.scale * np.array([squares.min(), squares.max(), square])) + network.biases[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.max(np.abs(first[:2] / first[2] - 1)))


@dataclass(frozen=True)
class _Task:
    """What a fit depends on: the network, known by its identity, which costs less than comparing it, and numbers."""

    network: int
    mean_square: float
    homogeneous: bool
    wanted: tuple[str, ...]
    allowed: float
    schedule: LayerPlan = field(compare=False)
    machine: tuple[ModuleType, LayerArrays] = field(compare=False)


@dataclass(frozen=True)
class _Fit:
    """Series, how fast F changes with log(q), what duals that are series get wrong, variances before every layer."""

    series: tuple[AngleSeries, ...]
    rate: float
    duals: Bound
    variances: Array


@lru_cache(maxsize=128)
def _fitted(task: _Task) -> _Fit | Refusal:
    try:
        return _fit(task)
    except (NoSuchDual, ToleranceNotMet) as error:  # the layers will say so of the row where it is
        return Refusal(str(error))


def _fit(task: _Task) -> _Fit | Refusal:
    steps = np.array([1.0] if task.homogeneous else [1.0, 1 - STEP, 1 + STEP])
    states = _states(task, task.mean_square * steps)
    variances = states.variances[0, :, : len(steps)]
    if not (np.all(variances > SURE_VARIANCES[0]) and np.all(variances < SURE_VARIANCES[1])):
        return Refusal("a variance is too small or too large")
    for entry, variance in zip(task.schedule.hidden, variances[:, 0], strict=False):
        if entry.series is not None and terms_at(entry.series, float(variance)) is None:
            return Refusal(f"the terms of {entry.series.activation.name} do not serve every angle")
    found = fit(lambda angles: _sample(task, states, 0, angles), task.allowed)
    if found is None:
        return Refusal("the function of the angle has too many terms")
    rate = 0.0
    if not task.homogeneous:
        below, above = (_sample(task, states, row, between(FEWEST)) for row in (1, 2))
        rate = max(float(np.abs(a - b).max()) for a, b in zip(above, below, strict=True)) / (2 * STEP)
    duals = bound_of_single_pairs(task.machine[1], task.schedule, [states])
    return _Fit(found, rate, duals, variances[:, 0])


def _states(task: _Task, mean_squares: Array) -> RowStates:
    module, network = task.machine
    (states,) = prepare(module, network, task.schedule.hidden, [mean_squares / network.scale], 1, pairs=False)
    return states


def _sample(task: _Task, states: RowStates, row: int, angles: Angles) -> tuple[Array, Array]:
    """F of each wanted kernel at the angles, and at what is left to pi."""
    module, network = task.machine
    count = len(angles.gap)
    gap, sign = np.tile(angles.gap, 2), np.repeat([1.0, -1.0], count)
    variances = [(np.full(2 * count, q),) * 2 for q in states.variances[0, :, row]]
    low = variances[0][0] * gap
    found = carry.advance(module, network, task.schedule.hidden, variances, low, sign)
    diagonals = states.variances[0, -1, row], states.tangents[0, row]
    kept = [found[k] / diagonals[k] for k, name in enumerate(("nngp", "ntk")) if name in task.wanted]
    whole = np.array(kept)
    return whole[:, :count], whole[:, count:]


def _degree(dual: Dual) -> float:
    """A of s(t x) = t^a s(x)."""
    assert dual.activation.homogeneity is not None
    return float(dual.activation.homogeneity)


def _in_range(schedule: LayerPlan, variances: Array, ratios: Array) -> bool:
    """Whether homogeneity holds to rounding: at the variances of all rows, those that are zero left aside.

    ``ratios`` are their norms over that of the fit, to which ``variances`` belong.
    """
    positive = np.log(ratios[ratios > 0])
    degrees = [1.0 if entry.dual is None else _degree(entry.dual) for entry in schedule.hidden]
    powers = np.cumprod([1.0, *degrees])
    ends = np.outer(powers, [positive.min(initial=0.0), positive.max(initial=0.0)]) + np.log(variances)[:, None]
    return bool(ends.min() > np.log(SURE_VARIANCES[0]) and ends.max() < np.log(SURE_VARIANCES[1]))
