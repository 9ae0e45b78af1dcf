"""Proven errors of all polynomials of `elementary`, `gaussian` and `dawson`; run as `python -m derivations.proofs`.

What `derivations.enclosures` needs of each function: a ball around its value at real points, and a bound of it in an
ellipse of the complex plane. Power series give both, the second by the moduli of their terms. The others:

    E(z) = exp(z^2/2) Phi(-z) = int_0^oo exp(-t^2/2 - z t) dt/sqrt(2 pi) is largest, among the z of one real part, at
    the real one, and so is M(z) = int_0^oo t exp(-t^2/2 - z t) dt; at real z their asymptotic series envelop them.

    D(y) = int_0^oo exp(-t^2) sin(2 y t) dt, integrated by parts 2 N times: with the Hermite polynomial H_(2N) and the
    inequality of Cauchy and Schwarz the remainder is at most (2 y)^(-2 N) 2^N sqrt((2 N)! pi)/2.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import factorial, prod

from flint import arb

from derivations import dawson, elementary, gaussian
from derivations.enclosures import Piece, polynomial, power_series, precision, size_of_polynomial
from derivations.fitting import Fit, PowerSeries

__all__ = ["PROOFS", "Proof", "wedge_bound"]

CELLS = 200
"""Parts of an interval in each of which the weight of an error is enclosed."""

Coefficients = Sequence[float]


@dataclass(frozen=True)
class Proof:
    """A fit, the pieces of its interval, and what an error counts relative to the whole function.

    `weight(v, f)` is a ball around that for all v and values f of the target in balls.
    """

    fit: Fit
    pieces: Callable[[Coefficients], Sequence[Piece]]
    weight: Callable[[arb, arb], arb]

    def bound(self) -> float:
        """No relative error of the function is larger, the coefficients being those rounded to float64."""
        coefficients = self.fit.coefficients()
        with precision():
            largest = max((piece.bound() for piece in self.pieces(coefficients)), key=float)
            lower, upper = ends(self.fit)
            step = (upper - lower) / CELLS
            weights = []
            for i in range(CELLS):
                cell = lower + step * i + step * arb(0.5, 0.5000001)
                weights.append(abs(self.weight(cell, polynomial(coefficients, cell) + largest * arb(0, 1))).upper())
            return float((largest * max(weights, key=float)).upper())


def ends(fit: Fit) -> tuple[arb, arb]:
    """The interval, a little larger: rounding may carry a reduced argument over its end."""
    lower, upper = (float(end) for end in fit.interval())
    margin = 1e-12 * (upper - lower)
    return arb(lower) - margin, arb(upper) + margin


def by_series(fit: Fit, series: PowerSeries, weight: Callable[[arb, arb], arb]) -> Proof:
    """The target is a power series in the variable itself."""

    def pieces(coefficients: Coefficients) -> list[Piece]:
        terms = 100
        value, size = (
            power_series(signed, series.falling(terms), terms)
            for signed in (series.coefficient, lambda n: abs(series.coefficient(n)))
        )
        lower, upper = ends(fit)
        return [
            Piece(
                lower,
                upper,
                lambda v: polynomial(coefficients, v) - value(v),
                lambda _, largest: size_of_polynomial(coefficients, largest) + size(largest),
            )
        ]

    return Proof(fit, pieces, weight)


ERROR_FUNCTION = PowerSeries(lambda n: Fraction((-1) ** n, factorial(n) * (2 * n + 1)), lambda n: Fraction(1, n + 1))
"""erf(x)/x * sqrt(pi)/2 in x^2."""

DAWSON = PowerSeries(lambda n: Fraction((-2) ** n, prod(range(1, 2 * n + 2, 2))), lambda n: Fraction(2, 2 * n + 3))
"""D(y)/y in y^2."""


def of_erf(coefficients: Coefficients) -> list[Piece]:
    terms = 100
    falling = ERROR_FUNCTION.falling(terms)
    value = power_series(ERROR_FUNCTION.coefficient, falling, terms)
    size = power_series(lambda n: abs(ERROR_FUNCTION.coefficient(n)), falling, terms)
    factor = 2 / arb.pi().sqrt()
    return [
        Piece(
            arb(0),
            arb(1),
            lambda z: polynomial(coefficients, z) - (factor * value(z) - 1),
            lambda _, largest: size_of_polynomial(coefficients, largest) + factor * size(largest) + 1,
        )
    ]


def scaled_tail(z: arb) -> arb:
    """E(z)."""
    return (z * z / 2).exp() * (z / arb(2).sqrt()).erfc() / 2


def first_moment(z: arb) -> arb:
    """M(z)."""
    return 1 - z * (2 * arb.pi()).sqrt() * scaled_tail(z)


NEAR = (0, 1, 2.5, 6, 15, 25)
TERMS = 16
TERMS_OF_DAWSON = 600
TERMS_BEYOND = 40


def of_tail(coefficients: Coefficients, c: int, power: int, function: Callable[[arb], arb]) -> list[Piece]:
    """(z + 1)^power function(z) in (z - c)/(z + c), from 25 on by the asymptotic series in w = 1/z.

    The function is sum (-1)^n (2 n + power - 1)!! w^(2 n + power), over sqrt(2 pi) if the power is 1.
    """

    def near(z: arb) -> arb:
        return polynomial(coefficients, (z - c) / (z + c)) - (z + 1) ** power * function(z)

    def size(smallest: arb, largest: arb) -> arb:
        return (
            size_of_polynomial(coefficients, (largest + c) / (smallest + c))
            + (largest + 1) ** power * abs(function(smallest)).upper()
        )

    factor = (2 * arb.pi()).sqrt() ** (2 - power)
    numbers = [(-1) ** n * prod(range(1, 2 * n + power, 2)) for n in range(TERMS)]

    def far(w: arb) -> arb:
        series = polynomial(list(reversed(numbers)), w * w)
        return polynomial(coefficients, (1 - c * w) / (1 + c * w)) - (1 + w) ** power * series / factor

    def far_size(smallest: arb, largest: arb) -> arb:
        series = size_of_polynomial(list(reversed(numbers)), largest**2)
        ratio = (1 + c * largest) / (1 + c * smallest)
        return size_of_polynomial(coefficients, ratio) + (1 + largest) ** power * series / factor

    last = 1 / arb(NEAR[-1])
    left_out = (1 + last) ** power * prod(range(1, 2 * TERMS + power, 2)) * last ** (2 * TERMS) / factor
    return [
        *(Piece(arb(lower), arb(upper), near, size) for lower, upper in pairwise(NEAR)),
        Piece(arb(0), last, far, far_size, left_out),
    ]


SUM, MODULI = (
    power_series(coefficient, DAWSON.falling(TERMS_OF_DAWSON), TERMS_OF_DAWSON)
    for coefficient in (DAWSON.coefficient, lambda n: abs(DAWSON.coefficient(n)))
)


def of_dawson_near(coefficients: Coefficients) -> list[Piece]:
    scale = arb(1.53125)
    return [
        Piece(
            arb(-1),
            arb(1),
            lambda u: polynomial(coefficients, u) - SUM(scale * (1 + u)),
            lambda _, largest: size_of_polynomial(coefficients, largest) + MODULI(scale * (1 + largest)),
        )
    ]


def of_dawson_between(middle: float, half: float) -> Callable[[Coefficients], list[Piece]]:
    """2 y D(y) in u, y = middle + half*u."""

    def pieces(coefficients: Coefficients) -> list[Piece]:
        def error(u: arb) -> arb:
            y = middle + half * u
            return polynomial(coefficients, u) - 2 * y * y * SUM(y * y)

        def size(_: arb, largest: arb) -> arb:
            y = middle + half * largest
            return size_of_polynomial(coefficients, largest) + 2 * y * y * MODULI(y * y)

        return [Piece(arb(-1), arb(1), error, size)]

    return pieces


def of_dawson_far(coefficients: Coefficients) -> list[Piece]:
    """2 y D(y) in 55.125/y^2 - 1: by the power series from y = 5.25 to 9.5, beyond by the asymptotic one in 1/y^2."""

    def near(y: arb) -> arb:
        return polynomial(coefficients, 55.125 / (y * y) - 1) - 2 * y * y * SUM(y * y)

    def near_size(smallest: arb, largest: arb) -> arb:
        u = 55.125 / smallest**2 + 1
        return size_of_polynomial(coefficients, u) + 2 * largest**2 * MODULI(largest**2)

    numbers = [Fraction(prod(range(1, 2 * n, 2)), 2**n) for n in reversed(range(TERMS_BEYOND))]
    balls = [arb(number.numerator) / number.denominator for number in numbers]

    def far(v: arb) -> arb:
        return polynomial(coefficients, 55.125 * v - 1) - polynomial(balls, v)

    def far_size(_: arb, largest: arb) -> arb:
        return size_of_polynomial(coefficients, 55.125 * largest + 1) + polynomial(balls, largest)

    last, order = arb(9.5), 2 * TERMS_BEYOND
    left_out = (2 * last) ** (1 - order) * 2**TERMS_BEYOND * (arb.pi() * factorial(order)).sqrt() / 2
    return [
        Piece(arb(5.25), arb(7), near, near_size, degree=150),
        Piece(arb(7), last, near, near_size, degree=150),
        Piece(arb(0), 1 / last**2, far, far_size, left_out),
    ]


def inverse(_: arb, f: arb) -> arb:
    return 1 / f


E, G, D = ({fit.function: fit for fit in module.FITS} for module in (elementary, gaussian, dawson))
PROOFS = (
    by_series(E["exp_times"], elementary.exponential, lambda r, _: r * r / r.exp()),
    by_series(E["expm1"], elementary.exponential, lambda r, f: r / (1 + r * f)),
    by_series(E["log"], elementary.logarithm, lambda z, f: z / (2 + z * f)),
    by_series(E["sine"], elementary.sine, lambda z, f: z / (1 + z * f)),
    by_series(E["cosine"], elementary.cosine, lambda z, f: z * z / (1 - z / 2 + z * z * f)),
    by_series(E["atan2_half"], elementary.arctangent, lambda z, f: z / (1 + z * f)),
    by_series(E["acute_angle"], elementary.arccosine, lambda y, f: y / (1 + y * f)),
    Proof(G["scaled_tail"], lambda c: of_tail(c, 5, 1, scaled_tail), inverse),
    Proof(G["radial_density"], lambda c: of_tail(c, 6, 2, first_moment), inverse),
    Proof(G["erf"], of_erf, lambda _, f: 1 / (1 + f)),
    Proof(D["dawson_near"], of_dawson_near, inverse),
    Proof(D["dawson_low"], of_dawson_between(2.5, 0.75), inverse),
    Proof(D["dawson_high"], of_dawson_between(4.25, 1.0), inverse),
    Proof(D["dawson_far"], of_dawson_far, inverse),
)


def wedge_bound() -> float:
    """At most the error that the Gauss-Legendre nodes of `wedge_integral` cause in Phi2.

    The integrand M(R (1 - t^2)/(1 + t^2)) 2/(1 + t^2) is analytic where |t| < 1, and |M| <= M(0) = 1 there, since its
    argument has a positive real part. With semi-axes that add up to r half-lengths n nodes miss at most
    64 S r^(-2 n)/(15 (1 - r^-2)) half-lengths (Trefethen, theorem 19.3); the largest interval is the worst one.
    """
    r = 4.6
    with precision():
        half = arb(2).sqrt() - 1
        height = half * (r - arb(1) / r) / 2
        size = 2 / (1 - height**2)
        missed = 64 * half * size / arb(r) ** (2 * gaussian.NODES) / (15 * (1 - arb(r) ** -2))
        return float((missed / (2 * arb.pi())).upper())


if __name__ == "__main__":
    for proof in PROOFS:
        print(f"{proof.fit.function:15} {proof.fit.error():.2e} at samples, at most {proof.bound():.2e} anywhere")
    print(f"{'wedge_integral':15} its nodes miss at most {wedge_bound():.2e} of Phi2")
