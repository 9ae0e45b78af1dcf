"""The protocol that every dual follows, whoever made it: `derive`, `cross_dual`, or a user by hand.

Everything that takes a dual asks for no more than `Dual`; where sums of a Hermite series are wanted, for `SeriesLike`.
Whether a dual is a series is asked by `is_series` alone.
"""

from inspect import getattr_static
from typing import Any, Literal, Protocol, TypeGuard, overload

import sympy as sp
from numpy.typing import ArrayLike

from ntksym.activation.activation import Activation
from ntksym.dual.accurate_range import AccurateRange
from ntksym.dual.covariance import ValueAndSlope
from ntksym.errors import InvalidInput
from ntksym.hermite.coefficient_table import Coefficients
from ntksym.hermite.expansion import Expansion, SeriesLayout
from ntksym.hermite.truncation import Sensitivity
from ntksym.numerics.arrays import Array
from ntksym.symbolic.numeric_form import NumericForm

__all__ = ["Dual", "Kind", "SeriesLike", "is_series", "require_dual"]

Kind = Literal["closed", "integral", "series"]
"""A formula without integrals; closed up to one integral over a finite interval; a Hermite series."""


class Dual(Protocol):
    r"""K(q1, q2, c) = E[s(U)s(V)] and its slope dK/dc = E[s'(U)s'(V)], (U, V) ~ N(0, [[q1, c], [c, q2]])."""

    @property
    def activation(self) -> Activation:
        """The function s."""

    @property
    def kind(self) -> Kind:
        """What the value is: a formula without integrals, one with an integral that is left, or a Hermite series."""

    @property
    def value(self) -> sp.Expr:
        """K in q1, q2, c and the parameters of s."""

    @property
    def slope(self) -> sp.Expr:
        """dK/dc in q1, q2, c and the parameters of s."""

    @property
    def continuous(self) -> bool:
        """Whether E[s'(U)^2] is finite; it is not where s jumps or is infinitely steep, and there is no NTK."""

    @property
    def domain(self) -> tuple[sp.Expr, ...]:
        """Expressions in q and the parameters of s that must be positive for E[s(U)^2] to exist."""

    @property
    def accurate_range(self) -> AccurateRange:
        """Variances at which ``numeric`` keeps its digits in floating point; `EVERYWHERE` for a series."""

    @property
    def numeric(self) -> NumericForm | None:
        """The formulas that compiled code is made of; None for a dual that is summed."""

    @overload
    def evaluate(
        self, q1: ArrayLike, q2: ArrayLike, c: ArrayLike, *, gap: ArrayLike | None = ...
    ) -> ValueAndSlope[Array]: ...

    @overload
    def evaluate(self, q1: Any, q2: Any, c: Any, *, dps: int) -> ValueAndSlope[Any]: ...

    def evaluate(self, q1: Any, q2: Any, c: Any, *, gap: Any = None, dps: int | None = None) -> ValueAndSlope[Any]:
        """K and dK/dc as numbers: float64, or mpmath numbers of ``dps`` decimal digits.

        Parameters
        ----------
        q1, q2, c : array_like, shape (...)
            Variances and covariance; single numbers where ``dps`` is given.
        gap : array_like, shape (...), optional
            1 - ``|rho|``, where it is known better than c can tell; c then only gives the sign.
        dps : int, optional
            Decimal digits.
        """

    def __hash__(self) -> int:
        """Duals are values: equal ones share what was computed for them."""

    def error_bound(self, q1: ArrayLike, q2: ArrayLike) -> Array:
        """Bound on ``|value - exact|`` of `evaluate` for every c, shape (...); 0 for an exact formula."""

    def slope_error_bound(self, q1: ArrayLike, q2: ArrayLike) -> Array:
        """Bound on ``|slope - exact|`` of `evaluate` for every c, shape (...); 0 for an exact formula."""


class SeriesLike(Dual, Protocol):
    """A dual that is summed: K = sum_k a_k(q1) a_k(q2) rho^k with a_k(q) = E[s(sqrt(q) Z) h_k(Z)] (Mehler)."""

    def coefficients(self, q: ArrayLike, tolerance: float = ...) -> Coefficients:
        """a_k(q), E[s(U)^2], E[s'(U)^2] and their errors at variances q, shape (n,)."""

    def layout(self, q: ArrayLike, tolerance: float, largest: float = ...) -> SeriesLayout:
        """How much of the series rows with variances q need for correlations up to ``largest``."""

    def expand(self, q: ArrayLike, tolerance: float, layout: SeriesLayout | None = ...) -> Expansion:
        """The series at variances q, shape (n,), as the tiles of a Gram matrix take it, each row for itself."""

    def response(self, q: ArrayLike, largest: float, tolerance: float) -> Sensitivity:
        """How the dual answers to errors at variances q, shape (n,), for correlations up to ``largest``."""


def is_series(dual: Dual) -> TypeGuard[SeriesLike]:
    """Whether a dual is summed: it has no formulas that code could be made of."""
    return dual.numeric is None


def require_dual(dual: object, activation: Activation) -> None:
    """Make sure that a dual which somebody else made has all members, and is that of an activation.

    Raises
    ------
    InvalidInput
        Naming the members that are missing, or the activation that it belongs to.
    """
    missing = [name for name in _public(Dual) if not _has(dual, name)]
    missing += ["__hash__"] if type(dual).__hash__ is None else []
    if "numeric" not in missing and getattr(dual, "numeric", None) is None:
        missing += [name for name in _public(SeriesLike) if not _has(dual, name)]
    if missing:
        raise InvalidInput(
            f"{dual!r} is no dual: it lacks {', '.join(missing)}; ntksym.Dual says what these are",
            dual=dual,
            missing=tuple(missing),
        )
    found = getattr(dual, "activation", None)
    if found != activation:
        raise InvalidInput(
            f"the dual that was made for {activation} is that of {found}; return one for each", dual=dual
        )


def _public(protocol: type) -> list[str]:
    return [name for name in vars(protocol) if not name.startswith("_")]


def _has(dual: object, name: str) -> bool:
    return getattr_static(dual, name, _has) is not _has  # no property is computed
