r"""The kernel on the sphere as a power series, K(rho) = sum c_k rho^k with c_k >= 0: exactly where that is possible."""

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike

from ntksym.activation.activation import Activation
from ntksym.dual import ClosedDual
from ntksym.dual.derivation import dual_of
from ntksym.errors import InvalidInput, NoClosedForm
from ntksym.network.layers import Dense, Network, Nonlinearity, flattened
from ntksym.network.walk import walk
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import EPSILON
from ntksym.symbols import c, q, q1, q2, x
from ntksym.theory.powers.parity_parts import parts_of
from ntksym.theory.powers.taylor import Series, add, compose, multiply, scale, taylor
from ntksym.theory.requests import (
    bias_variance,
    check_whole,
    exact_value,
    weight_variance,
)
from ntksym.theory.zonal import OfZonalKernel, ZonalKernel, zonal_kernel

__all__ = ["PowerSeries", "is_polynomial_network", "power_series"]


MOST_TERMS = 3000

MOST_WORK = 15_000
"""terms^3 times the layers that compose, up to which exact coefficients are computed unasked."""

MOST_POLYNOMIAL_WORK = 10**8
"""The same for networks of polynomials, whose coefficients are fractions."""

MOST_BIASED_TERMS = 10
"""The same for terms alone where a layer is expanded at a covariance that is not zero: numbers grow long there."""

SPARE_TERMS = 64
"""More terms than are asked for, since with a bias every coefficient has contributions from all later ones."""

ROUNDED_DIGITS = 25
"""Digits of an exact coefficient before it is rounded to float64."""

SHOWN = 6


@dataclass(frozen=True, repr=False, eq=False)
class PowerSeries(OfZonalKernel):
    """c_k for k <= degree.

    Attributes
    ----------
    kernel : ZonalKernel
        The parent of this stage: network, which kernel, and |x|^2/d of the points.
    coefficients : float array, shape (degree + 1,)
        c_k; exactly zero where the parity of the activations makes them so.
    errors : float array, shape (degree + 1,)
        Bounds of their errors: what is left out, and the errors of Hermite coefficients; see `power_series`.
    exact : tuple of sympy numbers, or None
        c_k exactly.
    trace : float
        K(1), the sum of all c_k.
    """

    coefficients: Array
    errors: Array
    exact: tuple[sp.Expr, ...] | None
    trace: float

    @property
    def degree(self) -> int:
        """The largest k."""
        return len(self.coefficients) - 1

    @property
    def remainder(self) -> float:
        """The sum of the coefficients that are left out, K(1) less those that are there: a difference of floats."""
        return max(self.trace - float(np.sum(self.coefficients)), 0.0)

    def __repr__(self) -> str:
        kind = "floats" if self.exact is None else "exact"
        return f"<PowerSeries of the {self.get.upper()}, {len(self)} terms, {kind}: {self}>"

    def __len__(self) -> int:
        return len(self.coefficients)

    def __call__(self, rho: ArrayLike) -> Array:
        """sum_{k <= degree} c_k rho^k at correlations rho, of the same shape; |rho|^(degree + 1) remainder are missing.

        Raises
        ------
        InvalidInput
            Where |rho| > 1.
        """
        points = np.asarray(rho, dtype=np.float64)
        if not np.all(np.abs(points) <= 1):
            raise InvalidInput("a correlation lies between -1 and 1; pass <x, y>/(|x| |y|)", rho=points)
        return np.asarray(np.polynomial.polynomial.polyval(points, self.coefficients))

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "network": repr(self.network),
            "get": self.get,
            "mean_square": self.mean_square,
            "trace": self.trace,
            "coefficients": self.coefficients.tolist(),
            "errors": [error if math.isfinite(error) else None for error in self.errors.tolist()],
            "exact": None if self.exact is None else [str(number) for number in self.exact],
        }

    def __str__(self) -> str:
        numbers = [f"{value:.9g}" for value in self.coefficients] if self.exact is None else list(map(str, self.exact))
        shown = [(k, text) for k, text in enumerate(numbers) if self.coefficients[k]]
        left_out = len(shown) > SHOWN or self.remainder > len(self) * EPSILON * self.trace
        return " + ".join([_term(k, text) for k, text in shown[:SHOWN]] or ["0"]) + (" + ..." if left_out else "")


def _term(k: int, text: str) -> str:
    if k == 0:
        return text
    factor = text if text.replace(".", "").isdigit() else f"({text})"
    return ("" if text == "1" else f"{factor}*") + ("rho" if k == 1 else f"rho^{k}")


def power_series(
    network: Network, *, degree: int, get: str = "ntk", mean_square: float = 1.0, exact: bool | None = None
) -> PowerSeries:
    r"""The coefficients c_k, k <= degree, of K(rho) = sum c_k rho^k on the sphere |x|^2 = d mean_square.

        S <- w^2 S + b^2,   T <- S + w^2 T;      S <- K_q(S),   T <- T K_q'(S)

    with K_q(c) = sum a_k(q)^2 (c/q)^k. Exactly, K_q is expanded at S(0) and composed; W_std, b_std and
    mean_square stand for their shortest decimals. In float64 all terms are non-negative, so that nothing cancels.

    Parameters
    ----------
    network : Network
        Any that ``serial`` makes.
    degree : int
        The largest k, up to 2999.
    get : "nngp" or "ntk"
        Which kernel.
    mean_square : float
        |x|^2/d.
    exact : bool, optional
        True for exact numbers or nothing, False for floats; by default exact numbers where that is quick: closed duals,
        few terms, coefficients that stay short.

    Raises
    ------
    InvalidInput
        For wrong arguments, or a variance that vanishes or explodes.
    NoSuchDual
        Where the kernel does not exist.
    NoClosedForm
        For exact=True, where a dual has no closed form or no Taylor series of elementary numbers, or its numbers grow
        beyond use.

    References
    ----------
    Daniely, Frostig and Singer, NeurIPS 2016, section 4; Murray, Jin, Bowman and Montufar, ICLR 2023.
    """
    kernel = zonal_kernel(network, get, mean_square)
    terms = check_whole("degree", degree, 0, MOST_TERMS - 1) + 1
    if exact not in (None, True, False):
        raise InvalidInput(
            f"exact must be True, False or None, not {exact!r}; leave it out for what is quick", exact=exact
        )
    total = kernel.trace
    if exact or (exact is None and _is_quick(network, terms)):
        try:
            numbers = exact_coefficients(kernel, terms)
        except NoClosedForm:
            if exact:
                raise
        else:
            floats = np.array([float(sp.N(number, ROUNDED_DIGITS)) for number in numbers])
            return PowerSeries(kernel, floats, EPSILON * np.abs(floats), tuple(numbers), total)
    found = kernel.series(min(terms + max(SPARE_TERMS, terms // 2), MOST_TERMS))
    return PowerSeries(kernel, found.coefficients[:terms], found.errors[:terms], None, total)


def is_polynomial_network(network: Network) -> bool:
    """Whether all activations are polynomials with rational coefficients."""
    return all(_polynomial(activation) is not None for activation in network.activations)


def _is_quick(network: Network, terms: int) -> bool:
    depth = network.depth
    if is_polynomial_network(network):
        return terms**3 * max(depth, 1) <= MOST_POLYNOMIAL_WORK
    if not all(isinstance(dual_of(activation), ClosedDual) for activation in network.activations):
        return False
    layers = list(flattened(network.layers))
    last = max((place for place, layer in enumerate(layers) if isinstance(layer, Nonlinearity)), default=0)
    biased = any(isinstance(layer, Dense) and layer.bias_variance for layer in layers[:last])
    centred = not biased and all(activation.parity == "odd" for activation in network.activations[:-1])
    return terms**3 * depth <= MOST_WORK and (centred or terms <= MOST_BIASED_TERMS)


@dataclass(frozen=True)
class _ExactRun:
    """S and T as exact series, and S(1)."""

    s: Series
    t: Series
    variance: Any


@dataclass(frozen=True)
class _Exactly:
    """The algebra of exact series: of fractions for polynomials, of sympy numbers for other closed duals."""

    fractions: bool
    with_slope: bool

    def dense(self, state: _ExactRun, layer: Dense) -> _ExactRun:
        weight, bias = (self.number(part) for part in (weight_variance(layer), bias_variance(layer)))
        s = scale(weight, state.s)
        s[0] = s[0] + bias
        return _ExactRun(s, add(s, scale(weight, state.t)), weight * state.variance + bias)

    def nonlinear(self, state: _ExactRun, layer: Nonlinearity) -> _ExactRun:
        count, dual = len(state.s), _polynomial_dual if self.fractions else _closed_dual
        value, variance = dual(layer.activation, state.variance, state.s[0], count)
        moved = [0 * state.variance, *state.s[1:]]
        s = compose(value[:count], moved)
        if not self.with_slope:
            return _ExactRun(s, state.t, variance)
        slope = compose([(k + 1) * entry for k, entry in enumerate(value[1:])], moved)
        return _ExactRun(s, multiply(state.t, slope), variance)

    def add(self, state: _ExactRun, branch: _ExactRun) -> _ExactRun:
        return _ExactRun(add(state.s, branch.s), add(state.t, branch.t), state.variance + branch.variance)

    def number(self, fraction: Fraction) -> Any:
        return fraction if self.fractions else sp.Rational(fraction.numerator, fraction.denominator)


def exact_coefficients(kernel: ZonalKernel, terms: int) -> list[sp.Expr]:
    """c_k, k < terms, as sympy numbers; `power_series` says what is raised."""
    algebra, count = _Exactly(is_polynomial_network(kernel.network), kernel.get == "ntk"), max(terms, 2)
    variance = algebra.number(exact_value(kernel.mean_square))
    zero = 0 * variance
    start = _ExactRun([zero, variance, *[zero] * (count - 2)], [zero] * count, variance)
    end = walk(kernel.network.layers, start, algebra)
    return [sp.sympify(entry) for entry in (end.s if kernel.get == "nngp" else end.t)[:terms]]


def _closed_dual(activation: Activation, variance: Any, at: Any, count: int) -> tuple[Series, Any]:
    """Taylor coefficients of K_q at a covariance, and V(q)."""
    dual = dual_of(activation)
    if not isinstance(dual, ClosedDual):
        raise NoClosedForm(
            f"{activation.name} has no closed dual, so its coefficients are floats; take exact=False",
            name=activation.name,
        )
    known = activation.values
    formula = dual.value.xreplace(known).subs({q1: variance, q2: variance})
    total = sp.expand(dual.diagonal.xreplace(known).subs(q, variance))
    return taylor(formula, c, at, count + 1), total


@lru_cache(maxsize=256)
def _polynomial(activation: Activation) -> list[Fraction] | None:
    """The coefficients of a polynomial with rational ones; None for other functions."""
    if parts_of(activation).is_polynomial is not True:
        return None
    expression = activation.pieces.expressions[0].xreplace(activation.values)
    if not expression.is_polynomial(x):
        return None
    coefficients = sp.Poly(expression, x).all_coeffs()[::-1]
    if not all(entry.is_Rational for entry in coefficients):
        return None
    return [Fraction(int(entry.p), int(entry.q)) for entry in coefficients]


def _polynomial_dual(activation: Activation, variance: Any, at: Any, count: int) -> tuple[Series, Any]:
    """The same from a_k(q)^2/q^k = (1/k!) (sum_j p_(k+2j) q^j (k+2j)!/(2^j j!))^2, exactly."""
    p = _polynomial(activation)
    assert p is not None
    squares = []
    for k in range(len(p)):
        terms = (
            p[k + 2 * j] * variance**j * Fraction(math.factorial(k + 2 * j), 2**j * math.factorial(j))
            for j in range((len(p) - 1 - k) // 2 + 1)
        )
        squares.append(sum(terms, Fraction(0)) ** 2 / math.factorial(k))
    total = sum((entry * variance**k for k, entry in enumerate(squares)), Fraction(0))
    moved = []
    for n in range(min(len(p), count + 1)):
        moved.append(sum((squares[k] * math.comb(k, n) * at ** (k - n) for k in range(n, len(p))), Fraction(0)))
    return moved, total
