"""Taylor coefficients of a closed dual at a covariance, exactly: truncated power series over sympy numbers."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import sympy as sp

from ntksym.errors import NoClosedForm
from ntksym.formula.functions import FUNCTIONS, Unknown

__all__ = ["Series", "add", "compose", "multiply", "taylor"]

Series = list[Any]
"""Coefficients of 1, t, t^2, ...: sympy numbers or fractions, all series of a calculation of one length."""

LONG = 60
"""Operations beyond which a coefficient is brought over one denominator."""

MOST_OPERATIONS, SEVERAL = 1500, 300
"""Operations in a coefficient, beyond which a calculation is given up: where it can be factored, and elsewhere."""

FEW, MOST_BITS = 3, 160
"""Roots and function values, and bits of a fraction, up to which coefficients are brought over one denominator."""


def _tidy(number: Any) -> Any:
    if isinstance(number, Fraction | int) or number.is_Rational:
        return number
    short = sp.expand(number)
    operations = short.count_ops()
    handy = operations > LONG and _is_handy(short)
    if operations > (MOST_OPERATIONS if handy else SEVERAL):
        raise NoClosedForm(
            "the exact coefficients grow beyond use; ask for fewer terms, or take exact=False", coefficient=short
        )
    return sp.factor(sp.together(short)) if handy else short


def _is_handy(number: sp.Expr) -> bool:
    """Whether factoring is quick: short fractions, few other numbers, no exponentials, which would have high powers."""
    if number.has(sp.exp):
        return False
    roots = {power.base for power in number.atoms(sp.Pow) if not power.exp.is_Integer}
    bits = max(
        (int(entry.p).bit_length() + int(entry.q).bit_length() for entry in number.atoms(sp.Rational)), default=0
    )
    return len(roots) + len(number.atoms(sp.Function)) <= FEW and bits <= MOST_BITS


def _inverse(number: Any) -> Any:
    if isinstance(number, Fraction):
        return 1 / number
    return sp.factor(1 / number) if _is_handy(number) else 1 / number


def add(left: Series, right: Series) -> Series:
    """The sum."""
    return [_tidy(a + b) for a, b in zip(left, right, strict=True)]


def multiply(left: Series, right: Series) -> Series:
    """The product, cut off."""
    count = len(left)
    product = []
    for k in range(count):
        pairs = [left[i] * right[k - i] for i in range(k + 1) if left[i] != 0 and right[k - i] != 0]
        product.append(_tidy(sum(pairs[1:], pairs[0])) if pairs else 0 * left[0])
    return product


def scale(factor: Any, series: Series) -> Series:
    """A multiple."""
    return [_tidy(factor * entry) for entry in series]


def compose(outer: Sequence[Any], inner: Series) -> Series:
    """sum_j outer_j inner^j, for an inner series without constant term; a monomial takes no multiplications."""
    if not any(inner[2:]) and len(inner) > 1:
        powers, factor = [], inner[1] ** 0
        for entry in outer[: len(inner)]:
            powers.append(_tidy(entry * factor))
            factor = factor * inner[1]
        return powers + [0 * inner[0]] * (len(inner) - len(powers))
    total = [0 * inner[0]] * len(inner)
    for entry in reversed(outer):
        total = multiply(total, inner)
        total[0] = _tidy(total[0] + entry)
    return total


def taylor(expression: sp.Expr, variable: sp.Symbol, place: sp.Expr, count: int) -> Series:
    """The coefficients of the powers of (variable - place).

    Parameters
    ----------
    expression : Expr
        Elementary functions and erf of one variable.
    variable : Symbol
        The variable.
    place : Expr
        A number where the expression is analytic.
    count : int
        How many.

    Raises
    ------
    NoClosedForm
        For a function without a rule here, at a singularity, or where the coefficients grow beyond use.
    """
    return _composed(expression, variable, ([place, sp.S.One] + [sp.S.Zero] * count)[:count])


def _composed(expression: sp.Expr, variable: sp.Symbol, inner: Series) -> Series:
    """The series of an expression in which a variable stands for a series."""
    if not expression.has(variable):
        return [expression] + [sp.S.Zero] * (len(inner) - 1)
    if expression == variable:
        return inner
    if expression.is_Pow and expression.base is sp.E:
        return _exp(_composed(expression.exp, variable, inner))
    if expression.is_Pow and not expression.exp.has(variable):
        return _power(_composed(expression.base, variable, inner), expression.exp)
    rule = _RULES.get(type(expression))
    if rule is not None:
        return rule(*(_composed(argument, variable, inner) for argument in expression.args))
    function = FUNCTIONS.get(type(expression).__name__)
    if function is None or isinstance(function.taylor, Unknown):
        raise NoClosedForm(f"no Taylor series of {expression.func} here; take exact=False", func=expression.func)
    (argument,) = expression.args
    if callable(function.taylor):
        return _composed(function.taylor(argument), variable, inner)
    return _by_derivative(expression.func, _composed(argument, variable, inner))


def _by_derivative(function: Any, inner: Series) -> Series:
    """f(u) is the integral of f'(u) u', and f' an expression in powers and exponentials of u."""
    u = sp.Dummy("u")
    slope = _composed(function(u).diff(u), u, inner)
    return _integral(multiply(_derivative(inner), slope), function(inner[0]))


def _sum(*parts: Series) -> Series:
    return [_tidy(sp.Add(*column)) for column in zip(*parts, strict=True)]


def _product(*parts: Series) -> Series:
    total = parts[0]
    for part in parts[1:]:
        total = multiply(total, part)
    return total


def _derivative(series: Series) -> Series:
    return [*(k * entry for k, entry in enumerate(series[1:], 1)), sp.S.Zero]


def _integral(series: Series, constant: Any) -> Series:
    return [constant] + [_tidy(entry / (k + 1)) for k, entry in enumerate(series[:-1])]


def _power(base: Series, exponent: sp.Expr) -> Series:
    """The power g = f^r by f g' = r f' g."""
    if exponent.is_Integer and exponent >= 0:
        one = [sp.S.One] + [sp.S.Zero] * (len(base) - 1)
        return _product(one, *[base] * int(exponent))
    if base[0] == 0:
        raise NoClosedForm(
            "the dual is singular at the covariance of orthogonal points; take exact=False", base=base[0]
        )
    first = sp.factor(base[0]) if _is_handy(base[0]) else base[0]
    inverse = _inverse(first)
    found = [first**exponent]
    for k in range(1, len(base)):
        parts = [(exponent * i - (k - i)) * base[i] * found[k - i] for i in range(1, k + 1) if base[i] != 0]
        found.append(_tidy(sp.Add(*parts) * inverse / k))
    return found


def _exp(inner: Series) -> Series:
    found = [sp.exp(inner[0])]
    for k in range(1, len(inner)):
        found.append(_tidy(sp.Add(*(i * inner[i] * found[k - i] for i in range(1, k + 1) if inner[i] != 0)) / k))
    return found


def _by_exponentials(sign: int) -> Callable[[Series], Series]:
    def rule(inner: Series) -> Series:
        up, down = _exp(inner), _exp(scale(sp.S.NegativeOne, inner))
        return [_tidy((a + sign * b) / 2) for a, b in zip(up, down, strict=True)]

    return rule


def _circular(first: Any) -> Callable[[Series], Series]:
    """Sine or cosine, both of which follow from each other's derivatives."""

    def rule(inner: Series) -> Series:
        sine, cosine = [sp.sin(inner[0])], [sp.cos(inner[0])]
        for k in range(1, len(inner)):
            steps = [(i * inner[i], k - i) for i in range(1, k + 1) if inner[i] != 0]
            above = sp.Add(*(step * cosine[at] for step, at in steps)) / k
            below = -sp.Add(*(step * sine[at] for step, at in steps)) / k
            sine.append(_tidy(above))
            cosine.append(_tidy(below))
        return sine if first is sp.sin else cosine

    return rule


def _arctangent_of_two(y: Series, x: Series) -> Series:
    """Its derivative is (x y' - y x')/(x^2 + y^2)."""
    above = add(multiply(x, _derivative(y)), scale(sp.S.NegativeOne, multiply(y, _derivative(x))))
    below = add(multiply(x, x), multiply(y, y))
    return _integral(multiply(above, _power(below, sp.S.NegativeOne)), sp.atan2(y[0], x[0]))


_RULES: dict[Any, Callable[..., Series]] = {
    sp.Add: _sum,
    sp.Mul: _product,
    sp.exp: _exp,
    sp.sin: _circular(sp.sin),
    sp.cos: _circular(sp.cos),
    sp.sinh: _by_exponentials(-1),
    sp.cosh: _by_exponentials(1),
    sp.atan2: _arctangent_of_two,
}
