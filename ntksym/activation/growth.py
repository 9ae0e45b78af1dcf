"""The growth of a function of x is bounded in the form (1 + |x|)^degree exp(exponential |x| + gaussian x^2)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import mpmath
import sympy as sp

from ntksym.activation.pieces import Pieces
from ntksym.activation.pieces.rewriting import abbreviated, term_bound
from ntksym.activation.pieces.signs import amplitude
from ntksym.formula import compile_mpmath
from ntksym.formula.bounds import BoundedBuilder
from ntksym.formula.conditionals import substitute
from ntksym.formula.functions import FUNCTIONS
from ntksym.symbols import x

__all__ = ["Growth", "growth_of", "sides_of"]


@dataclass(frozen=True)
class Growth:
    """``|s(x)| <= C (1 + |x|)**degree * exp(exponential*|x| + gaussian*x**2)`` for some C, on both sides.

    Attributes
    ----------
    degree, exponential, gaussian : Expr
        Real numbers; the last two are negative for functions that decay on both sides, ``oo`` for growth beyond a
        Gaussian. A logarithm counts as degree 1/2.
    attained : bool
        True if |s| is known to be of exactly this order, from above and from below, on at least one side; False if it
        may be smaller.
    """

    degree: sp.Expr
    exponential: sp.Expr
    gaussian: sp.Expr
    attained: bool


FAR = (10**4, 10**5)
"""Where a function that outgrows all others in a sum has its sign."""

MAX_TERMS = 40
"""Polynomials with more terms are not multiplied out; their degree is only bounded."""


class _Unknown(Exception):
    """The order of a part cannot be read off."""


def growth_of(expression: sp.Expr, pieces: Pieces | None, values: Mapping[sp.Symbol, sp.Rational]) -> Growth | None:
    """The growth of a function, or None where it cannot be read off.

    Parameters
    ----------
    expression : Expr
        The function; its outermost pieces are used instead where they are known.
    pieces : Pieces or None
        The function's pieces.
    values : mapping of Symbol to Rational
        The parameters' values.
    """
    sides = sides_of(expression, pieces, values)
    if sides is None:
        return None
    larger = max(sides, key=_rank)
    attained = any(side.attained for side in sides if _rank(side) == _rank(larger))
    return replace(larger, attained=attained)


def sides_of(
    expression: sp.Expr, pieces: Pieces | None, values: Mapping[sp.Symbol, sp.Rational]
) -> tuple[Growth, Growth] | None:
    """The growth towards +oo and towards -oo, as functions of |x|; the arguments are those of ``growth_of``."""
    right, left = (pieces.expressions[-1], pieces.expressions[0]) if pieces else (expression, expression)
    try:
        return _order(substitute(right, values)), _order(substitute(left, {x: -x, **values}))
    except _Unknown:
        return None


def _rank(growth: Growth) -> tuple[float, float, float]:
    return (float(growth.gaussian), float(growth.exponential), float(growth.degree))


def _growth(degree: Any = 0, exponential: Any = 0, gaussian: Any = 0, attained: bool = True) -> Growth:
    return Growth(sp.sympify(degree), sp.sympify(exponential), sp.sympify(gaussian), attained)


BOUNDED = _growth(attained=False)


def _order(node: sp.Expr) -> Growth:
    """The order as x -> +oo."""
    if not node.has(x):
        return _growth()
    if node.is_polynomial(x):
        if term_bound(node) > MAX_TERMS:
            return _growth(degree=BoundedBuilder({}).degree(node), attained=False)
        return _growth(degree=sp.Poly(abbreviated(node, {}), x).degree())
    name = type(node).__name__
    rule = _RULES.get(name) or _FUNCTION_RULES.get(FUNCTIONS[name].growth if name in FUNCTIONS else name)
    if rule is None:
        raise _Unknown(node)
    return rule(node)


def _sum(node: sp.Add) -> Growth:
    constant, rest = node.as_independent(x, as_Add=True)
    terms = sp.Add.make_args(rest)
    waves = [wave for wave in map(amplitude, terms) if wave is not None]
    if len(waves) == len(terms) and sp.Abs(constant) > sp.Add(*waves):
        return _growth()
    orders = [_order(term) for term in node.args]
    largest = max(orders, key=_rank)
    ties = [order for order in orders if _rank(order) == _rank(largest)]
    return replace(largest, attained=len(ties) == 1 and largest.attained)


def _times(first: Growth, second: Growth) -> Growth:
    if {first.gaussian, second.gaussian} == {sp.oo, -sp.oo}:
        raise _Unknown
    return Growth(
        first.degree + second.degree,
        first.exponential + second.exponential,
        first.gaussian + second.gaussian,
        first.attained and second.attained,
    )


def _product(node: sp.Mul) -> Growth:
    result = _growth()
    for factor in node.args:
        result = _times(result, _order(factor))
    return result


def _power(node: sp.Expr) -> Growth:
    base, exponent = node.args
    if not base.has(x):
        return _exponential(exponent * sp.log(base))
    if not exponent.is_number or not exponent.is_extended_real:
        raise _Unknown(node)
    order = _order(base)
    if exponent < 0 and not order.attained:
        raise _Unknown(node)
    return Growth(
        _scaled(order.degree, exponent),
        _scaled(order.exponential, exponent),
        _scaled(order.gaussian, exponent),
        order.attained,
    )


def _scaled(part: sp.Expr, factor: sp.Expr) -> sp.Expr:
    return sp.S.Zero if part == 0 else part * factor


def _exponential(argument: sp.Expr) -> Growth:
    """The exponential of a polynomial plus something bounded."""
    polynomial: sp.Expr = sp.S.Zero
    rest: sp.Expr = sp.S.Zero
    for term in sp.Add.make_args(sp.expand(argument)):
        if term.is_polynomial(x):
            polynomial += term
        else:
            rest += term
    if rest != 0 and max(_rank(_order(rest))) > 0:
        return _by_leading_sign(argument if polynomial.has(x) else rest)
    coefficients = sp.Poly(polynomial, x).all_coeffs()[::-1]
    if len(coefficients) > 3:
        return _growth(gaussian=sp.oo if coefficients[-1] > 0 else -sp.oo)
    _, linear, quadratic = [*coefficients, 0, 0, 0][:3]
    return _growth(exponential=linear, gaussian=quadratic)


def _unknown(node: Any) -> Growth:
    raise _Unknown(node)


def _by_leading_sign(argument: sp.Expr) -> Growth:
    """The exponential of something that is not a polynomial: bounded if never positive, or of what outgrows x^2."""
    if argument.is_nonpositive:
        return BOUNDED
    order = _order(argument)
    if not order.attained or _rank(order) <= (0, 0, 2):
        raise _Unknown(argument)
    signs = {int(mpmath.sign(compile_mpmath(argument, {})(place))) for place in FAR}
    if signs not in ({1}, {-1}):
        raise _Unknown(argument)
    return _growth(gaussian=sp.oo if signs == {1} else -sp.oo)


def _saturating(node: sp.Expr) -> Growth:
    """For tanh, erf, atan: a limit other than zero where the argument grows, the argument's order where it decays."""
    order = _order(node.args[0])
    if order.attained and _rank(order) > (0, 0, 0):
        return _growth()
    return order if _rank(order) < (0, 0, 0) else BOUNDED


def _logarithmic(node: sp.Expr) -> Growth:
    order = _order(node.args[0])
    if isinstance(node, sp.log) and not order.attained:
        raise _Unknown(node)
    if isinstance(node, sp.asinh) and _rank(order) < (0, 0, 0):
        return order
    if order.gaussian.is_infinite:
        raise _Unknown(node)
    if order.gaussian != 0:
        return _growth(degree=2, attained=order.attained)
    if order.exponential != 0:
        return _growth(degree=1, attained=order.attained)
    return BOUNDED if order.degree == 0 else _growth(degree=sp.S.Half, attained=False)


def _hyperbolic(node: sp.Expr) -> Growth:
    larger = max((_exponential(sign * node.args[0]) for sign in (1, -1)), key=_rank)
    if isinstance(node, sp.cosh) or _rank(larger) > (0, 0, 0):
        return larger
    order = _order(node.args[0])
    return order if _rank(order) < (0, 0, 0) else BOUNDED  # sinh of what is bounded may come near zero


def _error_tail(node: sp.erfc) -> Growth:
    argument = node.args[0]
    if argument.is_polynomial(x) and sp.degree(argument, x) == 1 and sp.LC(argument, x) > 0:
        return _times(_exponential(-(argument**2)), _growth(degree=-1))
    return BOUNDED


def _imaginary_error(node: sp.erfi) -> Growth:
    argument = node.args[0]
    if not (argument.is_polynomial(x) and sp.degree(argument, x) == 1):
        raise _Unknown(node)
    return _times(_exponential(argument**2), _growth(degree=-1))


def _cardinal(node: sp.sinc) -> Growth:
    order = _order(node.args[0])
    return replace(_power(node.args[0] ** -1), attained=False) if order.attained and order.degree > 0 else BOUNDED


def _largest(node: sp.Expr) -> Growth:
    return replace(max((_order(argument) for argument in node.args), key=_rank), attained=False)


def _branches(node: sp.Piecewise) -> Growth:
    return replace(max((_order(value) for value, _ in node.args), key=_rank), attained=False)


def _bounded(node: sp.Expr) -> Growth:
    return BOUNDED


def _local(node: sp.Expr) -> Growth:
    """For tan and atanh, like u near zero: the argument's order where it decays; elsewhere a pole may be met."""
    order = _order(node.args[0])
    if _rank(order) < (0, 0, 0):
        return order
    raise _Unknown(node)


_RULES: Mapping[str, Callable[[Any], Growth]] = {"Add": _sum, "Mul": _product, "Pow": _power, "Piecewise": _branches}

_FUNCTION_RULES: Mapping[Any, Callable[[Any], Growth]] = {
    "exponential": lambda node: _exponential(node.args[0]),
    "saturating": _saturating,
    "logarithmic": _logarithmic,
    "hyperbolic": _hyperbolic,
    "bounded": _bounded,
    "largest argument": _largest,
    "error tail": _error_tail,
    "imaginary error": _imaginary_error,
    "cardinal": _cardinal,
    "local": _local,
}
"""By the kinds of growth of `ntksym.formula.functions`."""
