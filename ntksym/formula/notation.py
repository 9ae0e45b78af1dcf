"""Mathematical notation as people type it, rewritten to Python's: x^2, x², √x, |x|, π and · become one plain text.

Every column of the rewritten text remembers the column it came from, so that complaints point into what was typed.
"""

import keyword
import re
import unicodedata
from dataclasses import dataclass
from typing import NoReturn

from ntksym.errors import InvalidInput

__all__ = ["Notation", "one_line", "pythonic", "refuse"]

_SPELT: dict[str, str] = {
    "\N{MIDDLE DOT}": "*",
    "\N{DOT OPERATOR}": "*",
    "\N{BULLET OPERATOR}": "*",
    "\N{ASTERISK OPERATOR}": "*",
    "\N{MULTIPLICATION SIGN}": "*",
    "\N{MINUS SIGN}": "-",
    "\N{EN DASH}": "-",
    "\N{DIVISION SIGN}": "/",
    "\N{DIVISION SLASH}": "/",
    "\N{FRACTION SLASH}": "/",
    "\N{LESS-THAN OR EQUAL TO}": "<=",
    "\N{GREATER-THAN OR EQUAL TO}": ">=",
    "\N{NOT EQUAL TO}": "!=",
    "^": "**",
    "π": "pi",
    "Φ": "Phi",
    "∞": "oo",
    "½": "(1/2)",
    "⅓": "(1/3)",
    "⅔": "(2/3)",
    "¼": "(1/4)",
    "¾": "(3/4)",
}
"""Characters with one meaning in a formula."""
_OPERANDS = frozenset("πΦ∞½⅓⅔¼¾")
"""Those of them that stand for a number or a function; the others are operators."""
_BARS = ("|", "\N{DIVIDES}")
_ROOTS = {"√": "sqrt", "∛": "cbrt"}
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_EXCLUDED = "#\\`$?!;"
"""ASCII that no formula contains; ``!`` is allowed in ``!=``."""
_TOKEN = re.compile(
    r"(?P<number>0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+"
    r"|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?(?:[jJ](?![A-Za-z0-9_]))?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<power>[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+)"
    r"|(?P<blank> +)"
    r"|(?P<mark>\*\*|[!=<>]=|.)"
)


@dataclass(frozen=True)
class Notation:
    """A formula as it was typed, and in Python's notation.

    Attributes
    ----------
    typed : str
        On one line, without blanks around it.
    python : str
        Plain ASCII, to be parsed.
    origin : tuple of int
        For each column of ``python``, and for its end, the column of ``typed`` that it stands for.
    """

    typed: str
    python: str
    origin: tuple[int, ...]

    def refuse(self, message: str, column: int, /, **about: object) -> NoReturn:
        """Raise InvalidInput with the place in the typed text that a column of ``python`` stands for."""
        refuse(message, self.typed, self.origin[min(max(column, 0), len(self.python))], **about)


def one_line(text: str) -> str:
    """The text with every kind of white space as a blank, stripped."""
    return "".join(" " if character.isspace() else character for character in text).strip()


def refuse(message: str, text: str, position: int, /, **about: object) -> NoReturn:
    """Raise InvalidInput with the column and the text around it."""
    excerpt = text[max(position - 20, 0) : position + 20]
    raise InvalidInput(
        f"column {position + 1}, at {excerpt!r}: {message}", **{**about, "text": text, "position": position}
    ) from None


def pythonic(typed: str) -> Notation:
    """The typed text, on one line, in Python's notation.

    ``^`` and superscripts are powers (with the precedence of ``**``); ``√`` takes the number, the name, the parentheses
    or the bars right after it; a bar where an operand is expected opens an absolute value, a bar after an operand
    closes the one that is open, and means "or" where none is.

    Raises
    ------
    InvalidInput
        A character has no meaning in a formula, an operator is missing, or what a root or a bar covers is not clear.
    """
    rewriter = _Rewriter(typed)
    rules = {
        "number": rewriter.number,
        "name": rewriter.name,
        "power": rewriter.power,
        "blank": rewriter.blank,
        "mark": rewriter.mark,
    }
    for match in _TOKEN.finditer(typed):
        rules[str(match.lastgroup)](match.group(), match.start())
    return rewriter.finished()


@dataclass
class _Bar:
    """An open absolute value: where it was opened, and what its end is written as."""

    place: int
    closing: str


class _Rewriter:
    """Reads token after token; ``operand`` is the text of the operand that has just ended, or the empty text."""

    def __init__(self, typed: str) -> None:
        self.typed = typed
        self.pieces: list[str] = []
        self.origin: list[int] = []
        self.operand = ""
        self.root = ""
        self.levels: list[_Bar | None] = [None]

    def finished(self) -> Notation:
        if self.root:
            self._refuse_root(len(self.typed))
        self._no_open_bar()
        return Notation(self.typed, "".join(self.pieces), (*self.origin, len(self.typed)))

    def number(self, text: str, place: int) -> None:
        self._begin_operand(text, place)
        self._emit_operand(text, text, place)

    def name(self, text: str, place: int) -> None:
        if keyword.iskeyword(text) and text not in ("True", "False", "None"):
            if self.root:
                self._refuse_root(place)
            self._emit(text, place)
            self.operand = ""
            return
        self.number(text, place)

    def power(self, text: str, place: int) -> None:
        if not self.operand:
            refuse(f"the exponent {text} has nothing before it; write x{text}", self.typed, place)
        if re.match(r" *\(", self.typed[place + len(text) :]):
            raised = f"{self.operand}{text}"
            advice = f"write {raised}*(...)"
            if re.fullmatch(r"[A-Za-z]\w+", self.operand):
                advice += f" for a product, {self.operand}(x){text} for the power of a function"
            refuse(f"an operator is missing after {raised}; {advice}", self.typed, place + len(text))
        exponent = text.translate(_SUPERSCRIPTS)
        if not re.fullmatch(r"[+-]?[0-9]+", exponent):
            refuse(f"the exponent {text} is not a whole number; write x**(...)", self.typed, place)
        self._emit(f"**{exponent}" if exponent.isdigit() else f"**({exponent})", place)
        self.operand += text

    def blank(self, text: str, place: int) -> None:
        self._emit(text, place)

    def mark(self, text: str, place: int) -> None:
        if text in _OPERANDS:
            self._begin_operand(text, place)
            self._emit_operand(_SPELT[text], text, place)
        elif text in _ROOTS:
            self._begin_operand(text, place)
            if self.root:
                self._refuse_root(place)
            self.root = _ROOTS[text]
            self._emit(self.root, place)
            self.operand = ""
        elif text in _BARS:
            self._bar(place)
        elif text in "([{":
            self.root = ""
            self.levels.append(None)
            self._operator(text, place)
        elif text in ")]}":
            self._no_open_bar()
            if len(self.levels) > 1:
                self.levels.pop()
            self._operator(text, place)
            self.operand = text
        else:
            self._check_character(text, place)
            self._operator(_SPELT.get(text, text), place)

    def _operator(self, text: str, place: int) -> None:
        if self.root:
            self._refuse_root(place)
        self._emit(text, place)
        self.operand = ""

    def _emit(self, text: str, place: int) -> None:
        if self.pieces and re.match(r"\w\w", self.pieces[-1][-1] + text[0]):
            self.pieces.append(" ")
            self.origin.append(place)
        self.pieces.append(text)
        typed = self.typed.startswith(text, place)
        self.origin.extend(range(place, place + len(text)) if typed else [place] * len(text))

    def _begin_operand(self, text: str, place: int) -> None:
        if self.operand:
            advice = f"write {self.operand}*{text}"
            if re.fullmatch(r"[A-Za-z]\w+", self.operand):
                advice += f" for a product, {self.operand}({text}) for a function"
            refuse(f"an operator is missing between {self.operand} and {text}; {advice}", self.typed, place)

    def _emit_operand(self, python: str, text: str, place: int) -> None:
        if self.root and re.match(r" *(\(|\.|\^|\*\*|[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻])", self.typed[place + len(text) :]):
            self._refuse_root(place)
        self._emit(f"({python})" if self.root else python, place)
        self.root = ""
        self.operand = text

    def _bar(self, place: int) -> None:
        bar = self.levels[-1]
        if not self.operand:
            if bar is not None:
                refuse("which bars belong together is not clear; write abs(...)", self.typed, place)
            self.levels[-1] = _Bar(place, "))" if self.root else ")")
            self._emit("(abs(" if self.root else "abs(", place)
            self.root = ""
        elif bar is None:
            self._operator("|", place)
        else:
            self._emit(bar.closing, place)
            self.levels[-1] = None
            self.operand = "|"

    def _no_open_bar(self) -> None:
        bar = self.levels[-1]
        if bar is not None:
            refuse("this bar is not closed; write abs(...), and or between conditions", self.typed, bar.place)

    def _refuse_root(self, place: int) -> NoReturn:
        refuse("what the root covers is not clear; write √(...) or sqrt(...)", self.typed, place)

    def _check_character(self, character: str, place: int) -> None:
        if character in _EXCLUDED:
            refuse(f"the character {character!r} is not part of a formula; remove it", self.typed, place)
        if character == "&" and self.typed.startswith("&&", place):
            refuse("&& is not part of a formula; write and between conditions", self.typed, place)
        if character == "=" and len(self.levels) == 1:
            refuse("an equation is not a formula; write its right-hand side alone", self.typed, place)
        if character in _SPELT or all(" " <= part <= "~" for part in character):
            return
        name = unicodedata.name(character, "")
        plain = unicodedata.normalize("NFKC", character)
        advice = "use plain ASCII on one line"
        if name.startswith("GREEK"):
            advice = f"write {name.split()[-1].lower()}"
        elif unicodedata.category(character) == "Cf":
            advice = "it cannot be seen: remove it"
        elif plain.isascii() and plain.isprintable():
            advice = f"write {plain}"
        refuse(f"the character {character!r} is not accepted; {advice}", self.typed, place, character=character)
