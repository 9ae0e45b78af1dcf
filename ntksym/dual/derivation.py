"""Deriving a dual: from an activation to its closed form, or else to its series."""

from collections.abc import Callable
from functools import lru_cache

import sympy as sp

from ntksym.activation.activation import Activation, as_activation
from ntksym.activation.integrability import require_value
from ntksym.dual import ClosedDual, Dual, SeriesDual, closed_dual, series_dual
from ntksym.dual.cross_series import CrossSeries, cross_series
from ntksym.dual.protocol import require_dual
from ntksym.errors import InvalidInput, NoClosedForm, NoSuchDual

__all__ = ["METHODS", "compilable_dual", "cross_dual", "derive", "dual_of"]

METHODS = ("auto", "closed", "series")


def derive(
    activation: Activation | str | sp.Expr, method: str = "auto", *, certify: bool = False
) -> ClosedDual | SeriesDual:
    r"""K(q1, q2, c) = E[s(U)s(V)] and dK/dc = E[s'(U)s'(V)], (U, V) ~ N(0, [[q1, c], [c, q2]]).

    Parameters
    ----------
    activation : Activation, str or sympy expression
        s; text and expressions are made an `Activation`.
    method : {"auto", "closed", "series"}
        A closed form where s has one and a Hermite series elsewhere; a closed form or nothing; a series in any case.
    certify : bool
        Prove the error bounds of a series by ball arithmetic (needs the extra ``certify``: python-flint). Closed forms
        are exact and stay as they are.

    Returns
    -------
    ClosedDual or SeriesDual
        ``dual.kind`` tells which: "closed", "integral" (closed up to one integral over a finite interval) or "series".
        All evaluate, bound their error, explain themselves and build kernels.

    Raises
    ------
    InvalidInput
        For another method.
    NoClosedForm
        For method="closed", naming the part of s that lies outside the class of closed forms.
    NoSuchDual
        Where E[s(U)^2] diverges at every variance.

    References
    ----------
    Price, "A useful theorem for nonlinear devices having Gaussian inputs", IRE Trans. Inf. Theory 4 (1958), eq. (5);
    Mehler, J. reine angew. Math. 66 (1866), p. 174.
    """
    if method not in METHODS:
        raise InvalidInput(f"unknown method {method!r}: choose one of {', '.join(METHODS)}", method=method)
    act = as_activation(activation)
    require_value(act)
    if method != "series":
        try:
            return _derive(act, act, (act.name, act.name))
        except NoClosedForm as refusal:
            if method == "closed":
                raise NoClosedForm(f'{refusal}; leave method at "auto" for a series', **refusal.about) from None
    return series_dual(act, certify)


@lru_cache(maxsize=512)
def dual_of(activation: Activation) -> ClosedDual | SeriesDual:
    """The dual of an activation, derived once: for formulas, and for numbers by its ``evaluate``."""
    return derive(activation)


def compilable_dual(activation: Activation, make: Callable[[Activation], Dual] = derive) -> Dual:
    """The dual that compiled code is made of: the series where the formulas lose their digits at every variance.

    Parameters
    ----------
    activation : Activation
        s.
    make : callable
        Activation -> Dual.

    Raises
    ------
    InvalidInput
        If what ``make`` returns is no dual of the activation.
    """
    dual = make(activation)
    if not isinstance(dual, ClosedDual | SeriesDual) or dual.activation != activation:
        require_dual(dual, activation)
    return series_dual(activation) if dual.accurate_range.is_empty else dual


def cross_dual(
    f: Activation | str | sp.Expr, g: Activation | str | sp.Expr, method: str = "auto"
) -> ClosedDual | CrossSeries:
    r"""E[f(U) g(V)] and its derivative in c, E[f'(U) g'(V)].

    Parameters
    ----------
    f, g : Activation, str or sympy expression
        The two activations; a parameter name they share must have one value.
    method : {"auto", "closed", "series"}
        A closed form where there is one and a Hermite series elsewhere; a closed form or nothing; a series in any case.

    Returns
    -------
    ClosedDual or CrossSeries
        ``dual.kind`` tells which.

    Raises
    ------
    InvalidInput
        If f and g give one parameter two values, or for another method.
    NoClosedForm
        For method="closed", naming the part that lies outside the class.
    NoSuchDual
        For a series, where E[f(U)^2] or E[g(V)^2] diverges at every variance.
    """
    if method not in METHODS:
        raise InvalidInput(f"unknown method {method!r}: choose one of {', '.join(METHODS)}", method=method)
    first, second = as_activation(f), as_activation(g)
    for name, value in first.parameters:
        if dict(second.parameters).get(name, value) != value:
            raise InvalidInput(
                f"{first} and {second} give the parameter {name} two values; rename it in one of the formulas",
                name=name,
            )
    if method != "series":
        try:
            return _derive(first, second, (first.name, second.name))
        except NoClosedForm as refusal:
            if method == "closed":
                raise NoClosedForm(f'{refusal}; leave method at "auto" for a series', **refusal.about) from None
    return cross_series(first, second)


@lru_cache(maxsize=512)
def _derive(activation: Activation, partner: Activation, names: tuple[str, str]) -> ClosedDual:
    # Activations are equal whatever they are called; the names keep a dual from answering under another's.
    dual = closed_dual(activation, partner)
    for condition in dual.pair_domain:
        if condition.is_nonpositive:
            raise NoSuchDual(
                f"E[s(U)^2] diverges for {activation} at every variance: no network with it has a kernel",
                activation=activation,
            )
    return dual
