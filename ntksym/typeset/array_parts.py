"""Parts of generated Python: functions copied into the text where it needs them, for NumPy, JAX and PyTorch alike.

``xp`` stands for the array module, ``ndtr`` and ``log_ndtr`` for Phi and log(Phi) of the library at hand.
"""

from dataclasses import dataclass

__all__ = ["COVARIANCE", "PARTS", "CodePart"]


@dataclass(frozen=True)
class CodePart:
    """A function of generated code: its text, and the names of the parts it calls."""

    text: str
    needs: tuple[str, ...] = ()


COVARIANCE = '''
def _covariance(cov12, var1, var2):
    """Variances, covariance, determinant, and the determinant to divide by.

    A correlation within rounding of +-1 counts as +-1; a variance of zero is raised a little.
    """
    c, q1, q2 = (ARRAY for item in (cov12, var1, var2))
    limits = xp.finfo(c.dtype)
    least, rounding = limits.tiny**0.45, 8 * limits.eps
    q1, q2 = xp.where(q1 < least, least, q1), xp.where(q2 < least, least, q2)
    product = xp.where(q1 == q2, q1, xp.sqrt(q1) * xp.sqrt(q2))
    gap = product - xp.abs(c)
    parallel = gap <= rounding * product
    det = xp.where(parallel, 0.0, gap * (product + xp.abs(c)))
    c = xp.where(parallel, xp.copysign(product, c), c)
    return q1, q2, c, det, xp.where(det < rounding * q1 * q2, rounding * q1 * q2, det)
'''

PARTS = {
    "_exp_sinh": CodePart(
        '''
def _exp_sinh(a, b):
    """exp(a) * sinh(b), finite whenever the product is."""
    size = xp.abs(b)
    return xp.copysign(xp.exp(a + size) * -xp.expm1(-2 * size) / 2, b)
'''
    ),
    "_exp_cosh": CodePart(
        '''
def _exp_cosh(a, b):
    """exp(a) * cosh(b), finite whenever the product is."""
    size = xp.abs(b)
    return xp.exp(a + size) * (1 + xp.exp(-2 * size)) / 2
'''
    ),
    "_exp_phi": CodePart(
        '''
def _exp_phi(a, h):
    """exp(a) * Phi(h), finite whenever the product is."""
    return xp.exp(a + log_ndtr(h))
'''
    ),
    "_exp_erfi": CodePart(
        '''
def _exp_erfi(a, y):
    """exp(a) * erfi(y), by Rybicki's sum for Dawson's integral with step 1/4."""
    n0 = 2 * xp.round(2 * y)
    d = y - n0 / 4
    total = 0.0 * y
    for n in range(1, 26, 2):
        bell = xp.exp(-((d - n / 4) ** 2))
        fall = xp.expm1(-d * n)
        total = total - bell * (n * fall + n0 * (2 + fall)) / (n**2 - n0**2)
    return xp.exp(a + y * y) * total * (2 / xp.pi)
'''
    ),
    "_exp_phi2": CodePart(
        '''
def _exp_phi2(a, h, k, r, s):
    """exp(a) * P(X < h, Y < k) of standard normals with correlation r, s = sqrt(1 - r**2) given."""
    least = xp.finfo(s.dtype).tiny ** 0.45
    s = xp.where(s < least, least, s)
    a, h, k = a + 0.0 * s, h + 0.0 * s, k + 0.0 * s
    one = 1.0 + 0.0 * s
    sign = xp.where(r < 0, -one, one)
    distance = s * s / (1 + xp.abs(r))
    gap = k - sign * h
    across_h = (gap + distance * sign * h) / s
    across_k = (distance * k - gap) * sign / s
    edge_h, edge_k = _edge(a, -xp.abs(h), across_h), _edge(a, -xp.abs(k), across_k)
    value = xp.where(h > 0, -edge_h, edge_h) + xp.where(k > 0, -edge_k, edge_k)
    value = xp.where((h > 0) & (k > 0), xp.exp(a) - edge_h - edge_k, value)
    value = xp.where((h == 0) & (k == 0), xp.exp(a) * xp.arctan2(s, -r) / (2 * xp.pi), value)
    return xp.where(value < 0, 0.0, value)
''',
        ("_edge",),
    ),
    "_edge": CodePart(
        '''
def _edge(a, h, across):
    """exp(a) times the normal mass beyond the edge at distance -h that ends at ``across``."""
    part = _wedge(a, -h, xp.abs(across))
    return xp.where(across <= 0, part, _exp_phi(a, h) - part)
''',
        ("_wedge", "_exp_phi"),
    ),
    "_wedge": CodePart(
        '''
def _wedge(a, b, w):
    """exp(a) times the normal mass of the wedge x > b, y > x*w/b: Gauss-Legendre in the half angle."""
    small, large = xp.where(b < w, b, w), xp.where(b < w, w, b)
    radius = xp.hypot(b, w)
    total = radius + large
    top = xp.where(total > 0, small / xp.where(total > 0, total, 1.0), 0.0)
    angular = 0.0 * radius
    for node, weight in (
        (0.1252334085114689, 0.2491470458134028),
        (0.3678314989981802, 0.2334925365383548),
        (0.5873179542866175, 0.2031674267230659),
        (0.7699026741943047, 0.1600783285433462),
        (0.9041172563704749, 0.1069393259953184),
        (0.9815606342467192, 0.0471753363865118),
    ):
        square = (top * node) ** 2
        angular = angular + weight * _first_moment(radius * (1 - square) / (1 + square)) / (1 + square)
    part = xp.exp(a - radius * radius / 2) * top * angular / xp.pi
    return xp.where(b <= w, part, xp.exp(a + log_ndtr(-b) + log_ndtr(-w)) - part)
''',
        ("_first_moment",),
    ),
    "_first_moment": CodePart(
        '''
def _first_moment(z):
    """Integral of t*exp(-t**2/2 - z*t) over t > 0: a tail of Phi below z = 3, a continued fraction above."""
    near, far = xp.where(z < 3, z, 3.0), xp.where(z < 3, 3.0, z)
    tail = 0.0 * far
    for level in range(60, 0, -1):
        tail = level / (far + tail)
    mills = xp.exp(near * near / 2 + log_ndtr(-near)) * (2 * xp.pi) ** 0.5
    return xp.where(z < 3, 1 - near * mills, tail / (far + tail))
'''
    ),
}
