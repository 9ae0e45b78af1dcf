r"""Pairs of rows through all layers by their distance from |rho| = 1, which a covariance in floating point forgets.

The state of a pair is E = p - |c|, p = sqrt(q1 q2), and the sign of c. With K the dual, D its slope, V1 = E[s(U)^2],

    p' - c' = w^2 b^2 (sqrt V1 - sqrt V2)^2 / (p' + w^2 sqrt(V1 V2) + b^2)
              + w^2 { [sqrt(V1 V2) - K(p)] + int_0^E D(p - e) de }:

all terms are positive, so E keeps its digits. The second is zero for equal norms and where s is positively homogeneous.
An odd or even s takes a pair near -1 to one near 1; any other takes it away from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntksym.lowering.frame import SMALLEST_VARIANCE, TILE
from ntksym.lowering.near_frame import FIRST_VALUE, INTEGRAL, QUANTITIES, SECOND_VALUE, SLOPE, VALUE
from ntksym.lowering.schedule import Arrays, Hidden
from ntksym.series.evaluation import evaluate_pairs
from ntksym.tiles.one_variance import sum_pairs, terms_at

__all__ = ["advance"]

Array = NDArray[np.float64]

EPSILON = float(np.finfo(np.float64).eps)

NEAR = 1e-2
"""E/p up to which E is carried; beyond, p - |c| has lost two digits at most."""

AGREEMENT = 64 * EPSILON
"""What the two ways to E may differ by, relative to p: more means that D varies too fast for the nodes."""


def _rule(count: int) -> tuple[Array, Array]:
    """Nodes t**2 and weights 2 t dt of Gauss and Legendre on (0, 1)."""
    places, weights = np.polynomial.legendre.leggauss(count)
    t = (1 + places) / 2
    return t * t, weights * t


NODES = _rule(8)
"""D(p - E t**2) is analytic for t < sqrt(2 p/E): at the largest E these are exact to rounding."""


FEW_NODES = _rule(4)
"""Where each costs an integral in the plane: what is missing is 1e-8 of what the angle changes in D."""


@dataclass(frozen=True)
class _Answers:
    """What a dual says about some pairs: K and D, K(p) - K(p - E), and V on both sides."""

    value: Array
    slope: Array
    integral: Array
    first: Array
    second: Array


@dataclass(frozen=True)
class _Pairs:
    """The state of some pairs before a layer."""

    low: Array
    sign: Array
    c: Array
    tangent: Array


def advance(
    module: ModuleType,
    network: Arrays,
    hidden: Sequence[Hidden],
    variances: Sequence[tuple[Array, Array]],
    low: Array,
    sign: Array,
) -> tuple[Array, Array]:
    """NNGP and NTK of n pairs at the output.

    Parameters
    ----------
    module : module
        Generated code.
    network, hidden : Arrays, sequence of Hidden
        The network.
    variances : sequence of pairs of float arrays, shapes (n,)
        q1 and q2 before every layer, and at the output.
    low : float array, shape (n,)
        p - ``|c|`` before the first layer, not negative and at most p.
    sign : float array, shape (n,)
        The sign of c there, 1 or -1.
    """
    count = len(low)
    whole = np.minimum(np.arange(count + -count % TILE), count - 1)
    roots = [tuple(np.sqrt(side[whole]) for side in pair) for pair in variances]
    c = sign[whole] * (roots[0][0] * roots[0][1] - low[whole])
    pairs = _Pairs(low[whole], sign[whole], c, c)
    for layer, entry in enumerate(hidden):
        parity = "odd" if entry.dual is None else entry.dual.activation.parity
        reflected = np.ones_like(pairs.low) if parity in ("odd", "even") else pairs.sign
        answers = _ask(module, network, layer, entry, roots[layer], pairs.low, reflected)
        turned = pairs.sign if parity == "odd" else np.ones_like(pairs.low)
        tilted = pairs.sign if parity == "even" else np.ones_like(pairs.low)
        dense = float(network.weights[layer + 1]), float(network.biases[layer + 1])
        carried = (reflected > 0) & (pairs.low <= NEAR * roots[layer][0] * roots[layer][1])
        low, sign, c = _through(dense, answers, turned, carried, roots[layer + 1])
        pairs = _Pairs(low, sign, c, c + dense[0] * tilted * answers.slope * pairs.tangent)
    return pairs.c[:count], pairs.tangent[:count]


def _through(
    dense: tuple[float, float], answers: _Answers, sign: Array, carried: NDArray[np.bool_], roots: tuple[Array, Array]
) -> tuple[Array, Array, Array]:
    """E, sign and c behind a layer whose K has this sign; by way of K(p) - K(p - E) where that can be, else of K."""
    weight, bias = dense
    p = roots[0] * roots[1]
    first, second = np.sqrt(answers.first), np.sqrt(answers.second)
    spread = weight * bias * (first - sign * second) ** 2 / (p + weight * first * second + sign * bias)
    low = spread + weight * answers.integral
    plain = sign * weight * answers.value + bias
    carried = carried & (np.abs(p - sign * plain - low) <= AGREEMENT * p)
    c = np.where(carried, sign * (p - low), plain)
    return np.where(carried, low, np.maximum(p - np.abs(plain), 0.0)), np.copysign(1.0, c), c


def _ask(
    module: ModuleType,
    network: Arrays,
    layer: int,
    entry: Hidden,
    roots: tuple[Array, Array],
    low: Array,
    sign: Array,
) -> _Answers:
    first, second = (np.maximum(root * root, SMALLEST_VARIANCE) for root in roots)
    if entry.dual is None:
        return _Answers(roots[0] * roots[1] - low, np.ones_like(low), low, first, second)
    compiled = module.near[entry.number]
    if compiled is not None:
        results = np.empty((QUANTITIES, len(low)))
        compiled(first, second, low, sign, roots[0] - roots[1], *NODES, network.shared[layer], results)
        return _Answers(*results)
    return _ask_series(entry.dual, first, second, low, sign)


def _ask_series(dual: Any, first: Array, second: Array, low: Array, sign: Array) -> _Answers:
    """The same by `SeriesDual.evaluate`: at the pair, and at each node unless s jumps, when slopes cost too much.

    Pairs of one variance are summed by the terms at it, if these serve everywhere.
    """
    terms = terms_at(dual, float(first[0])) if np.all(first == first[0]) and np.all(second == first[0]) else None
    if terms is not None:
        value = np.full_like(low, terms.value)
        return _Answers(*sum_pairs(terms, low, sign), value, value)
    p = np.sqrt(first) * np.sqrt(second)
    diagonals = [dual.evaluate(side, side, side).value for side in (first, second)]
    if not dual.continuous:
        value, _, _ = evaluate_pairs(dual.activation, first, second, low / p, sign * (1 - low / p))
        return _Answers(value, np.zeros_like(low), np.full_like(low, np.nan), *diagonals)
    places = np.concatenate([[1.0], FEW_NODES[0]])
    gaps = np.minimum(places[:, None] * (low / p), 1.0)
    signs = np.concatenate([sign[None], np.ones((len(FEW_NODES[0]), len(sign)))])
    found = dual.evaluate(*np.broadcast_arrays(first, second, signs * p * (1 - gaps)), gap=gaps)
    return _Answers(found.value[0], found.slope[0], low * (FEW_NODES[1] @ found.slope[1:]), *diagonals)
