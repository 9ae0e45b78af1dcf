"""Entries of pairs of rows that are evaluated one by one: NNGP and NTK through all layers.

How far a pair is from ``|rho|`` = 1 is carried beside c, as `ntksym.gram.pairs.separation` says, and the duals are
asked with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from ntksym.activation.activation import Activation
from ntksym.dual.protocol import SeriesLike
from ntksym.errors import NoClosedForm, ToleranceNotMet
from ntksym.gram.pairs.one_variance import sum_pairs, terms_at
from ntksym.gram.pairs.separation import Passed, Separation
from ntksym.gram.schedule import HiddenLayer, Machine, follow
from ntksym.hermite.pair_values import evaluate_pairs
from ntksym.hermite.radial import CLOSEST, WIDEST, radial_gap
from ntksym.lowering import store
from ntksym.lowering.templates.frame import TILE
from ntksym.lowering.templates.near import QUANTITIES
from ntksym.numerics.arrays import Array
from ntksym.numerics.legendre import legendre
from ntksym.numerics.limits import EPSILON, SMALLEST_VARIANCE

__all__ = ["advance", "breaks_at_zero", "by_formula", "rule"]


NEAR = 1e-2
"""E/p up to which E is carried; beyond, p - |c| has lost two digits at most."""

AGREEMENT = 64 * EPSILON
"""What the two ways to E may differ by, relative to p: more means that D varies too fast for the nodes."""

NARROW = WIDEST / (1 + WIDEST)
"""The relative difference of two radii up to which sqrt(V1 V2) - K(p) is small."""


@cache
def rule(count: int) -> tuple[Array, Array]:
    """Nodes t**2 and weights 2 t dt of Gauss and Legendre on (0, 1), shapes (count,)."""
    places, weights = legendre(count)
    t = (1 + places) / 2
    return t * t, weights * t


NODES = 8
"""D(p - E t**2) is analytic for t < sqrt(2 p/E): at the largest E these are exact to rounding."""

MANY_NODES = 64
"""Kinks of U and V that are not at zero lie apart if the norms differ, and D turns where E passes that."""

FEW_NODES = 4
"""Where each costs an integral in the plane: what is missing is 1e-8 of what the angle changes in D."""


@dataclass(frozen=True)
class _Answers:
    """What a dual says about some pairs: K and D, sqrt(V1 V2) - K(p - E), V1 and V2; the fall may be NaN."""

    value: Array
    slope: Array
    value_drop: Array
    first: Array
    second: Array

    @property
    def passed(self) -> Passed:
        """That as the state of the pairs takes it."""
        lengths = np.sqrt(np.maximum(self.first, 0.0)), np.sqrt(np.maximum(self.second, 0.0))
        return Passed(self.value, self.value_drop, lengths, lengths[0] - lengths[1])


@dataclass(frozen=True)
class _Pairs:
    """The state of some pairs before a layer: how they lie, c and the NTK."""

    separation: Separation
    c: Array
    tangent: Array


def advance(
    machine: Machine,
    variances: Sequence[tuple[Array, Array]],
    covariance_gap: Array,
    sign: Array,
    *,
    one_norm: bool = False,
) -> tuple[Array, Array]:
    """NNGP and NTK of n pairs at the output; no pair depends on the others.

    Parameters
    ----------
    machine : Machine
        The network.
    variances : sequence of pairs of float arrays, shapes (n,)
        q1 and q2 before every layer, and at the output.
    covariance_gap : float array, shape (n,)
        p - ``|c|`` before the first layer, not negative and at most p.
    sign : float array, shape (n,)
        The sign of c there, 1 or -1.
    one_norm : bool
        Whether all rows have one variance before every layer: series are then summed by their terms at it.
    """
    arrays = machine.arrays
    carry = min(arrays.nearest) <= 1

    def step(number: int, entry: HiddenLayer, pairs: _Pairs) -> _Pairs:
        state, parity = pairs.separation, "odd" if entry.dual is None else entry.dual.activation.parity
        ones = np.ones_like(state.sign)
        reflected = ones if parity in ("odd", "even") else state.sign
        near = (reflected > 0) & (state.covariance_gap <= NEAR * state.p) & carry
        answers = _ask(machine, number, state, (reflected, near), one_norm)
        sign, tilted = state.sign if parity == "odd" else ones, state.sign if parity == "even" else ones
        dense = float(arrays.weights[number + 1]), float(arrays.biases[number + 1])
        after = None if entry.ends else variances[number + 1]
        separation, c, _ = Separation.behind(dense, answers.passed, sign, after, AGREEMENT)
        return _Pairs(separation, c, c + dense[0] * tilted * answers.slope * pairs.tangent)

    def add(kept: _Pairs, branch: _Pairs) -> _Pairs:
        return _Pairs(kept.separation + branch.separation, kept.c + branch.c, kept.tangent + branch.tangent)

    first, second = variances[0]
    begun = Separation((first, second), np.sqrt(first) - np.sqrt(second), covariance_gap, sign)
    c = sign * (begun.p - covariance_gap)
    pairs = follow(machine.hidden, _Pairs(begun, c, c), step, add)
    return pairs.c, pairs.tangent


def _ask(
    machine: Machine,
    number: int,
    state: Separation,
    asked: tuple[Array, NDArray[np.bool_]],
    one_norm: bool,
) -> _Answers:
    """The dual at some pairs, for this sign of c; and where the fall is wanted."""
    covariance_gap, (sign, near) = state.covariance_gap, asked
    entry = machine.hidden[number]
    first, second = (np.maximum(side, SMALLEST_VARIANCE) for side in state.variances)
    if entry.dual is None:
        return _Answers(state.p - covariance_gap, np.ones_like(covariance_gap), covariance_gap, first, second)
    if entry.single is not None:
        answers = _ask_series(entry.single, first, second, (covariance_gap, sign, near), one_norm)
    else:
        nodes = rule(NODES if breaks_at_zero(entry.dual.activation) else MANY_NODES)
        results = by_formula(
            machine.module,
            entry.number,
            (first, second, covariance_gap, sign, state.root_difference),
            nodes,
            machine.arrays.shared[number],
        )
        answers = _Answers(*results[:5])
    radial = _radial(entry.dual.activation, np.sqrt(first), np.sqrt(second), near)
    return replace(answers, value_drop=np.where(near, answers.value_drop + radial, np.nan))


def by_formula(
    module: ModuleType, number: int, pairs: tuple[Array, ...], nodes: tuple[Array, Array], shared: Array
) -> Array:
    """What the generated function of a closed form gives, shape (QUANTITIES, n); it takes whole tiles.

    Parameters
    ----------
    module : module
        Generated code.
    number : int
        Number of the activation there.
    pairs : tuple of float arrays, shape (n,)
        q1, q2, E, the sign of c, sqrt(q1) - sqrt(q2).
    nodes : pair of float arrays
        From `rule`.
    shared : float array
        What depends on the parameters of the activation alone.
    """
    count = len(pairs[0])
    if count % TILE:
        whole = np.minimum(np.arange(count + -count % TILE), count - 1)
        pairs = tuple(part[whole] for part in pairs)
    results = np.empty((QUANTITIES, len(pairs[0])))

    def fill(some: slice) -> None:
        module.near[number](*(part[some] for part in pairs), *nodes, shared, results[:, some])

    store.first_call(module, f"near {number}", lambda: fill(slice(0)))
    fill(slice(None))
    return results[:, :count]


def breaks_at_zero(activation: Activation) -> bool:
    """Whether s and s' are known to jump at zero only, so that kinks of U and V meet whatever the norms."""
    try:
        return all(item.position == 0 for item in activation.breaks if item.is_jump or item.is_corner)
    except NoClosedForm:
        return False


def _radial(activation: Activation, first: Array, second: Array, near: NDArray[np.bool_]) -> Array:
    """sqrt(V1 V2) - K(p); NaN where the radii differ too much for it to be small."""
    apart = np.abs(first - second)
    result = np.zeros_like(first)
    if activation.homogeneity is not None:
        return result
    wanted = near & (apart > CLOSEST * first)
    close = wanted & (apart <= NARROW * first)
    result[wanted] = np.nan
    try:
        result[close] = radial_gap(activation, first[close], second[close])
    except (NoClosedForm, ToleranceNotMet):  # its kinks are not known, or s oscillates too fast for a table
        return result
    return result


def _ask_series(
    dual: SeriesLike, first: Array, second: Array, state: tuple[Array, Array, NDArray[np.bool_]], one_norm: bool
) -> _Answers:
    """The same by `SeriesDual.evaluate`: at the pair, and at each node unless s jumps, when slopes cost too much.

    Pairs of one variance are summed by the terms at it, if these serve everywhere.
    """
    covariance_gap, sign, near = state
    terms = terms_at(dual, float(first[0])) if one_norm and len(first) else None
    if terms is not None:
        value = np.full_like(covariance_gap, terms.value)
        return _Answers(*sum_pairs(terms, covariance_gap, sign), value, value)
    p = np.sqrt(first) * np.sqrt(second)
    diagonals = [dual.evaluate(side, side, side).value for side in (first, second)]
    if not dual.continuous:
        value, _, _ = evaluate_pairs(
            dual.activation, first, second, covariance_gap / p, sign * (1 - covariance_gap / p)
        )
        return _Answers(value, np.zeros_like(covariance_gap), np.full_like(covariance_gap, np.nan), *diagonals)
    gaps = np.minimum(covariance_gap / p, 1.0)
    value, slope = dual.evaluate(first, second, sign * p * (1 - gaps), gap=gaps)
    value_drop = np.full_like(covariance_gap, np.nan)
    if near.any():
        first, second, p = first[near], second[near], p[near]
        places, masses = rule(FEW_NODES)
        steps = places[:, None] * gaps[near]
        slopes = dual.evaluate(*np.broadcast_arrays(first, second, p * (1 - steps)), gap=steps).slope
        value_drop[near] = covariance_gap[near] * np.einsum("k,kn->n", masses, slopes)
    return _Answers(value, slope, value_drop, *diagonals)
