"""Stand-ins for derived duals: hand-written formulas with the attributes that lowering and kernels ask for."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import sympy as sp
from scipy.special import erf

from ntksym.activation import Activation
from ntksym.series.expansion import STEP, Expansion
from ntksym.symbolic.numeric_form import NumericForm
from tests.lowering.forms import FORMS

TEXTS = {
    "relu": "max(x, 0)",
    "erf": "erf(x)",
    "sin": "sin(x)",
    "gelu": "x*(1 + erf(x/sqrt(2)))/2",
    "shifted_relu": "max(x - a, 0)",
    "sign": "sign(x)",
}


@dataclass(frozen=True)
class HandDual:
    activation: Activation
    numeric: NumericForm
    domain: tuple[sp.Expr, ...] = ()

    kind = "closed"

    @property
    def continuous(self) -> bool:
        return self.numeric.diagonal_slope is not None


def activation(name: str, a: float = 0.3) -> Activation:
    return Activation(TEXTS[name], name=name, **({"a": a} if name == "shifted_relu" else {}))


def hand_derived(act: Activation) -> HandDual:
    """What `derive` would give for one of these activations."""
    return HandDual(act, FORMS[act.name])


Function = Callable[[np.ndarray], np.ndarray]

SMOOTH: dict[str, tuple[Function, Function, int, int]] = {
    "erf": (erf, lambda x: 2 / np.sqrt(np.pi) * np.exp(-x * x), 1, 2),
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2, 1, 2),
    "cosine": (np.cos, lambda x: -np.sin(x), 0, 2),
    "sigmoid": (lambda x: 0.5 + 0.5 * np.tanh(x / 2), lambda x: 0.25 / np.cosh(x / 2) ** 2, 0, 1),
}
"""s, s', offset and stride."""


@cache
def hermite_functions(terms: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes z, weights of the normal density and h_k(z), k < terms, for integrands smooth on the scale 1/2."""
    x, w = np.polynomial.legendre.leggauss(20)
    edges = np.linspace(-13, 13, 53)
    half, middle = np.diff(edges) / 2, (edges[1:] + edges[:-1]) / 2
    z = (middle[:, None] + half[:, None] * x).ravel()
    weights = (half[:, None] * w).ravel() * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    h = np.zeros((terms, len(z)))
    h[0] = 1
    h[1] = z
    for k in range(1, terms - 1):
        h[k + 1] = (z * h[k] - np.sqrt(k) * h[k - 1]) / np.sqrt(k + 1)
    return z, weights, h


@dataclass(frozen=True)
class SeriesDual:
    """A Hermite series of at most ``most`` terms, by quadrature at every variance; pairs by quadrature in the plane."""

    activation: Activation
    most: int = 64

    kind = "series"
    continuous = True
    stable = True
    numeric = None
    domain: tuple[sp.Expr, ...] = ()

    def expand(self, q: np.ndarray, tolerance: float) -> Expansion:
        function, derivative, offset, stride = SMOOTH[self.activation.name]
        k = offset + stride * np.arange(2 * self.most)
        z, weights, h = hermite_functions(int(k[-1]) + 1)
        values = function(np.sqrt(q)[:, None] * z)
        a = values @ (weights * h[k]).T
        value = values**2 @ weights
        slope = derivative(np.sqrt(q)[:, None] * z) ** 2 @ weights
        limits = np.ones((len(q), self.most // STEP))
        for weight, total in ((np.ones(len(k)), value), (k, q * slope)):
            tails = np.cumsum((weight * a * a)[:, ::-1], axis=1)[:, ::-1][:, STEP : self.most + 1 : STEP]
            powers = k[STEP : self.most + 1 : STEP] - (1 if weight is k else 0)
            with np.errstate(divide="ignore"):
                limits = np.minimum(limits, (tolerance * total[:, None] / tails) ** (1 / powers))
        limits = np.maximum.accumulate(limits, axis=1)
        return Expansion(a[:, : self.most], offset, stride, value, slope, limits)

    def evaluate(self, q1: Any, q2: Any, c: Any) -> tuple[np.ndarray, np.ndarray]:
        """V = c/q1 U + sqrt(q2 - c^2/q1) W with independent standard normal variables behind U and W."""
        function, derivative, *_ = SMOOTH[self.activation.name]
        z, weights, _ = hermite_functions(2)
        plane = np.outer(weights, weights)
        answers = []
        for first, second, cov in np.nditer([q1, q2, c]):
            u = np.sqrt(first) * z[:, None]
            v = cov / first * u + np.sqrt(max(second - cov**2 / first, 0)) * z
            answers.append([(plane * (f(u) * f(v))).sum() for f in (function, derivative)])
        value, slope = np.array(answers).T.reshape(2, *np.shape(c))
        return value, slope


def expanded(most: int = 64) -> Callable[[Activation], SeriesDual]:
    """A `derive` that makes series."""
    return lambda act: SeriesDual(act, most)
