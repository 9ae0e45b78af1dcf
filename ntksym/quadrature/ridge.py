"""integral F(u) G(v) exp(-g*(u - v)**2/2) du dv along a narrow ridge: u = p + m, v = p - m, du dv = 2 dp dm.

    integral 2 exp(-2 g m**2) J(m) dm,     J(m) = integral F(p + m) G(p - m) dp.

J is smooth between the values of m at which a kink of F meets a kink of G, on the scale of F and G however large g is.
So J is interpolated at Legendre nodes, and the bell exp(-2 g m**2) is integrated against the Legendre polynomials.
"""

from collections.abc import Sequence
from itertools import pairwise
from operator import add
from typing import Any

import mpmath

from ntksym.numerics.legendre import legendre_multiprecision, legendre_rows
from ntksym.quadrature.interpolation import Resolved, to_fixed

__all__ = ["integrate_line", "integrate_ridge"]

HALVINGS = 12
"""Most halvings of an interval of m; what is then unresolved shows in the difference between two orders."""


def integrate_ridge(
    first: Resolved, second: Resolved, kinks: Sequence[Sequence[int]], sharpness: Any, order: int, accuracy: int
) -> Any:
    """The integral, with `order` nodes a panel; the bell is cut off below ``2**-accuracy``.

    `kinks` are those of F and of G, both ends included, in fixed point.
    """
    reach = to_fixed(mpmath.sqrt((accuracy + 8) * mpmath.log(2) / (2 * sharpness)), first.bits)
    meetings = {(a - b) // 2 for a in kinks[0] for b in kinks[1]}
    ends = sorted({-reach, reach, *(m for m in meetings if -reach < m < reach)})
    waiting = [(low, high, 0) for low, high in pairwise(ends) if high - low > 1 << 16]
    total = mpmath.mpf(0)
    while waiting:
        low, high, halvings = waiting.pop()
        part, resolved = _segment(first, second, kinks, sharpness, order, (low, high), accuracy)
        if resolved or halvings == HALVINGS:
            total += part
        else:
            middle = (low + high) // 2
            waiting += [(low, middle, halvings + 1), (middle, high, halvings + 1)]
    return 2 * total


def _segment(
    first: Resolved,
    second: Resolved,
    kinks: Sequence[Sequence[int]],
    sharpness: Any,
    order: int,
    ends: tuple[int, int],
    accuracy: int,
) -> tuple[Any, bool]:
    bits = first.bits
    middle = mpmath.ldexp(mpmath.mpf(ends[0] + ends[1]), -bits - 1)
    half = mpmath.ldexp(mpmath.mpf(ends[1] - ends[0]), -bits - 1)
    coefficients = [mpmath.mpf(0)] * order
    for t, weight in legendre_multiprecision(order, bits):
        value = weight * integrate_line(first, second, kinks, to_fixed(middle + half * t, bits), order)
        row = legendre_rows(order, t)
        coefficients = [entry + (2 * k + 1) * value * row[k] / 2 for k, entry in enumerate(coefficients)]
    moments = _bell_moments(sharpness, middle, half, order, bits)
    part = sum((entry * moment for entry, moment in zip(coefficients, moments, strict=True)), mpmath.mpf(0))
    unresolved = sum(abs(entry) for entry in coefficients[-3:]) * moments[0]
    return part, unresolved < mpmath.ldexp(1, -accuracy)


def _bell_moments(sharpness: Any, middle: Any, half: Any, order: int, bits: int) -> list[Any]:
    """Integrals of P_k(t) exp(-2 g m**2) over m = middle + half*t, -1 < t < 1, for k < order."""
    parts = int(mpmath.ceil(2 * half * mpmath.sqrt(sharpness))) + 1
    moments = [mpmath.mpf(0)] * order
    for part in range(parts):
        for node, weight in legendre_multiprecision(order, bits):
            t = (2 * part + 1 + node) / parts - 1
            bell = weight * half / parts * mpmath.exp(-2 * sharpness * (middle + half * t) ** 2)
            moments = list(map(add, moments, (bell * entry for entry in legendre_rows(order, t))))
    return moments


def integrate_line(first: Resolved, second: Resolved, kinks: Sequence[Sequence[int]], shift: int, order: int) -> Any:
    """J(shift), the integral of F(p + shift) G(p - shift) over p."""
    bits = first.bits
    fixed = {kink - shift for kink in kinks[0]} | {kink + shift for kink in kinks[1]}
    low = max(first.edges[0] - shift, second.edges[0] + shift)
    high = min(first.edges[-1] - shift, second.edges[-1] + shift)
    if low >= high:
        return mpmath.mpf(0)
    soft = sorted({edge - shift for edge in first.edges} | {edge + shift for edge in second.edges})
    nodes = order * 4 // 3  # a product of two functions varies faster than one
    rule = [(to_fixed(t, bits), to_fixed(w, bits)) for t, w in legendre_multiprecision(nodes, bits)]
    ends = sorted(point for point in fixed | {low, high} if low <= point <= high)
    total = 0
    for left, right in pairwise(ends):
        cuts = _thin([left, *(point for point in soft if left < point < right), right])
        for start, stop in pairwise(cuts):
            middle, half = (start + stop) // 2, (stop - start) // 2
            points = ((middle + (half * t >> bits), w) for t, w in rule)
            part = sum((first(p + shift) * second(p - shift) >> bits) * w for p, w in points)
            total += (part >> bits) * half
    return mpmath.ldexp(mpmath.mpf(total), -2 * bits)


def _thin(cuts: list[int]) -> list[int]:
    """Without the cuts that leave a sliver: less than a third of the interval on either side."""
    kept = cuts[:1]
    for before, point, after in zip(cuts, cuts[1:], cuts[2:], strict=False):
        if 2 * (point - kept[-1]) >= after - point and 3 * (after - point) >= point - before:
            kept.append(point)
    return [*kept, cuts[-1]]
