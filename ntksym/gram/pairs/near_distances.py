r"""Distances K(x, x) + K(y, y) - 2 K(x, y) through all layers, without the subtraction.

With m = sqrt(q), E = p - |c| as in `carry`, G the distance of the NNGP, F that of the NTK T, D the slope,

    G' = (m1' - m2')^2 + 2 E',     m1' - m2' = w^2 (V1 - V2)/(m1' + m2'),
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
from ntksym.gram.pairs.sums import gap_of_sum
from ntksym.gram.schedule import HiddenLayer, Machine, follow
from ntksym.hermite.coefficient_table import Coefficients
from ntksym.hermite.pair_values import long_table_of, table_of
from ntksym.hermite.radial import WIDEST, radial_differences
from ntksym.lowering.templates.near import QUANTITIES
from ntksym.numerics.arrays import Array
from ntksym.numerics.legendre import legendre
from ntksym.numerics.limits import DIVISOR_FLOOR, EPSILON, SMALLEST_VARIANCE

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
class _Layer:
    """What a layer does to some pairs: K, D and the differences that are carried; NaN where they are not known.

    fall = sqrt(V1 V2) - K(p - E), turn = D11 + D22 - 2 D(p - E), apart = sqrt V1 - sqrt V2, tilt = D11 - D22.
    """

    value: Array
    slope: Array
    value_drop: Array
    slope_drop: Array
    apart: Array
    slope_difference: Array
    lengths: tuple[Array, Array]
    slopes: tuple[Array, Array]


@dataclass(frozen=True)
class _State:
    """Of some pairs: m1 and m2, E, the sign of c, m1 - m2, F with that sign, T11 - T22, T11 and T22."""

    roots: tuple[Array, Array]
    covariance_gap: Array
    sign: Array
    gap: Array
    tangent: Array
    slope_difference: Array
    tangents: tuple[Array, Array]


def separate(
    machine: Machine,
    variances: Sequence[tuple[Array, Array]],
    covariance_gap: Array,
    sign: Array,
    gap: Array,
) -> tuple[Array, Array]:
    """Distances of n pairs at the output: of the NNGP and of the NTK.

    Parameters
    ----------
    machine : Machine
        The network, with the derivatives of the slopes.
    variances : sequence of pairs of float arrays, shapes (n,)
        q1 and q2 before every layer, and at the output.
    covariance_gap, sign, gap : float arrays, shape (n,)
        Before the first layer, p - ``|c|``, the sign of c, sqrt(q1) - sqrt(q2).
    """
    arrays = machine.arrays

    def step(number: int, entry: HiddenLayer, state: _State) -> _State:
        dense = float(arrays.weights[number + 1]), float(arrays.biases[number + 1])
        parity = "odd" if entry.dual is None else entry.dual.activation.parity
        layer = _ask(machine.module, arrays.shared[number], entry, state, parity)
        return _through(dense, layer, state, parity, None if entry.ends else variances[number + 1])

    roots = np.sqrt(variances[0][0]), np.sqrt(variances[0][1])
    begun = _State(
        roots, covariance_gap, sign, gap, gap**2 + 2 * covariance_gap, (roots[0] + roots[1]) * gap, variances[0]
    )
    state = follow(machine.hidden, begun, step, _add)
    nngp, same = state.gap**2 + 2 * state.covariance_gap, state.sign > 0
    nngp = np.where(same, nngp, 2 * (variances[-1][0] + variances[-1][1]) - nngp)
    return nngp, np.where(same, state.tangent, 2 * (state.tangents[0] + state.tangents[1]) - state.tangent)


def _add(kept: _State, branch: _State) -> _State:
    """The sum of what went into a branch and what came out of it: distances of one sign add."""
    squares = [one**2 + other**2 for one, other in zip(kept.roots, branch.roots, strict=True)]
    roots = np.sqrt(squares[0]), np.sqrt(squares[1])
    parts = [(state.roots, state.gap, state.covariance_gap, state.sign) for state in (kept, branch)]
    covariance_gap, sign = gap_of_sum(
        parts[0], parts[1], np.where(squares[0] == squares[1], squares[0], roots[0] * roots[1])
    )
    changes = sum(state.gap * (state.roots[0] + state.roots[1]) for state in (kept, branch))
    gap = changes / np.maximum(roots[0] + roots[1], DIVISOR_FLOOR)
    tangents = kept.tangents[0] + branch.tangents[0], kept.tangents[1] + branch.tangents[1]
    facing = [
        np.where(state.sign == sign, state.tangent, 2 * sum(state.tangents) - state.tangent) for state in (kept, branch)
    ]
    return _State(
        roots,
        covariance_gap,
        sign,
        gap,
        facing[0] + facing[1],
        kept.slope_difference + branch.slope_difference,
        tangents,
    )


def _through(
    dense: tuple[float, float], layer: _Layer, state: _State, parity: str, known: tuple[Array, Array] | None
) -> _State:
    """The state behind a layer; the variances there are not known where a branch ends."""
    weight, bias = dense
    sides = known or (weight * layer.lengths[0] ** 2 + bias, weight * layer.lengths[1] ** 2 + bias)
    sign = state.sign if parity == "odd" else np.ones_like(state.covariance_gap)
    roots = np.sqrt(sides[0]), np.sqrt(sides[1])
    p = np.where(sides[0] == sides[1], sides[0], roots[0] * roots[1])
    first, second = layer.lengths
    away = np.where(sign > 0, layer.apart, first + second)
    spread = weight * bias * away**2 / np.maximum(p + weight * first * second + sign * bias, DIVISOR_FLOOR)
    covariance_gap = spread + weight * layer.value_drop
    c = sign * weight * layer.value + bias
    carried = np.abs(p - sign * c - covariance_gap) <= AGREEMENT * p
    covariance_gap = np.where(carried, covariance_gap, np.maximum(p - np.abs(c), 0.0))
    gap = weight * layer.apart * (first + second) / np.maximum(roots[0] + roots[1], DIVISOR_FLOOR)
    gap = np.where(np.isnan(gap), roots[0] - roots[1], gap)
    nngp = gap**2 + 2 * covariance_gap
    bent = (
        layer.slope_drop * sum(state.tangents) / 2
        + layer.slope_difference * state.slope_difference / 2
        + layer.slope * state.tangent
    )
    tangents = (
        sides[0] + weight * layer.slopes[0] * state.tangents[0],
        sides[1] + weight * layer.slopes[1] * state.tangents[1],
    )
    slope_difference = (layer.slope_difference * sum(state.tangents) + sum(layer.slopes) * state.slope_difference) / 2
    slope_difference = np.where(
        np.isnan(slope_difference), tangents[0] - tangents[1], gap * (roots[0] + roots[1]) + weight * slope_difference
    )
    turned = sign if parity in ("odd", "even") else state.sign
    tangent = c + weight * layer.slope * turned * (sum(state.tangents) - state.tangent) / 2
    end = np.where(carried, sign, np.copysign(1.0, c))
    subtracted = sum(tangents) - 2 * end * tangent
    distances_known = carried & ~np.isnan(bent)
    tangent = np.where(distances_known, nngp + weight * bent, subtracted)
    return _State(roots, covariance_gap, end, gap, tangent, slope_difference, tangents)


def _ask(module: ModuleType, shared: Array, entry: HiddenLayer, state: _State, parity: str) -> _Layer:
    """The dual at the pairs; for an odd or even s at c > 0."""
    covariance_gap, zero, roots = state.covariance_gap, np.zeros_like(state.covariance_gap), state.roots
    if entry.dual is None:
        one = np.ones_like(covariance_gap)
        return _Layer(
            roots[0] * roots[1] - covariance_gap, one, covariance_gap, zero, state.gap, zero, roots, (one, one)
        )
    first, second = (np.maximum(root * root, SMALLEST_VARIANCE) for root in roots)
    activation = entry.dual.activation
    sign = np.ones_like(covariance_gap) if parity in ("odd", "even") else state.sign
    if entry.series is not None:
        results = _sum_series(entry.series, first, second, covariance_gap, sign)
    else:
        nodes = rule(NODES) if breaks_at_zero(activation) else _ladder()
        results = by_formula(module, entry.number, (first, second, covariance_gap, sign, state.gap), nodes, shared)
    value, slope, integral, *diagonals, slope_drop = results
    lengths = np.sqrt(diagonals[0]), np.sqrt(diagonals[1])
    gap, apart, spread, slope_difference = _radial(activation, (np.sqrt(first), np.sqrt(second)), lengths, state.gap)
    value_drop = np.where(sign > 0, integral + gap, np.nan)
    return _Layer(
        value,
        slope,
        value_drop,
        2 * slope_drop + spread,
        apart,
        slope_difference,
        lengths,
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
