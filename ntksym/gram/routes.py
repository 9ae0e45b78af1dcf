"""The data of one call on their way to a Gram matrix: engine chosen, rows prepared, errors bounded, matrix filled."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ntksym.errors import ToleranceNotMet
from ntksym.gram import angle_tiles, table_tiles
from ntksym.gram.angle_route import Refusal, ZonalRoute, collapse
from ntksym.gram.choice import Choice, LoweredNetwork, choose
from ntksym.gram.error_bound import Bound, largest_correlation, propagate
from ntksym.gram.existence import LosesDigits, require_digits, require_tangents, require_variances
from ntksym.gram.pairs import deferred
from ntksym.gram.rows import RowStates
from ntksym.gram.rows import prepare as prepare_rows
from ntksym.gram.schedule import LayerArrays, LayerPlan
from ntksym.gram.table_route import InterpolatedRoute, tabulate
from ntksym.gram.tiles import fill, layers

__all__ = [
    "SMALLEST_SHARE",
    "Points",
    "Prepared",
    "Route",
    "bound_of",
    "find_route",
    "keeping_digits",
    "prepare",
    "row_states",
]

SMALLEST_SHARE = 2e-15
"""Truncation errors below this are hidden by rounding."""

Array = NDArray[np.float64]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Points:
    """The data of a call and what is wanted of them.

    Parameters
    ----------
    x, y : float arrays, shapes (n, d), (m, d)
        The points, twice the same array for a symmetric result.
    wanted : tuple of str
        "nngp", "ntk".
    threads : int
        Number of threads.
    """

    x: Array
    y: Array
    wanted: tuple[str, ...]
    threads: int

    @property
    def pair(self) -> tuple[Array, Array]:
        """Both sets of points."""
        return self.x, self.y

    @property
    def sets(self) -> dict[str, Array]:
        """Each set once, by the name that the user knows."""
        return {"X": self.x} if self.y is self.x else {"X": self.x, "Y": self.y}


@dataclass(frozen=True)
class Route:
    """How a kernel is computed on some data.

    Parameters
    ----------
    choice : Choice
        The engine and its layers, with the truncation that keeps the tolerance.
    form : ZonalRoute, InterpolatedRoute or Refusal
        What takes the place of the layers, or why nothing does.
    states : tuple of RowStates
        Those of X and of Y.
    bound : Bound
        Of the errors of the entries; zero where there is nothing to bound: closed forms, or no pairs.
    exact : LoweredNetwork
        The lowering that computes pairs one by one: with a closed form wherever there is one that serves.
    """

    choice: Choice
    form: ZonalRoute | InterpolatedRoute | Refusal
    states: tuple[RowStates, RowStates]
    bound: Bound
    exact: LoweredNetwork


@dataclass(frozen=True)
class Prepared:
    """Everything that is known before the first pair is looked at.

    Parameters
    ----------
    points : Points
        The data.
    route : Route
        What was chosen for them.
    machine : (module, LayerArrays)
        The compiled module and the network as it takes it.
    """

    points: Points
    route: Route
    machine: tuple[ModuleType, LayerArrays]

    def fill(self, results: dict[str, NDArray[np.floating]]) -> None:
        """Write the kernels into the results, one array (n, m) for each that is wanted."""
        points, (module, network), states, form = self.points, self.machine, self.route.states, self.route.form
        targets = results.get("nngp"), results.get("ntk")
        symmetric = points.y is points.x

        def compare(pairs: NDArray[np.int64]) -> None:
            assert isinstance(form, ZonalRoute)
            angle_tiles.compare(network, form.series, points.pair, states, pairs, targets)

        def integrate(pairs: NDArray[np.int64]) -> None:
            exact = self.route.exact
            same = exact is self.route.choice.engine
            machine = self.machine if same else exact.machine(points.x.shape[1])
            hidden = self.route.choice.plan.hidden if same else exact.schedule.hidden
            deferred.integrate(*machine, hidden, points.pair, states, pairs, targets)

        match form:
            case ZonalRoute():
                work, complete = (
                    angle_tiles.transform(network, form.series, states, targets, symmetric=symmetric),
                    compare,
                )
            case InterpolatedRoute():
                work, complete = (
                    table_tiles.transform(network, form.series, states, targets, symmetric=symmetric),
                    integrate,
                )
            case Refusal():
                work, complete = layers(module, network, states, targets, symmetric=symmetric), integrate
        fill(points.pair, work, complete, points.threads)


def find_route(engines: tuple[LoweredNetwork, ...], tol: float, points: Points, *, pairs: bool = False) -> Route:
    """How the kernel is computed on these data: as a function of the angle, as a table, or by the cheapest engine.

    Parameters
    ----------
    engines : tuple of LoweredNetwork
        The ways to lower the network.
    tol : float
        Error allowed in an entry, relative to sqrt(K(x, x) K(y, y)).
    points : Points
        The data.
    pairs : bool
        Whether pairs will be looked at.
    """
    return keeping_digits(engines, lambda ways: _find_route(ways, tol, points, pairs))


def keeping_digits(engines: tuple[LoweredNetwork, ...], work: Callable[[tuple[LoweredNetwork, ...]], Result]) -> Result:
    """What ``work`` returns for these engines; for the spare one where closed forms lose their digits."""
    try:
        return work(engines)
    except LosesDigits:
        assert engines[0].series_fallback is not None  # what is homogeneous loses none
        return work((engines[0].series_fallback,))


def _find_route(engines: tuple[LoweredNetwork, ...], tol: float, points: Points, pairs: bool) -> Route:
    closed = Choice(engines[0], engines[0].schedule.tightened(SMALLEST_SHARE))
    collapsed = collapse(engines[0], points.pair, points.wanted, tol)
    if isinstance(collapsed, ZonalRoute):
        return _as_function(closed, collapsed, engines[0], points)
    choice = choose(engines, points.pair)
    tabulated = tabulate(engines[0], choice.cost, points.pair, points.wanted, tol)
    if isinstance(tabulated, InterpolatedRoute):
        return _as_function(replace(closed, costs=choice.costs, cost=choice.cost), tabulated, engines[0], points)
    refusal = Refusal(f"{collapsed.reason}; {tabulated}")
    way = engines[0], tol, points, pairs
    route = _by_layers(choice, refusal, *way)
    if choice.engine is engines[0] or _worst(route.bound, points.wanted) <= tol:
        return route
    return _by_layers(replace(closed, plan=engines[0].schedule, costs=choice.costs), refusal, *way)


def prepare(engines: tuple[LoweredNetwork, ...], tol: float, points: Points) -> Prepared:
    """Choose a route, prepare the rows, bound the errors.

    Parameters
    ----------
    engines, tol, points
        As for `find_route`.

    Raises
    ------
    InvalidInput, NoSuchDual
        As `Kernel` says.
    ToleranceNotMet
        If the errors of series cannot be kept below the tolerance.
    """
    route = find_route(engines, tol, points, pairs=True)
    _require_tolerance(tol, _worst(route.bound, points.wanted))
    return Prepared(points, route, route.choice.engine.machine(points.x.shape[1]))


def bound_of(engines: tuple[LoweredNetwork, ...], tol: float, points: Points) -> Bound:
    """The bound of the errors of the entries for these data, whatever the tolerance.

    Parameters
    ----------
    engines, tol, points
        As for `find_route`.
    """
    if not (len(points.x) and len(points.y)):
        return Bound(0.0, 0.0)
    route = find_route(engines, tol, points)
    if not isinstance(route.form, Refusal):
        return route.bound
    network = route.choice.engine.machine(points.x.shape[1])[1]
    nearest = network.nearest["ntk" in points.wanted]
    largest = largest_correlation(network, points.pair, route.states, nearest)
    return propagate(network, route.choice.plan.hidden, route.states, largest)


def _as_function(choice: Choice, form: ZonalRoute | InterpolatedRoute, exact: LoweredNetwork, points: Points) -> Route:
    """The route that needs of the rows nothing but their diagonals."""
    states = row_states(choice.engine.machine(points.x.shape[1]), choice.plan, points, pairs=False)
    return Route(choice, form, (states[0], states[-1]), Bound(form.error, form.error), exact)


def _by_layers(
    choice: Choice, refusal: Refusal, exact: LoweredNetwork, tol: float, points: Points, pairs: bool
) -> Route:
    machine = choice.engine.machine(points.x.shape[1])
    states = row_states(machine, choice.plan, points, pairs=pairs)
    settled, bound = _settle(machine[1], choice.plan, tol, points, (states[0], states[-1]))
    if settled is not choice.plan:
        states = row_states(machine, settled, points, pairs=pairs)
    return Route(replace(choice, plan=settled), refusal, (states[0], states[-1]), bound, exact)


def row_states(
    machine: tuple[ModuleType, LayerArrays], plan: LayerPlan, points: Points, *, first: int = 0, pairs: bool = True
) -> tuple[RowStates, ...]:
    """The states of the rows of every set, once it is certain that every dual exists there.

    Parameters
    ----------
    machine : (module, LayerArrays)
        From `LoweredNetwork.machine`.
    plan : LayerPlan
        The layers.
    points : Points
        The data.
    first : int
        Number of the first row, for messages.
    pairs : bool
        Whether pairs will be looked at.
    """
    names = list(points.sets)

    def check(states: RowStates, number: int, layer: int) -> None:
        require_variances(plan, layer, states.variance(layer), names[number], first)
        require_digits(plan, layer, states.variance(layer))
        if layer == len(plan.hidden) and "ntk" in points.wanted:
            require_tangents(states.tangent, names[number], first)

    squares = [np.einsum("ij,ij->i", rows, rows) for rows in points.sets.values()]
    return prepare_rows(*machine, plan.hidden, squares, points.threads, check=check, pairs=pairs)


def _has_series(plan: LayerPlan) -> bool:
    return any(entry.series is not None for entry in plan.hidden)


def _worst(bound: Bound, wanted: tuple[str, ...]) -> float:
    return max(getattr(bound, name) for name in wanted)


def _settle(
    network: LayerArrays, plan: LayerPlan, tol: float, points: Points, states: tuple[RowStates, RowStates]
) -> tuple[LayerPlan, Bound]:
    """The plan to follow and its bound: as made, or with the least truncation where that is what it takes.

    First for correlations up to 1, which costs nothing; where that is not enough, for those of the data.
    """
    settled, bound = plan, Bound(0.0, 0.0)
    if not (_has_series(settled) and len(points.x) and len(points.y)):
        return settled, bound
    nearest = network.nearest["ntk" in points.wanted]
    for largest in (lambda: 1.0, lambda: largest_correlation(network, points.pair, states, nearest)):
        rho = largest()
        for settled in (plan, plan.tightened(SMALLEST_SHARE)):
            bound = propagate(network, settled.hidden, states, rho)
            if _worst(bound, points.wanted) <= tol:
                return settled, bound
    return settled, bound


def _require_tolerance(tol: float, worst: float) -> None:
    if worst <= tol:
        return
    way_out = f"build the kernel with tol={worst * 1.1:.1e}, or remove points that are nearly equal"
    if worst >= 0.9:
        way_out = 'remove points that are nearly equal or opposite, use a smaller W_std, or ask for get="nngp"'
    raise ToleranceNotMet(
        f"the tolerance {tol:g} cannot be guaranteed on these data: {worst:.2g} is what can; {way_out}", achieved=worst
    )
