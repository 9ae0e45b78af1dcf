r"""Distances K(x, x) + K(y, y) - 2 K(x, y) through all layers, without the subtraction.

With r = sqrt(q) and E = p - |c|, which `ntksym.gram.pairs.separation` carries, G the distance of the NNGP, F that of
the NTK T, D the slope,

    G = (r1 - r2)^2 + 2 E,
    F' = G' + w^2 [ (D11 + D22 - 2 D12)(T11 + T22)/2 + (D11 - D22)(T11 - T22)/2 + D12 F ],
    D11 + D22 - 2 D12 = [D11 + D22 - 2 D(p)] + 2 [D(p) - D(p - E)].

What the norms alone contribute to V1 - V2, D11 - D22 and D11 + D22 - 2 D(p) comes from `ntksym.hermite.radial`. Where c
is negative, c and T12 stand for their negatives; what cannot be carried is subtracted. Distances of independent parts
add.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType

import numpy as np

from ntksym.activation.activation import Activation
from ntksym.dual.protocol import SeriesLike
from ntksym.errors import OutOfReach
from ntksym.gram.pairs.carry import breaks_at_zero, by_formula, rule
from ntksym.gram.pairs.separation import Passed, Separation
from ntksym.gram.schedule import HiddenLayer, Machine, follow
from ntksym.hermite.coefficient_table import Coefficients
from ntksym.hermite.pair_values import long_table_of, table_of
from ntksym.hermite.radial import WIDEST, radial_differences
from ntksym.lowering.templates.near import QUANTITIES
from ntksym.numerics.arrays import Array
from ntksym.numerics.legendre import legendre
from ntksym.numerics.limits import EPSILON, SMALLEST_VARIANCE

__all__ = ["separate"]


AGREEMENT = 256 * EPSILON
"""What the two ways to E may differ by, relative to p: more means that D varies too fast for the nodes."""

NODES = 32
"""As in `carry`, for every E up to p."""

COUNTS = (18, 16, 14, 12, 9, 6, 4, 3)
"""Nodes of a stretch of length `STRETCH` in log t, in the order in which t falls, three stretches of each."""

STRETCH = 1.2


@cache
def _ladder() -> tuple[Array, Array]:
    """Nodes t**2 and weights 2 t dt on (0, 1) for what turns at any t down to 1e-12, as where kinks lie apart.

    The integral over t of exp(-(a/t)**2) is right to 2e-13 for every a.
    """
    places, weights = [], []
    for number, count in enumerate(count for count in COUNTS for _ in range(3)):
        x, mass = legendre(count)
        t = np.exp(-STRETCH * (number + (1 + x) / 2))
        places.append(t * t)
        weights.append(STRETCH * mass * t * t)
    last, rest = rule(COUNTS[-1])
    end = np.exp(-2 * STRETCH * 3 * len(COUNTS))
    return np.concatenate([*places, end * last]), np.concatenate([*weights, end * rest])


MISSING = 1e-13
"""Share of E[s'(U)^2] that a series may lack."""

TERMS = 2**18
"""Terms of a series, of all pairs, that are held at once."""

LEAST = -1e3
"""Logarithm of a correlation that is zero."""


@dataclass(frozen=True)
class _Answers:
    """What a layer does to some pairs: D and the differences that are carried besides; NaN where they are not known.

    ``slope_drop`` is D11 + D22 - 2 D(p - E), ``slope_difference`` D11 - D22, ``slopes`` D11 and D22.
    """

    passed: Passed
    slope: Array
    slope_drop: Array
    slope_difference: Array
    slopes: tuple[Array, Array]


@dataclass(frozen=True)
class _State:
    """Of some pairs: how they lie, F with the sign of c, T11 - T22, T11 and T22."""

    separation: Separation
    tangent: Array
    tangent_difference: Array
    tangents: tuple[Array, Array]


def separate(
    machine: Machine,
    variances: Sequence[tuple[Array, Array]],
    covariance_gap: Array,
    sign: Array,
    root_difference: Array,
) -> tuple[Array, Array]:
    """Distances of n pairs at the output: of the NNGP and of the NTK.

    Parameters
    ----------
    machine : Machine
        The network, with the derivatives of the slopes.
    variances : sequence of pairs of float arrays, shapes (n,)
        q1 and q2 before every layer, and at the output.
    covariance_gap, sign, root_difference : float arrays, shape (n,)
        Before the first layer, p - ``|c|``, the sign of c, sqrt(q1) - sqrt(q2).
    """
    arrays = machine.arrays

    def step(number: int, entry: HiddenLayer, state: _State) -> _State:
        dense = float(arrays.weights[number + 1]), float(arrays.biases[number + 1])
        parity = "odd" if entry.dual is None else entry.dual.activation.parity
        layer = _ask(machine.module, arrays.shared[number], entry, state.separation, parity)
        return _through(dense, layer, state, parity, None if entry.ends else variances[number + 1])

    first = Separation(variances[0], root_difference, covariance_gap, sign)
    tangent_difference = (first.roots[0] + first.roots[1]) * root_difference
    begun = _State(first, _distance(first), tangent_difference, variances[0])
    state = follow(machine.hidden, begun, step, _add)
    nngp, same = _distance(state.separation), state.separation.sign > 0
    nngp = np.where(same, nngp, 2 * (variances[-1][0] + variances[-1][1]) - nngp)
    return nngp, np.where(same, state.tangent, 2 * (state.tangents[0] + state.tangents[1]) - state.tangent)


def _distance(pairs: Separation) -> Array:
    """G: q1 + q2 - 2 ``|c|``."""
    return pairs.root_difference**2 + 2 * pairs.covariance_gap


def _add(kept: _State, branch: _State) -> _State:
    """The sum of what went into a branch and what came out of it: distances of one sign add."""
    separation = kept.separation + branch.separation
    facing = [
        np.where(part.separation.sign == separation.sign, part.tangent, 2 * sum(part.tangents) - part.tangent)
        for part in (kept, branch)
    ]
    tangents = kept.tangents[0] + branch.tangents[0], kept.tangents[1] + branch.tangents[1]
    difference = kept.tangent_difference + branch.tangent_difference
    return _State(separation, facing[0] + facing[1], difference, tangents)


def _through(
    dense: tuple[float, float], layer: _Answers, state: _State, parity: str, known: tuple[Array, Array] | None
) -> _State:
    """The state behind a layer; the variances there are not known where a branch ends."""
    weight, before = dense[0], state.separation.sign
    sign = before if parity == "odd" else np.ones_like(before)
    separation, c, carried = Separation.behind(dense, layer.passed, sign, known, AGREEMENT)
    variances, whole = separation.variances, sum(state.tangents)
    tangents = (
        variances[0] + weight * layer.slopes[0] * state.tangents[0],
        variances[1] + weight * layer.slopes[1] * state.tangents[1],
    )
    difference = (layer.slope_difference * whole + sum(layer.slopes) * state.tangent_difference) / 2
    difference = np.where(
        np.isnan(difference),
        tangents[0] - tangents[1],
        separation.root_difference * (separation.roots[0] + separation.roots[1]) + weight * difference,
    )
    change = (
        layer.slope_drop * whole / 2
        + layer.slope_difference * state.tangent_difference / 2
        + layer.slope * state.tangent
    )
    turned = sign if parity in ("odd", "even") else before
    across = c + weight * layer.slope * turned * (whole - state.tangent) / 2
    subtracted = sum(tangents) - 2 * separation.sign * across
    tangent = np.where(carried & ~np.isnan(change), _distance(separation) + weight * change, subtracted)
    return _State(separation, tangent, difference, tangents)


def _ask(module: ModuleType, shared: Array, entry: HiddenLayer, state: Separation, parity: str) -> _Answers:
    """The dual at the pairs; for an odd or even s at c > 0."""
    gap, difference = state.covariance_gap, state.root_difference
    if entry.dual is None:
        one, zero = np.ones_like(gap), np.zeros_like(gap)
        return _Answers(Passed(state.p - gap, gap, state.roots, difference), one, zero, zero, (one, one))
    first, second = (np.maximum(variance, SMALLEST_VARIANCE) for variance in state.variances)
    activation = entry.dual.activation
    sign = np.ones_like(gap) if parity in ("odd", "even") else state.sign
    if entry.series is not None:
        results = _sum_series(entry.series, first, second, gap, sign)
    else:
        nodes = rule(NODES) if breaks_at_zero(activation) else _ladder()
        results = by_formula(module, entry.number, (first, second, gap, sign, difference), nodes, shared)
    value, slope, integral, *diagonals, slope_drop = results
    lengths = np.sqrt(diagonals[0]), np.sqrt(diagonals[1])
    radii = np.sqrt(first), np.sqrt(second)
    radial_drop, length_difference, spread, slope_difference = _radial(activation, radii, lengths, difference)
    value_drop = np.where(sign > 0, integral + radial_drop, np.nan)
    return _Answers(
        Passed(value, value_drop, lengths, length_difference),
        slope,
        2 * slope_drop + spread,
        slope_difference,
        (diagonals[2], diagonals[3]),
    )


def _sum_series(dual: SeriesLike, first: Array, second: Array, covariance_gap: Array, sign: Array) -> Array:
    """What compiled code gives for a closed form, by the Hermite series of a function without kinks."""
    variances, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    found = _coefficients(dual, variances)
    rows, columns = np.split(places, 2)
    p = np.sqrt(first) * np.sqrt(second)
    with np.errstate(divide="ignore"):
        decay = np.maximum(np.log1p(-np.minimum(covariance_gap / p, 1.0)), LEAST)
    results = np.empty((QUANTITIES, len(covariance_gap)))
    step = max(1, TERMS // len(found.order))
    for start in range(0, len(covariance_gap), step):
        some = slice(start, start + step)
        products = found.coefficients[rows[some]] * found.coefficients[columns[some]]
        results[[0, 1, 2, 7], some] = _sums(products, found.order.astype(float), decay[some], sign[some])
    results[[1, 7]] /= p
    results[3:5] = found.value[rows], found.value[columns]
    results[5:7] = found.slope[rows], found.slope[columns]
    return results


def _sums(products: Array, degrees: Array, decay: Array, sign: Array) -> Array:
    """Sum x_k r^k, its derivative in r, sum x_k (1 - |r|^k), and the same of the derivative; log |r| is given."""
    signs = np.where(sign[:, None] > 0, 1.0, (-1.0) ** degrees)
    steep, below = products * degrees, np.maximum(degrees - 1, 0)
    powers, lower = (np.exp(np.outer(decay, order)) for order in (degrees, below))
    falls, turns = (-np.expm1(np.outer(decay, order)) for order in (degrees, below))
    sums = (products * signs * powers, sign[:, None] * steep * signs * lower, products * falls, steep * turns)
    return np.array([np.sum(terms, axis=1) for terms in sums])


def _coefficients(dual: SeriesLike, variances: Array) -> Coefficients:
    """Those of a series that converges up to rho = 1, its derivative too."""
    for table in (table_of, long_table_of):
        found = table(dual.activation)(variances)
        energy = np.sum(found.order * found.coefficients**2, axis=1)
        if np.all(np.abs(energy - variances * found.slope) <= MISSING * energy):
            return found
    raise OutOfReach(
        f"distances between neighbours need the derivative of the slope of {dual.activation.name}, which has neither a "
        "closed form nor a series that converges at equal points; subtract entries of the kernel instead",
        activation=dual.activation,
    )


def _radial(activation: Activation, radii: tuple[Array, Array], lengths: tuple[Array, Array], gap: Array) -> Array:
    """G, B, G', B' of `ntksym.hermite.radial`; NaN where the radii differ too much."""
    first, second = radii
    if activation.homogeneity in (0, 1):
        zero = np.zeros_like(gap)
        return np.array([zero, float(activation.homogeneity) * (lengths[0] / first * gap), zero, zero])
    found = np.full((4, len(gap)), np.nan)
    close = np.abs(gap) <= WIDEST * np.minimum(first, second)
    found[:, close] = radial_differences(activation, first[close], second[close], gap[close])
    return found
