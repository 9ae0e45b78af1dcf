"""The lowering of a network for given data: the candidate every layer uses, and how much of a series is stored.

    data -> correlations, layer by layer, of a sample of pairs -> terms of every series, its cost -> forms, reaches

Results do not depend on these choices beyond the tolerance of the kernel.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ntksym.dual import series_dual
from ntksym.errors import ToleranceNotMet
from ntksym.gram.costs import COSTS
from ntksym.gram.engines import Candidates, Form, Forms, LoweredNetwork, Lowering, with_series
from ntksym.gram.inputs import Request
from ntksym.gram.schedule import HiddenLayer, LayerPlan, Truncation, follow
from ntksym.hermite.expansion import STEP
from ntksym.hermite.truncation import limits
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import SMALLEST_VARIANCE

__all__ = ["Choice", "choose", "long_series", "sampled_correlations"]


SAMPLE = 64
"""Rows and columns whose pairs are looked at."""

LEVELS = np.array([0.0, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 1.0])
"""Quantiles of |rho| that are followed through the layers."""

TYPICAL = 0.98
"""The quantile that decides how many terms a row of a tile adds: the largest |rho| of 64 pairs, in the middle."""

MARGIN = 0.75
"""Correlations of all pairs come this near to 1, measured by that of the sample."""

MANY = 100
"""Pairs beyond the stored terms from which on a longer series costs less than an integral for each."""


@dataclass(frozen=True)
class Choice:
    """What was chosen for some data.

    Attributes
    ----------
    lowering : Lowering
        How the network is lowered.
    costs : tuple of floats
        Estimated cost of a pair for each choice of forms there was, infinite for one that does not exist; empty where
        there was nothing to choose.
    cost : float
        That of what was chosen; 0 where it was not looked at.
    """

    lowering: Lowering
    costs: tuple[float, ...] = ()
    cost: float = 0.0


def choose(candidates: Candidates, request: Request, lost: Collection[int] = (), *, only: Form | None = None) -> Choice:
    """The forms that cost least on some data, and the reach of each series.

    Parameters
    ----------
    candidates : Candidates
        The ways to lower the network.
    request : Request
        The data.
    lost : collection of int
        Nonlinearities whose closed form loses its digits on these data.
    only : {"closed", "series"}, optional
        Closed forms wherever there are any, or series everywhere, whatever that costs.
    """
    single = with_series(candidates.closed, lost)
    ways = _ways(candidates, lost, only)
    networks = [candidates.lowered(forms) for forms in ways]
    plain = Lowering(ways[0], single, networks[0].layers.truncations)
    if not any(network.has_series for network in networks):
        return Choice(plain, cost=sum(map(networks[0].cost, networks[0].layers.hidden)))
    if len(request.x) * len(request.y) <= COSTS.few:
        return Choice(plain)
    sample = _sample(networks[0].layers, request.pair)
    pairs = zip(networks, ways, strict=True)
    found = [_attempt(network, (forms, single), sample, request.entries) for network, forms in pairs]
    costs = tuple(cost for cost, _ in found)
    best = int(np.argmin(costs))
    return Choice(Lowering(ways[best], single, found[best][1]), costs if len(ways) > 1 else (), costs[best])


def _ways(candidates: Candidates, lost: Collection[int], only: Form | None) -> list[Forms]:
    """The forms to choose from, different ones."""
    known: list[Forms] = [candidates.closed, candidates.light or candidates.closed]
    if only is not None:
        known = [candidates.closed] if only == "closed" else [tuple("series" for _ in candidates.duals)]
    return list(dict.fromkeys(with_series(forms, lost) for forms in known))


def _attempt(
    network: LoweredNetwork, forms: tuple[Forms, Forms], sample: tuple[Array, Array], entries: float
) -> tuple[float, tuple[Truncation, ...]]:
    """Cost of a pair, and how much of every layer; infinite where there is no series at variances as large as these."""
    ways = iter(zip(*forms, strict=True))
    total, truncations = 0.0, []
    try:
        for layer, variances, correlations in _correlations(network.layers, *sample):
            tiles, alone = next(ways) if layer.dual is not None else ("closed", "closed")
            cost, truncation = network.cost(layer), layer.truncation
            if layer.series is not None:
                dearest = COSTS.single_pair if tiles != alone else COSTS.integrated_pair
                cost, reach, beyond = _terms(layer, variances, correlations, dearest)
                truncation = replace(truncation, reach=reach, longer=entries * beyond >= MANY)
            total += cost
            truncations.append(truncation)
    except ToleranceNotMet:
        return np.inf, network.layers.truncations
    return total, tuple(truncations)


def _terms(layer: HiddenLayer, variances: Array, correlations: Array, single_pair: float) -> tuple[float, float, float]:
    """Cost of a pair in a series, its reach, and the share of pairs beyond it.

    Terms are stored as long as they cost less than what they save.
    """
    assert layer.series is not None
    tolerance = layer.truncation.tolerance
    found = layer.series.coefficients(variances, tolerance)
    served = limits(found, variances, tolerance).min(axis=0)
    beyond = _share_beyond(served, correlations)
    typical = STEP * (1 + np.searchsorted(served, np.interp(TYPICAL, LEVELS, correlations)))
    costs = COSTS.series_layer + np.minimum(typical, STEP * np.arange(1, len(served) + 1)) + single_pair * beyond
    best = int(np.argmin(costs))
    return float(costs[best]), float(served[best]), float(beyond[best])


def _share_beyond(reach: Array, correlations: Array) -> Array:
    """The share of pairs with |rho| beyond a reach, by the quantiles of a sample."""
    return np.asarray(1 - np.interp(reach, 1 - MARGIN * (1 - correlations), LEVELS, right=1.0))


def long_series(layers: LayerPlan, request: Request, reaches: Sequence[float]) -> tuple[bool, ...]:
    """For every layer, whether enough pairs lie beyond its stored terms for a longer series to be made for them.

    Parameters
    ----------
    layers : LayerPlan
        The network.
    request : Request
        The data.
    reaches : sequence of float
        The |rho| that the stored terms of every layer are accurate for.
    """
    if min(reaches, default=1.0) >= 1 or not request.entries:
        return (False,) * len(reaches)
    try:
        followed = [levels for _, _, levels in _correlations(layers, *_sample(layers, request.pair))]
    except ToleranceNotMet:  # a layer in closed form has no series that could be followed
        return (False,) * len(reaches)
    counts = [
        request.entries * _share_beyond(np.array(reach), levels)
        for reach, levels in zip(reaches, followed, strict=True)
    ]
    return tuple(reach < 1 and bool(count >= MANY) for reach, count in zip(reaches, counts, strict=True))


def _correlations(layers: LayerPlan, variances: Array, correlations: Array) -> list[tuple[HiddenLayer, Array, Array]]:
    """Before every layer: its entry, the variances of some rows, and `LEVELS` of |rho| of a sample of pairs."""
    middle = len(variances) // 2
    found: list[tuple[HiddenLayer, Array, Array]] = []

    def step(number: int, entry: HiddenLayer, state: tuple[Array, Array]) -> tuple[Array, Array]:
        q, levels = np.maximum(state[0], SMALLEST_VARIANCE), state[1]
        found.append((entry, q, levels))
        value, covariances = q, q[middle] * levels
        if entry.dual is not None:
            series = series_dual(entry.dual.activation).coefficients(q)
            value = series.value
            steps = np.broadcast_to(levels[:, None] ** series.stride, (len(LEVELS), len(series.order))).copy()
            steps[:, 0] = levels**series.offset
            covariances = np.cumprod(steps, axis=1) @ series.coefficients[middle] ** 2
        weight, bias = entry.dense.weight_variance, entry.dense.bias_variance
        after = weight * value + bias
        largest = max(float(after[middle]), SMALLEST_VARIANCE)
        return after, np.minimum((weight * covariances + bias) / largest, 1.0)

    def add(kept: tuple[Array, Array], branch: tuple[Array, Array]) -> tuple[Array, Array]:
        shares = kept[0][middle], branch[0][middle]
        total = max(float(sum(shares)), SMALLEST_VARIANCE)
        return kept[0] + branch[0], np.minimum((shares[0] * kept[1] + shares[1] * branch[1]) / total, 1.0)

    follow(layers.hidden, (variances, correlations), step, add)
    return found


def _sample(layers: LayerPlan, data: tuple[Array, Array]) -> tuple[Array, Array]:
    """Smallest, middle and largest variance of the sampled rows after the first Dense layer, and `LEVELS` of |rho|."""
    variances, rho = sampled_correlations(layers, data)
    levels = np.quantile(np.abs(rho), LEVELS) if rho.size else np.zeros(len(LEVELS))
    return variances[[0, len(variances) // 2, -1]], levels


def sampled_correlations(layers: LayerPlan, data: tuple[Array, Array]) -> tuple[Array, Array]:
    """Variances of some rows after the first Dense layer, in order, and the correlations of their pairs.

    Parameters
    ----------
    layers : LayerPlan
        The network.
    data : pair of float arrays, shapes (n, d), (m, d)
        Points; twice the same array for a symmetric result, when no row is paired with itself.
    """
    draws = np.random.default_rng(0)
    i, j = (draws.choice(len(points), min(SAMPLE, len(points)), replace=False) for points in data)
    x, y = data[0][i], data[1][j]
    weight, bias = layers.first.weight_variance / x.shape[1], layers.first.bias_variance
    q1, q2 = (np.maximum(weight * np.einsum("kd,kd->k", points, points) + bias, SMALLEST_VARIANCE) for points in (x, y))
    rho = np.clip((weight * (x @ y.T) + bias) / (np.sqrt(q1)[:, None] * np.sqrt(q2)), -1.0, 1.0)
    if data[0] is data[1]:
        rho = rho[i[:, None] != j]
    return np.sort(np.concatenate([q1, q2])), rho.ravel()
