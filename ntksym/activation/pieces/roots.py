"""Real roots of polynomials in x, exactly: any degree with rational coefficients, else degree 2 a factor."""

import sympy as sp

from ntksym.activation.pieces.sign_decider import SignDecider
from ntksym.errors import PiecesUnknown

__all__ = ["real_roots"]

MAX_ROOT_DEGREE = 30
"""Degree up to which roots are isolated; the time grows steeply."""


def real_roots(polynomial: sp.Poly, judge: SignDecider) -> list[tuple[sp.Expr, int]]:
    """Distinct real roots in increasing order, with multiplicities.

    Parameters
    ----------
    polynomial : Poly
        In x, of positive degree; coefficients are numbers or expressions in the parameters, the leading one not zero.
    judge : SignDecider
        Decides the signs of discriminants and the order of roots.

    Raises
    ------
    PiecesUnknown
        An irreducible factor of degree above 2 has irrational or symbolic coefficients.
    """
    if polynomial.degree() == 1:
        leading, constant = polynomial.all_coeffs()
        return [(sp.expand(-constant / leading) if leading.is_number else -constant / leading, 1)]
    if polynomial.degree() > MAX_ROOT_DEGREE:
        raise PiecesUnknown(
            f"the roots of a polynomial of degree {polynomial.degree()} are not sought; at most {MAX_ROOT_DEGREE}",
            subexpression=polynomial.as_expr(),
        )
    if polynomial.get_domain() in (sp.ZZ, sp.QQ):
        return [(root, power) for root, power in polynomial.real_roots(multiple=False)]
    if polynomial.degree() == 2:
        return _quadratic_roots(polynomial, judge)
    _, factors = sp.factor_list(polynomial)
    if len(factors) == 1 and factors[0][1] == 1:
        raise PiecesUnknown(
            f"cannot find the roots of {polynomial.as_expr()}: its degree is above 2 and it has irrational or symbolic "
            "coefficients; give its parameters' values as numbers in the formula",
            subexpression=polynomial.as_expr(),
        )
    roots: list[tuple[sp.Expr, int]] = []
    for factor, power in factors:
        roots.extend((root, inner * power) for root, inner in real_roots(factor, judge))
    return _sorted_roots(roots, judge)


def _quadratic_roots(polynomial: sp.Poly, judge: SignDecider) -> list[tuple[sp.Expr, int]]:
    leading, middle, constant = polynomial.all_coeffs()
    discriminant = sp.factor(middle**2 - 4 * leading * constant)
    sign = judge.sign(discriminant)
    if sign < 0:
        return []
    if sign == 0:
        return [(-middle / (2 * leading), 2)]
    root = sp.sqrt(discriminant)
    first, second = ((-middle + direction * root) / (2 * leading) for direction in (-1, 1))
    return [(first, 1), (second, 1)] if judge.sign(leading) > 0 else [(second, 1), (first, 1)]


def _sorted_roots(roots: list[tuple[sp.Expr, int]], judge: SignDecider) -> list[tuple[sp.Expr, int]]:
    ordered: list[tuple[sp.Expr, int]] = []
    for root, power in roots:
        place = 0
        while place < len(ordered) and judge.order(ordered[place][0], root) < 0:
            place += 1
        if place < len(ordered) and judge.order(ordered[place][0], root) == 0:
            ordered[place] = (ordered[place][0], ordered[place][1] + power)
        else:
            ordered.insert(place, (root, power))
    return ordered
