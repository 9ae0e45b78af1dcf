r"""The angle route: the kernel on given data is one function of the angle between two rows, and that is a series.

    K(x_i, x_j) = r_i r_j F(theta_ij),    r_i = sqrt(K(x_i, x_i)),    F(0) = 1

with theta the angle before the first nonlinearity, cos(theta) = c/sqrt(q_i q_j). It holds for two reasons.

One norm: every layer is a function of (q, q, c), and q is the same for all rows.

Homogeneity, s(t x) = t^a s(x) for t > 0 in every layer, no bias: K(q1, q2, c) = (q1 q2)^(a/2) K(1, 1, rho) and
D = (q1 q2)^((a-1)/2) D(1, 1, rho). So rho' = K(1, 1, rho)/K(1, 1, 1) depends on rho alone. If T = k sqrt(q1 q2) G(rho)
with G(1) = 1, the next layer has T' = sqrt(q1' q2') (rho' + k D(1, 1, rho) G(rho)/K(1, 1, 1)) since
q' = w^2 q^a K(1, 1, 1): again a number times sqrt(q1' q2') times a function of rho, whatever a is in each layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from ntksym.gram.costs import COSTS
from ntksym.gram.engines import LoweredNetwork, Lowering
from ntksym.gram.error_bound import Bound
from ntksym.gram.fits.angle_series import FEWEST, Angles, AngleSeries, between, fit
from ntksym.gram.fitting import CHANGE, SHARE, FitTask, Refusal, Sampler, fitted, logarithm
from ntksym.gram.inputs import Fingerprint, Request
from ntksym.gram.pairs.one_variance import terms_at
from ntksym.gram.rows import RowStates
from ntksym.gram.schedule import HiddenLayer, LayerPlan, Machine, follow
from ntksym.gram.tiles import Compiled, Results
from ntksym.lowering import store
from ntksym.lowering.templates.angle import DIAGONALS, INVERSE, ROOTS, SLOTS, angle_source
from ntksym.lowering.templates.frame import TILE
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import SMALLEST_VARIANCE, SURE_VARIANCES

__all__ = ["HOMOGENEOUS", "ONE_NORM", "ZonalRoute", "find_zonal", "is_homogeneous"]

Indices = NDArray[np.intp]

ONE_NORM = "all rows have one norm"
HOMOGENEOUS = "the network is positively homogeneous without bias"

WIDEST = 1e-4
"""Largest difference in log(q) of rows of one norm: what F then changes is linear in it to all digits that count."""


@dataclass(frozen=True)
class ZonalRoute:
    """The kernel as one function of the angle.

    Parameters
    ----------
    data : Fingerprint
        The data that it was chosen for.
    lowering : Lowering
        How the layers are lowered that the rows go through.
    reason : str
        `ONE_NORM` or `HOMOGENEOUS`.
    series : pair of AngleSeries or None
        For NNGP and NTK; None for the one not wanted.
    error : float
        Bound of the error of an entry, relative to sqrt(K(x, x) K(y, y)).
    logarithm : float
        log(q) before the first nonlinearity that the rows have in common, where they have one norm.
    spread : float
        The largest distance of a row from it, in log(q).
    """

    data: Fingerprint
    lowering: Lowering
    reason: str
    series: tuple[AngleSeries | None, AngleSeries | None] = field(repr=False)
    error: float
    logarithm: float
    spread: float

    name = "angle"

    @property
    def terms(self) -> int:
        """Number of coefficients of the longer series."""
        return max(one.terms for one in self.series if one)

    @property
    def bound(self) -> Bound:
        """The error, the same for both kernels."""
        return Bound(self.error, self.error)

    def __str__(self) -> str:
        return f"one function of the angle, {self.terms} terms, error < {self.error:.1e}: {self.reason}"

    @property
    def kernels(self) -> tuple[str, ...]:
        """The kernels that it has a function of the angle for."""
        return tuple(name for name, one in zip(("nngp", "ntk"), self.series, strict=True) if one)

    def refusal(self, first: Array, tol: float) -> str | None:
        """Why the route does not hold for rows with these variances before the first nonlinearity."""
        if self.reason == HOMOGENEOUS:
            return None
        apart = np.abs(np.log(np.maximum(first, SMALLEST_VARIANCE)) - self.logarithm).max(initial=0.0)
        return None if apart <= self.spread else "the rows have other norms"

    def compiled(self, machine: Machine, states: tuple[RowStates, RowStates], wanted: tuple[bool, bool]) -> Compiled:
        """What fills tiles with entries r_i r_j F(theta_ij).

        Parameters
        ----------
        machine : Machine
            The network.
        states : pair of RowStates
            Those of the rows and of the columns: the variances before the first layer and at the output, the NTK.
        wanted : pair of bool
            Whether NNGP and NTK are.
        """
        arrays = machine.arrays
        factor, bias = float(arrays.weights[0]) * arrays.scale, float(arrays.biases[0])
        numbers = factor, bias, float(arrays.slacks[0]), 1.0 - arrays.nearest[wanted[1]]
        return Compiled(store.load(angle_source()), "fill", (*numbers, *map(_lines, states), *_packed(self.series)))

    def evaluate(
        self, states: tuple[RowStates, RowStates], rows: tuple[Indices, Indices], covariance_gap: Array, sign: Array
    ) -> Results:
        """Entries of some pairs whose sqrt(q_i q_j) - ``|c|`` and sign of c come from the differences of the data."""
        sides = list(zip(states, rows, strict=True))
        roots = [np.sqrt(np.maximum(part.variance(0)[k], SMALLEST_VARIANCE)) for part, k in sides]
        one_minus_rho = np.minimum(covariance_gap / (roots[0] * roots[1]), 1.0)
        sine, cosine = np.sqrt(one_minus_rho * (2 - one_minus_rho)), sign * (1 - one_minus_rho)
        found: list[Array | None] = [None, None]
        for kernel, one in enumerate(self.series):
            if one is not None:
                left, right = (np.sqrt(part.diagonal(kernel)[k]) for part, k in sides)
                found[kernel] = left * right * one(sine, cosine)
        return found[0], found[1]


@dataclass(frozen=True)
class AngleDomain:
    """All angles, at one variance, or at any where the network is homogeneous.

    Parameters
    ----------
    logarithm : float
        log(q) before the first nonlinearity.
    homogeneous : bool
        Whether that is one variance like every other.
    """

    logarithm: float
    homogeneous: bool

    largest = 1.0

    @property
    def probes(self) -> Array:
        """The variance, and its neighbours."""
        return self.logarithm + CHANGE * (np.zeros(1) if self.homogeneous else np.array([0.0, -1.0, 1.0]))

    def obstacle(self, layers: LayerPlan, states: RowStates) -> str | None:
        """Series that are not accurate at every angle are in the way."""
        for number, layer in enumerate(layers.hidden):
            if layer.series is not None and terms_at(layer.series, float(states.variance(number)[0])) is None:
                return f"the terms of {layer.series.activation.name} are not accurate at every angle"
        return None

    def fit(self, sampler: Sampler, allowed: float) -> tuple[AngleSeries, ...] | None:
        """The series of each kernel."""
        return fit(lambda angles: self._sample(sampler, self.logarithm, angles), allowed)

    def rate(self, sampler: Sampler) -> float:
        """From the differences at neighbouring variances, between the Chebyshev points of the shortest series."""
        if self.homogeneous:
            return 0.0
        below, above = (self._sample(sampler, self.logarithm + step, between(FEWEST)) for step in (-CHANGE, CHANGE))
        return max(float(np.abs(a - b).max()) for a, b in zip(above, below, strict=True)) / (2 * CHANGE)

    @staticmethod
    def _sample(sampler: Sampler, variance: float, angles: Angles) -> tuple[Array, Array]:
        """F of each wanted kernel at the angles, and at what is left to pi."""
        states = sampler.rows(np.array([variance]))
        count = len(angles.gap)
        rows = np.zeros(2 * count, dtype=np.intp)
        signs = np.repeat([1.0, -1.0], count)
        whole = sampler(states, rows, rows, np.tile(angles.gap, 2), signs, one_norm=True)
        return whole[:, :count], whole[:, count:]


def is_homogeneous(layers: LayerPlan) -> bool:
    """Whether every output scales by t^a if the data scale by t > 0, with one a at each place: K = r_i r_j F(theta).

    No layer has a bias, s(t x) = t^a s(x) for every activation with some a of its own, and what is added behind a
    branch has the degree of what went into it: sums of r_i r_j F(theta) with lengths r of one degree are of that form.
    """
    denses = [layers.first, *(layer.dense for layer in layers.hidden)]
    if any(dense.bias_variance for dense in denses):
        return False

    def step(number: int, layer: HiddenLayer, degree: sp.Expr | None) -> sp.Expr | None:
        if layer.dual is None or degree is None:
            return degree
        own = layer.dual.activation.homogeneity
        return None if own is None else degree * own

    degree: sp.Expr | None = sp.Integer(1)
    return follow(layers.hidden, degree, step, lambda kept, branch: kept if kept == branch else None) is not None


def find_zonal(
    network: LoweredNetwork, lowering: Lowering, request: Request, tol: float, *, forced: bool = False
) -> ZonalRoute | Refusal:
    """The kernel on some data as one function of the angle, or why it is not computed so.

    Parameters
    ----------
    network : LoweredNetwork
        The network.
    lowering : Lowering
        How it was lowered.
    request : Request
        The data.
    tol : float
        Error allowed in an entry, relative to sqrt(K(x, x) K(y, y)).
    forced : bool
        Whether it is computed so even if that costs more than the layers.
    """
    layers = network.layers
    costs = [] if request.entries * COSTS.dearest_layer <= COSTS.angle_fit and not forced else _layer_costs(network)
    if not forced and request.entries * (sum(costs) - COSTS.angle.pair) <= COSTS.angle_fit * len(costs):
        return Refusal("a function of the angle costs no less than the layers on so few points")
    squares = request.all_squares
    first = layers.first.weight_variance / request.features * squares + layers.first.bias_variance
    homogeneous = is_homogeneous(layers)
    place = _typical(first) if homogeneous else _middle(first)
    if place is None:
        return Refusal("the rows have different norms")
    domain = AngleDomain(place, homogeneous)
    found = fitted(FitTask(layers, domain, request.wanted, tol, network))
    if isinstance(found, Refusal):
        return found
    if homogeneous and not _in_range(Sampler(network, request.wanted), first):
        return Refusal("the variances leave the range in which homogeneity holds to rounding")
    spread = 0.0 if homogeneous else float(np.abs(np.log(first) - place).max())
    error = found.function[0].error + found.rate * spread
    if error > tol * SHARE:
        return Refusal("the norms of the rows differ by too much")
    error += found.duals.worst(request.wanted)
    if error > tol:
        return Refusal("the errors of series are not bounded at every angle")
    if not forced and COSTS.angle.of(sum(one.terms for one in found.function)) >= sum(costs):
        return Refusal("the function of the angle has so many terms that the layers cost less")
    by_name = dict(zip(request.wanted, found.function, strict=True))
    reason = HOMOGENEOUS if homogeneous else ONE_NORM
    return ZonalRoute(
        request.fingerprint, lowering, reason, (by_name.get("nngp"), by_name.get("ntk")), error, place, spread
    )


def _layer_costs(network: LoweredNetwork) -> list[float]:
    """Estimated cost of a pair in every layer."""
    dearest = COSTS.dearest_layer
    nonlinear = [layer for layer in network.layers.hidden if layer.dual is not None]
    return [dearest if layer.series is not None else min(network.cost(layer), dearest) for layer in nonlinear]


def _typical(variances: Array) -> float | None:
    """The logarithm of a power of two near the median: for homogeneous networks any would do."""
    positive = variances[variances > 0]
    return float(np.log(2.0) * np.round(np.log2(np.median(positive)))) if len(positive) else 0.0


def _middle(variances: Array) -> float | None:
    """The logarithm that all have in common; None if they are apart, or zero."""
    low, high = float(variances.min(initial=np.inf)), float(variances.max(initial=0.0))
    if not (0 < low <= high < np.inf and np.log(high / low) < WIDEST):
        return None
    return logarithm((low + high) / 2)


def _in_range(sampler: Sampler, variances: Array) -> bool:
    """Whether homogeneity holds to rounding: at the variances of all rows, those that are zero left aside."""
    positive = variances[variances > 0]
    if not len(positive):
        return True
    states = sampler.rows(np.log([positive.min(), positive.max()]))
    ends = np.array([states.variance(layer) for layer in range(states.layers + 1)])
    return bool(ends.min() > SURE_VARIANCES[0] and ends.max() < SURE_VARIANCES[1])


def _lines(states: RowStates) -> Array:
    """Row quantities, shape (blocks, SLOTS, TILE)."""
    lines = np.empty((len(states.variances), SLOTS, TILE))
    lines[:, INVERSE] = 1 / np.sqrt(np.maximum(states.variances[:, 0], SMALLEST_VARIANCE))
    for root, diagonal, kernel in zip(ROOTS, DIAGONALS, (states.variances[:, -1], states.tangents), strict=True):
        lines[:, root], lines[:, diagonal] = np.sqrt(kernel), kernel
    return lines


def _packed(series: Sequence[AngleSeries | None]) -> tuple[Array, NDArray[np.int64]]:
    """All polynomials in one array, and how many terms each has."""
    parts = [(k, p, part) for k, one in enumerate(series) if one for p, part in enumerate(one.parts)]
    blocks, most = np.max([part.shape for *_, part in parts], axis=0)
    terms, sizes = np.zeros((2, 2, blocks, most)), np.zeros((2, 2), dtype=np.int64)
    for kernel, place, part in parts:
        terms[kernel, place, :, : part.shape[1]] = part
        sizes[kernel, place] = part.shape[1]
    return terms, sizes
