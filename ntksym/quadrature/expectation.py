"""E[f(U) g(V)] for a pair of centred Gaussians, by panels of Gauss-Legendre quadrature that end at every kink.

In standard units u = U/sqrt(q1), v = V/sqrt(q2), with rho >= 0 (else V changes its sign) and g = rho/(1 - rho**2):

    E[f(U) g(V)] = 1/(2 pi sqrt(1 - rho**2)) * integral F(u) G(v) exp(-g*(u - v)**2/2) du dv,
    F(u) = f(sqrt(q1) u) exp(-u**2/(2 (1 + rho))),   and G(v) likewise.

Two ways to integrate, for a wide and for a narrow ridge u = v:

* **plane** -- tensor panels in (u, v): the kinks are straight lines along the axes, f and g are needed on a line only.
* **ridge** -- panels in m = (u - v)/2 and, for each m, in p = (u + v)/2: the cost does not grow as rho tends to 1.

Nothing here knows how a closed form is derived: the only inputs are functions that can be evaluated.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, log2
from typing import Any

import mpmath

from ntksym.errors import InvalidInput
from ntksym.quadrature.interpolation import Resolved, resolve, to_fixed
from ntksym.quadrature.landscape import Landscape, survey
from ntksym.quadrature.plane import integrate_plane
from ntksym.quadrature.ridge import integrate_line, integrate_ridge

__all__ = ["Estimate", "Integrand", "conditional_expectation", "expectation"]

DIGIT = log2(10)
NARROW = 2000
"""From this sharpness rho/(1 - rho**2) on, the ridge is integrated along its length; measured break-even."""

GUARD_DIGITS = 4
GUARD_BITS = 48


@dataclass(frozen=True, eq=False)
class Integrand:
    """A function of mpmath numbers at the current precision, smooth except at `kinks`.

    Parameters
    ----------
    function : callable
        From an mpmath number to an mpmath number.
    kinks : callable
        Returns the points, increasing, where the function or one of its derivatives jumps, at the current precision.
    """

    function: Callable[[Any], Any]
    kinks: Callable[[], Sequence[Any]] = tuple


@dataclass(frozen=True)
class Estimate:
    """What a quadrature found: `value`, an estimate of its absolute `error`, and its `scale`.

    The scale is E|f(U) g(V)|, so that ``error/scale`` means something where positive and negative parts cancel; it is
    never taken below ``10**-dps`` of sqrt(E[f(U)**2] E[g(V)**2]), the natural size of the expectation.
    """

    value: Any
    error: Any
    scale: Any


@dataclass(frozen=True, eq=False)
class _Problem:
    """One expectation in standard units, F and G divided by powers of two so that they are of size one."""

    first: Resolved
    second: Resolved
    kinks: tuple[tuple[int, ...], tuple[int, ...]]
    sharpness: Any
    accuracy: int

    def integrate(self, order: int) -> Any:
        if mpmath.isinf(self.sharpness):
            return integrate_line(self.first, self.second, self.kinks, 0, order)
        if self.sharpness > NARROW:
            return integrate_ridge(self.first, self.second, self.kinks, self.sharpness, order, self.accuracy)
        return integrate_plane(self.first, self.second, self.sharpness, order, self.accuracy)

    def interpolation_error(self) -> Any:
        """Bound of the change of the integral if each function is off by its estimated error."""
        one, two = self.first, self.second
        if mpmath.isinf(self.sharpness):
            return one.error + two.error
        across = mpmath.sqrt(2 * mpmath.pi / self.sharpness) if self.sharpness else mpmath.inf
        return one.error * min(two.norm, across) + two.error * min(one.norm, across)


def expectation(f: Integrand, g: Integrand, q1: Any, q2: Any, c: Any, dps: int = 30) -> Estimate:
    """E[f(U) g(V)] with Var U = q1, Var V = q2, Cov(U, V) = c, to about `dps` digits of its scale.

    Parameters
    ----------
    f, g : Integrand
        The two functions.
    q1, q2, c : number
        Variances and covariance, taken as exact: int, float, Fraction, sympy Rational or mpmath number.
    dps : int
        Digits aimed at; what was reached is the estimate's `error`, from two orders and the interpolation.

    Raises
    ------
    InvalidInput
        If q1, q2 are not positive or ``c**2 > q1*q2``.
    ToleranceNotMet
        If the integrand does not decay.
    """
    with mpmath.workprec(20 * dps + 1000):
        q1, q2, c = (mpmath.mpmathify(number) for number in (q1, q2, c))
        determinant = q1 * q2 - c * c
        if not (q1 > 0 and q2 > 0 and determinant >= 0):
            raise InvalidInput(
                f"({mpmath.nstr(q1)}, {mpmath.nstr(q2)}, {mpmath.nstr(c)}) is no covariance: "
                "take q1 > 0, q2 > 0 and c**2 <= q1*q2",
                q1=q1,
                q2=q2,
                c=c,
            )
        product = mpmath.sqrt(q1 * q2)
        sharpness = abs(c) * product / determinant if determinant else mpmath.inf
        across = mpmath.sqrt(2 * mpmath.pi * determinant) / product if determinant else 1
        prefactor = 1 / (mpmath.sqrt(2 * mpmath.pi) * across)
        widths = mpmath.sqrt(q1), mpmath.sqrt(q2) * (-1 if c < 0 else 1)
        rho = abs(c) / product
    return _integrate((f, g), widths, rho, sharpness, prefactor, dps)


def _integrate(
    pair: tuple[Integrand, Integrand], widths: tuple[Any, Any], rho: Any, sharpness: Any, prefactor: Any, dps: int
) -> Estimate:
    digits = dps + GUARD_DIGITS
    with mpmath.workprec(ceil(digits * DIGIT) + GUARD_BITS):
        functions = [_weighted(item.function, width, rho) for item, width in zip(pair, widths, strict=True)]
        kinks = [sorted(kink / width for kink in item.kinks()) for item, width in zip(pair, widths, strict=True)]
        sharp = float(min(sharpness, 1e15))
        land = survey(functions, kinks, rho=float(rho), sharpness=sharp, depth=digits * DIGIT + 16)
    if land.height == -mpmath.inf:
        return Estimate(mpmath.mpf(0), mpmath.mpf(0), mpmath.mpf(0))
    # Bits lost because F, G and the ridge peak in different places; no more than the scale asks for.
    lost = max(0.0, sum(land.peaks) - max(land.height, land.natural - dps * DIGIT))
    lost += max(0.0, float(mpmath.log(prefactor, 2)))
    accuracy = 8 * ceil((digits * DIGIT + lost) / 8)  # few values, so that the cached rules serve many problems
    with mpmath.workprec(accuracy + GUARD_BITS):
        problem = _pose(pair, widths, rho, sharpness, land, accuracy)
        order = 8 + ceil(0.165 * accuracy)
        value, rough = problem.integrate(order), problem.integrate(order - 4)
        error = abs(value - rough) + problem.interpolation_error() + mpmath.ldexp(1, -accuracy)
        size = prefactor * mpmath.mpf(2) ** ceil(sum(map(ceil, land.peaks)))
        scale = max(mpmath.mpf(2) ** land.mean, mpmath.mpf(2) ** land.natural / mpmath.mpf(10) ** dps)
        return Estimate(value * size, error * size, scale)


def _pose(
    pair: tuple[Integrand, Integrand],
    widths: tuple[Any, Any],
    rho: Any,
    sharpness: Any,
    land: Landscape,
    accuracy: int,
) -> _Problem:
    bits = accuracy + GUARD_BITS
    resolved: list[Resolved] = []
    lines: list[tuple[int, ...]] = []
    for side, (item, width) in enumerate(zip(pair, widths, strict=True)):
        low, high = mpmath.mpf(land.left[side]), mpmath.mpf(land.right[side])
        ends = [low, *sorted(k for k in (kink / width for kink in item.kinks()) if low < k < high), high]
        lines.append(tuple(to_fixed(end, bits) for end in ends))
        same = side == 1 and pair[0] is pair[1] and lines[0] == lines[1] and widths[0] == widths[1]
        function = _weighted(item.function, width, rho, -ceil(land.peaks[side]))
        resolved.append(
            resolved[0]
            if same
            else resolve(
                function, ends, order=12 + ceil(0.25 * accuracy), bits=bits, accuracy=accuracy, widest=mpmath.mpf(4)
            )
        )
    return _Problem(resolved[0], resolved[1], (lines[0], lines[1]), sharpness, accuracy)


def _weighted(function: Callable[[Any], Any], width: Any, rho: Any, shift: int = 0) -> Callable[[Any], Any]:
    rate = -1 / (2 * (1 + rho))

    def weighted(u: Any) -> Any:
        return mpmath.ldexp(function(width * u) * mpmath.exp(rate * u * u), shift)

    return weighted


def conditional_expectation(g: Integrand, q1: Any, q2: Any, c: Any, at: Any, dps: int = 30) -> Estimate:
    """E[g(V) | U = at], the same Gaussians: V is normal with mean ``c*at/q1`` and variance ``q2 - c**2/q1``."""
    digits = dps + GUARD_DIGITS
    with mpmath.workprec(20 * dps + 1000):
        q1, q2, c, at = (mpmath.mpmathify(number) for number in (q1, q2, c, at))
        mean, deviation = c * at / q1, mpmath.sqrt(q2 - c * c / q1)
    accuracy = ceil(digits * DIGIT)
    with mpmath.workprec(accuracy + GUARD_BITS):

        def shifted(w: Any) -> Any:
            return g.function(mean + deviation * w)

        kinks = tuple((kink - mean) / deviation for kink in g.kinks())
        moved = Integrand(shifted, lambda: kinks)
    return expectation(moved, Integrand(lambda _: mpmath.mpf(1)), 1, 1, 1, dps)  # on the line, where it is cheapest
