"""Phi, Phi2, erf and their products with exponentials, without a branch or a call to libm.

Phi2 is the mass of a wedge (`special/multiprecision.py` has the geometry): with b the distance of an edge of the wedge
from the origin and w that of the apex from the foot on the edge, R^2 = b^2 + w^2,

    V(b, w) = exp(-R^2/2)/(2 pi) * int_0^(b/(R + w)) M(R (1 - t^2)/(1 + t^2)) * 2/(1 + t^2) dt,    b <= w,
    V(b, w) + V(w, b) = Phi(-b) Phi(-w),      M(z) = int_0^oo t exp(-t^2/2 - z t) dt.

The integrand is even, so the two edges are one integral over one interval inside [1 - sqrt(2), sqrt(2) - 1], on which
twelve Gauss-Legendre nodes leave an error near 4.61^-24 = 1e-16. No node needs an exponential: M is one polynomial.

Flags, inlining and copying are as in `elementary`; the polynomials come from `derivations/gaussian.py`.
"""

import numpy as np

from ntksym.special.vector.elementary import exp_square, exp_times, inlined

__all__ = [
    "erf",
    "exp_bivariate_normal_cdf",
    "exp_normal_cdf",
    "normal_cdf",
    "radial_density",
    "scaled_tail",
    "wedge_integral",
]


@inlined
def scaled_tail(z: float) -> float:
    """E(z) = exp(z^2/2)*Phi(-z) for 0 <= z <= 1e100. Error below 2 ulp with fused multiply-add, 3 ulp without."""
    near = z + 1.0
    v = 1.0 / ((z + 5.0) * near)
    t = (z - 5.0) * (near * v)
    p = 2.458700103653154e-11
    p = p * t - 3.807990191869197e-10
    p = p * t - 4.296994064448403e-10
    p = p * t + 4.396651284991787e-09
    p = p * t + 4.014450963422496e-09
    p = p * t - 3.094072368373558e-08
    p = p * t - 2.686974680450927e-08
    p = p * t + 1.9626196902558151e-07
    p = p * t + 1.284360766674355e-07
    p = p * t - 1.3074341333225053e-06
    p = p * t - 7.069866488800462e-08
    p = p * t + 9.059816217438934e-06
    p = p * t - 9.89594942418457e-06
    p = p * t - 5.36075778684158e-05
    p = p * t + 0.00018233410399828392
    p = p * t + 7.791596609337356e-06
    p = p * t - 0.0016760723373300678
    p = p * t + 0.006522000667904394
    p = p * t - 0.01517041540326365
    p = p * t + 0.024536963243668563
    p = p * t - 0.02640104296626822
    p = p * t + 0.010002352385229773
    p = p * t + 0.03103036842596287
    p = p * t - 0.09155228183400904
    p = p * t + 0.46151582985003775
    v = v * (z + 5.0)
    v = v + v * ((1.0 - near * v) - (z - (near - 1.0)) * v)
    return p * v


@inlined
def normal_cdf(h: float) -> float:
    """Phi(h), relative accuracy in the lower tail; 0 and 1 at the infinities. Error below 4 ulp."""
    z = abs(h)
    z = 1e100 if z > 1e100 else z
    tail = exp_square(0.0, -0.5, z, scaled_tail(z))
    return 1.0 - tail if h > 0.0 else tail


@inlined
def erf(x: float) -> float:
    """erf(x), relative accuracy near 0. Error below 2 ulp."""
    near = abs(x) < 1.0
    u = x if near else 0.0
    z = u * u
    q = 5.957176147748911e-11
    q = q * z - 1.1372848856791674e-09
    q = q * z + 1.4659775274047436e-08
    q = q * z - 1.6350312701054695e-07
    q = q * z + 1.6461000484121368e-06
    q = q * z - 1.4925595266831182e-05
    q = q * z + 0.0001205533111164271
    q = q * z - 0.000854832698083379
    q = q * z + 0.0052239776248180145
    q = q * z - 0.026866170645076792
    q = q * z + 0.11283791670954879
    q = q * z - 0.3761263890318375
    q = q * z + 0.1283791670955126
    inner = u + u * q
    v = 6.0 if abs(x) > 6.0 else abs(x)
    outer = 1.0 - exp_square(0.0, -1.0, v, 2.0 * scaled_tail(1.4142135623730951 * v))
    return inner if near else (-outer if x < 0.0 else outer)


@inlined
def exp_normal_cdf(a: float, h: float) -> float:
    """exp(a)*Phi(h), overflowing only as a whole; 0 at h = -inf. Error below 4 ulp for |h| <= 1e100."""
    z = abs(h)
    z = 1e100 if z > 1e100 else z
    below = scaled_tail(z)
    above = 1.0 - exp_square(0.0, -0.5, z, below)
    high = h > 0.0
    return exp_square(a, -0.5, 0.0 if high else z, above if high else below)


@inlined
def radial_density(t: float, radius: float) -> float:
    """M(R (1 - t^2)/(1 + t^2))/(1 + t^2) for |t| <= sqrt(2) - 1, R <= 1e70. Error below 12 ulp."""
    over = 1.0 + t * t
    far = 2.0 * radius + (6.0 - radius) * over
    near = 2.0 * radius + (1.0 - radius) * over
    v = 1.0 / (far * near)
    s = 1.0 - 12.0 * (over * (near * v))
    p = 1.798717830114137e-09
    p = p * s - 1.940673270858941e-09
    p = p * s - 2.1942350301075255e-08
    p = p * s + 3.0094849269197156e-08
    p = p * s + 1.5173970361601756e-07
    p = p * s - 3.044111232785797e-07
    p = p * s - 7.637350001745861e-07
    p = p * s + 2.6616797072415404e-06
    p = p * s + 1.9737114426606802e-06
    p = p * s - 2.011682698992361e-05
    p = p * s + 1.8710419314826315e-05
    p = p * s + 0.0001035074160553388
    p = p * s - 0.00036004739076142035
    p = p * s + 0.00017419744807065004
    p = p * s + 0.0021579296185429797
    p = p * s - 0.008890567484103868
    p = p * s + 0.01986418776362314
    p = p * s - 0.02788487783272436
    p = p * s + 0.016923710317669476
    p = p * s + 0.030658983731675922
    p = p * s - 0.11670029216932909
    p = p * s + 0.20980396274065205
    p = p * s - 0.24631121540360323
    p = p * s + 0.16112518167550488
    p = p * s + 0.06343797895106347
    p = p * s - 0.3650726562909007
    p = p * s + 1.2609676963209662
    v = v * far
    return over * v * v * p


@inlined
def wedge_integral(lower: float, upper: float, radius: float) -> float:
    """Twice the integral of `radial_density` over [lower, upper], twelve Gauss-Legendre nodes."""
    middle = 0.5 * (upper + lower)
    half = 0.5 * (upper - lower)
    total = 0.0
    x = half * 0.9815606342467192
    total += 0.04717533638651183 * (radial_density(middle - x, radius) + radial_density(middle + x, radius))
    x = half * 0.9041172563704749
    total += 0.10693932599531843 * (radial_density(middle - x, radius) + radial_density(middle + x, radius))
    x = half * 0.7699026741943047
    total += 0.16007832854334622 * (radial_density(middle - x, radius) + radial_density(middle + x, radius))
    x = half * 0.5873179542866175
    total += 0.20316742672306592 * (radial_density(middle - x, radius) + radial_density(middle + x, radius))
    x = half * 0.3678314989981802
    total += 0.2334925365383548 * (radial_density(middle - x, radius) + radial_density(middle + x, radius))
    x = half * 0.1252334085114689
    total += 0.24914704581340277 * (radial_density(middle - x, radius) + radial_density(middle + x, radius))
    return 2.0 * total * half


@inlined
def exp_bivariate_normal_cdf(a: float, h: float, k: float, r: float, s: float) -> float:
    """exp(a)*Phi2(h, k; r), s = sqrt(1 - r^2); |r| <= 1, 0 <= s <= 1. Near |r| = 1 it is s that counts.

    Absolute error 4 eps*exp(a); relative error (20 + 2 R^2) eps where h, k <= 0, R the distance of the apex, because
    a - R^2/2 is rounded before it is exponentiated. Limits at infinite h, k and at s = 0 included.
    """
    s = 1e-30 if s < 1e-30 else s
    h = 1e30 if h > 1e30 else (-1e30 if h < -1e30 else (-1e-30 if abs(h) < 1e-30 else h))
    k = 1e30 if k > 1e30 else (-1e30 if k < -1e30 else (-1e-30 if abs(k) < 1e-30 else k))
    sign = -1.0 if r < 0.0 else 1.0
    gap = k - sign * h
    shift = s * s / (1.0 + abs(r))
    inverse = 1.0 / s
    across_h = (gap + shift * sign * h) * inverse
    across_k = (shift * k - gap) * sign * inverse
    b_h, b_k, w_h, w_k = abs(h), abs(k), abs(across_h), abs(across_k)
    base, side = (b_k if b_k > b_h else b_h), (w_k if b_k > b_h else w_h)
    square = base * base + side * side
    radius = np.sqrt(square)
    tail_h, tail_k = scaled_tail(b_h), scaled_tail(b_k)
    side_h = 1.0 if h <= 0.0 else -1.0
    side_k = 1.0 if k <= 0.0 else -1.0
    turn_h = -side_h if across_h > 0.0 else side_h
    turn_k = -side_k if across_k > 0.0 else side_k
    wide_h = b_h > w_h
    wide_k = b_k > w_k
    arc_h = (w_h if wide_h else b_h) / (radius + (b_h if wide_h else w_h))
    arc_k = (w_k if wide_k else b_k) / (radius + (b_k if wide_k else w_k))
    lower = turn_h * arc_h if wide_h else -turn_h * arc_h
    upper = -turn_k * arc_k if wide_k else turn_k * arc_k
    inner = 0.15915494309189535 * wedge_integral(lower, upper, radius)
    inner += turn_h * tail_h * scaled_tail(w_h) if wide_h else 0.0
    inner += turn_k * tail_k * scaled_tail(w_k) if wide_k else 0.0
    value = exp_times(a - 0.5 * square, 0.0, inner)
    value += exp_times(a - 0.5 * h * h if across_h > 0.0 else -1400.0, 0.0, side_h * tail_h)
    value += exp_times(a - 0.5 * k * k if across_k > 0.0 else -1400.0, 0.0, side_k * tail_k)
    value += exp_times(a if side_h + side_k < 0.0 else -1400.0, 0.0, 1.0)
    return 0.0 if value < 0.0 else value
