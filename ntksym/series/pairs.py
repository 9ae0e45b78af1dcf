r"""E[s(U)s(V)] and E[s'(U)s'(V)] of one pair by integration, for correlations too near +-1 for the series.

With |rho| = cos(t) and independent A, B ~ N(0, 1),

    U = sqrt(q1) (cos(t/2) A + sin(t/2) B),     V = +-sqrt(q2) (cos(t/2) A - sin(t/2) B):

along A the integrand is a product of tabulated polynomials and a Gaussian, integrated by Gauss-Legendre panels that end
where a polynomial ends; across, in B, it is smooth but where a kink of U crosses a kink of V, and the trapezoidal rule,
after a double-exponential change of variable between such places, converges geometrically (Mori and Sugihara,
J. Comput. Appl. Math. 127 (2001), section 2).
"""

import math
from collections.abc import Iterator
from itertools import pairwise
from math import ceil, floor, log2, sqrt

import numba
import numpy as np
from numpy.typing import NDArray

from ntksym.errors import ToleranceNotMet
from ntksym.series.hermite import SMALLEST_REACH, reach_of
from ntksym.series.profile import NODES, Profile

__all__ = ["CONVERGED", "integrate_pair"]

Array = NDArray[np.float64]

REACH = 8.6
"""Standard deviations of B: the Gaussian is 1e-16 beyond."""

BOUNDED_REACH = 9.5
"""Standard deviations of A, unless s grows so much that Hermite coefficients need more than their smallest reach."""

CONVERGED = 1e-14
"""Change, relative to sqrt(E[s(U)^2] E[s(V)^2]), with which halving the step in B stops."""

FIRST_STEP = 0.7
MOST_HALVINGS = 7

POINTS = 16
_RULE = np.array(np.polynomial.legendre.leggauss(POINTS))
_RULE[1] /= sqrt(2 * np.pi)


FLAGS = {"arcp", "contract", "nsz"}


@numba.njit(forceinline=True, nogil=True, error_model="numpy", fastmath=FLAGS)
def _horner(coefficients, place):  # type: ignore[no-untyped-def]
    result = coefficients[NODES - 1]
    for k in range(NODES - 1):
        result = result * place + coefficients[NODES - 2 - k]
    return result


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FLAGS)
def _along(across, edges, values, slopes, roots, cosine, sine, reach, masses, results):  # type: ignore[no-untyped-def]
    """For every B the integrals over A of value and slope: one panel wherever both functions are one polynomial."""
    first, second = roots
    ahead = 1 if second > 0 else 0
    products = np.empty((2, POINTS))
    for b in range(across.size):
        shift = sine * across[b]
        a = -reach
        i = np.searchsorted(edges, first * (cosine * a + shift), side="right") - 1
        k = np.searchsorted(edges, second * (cosine * a - shift), side="right") - 1
        value, slope = 0.0, 0.0
        while a < reach:
            u_end = (edges[i + 1] / first - shift) / cosine
            v_end = (edges[k + ahead] / second + shift) / cosine
            end = min(a + 1.0, u_end, v_end, reach)
            half = (end - a) / 2
            if half > 1e-14:
                u_middle, u_half = (edges[i] + edges[i + 1]) / 2, 2 / (edges[i + 1] - edges[i])
                v_middle, v_half = (edges[k] + edges[k + 1]) / 2, 2 / (edges[k + 1] - edges[k])
                for j in range(POINTS):
                    place = a + half + half * masses[0, j]
                    u = min(max((first * (cosine * place + shift) - u_middle) * u_half, -1.0), 1.0)
                    v = min(max((second * (cosine * place - shift) - v_middle) * v_half, -1.0), 1.0)
                    products[0, j] = _horner(values[i], u) * _horner(values[k], v)
                    products[1, j] = _horner(slopes[i], u) * _horner(slopes[k], v)
                for j in range(POINTS):
                    place = a + half + half * masses[0, j]
                    mass = half * masses[1, j] * math.exp(-place * place / 2)
                    value += mass * products[0, j]
                    slope += mass * products[1, j]
            if end == u_end:
                i += 1
            if end == v_end:
                k += 2 * ahead - 1
            a = end
        results[b, 0], results[b, 1] = value, slope


def integrate_pair(
    profile: Profile, q1: float, q2: float, gap: float, sign: float, scales: tuple[float, float]
) -> tuple[float, float]:
    """Value and slope of one pair.

    Parameters
    ----------
    profile : Profile
        The tabulated activation.
    q1, q2 : float
        Variances, positive.
    gap : float
        1 - |rho|, between 0 and 1.
    sign : float
        The sign of rho, +1 or -1.
    scales : pair of float
        sqrt(V(q1) V(q2)) and sqrt(D(q1) D(q2)), what errors are relative to.

    Raises
    ------
    ToleranceNotMet
        If the integral does not settle.
    """
    roots = sqrt(q1), sign * sqrt(q2)
    largest, smallest = max(sqrt(q1), sqrt(q2)), min(sqrt(q1), sqrt(q2))
    grown = reach_of(profile, largest)
    reach = grown if grown > SMALLEST_REACH else BOUNDED_REACH
    table = profile.table(floor(log2(smallest)) - 2, ceil(log2((reach + REACH) * largest)))
    cosine, sine = sqrt(1 - gap / 2), sqrt(gap / 2)

    def along(across: Array) -> Array:
        results = np.empty((len(across), 2))
        _along(across, table.edges, table.values, table.slopes, roots, cosine, sine, reach, _RULE, results)
        return results

    if gap == 0:
        return tuple(along(np.zeros(1))[0].tolist())
    panels = _panels(profile.breaks, roots, sine)
    total, previous = np.zeros(2), np.full(2, np.inf)
    for halving in range(MOST_HALVINGS):
        across, weights = _nodes(panels, halving)
        total = total / 2 + weights @ along(across)
        if np.all(np.abs(total - previous) <= CONVERGED * np.array(scales)):
            return float(total[0]), float(total[1])
        previous = total
    raise ToleranceNotMet(
        f"E[s(U)s(V)] of {profile.activation.name} at q1 = {q1:.6g}, q2 = {q2:.6g}, 1 - |rho| = {gap:.3g} did not "
        "settle: use evaluate(..., dps=17), smaller variances, or remove near duplicates",
        activation=profile.activation,
    )


def _panels(breaks: Array, roots: tuple[float, float], sine: float) -> Array:
    """Ends in B of the smooth stretches: where a kink of U meets a kink of V."""
    crossings = np.subtract.outer(breaks / roots[0], breaks / roots[1]).ravel() / (2 * sine)
    return np.concatenate([[-REACH], np.unique(crossings[np.abs(crossings) < REACH]), [REACH]])


def _nodes(panels: Array, halving: int) -> tuple[Array, Array]:
    """Nodes that are new at this step, and weights times the Gaussian."""
    step = FIRST_STEP / 2**halving
    found = list(_whole(step, halving) if len(panels) == 2 else _between(panels, step / 2, halving))
    across = np.concatenate([nodes for nodes, _ in found])
    weights = np.concatenate([weights for _, weights in found])
    return across, weights * np.exp(-(across**2) / 2) / sqrt(2 * np.pi)


def _fresh(limit: float, step: float, halving: int) -> Array:
    count = floor(limit / step)
    ticks = np.arange(-count, count + 1)
    return np.asarray(step * (ticks if halving == 0 else ticks[ticks % 2 != 0]))


def _whole(step: float, halving: int) -> Iterator[tuple[Array, Array]]:
    ticks = _fresh(REACH, step, halving)
    yield ticks, np.full(len(ticks), step)


def _between(panels: Array, step: float, halving: int) -> Iterator[tuple[Array, Array]]:
    ticks = _fresh(3.2, step, halving)
    places = np.tanh(np.pi / 2 * np.sinh(ticks))
    stretch = np.pi / 2 * np.cosh(ticks) / np.cosh(np.pi / 2 * np.sinh(ticks)) ** 2
    for low, high in pairwise(panels):
        half = (high - low) / 2
        yield low + half * (1 + places), step * half * stretch
