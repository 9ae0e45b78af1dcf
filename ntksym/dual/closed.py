"""Duals in closed form: E[s(U)s(V)] and E[s'(U)s'(V)] for jointly Gaussian U, V as formulas."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import sympy as sp

from ntksym import typeset
from ntksym.activation.activation import Activation
from ntksym.dual.accurate_range import EVERYWHERE, NOWHERE, AccurateRange, keeps_by_noise, keeps_by_precision
from ntksym.dual.covariance import ValueAndSlope, check_covariance, gap_of
from ntksym.dual.float_formula import FloatFormula
from ntksym.dual.partials import Partials
from ntksym.dual.precise_formula import PreciseFormula
from ntksym.dual.protocol import Kind
from ntksym.errors import InvalidInput, NoClosedForm, NoSuchDual
from ntksym.hermite.pair_values import evaluate_pairs
from ntksym.kept import kept
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import SMALLEST_VARIANCE
from ntksym.symbolic.descent import DescendedFormulae
from ntksym.symbolic.formulae import VIEWS, Formulae
from ntksym.symbolic.integrands import Integrand, read_integrands
from ntksym.symbolic.numeric_form import NumericForm, numeric
from ntksym.symbolic.steps import Step, steps_of
from ntksym.symbols import c, q1, q2

__all__ = ["ClosedDual", "closed_dual"]


@dataclass(frozen=True)
class ClosedDual:
    r"""K(q1, q2, c) = E[f(U) g(V)], (U, V) ~ N(0, [[q1, c], [c, q2]]), and its derivative in c, E[f'(U) g'(V)].

    Attributes
    ----------
    activation : Activation
        f; the parent of this stage.
    formulae : Formulae
        The derived formulas, shared by all values of the parameters.
    partner : Activation
        g; the activation itself unless this came from `cross_dual`.
    """

    activation: Activation
    formulae: Formulae = field(repr=False, compare=False)
    partner: Activation

    def __reduce__(self) -> tuple[Any, ...]:
        return closed_dual, (self.activation, self.partner)

    @property
    def kind(self) -> Kind:
        """What the value is: "closed", or "integral" where one integral over a finite interval is left in it."""
        return "closed" if self.formulae.is_closed else "integral"

    @kept
    def value(self) -> sp.Expr:
        """E[f(U) g(V)] in q1, q2, c and the parameters."""
        return self.formulae.expression()

    @kept
    def slope(self) -> sp.Expr:
        """E[f'(U) g'(V)] = d value/d c; infinite on the diagonal where `continuous` is False."""
        return self.formulae.slope.expression()

    @kept
    def diagonal(self) -> sp.Expr:
        """E[f(U) g(U)] in q."""
        return self.formulae.diagonal

    @kept
    def diagonal_slope(self) -> sp.Expr | None:
        """E[f'(U) g'(U)] in q, None where it diverges because the activation jumps."""
        return self.formulae.slope.diagonal if self.continuous else None

    @kept
    def continuous(self) -> bool:
        """Whether the activation has no jump; a jump makes the slope infinite on the diagonal."""
        return self.formulae.is_continuous

    @kept
    def accurate_range(self) -> AccurateRange:
        """The variances at which `numeric` keeps its digits; at others `evaluate` sums the series."""
        if not self.formulae.is_stable:
            return NOWHERE
        if self.activation == self.partner and self.activation.homogeneity is not None:
            return EVERYWHERE  # each variance is like every other
        if self.kind == "integral":  # the error of a quadrature is smooth, and no noise
            return AccurateRange(partial(keeps_by_precision, self._in_float64, partial(self._precise, dps=17)))
        return AccurateRange(partial(keeps_by_noise, self._in_float64))

    @property
    def domain(self) -> tuple[sp.Expr, ...]:
        """Expressions in q that must be positive at every variance for E[s(U)^2] to exist."""
        return self.formulae.domain

    @property
    def pair_domain(self) -> tuple[sp.Expr, ...]:
        """Expressions in q1, q2, c that must be positive for E[f(U) g(V)] to exist off the diagonal."""
        return self.formulae.pair_domain

    @property
    def numeric(self) -> NumericForm:
        """The expressions that floating-point code is made of."""
        return self.formulae.numeric

    @kept
    def bent(self) -> NumericForm | None:
        """`numeric` with the derivative of the slope in c; None where that has no closed form."""
        try:
            return replace(self.numeric, bend=numeric(self.formulae.slope.slope.terms))
        except NoClosedForm:
            return None

    @kept
    def steps(self) -> tuple[Step, ...]:
        """The derivation: which rule, on what, giving what."""
        return steps_of(self.formulae)

    def view(self, name: str) -> tuple[sp.Expr, sp.Expr]:
        """Value and slope in the variables of a view.

        Parameters
        ----------
        name : {"q", "angle", "sphere"}
            (q1, q2, c); (sigma1, sigma2, rho or theta); rho at q1 = q2 = 1.
        """
        if name not in VIEWS:
            raise InvalidInput(f"unknown view {name!r}: choose one of {', '.join(VIEWS)}", name=name)
        return self.formulae.expression(name), self.formulae.slope.expression(name)

    def explain(self, fmt: str = "text") -> str:
        """The derivation, from the activation to the formulas, as text for people.

        Parameters
        ----------
        fmt : {"text", "markdown", "latex"}
        """
        return typeset.explain(self, fmt)

    def to_code(self, language: str) -> str:
        """Functions ``dual(cov12, var1, var2)`` and ``dual_slope``, standing alone, in another language.

        Parameters
        ----------
        language : {"numpy", "jax", "torch", "c"}
        """
        return typeset.to_code(self, language)

    def _repr_latex_(self) -> str:
        return typeset.latex(self)

    def error_bound(self, q1: npt.ArrayLike, q2: npt.ArrayLike) -> Array:
        """Bound on ``|value - exact|``: zero, the formula is exact."""
        bound: Array = np.zeros(np.broadcast(np.asarray(q1), np.asarray(q2)).shape)[()]
        return bound

    slope_error_bound = error_bound

    @overload
    def evaluate(
        self, q1: npt.ArrayLike, q2: npt.ArrayLike, c: npt.ArrayLike, *, gap: npt.ArrayLike | None = None
    ) -> ValueAndSlope[Array]: ...

    @overload
    def evaluate(self, q1: Any, q2: Any, c: Any, *, dps: int) -> ValueAndSlope[Any]: ...

    def evaluate(
        self,
        q1: Any,
        q2: Any,
        c: Any,
        *,
        dps: int | None = None,
        gap: npt.ArrayLike | None = None,
    ) -> ValueAndSlope[Any]:
        """Value and slope as numbers.

        Parameters
        ----------
        q1, q2 : array_like, shape (...)
            Variances, not negative.
        c : array_like, shape (...)
            Covariances, c**2 <= q1*q2.
        dps : int, optional
            Decimal digits; then the arguments are single numbers and the results mpmath numbers.
        gap : array_like, shape (...), optional
            1 - ``|rho|``, where it is known more exactly than c can say; c then only gives the sign. Not with ``dps``.

        Raises
        ------
        InvalidInput
            For variances or covariances that are no covariance matrix.
        NoSuchDual
            Where the expectation does not exist (`pair_domain`).
        """
        if dps is not None:
            return self._precise(q1, q2, c, dps)
        first, second, cov = (np.asarray(a, dtype=np.float64) for a in (q1, q2, c))
        check_covariance(first, second, cov)
        self.check_domain(first, second, cov)
        first, second, cov = np.broadcast_arrays(
            np.maximum(first, SMALLEST_VARIANCE), np.maximum(second, SMALLEST_VARIANCE), cov
        )
        known = None if gap is None else np.broadcast_to(np.asarray(gap, dtype=np.float64), cov.shape)
        value, slope = self._in_float64(first, second, cov, known)
        lost = np.asarray(self.accurate_range.excludes(first, second))
        if lost.any():
            some = first[lost], second[lost], cov[lost], None if known is None else known[lost]
            value[lost], slope[lost] = self._evaluate_elsewhere(*some)
        return ValueAndSlope(value[()], slope[()])

    def _evaluate_elsewhere(self, first: Array, second: Array, cov: Array, known: Array | None) -> tuple[Array, Array]:
        """Value and slope where the formulas lose digits in float64: by the series, or at higher precision."""
        if self.activation != self.partner or not self.continuous:
            pairs = [self._precise(*place, dps=17) for place in zip(first, second, cov, strict=True)]
            value, slope = (np.array([float(part) for part in parts]) for parts in zip(*pairs, strict=True))
            return value, slope
        gap = gap_of(first, second, cov) if known is None else known
        return evaluate_pairs(self.activation, first, second, gap, np.copysign(1 - gap, cov))[:2]

    @kept
    def _values(self) -> dict[sp.Symbol, sp.Rational]:
        return {**self.activation.values, **self.partner.values}

    @kept
    def _in_float64(self) -> FloatFormula:
        return FloatFormula(self.numeric, tuple(self._values.items()))

    @kept
    def _formula(self) -> PreciseFormula:
        return PreciseFormula(self.value, self.slope, self.diagonal, self.diagonal_slope, tuple(self._values.items()))

    def _precise(self, first: Any, second: Any, cov: Any, dps: int) -> ValueAndSlope[Any]:
        place = [np.asarray(float(a)) for a in (first, second, cov)]
        check_covariance(*place)
        self.check_domain(*place)
        return self._formula(first, second, cov, dps)

    @kept
    def partials(self) -> Partials:
        """The partial derivatives of value and slope in q1, q2, c and the parameters."""
        return Partials(self)

    def check_domain(self, first: Any, second: Any, cov: Any) -> None:
        """Raise `NoSuchDual` where E[f(U) g(V)] does not exist."""
        for condition in self.pair_domain:
            values = condition.subs(self._values)
            margin = sp.lambdify([q1, q2, c], values, "numpy")(first, second, cov)
            if not np.all(np.asarray(margin) > 0):
                raise NoSuchDual(
                    f"E[s(U)s(V)] does not exist for {self.activation}: it needs {values} > 0; "
                    "use smaller W_std, b_std or inputs",
                    condition=condition,
                )


def closed_dual(activation: Activation, partner: Activation) -> ClosedDual:
    """The dual of two activations; raises `NoClosedForm` naming what lies outside the class."""
    return ClosedDual(activation, _formulae(*read_integrands((activation, partner))), partner)


def why_not_closed(activation: Activation, partner: Activation) -> str | None:
    """What lies outside the class, in words; None where there is a closed form."""
    try:
        closed_dual(activation, partner)
    except NoClosedForm as refusal:
        return str(refusal)
    return None


@lru_cache(maxsize=512)
def _formulae(f: Integrand, g: Integrand) -> Formulae:
    """Direct formulas, else by Price descent; activations that differ only in parameter values share them."""
    direct, descended = Formulae(f, g), DescendedFormulae(f, g)
    try:
        direct.check()
    except NoClosedForm as refusal:
        try:
            descended.check()
        except NoClosedForm:
            raise refusal from None
        return descended
    return direct
