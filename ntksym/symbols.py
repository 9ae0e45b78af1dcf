"""The symbols every derivation shares, with their assumptions, and the digest of an expression."""

import hashlib
from collections.abc import Mapping

import sympy as sp

__all__ = ["c", "det", "digest", "parameter", "q", "q1", "q2", "rho", "sigma1", "sigma2", "stand_ins", "theta", "x"]

x = sp.Symbol("x", real=True)
"""The argument of an activation."""

q = sp.Symbol("q", positive=True)
q1 = sp.Symbol("q1", positive=True)
q2 = sp.Symbol("q2", positive=True)
"""Variances of the two pre-activations U and V."""

c = sp.Symbol("c", real=True)
"""Their covariance."""

det = sp.Symbol("Delta", nonnegative=True)
"""q1*q2 - c**2, the determinant of the covariance, carried separately because it cancels near |rho| = 1."""

sigma1 = sp.Symbol("sigma1", positive=True)
sigma2 = sp.Symbol("sigma2", positive=True)
"""Standard deviations sqrt(q1), sqrt(q2)."""

rho = sp.Symbol("rho", real=True)
"""Correlation c/sqrt(q1*q2)."""

theta = sp.Symbol("theta", real=True)
"""Angle arccos(rho), in [0, pi]."""


def parameter(name: str, value: sp.Rational) -> sp.Symbol:
    """A symbol for a declared parameter; its sign assumption is that of its value."""
    if value.is_positive:
        return sp.Symbol(name, positive=True)
    if value.is_negative:
        return sp.Symbol(name, negative=True)
    return sp.Symbol(name, real=True)


def stand_ins(values: Mapping[str, sp.Expr]) -> tuple[dict[str, sp.Expr], dict[sp.Symbol, sp.Rational]]:
    """What stands for declared parameters in expressions, by name, and the values of the symbols among that.

    A rational parameter has its symbol; an irrational one its value, a number that the engine knows exactly.
    """
    rational = {name: value for name, value in values.items() if isinstance(value, sp.Rational)}
    symbols = {parameter(name, value): value for name, value in rational.items()}
    return {**values, **{symbol.name: symbol for symbol in symbols}}, symbols


def digest(*objects: object) -> str:
    """Sixteen hex digits that name the objects, the same in every process and on every machine."""
    text = "\n".join(sp.srepr(item) if isinstance(item, sp.Basic) else str(item) for item in objects)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
