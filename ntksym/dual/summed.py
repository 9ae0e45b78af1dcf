"""Duals that are summed, of one function or of two, are asked for numbers and bounds alike, and refuse alike."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, overload

import numpy as np
import numpy.typing as npt
import sympy as sp

from ntksym import typeset
from ntksym.activation.activation import Activation
from ntksym.dual.accurate_range import EVERYWHERE, AccurateRange
from ntksym.dual.covariance import ValueAndSlope, check_covariance
from ntksym.dual.protocol import Kind
from ntksym.hermite.truncation import Accuracy
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import SMALLEST_VARIANCE

__all__ = ["SummedDual"]


class SummedDual(ABC):
    """A dual by Hermite series: K = sum_k a_k(q1) b_k(q2) rho^k, with bounds of what its terms leave out."""

    kind: ClassVar[Kind] = "series"
    accurate_range: ClassVar[AccurateRange] = EVERYWHERE
    numeric: ClassVar[None] = None
    pair_domain: ClassVar[tuple[sp.Expr, ...]] = ()

    activation: Activation

    @abstractmethod
    def _in_float64(self, first: Array, second: Array, cov: Array, known: Array | None) -> tuple[Array, Array]:
        """Value and slope of pairs, shape (n,), whose variances are admitted or refused here."""

    @abstractmethod
    def _precise(self, first: Any, second: Any, cov: Any, dps: int) -> ValueAndSlope[Any]:
        """The same of one pair as mpmath numbers, from an integral in the plane."""

    @abstractmethod
    def _accuracies(self, first: Array, second: Array) -> tuple[Accuracy, Accuracy]:
        """What is left out at the first and at the second variances, shape (n,), where these are admitted."""

    @overload
    def evaluate(
        self, q1: npt.ArrayLike, q2: npt.ArrayLike, c: npt.ArrayLike, *, gap: npt.ArrayLike | None = None
    ) -> ValueAndSlope[Array]: ...

    @overload
    def evaluate(self, q1: Any, q2: Any, c: Any, *, dps: int) -> ValueAndSlope[Any]: ...

    def evaluate(
        self, q1: Any, q2: Any, c: Any, *, gap: npt.ArrayLike | None = None, dps: int | None = None
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
            plane. The slope is NaN where a function jumps at places that are not known.

        Raises
        ------
        InvalidInput
            For variances or covariances that are no covariance matrix.
        NoSuchDual
            Where E[s(U)^2] diverges for one of the functions.
        ToleranceNotMet
            Where a function oscillates or grows too fast for float64.
        """
        if dps is not None:
            return self._precise(q1, q2, c, dps)
        first, second, cov = np.broadcast_arrays(*(np.asarray(a, dtype=np.float64) for a in (q1, q2, c)))
        check_covariance(first, second, cov)
        shape = first.shape
        if first.size == 0:
            return ValueAndSlope(np.empty(shape), np.empty(shape))
        pairs = np.maximum(first.ravel(), SMALLEST_VARIANCE), np.maximum(second.ravel(), SMALLEST_VARIANCE)
        known = None if gap is None else np.broadcast_to(np.asarray(gap, dtype=np.float64), shape).ravel()
        value, slope = self._in_float64(*pairs, cov.ravel(), known)
        return ValueAndSlope(value.reshape(shape)[()], slope.reshape(shape)[()])

    def error_bound(self, q1: npt.ArrayLike, q2: npt.ArrayLike) -> Array:
        """Bound on ``|value - exact|`` of `evaluate` for every c, shape (...); a theorem where it is certified."""
        shape, (left, right) = self._accuracies_of(q1, q2)
        return np.asarray(left.value_bound(right)).reshape(shape)[()]

    def slope_error_bound(self, q1: npt.ArrayLike, q2: npt.ArrayLike) -> Array:
        """Bound on ``|slope - exact|`` of `evaluate` for every c, shape (...); infinite where a function jumps."""
        shape, (left, right) = self._accuracies_of(q1, q2)
        return np.asarray(left.slope_bound(right)).reshape(shape)[()]

    def _accuracies_of(self, q1: npt.ArrayLike, q2: npt.ArrayLike) -> tuple[tuple[int, ...], tuple[Accuracy, Accuracy]]:
        first, second = np.broadcast_arrays(np.asarray(q1, dtype=np.float64), np.asarray(q2, dtype=np.float64))
        check_covariance(first, second, np.zeros(first.shape))
        sides = [np.maximum(side.ravel(), SMALLEST_VARIANCE) for side in (first, second)]
        return first.shape, self._accuracies(*sides)

    def to_code(self, language: str) -> str:
        """Refused: a series is data, not a formula.

        Raises
        ------
        NoClosedForm
            Always.
        """
        return typeset.to_code(self, language)
