r"""Partial derivatives of a dual: how K = E[f(U) g(V)] and its slope D move with q1, q2, c and with parameters.

By the heat equation of the Gaussian density and by Price's theorem,

    dK/dq1 = E[f''(U) g(V)]/2 = (E[U f'(U) g(V)] - c D)/(2 q1),     dK/dc = D = E[f'(U) g'(V)],
    dK/da  = E[f_a(U) g(V)] + E[f(U) g_a(V)]     for a parameter a of f and g,

with derivatives in the sense of distributions, and the same for D with f', g' in the place of f, g.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import mpmath
import numpy as np
import numpy.typing as npt
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.dual.covariance import check_covariance, gap_of
from ntksym.dual.gradient_numbers import GradientNumbers
from ntksym.dual.protocol import Dual
from ntksym.errors import InvalidInput, NoClosedForm
from ntksym.kept import kept
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import SMALLEST_VARIANCE
from ntksym.symbolic.formulae import Formulae
from ntksym.symbolic.gradient import Gradient, GradientFormulae

__all__ = ["Partials"]


DIGITS = 17
"""Decimal digits of a float64."""

STEEP = 2.0**-20
"""1 - ``|rho|`` below which the derivatives of a function with jumps, of its power -3/2, cancel too much."""


class ClosedLike(Dual, Protocol):
    """A dual that has formulas."""

    @property
    def partner(self) -> Activation:
        """The second activation; the first itself unless this is a cross dual."""

    @property
    def formulae(self) -> Formulae:
        """The derived formulas."""

    @property
    def partials(self) -> Partials:
        """Its partial derivatives."""

    def check_domain(self, first: Any, second: Any, cov: Any) -> None:
        """Raise `NoSuchDual` where the expectation does not exist."""


@dataclass(frozen=True)
class Partials:
    """The partial derivatives of a dual in closed form.

    A parameter in an exponent of x, such as the degree of ``x**degree``, takes its value before anything is derived:
    there is no derivative in it, and `of` says so.

    Attributes
    ----------
    dual : ClosedDual
        K and D.
    """

    dual: ClosedLike

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self.dual, "partials")

    @property
    def formulas(self) -> Gradient[sp.Expr]:
        """All of them in q1, q2, c and the parameters, for ``c**2 < q1*q2``."""
        return self._formulae.formulas

    @property
    def diagonal(self) -> Gradient[sp.Expr | None]:
        """Their limits at c = q1 = q2 = q, in q and the parameters: infinite where they diverge, because s or s' jumps.

        None where the limit has no formula of its own; `evaluate` knows it there too.
        """
        return self._formulae.diagonal

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters that have derivatives."""
        return tuple(symbol.name for symbol in self._formulae.parameters)

    def of(self, name: str) -> tuple[sp.Expr, sp.Expr]:
        """The derivatives of value and slope in one variable, as formulas.

        Parameters
        ----------
        name : str
            "q1", "q2", "c" or the name of a parameter.

        Raises
        ------
        NoClosedForm
            For a parameter that was an exponent of x.
        InvalidInput
            If there is no such variable.
        """
        known = ("q1", "q2", "c", *self.parameters)
        if name in known:
            entries, place = self.formulas.entries, known.index(name)
            return entries[place], entries[len(known) + place]
        if name in {symbol.name for symbol in self._values}:
            raise NoClosedForm(
                f"{name} is an exponent of x in {self.dual.activation.name}: the derivative in it needs logarithms, "
                "which are outside the class; take differences of duals at neighbouring values",
                parameter=name,
            )
        raise InvalidInput(f"there is no variable {name!r}: choose one of {', '.join(known)}", name=name)

    def evaluate(
        self,
        q1: npt.ArrayLike,
        q2: npt.ArrayLike,
        c: npt.ArrayLike,
        *,
        dps: int | None = None,
        gap: npt.ArrayLike | None = None,
    ) -> Gradient[Any]:
        """All partial derivatives as numbers; where ``|rho|`` = 1 their limits, infinite where s or s' jumps.

        In float64 the errors are some roundings of sqrt(K(q1) K(q2))/q1 for dK/dq1, and so on: of the size that each
        derivative may have.

        Parameters
        ----------
        q1, q2 : array_like, shape (...)
            Variances, not negative; what is below 1e-140 is raised to it.
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
            Where the expectation does not exist.
        """
        first, second, cov = np.broadcast_arrays(*(np.asarray(a, dtype=np.float64) for a in (q1, q2, c)))
        check_covariance(first, second, cov)
        self.dual.check_domain(first, second, cov)
        if dps is not None:
            return self._gradient(self._numbers.at_digits(q1, q2, c, dps=dps))
        shape = cov.shape
        first, second, cov = (
            np.maximum(first, SMALLEST_VARIANCE).ravel(),
            np.maximum(second, SMALLEST_VARIANCE).ravel(),
            cov.ravel(),
        )
        known = None if gap is None else np.broadcast_to(np.asarray(gap, dtype=np.float64), shape).ravel()
        entries = self._numbers.in_float64(first, second, cov, known)
        self._put_exact(entries, (first, second, cov), known)
        return self._gradient(tuple(entry.reshape(shape)[()] for entry in entries))

    def _put_exact(self, entries: tuple[Array, ...], pairs: tuple[Array, Array, Array], known: Array | None) -> None:
        """Replace what the formulas lose in float64: where the dual says so, and at jumps near ``|rho|`` = 1."""
        lost = np.asarray(self.dual.accurate_range.excludes(*pairs[:2]))
        if not self.dual.continuous:
            gap = gap_of(*pairs) if known is None else known
            lost = lost | ((gap < STEEP) & (gap > 0))
        for i in np.flatnonzero(lost):
            first, second, cov = (float(side[i]) for side in pairs)
            place = (first, second, cov) if known is None else _from_gap(first, second, cov, float(known[i]))
            exact = self._numbers.at_digits(*place, dps=DIGITS)
            for entry, number in zip(entries, exact, strict=True):
                entry[i] = float(number)

    def _gradient(self, entries: tuple[Any, ...]) -> Gradient[Any]:
        return self._formulae.formulas.filled(entries)

    @kept
    def _values(self) -> dict[sp.Symbol, sp.Rational]:
        return {**self.dual.activation.values, **self.dual.partner.values}

    @kept
    def _formulae(self) -> GradientFormulae:
        present = self.dual.activation.expression.free_symbols | self.dual.partner.expression.free_symbols
        return GradientFormulae(self.dual.formulae, tuple(symbol for symbol in self._values if symbol in present))

    @kept
    def _numbers(self) -> GradientNumbers:
        return GradientNumbers(self._formulae, self._values)


def _from_gap(first: float, second: float, cov: float, gap: float) -> tuple[float, float, Any]:
    """The place with c from 1 - ``|rho|``, in as many digits as that takes."""
    with mpmath.workdps(20 * DIGITS):
        return first, second, mpmath.sign(cov) * (1 - mpmath.mpf(gap)) * mpmath.sqrt(mpmath.mpf(first) * second)
