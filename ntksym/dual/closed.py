"""Duals in closed form: E[s(U)s(V)] and E[s'(U)s'(V)] for jointly Gaussian U, V as formulas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
import sympy as sp

from ntksym import typeset
from ntksym.activation.activation import Activation
from ntksym.dual.accurate_range import Trusted, keeps_by_noise, keeps_by_precision
from ntksym.dual.covariance import ROUNDING, SMALLEST, ValueAndSlope, check_covariance, gap_of, snapped
from ntksym.errors import InvalidInput, NoClosedForm, NoSuchDual
from ntksym.hermite.pair_values import evaluate_pairs
from ntksym.special.symbolic import MPMATH, NUMPY
from ntksym.symbolic.descent import DescendedFormulae
from ntksym.symbolic.formulae import VIEWS, Formulae
from ntksym.symbolic.integrands import Integrand, read_integrands
from ntksym.symbolic.numeric_form import NumericForm, numeric
from ntksym.symbolic.steps import Step, steps_of
from ntksym.symbols import c, det, q, q1, q2

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

    kind = "closed"

    def __reduce__(self) -> tuple[Any, ...]:
        return closed_dual, (self.activation, self.partner)

    @cached_property
    def value(self) -> sp.Expr:
        """E[f(U) g(V)] in q1, q2, c and the parameters."""
        return self.formulae.expression()

    @cached_property
    def slope(self) -> sp.Expr:
        """E[f'(U) g'(V)] = d value/d c; infinite on the diagonal where `continuous` is False."""
        return self.formulae.slope.expression()

    @cached_property
    def diagonal(self) -> sp.Expr:
        """E[f(U) g(U)] in q."""
        return self.formulae.diagonal

    @cached_property
    def diagonal_slope(self) -> sp.Expr | None:
        """E[f'(U) g'(U)] in q, None where it diverges because the activation jumps."""
        return self.formulae.slope.diagonal if self.continuous else None

    @cached_property
    def continuous(self) -> bool:
        """Whether the activation has no jump; a jump makes the slope infinite on the diagonal."""
        return self.formulae.is_continuous

    @property
    def stable(self) -> bool:
        """Whether `numeric` keeps its digits near |rho| = 1; where not, `evaluate` sums the series."""
        return self.formulae.is_stable

    @cached_property
    def trusted(self) -> Trusted:
        """The variances at which `numeric` keeps its digits; at others, the series does."""
        if self.activation == self.partner and self.activation.homogeneity is not None:
            return Trusted(lambda ladder: [True] * len(ladder))  # each is like every other
        if self.value.has(sp.Integral):
            return Trusted(partial(keeps_by_precision, self._in_float64, self._evaluate_safely))
        return Trusted(partial(keeps_by_noise, self._in_float64))

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

    @cached_property
    def bent(self) -> NumericForm | None:
        """`numeric` with the derivative of the slope in c; None where that has no closed form."""
        try:
            return replace(self.numeric, bend=numeric(self.formulae.slope.slope.terms))
        except NoClosedForm:
            return None

    @cached_property
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
            raise InvalidInput(f"unknown view {name!r}: choose one of {', '.join(VIEWS)}")
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

    def error_bound(self, q1: npt.ArrayLike, q2: npt.ArrayLike) -> Any:
        """Bound on ``|value - exact|``: zero, the formula is exact."""
        return np.zeros(np.broadcast(np.asarray(q1), np.asarray(q2)).shape)[()]

    slope_error_bound = error_bound

    def evaluate(
        self,
        q1: npt.ArrayLike,
        q2: npt.ArrayLike,
        c: npt.ArrayLike,
        *,
        dps: int | None = None,
        gap: npt.ArrayLike | None = None,
    ) -> ValueAndSlope:
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
            return self._evaluate_precisely(q1, q2, c, dps)
        first, second, cov = (np.asarray(a, dtype=np.float64) for a in (q1, q2, c))
        check_covariance(first, second, cov)
        self._check_domain(first, second, cov)
        first, second, cov = np.broadcast_arrays(np.maximum(first, SMALLEST), np.maximum(second, SMALLEST), cov)
        known = None if gap is None else np.broadcast_to(np.asarray(gap, dtype=np.float64), cov.shape)
        value, slope = self._in_float64(first, second, cov, known)
        lost = self.loses_digits(first, second)
        if lost.any():
            some = first[lost], second[lost], cov[lost], None if known is None else known[lost]
            value[lost], slope[lost] = self._evaluate_elsewhere(*some)
        return ValueAndSlope(value[()], slope[()])

    def loses_digits(self, *variances: Any) -> Any:
        """Where one of these variances is not trusted; everywhere if this is not `stable`."""
        return self.trusted.lost(*variances) if self.stable else np.ones(np.broadcast(*variances).shape, dtype=bool)

    def _evaluate_elsewhere(self, first: Any, second: Any, cov: Any, known: Any) -> tuple[Any, Any]:
        """Value and slope where the formulas lose digits in float64: by the series, or at higher precision."""
        if self.activation != self.partner or not self.continuous:
            safely = np.vectorize(self._evaluate_safely, otypes=[np.float64, np.float64])
            value, slope = safely(first, second, cov)
            return value, slope
        gap = gap_of(first, second, cov) if known is None else known
        return evaluate_pairs(self.activation, first, second, gap, np.copysign(1 - gap, cov))[:2]

    def _in_float64(self, first: Any, second: Any, cov: Any, known: Any = None) -> ValueAndSlope:
        cov, determinant = snapped(first, second, cov, known)
        with np.errstate(divide="ignore", over="ignore", under="ignore", invalid="ignore"):
            floor = np.maximum(determinant, (ROUNDING if known is None else ROUNDING**2) * first * second)
            pair = self._functions(first, second, cov, determinant, floor, *self._parameter_floats)
            diagonal = self._diagonal_functions(first, *self._parameter_floats)
        equal = (determinant == 0) & (cov > 0) & (first == second)
        value, slope = (np.where(equal, d, p) for d, p in zip(diagonal, pair, strict=True))
        if not self.continuous:
            slope = np.where(determinant == 0, np.inf, slope)
        return ValueAndSlope(value, slope)

    @cached_property
    def _parameter_symbols(self) -> tuple[sp.Symbol, ...]:
        return tuple({**self.activation.values, **self.partner.values})

    @cached_property
    def _values(self) -> dict[sp.Symbol, sp.Rational]:
        return {**self.activation.values, **self.partner.values}

    @cached_property
    def _parameter_floats(self) -> tuple[float, ...]:
        return tuple(float(v) for v in self._values.values())

    @cached_property
    def _functions(self) -> Callable[..., tuple[Any, Any]]:
        floored = sp.Symbol("floored", positive=True)
        arguments = [q1, q2, c, det, floored, *self._parameter_symbols]
        pair = [
            e.replace(lambda p: p.is_Pow and p.base == det and p.exp.is_negative, lambda p: floored**p.exp)
            for e in (self.numeric.value, sp.sympify(self.numeric.slope))
        ]
        compiled: Callable[..., tuple[Any, Any]] = sp.lambdify(arguments, pair, modules=[NUMPY, "numpy"], cse=True)
        return compiled

    @cached_property
    def _diagonal_functions(self) -> Callable[..., tuple[Any, Any]]:
        numeric = self.numeric
        slope = sp.oo if numeric.diagonal_slope is None else numeric.diagonal_slope
        compiled: Callable[..., tuple[Any, Any]] = sp.lambdify(
            [q, *self._parameter_symbols], (numeric.diagonal_value, slope), modules=[NUMPY, "numpy"], cse=True
        )
        return compiled

    @cached_property
    def _precise_diagonal(self) -> Callable[..., tuple[Any, Any]]:
        compiled: Callable[..., tuple[Any, Any]] = sp.lambdify(
            [q, *self._parameter_symbols], (self.diagonal, self.diagonal_slope), modules=[MPMATH, "mpmath"]
        )
        return compiled

    @cached_property
    def _precise_functions(self) -> Callable[..., tuple[Any, Any]]:
        arguments = [q1, q2, c, *self._parameter_symbols]
        compiled: Callable[..., tuple[Any, Any]] = sp.lambdify(
            arguments, (self.value, self.slope), modules=[MPMATH, "mpmath"], cse=not self.value.has(sp.Integral)
        )
        return compiled

    def _evaluate_safely(self, first: float, second: float, cov: float) -> ValueAndSlope:
        value, slope = self._evaluate_precisely(first, second, cov, 17)
        return ValueAndSlope(float(value), float(slope))

    def _evaluate_precisely(self, first: Any, second: Any, cov: Any, dps: int) -> ValueAndSlope:
        """Doubles the working precision until two results agree: what cancels near |rho| = 1 is found, not guessed."""
        check_covariance(*(np.asarray(float(a)) for a in (first, second, cov)))
        self._check_domain(*(np.asarray(float(a)) for a in (first, second, cov)))
        working, previous = dps + 15, None
        while working < 64 * (dps + 15):
            with mpmath.workdps(working):
                result = self._at_precision(mpmath.mpf(first), mpmath.mpf(second), mpmath.mpf(cov), dps)
                if previous is not None and _agree(previous, result, dps):
                    return ValueAndSlope(*result)
            previous, working = result, 2 * working
        raise NoSuchDual(f"the formula does not settle at q1={first}, q2={second}, c={cov}: the slope diverges there")

    def _at_precision(self, first: Any, second: Any, cov: Any, dps: int) -> tuple[Any, Any]:
        # Limits at zero variance and |rho| = 1 are approached within tiny: value and slope, Hoelder continuous of order
        # 1/2 or better there, keep dps digits. The formula cancels up to the power 3/2 of that.
        tiny = mpmath.mpf(10) ** (-2 * dps - 6)
        on_the_edge = min(first, second) < tiny or abs(cov) >= mpmath.sqrt(first * second) * (1 - mpmath.eps)
        with mpmath.extradps(3 * dps + 12 if on_the_edge else 0):
            first, second = max(first, tiny), max(second, tiny)
            bound = mpmath.sqrt(first * second) * (1 - tiny if on_the_edge else 1)
            cov = max(-bound, min(bound, cov))
            parameters = [mpmath.mpf(v.p) / v.q for v in self._values.values()]
            if first == second and on_the_edge and cov > 0 and self.continuous:
                return self._precise_diagonal(first, *parameters)
            value, slope = self._precise_functions(first, second, cov, *parameters)
            if not self.continuous and on_the_edge and abs(cov) == bound:
                slope = mpmath.inf
            return mpmath.re(value), mpmath.re(slope)

    def _check_domain(self, first: Any, second: Any, cov: Any) -> None:
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


def _agree(left: tuple[Any, Any], right: tuple[Any, Any], dps: int) -> bool:
    tolerance = mpmath.mpf(10) ** (-dps)
    return all(
        a == b or abs(a - b) <= tolerance * max(abs(b), mpmath.mpf(10) ** (-4 * dps))
        for a, b in zip(left, right, strict=True)
    )
