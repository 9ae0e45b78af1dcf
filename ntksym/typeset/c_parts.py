"""Parts of generated C: functions copied into the text where it needs them; C99 and math.h only."""

from ntksym.typeset.array_parts import CodePart

__all__ = ["COVARIANCE", "PARTS"]

COVARIANCE = """
/* Puts the covariance in order and returns its determinant. A correlation within rounding of +-1 counts as +-1; a
   variance of zero is raised a little. */
static double covariance(double *q1, double *q2, double *c)
{
    const double least = 1e-140;
    *q1 = *q1 < least ? least : *q1;
    *q2 = *q2 < least ? least : *q2;
    const double product = *q1 == *q2 ? *q1 : sqrt(*q1) * sqrt(*q2);
    const double gap = product - fabs(*c);
    if (gap <= 8 * DBL_EPSILON * product) {
        *c = copysign(product, *c);
        return 0;
    }
    return gap * (product + fabs(*c));
}
"""

PARTS = {
    "normal_cdf": CodePart(
        """
/* Phi(h), the standard normal distribution function. */
static double normal_cdf(double h)
{
    return erfc(-h * 0.70710678118654752) / 2;
}
"""
    ),
    "exp_sinh": CodePart(
        """
/* exp(a) * sinh(b), finite whenever the product is. */
static double exp_sinh(double a, double b)
{
    const double size = fabs(b);
    return copysign(exp(a + size) * -expm1(-2 * size) / 2, b);
}
"""
    ),
    "exp_cosh": CodePart(
        """
/* exp(a) * cosh(b), finite whenever the product is. */
static double exp_cosh(double a, double b)
{
    const double size = fabs(b);
    return exp(a + size) * (1 + exp(-2 * size)) / 2;
}
"""
    ),
    "mills": CodePart(
        """
/* Phi(-z)/phi(z) for z >= 0: erfc below 3, a continued fraction above. */
static double mills(double z)
{
    if (z < 3) {
        return exp(z * z / 2) * erfc(z * 0.70710678118654752) * 1.2533141373155003;
    }
    double tail = 0;
    for (int level = 60; level > 0; level--) {
        tail = level / (z + tail);
    }
    return 1 / (z + tail);
}
"""
    ),
    "exp_phi": CodePart(
        """
/* exp(a) * Phi(h), finite whenever the product is. */
static double exp_phi(double a, double h)
{
    if (h < 0) {
        return isinf(h) ? 0.0 : exp(a - h * h / 2) * mills(-h) * 0.39894228040143268;
    }
    return exp(a) * (erfc(-h * 0.70710678118654752) / 2);
}
""",
        ("mills",),
    ),
    "exp_erfi": CodePart(
        """
/* exp(a) * erfi(y), by Rybicki's sum for Dawson's integral with step 1/4. */
static double exp_erfi(double a, double y)
{
    const double n0 = 2 * round(2 * y), d = y - n0 / 4;
    double total = 0;
    for (int n = 1; n < 26; n += 2) {
        const double bell = exp(-(d - n / 4.0) * (d - n / 4.0)), fall = expm1(-d * n);
        total -= bell * (n * fall + n0 * (2 + fall)) / (n * n - n0 * n0);
    }
    return exp(a + y * y) * total * 0.63661977236758134;
}
"""
    ),
    "exp_phi2": CodePart(
        """
/* exp(a) * P(X < h, Y < k) of standard normals with correlation r, s = sqrt(1 - r*r) given. */
static double exp_phi2(double a, double h, double k, double r, double s)
{
    if (h == 0 && k == 0) {
        return exp(a) * atan2(s, -r) * 0.15915494309189534;
    }
    s = fmax(s, 1e-140);
    const double sign = r < 0 ? -1.0 : 1.0;
    const double distance = s * s / (1 + fabs(r)), gap = k - sign * h;
    const double edge_h = edge(a, -fabs(h), (gap + distance * sign * h) / s);
    const double edge_k = edge(a, -fabs(k), (distance * k - gap) * sign / s);
    double value = (h > 0 ? -edge_h : edge_h) + (k > 0 ? -edge_k : edge_k);
    if (h > 0 && k > 0) {
        value += exp(a);
    }
    return value < 0 ? 0.0 : value;
}
""",
        ("edge",),
    ),
    "edge": CodePart(
        """
/* exp(a) times the normal mass beyond the edge at distance -h that ends at across. */
static double edge(double a, double h, double across)
{
    const double part = wedge(a, -h, fabs(across));
    return across <= 0 ? part : exp_phi(a, h) - part;
}
""",
        ("wedge", "exp_phi"),
    ),
    "wedge": CodePart(
        """
/* exp(a) times the normal mass of the wedge x > b, y > x*w/b: Gauss-Legendre in the half angle. */
static double wedge(double a, double b, double w)
{
    static const double nodes[6][2] = {
        {0.1252334085114689, 0.2491470458134028},
        {0.3678314989981802, 0.2334925365383548},
        {0.5873179542866175, 0.2031674267230659},
        {0.7699026741943047, 0.1600783285433462},
        {0.9041172563704749, 0.1069393259953184},
        {0.9815606342467192, 0.0471753363865118},
    };
    const double radius = hypot(b, w), scale = exp(a - radius * radius / 2);
    if (!(radius > 0) || scale == 0) {
        return 0.0;
    }
    const double top = fmin(b, w) / (radius + fmax(b, w));
    double angular = 0;
    for (int i = 0; i < 6; i++) {
        const double square = top * nodes[i][0] * (top * nodes[i][0]);
        const double z = radius * (1 - square) / (1 + square);
        angular += nodes[i][1] * first_moment(z) / (1 + square);
    }
    const double part = top * angular * 0.31830988618379067;
    return scale * (b <= w ? part : mills(b) * mills(w) * 0.15915494309189534 - part);
}
""",
        ("first_moment", "mills"),
    ),
    "first_moment": CodePart(
        """
/* Integral of t*exp(-t*t/2 - z*t) over t > 0: 1 - z*mills(z) below 3, a continued fraction above. */
static double first_moment(double z)
{
    if (z < 3) {
        return 1 - z * mills(z);
    }
    double tail = 0;
    for (int level = 60; level > 0; level--) {
        tail = level / (z + tail);
    }
    return tail / (z + tail);
}
""",
        ("mills",),
    ),
}
