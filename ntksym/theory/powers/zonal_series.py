r"""A kernel on the sphere as a power series in rho, layer by layer, in float64 and with bounds.

With u = S/q and the Hermite coefficients a_k(q),

    S <- w^2 S + b^2,  T <- S + w^2 T                     Dense
    S <- sum a_k^2 u^k,  T <- T (1/q) sum k a_k^2 u^(k-1)      Nonlinearity
    S <- S + S',  T <- T + T'             Residual, S' and T' behind the branch

(theory of Daniely et al. 2016, Murray et al. 2023). Every number is non-negative: there is no cancellation, and a
coefficient as small as 1e-200 keeps its digits. The same steps with coefficients raised by their bounds, and with what
is left out bounded by the last coefficient, give the bounds.
"""

import math
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

from ntksym.activation.activation import Activation
from ntksym.dual import series_dual
from ntksym.dual.derivation import dual_of
from ntksym.errors import ToleranceNotMet
from ntksym.hermite.digits import HermiteSquares, hermite_squares, mean_squares, present_among
from ntksym.network.layers import Dense, Network, Nonlinearity
from ntksym.network.walk import walk
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import EPSILON
from ntksym.theory.powers.nonnegative_series import compose, compose_remainder, multiply, slope_terms
from ntksym.theory.powers.parity_parts import parts_of
from ntksym.theory.requests import (
    Get,
    as_mpf,
    bias_variance,
    exact_value,
    is_analytic,
    require_variance,
    weight_variance,
)

__all__ = ["ZonalSeries", "layer_variances", "zonal_series"]


VARIANCE_DIGITS = 40
"""Digits of the variances."""

FEW_ROUNDINGS = 8.0
"""Roundings of a coefficient in layers that are linear; a composition of series adds 2 sqrt(terms) more."""

LAST = 16
"""Coefficients at the end the largest of which bounds those that are left out."""


@dataclass(frozen=True)
class ZonalSeries:
    """The series of one kernel.

    Attributes
    ----------
    coefficients : float array, shape (terms,)
        c_k, for k < terms.
    errors : float array, shape (terms,)
        Bounds of their errors.
    total : float
        f(1) = sum of all c_k, by integrals on the diagonal.
    """

    coefficients: Array
    errors: Array
    total: float


@dataclass(frozen=True)
class _Run:
    """S and T as series while the layers go by: rows as computed, and raised by the bounds.

    Attributes
    ----------
    nngp, ntk : pair of float arrays, shape (terms,)
        S and T.
    variance, tangent : mpmath numbers
        S(1) and T(1).
    hidden : int
        Nonlinearities met so far.
    """

    nngp: tuple[Array, Array]
    ntk: tuple[Array, Array]
    variance: Any
    tangent: Any
    hidden: int = 0


class _Expanded:
    """The algebra of power series."""

    def dense(self, state: _Run, layer: Dense) -> _Run:
        weight, bias = as_mpf(weight_variance(layer)), as_mpf(bias_variance(layer))
        constant = np.zeros(len(state.nngp[0]))
        constant[0] = float(bias)
        low, high = (float(weight) * series + constant for series in state.nngp)
        ntk = low + float(weight) * state.ntk[0], high + float(weight) * state.ntk[1]
        variance = weight * state.variance + bias
        return _Run((low, high), ntk, variance, variance + weight * state.tangent, state.hidden)

    def nonlinear(self, state: _Run, layer: Nonlinearity) -> _Run:
        require_variance(state.variance, state.hidden + 1, layer.activation)
        found = _squares(layer.activation, state.variance, len(state.nngp[0]))
        raised = found.squares + found.bounds
        remainder = None if _is_complete(layer.activation) else float(np.max(raised[-LAST:]))
        (low, low_slope), (high, high_slope) = (
            _composed(found.squares, state.nngp[0] / float(state.variance), None),
            _composed(raised, state.nngp[1] / float(state.variance), remainder),
        )
        ntk = (
            multiply(low_slope / float(state.variance), state.ntk[0]),
            multiply(high_slope / float(state.variance), state.ntk[1]),
        )
        return _Run((low, high), ntk, found.value, state.tangent * found.slope, state.hidden + 1)

    def add(self, state: _Run, branch: _Run) -> _Run:
        return _Run(
            (state.nngp[0] + branch.nngp[0], state.nngp[1] + branch.nngp[1]),
            (state.ntk[0] + branch.ntk[0], state.ntk[1] + branch.ntk[1]),
            state.variance + branch.variance,
            state.tangent + branch.tangent,
            branch.hidden,
        )


def _composed(squares: Array, inner: Array, remainder: float | None) -> tuple[Array, Array]:
    """Sum a_k^2 u^k and sum k a_k^2 u^(k-1); with what later terms add at most, where they are no larger than one."""
    if np.count_nonzero(inner) == 1 and inner[1]:
        inner[1] = 1.0
    value, slope = compose((squares, slope_terms(squares)), inner)
    if remainder is None:
        return value, slope
    beyond, slope_beyond = compose_remainder(len(squares), _below_one(inner))
    return value + remainder * beyond, slope + remainder * slope_beyond


def zonal_series(network: Network, get: Get, mean_square: float, terms: int) -> ZonalSeries:
    """The first ``terms`` coefficients of K(rho).

    Parameters
    ----------
    network : Network
        The layers.
    get : "nngp" or "ntk"
        Which kernel.
    mean_square : float
        |x|^2/d.
    terms : int
        At least 2.
    """
    with mpmath.workdps(VARIANCE_DIGITS):
        line, zero, start = np.zeros(terms), np.zeros(terms), exact_value(mean_square)
        line[1] = float(start)
        run = walk(network.layers, _Run((line, line), (zero, zero), as_mpf(start), mpmath.mpf(0)), _Expanded())
        low, high = run.nngp if get == "nngp" else run.ntk
        total = float(run.variance if get == "nngp" else run.tangent)
    rounding = FEW_ROUNDINGS + 2 * math.sqrt(terms) * run.hidden
    return ZonalSeries(low, (high - low) + EPSILON * rounding * low, total)


class _Variances:
    """The algebra of Q alone, and of those met in front of activations."""

    def dense(self, state: tuple[Any, ...], layer: Dense) -> tuple[Any, ...]:
        *met, variance = state
        return (*met, as_mpf(weight_variance(layer)) * variance + as_mpf(bias_variance(layer)))

    def nonlinear(self, state: tuple[Any, ...], layer: Nonlinearity) -> tuple[Any, ...]:
        return (*state, mean_squares(layer.activation, +state[-1])[0])

    def add(self, state: tuple[Any, ...], branch: tuple[Any, ...]) -> tuple[Any, ...]:
        return (*branch[:-1], state[-1] + branch[-1])


def layer_variances(network: Network, mean_square: float) -> list[Any]:
    """Q in front of every activation, as mpmath numbers: those of `zonal_series`, for activations that are analytic."""
    with mpmath.workdps(VARIANCE_DIGITS):
        *met, _ = walk(network.layers, (as_mpf(exact_value(mean_square)),), _Variances())
    return met


def _below_one(inner: Array) -> Array:
    """The constant term is a share below 1, whatever rounding makes of it."""
    bounded = inner.copy()
    bounded[0] = min(bounded[0], 1 - EPSILON)
    return bounded


def _is_complete(activation: Activation) -> bool:
    """Whether the Hermite series ends."""
    return parts_of(activation).is_polynomial is True


def _squares(activation: Activation, variance: Any, terms: int) -> HermiteSquares:
    if is_analytic(activation):
        try:
            return hermite_squares(activation, +variance, terms, parts_of(activation).degrees)
        except ToleranceNotMet:
            pass
    return _table_squares(activation, float(variance), terms)


def _table_squares(activation: Activation, variance: float, terms: int) -> HermiteSquares:
    """From the table of the series, whose coefficients have absolute accuracy."""
    found = series_dual(activation).coefficients(np.array([variance]))
    deviation = float(found.errors[0, 2]) * math.sqrt(float(found.value[0]))
    width = min(found.coefficients.shape[1], -(-(terms - found.offset) // found.stride))
    count = found.offset + found.stride * width
    squares, bounds = np.zeros(count), np.zeros(count)
    coefficients = found.coefficients[0, :width]
    squares[found.offset :: found.stride] = coefficients**2
    bounds[found.offset :: found.stride] = deviation * (2 * np.abs(coefficients) + deviation)
    absent = ~present_among(count, parts_of(activation).degrees)
    squares[absent], bounds[absent] = 0.0, 0.0
    value, slope = dual_of(activation).evaluate(variance, variance, variance)
    return HermiteSquares(squares, bounds, mpmath.mpf(float(value)), mpmath.mpf(float(slope)))
