"""integral F(u) G(v) exp(-g*(u - v)**2/2) du dv on tensor panels.

On a pair of panels u = u0 + a, v = v0 + b, d = u0 - v0, the ridge is a product of three factors,

    exp(-g*(u - v)**2/2) = exp(-g*(d**2/4 + d*a + a**2/2)) * exp(-g*(d**2/4 - d*b + b**2/2)) * exp(g*a*b),

two vectors and a matrix that depends on the widths only. So the work is one small bilinear form of integers a pair.

Where F or G oscillates faster than the ridge varies, its many narrow cells are first gathered into few wide ones: the
values at fine nodes are carried to coarse nodes by the transpose of interpolation, exact for all the ridge can be.
"""

import math
from dataclasses import dataclass
from operator import mul
from typing import Any

import mpmath

from ntksym.numerics.legendre import legendre_multiprecision, legendre_rows
from ntksym.quadrature.interpolation import Resolved, to_fixed

__all__ = ["integrate_plane"]

WIDEST = 4
"""Widest cell, in units of the narrower of the bell and the ridge."""

WINDOW = 32
"""Widest gathered cell, in standard deviations."""

GATHERED_WIDTH, GATHERED_NODES = 2, 14
"""Width of a gathered cell in units of the ridge, and the nodes it has beyond those of an ordinary one."""

SAME = 8
"""Two geometries are one if they differ by less than 2**SAME units of the last place."""


@dataclass(frozen=True)
class _Cell:
    middle: int
    half: int
    values: tuple[int, ...]
    """Function times quadrature weight at the nodes."""
    size: float
    """log2 of the largest of them."""


def integrate_plane(first: Resolved, second: Resolved, sharpness: Any, order: int, accuracy: int) -> Any:
    """The integral, with `order` nodes a cell; what is passed over adds up to less than ``2**-accuracy``."""
    bits = first.bits
    widest = to_fixed(WIDEST / mpmath.sqrt(max(sharpness, 1)), bits)
    left = _cells(first, order, widest)
    right = left if second is first else _cells(second, order, widest)
    width = to_fixed(min(GATHERED_WIDTH / mpmath.sqrt(sharpness), WINDOW) if sharpness else WINDOW, bits)
    if max(len(left), len(right)) * width > 2 * max(f.edges[-1] - f.edges[0] for f in (first, second)):
        left = _gathered(left, first, order, width)
        right = left if second is first else _gathered(right, second, order, width)
        order += GATHERED_NODES
    ridge = _Ridge(sharpness, order, bits)
    unit = 2.0**-bits
    faintest = -accuracy - math.log2(1 + len(left) * len(right) * order**2)
    decay = float(sharpness) / (2 * math.log(2))
    total = 0
    for one in left:
        for two in right:
            gap = max(0, abs(one.middle - two.middle) - one.half - two.half) * unit
            if one.size + two.size - decay * gap * gap > faintest:
                total += ridge.couple(one, two)
    return mpmath.ldexp(mpmath.mpf(total), -bits)


def _cells(function: Resolved, order: int, widest: int) -> list[_Cell]:
    bits = function.bits
    rule = [(to_fixed(t, bits), to_fixed(w, bits)) for t, w in legendre_multiprecision(order, bits)]
    cells = []
    for panel in function.panels:
        if not panel.largest:
            continue
        parts = 1
        while panel.right - panel.left > parts * widest:
            parts *= 2
        half = (panel.right - panel.left) // (2 * parts)
        for part in range(parts):
            middle = panel.left + (2 * part + 1) * half
            values = tuple((function(middle + (half * t >> bits)) * w >> bits) * half >> bits for t, w in rule)
            largest = max(map(abs, values))
            if largest:
                cells.append(_Cell(middle, half, values, math.log2(largest) - bits))
    return cells


def _gathered(cells: list[_Cell], function: Resolved, order: int, width: int) -> list[_Cell]:
    """Cells of equal width that give the same integral with every polynomial of degree below their number of nodes."""
    bits, start = function.bits, function.edges[0]
    count = -((start - function.edges[-1]) // width)
    half = (function.edges[-1] - start) // (2 * count) + 1
    moments = [[0] * (order + GATHERED_NODES) for _ in range(count)]
    nodes = [to_fixed(t, bits) for t, _ in legendre_multiprecision(order, bits)]
    for cell in cells:
        for t, value in zip(nodes, cell.values, strict=True):
            position = cell.middle + (cell.half * t >> bits) - start
            part = position // (2 * half)
            _add_moments(moments[part], value, ((position - (2 * part + 1) * half) << bits) // half, bits)
    rule = legendre_multiprecision(order + GATHERED_NODES, bits)
    rows = [
        [to_fixed(w * (2 * k + 1) * p / 2, bits) for k, p in enumerate(legendre_rows(len(rule), t))] for t, w in rule
    ]
    gathered = []
    for part, moment in enumerate(moments):
        values = tuple(sum(map(mul, row, moment)) >> bits for row in rows)
        largest = max(map(abs, values))
        if largest:
            gathered.append(_Cell(start + (2 * part + 1) * half, half, values, math.log2(largest) - bits))
    return gathered


def _add_moments(moments: list[int], value: int, t: int, bits: int) -> None:
    """Add value * P_k(t) to the k-th moment."""
    before, now = 0, 1 << bits
    for degree in range(len(moments)):
        moments[degree] += value * now >> bits
        before, now = now, ((2 * degree + 1) * (t * now >> bits) - degree * before) // (degree + 1)


class _Ridge:
    """exp(-g*(u - v)**2/2) on pairs of cells, its factors kept for the next pair of the same geometry."""

    def __init__(self, sharpness: Any, order: int, bits: int) -> None:
        self.sharpness, self.bits = sharpness, bits
        self.nodes = [t for t, _ in legendre_multiprecision(order, bits)]
        self.bells: dict[int, list[Any]] = {}
        self.vectors: dict[tuple[int, int], list[int]] = {}
        self.matrices: dict[tuple[int, int], list[list[int]]] = {}

    def couple(self, one: _Cell, two: _Cell) -> int:
        bits = self.bits
        offset = one.middle - two.middle
        inner = self.weigh(two, -offset)
        outer = self.weigh(one, offset)
        rows = self.matrix(one.half, two.half)
        return sum(entry * (sum(map(mul, row, inner)) >> bits) for entry, row in zip(outer, rows, strict=True)) >> bits

    def weigh(self, cell: _Cell, offset: int) -> list[int]:
        bits = self.bits
        factors = self.vector(cell.half, offset)
        return [value * factor >> bits for value, factor in zip(cell.values, factors, strict=True)]

    def vector(self, half: int, offset: int) -> list[int]:
        key = (half >> SAME, offset >> SAME)
        if key not in self.vectors:
            h, d = (mpmath.ldexp(mpmath.mpf(length), -self.bits) for length in (half, offset))
            centre, rate = mpmath.exp(-self.sharpness * d * d / 4), self.sharpness * h * d
            left, right = [], []
            for t, bell in zip(self.nodes, self.bell(half, h), strict=True):
                if t > 0:  # nodes are symmetric: one exponential for two
                    level, tilt = centre * bell, mpmath.exp(rate * t)
                    left.append(to_fixed(level * tilt, self.bits))
                    right.append(to_fixed(level / tilt, self.bits))
            middle = [to_fixed(centre, self.bits)] if len(self.nodes) % 2 else []
            self.vectors[key] = [*reversed(left), *middle, *right]
        return self.vectors[key]

    def bell(self, half: int, h: Any) -> list[Any]:
        key = half >> SAME
        if key not in self.bells:
            self.bells[key] = [mpmath.exp(-self.sharpness * (h * t) ** 2 / 2) for t in self.nodes]
        return self.bells[key]

    def matrix(self, half: int, other: int) -> list[list[int]]:
        key = (half >> SAME, other >> SAME)
        if key not in self.matrices:
            area = self.sharpness * mpmath.ldexp(mpmath.mpf(half) * other, -2 * self.bits)
            self.matrices[key] = [
                [to_fixed(mpmath.exp(area * s * t), self.bits) for t in self.nodes] for s in self.nodes
            ]
        return self.matrices[key]
