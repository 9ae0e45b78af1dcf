"""Routes: how a kernel is computed on given data, as a value that can be kept, sent elsewhere and used again.

    angle    one function of the angle, where the rows have one norm or the network is homogeneous
    table    a table in two variances and the angle
    layers   the recursion, layer by layer, in closed forms ("closed") or with series ("series") in place of heavy ones

Chosen by estimated cost. With a route given, an entry depends on its two rows alone: blocks of a matrix, computed
anywhere, are those of the whole bit for bit.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ntksym.errors import InvalidInput, ToleranceNotMet
from ntksym.gram.angle_route import ZonalRoute, find_zonal
from ntksym.gram.choice import choose
from ntksym.gram.engines import SMALLEST_SHARE, Candidates, Form, LoweredNetwork, Lowering, keeping_digits, with_series
from ntksym.gram.error_bound import Bound
from ntksym.gram.existence import loses_digits, require_tangents, require_variances
from ntksym.gram.fitting import Refusal
from ntksym.gram.inputs import Request
from ntksym.gram.layer_route import LayerRoute, settle, stored
from ntksym.gram.rows import RowStates, prepare
from ntksym.gram.table_route import InterpolatedRoute, find_interpolated

__all__ = ["NAMES", "Route", "Rows", "find_route", "follow_route", "prepare_rows", "require_route"]

Route = ZonalRoute | InterpolatedRoute | LayerRoute

NAMES = ("auto", "angle", "table", "layers", "closed", "series")
"""What may be asked for; the last two are layers in closed forms, and with every layer a series."""

ONLY: dict[str, Form] = {"closed": "closed", "series": "series"}
"""Names that ask for one form of the layers, whatever that costs."""


@dataclass(frozen=True)
class Rows:
    """The rows of some data on their way through a lowered network.

    Attributes
    ----------
    network : LoweredNetwork
        The network.
    states : pair of RowStates
        Those of X and of Y, twice the same for one set.
    lost : frozenset of int
        Nonlinearities whose formulas lose their digits at variances that occur.
    """

    network: LoweredNetwork
    states: tuple[RowStates, RowStates]
    lost: frozenset[int]


def prepare_rows(
    network: LoweredNetwork,
    request: Request,
    *,
    pairs: bool,
    first: int = 0,
    single: LoweredNetwork | None = None,
) -> Rows:
    """The states of the rows of every set, once it is certain that every dual exists there.

    Parameters
    ----------
    network : LoweredNetwork
        The network.
    request : Request
        The data.
    pairs : bool
        Whether pairs will be looked at by the recursion; else the diagonals are enough.
    first : int
        Number of the first row, for messages.
    single : LoweredNetwork, optional
        The same network as it evaluates the pairs that tiles leave out: its formulas must keep their digits too.

    Raises
    ------
    InvalidInput
        If a variance overflows.
    NoSuchDual
        If a dual does not exist at a variance that occurs.
    """
    names, layers, lost = list(request.sets), network.layers, set[int]()
    evaluated = [layers] if single is None or single.layers is layers else [layers, single.layers]

    def check(states: RowStates, number: int, layer: int) -> None:
        if lost:
            return  # what comes behind a layer without digits means nothing; its series will be used instead
        variance = states.variance(layer)
        require_variances(layers, layer, variance, names[number], first)
        if any(loses_digits(used, layer, variance) for used in evaluated):
            lost.add(layers.nonlinearity(layer))
        if layer == len(layers.hidden) and "ntk" in request.wanted:
            require_tangents(states.tangent, names[number], first)

    machine = network.machine(request.features)
    states = prepare(machine, request.squares, request.threads, check=check, pairs=pairs)
    return Rows(network, (states[0], states[-1]), frozenset(lost))


def find_route(
    candidates: Candidates, request: Request, *, name: str = "auto", pairs: bool = True
) -> tuple[Route, Rows]:
    """The route that costs least on some data, or the best of one kind, and the rows prepared for it.

    Parameters
    ----------
    candidates : Candidates
        The ways to lower the network.
    request : Request
        The data.
    name : str
        One of `NAMES`.
    pairs : bool
        Whether pairs will be looked at.

    Raises
    ------
    ToleranceNotMet
        If a function of the angle, or a table, was asked for and none holds on these data.
    """

    def attempt(lost: frozenset[int]) -> tuple[tuple[Route, Rows], frozenset[int]]:
        route, rows = _find(candidates, request, name, lost, pairs=pairs)
        return (route, rows), rows.lost

    return keeping_digits(attempt)


def _find(
    candidates: Candidates, request: Request, name: str, lost: Collection[int], *, pairs: bool
) -> tuple[Route, Rows]:
    forms = with_series(candidates.closed, lost)
    network = candidates.lowered(forms).tightened(SMALLEST_SHARE)
    closed = Lowering(forms, forms, network.layers.truncations)
    forced = name != "auto"
    zonal: ZonalRoute | Refusal = Refusal("layers were asked for" if name in ("layers", *ONLY) else "")
    if name in ("auto", "angle"):
        zonal = find_zonal(network, closed, request, candidates.tol, forced=forced)
        if isinstance(zonal, ZonalRoute):
            return zonal, prepare_rows(network, request, pairs=False)
    choice = choose(candidates, request, lost, only=ONLY.get(name))
    table: InterpolatedRoute | Refusal = Refusal("")
    if name in ("auto", "table"):
        table = find_interpolated(network, closed, choice.cost, request, candidates.tol, forced=forced)
        if isinstance(table, InterpolatedRoute):
            return table, prepare_rows(network, request, pairs=False)
    if name in ("angle", "table"):
        refusal = zonal if name == "angle" else table
        assert isinstance(refusal, Refusal)
        raise ToleranceNotMet(
            f"the {name} route does not hold on these data: {refusal.reason}; use route='auto'", route=name
        )
    reasons = [refusal.reason for refusal in (zonal, table) if isinstance(refusal, Refusal) and refusal.reason]
    ways = [choice.lowering]
    if name not in ONLY and choice.lowering.forms != forms:
        ways.append(candidates.plain(forms))
    lowering, bound, rows = _by_layers(candidates, ways, request, pairs=pairs)
    return LayerRoute(request.fingerprint, lowering, bound, "; ".join(reasons), choice.costs), rows


def _by_layers(
    candidates: Candidates, ways: Sequence[Lowering], request: Request, *, pairs: bool
) -> tuple[Lowering, Bound, Rows]:
    """The first of some lowerings of the recursion that keeps the tolerance, else the last."""
    for attempt in ways:
        network, single = candidates.realised(attempt), candidates.single(attempt)
        rows = prepare_rows(network, request, pairs=pairs, single=single)
        if rows.lost:
            return attempt, Bound(0.0, 0.0), rows  # numbers without digits have no bound: other forms will be used
        truncation, bound = settle(network, request, rows.states, candidates.tol)
        if truncation is not None:
            network = network.tightened(truncation)
            rows = prepare_rows(network, request, pairs=pairs)
        if bound.worst(request.wanted) <= candidates.tol:
            break
    kept = stored(attempt, network, request, rows.states) if pairs else attempt
    return kept, bound, replace(rows, network=network.truncated(kept.truncations))


def follow_route(candidates: Candidates, route: Route, request: Request, *, pairs: bool = True) -> Rows:
    """The rows of some data prepared for a route that was chosen before, for these data or for others.

    Raises
    ------
    InvalidInput
        If the route was chosen for one kernel, and another is wanted.
    ToleranceNotMet
        If the route does not hold on these data.
    """
    if not isinstance(route, LayerRoute) and not set(request.wanted) <= set(route.kernels):
        raise InvalidInput(
            f"the route {route.name!r} was chosen for {' and '.join(map(repr, route.kernels))} alone; "
            "choose it with get=('nngp', 'ntk')",
            route=route,
        )
    network, single = candidates.realised(route.lowering), candidates.single(route.lowering)
    rows = prepare_rows(network, request, pairs=pairs and isinstance(route, LayerRoute), single=single)
    first = np.concatenate([states.variance(0) for states in rows.states])
    reason = route.refusal(first, candidates.tol)
    if rows.lost:
        reason = "its formulas lose their digits at variances as small or large as occur"
    if reason:
        raise ToleranceNotMet(
            f"the route {route.name!r} was chosen for other data, and here {reason}; use route='auto'", route=route
        )
    return rows


def require_route(route: object) -> "str | Route":
    """One of `NAMES`, or a route; InvalidInput for anything else."""
    if isinstance(route, Route) or (isinstance(route, str) and route in NAMES):
        return route
    raise InvalidInput(
        f"route={route!r} is not known; choose one of {', '.join(NAMES)}, or the .route of another kernel on data",
        route=route,
    )
