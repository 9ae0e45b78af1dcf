"""Gauss-Legendre panels for Gaussian expectations of an analytic function, with proved errors of the rule."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from flint import acb, arb, ctx, fmpq

from ntksym.errors import ToleranceNotMet
from ntksym.formula.tape import Tape, play
from ntksym.hermite.certified.balls import Balls, Jet, square
from ntksym.hermite.certified.majorant import Majorant, Tail

__all__ = ["IntegrationPanel", "PanelErrors", "beyond", "cover", "hermite_bound"]

Ball = Any
"""flint's ``arb`` or ``acb``."""

RADII = (1.4, 1.8, 2.4, 3.2, 4.4, 6.0, 9.0, 14.0, 25.0, 60.0)
"""Sums of the half axes of the ellipses that are tried."""
COLUMNS = 8
"""Boxes that cover the upper half of an ellipse at first."""
MAX_HALVINGS = 4
"""How often a box is quartered where a function is not finite on it."""
MAX_NODES = 128
"""Panels that would need more nodes are halved."""
NODE_STEP = 4
"""Numbers of nodes are multiples of this, so that rules are shared."""
MAX_DEPTH = 250
MAX_PANELS = 20_000
BOUND_PRECISION = 64
"""Bits in bounds: they need to be true, not sharp."""


class PanelErrors(NamedTuple):
    """Bounds for the integrals of ``s h_k phi`` for every k up to some order, of ``s**2 phi`` and of ``s'**2 phi``."""

    coefficient: Ball
    value: Ball
    slope: Ball

    def plus(self, other: "PanelErrors") -> "PanelErrors":
        """The sum of both."""
        return PanelErrors(*(first + second for first, second in zip(self, other, strict=True)))

    def times(self, factor: Ball) -> "PanelErrors":
        """All times one number."""
        return PanelErrors(*(factor * part for part in self))

    def larger(self, other: "PanelErrors") -> "PanelErrors":
        """The larger of each."""
        return PanelErrors(*(first.max(second) for first, second in zip(self, other, strict=True)))

    def is_within(self, targets: "PanelErrors") -> bool:
        """Whether all are certainly at most the targets."""
        return all(bool(part <= target) for part, target in zip(self, targets, strict=True))

    @property
    def is_finite(self) -> bool:
        """Whether all are."""
        return all(bool(part.is_finite()) for part in self)


@dataclass(frozen=True)
class IntegrationPanel:
    """``numerator/2**depth`` to ``(numerator + 1)/2**depth`` of the way through segment ``segment``."""

    segment: int
    numerator: int
    depth: int
    nodes: int = 0

    def halves(self) -> tuple["IntegrationPanel", "IntegrationPanel"]:
        """Left and right."""
        first, depth = 2 * self.numerator, self.depth + 1
        return IntegrationPanel(self.segment, first, depth), IntegrationPanel(self.segment, first + 1, depth)

    def place(self, ends: Sequence[Ball]) -> tuple[Ball, Ball]:
        """Centre and half length, from the ends of all segments."""
        low, high = ends[self.segment : self.segment + 2]
        part = 2 << self.depth
        return low + (high - low) * fmpq(2 * self.numerator + 1, part), (high - low) * fmpq(1, part)


def hermite_bound(near: Ball, height: Ball, order: int) -> Ball:
    """A bound of ``abs(h_k(z) phi(z))`` for k <= order, abs(Re z) >= near and abs(Im z) <= height.

    From Mehler's formula, ``abs(h_k(x+iy))**2 <= t**-k (1 - t**2)**(-1/2) exp(t x**2/(1+t) + t y**2/(1-t))`` for
    every t in (0, 1); the t is chosen in floating point, the bound evaluated in balls.
    """
    t = arb(_best_ratio(float(near), float(height), order))
    exponent = square(height) / (1 - t) - square(near) / (1 + t) - order * t.log()
    return (exponent / 2).exp() / ((1 - t**2).sqrt().sqrt() * (2 * arb.pi()).sqrt())


def _best_ratio(near: float, height: float, order: int) -> float:
    """The t that about minimises the exponent of ``hermite_bound``, by bisection of its derivative."""
    low, high = 1e-9, 1 - 1e-3 / (order + 1)
    for _ in range(16):
        t = 0.5 * (low + high)
        rises = (near / (1 + t)) ** 2 + (height / (1 - t)) ** 2 + 2 * t / (1 - t * t) > order / t
        low, high = (low, t) if rises else (t, high)
    return low


def beyond(tail: Tail, root: Ball, reach: Ball, order: int) -> PanelErrors:
    """Bounds of the integrals over z > reach, or z < -reach.

    Parameters
    ----------
    tail : Tail
        The function and its derivative on that side, in x = root*z.
    root, reach : arb
        Standard deviation of x; where the last panel ends, not before the start of the tail.
    order : int
        Largest k.
    """

    def integral(majorant: Majorant, density: Ball, decay: Ball) -> Ball:
        """The logarithm of the integrand is concave: the value at the start, over the rate at which it falls there."""
        place = root * reach
        size = majorant.constant * (1 + place) ** majorant.degree * (majorant.rate * place).exp() * density
        fall = decay - root * (majorant.rate + majorant.degree / (1 + place))
        return (size / fall).upper() if fall > 0 else arb.pos_inf()

    gauss = (-(reach**2) / 2).exp() / (2 * arb.pi()).sqrt()
    return PanelErrors(
        integral(tail.bound, hermite_bound(reach, arb(0), order), reach / 2),
        integral(tail.bound * tail.bound, gauss, reach),
        integral(tail.slope * tail.slope, gauss, reach),
    )


def cover(
    tapes: Sequence[Tape], ends: Sequence[Ball], root: Ball, order: int, targets: PanelErrors
) -> tuple[list[IntegrationPanel], PanelErrors]:
    """Panels that cover all segments, and the sum of the errors of their rules.

    Parameters
    ----------
    tapes : sequence of Tape
        The function on each segment, in x = root*z.
    ends : sequence of arb
        The ends of the segments in z.
    root : arb
        Standard deviation of the argument x.
    order : int
        Largest k.
    targets : PanelErrors
        What the error of one panel should not exceed.

    Raises
    ------
    ToleranceNotMet
        The function cannot be enclosed somewhere.
    """
    waiting = [IntegrationPanel(segment, 0, 0) for segment in reversed(range(len(tapes)))]
    done: list[IntegrationPanel] = []
    total = PanelErrors(arb(0), arb(0), arb(0))
    while waiting:
        panel = waiting.pop()
        with ctx.workprec(BOUND_PRECISION + 2 * panel.depth):
            centre, half = panel.place(ends)
            rule = _Region(tapes[panel.segment], centre, half, root, order).rule(targets)
        if rule is not None:
            nodes, errors = rule
            total = total.plus(errors)
            if nodes:
                done.append(IntegrationPanel(panel.segment, panel.numerator, panel.depth, nodes))
            continue
        if panel.depth >= MAX_DEPTH or len(done) + len(waiting) >= MAX_PANELS:
            where = float((centre * root).mid())
            raise ToleranceNotMet(
                f"the function cannot be enclosed near x = {where:.6g}: a removable singularity, or one that its pieces"
                " do not show; write it differently there, or use certify=False",
                place=where,
            )
        waiting += reversed(panel.halves())
    return done, total


class _Region:
    """One panel, with what surrounds it in the complex plane."""

    def __init__(self, tape: Tape, centre: Ball, half: Ball, root: Ball, order: int) -> None:
        self.tape = tape
        self.centre = centre
        self.half = half
        self.root = root
        self.order = order
        self.balls = Balls()

    def rule(self, targets: PanelErrors) -> tuple[int, PanelErrors] | None:
        """The number of nodes and the error, none where the panel has to be halved."""
        whole = self.centre + self.half * arb(0, 1)
        size = self._largest(whole, whole, arb(0)).times(2 * self.half)
        if size.is_within(targets):
            return 0, size
        best: tuple[int, PanelErrors] | None = None
        for radius in RADII:
            largest = self._on_ellipse(radius)
            if largest is None:
                break
            nodes = _nodes_needed(largest.times(self.half), targets, radius)
            if best is not None and nodes >= best[0]:
                break
            best = nodes, self._error(largest, nodes, radius)
        return best if best is not None and best[0] <= MAX_NODES else None

    def _error(self, largest: PanelErrors, nodes: int, radius: float) -> PanelErrors:
        """``(64/15) M r**(-2n) / (1 - r**-2)`` on [-1, 1], n >= 2: Trefethen, Approximation Theory, theorem 19.3."""
        ratio = 1 / arb(radius) ** 2
        return largest.times(self.half * fmpq(64, 15) * ratio**nodes / (1 - ratio))

    def _largest(self, region: Ball, near: Ball, height: Ball) -> PanelErrors:
        jet: Jet = play(self.tape, self.balls, Jet(self.root * region, arb(1)))
        value, slope = jet.value.abs_upper(), jet.slope.abs_upper()
        near = near.abs_lower()
        gauss = ((square(height) - square(near)) / 2).exp() / (2 * arb.pi()).sqrt()
        return PanelErrors(
            (value * hermite_bound(near, height, self.order)).upper(),
            (square(value) * gauss).upper(),
            (square(slope) * gauss).upper(),
        )

    def _on_ellipse(self, radius: float) -> PanelErrors | None:
        """Bounds of the integrands on the ellipse, None where they are not known to be analytic on it."""
        largest = PanelErrors(arb(0), arb(0), arb(0))
        wide, tall = self.half * ((radius + 1 / radius) / 2), self.half * ((radius - 1 / radius) / 2)
        boxes = list(_boxes())
        while boxes:
            left, right, low, high, halvings = boxes.pop()
            real = self.centre + wide * arb((left + right) / 2, (right - left) / 2 * 1.000001)
            imaginary = tall * arb((low + high) / 2, (high - low) / 2 * 1.000001)
            errors = self._largest(acb(real, imaginary), real, imaginary.abs_upper())
            if errors.is_finite:
                largest = largest.larger(errors)
            elif halvings == MAX_HALVINGS:
                return None
            else:
                across, up = (left + right) / 2, (low + high) / 2
                boxes += [
                    (*columns, *rows, halvings + 1)
                    for columns in ((left, across), (across, right))
                    for rows in ((low, up), (up, high))
                    if math.hypot(_nearest(*columns), rows[0]) < 1.000001
                ]
        return largest


def _boxes() -> Iterator[tuple[float, float, float, float, int]]:
    """Left, right, bottom and top of boxes that cover the upper half of the unit disc; s is real on the real axis."""
    for column in range(COLUMNS):
        left, right = 2 * column / COLUMNS - 1, 2 * (column + 1) / COLUMNS - 1
        yield left, right, 0.0, math.sqrt(1 - _nearest(left, right) ** 2) + 1e-9, 0


def _nearest(left: float, right: float) -> float:
    """The least modulus between two numbers."""
    return min(abs(left), abs(right)) if left * right > 0 else 0.0


def _nodes_needed(largest: PanelErrors, targets: PanelErrors, radius: float) -> int:
    excess = max(
        (float((part / target).log()) if part > 0 else 0.0) for part, target in zip(largest, targets, strict=True)
    )
    count = math.ceil((excess + 1.5 + math.log(1 / (1 - radius**-2))) / (2 * math.log(radius)))
    return max(NODE_STEP, NODE_STEP * math.ceil(count / NODE_STEP))
