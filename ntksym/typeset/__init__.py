"""Duals for people and for other programs: explanations, LaTeX, and code in four languages."""

from ntksym.typeset.code import LANGUAGES, to_code
from ntksym.typeset.cross_series_prose import explain_cross_series
from ntksym.typeset.page import FORMATS
from ntksym.typeset.prose import explain, latex

__all__ = ["FORMATS", "LANGUAGES", "explain", "explain_cross_series", "latex", "to_code"]
