"""Values of parameters are made exact: rational wherever they can be, irrational where sympy says so."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import sympy as sp

from ntksym.errors import InvalidInput
from ntksym.formula import check_expression, rational

__all__ = ["exact", "literal"]

DIGITS = 50
"""Digits taken of a number that formulas have no words for, such as EulerGamma: what verification may ask for."""


def exact(name: str, value: object) -> sp.Expr:
    """The exact value of a parameter; a float stands for its shortest decimal.

    A real number of sympy's is kept as it is, sqrt(2) or pi/4 for example; one that formulas have no words for, such as
    EulerGamma, becomes the decimal of its first 50 digits.

    Raises
    ------
    InvalidInput
        The value is not a finite real number.
    """
    if isinstance(value, np.ndarray) and value.shape == ():
        value = value[()]
    truth = isinstance(value, bool | np.bool_)
    if isinstance(value, Fraction | int | np.integer) and not truth:
        return rational(str(value))
    if isinstance(value, Decimal | float | np.floating) and math.isfinite(value):
        return rational(str(value))
    if isinstance(value, sp.Rational | sp.Float) and value.is_finite:
        return rational(str(value))
    if isinstance(value, sp.Expr) and value.is_number:
        number = sp.N(value, DIGITS)
        if isinstance(number, sp.Float) and number.is_finite:
            return _irrational(value, number)
    raise InvalidInput(
        f"the parameter {name} = {value!r} is not a finite real number; give an int, float, Fraction or sympy number",
        name=name,
        value=value,
    )


def _irrational(value: sp.Expr, number: sp.Float) -> sp.Expr:
    try:
        kept = check_expression(value.expand(func=True))
    except InvalidInput:
        return rational(str(number))
    return rational(str(kept)) if isinstance(kept, sp.Rational) else kept


def literal(value: sp.Expr) -> str:
    """Python text of a number: a decimal where it is finite and short, else a fraction or sympy's text."""
    if not isinstance(value, sp.Rational):
        return str(value)
    text = str(value)
    if value.is_Integer and len(text) <= 20:
        return text
    shortest = repr(float(value))
    return shortest if rational(shortest) == value else text if value.is_Integer else f"Fraction({value.p}, {value.q})"
