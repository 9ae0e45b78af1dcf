"""The numeric form of a dual as a function of float64 arrays, with its limits at |rho| = 1 and on the diagonal."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy as sp

from ntksym.dual.covariance import ROUNDING, ValueAndSlope, snapped
from ntksym.kept import kept
from ntksym.numerics.arrays import Array
from ntksym.special.symbolic import NUMPY
from ntksym.symbolic.numeric_form import NumericForm
from ntksym.symbols import c, det, q, q1, q2

__all__ = ["FloatFormula"]

Pair = tuple[Array, Array]


@dataclass(frozen=True)
class FloatFormula:
    """(q1, q2, c) -> value and slope, float64.

    Parameters
    ----------
    form : NumericForm
        The expressions.
    parameters : tuple of (symbol, rational)
        Those of the activations, with their values.
    """

    form: NumericForm
    parameters: tuple[tuple[sp.Symbol, sp.Rational], ...] = ()

    def __call__(self, first: Array, second: Array, cov: Array, known: Array | None = None) -> ValueAndSlope[Array]:
        """Value and slope, shape (...); the slope is infinite at ``|rho|`` = 1 where it diverges on the diagonal.

        Parameters
        ----------
        first, second, cov : float arrays, shape (...)
            q1, q2, positive, and c.
        known : float array, shape (...), optional
            1 - ``|rho|``, where it is known better than c can tell.
        """
        cov, determinant = snapped(first, second, cov, known)
        with np.errstate(divide="ignore", over="ignore", under="ignore", invalid="ignore"):
            floor = np.maximum(determinant, (ROUNDING if known is None else ROUNDING**2) * first * second)
            pair = self._pair(first, second, cov, determinant, floor, *self._values)
            diagonal = self._diagonal(first, *self._values)
        equal = (determinant == 0) & (cov > 0) & (first == second)
        value, slope = (np.where(equal, d, p) for d, p in zip(diagonal, pair, strict=True))
        if self.form.diagonal_slope is None:
            slope = np.where(determinant == 0, np.inf, slope)
        return ValueAndSlope(value, slope)

    @kept
    def _symbols(self) -> list[sp.Symbol]:
        return [symbol for symbol, _ in self.parameters]

    @kept
    def _values(self) -> list[float]:
        return [float(value) for _, value in self.parameters]

    @kept
    def _pair(self) -> Callable[..., Pair]:
        floored = sp.Symbol("floored", positive=True)
        pair = [
            e.replace(lambda p: p.is_Pow and p.base == det and p.exp.is_negative, lambda p: floored**p.exp)
            for e in (self.form.value, sp.sympify(self.form.slope))
        ]
        arguments = [q1, q2, c, det, floored, *self._symbols]
        compiled: Callable[..., Pair] = sp.lambdify(arguments, pair, modules=[NUMPY, "numpy"], cse=True)
        return compiled

    @kept
    def _diagonal(self) -> Callable[..., Pair]:
        slope = sp.oo if self.form.diagonal_slope is None else self.form.diagonal_slope
        pair = self.form.diagonal_value, slope
        compiled: Callable[..., Pair] = sp.lambdify([q, *self._symbols], pair, modules=[NUMPY, "numpy"], cse=True)
        return compiled
