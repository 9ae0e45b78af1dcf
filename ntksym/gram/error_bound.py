r"""Errors of series are carried through a network to a bound for entries of a Gram matrix, relative to its diagonal.

A layer maps a covariance of relative error e (to sqrt(q1 q2)) to one of relative error at most

    e' = A (local + R(rho) (e + v) + N v),    R(rho) = q D(q, q, rho q)/V(q),    A = W_std^2 V/(W_std^2 V + b_std^2),

to first order, where D(q, q, rho q) = sum_k k a_k^2 rho^(k-1)/q bounds the slope at every correlation up to rho by
Cauchy-Schwarz, v is the relative error of the variances and N^2 = E[(U s'(U))^2]/V; the NTK likewise. The largest
correlation of the data moves through the same series. Closed forms are exact here: rounding inside them is not counted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ntksym.dual import Dual, series_dual
from ntksym.dual.protocol import is_series
from ntksym.gram.pairs.one_variance import SERVED
from ntksym.gram.rows import RowStates
from ntksym.gram.schedule import HiddenLayer, LayerArrays, LayerPlan, follow
from ntksym.hermite.truncation import Sensitivity
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import EPSILON, SMALLEST_NORMAL, SMALLEST_VARIANCE

__all__ = ["Bound", "bound_of_single_pairs", "largest_correlation", "propagate"]


REPRESENTATIVES = 5
"""Rows whose variances stand for all: quantiles of the variance, with the smallest and the largest."""

ROUNDING = 4 * EPSILON
"""Relative rounding of W_std^2 K + b_std^2, of rho and of the sums of the NTK in a layer."""

PANEL = 128
"""Rows whose correlations are looked at together."""


@dataclass(frozen=True)
class Bound:
    """Bounds of |error|/sqrt(K(x, x) K(y, y)), the same for every pair of rows.

    Attributes
    ----------
    nngp, ntk : float
        For the two kernels; infinite where nothing can be said.
    """

    nngp: float
    ntk: float

    def worst(self, wanted: Iterable[str]) -> float:
        """The largest of those for these kernels."""
        return max(getattr(self, name) for name in wanted)


def propagate(arrays: LayerArrays, hidden: Sequence[HiddenLayer], states: Sequence[RowStates], largest: float) -> Bound:
    """The bound at the output.

    Parameters
    ----------
    arrays, hidden : LayerArrays, sequence of HiddenLayer
        The network.
    states : sequence of RowStates
        The rows of the data.
    largest : float
        Largest |correlation| of two different points before the first nonlinearity; 1 is always safe.
    """
    rows = _representatives(states)
    first = np.concatenate([part.variance(0) for part in states])[rows]
    error = float(np.max(arrays.slacks, initial=0.0))
    begun = _Progress(first, first, _Errors(error, error, error, error), largest)

    def step(number: int, entry: HiddenLayer, state: _Progress) -> _Progress:
        q = np.maximum(np.concatenate([part.variance(number) for part in states])[rows], SMALLEST_VARIANCE)
        return _step((float(arrays.weights[number + 1]), float(arrays.biases[number + 1])), entry, q, state)

    errors = follow(hidden, begun, step, _add).errors
    return Bound(max(errors.pair, errors.row), max(errors.tangent_pair, errors.tangent_row))


def _step(dense: tuple[float, float], entry: HiddenLayer, q: Array, state: "_Progress") -> "_Progress":
    """Behind one nonlinearity, or none, and the Dense layer behind it."""
    weight, bias = dense
    errors = state.errors
    largest = min(1.0, state.largest + errors.pair + errors.row)  # where the series is as steep as on the way there
    layer = _linear(q, largest) if entry.dual is None else _response(entry, entry.dual, q, largest)
    with np.errstate(invalid="ignore", over="ignore"):  # what jumps has no slope, and its NTK no bound
        errors = _advance(errors, layer, (q, state.tangent, weight, bias), largest)
        variance = weight * layer.value + bias
        tangent = weight * (layer.value + layer.slope * state.tangent) + bias
    after = np.maximum(variance, SMALLEST_NORMAL)  # a variance that underflows has entries that do
    return _Progress(variance, tangent, errors, min(1.0, _worst((weight * layer.value_at + bias) / after)))


def _add(kept: "_Progress", branch: "_Progress") -> "_Progress":
    """The sum of independent parts: errors and correlations are averaged, weighted by the diagonals.

    ``|error| <= e r1 r2 + e' r1' r2' <= sqrt((e q1 + e' q1')(e q2 + e' q2'))`` by Cauchy and Schwarz.
    """
    variance, tangent = kept.variance + branch.variance, kept.tangent + branch.tangent

    def mean(diagonal: str, whole: Array, parts: tuple[float, float]) -> float:
        with np.errstate(invalid="ignore", over="ignore"):
            sums = getattr(kept, diagonal) * parts[0] + getattr(branch, diagonal) * parts[1]
        return _worst(sums / np.maximum(whole, SMALLEST_NORMAL))

    old, new = kept.errors, branch.errors
    errors = _Errors(
        mean("variance", variance, (old.pair, new.pair)) + EPSILON,
        mean("variance", variance, (old.row, new.row)) + EPSILON,
        mean("tangent", tangent, (old.tangent_pair, new.tangent_pair)) + EPSILON,
        mean("tangent", tangent, (old.tangent_row, new.tangent_row)) + EPSILON,
    )
    largest = mean("variance", variance, (kept.largest, branch.largest))
    return _Progress(variance, tangent, errors, min(1.0, largest))


def bound_of_single_pairs(
    arrays: LayerArrays, layers: LayerPlan, states: Sequence[RowStates], largest: float = 1.0
) -> Bound:
    """The bound for pairs given by exact angles and evaluated one by one, in series to `SERVED`.

    Parameters
    ----------
    arrays, layers : LayerArrays, LayerPlan
        The network.
    states, largest
        As for `propagate`.
    """
    if all(entry.series is None for entry in layers.hidden):
        return Bound(0.0, 0.0)
    exact = replace(arrays, slacks=np.zeros_like(arrays.slacks))
    return propagate(exact, layers.tightened(SERVED).hidden, states, largest)


@dataclass(frozen=True)
class _Errors:
    """Relative errors so far: of the covariances of pairs and rows, of the NTK of pairs and rows."""

    pair: float
    row: float
    tangent_pair: float
    tangent_row: float


@dataclass(frozen=True)
class _Progress:
    """Before a layer, at the representatives: variance and diagonal of the NTK; the errors, the largest correlation."""

    variance: Array
    tangent: Array
    errors: _Errors
    largest: float


def _advance(errors: _Errors, layer: Sensitivity, before: tuple[Array, Array, float, float], largest: float) -> _Errors:
    q, tangent, weight, bias = before
    after = np.maximum(weight * layer.value + bias, SMALLEST_NORMAL)  # a variance that underflows has entries that do
    grown = weight * tangent
    total = after + grown * layer.slope
    moved = _moved(layer.value, layer.value_at, q * layer.slope_at, largest, errors.pair + errors.row)
    bent = _moved(layer.slope, layer.slope_at, layer.bend_at, largest, errors.pair + errors.row)
    added = layer.value * (layer.local + layer.stretch * errors.row)
    pair = _worst(weight / after * (added + moved)) + ROUNDING
    row = _worst(weight / after * layer.value * (layer.diagonal + layer.elasticity * errors.row)) + ROUNDING
    turned = layer.slope * (layer.local_slope + 2 * layer.slope_elasticity * errors.row) + bent
    carried = layer.slope_at * errors.tangent_pair
    tangent_pair = _worst((after * pair + grown * (carried + turned)) / total)
    turned_row = layer.slope * (layer.diagonal_slope + layer.slope_elasticity * errors.row + errors.tangent_row)
    return _Errors(pair, row, tangent_pair, _worst((after * row + grown * turned_row) / total))


def _worst(parts: Array) -> float:
    """The largest; infinity where a part is not a number."""
    return float(np.max(np.where(np.isnan(parts), np.inf, parts)))


def _representatives(states: Sequence[RowStates]) -> NDArray[np.intp]:
    order = np.argsort(np.concatenate([part.variance(0) for part in states]), kind="stable")
    return order[np.unique(np.linspace(0, len(order) - 1, REPRESENTATIVES).round().astype(int))]


def _linear(q: Array, largest: float) -> Sensitivity:
    ones, zeros = np.ones_like(q), np.zeros_like(q)
    return Sensitivity(q, ones, largest * q, ones, zeros, ones, ones, zeros, zeros, zeros, zeros, zeros)


def _response(entry: HiddenLayer, dual: Dual, q: Array, largest: float) -> Sensitivity:
    """That of the dual; a closed form adds no error, and its coefficients tell how it answers to those it is given."""
    if is_series(dual):
        return dual.response(q, largest, entry.truncation.tolerance)
    found = series_dual(dual.activation).response(q, largest, 0.0)
    exact = np.zeros_like(q)
    return replace(found, local=exact, local_slope=exact, diagonal=exact, diagonal_slope=exact)


def _moved(whole: Array, there: Array, rate: Array, largest: float, error: float) -> Array:
    """Change of a power series with positive coefficients when rho moves by ``error``, up to the largest correlation.

    The series is convex: its chord from there to 1 and its tangent are both steep enough.
    """
    if error == 0:
        return np.zeros_like(whole)
    chord = (whole - there) / (1 - largest) if largest < 1 else np.full_like(whole, np.inf)
    return np.asarray(np.minimum(rate, chord) * error)


def largest_correlation(
    arrays: LayerArrays, points: tuple[Array, Array], states: tuple[RowStates, RowStates], nearest: float
) -> float:
    """The largest |correlation| of two different points before the first nonlinearity.

    Parameters
    ----------
    arrays : LayerArrays
        The network.
    points, states : pairs
        The data, and the states of their rows.
    nearest : float
        Points that are nearer, in size, are not counted: their distance is carried through the layers instead.
    """
    x, y = points
    largest, slack = 0.0, float(np.max(arrays.slacks, initial=0.0))
    left, right = (np.sqrt(np.maximum(part.variance(0), SMALLEST_VARIANCE)) for part in states)
    scale, bias = arrays.weights[0] * arrays.scale, arrays.biases[0]
    for top in range(0, len(x), PANEL):
        rows = slice(top, min(top + PANEL, len(x)))
        width = rows.stop if x is y else len(y)
        rho = x[rows] @ (scale * y[:width]).T
        rho += bias
        rho /= left[rows, None]
        rho /= right[:width]
        if x is y:
            np.fill_diagonal(rho[:, top:], 0.0)
        if rho.max(initial=0.0) >= 1 - slack:
            same = (rho >= 1 - slack) & (np.abs(left[rows, None] / right[:width] - 1) <= slack)
            rho[same] = 0.0
        if nearest <= 1:
            rho[np.abs(rho) >= nearest] = 0.0
        largest = max(largest, float(rho.max(initial=0.0)), -float(rho.min(initial=0.0)))
    return min(largest, 1.0)
