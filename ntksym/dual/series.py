"""Duals by Hermite series: any activation with E[s(U)^2] finite, at any variances, with bounds of the error."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from ntksym import typeset
from ntksym.activation.activation import Activation
from ntksym.activation.integrability import require_value, value_integrability
from ntksym.dual.certification import certified_errors, require_certification
from ntksym.dual.closed import why_not_closed
from ntksym.dual.covariance import ValueAndSlope, check_covariance, gap_of
from ntksym.dual.plane_integral import integrate_pair
from ntksym.dual.series_partials import SeriesPartials
from ntksym.dual.summed import SummedDual
from ntksym.errors import NoSuchDual
from ntksym.hermite.coefficient_table import Coefficients, HermiteTable
from ntksym.hermite.derivation_steps import (
    series_diagonal,
    series_diagonal_slope,
    series_slope,
    series_steps,
    series_value,
)
from ntksym.hermite.expansion import STEP, Expansion, SeriesLayout
from ntksym.hermite.pair_values import SERVED, evaluate_all, evaluate_pairs, table_of
from ntksym.hermite.truncation import Accuracy, Sensitivity, accuracy, certified_accuracy, limits, response
from ntksym.kept import kept
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import SMALLEST_VARIANCE
from ntksym.symbolic.steps import Step
from ntksym.symbols import q

__all__ = ["SeriesDual", "series_dual"]


CELLS = 8
"""Parts of an octave of q, at whose ends it is found out how many terms are accurate for the variances between."""


@dataclass(frozen=True)
class SeriesDual(SummedDual):
    r"""K = sum_k a_k(q1) a_k(q2) rho^k and dK/dc = sum_k k a_k(q1) a_k(q2) rho^(k-1) / sqrt(q1 q2).

    ``a_k(q) = E[s(sqrt(q) Z) h_k(Z)]``, Z ~ N(0, 1), with normalised Hermite polynomials, rho = c/sqrt(q1 q2) (Mehler).
    The coefficients are computed by Gauss-Legendre panels and interpolated in log(q); for correlations so near +-1 that
    the stored terms do not suffice, the expectation is integrated instead.

    Attributes
    ----------
    activation : Activation
        s; the parent of this stage.
    certified : bool
        Whether `error_bound` is proved by ball arithmetic. Then every value is that of the series, and the bound tells
        what it leaves out.
    longer : bool or None
        Whether a longer series is made for pairs that the stored terms are not accurate for; None: if there are many.
    """

    activation: Activation
    certified: bool = False
    longer: bool | None = field(default=None, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return SeriesDual, (self.activation, self.certified, self.longer)

    @property
    def partner(self) -> Activation:
        """The activation itself; two different ones have a `CrossSeries`."""
        return self.activation

    @property
    def continuous(self) -> bool:
        """Whether s has no jump and no infinite slope; where it has, no slope is given on the diagonal."""
        return self._table.profile.continuous

    @kept
    def domain(self) -> tuple[sp.Expr, ...]:
        """Expressions in q that must be positive at every variance for E[s(U)^2] to exist."""
        bound = value_integrability(self.activation).bound
        return (1 - q / bound,) if bound is not None and bound.is_finite else ()

    @property
    def value(self) -> sp.Expr:
        """The series as a formula, its coefficients as a function a(k, q)."""
        return series_value()

    @property
    def slope(self) -> sp.Expr:
        """Its derivative in c."""
        return series_slope()

    @property
    def diagonal(self) -> sp.Expr:
        """E[s(U)^2] as an integral."""
        return series_diagonal()

    @property
    def diagonal_slope(self) -> sp.Expr | None:
        """E[s'(U)^2] as an integral, None where it diverges because the activation jumps."""
        return series_diagonal_slope() if self.continuous else None

    @kept
    def reason(self) -> str | None:
        """Why there is no closed form; None where there is one, and the series was asked for."""
        return why_not_closed(self.activation, self.activation)

    @kept
    def steps(self) -> tuple[Step, ...]:
        """The derivation: which rule, on what, giving what."""
        return series_steps(self.activation.parity, self.continuous)

    @kept
    def _table(self) -> HermiteTable:
        return table_of(self.activation)

    def coefficients(self, q: npt.ArrayLike, tolerance: float = 0.0) -> Coefficients:
        """a_k(q), E[s(U)^2], E[s'(U)^2] and their errors at variances q, shape (n,).

        Those are left out that add up to less than the tolerance, relative.
        """
        return self._table(self._admitted(q), tolerance)

    def layout(self, q: npt.ArrayLike, tolerance: float, largest: float = 1.0) -> SeriesLayout:
        """How much of the series the tiles of a Gram matrix need for rows with variances q.

        Parameters
        ----------
        q : array_like, shape (n,)
            Variances.
        tolerance : float
            Truncation error allowed, relative to the diagonal.
        largest : float
            |rho| up to which terms are wanted, as far as they serve at all.
        """
        variances = self._admitted(q)
        terms = self._table.terms(variances, tolerance)
        reaches, _ = self._reaches(variances, tolerance, terms)
        served = np.flatnonzero(np.all(reaches >= largest, axis=0))
        groups = -(-terms // STEP)
        return SeriesLayout(terms, int(served[0]) + 1 if len(served) else groups)

    def expand(self, q: npt.ArrayLike, tolerance: float, layout: SeriesLayout | None = None) -> Expansion:
        """The series at variances q as the tiles of a Gram matrix take it; no row depends on the others.

        Parameters
        ----------
        q : array_like, shape (n,)
            Variances.
        tolerance : float
            Truncation error allowed, relative to the diagonal.
        layout : SeriesLayout, optional
            How much of it is stored, from `layout` for these rows or for more; by default what every |rho| asks for.
        """
        variances = self._admitted(q)
        layout = layout or self.layout(variances, tolerance)
        found = self._table.rows(variances, layout.terms, STEP * layout.groups)
        reaches, places = self._reaches(variances, tolerance, layout.terms)
        reach = reaches[places, : layout.groups]
        return Expansion(found.coefficients, found.offset, found.stride, found.value, found.slope, reach)

    def _reaches(self, variances: Array, tolerance: float, terms: int) -> tuple[Array, npt.NDArray[np.intp]]:
        """The ``|rho|`` up to which each number of groups of terms is accurate enough, (k, groups), and which is whose.

        That of the part of an octave in which a variance lies, or its own where an end of that may have no dual.
        """
        if self.domain:
            own = limits(self._table.with_tails(variances, terms), variances, tolerance)
            return own, np.arange(len(variances))
        cells, places = np.unique(np.floor(CELLS * np.log2(variances)), return_inverse=True)
        return np.stack([_reach_in_cell(self, cell, tolerance, terms) for cell in cells.tolist()]), places

    def reach_between(self, ends: Array, tolerance: float, terms: int) -> Array:
        """The same between two variances, shape (groups,)."""
        return np.asarray(limits(self._table.with_tails(ends, terms), ends, tolerance).min(axis=0))

    def _admitted(self, q: npt.ArrayLike) -> Array:
        """Variances, not negative, raised to the smallest, at which E[s(U)^2] exists; shape (n,)."""
        variances = np.maximum(np.asarray(q, dtype=np.float64).ravel(), SMALLEST_VARIANCE)
        check_covariance(variances, variances, variances)
        self._check_domain(variances)
        return variances

    def accuracy(self, q: npt.ArrayLike) -> Accuracy:
        """What is left out and what is wrong at variances q, shape (n,)."""
        variances = np.maximum(np.asarray(q, dtype=np.float64).ravel(), SMALLEST_VARIANCE)
        found = self.coefficients(variances)
        if not self.certified:
            return accuracy(found, variances, SERVED)
        return certified_accuracy(found, variances, certified_errors(self.activation, variances, found))

    def response(self, q: npt.ArrayLike, largest: float, tolerance: float) -> Sensitivity:
        """How the dual answers to errors at variances q, shape (n,), for correlations up to ``largest``."""
        variances = np.maximum(np.asarray(q, dtype=np.float64).ravel(), SMALLEST_VARIANCE)
        return response(self._table, variances, largest, tolerance)

    def _accuracies(self, first: Array, second: Array) -> tuple[Accuracy, Accuracy]:
        return self.accuracy(first), self.accuracy(second)

    def _in_float64(self, first: Array, second: Array, cov: Array, known: Array | None) -> tuple[Array, Array]:
        self._check_domain(np.concatenate([first, second]))
        gap = gap_of(first, second, cov) if known is None else known
        rho = np.copysign(1 - gap, cov)
        if self.certified:
            return evaluate_all(self._table, first, second, rho)
        value, slope, integrated = evaluate_pairs(self.activation, first, second, gap, rho, longer=self.longer)
        if not self.continuous:
            for i in np.flatnonzero(integrated):
                slope[i] = float(self._precise(first[i], second[i], cov[i], 17).slope)
            slope[gap == 0] = np.inf
        return value, slope

    def _precise(self, first: Any, second: Any, cov: Any, dps: int) -> ValueAndSlope[Any]:
        check_covariance(*(np.asarray(float(a)) for a in (first, second, cov)))
        self._check_domain(np.array([float(first), float(second)]))
        return integrate_pair((self.activation,) * 2, first, second, cov, dps, continuous=self.continuous)

    def _check_domain(self, variances: Array) -> None:
        for condition in self.domain:
            if not np.all(sp.lambdify(q, condition, "numpy")(variances) > 0):
                raise NoSuchDual(
                    f"E[s(U)^2] does not exist for {self.activation.name}: it needs {condition} > 0; "
                    "use smaller W_std, b_std or inputs",
                    condition=condition,
                )

    @kept
    def partials(self) -> SeriesPartials:
        """Those of value and slope in q1, q2, c and the parameters."""
        return SeriesPartials(self.activation)

    def explain(self, fmt: str = "text") -> str:
        """How the dual is computed, and how well, as text for people.

        Parameters
        ----------
        fmt : {"text", "markdown", "latex"}
        """
        return typeset.explain(self, fmt)

    def _repr_latex_(self) -> str:
        return typeset.latex(self)


@lru_cache(maxsize=4096)
def _reach_in_cell(dual: SeriesDual, cell: float, tolerance: float, terms: int) -> Array:
    return dual.reach_between(2.0 ** (np.array([cell, cell + 1]) / CELLS), tolerance, terms)


def series_dual(activation: Activation, certified: bool = False) -> SeriesDual:
    """The dual of an activation as a series.

    Raises
    ------
    NoSuchDual
        If E[s(U)^2] diverges at every variance.
    InvalidInput
        If it shall be certified and python-flint is not installed.
    """
    require_value(activation)
    if certified:
        require_certification()
    return SeriesDual(activation, certified)
