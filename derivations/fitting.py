"""Polynomials for float64 functions: Chebyshev interpolation at high precision, rounding to float64, error measured.

Interpolation at the Chebyshev points is within a factor 2 + (2/pi) log(degree + 1) < 5 of the best polynomial
(Trefethen, Approximation Theory and Approximation Practice, theorem 15.2), and, unlike an exchange algorithm, cannot
fail to converge. The error is measured in exact arithmetic on the rounded coefficients.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import mpmath
from mpmath import mp

Function = Callable[[mpmath.mpf], mpmath.mpf]

DIGITS = 60
SAMPLES = 120


@dataclass(frozen=True)
class PowerSeries:
    """The function sum c_n v^n, with |c_(m+1)| <= falling(n) |c_m| for all m >= n."""

    coefficient: Callable[[int], Fraction]
    falling: Callable[[int], Fraction]

    def __call__(self, v: mpmath.mpf) -> mpmath.mpf:
        """Its value at the precision in force."""
        total, power, n = mp.zero, mp.one, 0
        while n < 3 or abs(power) > mpmath.eps:
            c = self.coefficient(n)
            total += power * c.numerator / c.denominator
            power *= v
            n += 1
        return total


@dataclass(frozen=True)
class Fit:
    """A polynomial in a variable and what it is for.

    `target` is the function of the variable on [lower, upper] that the polynomial replaces; `weight(v)` is the error of
    the whole approximated function, relative to its value, for a unit error of the polynomial at v.
    `interval` gives [lower, upper] at the precision in force.
    """

    function: str
    formula: str
    target: Function
    interval: Callable[[], tuple[mpmath.mpf, mpmath.mpf]]
    degree: int
    weight: Function

    def coefficients(self) -> list[float]:
        """Highest power first, rounded to float64."""
        with mp.workdps(DIGITS):
            lower, upper = self.interval()
            count = self.degree + 1
            nodes = [mpmath.cos(mp.pi * (2 * i + 1) / (2 * count)) for i in range(count)]
            nodes = [(lower + upper) / 2 + (upper - lower) / 2 * node for node in nodes]
            return [float(value) for value in reversed(_monomials(nodes, [self.target(v) for v in nodes]))]

    def error(self) -> float:
        """Largest relative error, exact arithmetic on the rounded coefficients, at a Chebyshev grid of the interval."""
        with mp.workdps(DIGITS):
            lower, upper = self.interval()
            rounded = [mp.mpf(value) for value in self.coefficients()]
            worst = mp.zero
            for i in range(SAMPLES):
                v = (lower + upper) / 2 + (upper - lower) / 2 * mpmath.cos(mp.pi * (2 * i + 1) / (2 * SAMPLES))
                worst = max(worst, abs((mpmath.polyval(rounded, v) - self.target(v)) * self.weight(v)))
            return float(worst)


def _monomials(nodes: list[mpmath.mpf], values: list[mpmath.mpf]) -> list[mpmath.mpf]:
    """Coefficients, lowest power first, of the interpolating polynomial: Newton's differences, multiplied out."""
    differences = list(values)
    for level in range(1, len(nodes)):
        for i in range(len(nodes) - 1, level - 1, -1):
            differences[i] = (differences[i] - differences[i - 1]) / (nodes[i] - nodes[i - level])
    result = [differences[-1]]
    for node, difference in zip(reversed(nodes[:-1]), reversed(differences[:-1]), strict=True):
        shifted = [mp.zero, *result]
        for power, coefficient in enumerate(result):
            shifted[power] -= node * coefficient
        shifted[0] += difference
        result = shifted
    return result


def report(fits: tuple[Fit, ...]) -> None:
    """Print each fit: formula, interval, measured error, coefficients."""
    for fit in fits:
        lower, upper = fit.interval()
        print(f"{fit.function}: {fit.formula} on [{float(lower):.6g}, {float(upper):.6g}], degree {fit.degree}")
        print(f"    largest relative error of {fit.function}: {fit.error():.2e}")
        for value in fit.coefficients():
            print(f"    {value!r}")
