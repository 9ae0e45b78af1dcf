r"""Finite sets of points whose Gram matrix is singular: what a negative verdict is shown by.

If the power series has odd powers up to rho^D only, then sum_i w_i (K(x, x_i) - K(x, -x_i)) is an odd polynomial of
degree D on the sphere for all weights, from a space of dimension R = C(D + d - 1, d - 1), so that R + 1 pairs x_i, -x_i
have weights for which it vanishes; for even powers the same with the sum. With R = 0 one pair is enough.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ntksym.errors import InvalidInput
from ntksym.numerics.arrays import Array
from ntksym.theory.powers.supports import ABSENT, Support, number_text

__all__ = ["Witness", "antipodal_pairs", "dimension", "on_a_line", "on_one_ray", "origin"]


MOST = 1500
"""Pairs of points for which weights are computed."""

HIGHEST = 24
"""Degree up to which a difference of equally spaced points keeps its digits."""


@dataclass(frozen=True)
class Witness:
    """Distinct points x_i and weights w_i, not all zero, with sum_ij w_i w_j K(x_i, x_j) = 0.

    Parameters
    ----------
    points : float array, shape (n, d)
        The points; on a sphere, of norm sqrt(d).
    weights : float array, shape (n,)
        Of norm 1.
    reason : str
        Why the sum vanishes.
    """

    points: Array
    weights: Array
    reason: str

    def form(self, gram: Any) -> float:
        """The quadratic form sum_ij w_i w_j K_ij: zero but for rounding, for the Gram matrix of the points."""
        return float(self.weights @ np.asarray(gram, dtype=np.float64) @ self.weights)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"points": self.points.tolist(), "weights": self.weights.tolist(), "reason": self.reason}

    def __str__(self) -> str:
        return f"{len(self.points)} points of R^{self.points.shape[1]}: {self.reason}"


def dimension(degree: float, dim: int) -> float:
    """C(D + d - 1, d - 1), the dimension of the homogeneous polynomials of degree D in d variables; 0 for none."""
    if degree == ABSENT:
        return 0
    return math.inf if degree == math.inf else math.comb(int(degree) + dim - 1, dim - 1)


def antipodal_pairs(support: Support, dim: int) -> Witness:
    """Pairs x, -x on S^(d-1) for a power series with finitely many powers of one parity.

    Parameters
    ----------
    support : Support
        Of the kernel.
    dim : int
        d, the number of coordinates.

    Raises
    ------
    InvalidInput
        If more points are needed than weights can be computed for.
    """
    ranks = {-1: dimension(support.odd, dim), 1: dimension(support.even, dim)}
    sign = min(ranks, key=lambda one: ranks[one])
    degree, parity = (support.odd, "odd") if sign < 0 else (support.even, "even")
    if ranks[sign] > MOST:
        needed = number_text(2 * (ranks[sign] + 1))
        raise InvalidInput(f"a witness in {dim} dimensions takes {needed} points; ask for a smaller dim", dim=dim)
    half = _spread(int(ranks[sign]) + 1, dim)
    weights = np.linalg.eigh((half @ half.T) ** int(max(degree, 0)))[1][:, 0] if degree != ABSENT else np.ones(1)
    other = {"odd": "even", "even": "odd"}[parity]
    reason = (
        f"pairs x, -x with weights w, {'-w' if sign < 0 else 'w'}: all {other} powers of rho cancel, and the {parity} "
        + ("ones are absent" if degree == ABSENT else f"ones, up to rho^{int(degree)}, span {ranks[sign]} dimensions")
    )
    both = np.concatenate([weights, sign * weights])
    return Witness(np.concatenate([half, -half]) * math.sqrt(dim), both / np.linalg.norm(both), reason)


def _spread(count: int, dim: int) -> Array:
    """Unit vectors, no two of them parallel: those of the axes, their sum, and others as they come."""
    if dim == 1:
        return np.ones((1, 1))
    if dim == 2:
        angles = np.pi * np.arange(count) / count
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)
    rows = np.concatenate([np.eye(dim), np.ones((1, dim)), np.random.default_rng(0).normal(size=(count, dim))])[:count]
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def on_one_ray(powers: Sequence[float], dim: int) -> Witness:
    """x, 2x, 3x, ... for K(t x, y) = sum_p t^p K_p(x, y) + const: two more than there are powers.

    Parameters
    ----------
    powers : sequence of float
        The p.
    dim : int
        Number of coordinates.
    """
    multiples = np.arange(1.0, len(powers) + 3)
    points = multiples[:, None] * np.ones(dim)
    rows = [np.ones(len(multiples)), *((multiples / multiples[-1]) ** power for power in powers)]
    weights = np.linalg.svd(np.stack(rows))[2][-1]
    names = ", ".join(["x", *(f"{k}x" for k in range(2, len(powers) + 2))])
    kernels = " + ".join(f"t^{power:g} {'K' if len(powers) == 1 else f'K_{k}'}(x, y)" for k, power in enumerate(powers))
    return Witness(points, weights, f"{names} and {len(powers) + 2}x, whose rows are {kernels} + const")


def on_a_line(degree: float, dim: int) -> Witness:
    """D + 2 points of a line, with the weights of a difference that vanishes on polynomials of degree D.

    Parameters
    ----------
    degree : number
        D.
    dim : int
        Number of coordinates.

    Raises
    ------
    InvalidInput
        If the degree is too high for weights in float64.
    """
    if degree > HIGHEST:
        raise InvalidInput(f"a witness on a line takes degree {HIGHEST} at most; ask for dim=2 on a sphere", dim=dim)
    count = max(int(degree), 0) + 2
    weights = np.array([(-1.0) ** k * math.comb(count - 1, k) for k in range(count)])
    points = np.linspace(0.0, 1.0, count)[:, None] * np.ones(dim)
    reason = f"equally spaced, with the weights of a difference that vanishes on polynomials of degree {count - 2}"
    return Witness(points, weights / np.linalg.norm(weights), reason)


def origin(dim: int) -> Witness:
    """The point zero, where the network vanishes."""
    return Witness(np.zeros((1, dim)), np.ones(1), "K(0, 0) = 0")
