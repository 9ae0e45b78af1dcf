"""Text becomes Python's syntax tree, whatever its notation, and a decimal literal the exact number that it says."""

import ast
import math
import warnings

import sympy as sp

from ntksym.errors import InvalidInput
from ntksym.formula.bounds import MAX_BITS, MAX_DEPTH, MAX_TEXT
from ntksym.formula.notation import Notation, one_line, pythonic

__all__ = ["rational", "syntax_tree"]


def rational(text: str) -> sp.Rational:
    """The exact value of a decimal literal or fraction such as ``0.1``, ``1e-3`` or ``1/3``.

    Raises
    ------
    InvalidInput
        The number is longer than 400 characters or outside the range of float64.
    """
    mantissa, _, exponent = text.replace("_", "").lower().partition("e")
    if len(text) > 400 or len(exponent) > 5 or (exponent and abs(int(exponent)) > 400):
        raise InvalidInput(
            f"the number {text[:20]}... is outside the range of float64 or has too many digits", text=text
        )
    value = sp.Rational(mantissa) * sp.Integer(10) ** int(exponent or "0")
    if value != 0 and abs(math.log2(abs(int(value.p))) - math.log2(int(value.q))) > MAX_BITS:
        raise InvalidInput(f"the number {text[:20]} is outside the range of float64; take one nearer to 1", text=text)
    return value


def syntax_tree(text: str) -> tuple[ast.expr, Notation]:
    """The syntax tree of a formula, and the notation that its columns refer to.

    Raises
    ------
    InvalidInput
        The text is too long, has characters without a meaning, is nested too deeply or not an expression.
    """
    if len(text) > MAX_TEXT:
        raise InvalidInput(
            f"the formula has {len(text)} characters; at most {MAX_TEXT} are accepted", length=len(text), most=MAX_TEXT
        )
    typed = one_line(text)
    if not typed:
        raise InvalidInput("the formula is empty; write for example max(x, 0)", text=text)
    notation = pythonic(typed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(notation.python, mode="eval").body, notation
    except SyntaxError as error:
        advice = "close every parenthesis and write something on both sides of every operator"
        if "lambda" in typed:
            advice = "lambda is a word of Python: call the parameter lam"
        notation.refuse(f"this is not a formula ({error.msg}); {advice}", max((error.offset or 1) - 1, 0))
    except (ValueError, MemoryError, RecursionError, OverflowError):
        raise InvalidInput(
            f"the formula is nested too deeply; at most {MAX_DEPTH} levels are accepted", text=typed, most=MAX_DEPTH
        ) from None
