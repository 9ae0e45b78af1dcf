"""Algebra with bounded cost: multiply out, factor and take limits only where that is known to be quick."""

import math

import sympy as sp
from sympy.polys.polyerrors import BasePolynomialError

from ntksym.formula.conditionals import substitute
from ntksym.symbols import x

__all__ = ["abbreviated", "expanded", "factored", "in_exponentials", "limit_at", "term_bound", "without_inverse_pairs"]

INVERSES = {sp.asinh: sp.sinh, sp.atanh: sp.tanh}
"""Functions that undo another on the whole line; sympy knows exp and log, and the other order, by itself."""

MAX_TERMS = 400
"""Terms that an expression may have when multiplied out; beyond, it is left as it is."""
MAX_CONSTANT_OPERATIONS = 12
"""Constants with more operations are treated as symbols while the rest is multiplied out."""
MAX_FACTOR_DEGREE = 12
"""Total degree up to which expressions in several functions of x are factored."""
MAX_FACTOR_TERMS = 60
MAX_FACTOR_BITS = 400
MAX_GENERATORS = 6
MAX_DERIVATIVES = 6
"""Order of a removable singularity that is removed."""
MAX_LIMIT_OPERATIONS = 20
"""Expressions with more operations are not given to sympy's limit."""


def without_inverse_pairs(expression: sp.Expr) -> sp.Expr:
    """The expression with asinh(sinh(u)) and atanh(tanh(u)) as u, which they are for every real u.

    Where tanh(u) rounds to one, atanh would be infinite; asin(sin(u)) is another function than u, and stays.

    Parameters
    ----------
    expression : Expr
        Real for every real x.
    """
    while True:
        pairs = {
            node: node.args[0].args[0]
            for node in expression.atoms(sp.asinh, sp.atanh)
            if isinstance(node.args[0], INVERSES[type(node)])
        }
        if not pairs:
            return expression
        expression = substitute(expression, pairs)


def term_bound(node: sp.Expr) -> int:
    """Upper bound for the number of terms when everything is multiplied out."""
    if node.is_Add:
        return sum(term_bound(argument) for argument in node.args)
    if node.is_Mul:
        product = 1
        for argument in node.args:
            product *= term_bound(argument)
        return product
    if node.is_Pow and node.exp.is_Integer and node.exp > 0:
        inner, power = term_bound(node.base), int(node.exp)
        return int(sp.binomial(inner + power - 1, power)) if inner > 1 else 1
    return 1


def expanded(expression: sp.Expr) -> sp.Expr:
    """Multiplied out where that stays short, except for long constants."""
    if term_bound(expression) > MAX_TERMS:
        return expression
    names: dict[sp.Expr, sp.Dummy] = {}
    short = abbreviated(expression, names)
    return sp.expand(short).xreplace({name: constant for constant, name in names.items()})


def abbreviated(node: sp.Expr, names: dict[sp.Expr, sp.Dummy]) -> sp.Expr:
    """The expression with long constants as symbols, which are entered into ``names``."""
    if not node.has(x):
        return names.setdefault(node, sp.Dummy(real=True)) if node.count_ops() > MAX_CONSTANT_OPERATIONS else node
    if not node.args:
        return node
    return node.func(*(abbreviated(argument, names) for argument in node.args))


def in_exponentials(expression: sp.Expr) -> sp.Expr:
    """Hyperbolic functions of polynomials written as exponentials."""

    def concerns(node: sp.Basic) -> bool:
        return isinstance(node, sp.sinh | sp.cosh | sp.tanh) and node.args[0].is_polynomial(x)

    return expression.replace(concerns, lambda node: node.rewrite(sp.exp))


def factored(expression: sp.Expr) -> sp.Expr:
    """A product of irreducible factors where few functions of low degree occur, else the expression itself."""
    if term_bound(expression) > MAX_TERMS:
        return expression
    plain, meaning = _without_exponentials(expression)
    combined = sp.together(plain)
    if all(_is_small(part) for part in sp.fraction(combined)):
        return sp.factor(combined).xreplace(meaning)
    return expression


def _without_exponentials(expression: sp.Expr) -> tuple[sp.Expr, dict[sp.Dummy, sp.Expr]]:
    """Exponentials as small powers of symbols: exp(x) and exp(1.0507*x) would be powers above 10**30 of one of them."""
    groups: dict[sp.Expr, list[sp.exp]] = {}
    for item in expression.atoms(sp.exp):
        if item.free_symbols:
            groups.setdefault(item.args[0].as_coeff_Mul()[1], []).append(item)
    powers: dict[sp.exp, sp.Expr] = {}
    meaning: dict[sp.Dummy, sp.Expr] = {}
    for unit, items in groups.items():
        coefficients = [item.args[0].as_coeff_Mul()[0] for item in items]
        scale = math.lcm(*(int(coefficient.q) for coefficient in coefficients))
        common = sp.Rational(math.gcd(*(int(coefficient * scale) for coefficient in coefficients)), scale)
        exponents = [coefficient / common for coefficient in coefficients]
        related = max(abs(exponent) for exponent in exponents) <= MAX_FACTOR_DEGREE
        shared = sp.Dummy(positive=True)
        for item, exponent in zip(items, exponents, strict=True):
            symbol = shared if related else sp.Dummy(positive=True)
            meaning[symbol] = sp.exp(common * unit) if related else item
            powers[item] = symbol**exponent if related else symbol
    return expression.xreplace(powers), meaning


def _is_small(part: sp.Expr) -> bool:
    """Whether factoring a polynomial in whatever functions occur is quick."""
    if not part.free_symbols:
        return True
    if term_bound(part) > MAX_TERMS:
        return False
    if any(power.exp.is_Rational and power.exp.q > MAX_FACTOR_DEGREE for power in part.atoms(sp.Pow)):
        return False
    try:
        polynomial = sp.Poly(part)
    except BasePolynomialError:
        return False
    bits = max(_bits(coefficient) for coefficient in polynomial.coeffs())
    several = len(polynomial.gens) > 1
    return not (
        len(polynomial.gens) > MAX_GENERATORS
        or len(polynomial.terms()) > MAX_FACTOR_TERMS
        or bits > MAX_FACTOR_BITS
        or (several and polynomial.total_degree() > MAX_FACTOR_DEGREE)
    )


def _bits(coefficient: sp.Expr) -> int:
    numbers = coefficient.atoms(sp.Rational)
    return max((int(number.p).bit_length() + int(number.q).bit_length() for number in numbers), default=0)


def limit_at(expression: sp.Expr, place: sp.Expr, side: str) -> sp.Expr:
    """The limit of an expression as x tends to a place from one side ("+" or "-"); NaN where it is not found."""
    value = expression.subs(x, place)
    if value is not sp.nan:
        return value
    numerator, denominator = sp.fraction(sp.together(expression))
    for _ in range(MAX_DERIVATIVES):
        above, below = numerator.subs(x, place), denominator.subs(x, place)
        if above != 0 or below != 0:
            break
        numerator, denominator = sp.diff(numerator, x), sp.diff(denominator, x)
    if below.is_nonzero and above.is_finite:
        return above / below
    if expression.count_ops() > MAX_LIMIT_OPERATIONS:
        return sp.nan
    try:
        return sp.limit(expression, x, place, side)
    except (NotImplementedError, ValueError, TypeError, RecursionError):
        return sp.nan
