"""Price descent: where E[f(U)g(V)] has too many events but E[f'(U)g'(V)] is closed, one integral is left.

    K(q1, q2, c) = E[f(U)] E[g(V)] + int_0^c E[f'(U)g'(V)] du,

by Price's theorem. With u = sqrt(q1 q2) sin(phi) the integrand is smooth up to |rho| = 1, and Gauss-Legendre nodes in
phi evaluate it in floating point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import sympy as sp

from ntksym.kept import kept
from ntksym.numerics.legendre import legendre
from ntksym.symbolic.formulae import VIEWS, Formulae, mean_of
from ntksym.symbolic.numeric_form import NumericForm, numeric
from ntksym.symbolic.presentation import present
from ntksym.symbols import c, det, q, q1, q2, sigma1, sigma2

__all__ = ["DescendedFormulae", "integral_by_nodes", "integral_over_covariance"]

NODES = 40

HALFWAY = sp.Symbol("u", real=True)
"""The covariance that is integrated over."""


@dataclass(frozen=True)
class DescendedFormulae(Formulae):
    """A dual as the product of the means plus the integral of its slope over the covariance."""

    is_closed: ClassVar[bool] = False

    def check(self) -> None:
        """Raise `NoClosedForm` unless means and slope are closed."""
        _ = self._means, self.slope.terms, self.slope.square

    @kept
    def _means(self) -> tuple[sp.Expr, sp.Expr]:
        first, second = (present(mean_of(form), None) for form in (self.f, self.g))
        return first, second

    def expression(self, view: str = "q") -> sp.Expr:
        """Means and integral in one of `VIEWS`."""
        integrated = VIEWS[view][-1]
        variances = {"q": (q1, q2), "angle": (sigma1**2, sigma2**2), "sphere": (sp.S.One, sp.S.One)}[view]
        # du = sigma1 sigma2 d(rho)
        scale = {"q": sp.S.One, "angle": sigma1 * sigma2, "sphere": sp.S.One}[view]
        slope = self.slope.plain(view).xreplace({integrated: HALFWAY})
        means = [mean.xreplace({q: variance}) for mean, variance in zip(self._means, variances, strict=True)]
        return means[0] * means[1] + sp.Integral(scale * slope, (HALFWAY, 0, integrated))

    plain = expression

    @kept
    def diagonal(self) -> sp.Expr:
        """At c = q1 = q2 = q."""
        slope = self.slope.expression().xreplace({c: HALFWAY}).xreplace({q1: q, q2: q})
        return self._means[0] * self._means[1] + sp.Integral(slope, (HALFWAY, 0, q))

    @kept
    def numeric(self) -> NumericForm:
        """Gauss-Legendre in the angle phi, `NODES` nodes."""
        slope = numeric(self.slope.terms)
        first, second = (numeric(mean_of(form)) for form in (self.f, self.g))
        angle = sp.atan2(c, sp.sqrt(det), evaluate=False)
        value = first.xreplace({q: q1}) * second.xreplace({q: q2}) + _integral(slope, angle)
        diagonal = first * second + _integral(slope, sp.pi / 2).xreplace({q1: q, q2: q})
        on_diagonal = numeric(self.slope.square) if self.is_continuous else None
        return NumericForm(value, slope, diagonal, on_diagonal)

    @kept
    def domain(self) -> tuple[sp.Expr, ...]:
        """That of the slope: exponentials grow alike in s and s'."""
        return self.slope.domain

    @kept
    def pair_domain(self) -> tuple[sp.Expr, ...]:
        """That of the slope."""
        return self.slope.pair_domain


def integral_over_covariance(expression: sp.Expr) -> sp.Expr:
    """Its integral over the covariance from 0 to c."""
    return sp.Integral(expression.xreplace({c: HALFWAY}), (HALFWAY, 0, c))


def integral_by_nodes(expression: sp.Expr) -> sp.Expr:
    """The same for floating point, of an expression that `numeric` wrote."""
    return _integral(expression, sp.atan2(c, sp.sqrt(det), evaluate=False))


def _integral(slope: sp.Expr, angle: sp.Expr) -> sp.Expr:
    product = sp.sqrt(q1) * sp.sqrt(q2)
    nodes, weights = legendre(NODES)
    total: sp.Expr = sp.S.Zero
    for node, weight in zip(nodes, weights, strict=True):
        phi = angle * sp.Float((1 + node) / 2, 17)
        at_node = slope.xreplace({c: product * sp.sin(phi), det: q1 * q2 * sp.cos(phi) ** 2})
        total += sp.Float(weight / 2, 17) * product * sp.cos(phi) * at_node
    return angle * total
