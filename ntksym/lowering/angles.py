r"""The angle of a pair instead of an arc tangent: one division less, and relative accuracy at both ends.

With p = s1 s2, c = p cos(theta), low = p - c, high = p + c,

    atan2(c, sqrt(det)) = pi/2 - theta = opposite - pi/2,     sqrt(det) = p sin(theta),     opposite = pi - theta.

A dual of rectifiers holds pi/2 + atan2(c, sqrt(det)), which is `opposite` and vanishes at the antipode; where no
constant cancels, `latitude` = pi/2 - theta is what is computed.
"""

import sympy as sp

from ntksym.symbols import c, det, q1, q2

__all__ = ["ANGLES", "HALF_INVERSE", "in_angles", "latitude", "opposite", "sine"]

opposite = sp.Symbol("opposite", nonnegative=True)
latitude = sp.Symbol("latitude", real=True)
sine = sp.Symbol("sine", nonnegative=True)

ANGLES = (opposite, latitude, sine)
"""Each is one operation on low, high and `HALF_INVERSE`."""

HALF_INVERSE = 1 / (2 * sp.sqrt(q1) * sp.sqrt(q2))
"""1/(2 p)."""

ARC = sp.atan2(c, sp.sqrt(det), evaluate=False)


def in_angles(formula: sp.Expr) -> sp.Expr:
    """The formula with the angle of the pair and its sine in place of ``atan2(c, sqrt(det))`` and ``sqrt(det)``.

    Parameters
    ----------
    formula : sympy expression
        In q1, q2, c, det and other symbols; returned as it is if it does not hold that arc.
    """
    turned = formula.replace(lambda part: isinstance(part, sp.atan2 | sp.atan) and _is_arc(part), lambda _: latitude)
    if not turned.has(latitude):
        return formula
    # not below a fraction bar: there the determinant has a floor
    rooted = turned.replace(_is_root, lambda part: (sp.sqrt(q1) * sp.sqrt(q2) * sine) ** (2 * part.exp))
    factor = sp.diff(rooted, latitude)
    if factor.has(latitude):
        return rooted
    rest = rooted.subs(latitude, 0)
    constant = -factor * sp.pi / 2
    for before, added in ((rest, constant), (sp.expand_mul(rest), sp.expand_mul(constant))):
        if _length(before + added) < _length(before):
            return factor * opposite + before + added
    return rooted


def _is_root(part: sp.Expr) -> bool:
    return bool(part.is_Pow and part.base == det and part.exp.is_positive and not part.exp.is_Integer)


def _length(formula: sp.Expr) -> int:
    return 0 if formula == 0 else len(sp.Add.make_args(formula))


def _is_arc(part: sp.Expr) -> bool:
    if isinstance(part, sp.atan2):
        return bool(part.args == ARC.args)
    return bool(part.args[0] == c / sp.sqrt(det))
