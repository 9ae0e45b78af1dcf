"""All formulas of one dual: the same engine run in several variables, each once and only when asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import sympy as sp

from ntksym.errors import NoClosedForm
from ntksym.kept import kept
from ntksym.symbolic.field import Field, Scalar
from ntksym.symbolic.fourier import Quotient
from ntksym.symbolic.gaussian import Covariance, Trace, expectation
from ntksym.symbolic.integrands import Integrand
from ntksym.symbolic.normal_form import NormalForm
from ntksym.symbolic.numeric_form import NumericForm, numeric
from ntksym.symbolic.presentation import present
from ntksym.symbolic.terms import Terms
from ntksym.symbols import c, q, q1, q2, rho, sigma1, sigma2, theta

__all__ = ["VIEWS", "Formulae", "mean_of", "mean_over"]

VIEWS: dict[str, tuple[sp.Symbol, ...]] = {"q": (q1, q2, c), "angle": (sigma1, sigma2, rho), "sphere": (rho,)}
"""What a dual can be written in: variances and covariance; standard deviations and angle; the angle at q1 = q2 = 1."""


def covariance_in(view: str, field: Field) -> Covariance:
    """The covariance matrix of (U, V) in the variables of a view."""
    if view == "q":
        return Covariance(field.generator(q1), field.generator(c), field.generator(q2))
    correlation = field.generator(rho)
    if view == "sphere":
        return Covariance(field.one, correlation, field.one)
    first, second = field.generator(sigma1), field.generator(sigma2)
    return Covariance(first * first, first * second * correlation, second * second)


def _expectation(f: Integrand, g: Integrand, covariance: Covariance, trace: Trace | None = None) -> Terms:
    if isinstance(f, Quotient) and isinstance(g, Quotient):
        return f.expectation(g, covariance, trace)
    if isinstance(f, NormalForm) and isinstance(g, NormalForm):
        return expectation(f, g, covariance, trace)
    raise NoClosedForm(
        "a quotient such as sinc beside a function of another kind has no closed form in this class", parts=(f, g)
    )


@dataclass(frozen=True)
class Formulae:
    """E[f(U) g(V)], its derivative in c and, for f = g, its diagonal, in every view."""

    f: Integrand
    g: Integrand

    is_closed: ClassVar[bool] = True
    """Whether no integral is left in the value."""

    @property
    def is_continuous(self) -> bool:
        return self.f.is_continuous and self.g.is_continuous

    @property
    def is_stable(self) -> bool:
        """Whether `numeric` keeps its digits near |rho| = 1 and at small variances; the Fourier rule divides by det."""
        return not isinstance(self.f, Quotient)

    @kept
    def slope(self) -> Formulae:
        """E[f'(U) g'(V)], distributional derivatives (Price's theorem)."""
        return Formulae(self.f.derivative(), self.g.derivative())

    @kept
    def terms(self) -> Terms:
        """In (q1, q2, c)."""
        return self.terms_in("q")

    def terms_in(self, view: str = "q", trace: Trace | None = None, constants: tuple[sp.Expr, ...] = ()) -> Terms:
        """In the variables of a view, over a field that has some more constants."""
        field = self.f.field.extended((*VIEWS[view], *constants))
        return _expectation(self.f.into(field), self.g.into(field), covariance_in(view, field), trace)

    def expression(self, view: str = "q") -> sp.Expr:
        """The formula in one of `VIEWS`."""
        formula = self.plain(view)
        return _by_angle(formula) if view == "angle" else formula

    def plain(self, view: str) -> sp.Expr:
        """The formula in one of `VIEWS`, in rho where `expression` may prefer theta."""
        return present(self.terms if view == "q" else self.terms_in(view), VIEWS[view][-1])

    def check(self) -> None:
        """Raise `NoClosedForm` here rather than when a formula is first used."""
        _ = self.terms, self.slope.terms, self.square

    @kept
    def square(self) -> Terms:
        """E[f(U) g(U)] at variance q."""
        return mean_of(self.f * self.g)  # type: ignore[operator]

    @kept
    def diagonal(self) -> sp.Expr:
        return present(self.square, None)

    @kept
    def numeric(self) -> NumericForm:
        """Value and slope for floating point."""
        slope_on_diagonal = numeric(self.slope.square) if self.is_continuous else None
        return NumericForm(numeric(self.terms), numeric(self.slope.terms), numeric(self.square), slope_on_diagonal)

    @kept
    def domain(self) -> tuple[sp.Expr, ...]:
        """Expressions in q that must be positive for E[f(U)^2] to exist; a Gaussian that grows sets them."""
        return tuple(self._condition(condition) for condition in self.square.conditions if not _is_one(condition))

    @kept
    def pair_domain(self) -> tuple[sp.Expr, ...]:
        """Expressions in q1, q2, c that must be positive for E[f(U) g(V)] to exist."""
        return tuple(self._condition(condition) for condition in self.terms.conditions)

    @staticmethod
    def _condition(condition: Scalar) -> sp.Expr:
        return sp.Add(*sp.Add.make_args(condition.expression().expand()))


def _is_one(scalar: Scalar) -> bool:
    return scalar == scalar.field.one


def _by_angle(formula: sp.Expr) -> sp.Expr:
    """A formula in rho alone besides a monomial in the standard deviations reads better in theta = arccos(rho)."""
    by_angle = formula.subs({sp.asin(rho): sp.pi / 2 - theta, sp.sqrt(1 - rho**2): sp.sin(theta)})
    by_angle = by_angle.xreplace({rho: sp.cos(theta)})
    if by_angle == formula or any(f.has(sigma1, sigma2) for f in formula.atoms(sp.Function, sp.exp)):
        return formula
    if any(p.has(rho) for p in formula.atoms(sp.Pow) if not p.exp.is_Integer and p.base != 1 - rho**2):
        return formula
    return sp.factor_terms(by_angle)


def mean_of(integrand: Integrand, constants: tuple[sp.Expr, ...] = ()) -> Terms:
    """E[f(U)] at variance q, over a field that has some more constants."""
    return mean_over(integrand.field.extended((q, *constants)), integrand)


def mean_over(field: Field, integrand: Integrand) -> Terms:
    """E[f(U)] at variance q, which is a generator of the field."""
    moved, variance = integrand.into(field), field.generator(q)
    if isinstance(moved, Quotient):
        return moved.mean(variance)
    one = NormalForm.monomial(field, field.one)
    return expectation(moved, one, Covariance(variance, field.zero, field.zero))
