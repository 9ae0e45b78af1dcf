r"""The strip in which a function that is smooth on the line is analytic is found: it decides how fast a_k(q) falls.

entire     made of exp, sin, cos of x and powers             a_k^2 falls like q^k c^k/k!
gaussian   with exp(-alpha x^2) or erf(sqrt(alpha) x)        a_k^2 falls like (2 alpha q/(1 + 2 alpha q))^k
strip      singular at a distance h from the line            a_k^2 falls like exp(-2 h sqrt(k/q))
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import sympy as sp
from sympy.polys.polyerrors import BasePolynomialError

from ntksym.activation.activation import Activation
from ntksym.formula.functions import FUNCTIONS, Unknown
from ntksym.symbols import x

__all__ = ["Plane", "plane_of"]

MOST_DEGREE = 24
MOST_OPERATIONS = 200
"""Denominators with more operations or of higher degree are not solved."""

NEARLY_REAL = 1e-9


@dataclass(frozen=True)
class Plane:
    """What limits the activation in the complex plane.

    Attributes
    ----------
    gaussian : float
        alpha, with |s(iy)| = exp(alpha y^2) roughly: of exp(-alpha x^2), or erf(sqrt(alpha) x); 0 without.
    distance : float
        h, from the line to the nearest singularity; infinite without.
    """

    gaussian: float = 0.0
    distance: float = math.inf

    def __or__(self, other: "Plane") -> "Plane":
        """Of a sum."""
        return Plane(max(self.gaussian, other.gaussian, key=abs), min(self.distance, other.distance))

    def __mul__(self, other: "Plane") -> "Plane":
        """Of a product: growths multiply."""
        return Plane(self.gaussian + other.gaussian, min(self.distance, other.distance))

    @property
    def is_entire(self) -> bool:
        """Whether exponentials and polynomials make it up."""
        return self.gaussian == 0 and math.isinf(self.distance)


class _NotKnownError(Exception):
    """A part of the formula is not among those that are understood."""


@lru_cache(maxsize=256)
def plane_of(activation: Activation, parity: int | None = None) -> Plane | None:
    """Where the activation is analytic; None if that is not known.

    Parameters
    ----------
    activation : Activation
        Smooth on the line: of one piece.
    parity : int, optional
        0 for its even part and 1 for its odd part instead.
    """
    expression = activation.pieces.expressions[0].xreplace(activation.values)
    if parity is not None:
        expression = sp.expand((expression + (-1) ** parity * expression.xreplace({x: -x})) / 2)
    try:
        return _plane(expression)
    except (_NotKnownError, BasePolynomialError):
        return None


def _plane(node: sp.Expr) -> Plane:
    if node.is_polynomial(x):
        return Plane()
    if node.is_Add or node.is_Mul:
        whole = Plane()
        for argument in node.args:
            whole = whole | _plane(argument) if node.is_Add else whole * _plane(argument)
        return whole
    if isinstance(node, sp.exp):
        return _exponential(node.args[0])
    if node.is_Pow:
        inner = _plane(node.base)
        if not (node.exp.is_Integer and node.exp > 0):
            return _limited(inner, node.base)
        return Plane(inner.gaussian * int(node.exp), inner.distance)
    return _function(type(node).__name__, node.args[0])


def _exponential(argument: sp.Expr) -> Plane:
    if not argument.is_polynomial(x):
        inner = _plane(argument)
        if math.isinf(inner.distance):
            raise _NotKnownError
        return inner
    polynomial = sp.Poly(argument, x)
    if polynomial.degree() > 2:
        raise _NotKnownError
    return Plane(gaussian=-float(polynomial.coeff_monomial(x**2)))


def _linear(argument: sp.Expr) -> float:
    """The factor b of an argument b x + c."""
    if not argument.is_polynomial(x) or sp.degree(argument, x) != 1:
        raise _NotKnownError
    return float(sp.diff(argument, x))


def _function(name: str, argument: sp.Expr) -> Plane:
    function = FUNCTIONS.get(name)
    if function is None or isinstance(function.singular, Unknown):
        raise _NotKnownError
    if function.singular is not None:
        return _limited(_plane(argument), function.singular(argument))
    factor = _linear(argument)  # entire: only of a linear argument does the growth stay below that of a Gaussian
    return Plane(gaussian=GAUSSIAN.get(name, 0) * factor**2)


def _limited(inner: Plane, function: sp.Expr) -> Plane:
    return inner | Plane(distance=_nearest_zero(function))


GAUSSIAN = {"erf": 1, "erfc": 1, "erfi": -1}
"""Entire functions of u that grow or fall like exp(-alpha u^2) somewhere in the plane, and their alpha."""


def _nearest_zero(function: sp.Expr) -> float:
    """The distance from the real line to the nearest zero of a polynomial in x, or in exp(b x)."""
    if function.count_ops() > MOST_OPERATIONS:
        raise _NotKnownError
    numerator = sp.fraction(sp.together(sp.expand(function.rewrite(sp.exp))))[0]
    exponentials = sorted((item for item in numerator.atoms(sp.exp) if item.has(x)), key=str)
    if not exponentials:
        return _distances(numerator, lambda root: abs(float(sp.im(root))))
    rates = [sp.nsimplify(_linear_rate(item)) for item in exponentials]
    unit = sp.gcd_list([abs(rate) for rate in rates])
    w = sp.Dummy("w", positive=True)
    powers = [w ** (rate / unit) for rate in rates]
    names = {e: sp.exp(e.args[0].subs(x, 0)) * power for e, power in zip(exponentials, powers, strict=True)}
    plain = sp.fraction(sp.together(numerator.xreplace(names)))[0]
    if plain.has(x):
        raise _NotKnownError
    return _distances(plain.xreplace({w: x}), lambda root: abs(float(sp.arg(root))) / float(unit))


def _linear_rate(item: sp.exp) -> sp.Expr:
    if not item.args[0].is_polynomial(x) or sp.degree(item.args[0], x) != 1:
        raise _NotKnownError
    return sp.diff(item.args[0], x)


def _distances(polynomial: sp.Expr, distance: Callable[[sp.Expr], float]) -> float:
    found = sp.Poly(polynomial, x)
    if found.degree() > MOST_DEGREE:
        raise _NotKnownError
    distances = [distance(root) for root in found.nroots(n=20, maxsteps=200) if root != 0]
    if any(size < NEARLY_REAL for size in distances):
        raise _NotKnownError  # a removable singularity on the line
    return min(distances, default=math.inf)
