"""Divided differences f[x_0, ..., x_n] in any arithmetic, by Newton's table: zero for polynomials of degree below n.

f[x_i] = f(x_i) and f[x_i, ..., x_j] = (f[x_{i+1}, ..., x_j] - f[x_i, ..., x_{j-1}])/(x_j - x_i).
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

__all__ = ["divided_difference"]


def divided_difference(values: Sequence[Any], places: Sequence[Any]) -> Any:
    """f[x_0, ..., x_n].

    Parameters
    ----------
    values, places : sequences of n + 1 numbers
        f(x_i) and the x_i, all different: mpmath's numbers, balls, fractions.
    """
    column = list(values)
    for order in range(1, len(column)):
        gaps = [places[k + order] - places[k] for k in range(len(places) - order)]
        column = [(after - before) / gap for (before, after), gap in zip(pairwise(column), gaps, strict=True)]
    return column[0]
