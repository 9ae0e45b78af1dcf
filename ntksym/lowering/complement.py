r"""Differences that cancel near |rho| = 1, rewritten in quantities that do not.

With s = sqrt(q), a formula that vanishes on the diagonal may hold q1 + q2 - 2c or q2 - c. Rounding makes each of them
wrong by about eps*q, each in its own way, although together they would nearly cancel out of the value. In

    low = s1 s2 - c,      high = s1 s2 + c,      gap = s1 - s2

the same differences read

    q1 + q2 - 2c = gap^2 + 2 low,      q1 - c = s1 gap + low,      q2 - c = -s2 gap + low,

and likewise with +c and high, so that one error of low enters everywhere and acts like an error of c itself.
exp(a) sinh(b) and exp(a) cosh(b) hold such a difference in a + |b|, taken out where a is divided by the determinant.
"""

import sympy as sp

from ntksym.special.symbolic import ExpCosh, ExpSinh
from ntksym.symbols import c, det, q1, q2

__all__ = ["complement", "gap", "high", "low"]

low = sp.Symbol("low", nonnegative=True)
high = sp.Symbol("high", nonnegative=True)
gap = sp.Symbol("gap", real=True)


def complement(formula: sp.Expr) -> sp.Expr:
    """The formula with its cancelling sums of q1, q2 and c rewritten in low, high and gap.

    Parameters
    ----------
    formula : sympy expression
        In q1, q2, c and other symbols.
    """
    waves = formula.replace(lambda part: isinstance(part, ExpSinh | ExpCosh) and part.args[0].has(det), _wave)
    return waves.replace(lambda part: part.is_Add and part.has(c), _rewritten)


def _rewritten(total: sp.Expr) -> sp.Expr:
    first, second, across = (sp.diff(total, variable) for variable in (q1, q2, c))
    if across == 0 or sp.expand(total - first * q1 - second * q2 - across * c) != 0:
        return total
    ratios = sp.cancel(first / across), sp.cancel(second / across)
    for sign, rest in ((-1, -low), (1, high)):  # c = s1 s2 - low = high - s1 s2
        half = sp.Rational(sign, 2)
        if ratios == (half, half):
            return across * (half * gap**2 + rest)
        if ratios == (2 * half, sp.S.Zero):
            return across * (sign * sp.sqrt(q1) * gap + rest)
        if ratios == (sp.S.Zero, 2 * half):
            return across * (-sign * sp.sqrt(q2) * gap + rest)
    return total


def _wave(product: sp.Expr) -> sp.Expr:
    """exp(a) sinh(b) = exp(a + |b|) * exp(-|b|) sinh(b), and the same with cosh; here a + |b| = K (q1 + q2 - 2|c|)."""
    exponent, argument = product.args
    slopes = [sp.cancel(sp.diff(exponent, variable)) for variable in (q1, q2)]
    factor = sp.cancel(argument / c)
    negative = slopes[0].subs(det, sp.Dummy(positive=True)).is_negative
    if slopes[0] != slopes[1] or sp.cancel(exponent - slopes[0] * (q1 + q2)) != 0 or not negative:
        return product
    if sp.cancel(factor**2 - 4 * slopes[0] ** 2) != 0:
        return product
    return sp.exp(slopes[0] * (gap**2 + 2 * sp.Min(low, high))) * product.func(2 * slopes[0] * sp.Abs(c), argument)
