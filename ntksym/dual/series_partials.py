r"""Partial derivatives of a dual by series: all of them are cross duals of s, its derivative and its derivatives in a.

    dK/dq1 = (E[U s'(U) s(V)] - c D)/(2 q1),                 D = E[s'(U) s'(V)],
    dD/dq1 = (E[(x s')'(U) s'(V)] - D - c dD/dc)/(2 q1),     dD/dc = E[s''(U) s''(V)],
    dK/da  = E[s_a(U) s(V)] + E[s(U) s_a(V)],                dD/da = E[s_a'(U) s'(V)] + E[s'(U) s_a'(V)],

where E[(x s')'(U) s'(V)] is the slope of the cross dual of x s'(x) and s, and dD/dc that of s' with itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.dual.covariance import ValueAndSlope
from ntksym.dual.cross_series import CrossSeries, cross_series
from ntksym.errors import NoClosedForm
from ntksym.kept import kept
from ntksym.numerics.limits import SMALLEST_VARIANCE
from ntksym.symbolic.gradient import Gradient
from ntksym.symbols import x

__all__ = ["SeriesPartials"]

Answer = ValueAndSlope[Any]
"""Value and slope of a cross dual, or bounds of their errors."""


@dataclass(frozen=True)
class SeriesPartials:
    """The partial derivatives of the dual of an activation that has no jump, each with a bound of its error.

    Attributes
    ----------
    activation : Activation
        s.
    """

    activation: Activation

    @kept
    def parameters(self) -> tuple[str, ...]:
        """The parameters that have derivatives: all but those that were exponents of x."""
        return tuple(s.name for s in self.activation.values if s in self.activation.expression.free_symbols)

    def evaluate(
        self,
        q1: Any,
        q2: Any,
        c: Any,
        *,
        dps: int | None = None,
        gap: npt.ArrayLike | None = None,
    ) -> Gradient[Any]:
        """All partial derivatives as numbers; those of the slope are infinite on the diagonal where s has a kink.

        Parameters
        ----------
        q1, q2 : array_like, shape (...)
            Variances, not negative; what is below 1e-140 is raised to it.
        c : array_like, shape (...)
            Covariances, c**2 <= q1*q2.
        dps : int, optional
            Decimal digits; then the arguments are single numbers, the results mpmath numbers from integrals.
        gap : array_like, shape (...), optional
            1 - ``|rho|``, where it is known more exactly than c can say; c then only gives the sign. Not with ``dps``.

        Raises
        ------
        InvalidInput
            For variances or covariances that are no covariance matrix.
        NoSuchDual
            Where an expectation diverges.
        ToleranceNotMet
            Where s or a derivative oscillates or grows too fast for float64.
        """
        if dps is not None:
            with mpmath.workdps(dps + 15):
                place = [mpmath.mpmathify(a) for a in (q1, q2, c)]
                return self._gradient(lambda dual, *at: dual.evaluate(*at, place[2], dps=dps), *place)
        first, second, cov = np.broadcast_arrays(*(np.asarray(a, dtype=np.float64) for a in (q1, q2, c)))
        first, second = np.maximum(first, SMALLEST_VARIANCE), np.maximum(second, SMALLEST_VARIANCE)
        if gap is not None:
            cov = np.copysign((1 - np.asarray(gap, dtype=np.float64)) * np.sqrt(first) * np.sqrt(second), cov)
        return self._gradient(lambda dual, *at: dual.evaluate(*at, cov, gap=gap), first, second, cov)

    def error_bound(self, q1: npt.ArrayLike, q2: npt.ArrayLike) -> Gradient[Any]:
        """Bounds of the errors of `evaluate` for every c, shape (...); infinite for dD/dq and dD/dc where s' jumps."""
        first, second = np.broadcast_arrays(np.asarray(q1, dtype=np.float64), np.asarray(q2, dtype=np.float64))
        first, second = np.maximum(first, SMALLEST_VARIANCE), np.maximum(second, SMALLEST_VARIANCE)

        def bounds(dual: CrossSeries, *at: Any) -> Answer:
            return ValueAndSlope(dual.error_bound(*at), dual.slope_error_bound(*at))

        # -1 makes the differences of the formulas the sums of the errors
        return self._gradient(bounds, first, second, -np.sqrt(first) * np.sqrt(second), sign=-1)

    def _gradient(
        self, answer: Callable[..., Answer], first: Any, second: Any, cov: Any, *, sign: int = 1
    ) -> Gradient[Any]:
        steep = answer(self._steep, first, second)
        values: dict[str, Any] = {}
        slopes: dict[str, Any] = {}
        for name, own, other in (("q1", first, second), ("q2", second, first)):
            moved = answer(self._dilated, own, other)
            values[name] = (moved.value - cov * steep.value) / (2 * own)
            slopes[name] = (moved.slope - sign * steep.value - cov * steep.slope) / (2 * own)
        values["c"], slopes["c"] = steep.value, steep.slope
        for name, dual in self._in_parameters.items():
            left, right = answer(dual, first, second), answer(dual, second, first)
            values[name], slopes[name] = left.value + right.value, left.slope + right.slope
        return Gradient.of(values, slopes)

    @kept
    def _derivative(self) -> Activation:
        if self.activation.jumps:
            raise NoClosedForm(
                f"{self.activation.name} jumps, and its derivative is no function: its dual by series has no partial "
                "derivatives; take differences of evaluate(..., dps=30)",
                activation=self.activation,
            )
        return self._of_pieces(lambda piece: sp.diff(piece, x), f"derivative of {self.activation.name}")

    @kept
    def _steep(self) -> CrossSeries:
        return cross_series(self._derivative, self._derivative)

    @kept
    def _dilated(self) -> CrossSeries:
        name = f"x times {self._derivative.name}"
        return cross_series(self._of_pieces(lambda piece: x * sp.diff(piece, x), name), self.activation)

    @kept
    def _in_parameters(self) -> Mapping[str, CrossSeries]:
        symbols = {s.name: s for s in self.activation.values}
        _ = self._derivative  # refuses jumps
        return {
            name: cross_series(
                self._of_pieces(
                    lambda piece, by=symbols[name]: sp.diff(piece, by),
                    f"derivative of {self.activation.name} in {name}",
                ),
                self.activation,
            )
            for name in self.parameters
        }

    def _of_pieces(self, change: Callable[..., sp.Expr], name: str) -> Activation:
        """The activation that is made from s piece by piece, without what a jump would add."""
        pieces, values = self.activation.pieces, self.activation.values
        *before, last = map(change, pieces.expressions)
        cases = [(part, x < place) for part, place in zip(before, pieces.breakpoints, strict=True)]
        whole = sp.Piecewise(*cases, (last, True)) if cases else last
        left = {s.name: value for s, value in values.items() if s in whole.free_symbols}
        return Activation(whole, name=name, **left)
