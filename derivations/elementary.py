"""Polynomials of exp, expm1, log, sin, cos, atan and acos; run as `python -m derivations.elementary`."""

from fractions import Fraction
from math import factorial

import mpmath
from mpmath import mp

from derivations.fitting import Fit, PowerSeries, report

exponential = PowerSeries(lambda n: Fraction(1, factorial(n + 2)), lambda n: Fraction(1, n + 3))
"""(exp(r) - 1 - r)/r^2."""

logarithm = PowerSeries(lambda n: Fraction(2, 2 * n + 3), lambda n: Fraction(1))
"""(2 atanh(s)/s - 2)/z with z = s^2."""

sine = PowerSeries(lambda n: Fraction((-1) ** (n + 1), factorial(2 * n + 3)), lambda n: Fraction(1, n + 20))
"""(sin(r)/r - 1)/z with z = r^2."""

cosine = PowerSeries(lambda n: Fraction((-1) ** n, factorial(2 * n + 4)), lambda n: Fraction(1, n + 30))
"""(cos(r) - 1 + z/2)/z^2 with z = r^2."""

arctangent = PowerSeries(lambda n: Fraction((-1) ** (n + 1), 2 * n + 3), lambda n: Fraction(1))
"""(atan(t)/t - 1)/z with z = t^2."""

arccosine = PowerSeries(
    lambda n: Fraction(2 ** (n + 1) * factorial(n + 1) ** 2, factorial(2 * n + 3)), lambda n: Fraction(1, 2)
)
"""(acos(w)/sqrt(1 - w^2) - 1)/y with y = 1 - w; its only singularity is at w = -1."""

FITS = (
    Fit(
        "exp_times",
        "q in exp(r) = 1 + r + r^2 q(r), |r| <= log(2)/2",
        exponential,
        lambda: (-mpmath.log(2) / 2, mpmath.log(2) / 2),
        9,
        lambda r: r * r * mpmath.exp(-r),
    ),
    Fit(
        "expm1",
        "q in expm1(r) = r + r^2 q(r), |r| <= log(2)/2",
        exponential,
        lambda: (-mpmath.log(2) / 2, mpmath.log(2) / 2),
        10,
        lambda r: r * r / mpmath.expm1(r) if r else r,
    ),
    Fit(
        "log",
        "q in 2 atanh(s) = 2 s + s z q(z), z = s^2, s <= 3 - 2 sqrt(2)",
        logarithm,
        lambda: (mp.zero, (3 - 2 * mpmath.sqrt(2)) ** 2),
        6,
        lambda z: z / (2 + z * logarithm(z)),
    ),
    Fit(
        "sine",
        "q in sin(r) = r + r z q(z), z = r^2, r <= pi/4",
        sine,
        lambda: (mp.zero, mp.pi**2 / 16),
        5,
        lambda z: z / (1 + z * sine(z)),
    ),
    Fit(
        "cosine",
        "q in cos(r) = 1 - z/2 + z^2 q(z), z = r^2, r <= pi/4",
        cosine,
        lambda: (mp.zero, mp.pi**2 / 16),
        5,
        lambda z: z * z / mpmath.cos(mpmath.sqrt(z)),
    ),
    Fit(
        "atan2_half",
        "q in atan(t) = t + t z q(z), z = t^2, t <= sqrt(2) - 1",
        arctangent,
        lambda: (mp.zero, (mpmath.sqrt(2) - 1) ** 2),
        10,
        lambda z: z / (1 + z * arctangent(z)),
    ),
    Fit(
        "acute_angle",
        "q in acos(w) = u + u y q(y), u = sqrt(1 - w^2), y = 1 - w, w >= sqrt(1/2)",
        arccosine,
        lambda: (mp.zero, 1 - mpmath.sqrt(mp.mpf(1) / 2)),
        10,
        lambda y: y / (1 + y * arccosine(y)),
    ),
)

if __name__ == "__main__":
    report(FITS)
