"""Functions such as sinc, (trigonometric sum)/x**n: Fourier transforms of piecewise polynomials with compact support.

With s(x) = int b(t) exp(-i t x) dt and S the covariance of (U, V),

    E[s(U) r(V)] = int int b(t) d(u) exp(-(t, u) S (t, u)/2) dt du = 2 pi/sqrt(det S) E_{N(0, S^-1)}[b(T) d(W)],

an expectation that `ntksym.symbolic.gaussian` knows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import sympy as sp

from ntksym.errors import NoClosedForm, NoSuchDual
from ntksym.symbolic.field import Field, Scalar
from ntksym.symbolic.gaussian import Covariance, Trace, expectation
from ntksym.symbolic.normal_form import NormalForm
from ntksym.symbolic.terms import Terms

__all__ = ["Quotient"]


@dataclass(frozen=True)
class Quotient:
    """numerator(x)/x**power, the numerator being a sum of monomials times sin and cos, without a pole at zero."""

    numerator: NormalForm
    power: int

    @property
    def field(self) -> Field:
        return self.numerator.field

    @property
    def is_continuous(self) -> bool:
        return True

    @property
    def is_polynomial(self) -> bool:
        return False

    @property
    def parity(self) -> str:
        parity = self.numerator.parity
        flipped = {"even": "odd", "odd": "even", "neither": "neither"}
        return flipped[parity] if self.power % 2 else parity

    def __mul__(self, other: Quotient) -> Quotient:
        return Quotient(self.numerator * other.numerator, self.power + other.power)

    def derivative(self) -> Quotient:
        x = NormalForm.monomial(self.field, self.field.one, 1)
        falling = self.numerator.scaled(self.field.integer(self.power))
        return Quotient(self.numerator.derivative() * x - falling, self.power + 1)

    def into(self, field: Field) -> Quotient:
        return Quotient(self.numerator.into(field), self.power)

    def expression(self, variable: sp.Symbol) -> sp.Expr:
        return self.numerator.expression(variable) / variable**self.power

    def transform(self) -> NormalForm:
        """b(t): exp(i beta x)/x**n is the transform of i**n (t + beta)_+**(n - 1)/(n - 1)!, up to what cancels."""
        field = self.field
        unit = field.generator(sp.I)
        pieces: dict[Scalar, NormalForm] = {}
        for key, value in self.numerator.terms.items():
            n = self.power - key.power
            if key.quadratic or key.constant or key.gates or n < 1:
                raise NoClosedForm(
                    "only sums of sin and cos over powers of x are Fourier transforms of this class", power=n
                )
            threshold = key.linear * unit  # -beta for linear = i beta
            ramp = NormalForm.monomial(field, field.one, 1) - NormalForm.monomial(field, threshold)
            weight = value * unit**n / field.integer(math.factorial(n - 1))
            piece = ramp.power(n - 1).scaled(weight)
            pieces[threshold] = pieces[threshold] + piece if threshold in pieces else piece
        return _gated_sum(field, pieces)

    def expectation(self, other: Quotient, covariance: Covariance, trace: Trace | None = None) -> Terms:
        """E[s(U) r(V)]."""
        below = covariance.det.inverse()
        inverse = Covariance(covariance.q2 * below, -covariance.c * below, covariance.q1 * below)
        two_pi = self.field.integer(2) * self.field.generator(sp.pi)
        scale, root = self.field.square_root(below)
        return expectation(self.transform(), other.transform(), inverse, trace).scaled(two_pi * scale, root)

    def mean(self, variance: Scalar) -> Terms:
        """E[s(U)] = sqrt(2 pi/q) E_{N(0, 1/q)}[b(T)]."""
        field = self.field
        two_pi = field.integer(2) * field.generator(sp.pi)
        one = NormalForm.monomial(field, field.one)
        inverse = Covariance(variance.inverse(), field.zero, field.zero)
        scale, root = field.square_root(two_pi / variance)
        return expectation(self.transform(), one, inverse).scaled(scale, root)


def _gated_sum(field: Field, pieces: dict[Scalar, NormalForm]) -> NormalForm:
    """sum_i piece_i(t) 1{t > threshold_i}, which must vanish on the right."""
    thresholds = sorted(pieces, key=lambda t: sum(_precedes(other, t) for other in pieces))
    total = NormalForm(field, {}, tuple(thresholds))
    for threshold in thresholds:
        total = total + pieces[threshold].gated(threshold)
    far_right = NormalForm(field, {})
    for piece in pieces.values():
        far_right = far_right + piece
    if far_right:
        raise NoSuchDual(
            "s has a pole at zero: E[s(U)^2] diverges at every variance, and no network with it has a kernel", place=0
        )
    return total


def _precedes(left: Scalar, right: Scalar) -> bool:
    sign = (right - left).expression().is_positive
    if sign is None and left != right:
        raise NoClosedForm(
            f"the order of the frequencies {left} and {right} is unknown: give the parameters values",
            left=left,
            right=right,
        )
    return bool(sign)
