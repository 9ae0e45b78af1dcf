"""How one call of a kernel is computed: which lowering of the network serves these data, and how much of every series.

    data -> correlations, layer by layer, of a sample of pairs -> terms of every series, its cost -> engine, reaches

Results do not depend on these choices beyond the tolerance of the kernel.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from ntksym.activation.activation import Activation
from ntksym.dual import Dual, series_dual
from ntksym.dual.protocol import SeriesLike
from ntksym.errors import ToleranceNotMet
from ntksym.gram.schedule import HiddenLayer, LayerArrays, LayerPlan, schedule
from ntksym.hermite.expansion import STEP
from ntksym.hermite.truncation import limits
from ntksym.lowering import store
from ntksym.lowering.costs import HEAVY, LAYER, SERIES_STEP, SINGLE_PAIR
from ntksym.lowering.emit import Source, emit
from ntksym.lowering.lowered_activation import LoweredActivation, lower
from ntksym.network.layers import Network
from ntksym.numerics.limits import SMALLEST_VARIANCE

__all__ = ["Choice", "LoweredNetwork", "choose", "engines", "may_lose_digits", "sampled_correlations"]

Array = NDArray[np.float64]

FEW = 1 << 16
"""Entries up to which nothing is saved by looking at the data first."""

SAMPLE = 64
"""Rows and columns whose pairs are looked at."""

LEVELS = np.array([0.0, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 1.0])
"""Quantiles of |rho| that are followed through the layers."""

TYPICAL = 0.98
"""The quantile that decides how many terms a row of a tile adds: the largest |rho| of 64 pairs, in the middle."""

LONE_SERIES = 1e7
"""Cost of a pair that a series without a closed form leaves out: an integral in the plane."""

MARGIN = 0.75
"""Correlations of all pairs come this near to 1, measured by that of the sample."""


@dataclass(frozen=True)
class LoweredNetwork:
    """A network lowered in one way.

    Parameters
    ----------
    source : Source
        The generated module.
    schedule : LayerPlan
        The layers in the form in which the module takes them.
    spare : LoweredNetwork or None
        The same network with series wherever a closed form may lose its digits at very small or large variances.
    """

    source: Source
    schedule: LayerPlan
    series_fallback: "LoweredNetwork | None" = None

    def machine(self, width: int) -> tuple[ModuleType, LayerArrays]:
        """The compiled module, and the network as arrays for data with ``width`` features."""
        module = store.load(self.source.text)
        return module, self.schedule.arrays(module, width, self.source.columns)

    def cost(self, entry: HiddenLayer) -> float:
        """What a pair costs in a layer that is not a series."""
        part = self.source.parts[entry.number] if entry.number >= 0 else None
        return LAYER + part.cost if isinstance(part, LoweredActivation) else 0.0


@dataclass(frozen=True)
class Choice:
    """What was chosen for some data.

    Attributes
    ----------
    engine : LoweredNetwork
        The lowering that serves.
    plan : LayerPlan
        Its layers, with the reach of every series.
    costs : tuple of floats
        Estimated cost of a pair for each engine there was, infinite for one that does not serve; empty where there was
        nothing to choose.
    cost : float
        That of the engine; 0 where it was not looked at.
    """

    engine: LoweredNetwork
    plan: LayerPlan
    costs: tuple[float, ...] = ()
    cost: float = 0.0

    @property
    def closed(self) -> bool:
        """Whether every closed form is used as it is."""
        return all(entry.exact is None for entry in self.plan.hidden)


def engines(network: Network, duals: Sequence[Dual], tolerances: Sequence[float]) -> tuple[LoweredNetwork, ...]:
    """The ways to lower a network: with its closed forms, and, if one of them is heavy, with series in their place.

    Parameters
    ----------
    network : Network
        The layers.
    duals : sequence of Dual
        One for each distinct activation.
    tolerances : sequence of float
        Accuracy asked of the dual of each nonlinearity.
    """
    parts = lower(duals)
    known = {dual.activation: dual for dual in duals}
    first = LoweredNetwork(emit(parts), schedule(network, known, parts, tolerances), _spare(network, known, tolerances))
    heavy = {part.form for part in parts if isinstance(part, LoweredActivation) and part.cost >= HEAVY}
    if not heavy:
        return (first,)
    lighter = {key: series_dual(key) if dual.numeric in heavy else dual for key, dual in known.items()}
    parts = lower(lighter.values())
    plan = schedule(network, lighter, parts, tolerances)
    hidden = (replace(entry, exact=known[entry.dual.activation]) if entry.dual else entry for entry in plan.hidden)
    return first, LoweredNetwork(emit(parts), replace(plan, hidden=tuple(hidden)))


def _spare(network: Network, duals: Mapping[Activation, Dual], tolerances: Sequence[float]) -> LoweredNetwork | None:
    others = {key: series_dual(key) if may_lose_digits(dual) else dual for key, dual in duals.items()}
    if others == duals:
        return None
    parts = lower(others.values())
    return LoweredNetwork(emit(parts), schedule(network, others, parts, tolerances))


def may_lose_digits(dual: Dual) -> bool:
    """Whether the formulas of a dual are not known to keep their digits at every variance."""
    return dual.accurate_range.is_limited


def choose(ways: Sequence[LoweredNetwork], data: tuple[Array, Array]) -> Choice:
    """The cheapest engine for the data, and the reach of each of its series.

    Parameters
    ----------
    ways : sequence of LoweredNetwork
        From `engines`.
    data : pair of float arrays, shapes (n, d), (m, d)
        Points.
    """
    series = any(entry.series is not None for way in ways for entry in way.schedule.hidden)
    count = len(data[0]) * len(data[1])
    if not series:
        return Choice(ways[0], ways[0].schedule, cost=sum(map(ways[0].cost, ways[0].schedule.hidden)))
    if count <= FEW:
        return Choice(ways[0], ways[0].schedule)
    sample = _sample(ways[0].schedule, data)
    found = []
    for way in ways:
        try:
            found.append(_survey(way, *sample))
        except ToleranceNotMet:  # no series at variances as large as these
            found.append((np.inf, way.schedule))
    costs = tuple(cost for cost, _ in found)
    best = int(np.argmin(costs))
    return Choice(ways[best], found[best][1], costs if len(ways) > 1 else (), costs[best])


def _survey(way: LoweredNetwork, variances: Array, correlations: Array) -> tuple[float, LayerPlan]:
    """Cost of a pair, and the layers with their reaches."""
    total, reaches = 0.0, []
    for entry, *sample in _correlations(way.schedule, variances, correlations):
        if entry.series is not None:
            cost, reach = _terms(entry, entry.series, *sample)
        else:
            cost, reach = way.cost(entry), 1.0
        total += cost
        reaches.append(reach)
    return total, way.schedule.reaching(reaches)


def _terms(entry: HiddenLayer, dual: SeriesLike, variances: Array, correlations: Array) -> tuple[float, float]:
    """Cost of a pair in a series, and its reach: terms are stored as long as they cost less than what they save."""
    found = dual.coefficients(variances, entry.tolerance)
    served = limits(found, variances, entry.tolerance).min(axis=0)
    beyond = 1 - np.interp(served, 1 - MARGIN * (1 - correlations), LEVELS, right=1.0)
    single = SINGLE_PAIR if entry.exact is not None else LONE_SERIES
    typical = STEP * (1 + np.searchsorted(served, np.interp(TYPICAL, LEVELS, correlations)))
    costs = SERIES_STEP + np.minimum(typical, STEP * np.arange(1, len(served) + 1)) + single * beyond
    best = int(np.argmin(costs))
    return float(costs[best]), float(served[best])


def _correlations(plan: LayerPlan, variances: Array, correlations: Array) -> Iterator[tuple[HiddenLayer, Array, Array]]:
    """Before every layer: its entry, the variances of some rows, and `LEVELS` of |rho| of a sample of pairs."""
    middle = len(variances) // 2
    for entry in plan.hidden:
        variances = np.maximum(variances, SMALLEST_VARIANCE)
        yield entry, variances, correlations
        value, covariances = variances, variances[middle] * correlations
        if entry.dual is not None:
            found = series_dual(entry.dual.activation).coefficients(variances)
            value = found.value
            steps = np.broadcast_to(correlations[:, None] ** found.stride, (len(LEVELS), len(found.order))).copy()
            steps[:, 0] = correlations**found.offset
            covariances = np.cumprod(steps, axis=1) @ found.coefficients[middle] ** 2
        weight, bias = entry.dense.weight_variance, entry.dense.bias_variance
        variances = weight * value + bias
        largest = max(float(variances[middle]), SMALLEST_VARIANCE)
        correlations = np.minimum((weight * covariances + bias) / largest, 1.0)


def _sample(plan: LayerPlan, data: tuple[Array, Array]) -> tuple[Array, Array]:
    """Smallest, middle and largest variance of the sampled rows after the first Dense layer, and `LEVELS` of |rho|."""
    variances, rho = sampled_correlations(plan, data)
    levels = np.quantile(np.abs(rho), LEVELS) if rho.size else np.zeros(len(LEVELS))
    return variances[[0, len(variances) // 2, -1]], levels


def sampled_correlations(plan: LayerPlan, data: tuple[Array, Array]) -> tuple[Array, Array]:
    """Variances of some rows after the first Dense layer, in order, and the correlations of their pairs.

    Parameters
    ----------
    plan : LayerPlan
        The network.
    data : pair of float arrays, shapes (n, d), (m, d)
        Points; twice the same array for a symmetric result, when no row is paired with itself.
    """
    draws = np.random.default_rng(0)
    i, j = (draws.choice(len(points), min(SAMPLE, len(points)), replace=False) for points in data)
    x, y = data[0][i], data[1][j]
    weight, bias = plan.first.weight_variance / x.shape[1], plan.first.bias_variance
    q1, q2 = (np.maximum(weight * np.einsum("kd,kd->k", points, points) + bias, SMALLEST_VARIANCE) for points in (x, y))
    rho = np.clip((weight * (x @ y.T) + bias) / (np.sqrt(q1)[:, None] * np.sqrt(q2)), -1.0, 1.0)
    if data[0] is data[1]:
        rho = rho[i[:, None] != j]
    return np.sort(np.concatenate([q1, q2])), rho.ravel()
