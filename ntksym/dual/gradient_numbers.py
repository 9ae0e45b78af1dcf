"""Formulas of partial derivatives as numbers: float64 arrays or mpmath numbers, with the limits at ``|rho|`` = 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from ntksym.dual.covariance import ROUNDING, snapped
from ntksym.errors import NoSuchDual
from ntksym.kept import kept
from ntksym.numerics.arrays import Array
from ntksym.special.symbolic import MPMATH, NUMPY
from ntksym.symbolic.gradient import GradientFormulae
from ntksym.symbolic.numeric_form import Grouped, edge, inward
from ntksym.symbols import c, det, q, q1, q2

__all__ = ["GradientNumbers"]


APPROACH = 2.0**-36, 2.0**-44
"""1 - ``|rho|`` at two places on the way to the edge, the second still 32 times what c itself forgets of it."""

GROWN = 4.0
"""Factor from the first to the second that shows a singularity: the mildest, (1 - ``|rho|``)**(-1/2), gives 16."""

CLOSER = 8
"""Decimal digits between the two places at higher precision, where that singularity gives 10**4."""

MOST_DOUBLINGS = 6
"""Doublings of the working precision after which no more is tried: what converges agrees after one or two."""


@dataclass(frozen=True)
class GradientNumbers:
    """The partial derivatives of a dual with values of its parameters.

    Attributes
    ----------
    formulae : GradientFormulae
        The formulas.
    values : dict of Symbol to Rational
        The parameters, those without derivatives too.
    """

    formulae: GradientFormulae
    values: dict[sp.Symbol, sp.Rational]

    def in_float64(self, first: Array, second: Array, cov: Array, known: Array | None) -> tuple[Array, ...]:
        """All entries of the gradient at q1, q2, c, shape (n,); infinite where a limit at ``|rho|`` = 1 is.

        Parameters
        ----------
        first, second, cov : float arrays, shape (n,)
            q1, q2, positive, and c.
        known : float array, shape (n,), or None
            1 - ``|rho|``, where it is known better than c can tell.
        """
        snapped_cov, determinant = snapped(first, second, cov, known)
        entries = self._pair(first, second, snapped_cov, determinant, known)
        edge = determinant == 0
        if edge.any():
            self._continue(entries, edge, first, second, cov)
        return tuple(entries)

    def _continue(self, entries: list[Array], edge: Any, first: Array, second: Array, cov: Array) -> None:
        """Put the limits where ``|rho|`` = 1: by the formulas of the diagonal, else infinity where entries grow."""
        same = edge & (first == second) & (cov > 0)
        parameters = [float(value) for value in self.values.values()]
        with np.errstate(divide="ignore", over="ignore", under="ignore", invalid="ignore"):
            limits = self._limits(first[same], *parameters)
        place = first[edge], second[edge], cov[edge]
        near = [
            self._pair(*place[:2], *snapped(*place, np.full(np.shape(place[0]), gap)), place[0]) for gap in APPROACH
        ]
        for entry, limit, far, close in zip(entries, limits, *near, strict=True):
            with np.errstate(invalid="ignore", over="ignore"):
                grows = np.abs(close) > GROWN * np.abs(far)
            entry[edge] = np.where(grows, np.copysign(np.inf, close), entry[edge])
            if limit is not None:
                entry[same] = limit

    def _pair(self, first: Array, second: Array, cov: Array, determinant: Array, known: Any) -> list[Array]:
        parameters = [float(value) for value in self.values.values()]
        with np.errstate(divide="ignore", over="ignore", under="ignore", invalid="ignore"):
            floor = np.maximum(determinant, (ROUNDING if known is None else ROUNDING**2) * first * second)
            end = np.copysign(np.where(first == second, first, np.sqrt(first) * np.sqrt(second)), cov)
            inwards = -determinant / (end + cov)
            found = self._functions(first, second, cov, determinant, floor, end, inwards, *parameters)
        return [np.array(np.broadcast_to(entry, np.shape(first)), dtype=np.float64) for entry in found]

    @kept
    def _functions(self) -> Callable[..., tuple[Any, ...]]:
        floored = sp.Symbol("floored", positive=True)
        entries = [
            sp.sympify(entry).replace(
                lambda p: p.is_Pow and p.base == det and p.exp.is_negative, lambda p: floored**p.exp
            )
            for entry in self.formulae.numeric.entries
        ]
        arguments = [q1, q2, c, det, floored, edge, inward, *self.values]
        modules = [{Grouped.__name__: np.asarray}, NUMPY, "numpy"]
        compiled: Callable[..., tuple[Any, ...]] = sp.lambdify(arguments, entries, modules=modules, cse=True)
        return compiled

    @kept
    def _limits(self) -> Callable[..., list[Any]]:
        entries = self.formulae.numeric_diagonal.entries
        known = [entry for entry in entries if entry is not None]
        compiled = sp.lambdify([q, *self.values], known, modules=[NUMPY, "numpy"], cse=True)

        def limits(*arguments: Any) -> list[Any]:
            found = iter(compiled(*arguments))
            return [None if entry is None else next(found) for entry in entries]

        return limits

    def at_digits(self, first: Any, second: Any, cov: Any, *, dps: int) -> tuple[Any, ...]:
        """All entries at one place to ``dps`` digits; the working precision is doubled until two results agree.

        Raises
        ------
        NoSuchDual
            If no two agree.
        """
        working, previous = dps + 15, None
        for _ in range(MOST_DOUBLINGS):
            with mpmath.workdps(working):
                found = self._at_precision(mpmath.mpf(first), mpmath.mpf(second), mpmath.mpf(cov), dps)
                if previous is not None and _agree(previous, found, dps):
                    return found
            previous, working = found, 2 * working
        raise NoSuchDual(
            f"the derivatives do not settle at q1={first}, q2={second}, c={cov}: one of them diverges there",
            first=first,
            second=second,
            cov=cov,
        )

    def _at_precision(self, first: Any, second: Any, cov: Any, dps: int) -> tuple[Any, ...]:
        # Limits at zero variance and |rho| = 1 are approached within tiny. What is finite there is Hoelder continuous
        # of order 1/2 or better, and keeps dps digits; the formulas cancel up to the power 7/2 of the distance.
        tiny = mpmath.mpf(10) ** (-2 * dps - 6)
        on_the_edge = min(first, second) < tiny or abs(cov) >= mpmath.sqrt(first * second) * (1 - mpmath.eps)
        with mpmath.extradps(7 * dps + 40 if on_the_edge else 0):
            first, second = max(first, tiny), max(second, tiny)
            bound = mpmath.sqrt(first * second) * (1 - tiny if on_the_edge else 1)
            parameters = [mpmath.mpf(v.p) / v.q for v in self.values.values()]
            clipped = max(-bound, min(bound, cov))
            found = self._at_digits(first, second, clipped, *parameters)
            if on_the_edge and abs(clipped) == bound:
                nearer = mpmath.sqrt(first * second) * (1 - tiny * mpmath.mpf(10) ** -CLOSER)
                close = self._at_digits(first, second, mpmath.sign(cov) * nearer, *parameters)
                pairs = zip(found, close, strict=True)
                found = [mpmath.sign(b) * mpmath.inf if abs(b) > GROWN * abs(a) else b for a, b in pairs]
            if on_the_edge and first == second and cov > 0:
                limits = self._limits_at_digits(first, *parameters)
                found = [entry if limit is None else limit for entry, limit in zip(found, limits, strict=True)]
            return tuple(mpmath.re(entry) for entry in found)

    @kept
    def _at_digits(self) -> Callable[..., list[Any]]:
        entries = self.formulae.formulas.entries
        shared = not any(entry.has(sp.Integral) for entry in entries)
        compiled: Callable[..., list[Any]] = sp.lambdify(
            [q1, q2, c, *self.values], entries, modules=[MPMATH, "mpmath"], cse=shared
        )
        return compiled

    @kept
    def _limits_at_digits(self) -> Callable[..., list[Any]]:
        entries = self.formulae.diagonal.entries
        known = [entry for entry in entries if entry is not None]
        compiled = sp.lambdify([q, *self.values], known, modules=[MPMATH, "mpmath"])

        def limits(*arguments: Any) -> list[Any]:
            found = iter(compiled(*arguments))
            return [None if entry is None else next(found) for entry in entries]

        return limits


def _agree(left: tuple[Any, ...], right: tuple[Any, ...], dps: int) -> bool:
    tolerance, floor = mpmath.mpf(10) ** (-dps), mpmath.mpf(10) ** (-4 * dps)
    return all(a == b or abs(a - b) <= tolerance * max(abs(b), floor) for a, b in zip(left, right, strict=True))
