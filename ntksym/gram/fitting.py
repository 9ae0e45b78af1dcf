r"""Functions fitted to a whole network, in place of its layers: what a fit depends on, and how the network is sampled.

    K(x_i, x_j) = r_i r_j F(q_i, q_j, theta_ij),    r_i = sqrt(K(x_i, x_i)),

with q the variance before the first nonlinearity and theta the angle there: whatever the layers are, they see nothing
else of two rows. A fit is kept under the value of all that it depends on: equal kernels share it, and so do clones.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ntksym.errors import NoSuchDual, ToleranceNotMet
from ntksym.gram.engines import LoweredNetwork
from ntksym.gram.error_bound import Bound, bound_of_single_pairs
from ntksym.gram.pairs.carry import advance
from ntksym.gram.rows import RowStates, prepare
from ntksym.gram.schedule import LayerPlan, Machine
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import SURE_VARIANCES

__all__ = ["CHANGE", "SHARE", "Domain", "Fit", "FitTask", "Refusal", "Sampler", "fits_made", "fitted", "logarithm"]

Indices = NDArray[np.intp]
Function = TypeVar("Function")
Fitted = TypeVar("Fitted", covariant=True)

SHARE = 1 / 10
"""A fitted function may be wrong by this share of the tolerance."""

CHANGE = 1e-4
"""Change of log(q) by which it is found out how F depends on it: its square is below what a fit may be wrong by."""

BITS = 45
"""Bits to which the logarithm of a common variance is rounded, so that other data of this norm find the same fit."""


@dataclass(frozen=True)
class Refusal:
    """Why a kernel is computed layer by layer."""

    reason: str

    def __str__(self) -> str:
        return f"layer by layer: {self.reason}"


def logarithm(variance: float) -> float:
    """log(q), rounded to `BITS` bits behind the point."""
    return float(np.ldexp(np.round(np.ldexp(np.log(variance), BITS)), -BITS))


@dataclass(frozen=True)
class Sampler:
    """F of each kernel that is wanted, pair by pair.

    Parameters
    ----------
    network : LoweredNetwork
        The network.
    wanted : tuple of str
        "nngp", "ntk" or both.
    """

    network: LoweredNetwork
    wanted: tuple[str, ...]

    @property
    def machine(self) -> Machine:
        """The compiled module, and the network for data of one feature: F does not depend on their number."""
        return self.network.machine(1)

    def rows(self, logarithms: Array) -> RowStates:
        """The states of rows whose variances before the first nonlinearity have these logarithms."""
        arrays = self.machine.arrays
        squares = (np.exp(logarithms) - arrays.biases[0]) / (arrays.weights[0] * arrays.scale)
        (states,) = prepare(self.machine, [squares], 1, pairs=False)
        return states

    def __call__(
        self, states: RowStates, first: Indices, second: Indices, one_minus_rho: Array, sign: Array, *, one_norm: bool
    ) -> Array:
        """F at n pairs of rows, shape (kernels, n).

        Parameters
        ----------
        states : RowStates
            From `rows`.
        first, second : int arrays, shape (n,)
            The rows of each pair.
        one_minus_rho, sign : float arrays, shape (n,)
            1 - ``|cos(theta)|``, and the sign of cos(theta).
        one_norm : bool
            Whether all rows that occur have one variance: series are then summed by their terms at it.
        """
        variances = [(q[first], q[second]) for q in map(states.variance, range(states.layers + 1))]
        gap = np.sqrt(variances[0][0]) * np.sqrt(variances[0][1]) * one_minus_rho
        found = advance(self.machine, variances, gap, sign, one_norm=one_norm)
        roots = np.sqrt(states.variance(states.layers)), np.sqrt(states.tangent)
        kept = [kernel for kernel, name in enumerate(("nngp", "ntk")) if name in self.wanted]
        return np.array([found[k] / (roots[k][first] * roots[k][second]) for k in kept])


class Domain(Protocol[Fitted]):
    """Where a function is wanted, and how one is fitted there; a value."""

    def __hash__(self) -> int:
        """What a fit is found under."""

    @property
    def probes(self) -> Array:
        """Logarithms of variances at which it is looked whether formulas hold and series are bounded, shape (k,)."""

    @property
    def largest(self) -> float:
        """The largest correlation, in size."""

    def obstacle(self, layers: LayerPlan, states: RowStates) -> str | None:
        """Why no function can be fitted, given the states at the probes."""

    def fit(self, sampler: Sampler, allowed: float) -> Fitted | None:
        """The function with at most this error; None where that takes too many terms."""

    def rate(self, sampler: Sampler) -> float:
        """How fast F changes with log(q), where the domain is one variance; else 0."""


@dataclass(frozen=True)
class FitTask(Generic[Function]):
    """What a fit depends on.

    Parameters
    ----------
    layers : LayerPlan
        The network, its duals and their parameters.
    domain : Domain
        Where the function is wanted.
    wanted : tuple of str
        "nngp", "ntk" or both.
    tol : float
        Error allowed in an entry, relative to sqrt(K(x, x) K(y, y)).
    network : LoweredNetwork
        The layers with the module that computes them, which follows from them.
    """

    layers: LayerPlan
    domain: Domain[Function]
    wanted: tuple[str, ...]
    tol: float
    network: LoweredNetwork = field(compare=False, repr=False)


@dataclass(frozen=True)
class Fit(Generic[Function]):
    """A function, and what its error is made of.

    Attributes
    ----------
    function : Function
        F.
    rate : float
        How fast F changes with log(q), where the domain is one variance.
    duals : Bound
        What duals that are series get wrong.
    variances : float array, shape (layers + 1, k)
        Variances at the probes, before every layer and at the output.
    """

    function: Function
    rate: float
    duals: Bound
    variances: Array


@lru_cache(maxsize=128)
def _fitted(task: FitTask[Function]) -> Fit[Function] | Refusal:
    try:
        return _fit(task)
    except (NoSuchDual, ToleranceNotMet) as error:  # the layers will say so of the row where it is
        return Refusal(str(error))


def fitted(task: FitTask[Function]) -> Fit[Function] | Refusal:
    """The fit, made once for equal tasks, or why there is none."""
    return _fitted(task)  # lru_cache forgets what kind of function a task is about


def fits_made() -> int:
    """How many different fits this process has made."""
    return _fitted.cache_info().misses


def _fit(task: FitTask[Function]) -> Fit[Function] | Refusal:
    sampler = Sampler(task.network, task.wanted)
    states = sampler.rows(task.domain.probes)
    variances = np.array([states.variance(layer) for layer in range(states.layers + 1)])
    if not (np.all(variances > SURE_VARIANCES[0]) and np.all(variances < SURE_VARIANCES[1])):
        return Refusal("a variance is too small or too large for a fit")
    obstacle = task.domain.obstacle(task.layers, states)
    if obstacle:
        return Refusal(obstacle)
    duals = bound_of_single_pairs(sampler.machine.arrays, task.layers, [states], task.domain.largest)
    if duals.worst(task.wanted) > task.tol:
        return Refusal("the errors of series are not bounded well enough for a fit")
    function = task.domain.fit(sampler, task.tol * SHARE)
    if function is None:
        return Refusal("a function of the whole network has too many terms")
    return Fit(function, task.domain.rate(sampler), duals, variances)
