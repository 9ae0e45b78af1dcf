"""Numbers from expressions in x: float64 arrays and mpmath numbers."""

from ntksym.evaluation.compilation import compile_mpmath, compile_numpy

__all__ = ["compile_mpmath", "compile_numpy"]
