"""Hermite coefficients and second moments of an activation in ball arithmetic."""

import math
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy as sp
from flint import arb, arb_mat, arb_poly, ctx, fmpq

from ntksym.activation.activation import Activation
from ntksym.errors import NoClosedForm, ToleranceNotMet
from ntksym.formula.conditionals import substitute
from ntksym.formula.tape import Tape, play, record
from ntksym.hermite.certified.balls import Balls, Jet, enclose, square
from ntksym.hermite.certified.majorant import Tails
from ntksym.hermite.certified.panels import IntegrationPanel, PanelErrors, beyond, cover

__all__ = ["EnclosedMoments", "enclose_moments"]

Ball = Any
"""flint's ``arb``."""

RELATIVE_TARGET = 1e-40
"""Aim for the error of V and D, relative, and of the coefficients, relative to their roots."""
ENDS_PRECISION = 1024
"""Bits in the ends of the pieces while panels are laid."""
SCALE_PRECISION = 512
VANISHING = 1e-250
"""V and D below are treated as this: the function vanishes, or almost."""
GUARD_BITS = 40
MAX_ATTEMPTS = 3
"""Precisions that are tried where rounding spoils the result."""
FARTHEST = 1e9
"""Standard deviations beyond which an integral is not followed."""


@dataclass(frozen=True)
class EnclosedMoments:
    """``a_k = E[s(sqrt(q) Z) h_k(Z)]`` for k < N, ``V = E s(sqrt(q) Z)**2``, ``D = E s'(sqrt(q) Z)**2``, as balls.

    D is that of the derivative away from jumps.
    """

    coefficients: list[Ball]
    value: Ball
    slope: Ball


@dataclass(frozen=True)
class _PieceTapes:
    """The pieces as tapes, the places where they meet, and the variance, a float taken as exact."""

    tapes: tuple[Tape, ...]
    places: tuple[sp.Expr, ...]
    variance: float
    reach: float = 0.0

    @property
    def root(self) -> Ball:
        return arb(self.variance).sqrt()

    def ends(self) -> list[Ball]:
        """The ends of the pieces in z, at the precision that ``flint.ctx`` has."""
        return [arb(-self.reach), *(enclose(place) / self.root for place in self.places), arb(self.reach)]


def enclose_moments(activation: Activation, q: float, count: int) -> EnclosedMoments:
    """Enclosures of a_k for k < count, of V and of D.

    Parameters
    ----------
    activation : Activation
        The function s.
    q : float
        The variance, positive.
    count : int
        How many coefficients.

    Raises
    ------
    ToleranceNotMet
        The pieces are not known, a function has no rule in ball arithmetic, or a part cannot be enclosed.
    """
    try:
        pieces = activation.pieces
    except NoClosedForm as error:
        raise ToleranceNotMet(
            f"a certificate needs the exact pieces of {activation.name}: {error}; use certify=False",
            activation=activation,
        ) from error
    values = activation.values
    tapes = tuple(record(substitute(piece, values)) for piece in pieces.expressions)
    places = tuple(substitute(place, values) for place in pieces.breakpoints)
    order = max(count - 1, 0)
    with ctx.workprec(ENDS_PRECISION):
        problem = _PieceTapes(tapes, places, float(q))
        targets = _targets(problem, count)
        reach, far = _far(problem, order, targets)
        problem = _PieceTapes(tapes, places, float(q), reach)
        panels, errors = cover(tapes, problem.ends(), problem.root, order, targets.times(fmpq(1, 32)))
        errors = errors.plus(far)
    precision = _precision(problem, panels, order, targets)
    for _ in range(MAX_ATTEMPTS):
        with ctx.workprec(precision):
            moments = _sum(problem, panels, count)
            enclosed = _widened(moments, errors)
        if _is_sharp(moments, targets):
            break
        precision *= 2
    return enclosed


def _widened(moments: EnclosedMoments, errors: PanelErrors) -> EnclosedMoments:
    coefficient, value, slope = (arb(0, part.upper()) for part in errors)
    return EnclosedMoments(
        [number + coefficient for number in moments.coefficients], moments.value + value, moments.slope + slope
    )


def _targets(problem: _PieceTapes, count: int) -> PanelErrors:
    """What errors are aimed at: from rough V and D, sums over a grid that is dense at every scale."""
    value = slope = arb(0)
    with ctx.workprec(SCALE_PRECISION):
        balls, root = Balls(), problem.root
        breaks = [float(enclose(place)) for place in problem.places]
        for step in range(-120, 9):
            z = arb(2) ** (arb(step) / 2)
            weight = (-square(z) / 2).exp() * z / 7
            for point in (-z * root, z * root):
                jet = play(problem.tapes[bisect(breaks, float(point))], balls, Jet(point, arb(1)))
                if jet.value.is_finite() and jet.slope.is_finite():
                    value += weight * jet.value.mid() ** 2
                    slope += weight * jet.slope.mid() ** 2
        value, slope = value.mid().max(VANISHING), slope.mid().max(VANISHING)
        spread = (value / (count + 1)).sqrt().min((root**2 * slope).sqrt() / (count + 1))
        return PanelErrors(spread.mid(), value, slope).times(arb(RELATIVE_TARGET))


def _far(problem: _PieceTapes, order: int, targets: PanelErrors) -> tuple[float, PanelErrors]:
    """How far out in z to integrate, and a bound of what is beyond."""
    sides = []
    for side, tape, place in ((-1, problem.tapes[0], problem.places[:1]), (1, problem.tapes[-1], problem.places[-1:])):
        start = arb(0).max(*(side * enclose(item) for item in place)) if place else arb(0)
        tails = Tails(side, start.upper())
        sides.append((play(tape, tails, tails.variable()), float(start.upper() / problem.root)))
    nearest = max(4.0, *(start * 1.0001 for _, start in sides))
    reach = nearest
    while reach <= FARTHEST * nearest:
        left, right = (beyond(tail, problem.root, arb(reach), order) for tail, _ in sides)
        errors = left.plus(right)
        if errors.is_within(targets):
            return reach, errors
        reach *= 1.2
    raise ToleranceNotMet(
        "no bound is known for the activation or its derivative far out: a certificate takes growth up to"
        " exp(a*abs(x)); use certify=False",
        reach=reach,
    )


def _precision(problem: _PieceTapes, panels: Sequence[IntegrationPanel], order: int, targets: PanelErrors) -> int:
    """Bits that leave the target after what cancels between powers of z and Hermite polynomials.

    The sum of the terms' moduli is h_k(i z): by Mehler's formula phi(z) times it is at most about
    t**(-k/2) exp(z**2 (2t-1)/(2(1-t))), for every t in (1/2, 1).
    """
    with ctx.workprec(SCALE_PRECISION):
        ends = problem.ends()
        places = [panel.place(ends) for panel in panels]
        farthest = max((float(centre.abs_upper() + half.upper()) for centre, half in places), default=0.0)
        wanted = -float(min(targets, key=float).log()) / math.log(2)
    cancelled = min(
        -order / 2 * math.log(t) + farthest**2 * (2 * t - 1) / (2 * (1 - t)) for t in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
    )
    bits = max(wanted, 0.0) + cancelled / math.log(2) + GUARD_BITS
    return 64 * math.ceil(bits / 64)


@lru_cache(maxsize=256)
def _rule(nodes: int, precision: int) -> tuple[tuple[Ball, Ball], ...]:
    """Nodes and weights of Gauss and Legendre; flint encloses them."""
    with ctx.workprec(precision):
        return tuple(arb.legendre_p_root(nodes, index, weight=True) for index in range(nodes))


def _sum(problem: _PieceTapes, panels: Sequence[IntegrationPanel], count: int) -> EnclosedMoments:
    """The sums of the rules, at the precision that ``flint.ctx`` has."""
    balls, ends, root = Balls(), problem.ends(), problem.root
    scale = 1 / (2 * arb.pi()).sqrt()
    value = slope = arb(0)
    points, weights = [], []
    for panel in panels:
        centre, half = panel.place(ends)
        for node, weight in _rule(panel.nodes, ctx.prec):
            z = centre + half * node
            jet = play(problem.tapes[panel.segment], balls, Jet(root * z, arb(1)))
            density = half * weight * scale * (-square(z) / 2).exp()
            part = density * jet.value
            value += part * jet.value
            slope += density * square(jet.slope)
            points.append(z)
            weights.append(part)
    return EnclosedMoments(_coefficients(points, weights, count), value, slope)


def _coefficients(points: Sequence[Ball], weights: Sequence[Ball], count: int) -> list[Ball]:
    """``sum_j w_j h_k(z_j)`` for k < count, from the sums of w_j z_j**k.

    Since sum_k He_k(z) t**k/k! = exp(z t - t**2/2), one product of power series in t turns the one into the other.
    """
    width = max(math.isqrt(count), 1)
    height = -(-count // width)
    if not points or not count:
        return [arb(0)] * count
    low = [list(_powers(arb(1), z, width)) for z in points]
    high = [list(_powers(w, row[-1] * z, height)) for w, row, z in zip(weights, low, points, strict=True)]
    sums = (arb_mat(high).transpose() * arb_mat(low)).entries()[:count]
    series, factorial, roots = [], arb(1), []
    for k, total in enumerate(sums):
        factorial *= max(k, 1)
        series.append(total / factorial)
        roots.append(factorial.sqrt())
    product = (arb_poly(series) * arb_poly(_gauss_series(count))).coeffs()
    product += [arb(0)] * count
    return [root * part for root, part in zip(roots, product[:count], strict=True)]


def _powers(start: Ball, factor: Ball, count: int) -> Iterator[Ball]:
    for _ in range(count):
        yield start
        start = start * factor


def _gauss_series(count: int) -> list[Ball]:
    """The coefficients of ``exp(-t**2/2)``."""
    series, term = [], arb(1)
    for k in range(count):
        series.append(arb(0) if k % 2 else term)
        if k % 2:
            term = -term / (k + 1)
    return series


def _is_sharp(moments: EnclosedMoments, targets: PanelErrors) -> bool:
    widest = max((number.rad() for number in moments.coefficients), default=arb(0))
    return PanelErrors(widest, moments.value.rad(), moments.slope.rad()).is_within(targets)
