"""Cross duals by Hermite series: any two activations with E[f(U)^2] and E[g(U)^2] finite, with a bound of the error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from ntksym import typeset
from ntksym.activation.activation import Activation
from ntksym.activation.integrability import require_value, value_integrability
from ntksym.dual.closed import why_not_closed
from ntksym.dual.covariance import ValueAndSlope, check_covariance, gap_of
from ntksym.dual.plane_integral import integrate_pair
from ntksym.dual.summed import SummedDual
from ntksym.errors import NoSuchDual
from ntksym.hermite.cross_values import cross_accuracy, evaluate_cross_pairs
from ntksym.hermite.derivation_steps import cross_series_slope, cross_series_value
from ntksym.hermite.pair_values import table_of
from ntksym.hermite.truncation import Accuracy
from ntksym.kept import kept
from ntksym.numerics.arrays import Array

__all__ = ["CrossSeries", "cross_series"]


DIGITS = 17
"""Decimal digits of a float64."""


@dataclass(frozen=True)
class CrossSeries(SummedDual):
    r"""E[f(U)g(V)] = sum_k a_k(q1) b_k(q2) rho^k and its derivative in c, (U, V) ~ N(0, [[q1, c], [c, q2]]).

    ``a_k(q) = E[f(sqrt(q) Z) h_k(Z)]``, ``b_k`` the same of g, with normalised Hermite polynomials h_k. By Parseval and
    Cauchy-Schwarz the terms that are left out add at most sqrt(tail_f(q1) tail_g(q2)); where that is too much, for
    correlations near +-1, the expectation is integrated instead.

    Attributes
    ----------
    activation : Activation
        f; the parent of this stage.
    partner : Activation
        g.
    """

    activation: Activation
    partner: Activation

    @kept
    def continuous(self) -> bool:
        """Whether neither f nor g has a jump or an infinite slope."""
        return all(self._smooth)

    @property
    def value(self) -> sp.Expr:
        """The series as a formula, its coefficients as functions a(k, q) and b(k, q)."""
        return cross_series_value()

    @property
    def slope(self) -> sp.Expr:
        """Its derivative in c."""
        return cross_series_slope()

    @kept
    def reason(self) -> str | None:
        """Why there is no closed form; None where there is one, and the series was asked for."""
        return why_not_closed(self.activation, self.partner)

    def explain(self, fmt: str = "text") -> str:
        """How the dual is computed, and how well, as text for people.

        Parameters
        ----------
        fmt : {"text", "markdown", "latex"}
        """
        return typeset.explain_cross_series(self, fmt)

    @kept
    def _smooth(self) -> tuple[bool, bool]:
        first, second = (table_of(side).profile.continuous for side in (self.activation, self.partner))
        return first, second

    def _in_float64(self, first: Array, second: Array, cov: Array, known: Array | None) -> tuple[Array, Array]:
        self._check_existence(first, second)
        gap = gap_of(first, second, cov) if known is None else known
        rho = np.copysign(1 - gap, cov)
        value, slope, integrated = evaluate_cross_pairs(self.activation, self.partner, first, second, gap, rho)
        if not self.continuous:
            for i in np.flatnonzero(integrated):
                place = first[i], second[i], cov[i]
                slope[i] = float(self._precise(*place, dps=DIGITS).slope)
        return value, slope

    def _precise(self, first: Any, second: Any, cov: Any, dps: int) -> ValueAndSlope[Any]:
        left, right, between = (np.asarray(float(a)) for a in (first, second, cov))
        check_covariance(left, right, between)
        self._check_existence(left, right)
        if any(self._smooth) and not self.continuous:  # the limit at |rho| = 1 is finite, and there are no masses at it
            with mpmath.workdps(20 * dps):
                bound = mpmath.sqrt(mpmath.mpmathify(first) * second) * (1 - mpmath.mpf(10) ** (-2 * dps - 5))
                cov = max(-bound, min(bound, mpmath.mpmathify(cov)))
        pair = self.activation, self.partner
        return integrate_pair(pair, first, second, cov, dps, continuous=self.continuous)

    def _accuracies(self, first: Array, second: Array) -> tuple[Accuracy, Accuracy]:
        self._check_existence(first, second)
        return cross_accuracy(self.activation, self.partner, first, second)

    def _check_existence(self, first: Array, second: Array) -> None:
        for side, variances in ((self.activation, first), (self.partner, second)):
            bound = value_integrability(side).bound
            if bound is not None and bound.is_finite and not np.all(variances < float(bound)):
                raise NoSuchDual(
                    f"E[s(U)^2] does not exist for s = {side.name}: it needs variances below {bound}; "
                    "use smaller W_std, b_std or inputs",
                    bound=bound,
                )


def cross_series(f: Activation, g: Activation) -> CrossSeries:
    """The cross dual of two activations as a series.

    Raises
    ------
    NoSuchDual
        If E[f(U)^2] or E[g(V)^2] diverges at every variance.
    """
    require_value(f)
    require_value(g)
    return CrossSeries(f, g)
