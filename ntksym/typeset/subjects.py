"""The members that pages and code ask of what they show: duals, their steps and their formulas.

Duals stand on a higher floor than this room, so that their classes cannot be named here; these protocols can.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import sympy as sp
from numpy.typing import ArrayLike

from ntksym.activation.activation import Activation
from ntksym.numerics.arrays import Array

if TYPE_CHECKING:
    from typing_extensions import TypeIs  # of typing from Python 3.13 on

__all__ = ["FormulaSubject", "SeriesSubject", "Subject", "Titled", "has_formulas", "is_series_subject"]


class _Step(Protocol):
    """One step of a derivation."""

    @property
    def rule(self) -> str:
        """Its letter."""

    @property
    def text(self) -> str:
        """What was done."""

    @property
    def lhs(self) -> sp.Expr:
        """What was looked for."""

    @property
    def rhs(self) -> sp.Expr:
        """What it is."""


class _NumericForm(Protocol):
    """Formulas for floating point."""

    @property
    def value(self) -> sp.Expr:
        """K."""

    @property
    def slope(self) -> sp.Expr | None:
        """dK/dc."""


class _Range(Protocol):
    """Where formulas keep their digits."""

    @property
    def is_empty(self) -> bool:
        """Whether that is nowhere."""


class _Coefficients(Protocol):
    """How many coefficients there are, and what they are accurate for."""

    @property
    def coefficients(self) -> Array:
        """One row a variance."""

    @property
    def offset(self) -> int:
        """Order of the first."""

    @property
    def stride(self) -> int:
        """Difference of the orders of neighbours."""

    @property
    def limits(self) -> Array:
        """The ``|rho|`` that each number of groups of terms is accurate for."""


class Titled(Protocol):
    """A dual of which nothing is shown but whose it is, and of what kind."""

    @property
    def activation(self) -> Activation:
        """The function f."""

    @property
    def kind(self) -> str:
        """What the value is: "closed", "integral" or "series"."""


class Subject(Titled, Protocol):
    """A dual, E[f(U) g(V)]; f and g are one function but for cross-duals."""

    @property
    def partner(self) -> Activation:
        """The function g."""

    @property
    def value(self) -> sp.Expr:
        """K."""

    @property
    def slope(self) -> sp.Expr:
        """dK/dc."""

    @property
    def diagonal(self) -> sp.Expr:
        """K at c = q1 = q2 = q."""

    @property
    def diagonal_slope(self) -> sp.Expr | None:
        """dK/dc there, None where it diverges."""

    @property
    def domain(self) -> tuple[sp.Expr, ...]:
        """What must be positive at every variance."""

    @property
    def pair_domain(self) -> tuple[sp.Expr, ...]:
        """What must be positive off the diagonal."""

    @property
    def steps(self) -> Sequence[_Step]:
        """The derivation."""

    @property
    def accurate_range(self) -> _Range:
        """Where the formulas keep their digits in floating point."""


class FormulaSubject(Subject, Protocol):
    """One in closed form, up to an integral."""

    @property
    def continuous(self) -> bool:
        """Whether the slope is finite on the diagonal."""

    @property
    def numeric(self) -> _NumericForm:
        """The formulas that code is made of."""

    def view(self, name: str) -> tuple[sp.Expr, sp.Expr]:
        """Value and slope in other variables."""


class SeriesSubject(Subject, Protocol):
    """One that is summed."""

    @property
    def certified(self) -> bool:
        """Whether its bounds are proved."""

    @property
    def reason(self) -> str | None:
        """Why there is no closed form; None where there is one."""

    def coefficients(self, q: ArrayLike, tolerance: float = ...) -> object:
        """The coefficients at some variances, if they can be computed."""

    def expand(self, q: ArrayLike, tolerance: float) -> _Coefficients:
        """As many as the tolerance asks for."""

    def error_bound(self, q1: ArrayLike, q2: ArrayLike) -> Array:
        """Of the value."""

    def slope_error_bound(self, q1: ArrayLike, q2: ArrayLike) -> Array:
        """Of the slope."""


def is_series_subject(dual: FormulaSubject | SeriesSubject) -> "TypeIs[SeriesSubject]":
    """Whether a dual is summed."""
    return dual.kind == "series"


def has_formulas(dual: Titled) -> "TypeIs[FormulaSubject]":
    """Whether a dual is a formula, so that code can be made of it."""
    return dual.kind != "series"
