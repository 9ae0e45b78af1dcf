"""The formulas of a dual at any number of digits: what cancels near |rho| = 1 is found, not guessed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import sympy as sp

from ntksym.dual.covariance import ValueAndSlope
from ntksym.errors import NoSuchDual
from ntksym.kept import kept
from ntksym.special.symbolic import MPMATH
from ntksym.symbols import c, q, q1, q2

__all__ = ["PreciseFormula"]

GIVEN_UP = 64
"""Factor of the working precision at which no more is tried: a formula that converges agrees after one doubling."""


@dataclass(frozen=True)
class PreciseFormula:
    """(q1, q2, c) -> value and slope, mpmath numbers.

    Parameters
    ----------
    value, slope : sympy expressions
        In q1, q2, c and the parameters.
    diagonal, diagonal_slope : sympy expressions
        At c = q1 = q2 = q; the slope None where it diverges.
    parameters : tuple of (symbol, rational)
        Those of the activations, with their values.
    """

    value: sp.Expr
    slope: sp.Expr
    diagonal: sp.Expr
    diagonal_slope: sp.Expr | None
    parameters: tuple[tuple[sp.Symbol, sp.Rational], ...] = ()

    def __call__(self, first: Any, second: Any, cov: Any, dps: int) -> ValueAndSlope[Any]:
        """Value and slope to ``dps`` digits; the working precision is doubled until two results agree.

        Parameters
        ----------
        first, second, cov : numbers
            q1, q2 and c, a covariance matrix.
        dps : int
            Decimal digits.

        Raises
        ------
        NoSuchDual
            If no two results agree: the slope diverges.
        """
        working, previous = dps + 15, None
        while working < GIVEN_UP * (dps + 15):
            with mpmath.workdps(working):
                result = self._at_precision(mpmath.mpf(first), mpmath.mpf(second), mpmath.mpf(cov), dps)
                if previous is not None and _agree(previous, result, dps):
                    return ValueAndSlope(*result)
            previous, working = result, 2 * working
        raise NoSuchDual(
            f"the formula does not settle at q1={first}, q2={second}, c={cov}: the slope diverges there",
            first=first,
            second=second,
            cov=cov,
        )

    def _at_precision(self, first: Any, second: Any, cov: Any, dps: int) -> tuple[Any, Any]:
        # Limits at zero variance and |rho| = 1 are approached within tiny: value and slope, Hoelder continuous of order
        # 1/2 or better there, keep dps digits. The formula cancels up to the power 3/2 of that.
        tiny = mpmath.mpf(10) ** (-2 * dps - 6)
        on_the_edge = min(first, second) < tiny or abs(cov) >= mpmath.sqrt(first * second) * (1 - mpmath.eps)
        with mpmath.extradps(3 * dps + 12 if on_the_edge else 0):
            first, second = max(first, tiny), max(second, tiny)
            bound = mpmath.sqrt(first * second) * (1 - tiny if on_the_edge else 1)
            cov = max(-bound, min(bound, cov))
            parameters = [mpmath.mpf(v.p) / v.q for _, v in self.parameters]
            if first == second and on_the_edge and cov > 0 and self.diagonal_slope is not None:
                return self._diagonal(first, *parameters)
            value, slope = self._pair(first, second, cov, *parameters)
            if self.diagonal_slope is None and on_the_edge and abs(cov) == bound:
                slope = mpmath.inf
            return mpmath.re(value), mpmath.re(slope)

    @kept
    def _symbols(self) -> list[sp.Symbol]:
        return [symbol for symbol, _ in self.parameters]

    @kept
    def _pair(self) -> Callable[..., tuple[Any, Any]]:
        pair, common = (self.value, self.slope), not self.value.has(sp.Integral)
        compiled: Callable[..., tuple[Any, Any]] = sp.lambdify(
            [q1, q2, c, *self._symbols], pair, modules=[MPMATH, "mpmath"], cse=common
        )
        return compiled

    @kept
    def _diagonal(self) -> Callable[..., tuple[Any, Any]]:
        pair = self.diagonal, self.diagonal_slope
        compiled: Callable[..., tuple[Any, Any]] = sp.lambdify([q, *self._symbols], pair, modules=[MPMATH, "mpmath"])
        return compiled


def _agree(left: tuple[Any, Any], right: tuple[Any, Any], dps: int) -> bool:
    tolerance = mpmath.mpf(10) ** (-dps)
    return all(
        a == b or abs(a - b) <= tolerance * max(abs(b), mpmath.mpf(10) ** (-4 * dps))
        for a, b in zip(left, right, strict=True)
    )
