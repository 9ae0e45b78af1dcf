"""An activation and its derivative as piecewise Chebyshev polynomials: float64 values everywhere, from few mpmath ones.

The line is cut into octaves ``2**m <= |x| <= 2**(m + 1)`` and a core around zero, each at the kinks and jumps, and then
in halves until polynomials of degree 19 represent s and s' to rounding. Octaves are made when they are first asked for;
a function is thus known with relative accuracy at whatever scale its argument has.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil, log2, log10
from typing import Any

import mpmath
import numpy as np

from ntksym.activation.activation import Activation
from ntksym.activation.integrability import slope_integrability
from ntksym.activation.singular_points import Place, breaking_functions, zeros_at
from ntksym.activation.singularities import grows_at, singular_places
from ntksym.errors import NoClosedForm, OutOfReach, ToleranceNotMet
from ntksym.hermite.piecewise_table import NODES, Table
from ntksym.hermite.tips import Tips, tip_integrals
from ntksym.kept import kept
from ntksym.numerics import chebyshev
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import EPSILON

__all__ = ["TabulatedActivation"]


SAMPLE_DIGITS = 30
"""Decimal digits at which s and s' are computed, at arguments of size one, before they are rounded to float64."""

DEEPEST = 44
"""Bisections of an octave: at a kink that is not known the last piece is a rounding error wide."""

MOST_PIECES = 600
"""Pieces of an octave; a function that needs more oscillates too fast to be tabulated."""

ROUGH = 1e-8
"""Last coefficients, relative, that a piece cannot have: where values in float64 show them, no others are computed."""

AGREEMENT = 1e-2
"""What values in float64 may be off, relative to those coefficients: others have lost their digits."""

WITNESSES = (4, 13)
"""Nodes where they are compared with those in many digits."""

PARTS = 16
"""Parts of an octave that is tabulated no farther than asked for; each has as many pieces as a whole one at most."""

SHARP = 0.05
"""A piece that is shorter than this, relative to where it lies, belongs to something that happens there."""

MOST_FEATURES = 8

GRID = 2048
"""Parts of an interval in which kinks are looked for where their places are not known."""

DOUBLE = 53
"""Binary digits of float64."""

JUMP = 1e-9
"""Neighbouring polynomials that differ by more than this, relatively, belong to a function that jumps."""

Piece = tuple[float, float, Array, Array, Array]
"""Ends, the coefficients of s and of s' in powers of the place between -1 and 1, and what they leave out of squares."""

WHOLE = np.zeros(3)
"""Nothing is left out."""


@dataclass(frozen=True, eq=False)
class _Seen:
    """Values of s and s', shape (2, n), at some places, shape (n,)."""

    places: Array
    values: Array

    def are_met(self, low: float, high: float, fits: tuple[Array, Array]) -> bool:
        """Whether Chebyshev polynomials on a piece miss none of its places: a narrow bump hides between nodes."""
        mine = (self.places > low) & (self.places < high)
        place = (2 * self.places[mine] - low - high) / (high - low)
        for fit, known in zip(fits, self.values, strict=True):
            off = np.abs(np.polynomial.chebyshev.chebval(place, fit) - known[mine])
            if np.any(off > JUMP * np.abs(known).max()):  # never, where there is a pole
                return False
        return True


@dataclass(frozen=True, eq=False)
class TabulatedActivation:
    """The tabulated activation; a cache that grows outwards and inwards.

    Parameters
    ----------
    activation : Activation
        s.
    """

    activation: Activation
    _pieces: dict[tuple[float, float], tuple[Piece, ...]] = field(default_factory=dict, repr=False)
    _tables: dict[tuple[int, int, float], Table] = field(default_factory=dict, repr=False)
    _found: dict[tuple[float, float], Array] = field(default_factory=dict, repr=False)

    @kept
    def _places(self) -> dict[float, Place]:
        """Kinks, jumps and singularities, by their values in float64; empty where the pieces are not known."""
        activation = self.activation
        try:
            known = [Place(item.position) for item in activation.breaks]
        except NoClosedForm:
            return {}
        slope = self._functions[1]
        known += [place for place in singular_places(activation) if grows_at(slope, place)]
        return {float(place.located(DOUBLE)): place for place in known}

    @kept
    def breaks(self) -> Array:
        """Kinks, jumps and singularities, increasing; empty where they are not known."""
        return np.array(sorted(self._places))

    @kept
    def _are_known(self) -> bool:
        """Whether `breaks` has all of them."""
        try:
            return bool(self.activation.pieces)
        except NoClosedForm:
            return False

    def breaks_between(self, low: float, high: float) -> Array:
        """Kinks, jumps and singularities inside an interval; as far as a grid shows where there are infinitely many."""
        if self._are_known:
            return self.breaks[(self.breaks > low) & (self.breaks < high)]
        if (low, high) not in self._found:
            expression = self.activation.expression.xreplace(self.activation.values)
            grid = np.linspace(low, high, GRID + 1)
            places = {place for function in breaking_functions(expression) for place in zeros_at(function, grid)}
            self._found[low, high] = np.array(sorted(place for place in places if low < place < high))
        return self._found[low, high]

    @kept
    def bends(self) -> bool:
        """Whether s' has no jump, as far as the pieces around its breaks and around zero show."""
        top = max(3, ceil(log2(np.max(np.abs(self.breaks), initial=1.0))) + 1)
        try:
            return self.continuous and _meets(self.table(-4, top).slopes)
        except ToleranceNotMet:  # it oscillates too fast to tell
            return False

    @kept
    def continuous(self) -> bool:
        """Whether E[s'(U)^2] exists: s has no jump, and s' no infinity whose square is not integrable."""
        return not slope_integrability(self.activation).is_nowhere

    def features(self, core: int, top: int, reach: float = np.inf) -> Array:
        """Where the function may change on a smaller scale than around: zero, kinks, jumps, the shortest pieces."""
        edges = self.table(core, top, reach).edges
        breaks = self.breaks_between(float(edges[0]), float(edges[-1]))
        widths = np.diff(edges)
        middles = (edges[:-1] + edges[1:]) / 2
        shortest = (widths[1:-1] <= widths[:-2]) & (widths[1:-1] <= widths[2:])
        sharp = shortest & (widths[1:-1] < SHARP * np.abs(middles[1:-1]))
        places = np.unique(np.concatenate([[0.0], breaks, middles[1:-1][sharp]]))
        return np.asarray(places if len(places) <= MOST_FEATURES else np.unique(np.append(breaks, 0.0)))

    def table(self, core: int, top: int, reach: float = np.inf) -> Table:
        """The function and its derivative for ``|x| <= 2**top``, the core being ``|x| <= 2**core``, or 1 at most.

        Where s oscillates fast, the table ends before, but not before ``reach``.

        Raises
        ------
        OutOfReach
            If the function oscillates too fast there.
        """
        core = min(core, 0)
        if (core, top, reach) not in self._tables:
            outwards = [part for m in range(core, top) for part in self._parts(2.0**m, reach)]
            intervals = [(-b, -a) for a, b in reversed(outwards)] + [(-(2.0**core), 2.0**core)] + outwards
            pieces = [piece for interval in intervals for piece in self._cover(interval)]
            edges = np.array([piece[0] for piece in pieces] + [pieces[-1][1]])
            columns = [np.array(column) for column in zip(*(piece[2:] for piece in pieces), strict=True)]
            left_out = columns[2].any(axis=1)
            tips = Tips(((edges[1:] + edges[:-1]) / 2)[left_out], columns[2][left_out])
            self._tables[core, top, reach] = Table(edges, columns[0], columns[1], tips)
        return self._tables[core, top, reach]

    def _parts(self, start: float, reach: float) -> list[tuple[float, float]]:
        """An octave; where s oscillates so fast that it takes very many pieces, those parts of it that matter."""
        octave = start, 2 * start
        if all(self._pieces_of(interval) for interval in (octave, (-octave[1], -octave[0]))):
            return [octave]
        ends = start * (1 + np.arange(PARTS + 1) / PARTS)
        return [(float(a), float(b)) for a, b in pairwise(ends) if a < reach]

    def _pieces_of(self, interval: tuple[float, float]) -> tuple[Piece, ...]:
        """The pieces of an interval, from those of its mirror image where that is known; none where too many."""
        if interval not in self._pieces:
            mirrored = (-interval[1], -interval[0])
            signs = {"even": (1.0, -1.0), "odd": (-1.0, 1.0)}.get(self.activation.parity)
            if signs and mirrored in self._pieces and mirrored != interval:
                self._pieces[interval] = tuple(_mirror(piece, *signs) for piece in reversed(self._pieces[mirrored]))
            else:
                self._pieces[interval] = self._split(*interval)
        return self._pieces[interval]

    def _cover(self, interval: tuple[float, float]) -> tuple[Piece, ...]:
        pieces = self._pieces_of(interval)
        if not pieces:
            raise OutOfReach(
                f"{self.activation.name} cannot be tabulated between {interval[0]:.6g} and {interval[1]:.6g}: it "
                "oscillates too fast there; use smaller W_std, b_std or inputs, so that such arguments do not occur",
                activation=self.activation,
            )
        return pieces

    def _split(self, low: float, high: float) -> tuple[Piece, ...]:
        """The pieces between two places; none where there would be too many."""
        inside = self.breaks_between(low, high).tolist()
        seen = self._seen(low, high)
        scales = np.abs(seen.values).max(axis=1)
        waiting = self._halved([low, *inside, high], float(scales[0]))[::-1]
        done: list[Piece] = []
        if len(waiting) > MOST_PIECES:
            return ()
        while waiting:
            a, b, depth = waiting.pop()
            value, slope = self._fit(self._functions[0], a, b), WHOLE
            fine = _resolved(value, scales[0])
            if fine or depth == DEEPEST:
                slope = self._fit(self._functions[1], a, b)
                fine = fine and _resolved(slope, scales[1]) and seen.are_met(a, b, (value, slope))
            if fine or depth == DEEPEST:
                place = None if fine else self._places.get(a, self._places.get(b))
                # powers grow like 2.4**k, and resolved coefficients fall like 6**-k
                powers = chebyshev.powers(NODES)
                done.append(self._tip(a, b, place) if place else (a, b, powers @ value, powers @ slope, WHOLE))
            else:
                middle = (a + b) / 2
                waiting += [(middle, b, depth + 1), (a, middle, depth + 1)]
            if len(done) + len(waiting) > MOST_PIECES:
                return ()
        return tuple(done)

    def _halved(self, ends: list[float], scale: float) -> list[tuple[float, float, int]]:
        """Parts between these ends in order, and how often they were halved, as far as float64 shows that they must be.

        A value costs a thousandth of one in many digits. No more parts are made once there are too many.
        """
        fresh, ready = [(a, b, 0) for a, b in pairwise(ends)], list[tuple[float, float, int]]()
        while fresh and len(fresh) + len(ready) <= MOST_PIECES:
            halved = []
            for (a, b, depth), rough in zip(fresh, self._are_rough(fresh, scale), strict=True):
                middle = (a + b) / 2
                if rough and depth < DEEPEST:
                    halved += [(a, middle, depth + 1), (middle, b, depth + 1)]
                else:
                    ready.append((a, b, depth))
            fresh = halved
        return sorted(ready + fresh)

    def _are_rough(self, parts: list[tuple[float, float, int]], scale: float) -> list[bool]:
        """Whether values of s in float64, which are right at the witnesses, need more than one polynomial each."""
        low, high = np.array([part[:2] for part in parts]).T
        places = (low + high)[:, None] / 2 + (high - low)[:, None] / 2 * chebyshev.nodes(NODES)
        samples = self.activation(places)
        with np.errstate(invalid="ignore", over="ignore"):
            fits = (samples - samples[:, :1]) @ chebyshev.transform(NODES).T
            sizes = np.maximum(np.abs(samples).max(axis=1), scale)
            last = np.abs(fits[:, -3:]).max(axis=1)
            shifted = 4 * EPSILON * np.maximum(np.abs(low), np.abs(high)) / (high - low)  # the places are rounded, too
            rough = (last > np.maximum(ROUGH, shifted / AGREEMENT) * sizes) & np.isfinite(fits).all(axis=1)
        for part in np.flatnonzero(rough):
            with mpmath.workdps(_digits(max(abs(low[part]), abs(high[part])))):
                exact = [float(self._functions[0](mpmath.mpf(float(places[part, node])))) for node in WITNESSES]
            rough[part] = np.all(np.abs(samples[part, WITNESSES] - exact) <= AGREEMENT * last[part])
        return [bool(item) for item in rough]

    def _tip(self, low: float, high: float, place: Place) -> Piece:
        """The last piece next to a singularity: means, and what they leave out of squares."""
        value, slope = self._functions
        side = 1 if low in self._places else -1
        finite = (True, self.continuous, self.continuous or place.expression == 0)  # x s' is as steep as s at zero
        functions = (value, slope, lambda x: x * slope(x))
        fits, left_out = np.zeros((2, NODES)), np.zeros(3)
        for row, function in enumerate(functions):
            if finite[row]:
                mean, left_out[row] = tip_integrals(function, place.located, side, high - low)
                fits[min(row, 1), 0] = mean if row < 2 else fits[1, 0]
        return low, high, fits[0], fits[1], left_out

    def _seen(self, low: float, high: float) -> "_Seen":
        """Values of s and s' on the core, or nearer to zero than an octave, where a Gaussian has more of its mass."""
        inner = min(abs(low), abs(high))
        steps = 2.0 ** -np.arange(0.0, 48.0, 2.0) if low < 0 < high else 2.0 ** (-np.arange(8) / 2)
        with mpmath.workdps(_digits(inner * float(steps[-1]))):
            places = [sign * inner * float(step) for sign in (-1, 1) for step in steps]
            values = [[float(function(mpmath.mpf(place))) for place in places] for function in self._functions]
        return _Seen(np.array(places), np.array(values))

    @kept
    def _functions(self) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        return self.activation.to_mpmath(), self.activation.derivative_to_mpmath()

    @staticmethod
    def _fit(function: Callable[[Any], Any], low: float, high: float) -> Array:
        with mpmath.workdps(_digits(max(abs(low), abs(high)))):
            middle, half = (mpmath.mpf(low) + high) / 2, (mpmath.mpf(high) - low) / 2
            samples = np.array([float(function(middle + half * place)) for place in chebyshev.nodes(NODES)])
        if not np.all(np.isfinite(samples)):
            return np.full(NODES, np.nan)
        # A constant would leave its rounding errors in every coefficient.
        fit = chebyshev.transform(NODES) @ (samples - samples[0])
        fit[0] += samples[0]
        return np.asarray(fit)


def _meets(coefficients: Array) -> bool:
    """Whether neighbouring polynomials agree where they meet."""
    ends = np.polynomial.polynomial.polyval(np.array([-1.0, 1.0]), coefficients.T)
    return bool(np.all(np.abs(ends[1:, 0] - ends[:-1, 1]) <= JUMP * np.abs(ends).max()))


def _digits(size: float) -> int:
    """Decimal digits to compute with: terms that cancel up to the fourth order in a small argument are not lost."""
    return SAMPLE_DIGITS + 4 * ceil(max(0.0, -log10(size)))


def _resolved(fit: Array, scale: float) -> bool:
    size = max(float(np.abs(fit).max()), scale)
    return bool(np.abs(fit[-3:]).max() <= 4 * EPSILON * size) or not np.isfinite(size)


def _mirror(piece: Piece, sign: float, slope_sign: float) -> Piece:
    low, high, value, slope, left_out = piece
    alternating = (-1.0) ** np.arange(NODES)
    return -high, -low, sign * alternating * value, slope_sign * alternating * slope, left_out
