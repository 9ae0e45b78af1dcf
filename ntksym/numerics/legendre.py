"""Gauss and Legendre's rule in float64, made when it is first asked for: it starts the linear algebra of numpy."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["legendre"]


@cache
def legendre(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights on (-1, 1), shapes (count,); exact for polynomials of degree 2 count - 1."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return np.asarray(nodes), np.asarray(weights)
