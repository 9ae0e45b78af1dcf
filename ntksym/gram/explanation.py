"""The choices made for a kernel, and why, as lines for people."""

from collections.abc import Iterator

import numpy as np

from ntksym.gram.costs import COSTS
from ntksym.gram.engines import Candidates
from ntksym.gram.inputs import thread_count
from ntksym.gram.layer_route import LayerRoute
from ntksym.gram.routes import Route
from ntksym.gram.schedule import HiddenLayer
from ntksym.lowering import store
from ntksym.lowering.lowered_activation import LoweredActivation
from ntksym.lowering.templates.frame import TILE

__all__ = ["explain_network", "explain_route"]


def explain_network(candidates: Candidates, dtype: str) -> Iterator[str]:
    """One line a decision: network, layers, programs, tiles, threads, source."""
    network = candidates.lowered(candidates.closed)
    yield repr(candidates.network)
    yield f"results {dtype}, arithmetic float64; entries within {candidates.tol:g} of sqrt(K(x, x) K(y, y))"
    for number, layer in enumerate(network.layers.hidden, 1):
        if layer.dual is None:
            yield f"layer {number}: no activation, then {layer.dense}{_branches(layer)}"
            continue
        activation = layer.dual.activation
        values = "".join(f", {name} = {value}" for name, value in activation.parameters)
        functions = network.source.parts[layer.number].name
        form = f"{layer.dual.kind} form, {functions}_*"
        yield f"layer {number}: {activation.name}{values}; {form}; then {layer.dense}{_branches(layer)}"
        if layer.series is not None:
            yield f"    {_series(layer)}"
    closed = [part for part in network.source.parts if isinstance(part, LoweredActivation)]
    for part in closed:
        rows = ", ".join(part.slots)
        yield f"{part.name}: once a layer {len(part.shared)} numbers; once a row and layer {rows}"
    if candidates.light is not None:
        heavy = ", ".join(part.name for part in closed if part.cost >= COSTS.heavy)
        yield f"{heavy}: heavy closed form, or its series where that is cheaper (explain(X) says which)"
    yield f"tiles of {TILE} x {TILE} entries, depth a loop inside the tile; k(X) computes one half and writes both"
    yield "inner products, layers and writing in one pass over the result; no other memory of its size"
    yield f"threads: {thread_count(None)} (NUMBA_NUM_THREADS, OMP_NUM_THREADS or processors), or the argument threads"
    size = len(network.source.text)
    yield f"source: {store.name_of(network.source.text)}.py, {size} bytes, for any depth, W_std, b_std and parameters"


def explain_route(route: Route, candidates: Candidates) -> Iterator[str]:
    """The route on some data, and what it was chosen for."""
    lowering = route.lowering
    if lowering.single != candidates.closed:
        yield "on these data: series, since closed forms would lose digits at variances as small or large as occur"
    yield f"on these data: {route}"
    if not isinstance(route, LayerRoute):
        return
    if route.costs:
        closed, series = (f"{cost:.0f}" if np.isfinite(cost) else "not available" for cost in route.costs)
        taken = "closed forms" if lowering.forms == lowering.single else "series in place of the heavy ones"
        yield f"on these data: {taken} (estimated cost of a pair: closed forms {closed}, with series {series})"
    for number, layer in enumerate(candidates.realised(lowering).layers.hidden, 1):
        if layer.series is not None:
            reach = layer.truncation.reach
            pairs = "every |rho|" if reach >= 1 else f"|rho| up to {reach:.3g}, other pairs one by one"
            yield f"layer {number}: {layer.series.activation.name} is summed for {pairs}"


def _branches(layer: HiddenLayer) -> str:
    """Where branches begin and end, as a half sentence; nothing for a layer inside or outside of them."""
    begun = f"; in front of it begins: {_counted(layer.begins)}" if layer.begins else ""
    ended = f"; behind it ends, and is added to what went in: {_counted(layer.ends)}" if layer.ends else ""
    return begun + ended


def _counted(number: int) -> str:
    """A number of branches."""
    return "a branch" if number == 1 else f"{number} branches"


def _series(layer: HiddenLayer) -> str:
    """What a series layer does at variance 1; the number of terms depends on the data."""
    one = np.ones(1)
    expansion = layer.expand(one, layer.layout(one))
    terms = expansion.coefficients.shape[1]
    skipped = {(0, 1): "", (0, 2): " of even order", (1, 2): " of odd order"}[expansion.offset, expansion.stride]
    largest = expansion.limits[0, -1]
    beyond = "every |rho| is summed" if largest >= 1 else f"|rho| up to {largest:.6g} is summed, beyond by quadrature"
    return f"tolerance {layer.truncation.tolerance:.2g}; at variance 1 {terms} terms{skipped} are stored, and {beyond}"
