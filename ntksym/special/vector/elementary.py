"""exp, expm1, log, log1p, sin, cos, atan2, arccos, angles and two products, without a branch or a call to libm.

Written so that numba and LLVM turn a loop over them into vector code: arithmetic, square root, comparisons that become
selects, and moves between the bits of a float and an integer. Every function is scalar, computes in float64 (a float32
argument is widened) and takes its constants from its own text, so that it can be copied elsewhere.

They need the order of operations as written: `contract`, `nsz` and `arcp` are tolerated, `reassoc`, `nnan`, `ninf` and
`afn` are not (with `reassoc` the argument reductions fold away, exp is then wrong in every digit; the other three make
the limits at infinity undefined). `inlined` sets these flags for the function alone, whatever its caller uses.

The polynomials come from `derivations/elementary.py`; `derivations/proofs.py` proves bounds of their errors.
"""

from collections.abc import Callable

import numba
import numpy as np

__all__ = [
    "DECORATOR",
    "FLAGS",
    "acute_angle",
    "angle",
    "angle_to_opposite",
    "arccos_complement",
    "atan2_half",
    "circular",
    "cos",
    "cosh_exp",
    "exp",
    "exp_square",
    "exp_times",
    "expm1",
    "inlined",
    "latitude_of_angle",
    "log",
    "log1p",
    "sin",
    "sine_of_angle",
    "sinh_exp",
]

FLAGS = frozenset({"contract", "nsz", "arcp"})
"""The fast-math flags under which the stated errors hold."""

DECORATOR = '@numba.njit(fastmath={"arcp", "contract", "nsz"}, error_model="numpy", forceinline=True, nogil=True)'
"""What belongs above every function that is copied into a generated file."""

inlined: Callable[[Callable[..., float]], Callable[..., float]] = numba.njit(
    fastmath=set(FLAGS), error_model="numpy", forceinline=True, nogil=True
)


@inlined
def exp_times(x: float, e: float, f: float) -> float:
    """f*exp(x + e) for a small correction |e| <= 1e-3, overflowing or vanishing only as a whole.

    Relative error below 1.1 ulp beside that of the product with f, for 1e-290 < |f| < 1e290; x is any number.
    """
    x = 1400.0 if x > 1400.0 else x
    x = -1400.0 if x < -1400.0 else x
    shifted = x * 1.4426950408889634 + 6755399441057790.0
    biased = np.float64(shifted).view(np.int64) & 0x1FFF
    n = shifted - 6755399441057790.0
    r = (x - n * 0.6931471803691238) - (n * 1.9082149292705877e-10 - e)
    q = 2.5100375832561234e-08
    q = q * r + 2.7620075879983367e-07
    q = q * r + 2.7557268480310024e-06
    q = q * r + 2.4801521322368692e-05
    q = q * r + 0.00019841269863040545
    q = q * r + 0.0013888888917196719
    q = q * r + 0.008333333333330065
    q = q * r + 0.041666666666624164
    q = q * r + 0.16666666666666669
    q = q * r + 0.5000000000000001
    p = 1.0 + (r + r * r * q)
    first = biased >> 1
    second = biased - first
    return p * np.int64(first << 52).view(np.float64) * f * np.int64(second << 52).view(np.float64)


@inlined
def exp_square(a: float, scale: float, z: float, f: float) -> float:
    """f*exp(a + scale*z^2), scale = +-2^n, |z| <= 1e100. Error below 1.2 ulp beside that of the product with f.

    The exponent is not rounded: it is carried in two parts.
    """
    high = np.int64(np.float64(z).view(np.int64) & -0x8000000).view(np.float64)
    square = scale * high * high
    x = a + square
    part = x - a
    e = (a - (x - part)) + (square - part)
    e = (e if abs(e) < 1.0 else 0.0) + scale * (z - high) * (z + high)
    total = x + e
    lost = e - (total - x)
    return exp_times(total, lost if abs(lost) < 1e-3 else 0.0, f)


@inlined
def exp(x: float) -> float:
    """exp(x); 0 and inf at the infinities, gradual underflow. Error below 1.1 ulp."""
    return exp_times(x, 0.0, 1.0)


@inlined
def expm1(x: float) -> float:
    """exp(x) - 1, relative accuracy near 0; -1 and inf at the infinities. Error below 2 ulp."""
    y = 800.0 if x > 800.0 else x
    y = -60.0 if y < -60.0 else y
    shifted = y * 1.4426950408889634 + 6755399441057790.0
    biased = np.float64(shifted).view(np.int64) & 0x1FFF
    n = shifted - 6755399441057790.0
    r = (y - n * 0.6931471803691238) - n * 1.9082149292705877e-10
    q = 2.0914679376583935e-09
    q = q * r + 2.510520637395701e-08
    q = q * r + 2.7557273661348637e-07
    q = q * r + 2.7557255425746435e-06
    q = q * r + 2.4801587325533363e-05
    q = q * r + 0.00019841269874800493
    q = q * r + 0.0013888888888883752
    q = q * r + 0.008333333333326141
    q = q * r + 0.04166666666666667
    q = q * r + 0.1666666666666667
    q = q * r + 0.5
    p = r + r * r * q
    first = biased >> 1
    second = biased - first
    one = np.int64((2046 - second) << 52).view(np.float64)
    half_way = np.int64(first << 52).view(np.float64)
    return (half_way * p + (half_way - one)) * np.int64(second << 52).view(np.float64)


@inlined
def log(x: float) -> float:
    """log(x); -inf at 0, NaN below, subnormal numbers included. Error below 1 ulp."""
    tiny = x < 2.2250738585072014e-308
    y = x * 18014398509481984.0 if tiny else x
    bits = np.float64(y).view(np.int64) + 0x00095F619980C433
    m = np.int64((bits & 0x000FFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD).view(np.float64)
    k = np.int64((bits >> 52) | 0x4330000000000000).view(np.float64) - 4503599627371519.0
    k = k - 54.0 if tiny else k
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    q = 0.14616449685043406
    q = q * z + 0.15331721600556042
    q = q * z + 0.18182889125261723
    q = q * z + 0.2222221113479508
    q = q * z + 0.28571428625975487
    q = q * z + 0.39999999999899505
    q = q * z + 0.666666666666667
    half = 0.5 * f * f
    finite = k * 0.6931471803691238 - ((half - (s * (half + z * q) + k * 1.9082149292705877e-10)) - f)
    value = finite if y < np.inf else y
    return value if x > 0.0 else (-np.inf if x == 0.0 else np.nan)


@inlined
def log1p(x: float) -> float:
    """log(1 + x), relative accuracy near 0; -inf at -1, NaN below. Error below 2 ulp."""
    u = 1.0 + x
    lost = (x - (u - 1.0)) / u
    return log(u) + (lost if abs(lost) < 1.0 else 0.0)


@inlined
def circular(x: float, quarters: int) -> float:
    """sin(x + quarters*pi/2), quarters an integer; NaN for |x| >= 2^45.

    Error below 1 ulp for |x| <= 1.6e6, where the multiples of the two 33-bit parts of pi/2 are exact; beyond, that of
    moving x by one ulp.
    """
    shifted = x * 0.6366197723675814 + 6755399441055744.0
    turn = np.float64(shifted).view(np.int64) + quarters
    n = shifted - 6755399441055744.0
    t = x - n * 1.5707963267341256
    w = n * 6.077100506303966e-11
    r = t - w
    e = ((t - r) - w) - n * 2.0222662487959506e-21
    y = r + e
    e = (r - y) + e
    z = y * y
    p = 1.5918129294866608e-10
    p = p * z - 2.5051131845003624e-08
    p = p * z + 2.755731610255244e-06
    p = p * z - 0.00019841269836758574
    p = p * z + 0.008333333333330948
    p = p * z - 0.16666666666666666
    odd = y + (y * z * p + e * (1.0 - 0.5 * z))
    q = -1.1382632425521717e-11
    q = q * z + 2.08761462684032e-09
    q = q * z - 2.7557317271729793e-07
    q = q * z + 2.480158729876569e-05
    q = q * z - 0.0013888888888887398
    q = q * z + 0.041666666666666664
    half = 0.5 * z
    w = 1.0 - half
    even = w + (((1.0 - w) - half) + (z * z * q - y * e))
    value = even if (turn & 1) != 0 else odd
    value = np.int64(np.float64(value).view(np.int64) ^ ((turn & 2) << 62)).view(np.float64)
    return value if abs(x) < 35184372088832.0 else np.nan


@inlined
def sin(x: float) -> float:
    """sin(x); accuracy and range are those of `circular`."""
    return circular(x, 0)


@inlined
def cos(x: float) -> float:
    """cos(x); accuracy and range are those of `circular`."""
    return circular(x, 1)


@inlined
def atan2_half(y: float, x: float) -> float:
    """atan2(y, x) for x >= 0, in [-pi/2, pi/2]; 0 at the origin. Error below 2 ulp; |x| + |y| must not overflow.

    One of x, y may be infinite. Where both are subnormal the absolute error is below 1e-11.
    """
    a = abs(y)
    steep = a > x
    small = x if steep else a
    large = a if steep else x
    large = 1.0 if large == 0.0 else large
    past = small > 0.41421356237309503 * large
    t = (small - large if past else small) / (small + large if past else large)
    z = t * t
    q = -0.01917688711906226
    q = q * z + 0.03923165829558719
    q = q * z - 0.0508544973794026
    q = q * z + 0.0585814891280221
    q = q * z - 0.06664511447381948
    q = q * z + 0.07692183190826087
    q = q * z - 0.09090904578123903
    q = q * z + 0.11111111015256361
    q = q * z - 0.14285714284666542
    q = q * z + 0.1999999999999552
    q = q * z - 0.3333333333333333
    p = t * z * q
    high = 0.7853981633974483 if past else (1.5707963267948966 if steep else 0.0)
    low = 3.061616997868383e-17 if past else (6.123233995736766e-17 if steep else 0.0)
    sign = -1.0 if steep else 1.0
    value = high + (sign * t + (sign * p + low))
    return -value if y < 0.0 else value


@inlined
def acute_angle(u: float, w: float) -> float:
    """2 asin(u) = 2 acos(w) in [0, pi/2] for u = sqrt(v), w = sqrt(1 - v), 0 <= v <= 1/2. Error below 1.5 ulp.

    A polynomial in 1 - w: the singularity nearest to w = 1 is at w = -1, so that eleven terms are enough; in v it is
    at v = 1, which takes nineteen. The second root is cheaper than the other eight.
    """
    y = 1.0 - w
    q = 0.0002862432851607345
    q = q * y + 0.00013564579639379793
    q = q * y + 0.0006082893079749518
    q = q * y + 0.0011563299153952086
    q = q * y + 0.002488614907840171
    q = q * y + 0.00532777851407229
    q = q * y + 0.011544025959186025
    q = q * y + 0.02539682486450752
    q = q * y + 0.057142857152906956
    q = q * y + 0.13333333333325953
    q = q * y + 0.3333333333333334
    return 2.0 * (u + u * y * q)


@inlined
def angle(low: float, high: float, half: float) -> float:
    """arccos(c/p) for low = p - c >= 0, high = p + c >= 0, half = 1/(2 p), relative accuracy near 0.

    Error below 2 ulp beside those of low, high and half; low*half and high*half must not be subnormal.
    """
    beyond = low > high
    v = (high if beyond else low) * half
    acute = acute_angle(np.sqrt(v), np.sqrt(1.0 - v))
    return 3.141592653589793 - (acute - 1.2246467991473532e-16) if beyond else acute


@inlined
def angle_to_opposite(low: float, high: float, half: float) -> float:
    """arccos(-c/p) = pi - angle(low, high, half), relative accuracy near 0.

    In a loop with the others of these three the roots are computed once: LLVM merges what is spelt alike.
    """
    beyond = low > high
    v = (high if beyond else low) * half
    acute = acute_angle(np.sqrt(v), np.sqrt(1.0 - v))
    return acute if beyond else 3.141592653589793 - (acute - 1.2246467991473532e-16)


@inlined
def latitude_of_angle(low: float, high: float, half: float) -> float:
    """arcsin(c/p) = pi/2 - angle(low, high, half), odd in c. Absolute error below 2 ulp of pi/2 beside those of v."""
    beyond = low > high
    v = (high if beyond else low) * half
    acute = acute_angle(np.sqrt(v), np.sqrt(1.0 - v))
    value = 1.5707963267948966 - (acute - 6.123233995736766e-17)
    return -value if beyond else value


@inlined
def sine_of_angle(low: float, high: float, half: float) -> float:
    """sin(angle(low, high, half)), relative accuracy near 0 at both ends. Error below 3 ulp beside those of v."""
    beyond = low > high
    v = (high if beyond else low) * half
    return 2.0 * np.sqrt(v) * np.sqrt(1.0 - v)


@inlined
def arccos_complement(z: float) -> float:
    """arccos(1 - 2 z) = 2 asin(sqrt(z)) for z in [0, 1], relative accuracy near z = 0. Error below 2 ulp.

    With z = (1 - rho)/2 computed without cancellation this is the angle between two vectors.
    """
    beyond = z > 0.5
    v = 1.0 - z if beyond else z
    acute = acute_angle(np.sqrt(v), np.sqrt(1.0 - v))
    return 3.141592653589793 - (acute - 1.2246467991473532e-16) if beyond else acute


@inlined
def sinh_exp(a: float, b: float) -> float:
    """exp(a)*sinh(b), overflowing only as a whole, relative accuracy for |b| >= 1e-290. Error below 2 ulp."""
    size = abs(b)
    x = a + size
    part = x - a
    e = (a - (x - part)) + (size - part)
    e = e if abs(e) < 1e-3 else 0.0
    value = exp_times(x, e, -0.5 * expm1(-2.0 * size))
    return -value if b < 0.0 else value


@inlined
def cosh_exp(a: float, b: float) -> float:
    """exp(a)*cosh(b), overflowing only as a whole. Error below 2 ulp."""
    size = abs(b)
    x = a + size
    part = x - a
    e = (a - (x - part)) + (size - part)
    e = e if abs(e) < 1e-3 else 0.0
    return exp_times(x, e, 0.5 + 0.5 * exp(-2.0 * size))
