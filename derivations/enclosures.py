"""Proven bounds of the errors of polynomials, in ball arithmetic (python-flint).

The error e = P - f of a fit is analytic on its interval. Let |e| <= S inside the ellipse with foci at the ends of the
interval whose semi-axes add up to R half-lengths. The Chebyshev series of e, cut off at degree N, misses

    2 S R^-N/(R - 1)                  (Trefethen, Approximation Theory and Approximation Practice, theorem 8.2),

and a polynomial of degree N is at most 1/cos(pi N/(2 m)) times as large as at the m > N zeros of the Chebyshev
polynomial T_m (Ehlich and Zeller 1964). So e at 8 N points, enclosed in balls, bounds e everywhere, 2 % above its
maximum. S may be as crude as one likes: N is large enough.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from flint import arb, ctx, fmpq

__all__ = ["Piece", "polynomial", "power_series", "precision", "size_of_polynomial"]

BITS = 600
"""Precision of the balls: cancellation takes up to 300 of them."""

POINTS = 8
"""Points for each degree."""


class precision:
    """A context with balls of `BITS` bits."""

    def __enter__(self) -> None:
        self._before, ctx.prec = ctx.prec, BITS

    def __exit__(self, *_: object) -> None:
        ctx.prec = self._before


@dataclass(frozen=True)
class Piece:
    """The error of a fit on an interval of some variable.

    Parameters
    ----------
    lower, upper : arb
        The interval.
    error : callable
        A ball around the error at a point.
    size : callable
        Given the smallest real part and the largest modulus inside the ellipse, a bound of the error there.
    remainder : arb or 0
        What `error` leaves out, at most.
    ratio, degree : int
        R and N.
    """

    lower: arb
    upper: arb
    error: Callable[[arb], arb]
    size: Callable[[arb, arb], arb]
    remainder: arb | int = 0
    ratio: int = 4
    degree: int = 80

    def bound(self) -> arb:
        """At least the largest error in the interval."""
        middle, half = (self.lower + self.upper) / 2, (self.upper - self.lower) / 2
        reach = half * (self.ratio + arb(1) / self.ratio) / 2
        size = self.size(middle - reach, abs(middle) + reach)
        missed = 2 * size / arb(self.ratio) ** self.degree / (self.ratio - 1)
        count = POINTS * self.degree
        places = (middle + half * (arb.pi() * (2 * i + 1) / (2 * count)).cos() for i in range(count))
        largest = max((abs(self.error(place)).upper() for place in places), key=float)
        gain = 1 / (arb.pi() * self.degree / (2 * count)).cos()
        return ((largest + missed) * gain + missed + self.remainder).upper()


def polynomial(coefficients: Sequence[float], v: arb) -> arb:
    """Highest power first."""
    total = arb(0)
    for coefficient in coefficients:
        total = total * v + arb(coefficient)
    return total


def size_of_polynomial(coefficients: Sequence[float], largest: arb) -> arb:
    """At least its modulus where that of the variable is at most `largest`."""
    return polynomial([abs(coefficient) for coefficient in coefficients], largest)


def power_series(coefficient: Callable[[int], Fraction], falling: Fraction, terms: int) -> Callable[[arb], arb]:
    """A ball around sum c_n v^n, given that |c_(n+1)| <= falling*|c_n| from n = terms on."""
    numbers = [fmpq(c.numerator, c.denominator) for c in map(coefficient, range(terms + 1))]
    ratio = arb(fmpq(falling.numerator, falling.denominator))

    def evaluate(v: arb) -> arb:
        total = arb(0)
        for number in reversed(numbers[:-1]):
            total = total * v + number
        rest = abs(numbers[-1]) * abs(v) ** terms / (1 - ratio * abs(v))
        return total + rest.upper() * arb(0, 1)

    return evaluate
