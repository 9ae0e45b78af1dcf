r"""E[s(U)s(V)] and E[s'(U)s'(V)] of one pair by integration, for correlations too near +-1 for the series.

With |rho| = cos(t) and independent A, B ~ N(0, 1),

    U = sqrt(q1) (cos(t/2) A + sin(t/2) B),     V = +-sqrt(q2) (cos(t/2) A - sin(t/2) B):

along A the integrand is a product of tabulated polynomials and a Gaussian, integrated by Gauss-Legendre panels that end
where a polynomial ends; across, in B, it is smooth but where a kink of U crosses a kink of V, and the trapezoidal rule,
after a double-exponential change of variable between such places, converges geometrically (Mori and Sugihara,
J. Comput. Appl. Math. 127 (2001), section 2).
"""

import math
from math import ceil, log2, sqrt

import numba
import numpy as np

from ntksym.errors import ToleranceNotMet
from ntksym.hermite.moments import SMALLEST_REACH, reach_of
from ntksym.hermite.piecewise_table import NODES
from ntksym.hermite.tabulated_activation import TabulatedActivation
from ntksym.numerics.arrays import Array
from ntksym.numerics.compiled import compiled, entrance
from ntksym.numerics.legendre import legendre

__all__ = ["CONVERGED", "integrate_pairs"]


REACH = 8.6
"""Standard deviations of B: the Gaussian is 1e-16 beyond."""

BOUNDED_REACH = 9.5
"""Standard deviations of A, unless s grows so much that Hermite coefficients need more than their smallest reach."""

CONVERGED = 1e-14
"""Change, relative to sqrt(E[s(U)^2] E[s(V)^2]), with which halving the step in B stops."""

FIRST_STEP = 0.7
MOST_HALVINGS = 8

BROAD = 1.0
"""From this distance of U and V on (in x, at B = 1), B moves across what happens at features, not kinks alone."""

LAST_TICK = 3.2
"""End of the double-exponential variable: the map is within rounding of its ends."""

INVERSE_ROOT = 1 / sqrt(2 * math.pi)

POINTS = 16


FLAGS = {"arcp", "contract", "nsz"}


@numba.njit(forceinline=True, nogil=True, error_model="numpy", fastmath=FLAGS)
def _horner(coefficients, place):  # type: ignore[no-untyped-def]
    result = coefficients[NODES - 1]
    for k in range(NODES - 1):
        result = result * place + coefficients[NODES - 2 - k]
    return result


@compiled(nogil=True, error_model="numpy", fastmath=FLAGS)
def _line(across, left, right, roots, cosine, sine, reach, rule, products):  # type: ignore[no-untyped-def]
    """The integrals over A of value and slope at one B: a panel wherever both functions are one polynomial."""
    edges, values, slopes = left
    other_edges, other_values, other_slopes = right
    first, second = roots
    ahead = 1 if second > 0 else 0
    shift = sine * across
    a = -reach
    i = np.searchsorted(edges, first * (cosine * a + shift), side="right") - 1
    k = np.searchsorted(other_edges, second * (cosine * a - shift), side="right") - 1
    value, slope = 0.0, 0.0
    while a < reach:
        u_end = (edges[i + 1] / first - shift) / cosine
        v_end = (other_edges[k + ahead] / second + shift) / cosine
        end = min(a + 1.0, u_end, v_end, reach)
        half = (end - a) / 2
        if half > 0:
            u_middle, u_half = (edges[i] + edges[i + 1]) / 2, 2 / (edges[i + 1] - edges[i])
            v_middle = (other_edges[k] + other_edges[k + 1]) / 2
            v_half = 2 / (other_edges[k + 1] - other_edges[k])
            for j in range(POINTS):
                place = a + half + half * rule[0, j]
                u = min(max((first * (cosine * place + shift) - u_middle) * u_half, -1.0), 1.0)
                v = min(max((second * (cosine * place - shift) - v_middle) * v_half, -1.0), 1.0)
                products[0, j] = _horner(values[i], u) * _horner(other_values[k], v)
                products[1, j] = _horner(slopes[i], u) * _horner(other_slopes[k], v)
            for j in range(POINTS):
                place = a + half + half * rule[0, j]
                mass = half * rule[1, j] * math.exp(-place * place / 2)
                value += mass * products[0, j]
                slope += mass * products[1, j]
        if end == u_end:
            i += 1
        if end == v_end:
            k += 2 * ahead - 1
        a = end
    return value, slope


@entrance(nogil=True, error_model="numpy", fastmath=FLAGS)
def _integrate(roots, gaps, scales, left, right, breaks, features, reach, rule, results):  # type: ignore[no-untyped-def]
    """Fill ``results``; NaN where the sums have not settled."""
    products = np.empty((2, POINTS))
    for p in range(gaps.size):
        pair = (roots[p, 0], roots[p, 1])
        cosine, sine = math.sqrt(1 - gaps[p] / 2), math.sqrt(gaps[p] / 2)
        if gaps[p] == 0:
            results[p] = _line(0.0, left, right, pair, 1.0, 0.0, reach, rule, products)
            continue
        sharp = sine * max(abs(pair[0]), abs(pair[1])) > BROAD
        places = features if sharp else breaks
        ends = _smooth_stretches(places[0], places[1], pair, sine)
        limit, step = (REACH, FIRST_STEP) if ends.size == 2 else (LAST_TICK, FIRST_STEP / 2)
        value, slope = 0.0, 0.0
        results[p] = np.nan
        for halving in range(MOST_HALVINGS):
            before_value, before_slope = value, slope
            value, slope = value / 2, slope / 2
            count = math.floor(limit / step)
            for n in range(ends.size - 1):
                for tick in range(-count, count + 1):
                    if halving > 0 and tick % 2 == 0:
                        continue
                    across, weight = _node(step * tick, ends, n)
                    weight *= step * math.exp(-across * across / 2) * INVERSE_ROOT
                    line = _line(across, left, right, pair, cosine, sine, reach, rule, products)
                    value += weight * line[0]
                    slope += weight * line[1]
            settled = abs(value - before_value) <= CONVERGED * scales[p, 0]
            if halving > 0 and settled and abs(slope - before_slope) <= CONVERGED * scales[p, 1]:
                results[p, 0], results[p, 1] = value, slope
                break
            step /= 2


@compiled(nogil=True, error_model="numpy")
def _smooth_stretches(breaks, other_breaks, roots, sine):  # type: ignore[no-untyped-def]
    """Ends in B: where a kink of U meets a kink of V, and the reach."""
    ends = np.empty(breaks.size * other_breaks.size + 2)
    ends[0], ends[1] = -REACH, REACH
    count = 2
    for one in breaks:
        for other in other_breaks:
            crossing = (one / roots[0] - other / roots[1]) / (2 * sine)
            if abs(crossing) < REACH:
                ends[count] = crossing
                count += 1
    return np.unique(ends[:count])


@compiled(nogil=True, error_model="numpy")
def _node(tick, ends, n):  # type: ignore[no-untyped-def]
    """B and its derivative: the tick itself on the whole line, a double-exponential map to a stretch else."""
    if ends.size == 2:
        return tick, 1.0
    half = (ends[n + 1] - ends[n]) / 2
    inner = math.pi / 2 * math.sinh(tick)
    return ends[n] + half * (1 + math.tanh(inner)), half * math.pi / 2 * math.cosh(tick) / math.cosh(inner) ** 2


def integrate_pairs(
    profile: TabulatedActivation,
    q1: Array,
    q2: Array,
    gap: Array,
    sign: Array,
    scales: Array,
    partner: TabulatedActivation | None = None,
) -> Array:
    """Values and slopes of n pairs, shape (n, 2).

    Parameters
    ----------
    profile : TabulatedActivation
        The tabulated activation.
    q1, q2 : float arrays, shape (n,)
        Variances, positive.
    gap : float array, shape (n,)
        1 - |rho|, between 0 and 1.
    sign : float array, shape (n,)
        The sign of rho, +1 or -1.
    scales : float array, shape (n, 2)
        sqrt(V(q1) V(q2)) and sqrt(D(q1) D(q2)), what errors are relative to.
    partner : TabulatedActivation, optional
        The function of V, if it is another.

    Raises
    ------
    ToleranceNotMet
        If an integral does not settle.
    """
    roots = np.column_stack([np.sqrt(q1), sign * np.sqrt(q2)])
    sizes = np.abs(roots)
    octaves = np.column_stack([np.floor(np.log2(sizes.min(axis=1))), np.ceil(np.log2(sizes.max(axis=1)))]).astype(int)
    rule = np.array(legendre(POINTS)) * np.array([[1.0], [INVERSE_ROOT]])
    results = np.empty((len(roots), 2))
    profiles = (profile, partner or profile)
    for low, high in np.unique(octaves, axis=0):
        mine = np.flatnonzero((octaves == (low, high)).all(axis=1))
        grown = max(reach_of(side, 2.0**high) for side in profiles)
        reach = grown if grown > SMALLEST_REACH else BOUNDED_REACH
        ends = int(low) - 2, int(high) + ceil(log2(reach + REACH)), 2.0 ** int(high) * (reach + REACH)
        tables = [side.table(*ends) for side in profiles]
        pieces = [(table.edges, table.values, table.slopes) for table in tables]
        features = tuple(side.features(*ends) for side in profiles)
        breaks = tuple(
            side.breaks_between(float(table.edges[0]), float(table.edges[-1]))
            for side, table in zip(profiles, tables, strict=True)
        )
        found = np.empty((len(mine), 2))
        _integrate(roots[mine], gap[mine], scales[mine], *pieces, breaks, features, reach, rule, found)
        results[mine] = found
    lost = np.flatnonzero(np.isnan(results).any(axis=1))
    if len(lost):
        where = f"q1 = {q1[lost[0]]:.6g}, q2 = {q2[lost[0]]:.6g}, 1 - |rho| = {gap[lost[0]]:.3g}"
        raise ToleranceNotMet(
            f"E[s(U)s(V)] of {profile.activation.name} at {where} did not settle: "
            "use evaluate(..., dps=17), smaller variances, or remove near duplicates",
            activation=profile.activation,
        )
    return results
