"""Eigenvalues of a kernel on the sphere by a power series where it is accurate, else by quadrature in many digits."""

import math
from dataclasses import dataclass

import mpmath
import numpy as np
from numpy.typing import NDArray

from ntksym.dual.derivation import dual_of
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import EPSILON
from ntksym.theory.powers.coefficients import power_series
from ntksym.theory.powers.supports import Support
from ntksym.theory.powers.zonal_series import ZonalSeries
from ntksym.theory.spectrum.angle_quadrature import integrate, integrate_digits
from ntksym.theory.spectrum.decay import Law
from ntksym.theory.spectrum.gegenbauer import log_projections, masses, multiplicity, power_coefficient, project
from ntksym.theory.spectrum.term_count import MOST_TERMS, first_terms
from ntksym.theory.zonal import ZonalKernel

__all__ = ["Eigenvalues", "by_angle", "by_polynomial", "by_series", "choose", "on_two_points", "vanishing_degrees"]


ACCURATE = 1e-12
"""Relative error of every eigenvalue that is aimed at."""

FINE = 1e-10
"""The same for power series, whose cost grows faster than the digits that more terms bring."""

ENOUGH = 1e-8
"""The same where more accuracy costs seconds."""

KNOWN_TERMS = 1024
"""Terms where Hermite coefficients come from the table of a series, which has as many."""

GROWTH = 1.35

SAFETY = 4.0
"""Factor on a remainder that is extrapolated from the last terms."""

WINDOW = 16

RELIABLE = 1e-3
"""Relative error of a coefficient that an extrapolation may use: with a bias, the last ones lack contributions."""

BROAD = 64
"""Dimensions above which few powers of rho matter, whatever the activation."""

STEEP, STEEP_POWER = 100.0, 4
"""Steepness of a kernel at rho = 1 from which the nodes are drawn towards it, and p of the map that does so."""

TOO_STEEP = 1000.0
"""Steepness from which a power series of a smooth kernel takes thousands of terms."""

SLOW = 9.0
"""An exponent so small that the smallest eigenvalue is far above the rounding of the largest."""

UNDERFLOW = 1e-290
"""Eigenvalues below this are about to leave float64."""

MOST_DIGITS = 340

SPARE_DIGITS = 24
"""Digits behind the smallest eigenvalue that the law of decay predicts."""


@dataclass(frozen=True)
class Eigenvalues:
    """mu_n for n = 0..degree.

    Attributes
    ----------
    values : float array, shape (degree + 1,)
        The eigenvalues.
    errors : float array, shape (degree + 1,)
        Absolute errors.
    tails : float array, shape (degree + 1,)
        sum_{m > n} N(d, m) mu_m.
    tail_errors : float array, shape (degree + 1,)
        Absolute errors of these.
    method : str
        How they were computed.
    """

    values: Array
    errors: Array
    tails: Array
    tail_errors: Array
    method: str


def vanishing_degrees(support: Support, degree: int) -> NDArray[np.bool_]:
    """Which eigenvalues n <= degree are exactly zero: no power of rho of the same parity reaches them."""
    n = np.arange(degree + 1)
    return np.asarray(np.where(n % 2 == 0, n > support.even, n > support.odd))


def by_series(kernel: ZonalKernel, *, dim: int, degree: int, first: int) -> Eigenvalues:
    """From the positive power series: every eigenvalue with relative accuracy, however small.

    Parameters
    ----------
    kernel : ZonalKernel
        f.
    dim, degree
        As for `spectrum`.
    first : int
        Terms to begin with.
    """
    smooth = kernel.is_smooth
    terms = min(max(first, degree + 2), MOST_TERMS) if smooth else KNOWN_TERMS
    while True:
        series = kernel.series(max(terms, degree + 2))
        values, errors = _projected(series, dim, degree)
        with np.errstate(over="ignore"):
            relative = np.divide(errors, values, out=np.zeros(degree + 1), where=values > 0)
        if not smooth or terms >= MOST_TERMS or not np.any(relative > FINE):
            break
        terms = min(math.ceil(GROWTH * terms), MOST_TERMS)
    tails, tail_errors = _series_tails(series, dim, degree)
    return Eigenvalues(values, errors, tails, tail_errors, f"power series of {len(series.coefficients)} terms")


def _projected(series: ZonalSeries, dim: int, degree: int) -> tuple[Array, Array]:
    c = series.coefficients
    values, beyond = project(c, dim, degree)
    wrong, _ = project(series.errors, dim, degree)
    left_out = _missing(series) * beyond
    if _falls_on(series):
        left_out = np.minimum(left_out, _extrapolated(series, dim, degree))
    rounding = EPSILON * (8 + math.sqrt(len(c)))
    return values, wrong + left_out + rounding * values


def _missing(series: ZonalSeries) -> float:
    """A bound of the sum of the coefficients that are not there, as far as a difference can tell."""
    known = float(np.sum(series.coefficients))
    return max(series.total - known, 0.0) + float(np.sum(series.errors)) + 8 * EPSILON * series.total


def _last_reliable(series: ZonalSeries) -> int:
    """The largest k with a reliable c_k; -1 without any."""
    c = series.coefficients
    reliable = np.flatnonzero((c > 0) & (series.errors <= RELIABLE * c))
    return int(reliable[-1]) if len(reliable) else -1


def _falls_on(series: ZonalSeries) -> bool:
    """Whether what an extrapolation adds accounts for what is missing of f(1): else some terms rise again later."""
    known = series.coefficients[: _last_reliable(series) + 1]
    added = _last_terms(known)
    rounding = 64 * EPSILON * series.total + float(np.sum(series.errors[: len(known)]))
    return math.isfinite(added) and series.total - float(np.sum(known)) <= added + rounding


def _extrapolated(series: ZonalSeries, dim: int, degree: int) -> Array:
    """What the terms add that come after the last reliable one, if they go on falling as those before it did.

    Infinite where they do not fall; shape (degree + 1,).
    """
    c = series.coefficients
    end = _last_reliable(series)
    found = np.full(degree + 1, np.inf)
    for n in range(degree + 1):
        if not np.any(c[n::2]):
            found[n] = 0.0
            continue
        places = np.arange(end - (end - n) % 2 - 2 * WINDOW, end + 1, 2)[: WINDOW + 1]
        if places[0] <= n or not np.all(c[places] > 0):
            continue
        logs = log_projections(places.astype(float), n, dim) + np.log(c[places])
        ratio = math.exp((logs[-1] - logs[0]) / WINDOW)
        if ratio < 1:
            found[n] = SAFETY * math.exp(logs[-1]) * ratio / (1 - ratio)
    return found


def _series_tails(series: ZonalSeries, dim: int, degree: int) -> tuple[Array, Array]:
    """Sums of N(d, m) mu_m over m > n: of the terms that are there, all positive, and a bound for the others."""
    c = series.coefficients
    top = len(c) - 1 if dim > 1 else 1
    counts = tuple(multiplicity(dim, n) for n in range(top + 1))
    sizes = masses(counts, project(c, dim, top)[0])
    wrong = masses(counts, project(series.errors, dim, top)[0])
    left = (
        min(_missing(series), _last_terms(c[: _last_reliable(series) + 1])) if _falls_on(series) else _missing(series)
    )
    tails, errors = (np.append(np.cumsum(part[:0:-1])[::-1], 0.0)[: degree + 1] for part in (sizes, wrong))
    errors = errors + left + EPSILON * (8 + math.sqrt(len(c))) * tails
    rest = np.maximum(series.total - np.cumsum(sizes[: degree + 1]), 0.0)
    rest_errors = np.cumsum(wrong[: degree + 1]) + 8 * EPSILON * series.total
    nearer = rest_errors < errors
    return np.where(nearer, rest, tails), np.where(nearer, rest_errors, errors)


def _last_terms(c: Array) -> float:
    """sum_{k >= terms} c_k if the coefficients go on falling as the last ones do."""
    last, before = float(np.max(c[-WINDOW:], initial=0.0)), float(np.max(c[-2 * WINDOW : -WINDOW], initial=0.0))
    if last == 0 or before <= last:
        return 0.0 if last == 0 else math.inf
    ratio = (last / before) ** (1 / WINDOW)
    return SAFETY * last / (1 - ratio)


def by_polynomial(kernel: ZonalKernel, *, dim: int, degree: int) -> Eigenvalues:
    """Of a network of polynomials: all coefficients, exactly where that is quick."""
    last = max(int(kernel.support.degree), 0)
    series = power_series(kernel.network, degree=last, get=kernel.get, mean_square=kernel.mean_square)
    top = max(last, degree)
    c = np.pad(series.coefficients, (0, top + 1 - len(series.coefficients)))
    wrong = np.pad(series.errors, (0, top + 1 - len(series.errors))) + EPSILON * (8 + math.sqrt(top)) * c
    values, errors = (project(part, dim, top)[0] for part in (c, wrong))
    counts = tuple(multiplicity(dim, n) for n in range(top + 1))
    tails, tail_errors = (
        np.append(np.cumsum(masses(counts, part)[:0:-1])[::-1], 0.0)[: degree + 1] for part in (values, errors)
    )
    kept = slice(0, degree + 1)
    return Eigenvalues(
        values[kept], errors[kept], tails, tail_errors, f"power series of {last + 1} terms, which is all"
    )


def by_angle(kernel: ZonalKernel, *, dim: int, degree: int, laws: tuple[Law, Law]) -> Eigenvalues:
    """By quadrature in the angle: in float64, and in many digits where that leaves an eigenvalue without accuracy.

    Parameters
    ----------
    kernel : ZonalKernel
        f.
    dim, degree
        As for `spectrum`.
    laws : pair of Law
        From which the size of the smallest eigenvalue is guessed.
    """
    jumps = sum(not dual_of(activation).continuous for activation in kernel.network.activations)
    power, total = 2**jumps, kernel.trace
    if power == 1 and kernel.diagonal.steepness > STEEP:
        power = STEEP_POWER
    found = integrate(kernel.at_gaps, dim, degree, power)
    method = "quadrature in the angle, float64"
    sought = _sought(laws, degree)
    poor = sought & (found.errors > (ACCURATE if kernel.is_elementary else ENOUGH) * np.abs(found.values))
    if np.any(poor) and kernel.has_digits:
        digits = _digits(laws, dim, degree, total)
        found = integrate_digits(kernel.at_cosines, dim, degree, digits, power)
        method = f"quadrature in the angle, {digits} digits"
    left = np.array([multiplicity(dim, n) for n in range(degree + 1)], dtype=object)
    sizes, wrong = (masses(tuple(left), part) for part in (np.maximum(found.values, 0.0), found.errors))
    tails = np.maximum(total - np.cumsum(sizes), 0.0)
    return Eigenvalues(found.values, found.errors, tails, np.cumsum(wrong) + 8 * EPSILON * total, method)


def _sought(laws: tuple[Law, Law], degree: int) -> NDArray[np.bool_]:
    """Degrees of a parity that has infinitely many."""
    return np.array([laws[n % 2].kind not in ("zero", "finite rank") for n in range(degree + 1)])


def _digits(laws: tuple[Law, Law], dim: int, degree: int, total: float) -> int:
    """Digits, below f(1), that leave some in the smallest eigenvalue."""
    smallest = mpmath.mpf(1)
    for n in {degree, max(degree - 1, 0)}:
        law = laws[n % 2]
        if law.singularity:
            nu, coefficient = law.singularity
            smallest = min(smallest, abs(coefficient * power_coefficient(dim, n, nu)) / total)
        else:
            smallest = min(smallest, mpmath.mpf(1) / multiplicity(dim, n))
    return min(math.ceil(-float(mpmath.log10(smallest))) + SPARE_DIGITS, MOST_DIGITS)


def on_two_points(kernel: ZonalKernel, *, degree: int) -> Eigenvalues:
    """On S^0 = {-1, 1}: (f(1) + f(-1))/2 and (f(1) - f(-1))/2."""
    ends, total = kernel.at_gaps(np.zeros(2), np.array([1.0, -1.0])), kernel.trace
    values = np.array([total + ends[1], total - ends[1]])[: degree + 1] / 2
    errors = np.full(degree + 1, 16 * EPSILON * total)
    tails = np.array([values[-1] if degree else (total - ends[1]) / 2, 0.0])[: degree + 1]
    return Eigenvalues(values, errors, tails, errors.copy(), "the two values of the kernel")


def merged(first: Eigenvalues, second: Eigenvalues) -> Eigenvalues:
    """Of each degree what has the smaller error."""
    better = second.errors < first.errors
    nearer = second.tail_errors < first.tail_errors
    return Eigenvalues(
        np.where(better, second.values, first.values),
        np.where(better, second.errors, first.errors),
        np.where(nearer, second.tails, first.tails),
        np.where(nearer, second.tail_errors, first.tail_errors),
        f"{first.method}; {second.method}",
    )


def choose(kernel: ZonalKernel, *, dim: int, degree: int, laws: tuple[Law, Law]) -> Eigenvalues:
    """The method for a kernel whose Hermite series does not end."""
    smooth, sought = kernel.is_smooth, _sought(laws, degree)
    first = None
    slow = _is_slow(laws, degree) or kernel.diagonal.steepness > TOO_STEEP
    if not slow if smooth else dim > BROAD:
        first = by_series(kernel, dim=dim, degree=degree, first=first_terms(laws, dim, degree))
        if np.all(first.errors <= ENOUGH * first.values + UNDERFLOW):
            return first
    second = by_angle(kernel, dim=dim, degree=degree, laws=laws)
    if first is None and smooth and np.any(sought & (second.errors > ENOUGH * second.values)):
        first = by_series(kernel, dim=dim, degree=degree, first=first_terms(laws, dim, degree))
    return second if first is None else merged(first, second)


def _is_slow(laws: tuple[Law, Law], degree: int) -> bool:
    """Whether the series converges so slowly, and eigenvalues fall so slowly, that float64 is enough for quadrature."""
    falls = [law.constant * degree**law.exponent for law in laws if law.constant and law.exponent]
    return bool(falls) and laws[0].kind != "algebraic" and max(falls) < SLOW
