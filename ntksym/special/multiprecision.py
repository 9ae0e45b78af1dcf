"""Phi, Phi2 and their products with exponentials at any precision, with relative accuracy in the tails.

The quadrant {X < h, Y < k} of a correlated Gaussian is, in whitened coordinates, a wedge whose apex lies at distance R
from the origin. Polar coordinates around the apex give the mass between the outward radial ray and that at angle alpha,

    V(R, alpha) = exp(-R^2/2)/(2 pi) * int_0^alpha M(R cos(beta)) dbeta,
    M(z) = int_0^oo t exp(-t^2/2 - z t) dt = 1 - z*sqrt(pi/2)*exp(z^2/2)*erfc(z/sqrt(2)),

a positive integrand free of cancellation. Two such wedges, one at each edge, and one-dimensional Phi make up Phi2. The
identity V(R, alpha) + V(R, pi/2 - alpha) = Phi(-R sin(alpha)) Phi(-R cos(alpha)) reduces alpha to [0, pi/4], where in
the variable t = tan(beta/2) the integrand is analytic in the unit disc and bounded in every smaller one, so that 2n
Gauss-Legendre nodes on [-tan(alpha/2), tan(alpha/2)] (n evaluations: it is even) leave an error near 4.61^(-4n).
"""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import mpmath
from mpmath import mp

from ntksym.errors import InvalidInput
from ntksym.numerics.legendre import legendre_multiprecision

__all__ = ["MPMATH", "bivariate_normal_cdf", "normal_cdf"]

Real: TypeAlias = Any
"""An mpmath number, or anything mpmath.mpf accepts."""

_GUARD = 20

SPARED = 128
"""Bits of cancellation up to which a difference is cheaper than a direct integral: an erfc takes ten exponentials."""


def normal_cdf(h: Real) -> Real:
    """Phi(h), the standard normal distribution function, to relative accuracy in the lower tail.

    Complex arguments are allowed: Phi is entire.
    """
    with mp.workprec(mp.prec + _GUARD + 2 * _magnitude(h)):
        value = mpmath.erfc(-mp.convert(h) / mpmath.sqrt(2)) / 2
    return +value


def exp_normal_cdf(a: Real, h: Real) -> Real:
    """exp(a) * Phi(h)."""
    with mp.workprec(mp.prec + _GUARD + _magnitude(a)):
        value = mpmath.exp(a) * normal_cdf(h)
    return +value


def bivariate_normal_cdf(h: Real, k: Real, r: Real) -> Real:
    """Phi2(h, k; r) = P(X < h, Y < k), X and Y standard normal with correlation r in [-1, 1].

    Raises
    ------
    InvalidInput
        If r lies outside [-1, 1].
    """
    r = mp.convert(r)
    if not -1 <= r <= 1:
        raise InvalidInput(f"the correlation of Phi2 is {mpmath.nstr(r, 17)}; pass a number in [-1, 1]", correlation=r)
    return _bivariate(h, k, r, None)


def exp_bivariate_normal_cdf(a: Real, h: Real, k: Real, r: Real, s: Real) -> Real:
    """exp(a) * Phi2(h, k; r) with s = sqrt(1 - r^2) given; near |r| = 1 it is s that counts, r gives the sign."""
    with mp.workprec(mp.prec + _GUARD + _magnitude(a)):
        value = mpmath.exp(a) * _bivariate(h, k, mp.convert(r), mp.convert(s))
    return +value


def exp_sinh(a: Real, b: Real) -> Real:
    """exp(a) * sinh(b)."""
    with mp.workprec(mp.prec + _GUARD + _magnitude(a) + _magnitude(b)):
        value = mpmath.exp(a) * mpmath.sinh(b)
    return +value


def exp_cosh(a: Real, b: Real) -> Real:
    """exp(a) * cosh(b)."""
    with mp.workprec(mp.prec + _GUARD + _magnitude(a) + _magnitude(b)):
        value = mpmath.exp(a) * mpmath.cosh(b)
    return +value


def exp_erfi(a: Real, y: Real) -> Real:
    """exp(a) * erfi(y)."""
    with mp.workprec(mp.prec + _GUARD + _magnitude(a) + 2 * _magnitude(y)):
        value = mpmath.exp(a) * mpmath.erfi(y)
    return +value


def _magnitude(value: Real) -> int:
    size = mpmath.mag(abs(mp.convert(value)))
    return max(int(size), 0) if mpmath.isfinite(size) else 0


def _bivariate(h: Real, k: Real, r: Real, s: Real | None) -> Real:
    h, k = mp.convert(h), mp.convert(k)
    if mpmath.isnan(h) or mpmath.isnan(k) or mpmath.isnan(r):
        return mp.nan
    edge = _degenerate(h, k, r, s)
    if edge is not None:
        return edge
    target = mp.prec
    # the rounding of R^2/2 is exponentiated, and R <= 2 max(|h|, |k|)/s
    reach = _magnitude(max(abs(h), abs(k)) / (mpmath.sqrt((1 - r) * (1 + r)) if s is None else s)) + 1
    extra = _GUARD + 2 * reach
    while True:
        with mp.workprec(target + extra):
            complement = mpmath.sqrt((1 - r) * (1 + r)) if s is None else s
            terms = _terms(h, k, r, complement)
            value = mpmath.fsum(terms)
            lost = max(mpmath.mag(term) for term in terms) - (mpmath.mag(value) if value else -mp.prec)
        if lost + 2 * reach <= extra - 10:
            return +value
        extra = max(2 * extra, int(lost) + 2 * reach + _GUARD)


def _degenerate(h: Real, k: Real, r: Real, s: Real | None) -> Real | None:
    """The value where Phi2 is elementary (an infinite argument, |r| = 1, the centre, r = 0), else None."""
    if mpmath.isinf(h) or mpmath.isinf(k):
        if min(h, k) == -mp.inf:
            return mp.zero
        return normal_cdf(min(h, k))
    if r == 0 and s is None:
        return normal_cdf(h) * normal_cdf(k)
    if (abs(r) == 1 and s is None) or s == 0:
        if r > 0:
            return normal_cdf(min(h, k))
        if h + k <= 0:
            return mp.zero
        with mp.workprec(2 * mp.prec + _GUARD):
            value = normal_cdf(h) - normal_cdf(-k)
        return +value
    if h == 0 and k == 0:
        with mp.workprec(mp.prec + _GUARD):
            complement = mpmath.sqrt((1 - r) * (1 + r)) if s is None else s
            # pi/2 + asin(r), without cancellation at r -> -1
            value = mpmath.atan2(complement, -r) / (2 * mp.pi)
        return +value
    return None


def _terms(h: Real, k: Real, r: Real, s: Real) -> list[Real]:
    """Real numbers that add up to Phi2: for each edge a wedge and, where the edge passes the origin, a half-plane."""
    distance = s * s / (1 + abs(r))
    if r > 0:
        across_h, across_k = (k - h + distance * h) / s, (h - k + distance * k) / s
    else:
        across_h, across_k = (k + h - distance * h) / s, (h + k - distance * k) / s
    terms = [*_edge(h, across_h), *_edge(k, across_k)]
    return [mp.one, *terms] if h > 0 and k > 0 else terms


def _edge(h: Real, across: Real) -> list[Real]:
    """Contribution of one edge; `across` is the argument of the conditional distribution, (k - r h)/s."""
    if h > 0:
        return [-term for term in _edge(-h, across)]
    part = wedge(-h, abs(across))
    return [part] if across <= 0 else [normal_cdf(h), -part]


def wedge(b: Real, w: Real) -> Real:
    """Mass between the edge at distance b from the origin and the radial ray; apex w away from the edge's foot."""
    radius_bits = max(_magnitude(b), _magnitude(w))
    hidden = int((b * b + w * w) / (2 * mp.ln2)) + 1
    if hidden <= SPARED and b > 0:
        with mp.workprec(mp.prec + 4 * radius_bits + 10 + hidden):
            value = _within_half_planes(b, w)
        return +value
    with mp.workprec(mp.prec + 4 * radius_bits + 10):
        radius = mpmath.hypot(b, w)
        scale = mpmath.exp(-radius * radius / 2) / (2 * mp.pi)
        if b <= w:
            value = scale * _angular_integral(b, w, radius)
        else:
            value = normal_cdf(-b) * normal_cdf(-w) - scale * _angular_integral(w, b, radius)
    return +value


def _within_half_planes(b: Real, w: Real) -> Real:
    """The same as a difference of what is nearer to the origin, R^2/(2 log(2)) bits larger.

    Owen's T(h, a) = int_0^a exp(-h^2 (1 + x^2)/2)/(1 + x^2) dx/(2 pi) = P(X > h, 0 < Y < a X), a <= 1, which takes an
    exponential a node where the direct integral takes an erfc (Owen, Ann. Math. Statist. 27 (1956), eq. 2.3).
    """
    if w <= b:
        return normal_cdf(-b) / 2 - _owen(b, w / b)
    return _owen(w, b / w) - normal_cdf(-w) * mpmath.erf(b / mpmath.sqrt(2)) / 2


def _owen(h: Real, a: Real) -> Real:
    """T(h, a) for h > 0 and 0 <= a <= 1: analytic but for poles at i and -i, where 2n nodes leave 2.41^(-4n)."""
    total, half = mp.zero, h * h / 2
    for node, weight in _half_nodes_between_poles(64 * -(-mp.prec // 64)):
        square = 1 + (a * node) ** 2
        total += weight * mpmath.exp(-half * square) / square
    return a * total / (2 * mp.pi)


def _angular_integral(b: Real, w: Real, radius: Real) -> Real:
    """int_0^alpha M(R cos(beta)) dbeta, tan(alpha) = b/w <= 1."""
    if b == 0:
        return mp.zero
    top = b / (radius + w)
    total = mp.zero
    for node, weight in _half_nodes(64 * -(-mp.prec // 64)):
        square = (top * node) ** 2
        total += weight * _first_moment(radius * (1 - square) / (1 + square)) / (1 + square)
    return 2 * top * total


def _first_moment(z: Real) -> Real:
    """M(z) = int_0^oo t exp(-t^2/2 - z t) dt; the caller has added four times the magnitude of z in bits."""
    return 1 - z * mpmath.sqrt(mp.pi / 2) * mpmath.exp(z * z / 2) * mpmath.erfc(z / mpmath.sqrt(2))


@cache
def _half_nodes_between_poles(bits: int) -> tuple[tuple[Real, Real], ...]:
    """The same for `_owen`, 2.41^(-4n) below 2^-bits."""
    count = int(bits / 5.08) + 2
    return legendre_multiprecision(2 * count, bits)[count:]


@cache
def _half_nodes(bits: int) -> tuple[tuple[Real, Real], ...]:
    """The positive half of the Gauss-Legendre rule with 2n nodes, 4.61^(-4n) below 2^-bits."""
    count = int(bits / 8.8) + 2
    return legendre_multiprecision(2 * count, bits)[count:]


MPMATH: dict[str, Callable[..., Real]] = {
    "NormalCDF": normal_cdf,
    "BivariateNormalCDF": bivariate_normal_cdf,
    "ExpNormalCDF": exp_normal_cdf,
    "ExpBivariateNormalCDF": exp_bivariate_normal_cdf,
    "ExpSinh": exp_sinh,
    "ExpCosh": exp_cosh,
    "ExpErfi": exp_erfi,
}
"""Name of the sympy function -> mpmath function; use as sympy.lambdify(..., modules=[MPMATH, "mpmath"])."""
