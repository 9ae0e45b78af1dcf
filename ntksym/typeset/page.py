"""A page of headings, paragraphs and formulas, in plain text, Markdown or LaTeX."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from textwrap import fill

import sympy as sp

from ntksym.errors import InvalidInput
from ntksym.typeset.formulas import formula_latex, formula_text, positive_first

__all__ = ["FORMATS", "Page"]

FORMATS = ("text", "markdown", "latex")

WIDTH = 110

LONGEST_LINE = 160
"""Characters of LaTeX from which a sum is set on several lines."""


@dataclass
class Page:
    """Headings, paragraphs and formulas in one of the formats; raises `InvalidInput` for another one."""

    fmt: str
    blocks: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.fmt not in FORMATS:
            raise InvalidInput(f"unknown format {self.fmt!r}: choose one of {', '.join(FORMATS)}", fmt=self.fmt)

    def heading(self, text: str) -> None:
        """A title."""
        plain = f"{text}\n{'-' * len(text)}"
        self.blocks.append(
            {"text": plain, "markdown": f"## {text}", "latex": rf"\subsection*{{{_escape(text)}}}"}[self.fmt]
        )

    def paragraph(self, text: str) -> None:
        """Words; formulas in them stand between backticks, in sympy's notation."""
        if self.fmt == "latex":
            parts = re.split(r"`(.*?)`", text)
            text = "".join(rf"\texttt{{{_escape(p)}}}" if i % 2 else _escape(p) for i, p in enumerate(parts))
        elif self.fmt == "text":
            text = fill(text.replace("`", ""), WIDTH, break_long_words=False, break_on_hyphens=False)
        self.blocks.append(text)

    def listing(self, items: Iterable[tuple[str, str]]) -> None:
        """Names and what they mean."""
        if self.fmt == "latex":
            lines = [rf"\item[{name}] {_escape(text)}" for name, text in items]
            self.blocks.append("\n".join([r"\begin{description}", *lines, r"\end{description}"]))
        else:
            self.blocks.append("\n".join(f"- {name}: {text}" for name, text in items))

    def equation(self, left: sp.Expr, right: sp.Expr) -> None:
        """``left = right`` on a line of its own."""
        if self.fmt == "text":
            line = f"    {formula_text(left)} = {formula_text(right)}"
            self.blocks.append(line if len(line) <= WIDTH else f"    {formula_text(left)} =\n{_broken(right)}")
            return
        body = _aligned(formula_latex(left), right)
        pair = ("$$\n", "\n$$") if self.fmt == "markdown" else ("\\begin{equation*}\n", "\n\\end{equation*}")
        self.blocks.append(body.join(pair))

    def text(self) -> str:
        """The whole page."""
        return "\n\n".join(self.blocks) + "\n"


def _aligned(left: str, right: sp.Expr) -> str:
    """A long sum with one term a line."""
    whole = formula_latex(right)
    if len(whole) <= LONGEST_LINE or not right.is_Add:
        return f"{left} = {whole}"
    first, *rest = [formula_latex(term) for term in positive_first(right.as_ordered_terms())]
    lines = [rf"{left} ={{}}& {first}"]
    lines += [rf"&{{}}{text if text.startswith('-') else '+ ' + text}" for text in rest]
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


def _broken(right: sp.Expr) -> str:
    terms = [formula_text(term) for term in positive_first(right.as_ordered_terms())] if right.is_Add else []
    first, *rest = terms or [formula_text(right)]
    signed = [f"- {text[1:]}" if text.startswith("-") else f"+ {text}" for text in rest]
    return "\n".join(f"        {text}" for text in (first, *signed))


def _escape(text: str) -> str:
    special = {
        "\\": r"\textbackslash{}",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
        "|": r"\textbar{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
    }
    return re.sub(r"[\\^~|<>&%$#_{}]", lambda match: special.get(match.group(), "\\" + match.group()), text)
