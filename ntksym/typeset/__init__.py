"""Duals for people and for other programs: explanations, LaTeX, and code in four languages."""

from ntksym.typeset.code import LANGUAGES, to_code
from ntksym.typeset.prose import FORMATS, explain, latex

__all__ = ["FORMATS", "LANGUAGES", "explain", "latex", "to_code"]
