r"""Hermite coefficients of high degree in float64: the path of integration goes where nothing cancels.

    a_k(q) = -(1/pi) Im int_{Im z = y} s(sqrt(q) z) Q_k(z) dz,    Q_k(z) = int h_k(t) p(t)/(z - t) dt,  p of N(0, 1)

by Cauchy's formula, for s analytic up to the height y. On the real line s h_k p oscillates, and a_k is the little that
cancellation leaves; close to the nearest singularity of s, Q_k falls with k as a_k does. It is the minimal solution of
the recurrence of h_k: stable downwards, by ratios (Gautschi, SIAM Rev. 9 (1967) 24), which end with
Q_0 = 1/(z - Q_1/Q_0).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from numpy.typing import NDArray

from ntksym.activation.activation import Activation
from ntksym.hermite.analyticity import plane_of
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import EPSILON
from ntksym.symbols import x

__all__ = ["far_coefficients", "second_kind"]

Points = NDArray[np.complex128]

CONTOUR_DIGITS = 25
"""Digits of the function, so that a formula that cancels does no harm."""

FORGOTTEN = 20.0
"""The continued fraction forgets where it began by exp(-2 * 20)."""

MARGINS = (3.0, 1.5)
"""Distances to the singularity times sqrt(k) that are tried: exp(3) times a_k cancels, a rule of moderate size does."""

REACH, ALIASED = 12.5, 23.0
"""Where exp(-z^2/4) is below rounding; the coarse rule is correct to exp(-23)."""

GEOMETRIC = 1e3
"""Of rules with steps h and 2h that differ by a share e, the finer is correct to this times e^2."""

STRIDE = 4
"""Nodes whose sizes stand for those of all."""

BESIDE = 1
"""Coefficients of the same parity next to one, to whose size its error may be compared: it may vanish by chance."""

MOST_NODES, MOST_STEPS = 3000, 20_000


@dataclass(frozen=True)
class _Line:
    """The part Re z >= 0 of a line of integration: nodes j step + i height."""

    height: float
    step: float
    nodes: int

    @property
    def points(self) -> Points:
        return np.asarray(self.step * np.arange(self.nodes) + 1j * self.height, dtype=np.complex128)


def far_coefficients(
    activation: Activation, variance: Any, first: int, present: NDArray[np.bool_], accuracy: float
) -> tuple[Array, Array]:
    """a_k(q) and bounds of their errors, for k from ``first`` on as far as float64 holds them.

    Parameters
    ----------
    activation : Activation
        s, analytic on the whole line.
    variance : mpmath number
        q > 0.
    first : int
        Of some tens: functions Q_k of low degree fall too slowly along the line.
    present : bool array, shape (count,)
        The degrees that s contains.
    accuracy : float
        Relative error, compared to neighbours of the same parity, with which a coefficient is accepted.

    Returns
    -------
    pair of float arrays, shape (at most count - first,)
        Empty for an entire function, one whose singularities are farther away than sqrt(first), or not known.
    """
    count, plane = len(present), plane_of(activation)
    distance = math.inf if plane is None else plane.distance / math.sqrt(variance)
    accepted, found = first, (np.zeros(0), np.zeros(0))
    for margin in MARGINS if distance < math.sqrt(first) else ():
        line = _line(distance, margin, first, count)
        if accepted == count or line.nodes > MOST_NODES or _beginning(line.height, count) > MOST_STEPS:
            break
        with np.errstate(all="ignore"):
            values, errors = _integrate(line, _columns(activation, variance, line.points), count)
            bad = present & ~(errors <= accuracy * _neighbours(values))
        accepted = first + int(np.argmax(np.append(bad[first:], True)))
        found = values[first:accepted], errors[first:accepted]
    return found


def _line(distance: float, margin: float, first: int, count: int) -> _Line:
    """On it, s Q_k falls like exp(-(x^2/4) (1 - y/(2 sqrt(k)))), for y well below sqrt(k)."""
    margin = min(margin / math.sqrt(count), distance / 2)
    frequency = 2 * max(ALIASED / margin, math.sqrt(count) + ALIASED / distance)
    step = 2 * math.pi / frequency
    reach = REACH / math.sqrt(1 - distance / (2 * math.sqrt(first)))
    return _Line(distance - margin, step, math.ceil(reach / step))


def _beginning(height: float, count: int) -> int:
    """Errors of Q_k/Q_(k-1) shrink from k to j like exp(-2 y (sqrt(k) - sqrt(j)))."""
    return math.ceil((math.sqrt(count) + FORGOTTEN / height) ** 2)


def second_kind(points: Points, count: int) -> Points:
    """Q_k(z) for k < count at points with Im z > 0 and Re z >= 0; shape (count, *points.shape)."""
    last = _beginning(float(np.min(points.imag)), count)
    ratio = (points - 1j * np.sqrt(4 * last - points * points)) / (2 * math.sqrt(last))
    found = np.empty((count, len(points)), dtype=np.complex128)
    roots = np.sqrt(np.arange(last + 1.0)).tolist()
    roots[0] = 1.0
    for k in range(last - 1, -1, -1):
        ratio = roots[k] / (points - roots[k + 1] * ratio)
        if k < count:
            found[k] = ratio
    for k in range(1, count):
        found[k] *= found[k - 1]
    return found


@lru_cache(maxsize=64)
def _on_the_plane(activation: Activation) -> Callable[[Any], Any]:
    """S at complex numbers; its other formulas, stable on the line, may not be analytic."""
    expression = activation.pieces.expressions[0].xreplace(activation.values)
    function: Callable[[Any], Any] = sp.lambdify(x, expression, "mpmath")
    return function


def _columns(activation: Activation, variance: Any, points: Points) -> tuple[Points, Points]:
    """Twice the even and the odd part of s(sqrt(q) z) at points of a line."""
    function = _on_the_plane(activation)
    with mpmath.workdps(CONTOUR_DIGITS):
        root = mpmath.sqrt(variance)
        height = root * float(points[0].imag)
        places = [mpmath.mpc(root * along, height) for along in points.real.tolist()]
        right = [function(place) for place in places]
        if activation.parity in ("odd", "even"):
            single, none = 2 * np.array([complex(a) for a in right]), np.zeros(len(right), dtype=np.complex128)
            return (none, single) if activation.parity == "odd" else (single, none)
        left = [function(-place) for place in places]
        even, odd = ([complex(a + sign * b) for a, b in zip(right, left, strict=True)] for sign in (1, -1))
    return np.array(even), np.array(odd)


def _integrate(line: _Line, columns: tuple[Points, Points], count: int) -> tuple[Array, Array]:
    """a_k and their errors: of the step, by the rules of even and odd nodes; of the end of the line; of rounding."""
    functions = second_kind(line.points, count)
    weights = np.full(line.nodes, line.step / math.pi)
    weights[0] /= 2
    values, gaps, sizes, ends = (np.empty(count) for _ in range(4))
    for parity, column in enumerate(columns):
        own, weighted = functions[parity::2], column * weights
        other = weighted * np.where(np.arange(line.nodes) % 2, -1.0, 1.0)
        values[parity::2], gaps[parity::2] = -(own @ np.stack([weighted, other], axis=1)).imag.T
        sizes[parity::2] = STRIDE * np.abs(own[:, ::STRIDE]) @ np.abs(weighted[::STRIDE])
        ends[parity::2] = np.abs(own[:, -1] * column[-1])
    gaps = np.abs(gaps)
    step = np.minimum(gaps, GEOMETRIC * gaps * gaps / np.where(sizes > 0, sizes, 1.0))
    return values, step + ends + EPSILON * (4 + np.sqrt(np.arange(count))) * sizes


def _neighbours(values: Array) -> Array:
    """The largest of the next coefficients of the same parity, before and behind."""
    found = np.empty(len(values))
    for parity in (0, 1):
        padded = np.pad(np.abs(values[parity::2]), BESIDE)
        found[parity::2] = np.max(np.lib.stride_tricks.sliding_window_view(padded, 2 * BESIDE + 1), axis=1)
    return found
