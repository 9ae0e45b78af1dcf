"""The layer route: every tile goes through the recursion layer by layer, with as much of a series as data ask for."""

from dataclasses import dataclass, replace

from ntksym.gram.choice import long_series
from ntksym.gram.engines import SMALLEST_SHARE, LoweredNetwork, Lowering
from ntksym.gram.error_bound import Bound, largest_correlation, propagate
from ntksym.gram.inputs import Fingerprint, Request
from ntksym.gram.rows import RowStates
from ntksym.gram.schedule import LayerArrays, Machine
from ntksym.gram.tiles import Compiled
from ntksym.numerics.arrays import Array

__all__ = ["LayerRoute", "bound_on", "compiled_layers", "settle", "stored"]

States = tuple[RowStates, RowStates]

NOTHING = Bound(0.0, 0.0)
"""The bound where there is nothing to bound: closed forms, or no pairs."""


@dataclass(frozen=True)
class LayerRoute:
    """The kernel layer by layer.

    Parameters
    ----------
    data : Fingerprint
        The data that it was chosen for.
    lowering : Lowering
        How the layers are lowered.
    bound : Bound
        Of the errors of the entries on the data that it was chosen for.
    reason : str
        Why no function takes the place of the layers.
    costs : tuple of floats
        Estimated cost of a pair with closed forms, and with series in place of heavy ones, where both were looked at.
    """

    data: Fingerprint
    lowering: Lowering
    bound: Bound
    reason: str
    costs: tuple[float, ...] = ()

    name = "layers"

    def __str__(self) -> str:
        return f"layer by layer: {self.reason}"

    def refusal(self, first: Array, tol: float) -> None:
        """Nothing: the recursion holds for any rows, and its bound is looked at where they are."""

    def compiled(self, machine: Machine, states: States, wanted: tuple[bool, bool]) -> Compiled:
        """What fills tiles with entries by the recursion; parameters as for `ZonalRoute.compiled`."""
        return compiled_layers(machine, states, wanted)


def compiled_layers(machine: Machine, states: States, wanted: tuple[bool, bool]) -> Compiled:
    """What fills tiles with entries by the recursion, in the forms that the states were prepared for."""
    arrays = machine.arrays
    numbers = arrays.which, arrays.branches, arrays.weights, arrays.biases, arrays.slacks, arrays.shared
    first, second = states
    rows = first.variances, first.tangents, first.rows, first.layout, second.layout
    name = "fill_ntk" if wanted[1] else "fill_nngp"
    return Compiled(machine.module, name, (arrays.scale, arrays.nearest[wanted[1]], *numbers, *rows))


def settle(network: LoweredNetwork, request: Request, states: States, tol: float) -> tuple[float | None, Bound]:
    """The truncation error that series may have, None for that which they have; and the bound that follows.

    First for correlations up to 1, which costs nothing; where that is not enough, for those of the data; the smallest
    truncation error where that is what it takes.
    """
    if not (network.has_series and len(request.x) and len(request.y)):
        return None, NOTHING
    arrays = network.machine(request.features).arrays
    choices = (None, network.layers), (SMALLEST_SHARE, network.layers.tightened(SMALLEST_SHARE))
    truncation, bound = None, NOTHING
    for largest in (lambda: 1.0, lambda: _largest(arrays, request, states)):
        rho = largest()
        for truncation, layers in choices:
            bound = propagate(arrays, layers.hidden, states, rho)
            if bound.worst(request.wanted) <= tol:
                return truncation, bound
    return truncation, bound


def bound_on(network: LoweredNetwork, request: Request, states: States) -> Bound:
    """The bound of the errors for the correlations of these data."""
    if not (len(request.x) and len(request.y)):
        return NOTHING
    arrays = network.machine(request.features).arrays
    return propagate(arrays, network.layers.hidden, states, _largest(arrays, request, states))


def stored(lowering: Lowering, network: LoweredNetwork, request: Request, states: States) -> Lowering:
    """The lowering with what was found of every series: how much is stored, and whether longer ones are made."""
    if not network.has_series:
        return lowering
    first = states[0]
    pairs = zip(network.layers.truncations, first.series, strict=True)
    truncations = [one if layout is None else replace(one, layout=layout) for one, layout in pairs]
    if any(one.longer is None and layout is not None for one, layout in zip(truncations, first.series, strict=True)):
        longer = long_series(network.layers, request, first.reaches)
        truncations = [replace(one, longer=more) for one, more in zip(truncations, longer, strict=True)]
    return replace(lowering, truncations=tuple(truncations))


def _largest(arrays: LayerArrays, request: Request, states: States) -> float:
    return largest_correlation(arrays, request.pair, states, arrays.nearest["ntk" in request.wanted])
