"""A kernel on the sphere as its user writes it: read, expanded at rho = 0, and judged by its coefficients."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from ntksym.activation.pieces.sign_decider import SignDecider
from ntksym.errors import InvalidInput, NoClosedForm, Undecided
from ntksym.formula import check_expression, compile_mpmath, parse, rational
from ntksym.numerics.limits import SQUARABLE
from ntksym.symbols import rho, x
from ntksym.theory.powers.taylor import taylor

__all__ = ["coefficients_of", "examined", "judged", "read_kernel", "remainder", "value_at_one"]

NUMBER_DIGITS = 30
"""Digits in which coefficients and values of a kernel are compared with each other."""

EXAMINED, FEWEST = 128, 32
"""Coefficients whose signs are decided; where that number grows beyond use."""


PLACES = 129
"""Correlations at which a remainder is compared with its value at one."""

WAY_OUT = (
    "write it in + - * / **, exp, log, sqrt, sin, cos, sinh, cosh, asin, acos, atan, erf, or give its coefficients"
)


def read_kernel(kernel: Any) -> sp.Expr:
    """The kernel as an expression in ``symbols.rho``.

    Parameters
    ----------
    kernel : str, sympy expression or sequence of numbers
        A formula in ``rho``, or the coefficients of its powers.

    Raises
    ------
    InvalidInput
        For anything else.
    """
    if isinstance(kernel, str):
        return parse(kernel, argument="rho").xreplace({x: rho})
    if isinstance(kernel, sp.Expr):
        return check_expression(kernel, argument="rho").xreplace({x: rho})
    if isinstance(kernel, Sequence | np.ndarray) and len(kernel):
        return sp.Add(*(_number(k, entry) * rho**k for k, entry in enumerate(kernel)))
    raise InvalidInput(
        f"a kernel is a text or sympy expression in rho, or a sequence of coefficients, not {kernel!r}; "
        'write for example "exp(rho - 1)"',
        kernel=kernel,
    )


def _number(k: int, entry: Any) -> sp.Expr:
    if isinstance(entry, sp.Expr) and entry.is_number:
        return check_expression(entry)
    real = isinstance(entry, int | float | Fraction | np.integer | np.floating)
    if isinstance(entry, bool | np.bool_) or not real or not np.isfinite(float(entry)):
        raise InvalidInput(
            f"the coefficient c_{k} = {entry!r} is not a finite number; give ints, floats or Fractions",
            k=k,
            entry=entry,
        )
    return rational(str(entry))


def examined(kernel: sp.Expr) -> list[sp.Expr]:
    """The coefficients whose signs are decided: 128, and all up to the degree of any polynomial in the kernel.

    Where that number of exact ones grows beyond use, 32.

    Parameters
    ----------
    kernel : Expr
        In ``symbols.rho``.

    Raises
    ------
    InvalidInput
        For a function that is no power series at rho = 0.
    """
    expanded = sp.Add.make_args(sp.expand(kernel))
    degree = max((int(sp.degree(term, rho)) for term in expanded if term != 0 and term.is_polynomial(rho)), default=0)
    count = max(EXAMINED, degree + 1)
    try:
        return coefficients_of(kernel, count)
    except InvalidInput:
        if degree >= FEWEST:
            raise
        return coefficients_of(kernel, FEWEST)


def coefficients_of(kernel: sp.Expr, count: int) -> list[sp.Expr]:
    """The coefficients of 1, rho, ..., rho^(count - 1), exactly.

    Parameters
    ----------
    kernel : Expr
        In ``symbols.rho``.
    count : int
        How many.

    Raises
    ------
    InvalidInput
        For a function that is no power series at rho = 0, or has none here.
    """
    if kernel.is_polynomial(rho):
        found = sp.Poly(kernel, rho).all_coeffs()[::-1]
        return (found + [sp.S.Zero] * count)[: max(count, len(found))]
    try:
        series = taylor(kernel, rho, sp.S.Zero, count)
    except NoClosedForm as refusal:
        about = str(refusal).partition(";")[0]
        raise InvalidInput(
            f"{kernel} has no power series at rho = 0 that is found here ({about}); {WAY_OUT}", kernel=kernel
        ) from None
    return [sp.sympify(entry) for entry in series]


def judged(kernel: sp.Expr, coefficients: Sequence[sp.Expr]) -> None:
    """Make sure that no coefficient is negative.

    Raises
    ------
    InvalidInput
        Naming the first that is: the kernel is not positive definite on spheres of every dimension (Schoenberg 1942).
    Undecided
        Naming one whose sign is not decided.
    """
    for k, coefficient in enumerate(coefficients):
        try:
            sign = SignDecider({}).sign(_of_size_one(coefficient))
        except NoClosedForm as refusal:
            raise Undecided(f"the sign of the coefficient c_{k} is not decided: {refusal}", index=k) from None
        if sign < 0:
            value = coefficient if coefficient.is_Rational else f"{coefficient} = {float(coefficient):.6g}"
            raise InvalidInput(
                f"{kernel} is not positive definite on every sphere: the coefficient of rho**{k} is {value}, negative; "
                "take a kernel whose power series has no negative coefficient",
                index=k,
                value=coefficient,
            )


def _of_size_one(coefficient: sp.Expr) -> sp.Expr:
    """The coefficient times a power of two: 1/100! is not small, it is a coefficient of exp."""
    size = abs(mpmath.mpmathify(coefficient.evalf(NUMBER_DIGITS)))
    return coefficient * sp.Integer(2) ** -mpmath.frexp(size)[1] if size else coefficient


def value_at_one(kernel: sp.Expr) -> sp.Expr:
    """f(1), the sum of all coefficients.

    Raises
    ------
    InvalidInput
        If it is infinite, beyond float64, or not found.
    """
    value = kernel.subs(rho, 1)
    if not (value.is_number and value.is_finite):
        try:
            value = sp.limit(kernel, rho, 1, "-")
        except (NotImplementedError, ValueError) as error:
            raise InvalidInput(
                f"the value of {kernel} at rho = 1 is not found; write it in another form", kernel=kernel
            ) from error
    if not (value.is_number and value.is_finite and value.is_real):
        raise InvalidInput(
            f"{kernel} at rho = 1 is {value}, but E[s(U)^2] must be a finite number; scale rho, as in rho/2, or "
            "subtract what diverges",
            kernel=kernel,
            value=value,
        )
    if abs(value.evalf(NUMBER_DIGITS)) > SQUARABLE:
        raise InvalidInput(
            f"{kernel} at rho = 1 is {value.evalf(6)}, beyond float64, in which its activation is evaluated; "
            "divide the kernel by a number",
            value=value,
        )
    return value


def remainder(kernel: sp.Expr, whole: sp.Expr, coefficients: Sequence[sp.Expr]) -> float | None:
    """f(1) - sum of the coefficients, which bounds what is left out at every rho in [-1, 1]; never less than its error.

    None if the remainder exceeds its value at one somewhere: then a later coefficient is negative.

    Parameters
    ----------
    kernel : Expr
        f, in ``symbols.rho``.
    whole : Expr
        f(1).
    coefficients : sequence of Expr
        Of rho^0, rho^1, ...; not negative.
    """
    with mpmath.workdps(NUMBER_DIGITS):
        parts = [mpmath.mpmathify(entry.evalf(NUMBER_DIGITS)) for entry in coefficients]
        largest = mpmath.mpmathify(whole.evalf(NUMBER_DIGITS)) - mpmath.fsum(parts)
        function = compile_mpmath(kernel.xreplace({rho: x}), {})
        noise = mpmath.mpf(10) ** (10 - NUMBER_DIGITS) * (1 + abs(largest) + mpmath.fsum(parts))
        places = [mpmath.mpf(k) / PLACES for k in range(1 - PLACES, PLACES)]
        rests = [mpmath.re(function(place)) - mpmath.polyval(parts[::-1], place) for place in places]
        if largest < -noise or any(abs(rest) > largest + noise for rest in rests):
            return None
        return float(max(largest, noise))
