"""Polynomials for Phi and Phi2; run as `python -m derivations.gaussian`.

Both scaled functions live on [0, oo), mapped to [-1, 1] by t = (z - c)/(z + c):

    E(z) = exp(z^2/2) Phi(-z),                          (z + 1) E(z) = P(t),      c = 5
    M(z) = int_0^oo t exp(-t^2/2 - z t) dt,             (z + 1)^2 M(z) = P(t),    c = 6

The factors keep P within a ratio of 1.3, so that an absolute error of P is a relative error of the function.
"""

import mpmath
from mpmath import mp

from derivations.fitting import DIGITS, Fit, report


def scaled_tail(z: mpmath.mpf) -> mpmath.mpf:
    """E(z) = exp(z^2/2) Phi(-z); for very large z its asymptotic series, to which it is equal at this precision."""
    if z > 1e15:
        return (1 - 1 / z**2 + 3 / z**4 - 15 / z**6 + 105 / z**8) / (z * mpmath.sqrt(2 * mp.pi))
    with mp.workdps(DIGITS + 10 + 2 * max(0, int(mpmath.mag(z)))):
        return mpmath.exp(z * z / 2) * mpmath.erfc(z / mpmath.sqrt(2)) / 2


def first_moment(z: mpmath.mpf) -> mpmath.mpf:
    """M(z) = 1 - z sqrt(2 pi) E(z)."""
    if z > 1e15:
        return (1 - 3 / z**2 + 15 / z**4 - 105 / z**6) / z**2
    with mp.workdps(DIGITS + 10 + 2 * max(0, int(mpmath.mag(z)))):
        return 1 - z * mpmath.sqrt(2 * mp.pi) * scaled_tail(z)


def _unmap(t: mpmath.mpf, c: int) -> mpmath.mpf:
    return c * (1 + t) / (1 - t)


def error_function(z: mpmath.mpf) -> mpmath.mpf:
    """erf(x)/x - 1 with z = x^2."""
    x = mpmath.sqrt(z)
    return mpmath.erf(x) / x - 1 if x else 2 / mpmath.sqrt(mp.pi) - 1


FITS = (
    Fit(
        "scaled_tail",
        "P in (z + 1) E(z) = P(t), t = (z - 5)/(z + 5)",
        lambda t: (_unmap(t, 5) + 1) * scaled_tail(_unmap(t, 5)),
        lambda: (-mp.one, mp.one),
        24,
        lambda t: 1 / ((_unmap(t, 5) + 1) * scaled_tail(_unmap(t, 5))),
    ),
    Fit(
        "radial_density",
        "P in (z + 1)^2 M(z) = P(t), t = (z - 6)/(z + 6)",
        lambda t: (_unmap(t, 6) + 1) ** 2 * first_moment(_unmap(t, 6)),
        lambda: (-mp.one, mp.one),
        26,
        lambda t: 1 / ((_unmap(t, 6) + 1) ** 2 * first_moment(_unmap(t, 6))),
    ),
    Fit(
        "erf",
        "q in erf(x) = x + x q(z), z = x^2, |x| <= 1",
        error_function,
        lambda: (mp.zero, mp.one),
        12,
        lambda z: 1 / (1 + error_function(z)),
    ),
)

NODES = 12


def gauss_legendre(count: int) -> list[tuple[float, float]]:
    """Positive nodes, largest first, and weights of the Gauss-Legendre rule of even order `count`, as float64."""
    rule = []
    with mp.workdps(DIGITS):
        for i in range(1, count // 2 + 1):
            start = mpmath.cos(mp.pi * (i - mp.mpf(1) / 4) / (count + mp.mpf(1) / 2))
            node = mpmath.findroot(lambda x: mpmath.legendre(count, x), start)
            before = mpmath.legendre(count - 1, node)
            rule.append((float(node), float(2 * (1 - node**2) / (count * before) ** 2)))
    return rule


if __name__ == "__main__":
    report(FITS)
    print(f"wedge_integral: positive Gauss-Legendre nodes and weights, order {NODES}")
    for node, weight in gauss_legendre(NODES):
        print(f"    {node!r} {weight!r}")
