r"""The distance of a pair of rows from |rho| = 1 behind a residual branch, from those of its two independent parts.

With r = sqrt(q), p = r1 r2, E = p - |c| of the one part and r', p', E' of the other, P = sqrt((q1 + q1')(q2 + q2')),

    P - (p + p') = (r1 r2' - r1' r2)^2 / (P + p + p'),       r1 r2' - r1' r2 = r1' (r1 - r2) - r1 (r1' - r2'),

since P^2 - (p + p')^2 = (r1 r2' - r1' r2)^2. For c and c' of one sign, P - |c + c'| is this and E + E'; for opposite
signs, |c| >= |c'|, it is this and E + p' + |c'|. All terms are positive: nothing cancels.
"""

import numpy as np

from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import DIVISOR_FLOOR

__all__ = ["Part", "gap_of_sum"]

Part = tuple[tuple[Array, Array], Array, Array, Array]
"""(r1, r2), r1 - r2, E and the sign of c, shapes (n,)."""


def gap_of_sum(one: Part, other: Part, p: Array) -> tuple[Array, Array]:
    """P - ``|c + c'|`` and the sign of c + c', shape (n,) each.

    Parameters
    ----------
    one, other : Part
        The two parts.
    p : float array, shape (n,)
        P, which is sqrt((q1 + q1') (q2 + q2')).
    """
    (roots, difference, gap, sign), (other_roots, other_difference, other_gap, other_sign) = one, other
    products = roots[0] * roots[1], other_roots[0] * other_roots[1]
    across = other_roots[0] * difference - roots[0] * other_difference
    spread = across * across / np.maximum(p + products[0] + products[1], DIVISOR_FLOOR)
    sizes = np.maximum(products[0] - gap, 0.0), np.maximum(products[1] - other_gap, 0.0)
    first_wins = sizes[0] >= sizes[1]
    opposite = np.where(first_wins, gap + products[1] + sizes[1], other_gap + products[0] + sizes[0])
    total = spread + np.where(sign == other_sign, gap + other_gap, opposite)
    return np.minimum(total, p), np.where(first_wins, sign, other_sign)
