"""Hand-written duals for tests of the lowering: textbook formulas, independent of the derivation."""

import sympy as sp

from ntksym.special.symbolic import ExpBivariateNormalCDF, ExpCosh, ExpNormalCDF, ExpSinh, NormalCDF
from ntksym.symbolic.numeric_form import NumericForm
from ntksym.symbols import c, det, parameter, q, q1, q2

half = sp.Rational(1, 2)
a = parameter("a", sp.Rational(3, 10))

PARAMETERS = {"a": 0.3}


def _relu() -> NumericForm:
    angle = sp.pi / 2 + sp.atan2(c, sp.sqrt(det))
    return NumericForm((sp.sqrt(det) + c * angle) / (2 * sp.pi), angle / (2 * sp.pi), q / 2, half)


def _erf() -> NumericForm:
    root = sp.sqrt(4 * det + 2 * q1 + 2 * q2 + 1)
    return NumericForm(
        2 * sp.atan2(2 * c, root) / sp.pi,
        4 / (sp.pi * root),
        2 * sp.atan2(2 * q, sp.sqrt(4 * q + 1)) / sp.pi,
        4 / (sp.pi * sp.sqrt(4 * q + 1)),
    )


def _sin() -> NumericForm:
    mean = -(q1 + q2) / 2
    return NumericForm(ExpSinh(mean, c), ExpCosh(mean, c), ExpSinh(-q, q), ExpCosh(-q, q))


def _gelu() -> NumericForm:
    """The formulas of Tsuchida et al. 2018, with A = (1 + q1)(1 + q2) and sqrt(A - c^2) written stably."""
    area = (1 + q1) * (1 + q2)
    root = sp.sqrt(1 + q1 + q2 + det)
    angle = sp.atan2(c, root)
    value = c / 4 + ((c**2 + q1 * q2 * root**2) / (area * root) + c * angle) / (2 * sp.pi)
    slope = half**2 + angle / (2 * sp.pi) + c / (2 * sp.pi * root) * (1 / root**2 + (1 - q1 * q2) / area + 1)
    edge = {q1: q, q2: q, c: q, det: 0}
    return NumericForm(value, slope, value.subs(edge), slope.subs(edge))


def _shifted_relu() -> NumericForm:
    """max(x - a, 0): the kink template Psi_11(a, a), with the bivariate normal CDF and det in denominators."""
    h1, h2 = -a / sp.sqrt(q1), -a / sp.sqrt(q2)
    scale = sp.sqrt(q1) * sp.sqrt(q2)
    both = ExpBivariateNormalCDF(0, h1, h2, c / scale, sp.sqrt(det) / scale)
    density = sp.exp(-(a**2) * (q1 + q2 - 2 * c) / (2 * det)) * sp.sqrt(det) / (2 * sp.pi)
    sides = [
        a * sp.sqrt(v) / sp.sqrt(2 * sp.pi) * ExpNormalCDF(-(a**2) / (2 * v), -a * (v - c) / sp.sqrt(v * det))
        for v in (q1, q2)
    ]
    edge = a * sp.sqrt(q) / sp.sqrt(2 * sp.pi) * sp.exp(-(a**2) / (2 * q))
    above = NormalCDF(-a / sp.sqrt(q))
    return NumericForm((c + a**2) * both - sides[0] - sides[1] + density, both, (q + a**2) * above - edge, above)


def _sign() -> NumericForm:
    """sign(x) jumps: its dual has no slope on the diagonal."""
    return NumericForm(2 * sp.atan2(c, sp.sqrt(det)) / sp.pi, 2 / (sp.pi * sp.sqrt(det)), sp.S.One, None)


FORMS = {
    "relu": _relu(),
    "erf": _erf(),
    "sin": _sin(),
    "gelu": _gelu(),
    "shifted_relu": _shifted_relu(),
    "sign": _sign(),
}
