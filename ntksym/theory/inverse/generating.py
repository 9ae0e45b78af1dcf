r"""Sums of Hermite polynomials with a closed form: kernels on the sphere whose activation is a formula.

At variance one an activation s = sum_k a_k h_k has the kernel E[s(U) s(V)] = sum_k a_k^2 rho^k. From
sum_k t^k h_k/sqrt(k!) = exp(t x - t^2/2) and Mehler's formula follow, with a = t^2,

    cosh(a rho)              exp(-a/2) cosh(sqrt(a) x)               exp(a/2) cos(sqrt(a) x)
    sinh(a rho)              exp(-a/2) sinh(sqrt(a) x)               exp(a/2) sin(sqrt(a) x)
    (1 - b^2 rho^2)^(-1/2)   (1 + b)^(-1/2) exp(b x^2/(2 (1 + b)))   (1 - b)^(-1/2) exp(-b x^2/(2 (1 - b)))
    arcsin(b rho)            sqrt(pi/2) erfi(x sqrt(b/(2 (1 + b))))  sqrt(pi/2) erf(x sqrt(b/(2 (1 - b))))

in the middle with all a_k > 0, on the right with the signs +, +, -, -, repeated.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

import sympy as sp

from ntksym.symbols import rho, x

__all__ = ["MOST_EXACT", "WORKING_DIGITS", "Match", "candidates", "hermite_sum", "sign_of"]

MOST_EXACT = 12
"""Degree up to which sums of Hermite polynomials have roots as coefficients, all different; beyond, decimals."""

WORKING_DIGITS = 25
"""Digits of a coefficient that is rounded to a decimal: float64 keeps 17."""


class Match(NamedTuple):
    """A kernel, as far as its even or odd part goes, and an activation that has it.

    Attributes
    ----------
    kernel : Expr
        In rho.
    activation : Expr
        In x.
    """

    kernel: sp.Expr
    activation: sp.Expr


def sign_of(degree: int, signs: str) -> int:
    """The sign of a_k: always plus, or +, +, -, - and so on."""
    return -1 if signs == "alternating" and degree % 4 >= 2 else 1


def hermite_sum(squares: Sequence[sp.Expr], signs: str, exact: bool) -> sp.Expr:
    """sum_k a_k h_k(x), a_k = +-sqrt(squares[k]), with roots or with 25 decimals as coefficients.

    Parameters
    ----------
    squares : sequence of Expr
        a_k^2, not negative.
    signs : {"plus", "alternating"}
        Of the a_k.
    exact : bool
        Roots.
    """
    terms: list[sp.Expr] = []
    older: sp.Expr = sp.S.Zero
    newer: sp.Expr = sp.S.One
    for degree, square in enumerate(squares):
        if square != 0:
            root = sp.sqrt(square / sp.factorial(degree))
            factor = root if exact else sp.Rational(str(root.evalf(WORKING_DIGITS)))
            terms.append(sign_of(degree, signs) * factor * newer)
        older, newer = newer, sp.expand(x * newer - degree * older)
    total = sp.Add(*terms)
    return total if exact else sp.expand(total)


def candidates(squares: Sequence[sp.Expr], signs: str) -> Iterator[Match]:
    """What the kernel sum_k squares[k] rho^k may be, by its first coefficients; to be verified.

    Parameters
    ----------
    squares : sequence of Expr
        The first a_k^2, exact and not negative, four or more.
    signs : {"plus", "alternating"}
        Of the a_k.
    """
    rule = _plus if signs == "plus" else _alternating
    parts = [_of_parity(squares, parity, signs, rule) for parity in (0, 1)]
    for even, odd in product(*parts):
        yield Match(even.kernel + odd.kernel, _together(even.activation + odd.activation))


def _of_parity(squares: Sequence[sp.Expr], parity: int, signs: str, rule: Callable[..., list[Match]]) -> list[Match]:
    mine = [square if k % 2 == parity else sp.S.Zero for k, square in enumerate(squares)]
    last = max((k for k, square in enumerate(mine) if square != 0), default=0)
    if last + 2 < len(mine):
        polynomial = sp.Add(*(square * rho**k for k, square in enumerate(mine)))
        return [Match(polynomial, hermite_sum(mine, signs, exact=True))]
    first, third = squares[parity], squares[parity + 2]
    if first == 0 or third == 0:
        return []
    ratio = sp.sqrt(sp.nsimplify(third / first) * (6 if parity else 2))
    return rule(parity, first, sp.simplify(ratio))


def _plus(parity: int, first: sp.Expr, a: sp.Expr) -> list[Match]:
    """All a_k positive; ``a`` stands for b, too: both follow from the same ratio of coefficients."""
    if parity == 0:
        return [
            Match(first * sp.cosh(a * rho), sp.sqrt(first) * sp.exp(-a / 2) * sp.cosh(sp.sqrt(a) * x)),
            Match(
                first / sp.sqrt(1 - a**2 * rho**2),
                sp.sqrt(first / (1 + a)) * sp.exp(sp.factor(a / (2 * (1 + a))) * x**2),
            ),
        ]
    found = [Match(first / a * sp.sinh(a * rho), sp.sqrt(first / a) * sp.exp(-a / 2) * sp.sinh(sp.sqrt(a) * x))]
    if a < 1:  # at a = 1 the square of erfi is integrable, but only just: no dual at any larger variance
        growing = sp.erfi(sp.sqrt(a / (2 * (1 + a))) * x)
        found.append(Match(first / a * sp.asin(a * rho), sp.sqrt(sp.pi * first / (2 * a)) * growing))
    return found


def _alternating(parity: int, first: sp.Expr, a: sp.Expr) -> list[Match]:
    """The a_k with signs +, +, -, -."""
    wave = sp.sqrt(first if parity == 0 else first / a) * sp.exp(a / 2)
    if parity == 0:
        found = [Match(first * sp.cosh(a * rho), wave * sp.cos(sp.sqrt(a) * x))]
        if a < 1:
            bell = sp.sqrt(first / (1 - a)) * sp.exp(-sp.factor(a / (2 * (1 - a))) * x**2)
            found.append(Match(first / sp.sqrt(1 - a**2 * rho**2), bell))
        return found
    found = [Match(first / a * sp.sinh(a * rho), wave * sp.sin(sp.sqrt(a) * x))]
    if a <= 1:
        step = sp.sign(x) if a == 1 else sp.erf(sp.sqrt(a / (2 * (1 - a))) * x)
        found.append(Match(first / a * sp.asin(a * rho), sp.sqrt(sp.pi * first / (2 * a)) * step))
    return found


def _together(activation: sp.Expr) -> sp.Expr:
    """Cosh and sinh of one height are an exponential."""
    if not activation.has(sp.cosh) or not activation.has(sp.sinh):
        return activation
    exponential = sp.powsimp(sp.expand(activation.rewrite(sp.exp)))
    return activation if exponential.is_Add else exponential
