r"""Phases of deep networks: what becomes of lengths, correlations and gradients as the depth grows.

Poole et al., "Exponential expressivity in deep neural networks through transient chaos", NeurIPS 2016
(arXiv:1606.05340); Schoenholz et al., "Deep information propagation", ICLR 2017 (arXiv:1611.01232).
"""

from dataclasses import dataclass, field
from functools import partial
from math import inf, isfinite
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike

from ntksym.activation.activation import Activation
from ntksym.dual.derivation import dual_of
from ntksym.errors import InvalidInput, NoClosedForm, NoSuchDual
from ntksym.network.layers import Dense
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import LARGEST_VARIANCE
from ntksym.theory.phases.correlation import CorrelationMap
from ntksym.theory.phases.equilibria import FixedPoint, fixed_points, reached
from ntksym.theory.phases.lengths import LengthMap
from ntksym.theory.phases.mean_squares import curvature
from ntksym.theory.phases.wording import sentence, table

__all__ = ["FixedPoint", "Phases", "phases"]


@dataclass(frozen=True)
class Phases:
    """What a network of layers z = W_std W s(z')/sqrt(n) + b_std b does to its data as the depth grows.

    Attributes
    ----------
    activation : Activation
        s.
    W_std, b_std : float
        Of every layer; b_std = 0 stands for no bias.
    mean_square : float
        |x|^2/dim of the data, which decides to which fixed point they go.
    fixed_points : tuple of FixedPoint
        All lengths that are kept, increasing; 0.0 and inf among them where lengths can go there.
    limit : FixedPoint
        The one that the data go to.
    lengths_stay : bool
        Whether every length is kept: W^2 E[s(U)^2] = q for all q and no bias.
    """

    activation: Activation
    W_std: float
    b_std: float
    mean_square: float
    fixed_points: tuple[FixedPoint, ...]
    limit: FixedPoint
    lengths_stay: bool
    _lengths: LengthMap = field(repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        given = {"W_std": self.W_std, "b_std": self.b_std, "mean_square": self.mean_square}
        return partial(phases, self.activation, **given), ()

    @property
    def phase(self) -> str:
        """The word "ordered", "critical" or "chaotic" for the limit."""
        return self.limit.phase

    @property
    def q(self) -> float:
        """The length at the limit; 0.0 for collapse, inf for explosion."""
        return self.limit.q

    @property
    def chi_1(self) -> float:
        """W^2 E[s'(U)^2] at the limit."""
        return self.limit.chi_1

    @property
    def rho(self) -> float | None:
        """The correlation that pairs of data go to; None where it depends on the pair, or is not known."""
        return self.limit.rho

    @property
    def critical_decay(self) -> tuple[float, int] | None:
        r"""(a, p) in 1 - rho ~ a/depth^p, where the phase is critical and lengths are at a positive fixed point.

        Where s has no corner, p = 1 and a = 2/(W^2 q E[s''(U)^2]); else p = 2 and
        a = 9 pi/(q (W^2 sum_i J_i^2 p(x_i))^2), J_i the jump of s' at x_i and p the density of U.
        None elsewhere, and where the corners are not known.
        """
        if self.phase != "critical" or self.rho != 1 or self.limit.q in (0.0, inf):
            return None
        try:
            bend, corners = curvature(self.activation, self.limit.q)
        except NoClosedForm:
            return None
        weight = self._lengths.weight
        if corners:
            return 9 * np.pi / (self.limit.q * (weight * corners) ** 2), 2
        return 2 / (weight * self.limit.q * bend), 1

    @property
    def reason(self) -> str:
        """What decided, in one sentence."""
        origin = self.mean_square == 0 and self.b_std == 0 and self.limit.q == 0 and self.activation(0.0) == 0
        return sentence(self.limit, self.lengths_stay, self._lengths.edge, self.critical_decay, origin)

    def length_map(self, q: ArrayLike) -> Any:
        """W^2 E[s(U)^2] + b^2, U ~ N(0, q).

        Parameters
        ----------
        q : array_like, shape (...)
            Variances, not negative.

        Raises
        ------
        NoSuchDual, ToleranceNotMet
            Where E[s(U)^2] diverges, or cannot be computed in float64.
        """
        q = _checked("q", q, 0.0, inf)
        if np.any(q >= self._lengths.edge):
            raise NoSuchDual(
                f"E[s(U)^2] diverges for {self.activation.name} from q = {self._lengths.edge:g} on; use smaller ones",
                activation=self.activation,
                edge=self._lengths.edge,
            )
        following = self._lengths(q.ravel())
        if not np.all(np.isfinite(following)):
            raise NoSuchDual(
                f"the length explodes: q' is beyond float64 at q = {np.max(q):g}; use smaller lengths", q=q
            )
        return following.reshape(q.shape)[()]

    def correlation_map(self, rho: ArrayLike, q: float | None = None) -> Any:
        """(W^2 K(q, q, q rho) + b^2)/(W^2 K(q, q, q) + b^2), which at a fixed point is what one layer does.

        Parameters
        ----------
        rho : array_like, shape (...)
            Correlations.
        q : float, optional
            The length; by default that of the limit.

        Raises
        ------
        InvalidInput
            For correlations outside [-1, 1], and without q where lengths collapse or explode.
        """
        return 1 - self.gap_map(1 - _checked("rho", rho, -1.0, 1.0), q)

    def gap_map(self, gap: ArrayLike, q: float | None = None) -> Any:
        """The correlation map in terms of 1 - rho, relatively accurate however small that is.

        Parameters
        ----------
        gap : array_like, shape (...)
            1 - rho, between 0 and 2.
        q : float, optional
            As for `correlation_map`.
        """
        gap = _checked("gap", gap, 0.0, 2.0)
        return self._correlation(self._length(q)).gaps(gap.ravel()).reshape(gap.shape)[()]

    def lengths(self, q: float, depth: int) -> Array:
        """The lengths q, q', q'', ... of the pre-activations of depth + 1 layers, shape (depth + 1,).

        Parameters
        ----------
        q : float
            The first of them: W^2 |x|^2/dim + b^2.
        depth : int
            How often the length map is applied.

        Raises
        ------
        NoSuchDual
            Where a length explodes beyond 1e75, or E[s(U)^2] diverges.
        """
        found = [float(_checked("q", q, 0.0, LARGEST_VARIANCE))]
        for layer in range(_whole(depth)):
            found.append(float(self.length_map(found[-1])))
            if not found[-1] <= LARGEST_VARIANCE:
                raise NoSuchDual(
                    f"the length explodes: it is beyond {LARGEST_VARIANCE:.0e} after {layer + 1} layers; "
                    f"use a smaller W_std, or a depth below {layer + 1}",
                    layers=layer + 1,
                )
        return np.array(found)

    def correlations(self, rho: float, depth: int, q: float | None = None) -> Array:
        """The correlations of the pre-activations of depth + 1 layers, shape (depth + 1,); see `gaps`."""
        return 1 - self.gaps(1 - float(_checked("rho", rho, -1.0, 1.0)), depth, q)

    def gaps(self, gap: float, depth: int, q: float | None = None) -> Array:
        """1 - rho for the pre-activations of depth + 1 layers, shape (depth + 1,).

        Parameters
        ----------
        gap : float
            The first of them.
        depth : int
            How often the map is applied.
        q : float, optional
            The first length of both inputs, which then changes as `lengths` does; by default the length is at its
            limit all the time.
        """
        found = [float(_checked("gap", gap, 0.0, 2.0))]
        lengths = [self._length(None)] * _whole(depth) if q is None else self.lengths(q, depth)[:-1].tolist()
        for length in lengths:
            found.append(float(self._correlation(length).gaps(np.array(found[-1:]))[0]))
        return np.array(found)

    def _length(self, q: float | None) -> float:
        if q is not None:
            length = float(_checked("q", q, 0.0, LARGEST_VARIANCE))
            if length > 0:
                return length
            raise InvalidInput("q must be positive: zero has no correlation; use a small length such as q=1e-6", q=q)
        if 0 < self.limit.q < inf:
            return self.limit.q
        if self.activation.homogeneity is not None and self.b_std == 0:
            return 1.0  # the correlation map is the same at every length
        raise InvalidInput("the length has no positive finite limit here; give it, for instance q=1.0", limit=self.q)

    def _correlation(self, q: float) -> CorrelationMap:
        lengths = self._lengths
        return CorrelationMap(lengths.dual, q, float(self.length_map(q)), lengths.weight, lengths.bias)

    def to_dict(self) -> dict[str, Any]:
        """Plain data; infinite numbers are the text "inf"."""
        decay = self.critical_decay
        return {
            "activation": self.activation.name,
            "W_std": self.W_std,
            "b_std": self.b_std,
            "mean_square": self.mean_square,
            "phase": self.phase,
            "reason": self.reason,
            "limit": self.limit.to_dict(),
            "fixed_points": [point.to_dict() for point in self.fixed_points],
            "lengths_stay": self.lengths_stay,
            "critical_decay": None if decay is None else {"factor": decay[0], "power": decay[1]},
        }

    def __str__(self) -> str:
        head = f"{self.activation.name}, W_std={self.W_std:g}, b_std={self.b_std:g}: {self.phase}"
        return "\n".join([head, f"  {self.reason}", *table(self.fixed_points)])


def phases(
    activation: Activation | str | sp.Expr,
    *,
    W_std: float = 1.0,
    b_std: float | None = None,
    mean_square: float = 1.0,
) -> Phases:
    r"""Fixed points of q -> W^2 E[s(U)^2] + b^2 and rho -> (W^2 E[s(U) s(V)] + b^2)/q, and what they mean.

    At a fixed length q the squared gradients change by chi_1 = W^2 E[s'(U)^2] a layer, and so do the distances of
    near inputs: *ordered* for chi_1 < 1, *chaotic* for chi_1 > 1, *critical* in between.

    Parameters
    ----------
    activation : Activation, str or sympy expression
        s.
    W_std, b_std : float
        W and b, standard deviations of weights and biases of every layer as in `Dense`; None for no bias.
    mean_square : float
        |x|^2/dim of the data; the first length is W^2 mean_square + b^2. It matters where several lengths attract.

    Returns
    -------
    Phases
        Frozen; ``str()`` of it is a summary.

    Raises
    ------
    InvalidInput
        If W_std is not positive, b_std or mean_square negative, or the formula cannot be read.
    NoSuchDual
        If E[s(U)^2] diverges at every length.
    ToleranceNotMet
        If s cannot be followed in float64 to where lengths go, or two lengths cannot be told apart.

    References
    ----------
    Poole et al., NeurIPS 2016, eqs. (3)-(5); Schoenholz et al., ICLR 2017, eqs. (6)-(9).
    """
    layer = Dense(W_std, b_std)
    start = float(_checked("mean_square", mean_square, 0.0, LARGEST_VARIANCE))
    _within_reach("W_std", layer.W_std)
    _within_reach("b_std", layer.b_std or 0.0)
    act = Activation(activation)
    first = layer.weight_variance * start + layer.bias_variance
    lengths = LengthMap(dual_of(act), layer.weight_variance, layer.bias_variance, first)
    points = fixed_points(lengths)
    limit = reached(lengths, points, first)
    stays = lengths.survey.vanishes
    return Phases(act, layer.W_std, layer.b_std or 0.0, start, points, limit, stays, lengths)


def _checked(name: str, value: ArrayLike, low: float, high: float) -> Array:
    try:
        numbers = np.asarray(value)
    except ValueError as error:
        raise InvalidInput(f"{name} must be numbers, not {value!r}", name=name, value=value) from error
    if numbers.dtype.kind not in "iuf" or not np.all((numbers >= low) & (numbers <= high) & np.isfinite(numbers)):
        span = f"between {low:g} and {high:g}" if isfinite(high) else f"{low:g} or more"
        raise InvalidInput(f"{name} must be finite numbers {span}, not {value!r}; try {name}=1.0", **{name: value})
    return numbers.astype(np.float64)


def _within_reach(name: str, deviation: float) -> None:
    if deviation > LARGEST_VARIANCE**0.5:
        raise InvalidInput(
            f"{name}={deviation:g} makes lengths of more than {LARGEST_VARIANCE:.0e}, which float64 does not follow; "
            f"take {name} below {LARGEST_VARIANCE**0.5:.0e}",
            **{name: deviation},
        )


def _whole(depth: Any) -> int:
    if isinstance(depth, bool) or not hasattr(depth, "__index__") or int(depth) < 0:
        raise InvalidInput(f"depth must be a whole number, 0 or more, not {depth!r}; try depth=3", depth=depth)
    return int(depth)
