r"""The partial derivatives of a dual and of its slope as formulas, off the diagonal and on it.

With K = E[f(U) g(V)] and D = dK/dc = E[f'(U) g'(V)], everything off ``|rho| = 1`` is a derivative of collected terms.
In the limit c = q1 = q2 = q,

    dK/dq1 -> (E[U f'(U) g(U)] - q E[f'(U) g'(U)])/(2 q),        dD/dc -> E[f''(U) g''(U)],

and dD/dq1 the same with f', g' for f, g; those in parameters become derivatives of E[f(U) g(U)] and E[f'(U) g'(U)].
Near rho = 1 a function with a first break in its derivative of order r adds (1 - rho)^(r + 1/2) to K: a jump makes
dK/dc infinite, a kink dD/dc, and since rho = c/sqrt(q1 q2), the derivatives in q1 and q2 have the other sign.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Generic, TypeAlias, TypeVar

import sympy as sp

from ntksym.errors import NoClosedForm
from ntksym.kept import kept
from ntksym.symbolic.descent import DescendedFormulae, integral_by_nodes, integral_over_covariance
from ntksym.symbolic.differentiation import derivative
from ntksym.symbolic.factors import NewGenerator, Root
from ntksym.symbolic.formulae import Formulae, mean_of, mean_over
from ntksym.symbolic.fourier import Quotient
from ntksym.symbolic.integrands import Integrand
from ntksym.symbolic.normal_form import NormalForm
from ntksym.symbolic.numeric_form import numeric, numeric_near_edge
from ntksym.symbolic.presentation import present
from ntksym.symbolic.terms import Terms
from ntksym.symbols import c, q, q1, q2

__all__ = ["Gradient", "GradientFormulae"]

T = TypeVar("T")

Formula: TypeAlias = sp.Expr | None


@dataclass(frozen=True)
class Gradient(Generic[T]):
    """The partial derivatives of K(q1, q2, c) and of its slope D = dK/dc: formulas, arrays or numbers.

    Attributes
    ----------
    value_q1, value_q2, value_c : T
        dK/dq1, dK/dq2 and dK/dc = D.
    slope_q1, slope_q2, slope_c : T
        dD/dq1, dD/dq2 and dD/dc = d^2 K/dc^2, the curvature.
    value_parameters, slope_parameters : mapping of str to T
        dK/da and dD/da by the name of the parameter a.
    """

    value_q1: T
    value_q2: T
    value_c: T
    slope_q1: T
    slope_q2: T
    slope_c: T
    value_parameters: Mapping[str, T]
    slope_parameters: Mapping[str, T]

    @classmethod
    def of(cls, values: Mapping[str, T], slopes: Mapping[str, T]) -> Gradient[T]:
        """From the derivatives of value and slope by the name of the variable.

        Parameters
        ----------
        values, slopes : mapping of str to T
            In the order q1, q2, c and then the parameters.
        """
        names = tuple(values)[3:]
        first = (side[name] for side in (values, slopes) for name in ("q1", "q2", "c"))
        rest = (MappingProxyType({name: side[name] for name in names}) for side in (values, slopes))
        return cls(*first, *rest)  # type: ignore[arg-type]

    @property
    def entries(self) -> tuple[T, ...]:
        """All of them: those of the value, then those of the slope, each in q1, q2, c and the parameters."""
        value = self.value_q1, self.value_q2, self.value_c, *self.value_parameters.values()
        return *value, self.slope_q1, self.slope_q2, self.slope_c, *self.slope_parameters.values()

    def map(self, function: Callable[[T], Any]) -> Gradient[Any]:
        """The same of every entry."""
        return self.filled(tuple(map(function, self.entries)))

    def filled(self, entries: tuple[Any, ...]) -> Gradient[Any]:
        """Other entries in the order of ``entries``."""
        names = ("q1", "q2", "c", *self.value_parameters)
        half = len(names)
        sides = (dict(zip(names, part, strict=True)) for part in (entries[:half], entries[half:]))
        return Gradient.of(*sides)

    def __reduce__(self) -> tuple[Any, ...]:
        half = 3 + len(self.value_parameters)
        names = ("q1", "q2", "c", *self.value_parameters)
        entries = self.entries
        return Gradient.of, (
            dict(zip(names, entries[:half], strict=True)),
            dict(zip(names, entries[half:], strict=True)),
        )


@dataclass(frozen=True)
class GradientFormulae:
    """The formulas of all partial derivatives of a dual, each made when it is first asked for.

    Attributes
    ----------
    formulae : Formulae
        Of the dual.
    parameters : tuple of Symbol
        The symbols of the activations that have derivatives.
    """

    formulae: Formulae
    parameters: tuple[sp.Symbol, ...]

    @kept
    def formulas(self) -> Gradient[sp.Expr]:
        """In q1, q2, c and the parameters, for ``c**2 < q1*q2``."""
        return self._written(partial(present, mirror=c), integral_over_covariance)

    @kept
    def numeric(self) -> Gradient[sp.Expr]:
        """The same for floating point, in q1, q2, c, det, edge, inward and the parameters."""
        if isinstance(self.formulae, DescendedFormulae):
            return self._written(numeric, integral_by_nodes)
        return self._written(numeric_near_edge, integral_by_nodes)

    @kept
    def diagonal(self) -> Gradient[Formula]:
        """The limits at c = q1 = q2 = q, in q and the parameters; None where there is no formula for them."""
        return self._on_diagonal(partial(present, mirror=None))

    @kept
    def numeric_diagonal(self) -> Gradient[Formula]:
        """The same for floating point."""
        return self._on_diagonal(numeric)

    @kept
    def smoothness(self) -> int:
        """0 where f or g jumps, 1 where f' or g' does, 2 elsewhere."""
        if not self.formulae.is_continuous:
            return 0
        return 2 if self.formulae.slope.is_continuous else 1

    @property
    def _variables(self) -> tuple[sp.Symbol, ...]:
        return q1, q2, c, *self.parameters

    def _written(self, write: Callable[[Terms], sp.Expr], integrate: Callable[[sp.Expr], sp.Expr]) -> Gradient[sp.Expr]:
        formulae = self.formulae
        slopes = {v.name: write(_derivative(formulae.slope.terms_in, v)) for v in self._variables}
        if not isinstance(formulae, DescendedFormulae):
            values = {v.name: write(_derivative(formulae.terms_in, v)) for v in self._variables}
            return Gradient.of(values, slopes)
        values = {v.name: integrate(slopes[v.name]) + self._of_means(write, v) for v in self._variables}
        return Gradient.of(values | {c.name: write(formulae.slope.terms)}, slopes)

    def _of_means(self, write: Callable[[Terms], sp.Expr], variable: sp.Symbol) -> sp.Expr:
        """The derivative of E[f(U)] E[g(V)]."""
        total: sp.Expr = sp.S.Zero
        sides = ((self.formulae.f, q1), (self.formulae.g, q2))
        for (form, own), (other, its_own) in (sides, sides[::-1]):
            inner = q if variable == own else variable
            if variable in (own, *self.parameters):
                change = write(_derivative(partial(_mean, form), inner)).xreplace({q: own})
                total += change * write(mean_of(other)).xreplace({q: its_own})
        return total

    def _on_diagonal(self, write: Callable[[Terms], sp.Expr]) -> Gradient[Formula]:
        value, slope = self.formulae, self.formulae.slope
        own = value.f == value.g
        infinite: dict[str, Formula] = {"q1": -sp.oo, "q2": -sp.oo, "c": sp.oo}
        sides = []
        for order, pair in enumerate((value, slope)):
            limits: dict[str, Formula] = {v.name: infinite.get(v.name) if own else None for v in self._variables}
            if self.smoothness > order:
                limits |= {name: _attempt(write, terms) for name, terms in _regular(pair).items()}
            if self.smoothness >= order:
                of_parameters = {p.name: partial(_derivative, partial(_square, pair), p) for p in self.parameters}
                limits |= {name: _attempt(write, terms) for name, terms in of_parameters.items()}
            sides.append(limits)
        return Gradient.of(*sides)


def _derivative(terms_with: Callable[..., Terms], symbol: sp.Symbol) -> Terms:
    """The derivative of terms that can be had over a field with more constants."""
    constants: tuple[sp.Expr, ...] = ()
    while True:
        try:
            return derivative(terms_with(constants=constants), symbol)
        except NewGenerator as new:
            constants += (new.constant,)


def _mean(integrand: Integrand, constants: tuple[sp.Expr, ...]) -> Terms:
    return mean_of(integrand, constants)


def _square(pair: Formulae, constants: tuple[sp.Expr, ...]) -> Terms:
    """E[f(U) g(U)], which must be made from the factors: a dual by descent has none of its own."""
    return mean_of(pair.f * pair.g, constants)  # type: ignore[operator]


def _regular(pair: Formulae) -> dict[str, Callable[[], Terms]]:
    """The limits in q1, q2 and c of a pair whose derivatives do not jump."""
    steep = pair.slope

    field = pair.f.field.extended((q,))
    half = field.rational(1, 2)

    def in_first(moved: Integrand, still: Integrand) -> Terms:
        shifted = mean_over(field, _times_argument(moved.derivative()) * still)  # type: ignore[operator]
        total = shifted.scaled(half / field.generator(q), Root())
        for key, value in mean_over(field, steep.f * steep.g).items.items():  # type: ignore[operator]
            total.add(-value * half, *key)
        return total

    return {
        "q1": lambda: in_first(pair.f, pair.g),
        "q2": lambda: in_first(pair.g, pair.f),
        "c": lambda: mean_of(steep.f * steep.g),  # type: ignore[operator]
    }


def _times_argument(integrand: Integrand) -> Integrand:
    """X f(x)."""
    x = NormalForm.monomial(integrand.field, integrand.field.one, 1)
    if isinstance(integrand, Quotient):
        return Quotient(integrand.numerator * x, integrand.power)
    return integrand * x


def _attempt(write: Callable[[Terms], sp.Expr], terms: Callable[[], Terms]) -> Formula:
    try:
        return write(terms())
    except NoClosedForm:
        return None
