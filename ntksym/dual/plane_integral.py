"""Value and slope of a pair to many digits, from integrals in the plane: no series, and no closed form."""

from typing import Any

import mpmath

from ntksym.activation.activation import Activation
from ntksym.dual.covariance import ValueAndSlope
from ntksym.errors import NoClosedForm
from ntksym.quadrature.activations import slope_expectation, value_expectation

__all__ = ["integrate_pair"]


def integrate_pair(
    pair: tuple[Activation, Activation], first: Any, second: Any, cov: Any, dps: int, *, continuous: bool
) -> ValueAndSlope[Any]:
    """E[f(U)g(V)] and E[f'(U)g'(V)] as mpmath numbers.

    Parameters
    ----------
    pair : two of Activation
        f and g.
    first, second, cov : numbers
        q1, q2 and c, a covariance matrix.
    dps : int
        Decimal digits.
    continuous : bool
        Whether f and g have no jump and no infinite slope; where they have, the slope is infinite at ``|rho|`` = 1, and
        NaN elsewhere if the places of the jumps are not known.
    """
    tiny = mpmath.mpf(10) ** (-2 * dps - 6)
    with mpmath.workdps(20 * dps):
        first, second = (max(mpmath.mpmathify(a), tiny) for a in (first, second))
        cov = mpmath.mpmathify(cov)
        largest = mpmath.sqrt(first * second)
        on_the_edge = largest - abs(cov) <= tiny * largest
        if on_the_edge:  # the roots in few digits, so that their products are exact and the determinant is zero
            with mpmath.workdps(3 * dps):
                roots = mpmath.sqrt(first), mpmath.sqrt(second)
            first, second = roots[0] ** 2, roots[1] ** 2
            cov = mpmath.sign(cov) * roots[0] * roots[1]
    place = first, second, cov
    value = value_expectation(pair, place, dps).value
    slope = mpmath.inf if on_the_edge and not continuous else _slope(pair, place, dps, continuous)
    return ValueAndSlope(value, slope)


def _slope(pair: tuple[Activation, Activation], place: tuple[Any, Any, Any], dps: int, continuous: bool) -> Any:
    try:
        return slope_expectation(pair, place, dps, continuous=continuous).value
    except NoClosedForm:  # one jumps, and where is not known
        return mpmath.nan
