"""Expectations of activations: E[f(U) g(V)] and E[f'(U) g'(V)] by numerical integration, with the masses at jumps."""

from collections.abc import Sequence
from typing import Any

import mpmath

from ntksym.activation.activation import Activation
from ntksym.errors import NoClosedForm
from ntksym.formula import compile_mpmath
from ntksym.quadrature.expectation import Estimate, Integrand, conditional_expectation, expectation

__all__ = ["derivative_integrand", "integrand", "slope_expectation", "value_expectation"]

GUARD_DIGITS = 5

Place = tuple[Any, Any, Any]


def integrand(activation: Activation) -> Integrand:
    """The activation as something that can be integrated."""
    return Integrand(activation.to_mpmath(), _kinks(activation))


def derivative_integrand(activation: Activation) -> Integrand:
    """Its derivative almost everywhere, without the point masses at jumps."""
    return Integrand(activation.derivative_to_mpmath(), _kinks(activation))


def _kinks(activation: Activation) -> Any:
    try:
        breakpoints = activation.pieces.breakpoints
    except NoClosedForm:  # not known exactly: the integration finds them by halving
        return tuple
    places = [compile_mpmath(place, activation.values) for place in breakpoints]
    return lambda: tuple(place(0) for place in places)


def value_expectation(pair: Sequence[Activation], place: Place, dps: int) -> Estimate:
    """E[f(U) g(V)] at (q1, q2, c)."""
    first, second = map(integrand, pair)
    return expectation(first, second if pair[0] is not pair[1] else first, *place, dps=dps)


def slope_expectation(pair: Sequence[Activation], place: Place, dps: int, *, continuous: bool = False) -> Estimate:
    """E[f'(U) g'(V)] at (q1, q2, c), f' and g' being derivatives almost everywhere plus a point mass at every jump.

    Parameters
    ----------
    pair : two of Activation
        f and g.
    place : (q1, q2, c)
        Variances and covariance.
    dps : int
        Decimal digits.
    continuous : bool
        Whether f and g are known to have no jumps; then their pieces need not be known.

    Raises
    ------
    NoClosedForm
        Where a function may jump at places that are not known.
    """
    slopes = tuple(map(derivative_integrand, pair))
    if pair[0] is pair[1]:
        slopes = (slopes[0], slopes[0])
    parts = [expectation(slopes[0], slopes[1], *place, dps=dps)]
    with mpmath.workdps(2 * dps):
        first, second, cov = map(mpmath.mpmathify, place)
        jumps = [[] if continuous else _jumps(item) for item in pair]
        for other, variance, rest, own in ((slopes[1], first, second, jumps[0]), (slopes[0], second, first, jumps[1])):
            for at, height in own:
                density = height * mpmath.npdf(at, 0, mpmath.sqrt(variance))
                part = conditional_expectation(other, variance, rest, cov, at, dps)
                parts.append(Estimate(density * part.value, abs(density) * part.error, abs(density) * part.scale))
        determinant = first * second - cov**2
        for at, height in jumps[0]:
            for there, rise in jumps[1]:
                exponent = -(second * at**2 - 2 * cov * at * there + first * there**2) / (2 * determinant)
                mass = height * rise * mpmath.exp(exponent) / (2 * mpmath.pi * mpmath.sqrt(determinant))
                parts.append(Estimate(mass, abs(mass) * mpmath.mpf(10) ** (-dps - GUARD_DIGITS), abs(mass)))
        totals = zip(*((part.value, part.error, part.scale) for part in parts), strict=True)
        return Estimate(*map(mpmath.fsum, totals))


def _jumps(activation: Activation) -> list[tuple[Any, Any]]:
    """Where the activation jumps, and by how much."""
    result = []
    for item in activation.breaks:
        rise = item.jump(0)
        if rise is None:
            raise NoClosedForm(f"{activation.name} is infinite at x = {item.place}", subexpression=item.place)
        if rise != 0:
            result.append((compile_mpmath(item.position, {})(0), compile_mpmath(rise, {})(0)))
    return result
