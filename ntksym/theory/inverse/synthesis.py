r"""From a kernel on the sphere back to an activation: Hermite coefficients from the coefficients of a power series.

Simon, Anand, DeWeese, "Reverse engineering the neural tangent kernel", ICML 2022 (arXiv:2106.03186).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.activation.pieces.identity import is_zero
from ntksym.errors import InvalidInput, ToleranceNotMet
from ntksym.symbols import rho, x
from ntksym.theory.inverse.generating import MOST_EXACT, WORKING_DIGITS, candidates, hermite_sum
from ntksym.theory.inverse.kernel_formula import examined, judged, read_kernel, remainder, value_at_one
from ntksym.theory.requests import Get, check_get, check_whole

__all__ = ["InverseActivation", "activation_for"]

FEWEST_TERMS = 16
"""Terms of a series without end, if that is enough: what they leave of 1/(2 - rho) is 2^-16."""

MOST_TERMS = 24
"""The dual of a polynomial of a higher degree loses its digits in float64."""

SIGNS = ("plus", "alternating")

ROUNDED = 4 * 10.0 ** (1 - WORKING_DIGITS)
"""Relative error of the square of a coefficient that is rounded to this many digits, of which the last may be off."""

FEW = 8
"""Coefficients that suggest a generating function."""

POINTS = ("-0.8413", "-0.1317", "0.1931", "0.7133")
"""Correlations at which a suggestion is refuted."""

SHOWN = 6


@dataclass(frozen=True)
class InverseActivation:
    """An activation whose network with one hidden layer, W_std = 1 and no bias has a given kernel on the sphere.

    Attributes
    ----------
    kernel : Expr
        f, in ``symbols.rho``: the kernel of points with ``|x|^2/dim = 1`` and correlation rho.
    get : {"nngp", "ntk"}
        Which kernel of the network it is.
    activation : Activation
        s.
    coefficients : tuple of Expr
        The first coefficients c_k of f = sum_k c_k rho^k, exact; all that ``activation`` uses, where it is a sum.
    error : float
        No less than the difference of f and the kernel of ``activation`` anywhere in [-1, 1]: 0.0 for a formula and a
        polynomial up to degree 12; beyond, where coefficients are rounded to 25 digits, 4e-24 f(1); and
        f(1) - sum of ``coefficients`` more for a series that was cut off.
    signs : {"plus", "alternating"}
        Of the Hermite coefficients.
    kind : {"formula", "polynomial", "truncated"}
        A closed form; a finite sum of Hermite polynomials; an infinite one, cut off.
    """

    kernel: sp.Expr
    get: Get
    activation: Activation
    coefficients: tuple[sp.Expr, ...]
    error: float
    signs: str
    kind: str

    @property
    def exact(self) -> bool:
        """Whether the kernel of ``activation`` is f."""
        return self.error == 0

    def to_dict(self) -> dict[str, Any]:
        """Plain data, formulas as text."""
        return {
            "kernel": str(self.kernel),
            "get": self.get,
            "activation": str(self.activation.expression),
            "coefficients": [str(entry) for entry in self.coefficients],
            "error": self.error,
            "signs": self.signs,
            "kind": self.kind,
        }

    def __str__(self) -> str:
        shown = ", ".join(map(str, self.coefficients[:SHOWN])) + (", ..." if len(self.coefficients) > SHOWN else "")
        how = "exactly" if self.exact else f"to {self.error:.2g}"
        return "\n".join(
            [
                f"{self.get}(rho) = {self.kernel}, {how}, for",
                f"  s(x) = {self.activation.expression}",
                f"  coefficients of rho^k: {shown}",
            ]
        )


def activation_for(
    kernel: str | sp.Expr | Sequence[Any],
    *,
    get: Get = "nngp",
    degree: int | None = None,
    tol: float = 0.01,
    signs: str = "plus",
) -> InverseActivation:
    r"""Find s = sum_k a_k h_k with sum_k a_k^2 rho^k = f(rho), or sum_k (k + 1) a_k^2 rho^k = f(rho) for the NTK.

    Parameters
    ----------
    kernel : str, sympy expression or sequence of numbers
        f as a formula in ``rho``, or the coefficients c_k of rho^k; a decimal is exact.
    get : {"nngp", "ntk"}
        Whether f shall be the NNGP kernel or the NTK of one hidden layer with W_std = 1, no bias, on
        ``|x|^2/dim = 1``.
    degree : int, optional
        The largest k of the a_k that are used where s has no closed form and the series no end, up to 23; by default
        15, or as many more as ``tol`` asks for. The signs of
        the first 128 coefficients, 32 if more grow beyond use, and of all powers that f itself names are decided in any
        case; of the rest, where there is no closed form, it is only made sure that their sum nowhere exceeds its value
        at one.
    tol : float
        What may be left out of a series that is cut off, in parts of f(1), where no degree is given.
    signs : {"plus", "alternating"}
        All a_k >= 0, or the signs +, +, -, -, repeated, with which for instance exp(rho) gives sin and cos instead of
        an exponential. Every choice of signs has the same kernel.

    Returns
    -------
    InverseActivation
        With ``.activation``, ``.coefficients``, and ``.error``, zero for closed forms and polynomials up to degree 12.

    Raises
    ------
    InvalidInput
        If f is no power series, if f(1) is infinite or beyond float64, and if a coefficient is negative, which is then
        named: f is not positive definite on the spheres of all dimensions.
    Undecided
        If the sign of a coefficient cannot be decided.
    ToleranceNotMet
        If more is left out at degree 23 than ``tol`` allows.

    References
    ----------
    Simon, Anand, DeWeese, ICML 2022, Theorem 3.1 and eq. (6) (arXiv:2106.03186); Schoenberg, Duke Math. J. 9 (1942).
    """
    count = FEWEST_TERMS if degree is None else check_whole("degree", degree, 0, MOST_TERMS - 1) + 1
    _check_tol(tol)
    check_get(get)
    if signs not in SIGNS:
        raise InvalidInput(f"unknown signs {signs!r}: choose one of {', '.join(SIGNS)}", signs=signs)
    formula = read_kernel(kernel)
    coefficients = examined(formula)
    judged(formula, coefficients)
    wanted = _Wanted(formula, get, signs, tuple(coefficients), value_at_one(formula))
    if formula.is_polynomial(rho):
        return _polynomial(wanted)
    found = _closed_form(wanted, count)
    return _truncated(wanted, count, None if degree is not None else tol) if found is None else found


@dataclass(frozen=True)
class _Wanted:
    """A kernel that is looked for: f, which kernel and signs, its first coefficients, f(1)."""

    formula: sp.Expr
    get: Get
    signs: str
    coefficients: tuple[sp.Expr, ...]
    whole: sp.Expr

    @property
    def squares(self) -> list[sp.Expr]:
        """a_k^2."""
        few = self.coefficients[:MOST_TERMS]
        return [entry / (k + 1) if self.get == "ntk" else entry for k, entry in enumerate(few)]

    def summed(self, count: int, rest: float) -> InverseActivation:
        """A sum of so many Hermite polynomials; with roots as coefficients where nothing is cut off and few are."""
        squares = self.squares[:count]
        exact = rest == 0 and len(squares) <= MOST_EXACT + 1
        error = 0.0 if exact else rest + ROUNDED * float(self.whole)
        activation = Activation(hermite_sum(squares, self.signs, exact))
        kind = "truncated" if rest else "polynomial"
        known = self.coefficients[:count]
        return InverseActivation(self.formula, self.get, activation, known, error, self.signs, kind)


def _polynomial(wanted: _Wanted) -> InverseActivation:
    """The activation of a kernel that is a polynomial."""
    degree = max((k for k, entry in enumerate(wanted.coefficients) if entry != 0), default=0)
    if degree >= MOST_TERMS:
        raise InvalidInput(
            f"the kernel is a polynomial of degree {degree}, and polynomial activations of degrees above "
            f"{MOST_TERMS - 1} lose their digits in float64; leave out its highest powers",
            degree=degree,
        )
    return wanted.summed(degree + 1, 0.0)


def _closed_form(wanted: _Wanted, count: int) -> InverseActivation | None:
    """The activation of a kernel whose coefficients suggest a generating function, which is then proved."""
    formula, get, signs = wanted.formula, wanted.get, wanted.signs
    suggested = candidates(wanted.squares[:FEW], signs)
    match = next((s for nngp, s in suggested if _is_kernel(formula, nngp, get)), None)
    if match is None:
        return None
    return InverseActivation(formula, get, Activation(match), wanted.coefficients[:count], 0.0, signs, "formula")


def _truncated(wanted: _Wanted, count: int, tol: float | None) -> InverseActivation:
    """The first terms of a series without end: so many, or as many more as ``tol`` asks for."""
    formula, coefficients = wanted.formula, wanted.coefficients
    allowed = math.inf if tol is None else tol * float(wanted.whole)
    rest = remainder(formula, wanted.whole, coefficients[:count])
    while rest is not None and rest > allowed and count < MOST_TERMS:
        count += 1
        rest = remainder(formula, wanted.whole, coefficients[:count])
    if rest is None:
        raise InvalidInput(
            f"{formula} is not positive definite on every sphere: a coefficient beyond that of "
            f"rho**{len(coefficients) - 1} is negative; take a kernel whose power series has no negative coefficient",
            formula=formula,
        )
    if rest > allowed:
        share = rest / float(wanted.whole)
        raise ToleranceNotMet(
            f"the coefficients of {formula} fall too slowly for a polynomial: what is left out above "
            f"rho**{MOST_TERMS - 1} is {share:.2g} of its value at one, more than tol={tol:g}; ask for that with "
            f"degree={MOST_TERMS - 1}, or take a smoother kernel",
            kernel=formula,
            error=rest,
        )
    return wanted.summed(count, rest)


def _check_tol(tol: Any) -> None:
    good = isinstance(tol, int | float) and not isinstance(tol, bool)
    if not (good and 0 < tol < math.inf):
        raise InvalidInput(f"tol must be a positive finite number, not {tol!r}; try tol=0.01", tol=tol)


def _is_kernel(formula: sp.Expr, nngp: sp.Expr, get: Get) -> bool:
    """Whether f is proved to be g, or g + rho g' for the NTK."""
    made = nngp + rho * sp.diff(nngp, rho) if get == "ntk" else nngp
    return is_zero((formula - made).xreplace({rho: x}), points=POINTS) is True
