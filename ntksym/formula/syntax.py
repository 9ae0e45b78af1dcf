"""Text to Python's syntax tree, and decimal literals to exact numbers, with the position of every complaint."""

import ast
import math
import warnings
from typing import NoReturn

import sympy as sp

from ntksym.errors import InvalidInput
from ntksym.formula.bounds import MAX_BITS, MAX_DEPTH, MAX_TEXT

__all__ = ["one_line", "rational", "refuse", "syntax_tree"]


def rational(text: str) -> sp.Rational:
    """The exact value of a decimal literal or fraction such as ``0.1``, ``1e-3`` or ``1/3``.

    Raises
    ------
    InvalidInput
        The number is longer than 400 characters or outside the range of float64.
    """
    mantissa, _, exponent = text.replace("_", "").lower().partition("e")
    if len(text) > 400 or len(exponent) > 5 or (exponent and abs(int(exponent)) > 400):
        raise InvalidInput(f"the number {text[:20]}... is outside the range of float64 or has too many digits")
    value = sp.Rational(mantissa) * sp.Integer(10) ** int(exponent or "0")
    if value != 0 and abs(math.log2(abs(int(value.p))) - math.log2(int(value.q))) > MAX_BITS:
        raise InvalidInput(f"the number {text[:20]} is outside the range of float64")
    return value


def one_line(text: str) -> str:
    """The text with line ends as blanks, stripped."""
    return text.translate({ord(space): " " for space in "\t\r\n"}).strip()


def syntax_tree(text: str) -> ast.Expression:
    """The syntax tree of a formula.

    Raises
    ------
    InvalidInput
        The text is too long, not plain ASCII, nested too deeply or not an expression.
    """
    if len(text) > MAX_TEXT:
        raise InvalidInput(f"the formula has {len(text)} characters; at most {MAX_TEXT} are accepted")
    stripped = one_line(text)
    if not stripped:
        raise InvalidInput("the formula is empty; write for example max(x, 0)")
    for position, character in enumerate(stripped):
        if not (" " <= character <= "~"):
            hint = {"π": "pi", "²": "**2", "³": "**3", "\u00d7": "*", "·": "*", "\u2212": "-", "√": "sqrt(...)"}.get(
                character
            )
            advice = f"; write {hint}" if hint else "; use plain ASCII on one line"
            refuse(f"the character {character!r} is not accepted{advice}", stripped, position)
        if character in "#\\`$?!;" and stripped[position : position + 2] != "!=":
            refuse(f"the character {character!r} is not part of a formula; remove it", stripped, position)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(stripped, mode="eval")
    except SyntaxError as error:
        advice = "write every product with *, as in 2*x, and close every parenthesis"
        if "lambda" in stripped:
            advice = "lambda is a word of Python: call the parameter lam"
        refuse(f"this is not a formula ({error.msg}); {advice}", stripped, max((error.offset or 1) - 1, 0))
    except (ValueError, MemoryError, RecursionError, OverflowError):
        raise InvalidInput(f"the formula is nested too deeply; at most {MAX_DEPTH} levels are accepted") from None


def refuse(message: str, text: str, position: int, **about: object) -> NoReturn:
    """Raise InvalidInput with the column and the text around it."""
    excerpt = text[max(position - 20, 0) : position + 20]
    raise InvalidInput(
        f"column {position + 1}, at {excerpt!r}: {message}", text=text, position=position, **about
    ) from None
