"""Cross duals by Hermite series: any two activations with E[f(U)^2] and E[g(U)^2] finite, with a bound of the error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import mpmath
import numpy as np
import numpy.typing as npt
import sympy as sp

from ntksym import typeset
from ntksym.activation.activation import Activation
from ntksym.activation.integrability import require_value, value_integrability
from ntksym.dual.accurate_range import EVERYWHERE, AccurateRange
from ntksym.dual.closed import closed_dual
from ntksym.dual.covariance import ValueAndSlope, check_covariance, gap_of
from ntksym.dual.plane_integral import integrate_pair
from ntksym.dual.protocol import Kind
from ntksym.errors import NoClosedForm, NoSuchDual
from ntksym.hermite.cross_values import cross_accuracy, evaluate_cross_pairs
from ntksym.hermite.derivation_steps import cross_series_slope, cross_series_value
from ntksym.hermite.pair_values import table_of
from ntksym.hermite.truncation import Accuracy
from ntksym.kept import kept
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import SMALLEST_VARIANCE

__all__ = ["CrossSeries", "cross_series"]


DIGITS = 17
"""Decimal digits of a float64."""


@dataclass(frozen=True)
class CrossSeries:
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

    kind: ClassVar[Kind] = "series"
    accurate_range: ClassVar[AccurateRange] = EVERYWHERE
    numeric: ClassVar[None] = None
    pair_domain: ClassVar[tuple[sp.Expr, ...]] = ()

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
        try:
            closed_dual(self.activation, self.partner)
        except NoClosedForm as refusal:
            return str(refusal)
        return None

    def evaluate(
        self,
        q1: Any,
        q2: Any,
        c: Any,
        *,
        gap: npt.ArrayLike | None = None,
        dps: int | None = None,
    ) -> ValueAndSlope[Any]:
        """Value and slope as numbers.

        Parameters
        ----------
        q1, q2 : array_like, shape (...)
            Variances, not negative.
        c : array_like, shape (...)
            Covariances, c**2 <= q1*q2.
        gap : array_like, shape (...), optional
            1 - ``|rho|``, where it is known better than c can tell; c then only gives the sign. Not with ``dps``.
        dps : int, optional
            Decimal digits; then the arguments are single numbers, the results mpmath numbers from an integral in the
            plane. The slope is NaN where f or g jumps at places that are not known.

        Raises
        ------
        InvalidInput
            For variances or covariances that are no covariance matrix.
        NoSuchDual
            Where E[f(U)^2] or E[g(V)^2] diverges.
        ToleranceNotMet
            Where f or g oscillates or grows too fast for float64.
        """
        if dps is not None:
            return self._precise(q1, q2, c, dps)
        first, second, cov = np.broadcast_arrays(*(np.asarray(a, dtype=np.float64) for a in (q1, q2, c)))
        check_covariance(first, second, cov)
        shape = first.shape
        first, second = (np.maximum(side.ravel(), SMALLEST_VARIANCE) for side in (first, second))
        self._check_existence(first, second)
        known = None if gap is None else np.broadcast_to(np.asarray(gap, dtype=np.float64), shape).ravel()
        value, slope = self._in_float64(first, second, cov.ravel(), known)
        return ValueAndSlope(value.reshape(shape)[()], slope.reshape(shape)[()])

    def error_bound(self, q1: npt.ArrayLike, q2: npt.ArrayLike) -> Array:
        """Bound on ``|value - exact|`` of `evaluate` for every c, shape (...)."""
        return self._bound(q1, q2, lambda left, right: left.value_bound(right))

    def slope_error_bound(self, q1: npt.ArrayLike, q2: npt.ArrayLike) -> Array:
        """Bound on ``|slope - exact|`` of `evaluate` for every c, shape (...); infinite where f or g jumps."""
        return self._bound(q1, q2, lambda left, right: left.slope_bound(right))

    def explain(self, fmt: str = "text") -> str:
        """How the dual is computed, and how well, as text for people.

        Parameters
        ----------
        fmt : {"text", "markdown", "latex"}
        """
        return typeset.explain_cross_series(self, fmt)

    def to_code(self, language: str) -> str:
        """Refused: a series is data, not a formula.

        Raises
        ------
        NoClosedForm
            Always.
        """
        return typeset.to_code(self, language)

    @kept
    def _smooth(self) -> tuple[bool, bool]:
        first, second = (table_of(side).profile.continuous for side in (self.activation, self.partner))
        return first, second

    def _in_float64(self, first: Array, second: Array, cov: Array, known: Array | None) -> tuple[Array, Array]:
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

    def _bound(self, q1: npt.ArrayLike, q2: npt.ArrayLike, bound: Callable[[Accuracy, Accuracy], Array]) -> Array:
        first, second = np.broadcast_arrays(np.asarray(q1, dtype=np.float64), np.asarray(q2, dtype=np.float64))
        check_covariance(first, second, np.zeros(first.shape))
        sides = [np.maximum(side.ravel(), SMALLEST_VARIANCE) for side in (first, second)]
        self._check_existence(*sides)
        found: Array = bound(*cross_accuracy(self.activation, self.partner, *sides)).reshape(first.shape)[()]
        return found

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
