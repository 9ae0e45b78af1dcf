"""Polynomials for Dawson's function D(y) = exp(-y^2) int_0^y exp(t^2) dt; run as `python -m derivations.dawson`.

Four pieces, each in a variable u on [-1, 1]: D(y)/y in y^2 on [0, 1.75], then 2 y D(y) in y up to 3.25, in y up to
5.25, and in 1/y^2 beyond.
"""

import mpmath
from mpmath import mp

from derivations.fitting import Fit, Function, report


def reduced(y: mpmath.mpf) -> mpmath.mpf:
    """D(y)/y."""
    return mpmath.exp(-y * y) * mpmath.hyp1f1(0.5, 1.5, y * y)


def dominant(y: mpmath.mpf) -> mpmath.mpf:
    """2 y D(y), which tends to 1; from y = 15 its asymptotic series up to the smallest term, at most exp(-225)."""
    if y < 15:
        return 2 * y * y * reduced(y)
    return mpmath.fsum(mpmath.fac2(2 * n - 1) / (2 * y * y) ** n for n in range(100))


def in_square(u: mpmath.mpf) -> mpmath.mpf:
    """D(y)/y, y^2 = (1.75)^2 (1 + u)/2."""
    return reduced(mpmath.sqrt(mp.mpf("1.53125") * (1 + u)))


def lower_middle(u: mpmath.mpf) -> mpmath.mpf:
    """2 y D(y), y = 2.5 + 0.75 u."""
    return dominant(mp.mpf("2.5") + mp.mpf("0.75") * u)


def upper_middle(u: mpmath.mpf) -> mpmath.mpf:
    """2 y D(y), y = 4.25 + u."""
    return dominant(mp.mpf("4.25") + u)


def in_inverse_square(u: mpmath.mpf) -> mpmath.mpf:
    """2 y D(y), 1/y^2 = (1 + u)/(2 * 5.25^2)."""
    return dominant(mp.mpf("5.25") * mpmath.sqrt(2 / (1 + u))) if u > -1 else mp.one


def _piece(name: str, formula: str, target: Function, degree: int) -> Fit:
    return Fit(name, formula, target, lambda: (-mp.one, mp.one), degree, lambda u: 1 / target(u))


FITS = (
    _piece("dawson_near", "P in D(y)/y = P(u), y <= 1.75, u = y^2/1.53125 - 1", in_square, 17),
    _piece("dawson_low", "P in 2 y D(y) = P(u), 1.75 <= y <= 3.25, u = (y - 2.5)/0.75", lower_middle, 20),
    _piece("dawson_high", "P in 2 y D(y) = P(u), 3.25 <= y <= 5.25, u = y - 4.25", upper_middle, 20),
    _piece("dawson_far", "P in 2 y D(y) = P(u), y >= 5.25, u = 55.125/y^2 - 1", in_inverse_square, 16),
)

if __name__ == "__main__":
    report(FITS)
