"""Limits of float64 that every room shares, and the variances between which kernels are computed in it.

What a room compares with for reasons of its own (how well a series settles, when two norms are the same) is a constant
of that room, in units of `EPSILON` where it counts roundings.
"""

__all__ = [
    "DIVISOR_FLOOR",
    "EPSILON",
    "LARGEST_VARIANCE",
    "SMALLEST_NORMAL",
    "SMALLEST_VARIANCE",
    "SQUARABLE",
    "SURE_VARIANCES",
]

EPSILON = 2.0**-52
"""Distance from 1 to the next number; a sum, product or quotient is right to half of it, relatively."""

SMALLEST_NORMAL = 2.0**-1022
"""The smallest positive number with all its digits."""

DIVISOR_FLOOR = 1e-300
"""What is divided by in place of zero, where the numerator vanishes too: its reciprocal is still a number."""

SQUARABLE = 1e150
"""A number up to this size has a square in float64, and so has the reciprocal of one that is not below its inverse."""

SMALLEST_VARIANCE = 1e-140
"""A smaller variance is raised to this: q1 q2 - c^2 is then at least 1e-280, a number with all its digits.

At such a variance |U| is 1e-70 |Z|, and s(U) moves by at most the modulus of continuity of s there.
"""

LARGEST_VARIANCE = 1e75
"""No larger variance is accepted: products of four of them, which some duals form, stay within float64."""

SURE_VARIANCES = 1e-120, LARGEST_VARIANCE
"""Variances between these need no fallback in any formula: nothing is raised to `SMALLEST_VARIANCE` or overflows."""
