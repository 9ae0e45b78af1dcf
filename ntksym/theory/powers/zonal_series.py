r"""A kernel on the sphere as a power series in rho, layer by layer, in float64 and with bounds.

With u = S/q and the Hermite coefficients a_k(q),

    S <- w^2 S + b^2,  T <- S + w^2 T                     Dense
    S <- sum a_k^2 u^k,  T <- T (1/q) sum k a_k^2 u^(k-1)      Nonlinearity

(theory of Daniely et al. 2016, Murray et al. 2023). Every number is non-negative: there is no cancellation, and a
coefficient as small as 1e-200 keeps its digits. The same steps with coefficients raised by their bounds, and with what
is left out bounded by the last coefficient, give the bounds.
"""

import math
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray

from ntksym.activation.activation import Activation
from ntksym.dual import series_dual
from ntksym.errors import ToleranceNotMet
from ntksym.hermite.digits import HermiteSquares, hermite_squares, mean_squares, present_among
from ntksym.network.layers import Dense, Network
from ntksym.theory.powers.nonnegative_series import compose, compose_remainder, multiply, slope_terms
from ntksym.theory.powers.parity_parts import parts_of
from ntksym.theory.requests import (
    Get,
    as_mpf,
    bias_variance,
    dual_of,
    exact_value,
    is_analytic,
    require_variance,
    weight_variance,
)

__all__ = ["ZonalSeries", "layer_variances", "zonal_series"]

Array = NDArray[np.float64]

EPSILON = float(np.finfo(np.float64).eps)

DIGITS = 40
"""Digits of the variances."""

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


@dataclass
class _Run:
    """S and T as series while the layers go by; rows: as computed, and raised by the bounds."""

    nngp: list[Array]
    ntk: list[Array]
    variance: Any
    tangent: Any


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
    with mpmath.workdps(DIGITS):
        run, rounding, number = _begin(exact_value(mean_square), terms), 8.0, 0
        for layer in network.layers:
            if isinstance(layer, Dense):
                _affine(run, as_mpf(weight_variance(layer)), as_mpf(bias_variance(layer)))
            else:
                number += 1
                require_variance(run.variance, number, layer.activation)
                _bend(run, layer.activation, terms)
                rounding += 2 * math.sqrt(terms)
        low, high = run.nngp if get == "nngp" else run.ntk
        total = float(run.variance if get == "nngp" else run.tangent)
    return ZonalSeries(low, (high - low) + EPSILON * rounding * low, total)


def layer_variances(network: Network, mean_square: float) -> list[Any]:
    """Q in front of every activation, as mpmath numbers: those of `zonal_series`, for activations that are analytic."""
    found = []
    with mpmath.workdps(DIGITS):
        variance = as_mpf(exact_value(mean_square))
        for layer in network.layers:
            if isinstance(layer, Dense):
                variance = as_mpf(weight_variance(layer)) * variance + as_mpf(bias_variance(layer))
            else:
                found.append(+variance)
                variance = mean_squares(layer.activation, +variance)[0]
    return found


def _begin(mean_square: Any, terms: int) -> _Run:
    line, zero = np.zeros(terms), np.zeros(terms)
    line[1] = float(mean_square)
    return _Run([line, line], [zero, zero], as_mpf(mean_square), mpmath.mpf(0))


def _affine(run: _Run, weight: Any, bias: Any) -> None:
    constant = np.zeros(len(run.nngp[0]))
    constant[0] = float(bias)
    run.nngp = [float(weight) * series + constant for series in run.nngp]
    run.ntk = [s + float(weight) * t for s, t in zip(run.nngp, run.ntk, strict=True)]
    run.variance = weight * run.variance + bias
    run.tangent = run.variance + weight * run.tangent


def _bend(run: _Run, activation: Activation, terms: int) -> None:
    found = _squares(activation, run.variance, terms)
    variance = float(run.variance)
    nngp, ntk = [], []
    for raised, (s, t) in enumerate(zip(run.nngp, run.ntk, strict=True)):
        squares = found.squares + found.bounds if raised else found.squares
        inner = s / variance
        if np.count_nonzero(inner) == 1 and inner[1]:
            inner[1] = 1.0
        value, slope = compose((squares, slope_terms(squares)), inner)
        if raised and not _is_complete(activation):
            beyond, slope_beyond = compose_remainder(len(squares), _below_one(inner))
            last = float(np.max(squares[-LAST:]))
            value, slope = value + last * beyond, slope + last * slope_beyond
        nngp.append(value)
        ntk.append(multiply(slope / variance, t))
    run.nngp, run.ntk = nngp, ntk
    run.variance, run.tangent = found.value, run.tangent * found.slope


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
