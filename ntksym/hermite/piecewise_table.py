"""A function and its derivative as polynomials on pieces of an interval: what their values are read from."""

from dataclasses import dataclass

import numpy as np

from ntksym.hermite.tips import Tips
from ntksym.numerics.arrays import Array

__all__ = ["NODES", "Table"]

NODES = 20
"""Coefficients of a polynomial."""


@dataclass(frozen=True)
class Table:
    """s and s' on an interval around zero.

    Attributes
    ----------
    edges : float array, shape (pieces + 1,)
        Ends of the pieces, increasing.
    values, slopes : float arrays, shape (pieces, NODES)
        Coefficients on each piece, of the powers of the place between -1 and 1.
    tips : Tips
        What the polynomials leave out of squares next to singularities.
    """

    edges: Array
    values: Array
    slopes: Array
    tips: Tips

    def value(self, points: Array) -> Array:
        """The function s at points of the interval."""
        return self._evaluate(self.values, points)

    def slope(self, points: Array) -> Array:
        """Its derivative at points of the interval; at a kink that of one of the sides."""
        return self._evaluate(self.slopes, points)

    def bend(self, points: Array) -> Array:
        """Its second derivative at points of the interval, inside the pieces."""
        powers = self.slopes[:, 1:] * np.arange(1, NODES)
        widths = np.diff(self.edges)[:, None]
        return self._evaluate(np.pad(2 * powers / widths, ((0, 0), (0, 1))), points)

    def _evaluate(self, coefficients: Array, points: Array) -> Array:
        piece = np.clip(np.searchsorted(self.edges, points, side="right") - 1, 0, len(self.edges) - 2)
        low, high = self.edges[piece], self.edges[piece + 1]
        place = np.clip(((points - low) - (high - points)) / (high - low), -1.0, 1.0)
        result = coefficients[piece, NODES - 1]
        for column in coefficients.T[-2::-1]:
            result = result * place + column[piece]
        return np.asarray(result)
