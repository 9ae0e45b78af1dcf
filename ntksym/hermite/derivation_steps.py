"""The formulas of a Hermite series, and its derivation as steps that a reader can follow."""

from functools import cache

import sympy as sp

from ntksym.activation.traits import Parity
from ntksym.symbolic.steps import Step
from ntksym.symbols import c, q, q1, q2

__all__ = [
    "cross_series_slope",
    "cross_series_value",
    "series_diagonal",
    "series_diagonal_slope",
    "series_slope",
    "series_steps",
    "series_value",
]

_k, _first = sp.Symbol("k", integer=True, nonnegative=True), sp.Symbol("N", integer=True, nonnegative=True)
_z = sp.Symbol("z", real=True)
_a, _b, _h = sp.Function("a"), sp.Function("b"), sp.Function("h")


@cache
def series_value() -> sp.Expr:
    """E[s(U)s(V)]; the coefficients are a function a(k, q)."""
    return sp.Sum(_a(_k, q1) * _a(_k, q2) * (c / sp.sqrt(q1 * q2)) ** _k, (_k, 0, sp.oo))


@cache
def series_slope() -> sp.Expr:
    """E[s'(U)s'(V)], the derivative in c."""
    root = sp.sqrt(q1 * q2)
    return sp.Sum(_k * _a(_k, q1) * _a(_k, q2) * (c / root) ** (_k - 1) / root, (_k, 1, sp.oo))


@cache
def cross_series_value() -> sp.Expr:
    """E[f(U)g(V)]; the coefficients of f and g are functions a(k, q) and b(k, q)."""
    return sp.Sum(_a(_k, q1) * _b(_k, q2) * (c / sp.sqrt(q1 * q2)) ** _k, (_k, 0, sp.oo))


@cache
def cross_series_slope() -> sp.Expr:
    """E[f'(U)g'(V)], the derivative in c."""
    root = sp.sqrt(q1 * q2)
    return sp.Sum(_k * _a(_k, q1) * _b(_k, q2) * (c / root) ** (_k - 1) / root, (_k, 1, sp.oo))


@cache
def series_diagonal() -> sp.Expr:
    """E[s(U)^2]."""
    return _expectation(sp.Function("s")(sp.sqrt(q) * _z) ** 2)


@cache
def series_diagonal_slope() -> sp.Expr:
    """E[s'(U)^2]."""
    return _expectation(sp.Function("s'")(sp.sqrt(q) * _z) ** 2)


def _expectation(integrand: sp.Expr) -> sp.Expr:
    """The integral over a standard normal variable z."""
    density = sp.exp(-(_z**2) / 2) / sp.sqrt(2 * sp.pi)
    return sp.Integral(integrand * density, (_z, -sp.oo, sp.oo))


_LEFT_OUT = "Parseval and Cauchy-Schwarz: the terms from N on add at most"


def series_steps(parity: Parity, continuous: bool) -> tuple[Step, ...]:
    """The derivation of the series of an activation.

    Parameters
    ----------
    parity : {"even", "odd", "neither", "unknown"}
        Of the activation.
    continuous : bool
        Whether it has no jump.
    """
    expectation = sp.Function("K")(q1, q2, c)
    steps = [
        Step(
            "M",
            "the expectation in normalised Hermite polynomials h(k, z), rho = c/sqrt(q1 q2)",
            expectation,
            series_value(),
        ),
        Step("M", "with the coefficients", _a(_k, q), _coefficient()),
    ]
    if parity in ("even", "odd"):
        order = 2 * _k + 1 if parity == "even" else 2 * _k
        steps.append(Step("O", f"every second coefficient vanishes, because s is {parity}", _a(order, q), sp.S.Zero))
    steps.append(Step("P", "the derivative in c", sp.Derivative(expectation, c), series_slope()))
    remainder = sp.Sum(_a(_k, q) ** 2, (_k, _first, sp.oo))
    words = f"{_LEFT_OUT} |rho|^N sqrt(T(N, q1) T(N, q2)) to the value, with"
    steps.append(Step("T", words, sp.Function("T")(_first, q), remainder))
    if continuous:
        remainder = sp.Sum(_k * _a(_k, q) ** 2 / q, (_k, _first, sp.oo))
        words = f"{_LEFT_OUT} |rho|^(N-1) sqrt(R(N, q1) R(N, q2)) to the slope, with"
        steps.append(Step("T", words, sp.Function("R")(_first, q), remainder))
    return tuple(steps)


def _coefficient() -> sp.Expr:
    return _expectation(sp.Function("s")(sp.sqrt(q) * _z) * _h(_k, _z))
