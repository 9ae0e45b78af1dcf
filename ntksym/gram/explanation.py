"""What was chosen for a kernel, and why, as lines for people."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ntksym.gram.angle_route import Refusal, ZonalRoute
from ntksym.gram.choice import Choice
from ntksym.gram.inputs import thread_count
from ntksym.gram.schedule import HiddenLayer
from ntksym.gram.table_route import InterpolatedRoute
from ntksym.lowering import store
from ntksym.lowering.costs import HEAVY
from ntksym.lowering.lowered_activation import LoweredActivation
from ntksym.lowering.templates.frame import TILE

__all__ = ["explanation", "explanation_of_data"]


def explanation(kernel: Any) -> Iterator[str]:
    """One line a decision: network, layers, programs, tiles, threads, source."""
    yield repr(kernel.network)
    yield f"results {kernel.dtype}, arithmetic float64; entries within {kernel.tol:g} of sqrt(K(x, x) K(y, y))"
    for number, hidden in enumerate(kernel.schedule.hidden, 1):
        if hidden.dual is None:
            yield f"layer {number}: no activation, then {hidden.dense}"
            continue
        activation = hidden.dual.activation
        values = "".join(f", {name} = {value}" for name, value in activation.parameters)
        functions = kernel.source.parts[hidden.number].name
        yield f"layer {number}: {activation.name}{values}; {hidden.dual.kind} form, {functions}_*; then {hidden.dense}"
        if hidden.series is not None:
            yield f"    {_series(hidden)}"
    for part in kernel.source.parts:
        if isinstance(part, LoweredActivation):
            rows = ", ".join(part.slots)
            yield f"{part.name}: once a layer {len(part.shared)} numbers; once a row and layer {rows}"
    if len(kernel.engines) > 1:
        heavy = ", ".join(
            part.name for part in kernel.source.parts if isinstance(part, LoweredActivation) and part.cost >= HEAVY
        )
        yield f"{heavy}: heavy closed form, or its series where that is cheaper (explain(X) says which)"
    yield f"tiles of {TILE} x {TILE} entries, depth a loop inside the tile; k(X) computes one half and writes both"
    yield "inner products, layers and writing in one pass over the result; no other memory of its size"
    yield f"threads: {thread_count(None)} (NUMBA_NUM_THREADS, OMP_NUM_THREADS or processors), or the argument threads"
    size = len(kernel.source.text)
    yield f"source: {store.name_of(kernel.source.text)}.py, {size} bytes, for any depth, W_std, b_std and parameters"


def explanation_of_data(
    choice: Choice, form: ZonalRoute | InterpolatedRoute | Refusal, *, series_fallback: bool
) -> Iterator[str]:
    """What was chosen for some data; ``series_fallback`` where closed forms would lose digits on them."""
    if series_fallback:
        yield "on these data: series, since closed forms would lose digits at variances as small or large as occur"
    yield f"on these data: {form}"
    if not isinstance(form, Refusal):
        return
    if choice.costs:
        closed, series = (f"{cost:.0f}" if np.isfinite(cost) else "not available" for cost in choice.costs)
        taken = "closed forms" if choice.closed else "series in place of the heavy ones"
        yield f"on these data: {taken} (estimated cost of a pair: closed forms {closed}, with series {series})"
    for number, entry in enumerate(choice.plan.hidden, 1):
        if entry.series is not None:
            reach = "every |rho|" if entry.reach >= 1 else f"|rho| up to {entry.reach:.3g}, other pairs one by one"
            yield f"layer {number}: {entry.series.activation.name} is summed for {reach}"


def _series(hidden: HiddenLayer) -> str:
    """What a series layer does at variance 1; the number of terms depends on the data."""
    expansion = hidden.expand(np.ones(1))
    terms = expansion.coefficients.shape[1]
    skipped = {(0, 1): "", (0, 2): " of even order", (1, 2): " of odd order"}[expansion.offset, expansion.stride]
    largest = expansion.limits[0, -1]
    beyond = "every |rho| is summed" if largest >= 1 else f"|rho| up to {largest:.6g} is summed, beyond by quadrature"
    return f"tolerance {hidden.tolerance:.2g}; at variance 1 {terms} terms{skipped} are stored, and {beyond}"
