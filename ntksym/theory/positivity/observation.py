r"""A verdict on positive definiteness and some data: what spoils it, and the smallest eigenvalue with its floor.

In exact arithmetic the Gram matrix of the data is positive definite, or not, by theorems; in float64 an eigenvalue
below n eps lambda_max is rounding. Both are told apart here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ntksym.dual import Dual
from ntksym.dual.derivation import derive
from ntksym.errors import InvalidInput
from ntksym.network.layers import Network
from ntksym.network.recursion import PairMap, begin, evaluate
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import EPSILON, LARGEST_VARIANCE, SMALLEST_NORMAL
from ntksym.theory.positivity.criteria import Criterion
from ntksym.theory.positivity.separation import vanishes_at_zero
from ntksym.theory.positivity.witness import dimension
from ntksym.theory.powers.supports import ABSENT, Support

__all__ = ["Observation", "as_rows", "observe"]


Places = NDArray[np.intp]

MOST = 2000
"""Rows for which a Gram matrix is computed here."""

SAME = 64 * EPSILON
"""Norms that differ by no more, relatively, are taken for equal, and unit vectors that do for one: what a few roundings
make of rows that were divided by their norms."""


@dataclass(frozen=True)
class Observation:
    """What holds of the Gram matrix of some data.

    Attributes
    ----------
    rows : int
        Number of points.
    duplicates, antipodal, parallel : int
        Pairs of rows that are equal; opposite; or multiples of one another in other ways. Norms and directions are
        compared with a tolerance of 64 eps, 1.4e-14, relatively; equal rows are so to the last bit.
    zeros : int
        Rows that are zero.
    one_norm : bool
        Whether all rows have the same norm, to the same tolerance.
    positive : bool or None
        Whether the matrix is positive definite in exact arithmetic; None if the theorems do not say.
    reason : str
        Why, in one sentence.
    smallest, largest : float
        Eigenvalues of the matrix in float64.
    floor : float
        n (eps + the relative errors of the duals) times the largest: a smallest eigenvalue below it means nothing.
    numerical_rank : int
        Number of eigenvalues above the floor.
    """

    rows: int
    duplicates: int
    antipodal: int
    parallel: int
    zeros: int
    one_norm: bool
    positive: bool | None
    reason: str
    smallest: float
    largest: float
    floor: float
    numerical_rank: int

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return dict(self.__dict__)

    def __str__(self) -> str:
        answers = {True: "positive definite", False: "singular", None: "not known to be positive definite"}
        meaning = "means nothing: it is below" if self.smallest <= self.floor else "is above"
        return (
            f"{answers[self.positive]} in exact arithmetic: {self.reason}\n"
            f"{self.rows} rows; {self.duplicates} duplicate, {self.antipodal} antipodal and {self.parallel} other "
            f"parallel pairs; {self.zeros} zero rows\n"
            f"numerically of rank {self.numerical_rank}; the smallest eigenvalue {self.smallest:.3g} {meaning} the "
            f"floor of rounding {self.floor:.3g}"
        )


class Judged(Protocol):
    """What a verdict tells of the kernel."""

    @property
    def network(self) -> Network: ...
    @property
    def get(self) -> str: ...
    @property
    def supports(self) -> tuple[Support, ...]: ...


def observe(judged: Judged, x: Array, gram: ArrayLike | None, sphere: Criterion, space: Criterion) -> Observation:
    """What rulings mean for some data.

    Parameters
    ----------
    judged : Verdict
        The network, which kernel, and the supports of the kernel on a sphere.
    x : float array, shape (n, d)
        Points, from `as_rows`.
    gram : array_like, shape (n, n), or None
        Their Gram matrix, if it is there.
    sphere, space : Criterion
        What holds for points of one norm, and of any.
    """
    if len(x) > MOST and gram is None:
        raise InvalidInput(
            f"{len(x)} rows are more than {MOST}: pass gram=, the matrix that build(network)(X) gives", x=x
        )
    matrix, error = _gram(judged.network, judged.get, x) if gram is None else (_matrix(gram, len(x)), 0.0)
    eigenvalues = np.linalg.eigvalsh(matrix) if len(x) else np.zeros(0)
    largest = float(max(eigenvalues.max(initial=0.0), -eigenvalues.min(initial=0.0)))
    floor = len(x) * (EPSILON + error) * largest
    facts = _facts(x)
    positive, reason = _ruled(judged, facts, x.shape, sphere, space)
    smallest = float(eigenvalues.min()) if len(x) else 0.0
    rank = int(np.count_nonzero(eigenvalues > floor))
    return Observation(
        len(x), *facts.pairs, facts.zeros, facts.one_norm, positive, reason, smallest, largest, floor, rank
    )


def as_rows(X: ArrayLike) -> Array:
    """Points as rows of float64; refused if they are no matrix of finite numbers."""
    x = np.asarray(X)
    if x.ndim != 2 or x.dtype.kind not in "biuf" or not x.shape[1] or not np.isfinite(x).all():
        raise InvalidInput(
            "X must be a matrix of finite real numbers, one row a point; reshape or clean it", shape=x.shape
        )
    return np.asarray(x, dtype=np.float64)


def _matrix(gram: ArrayLike, count: int) -> Array:
    matrix = np.asarray(gram, dtype=np.float64)
    if matrix.shape != (count, count) or not np.isfinite(matrix).all():
        raise InvalidInput(
            f"gram must be finite and of shape {(count, count)}, not {matrix.shape}; pass kernel(X)", shape=matrix.shape
        )
    return matrix


@dataclass(frozen=True)
class _Facts:
    duplicates: int
    antipodal: int
    parallel: int
    zeros: int
    one_norm: bool

    @property
    def pairs(self) -> tuple[int, int, int]:
        return self.duplicates, self.antipodal, self.parallel


def _facts(x: Array) -> _Facts:
    sizes = np.abs(x).max(axis=1)
    proper = sizes > 0
    rays = x[proper] / sizes[proper, None]
    lengths = np.linalg.norm(rays, axis=1)
    norms = np.zeros(len(x))
    norms[proper] = lengths * (sizes[proper] / sizes.max(initial=0.0))
    rays /= lengths[:, None]
    points, sizes = x[proper], norms[proper]
    zeros = int(np.count_nonzero(~proper))
    duplicates, antipodal, parallel = zeros * (zeros - 1) // 2, 0, 0
    for i, j, opposite in _parallel_pairs(rays):
        level = abs(sizes[i] - sizes[j]) <= SAME * np.maximum(sizes[i], sizes[j])
        equal = np.all(points[i] == points[j], axis=1)
        duplicates += int(np.count_nonzero(equal))
        antipodal += int(np.count_nonzero(opposite & level))
        parallel += int(np.count_nonzero(~equal & ~(opposite & level)))
    one_norm = bool(norms.size == 0 or np.ptp(norms) <= SAME * norms.max())
    return _Facts(duplicates, antipodal, parallel, zeros, one_norm)


def _parallel_pairs(rays: Array) -> Iterator[tuple[Places, Places, NDArray[np.bool_]]]:
    """Pairs i, j of unit vectors with |u - v| or, if opposite, |u + v| within the tolerance.

    |<g, u>| of such pairs differ by no more, for a unit vector g: in their order a vector is compared with those that
    follow at a distance of one, two, ... places, as long as any pair is that near.
    """
    direction = np.random.default_rng(0).normal(size=rays.shape[1])
    heights = np.abs(rays @ (direction / np.linalg.norm(direction)))
    order = np.argsort(heights, kind="stable")
    for step in range(1, len(rays)):
        first = np.flatnonzero(heights[order[step:]] - heights[order[:-step]] <= SAME)
        if not len(first):
            return
        i, j = order[first], order[first + step]
        same, opposite = (np.linalg.norm(rays[i] - sign * rays[j], axis=1) <= SAME for sign in (1, -1))
        near = same | opposite
        yield i[near], j[near], opposite[near]


def _ruled(
    judged: Judged, facts: _Facts, shape: tuple[int, ...], sphere: Criterion, space: Criterion
) -> tuple[bool | None, str]:
    if facts.duplicates:
        return False, f"{facts.duplicates} pairs of rows are equal"
    if facts.one_norm and not facts.zeros:
        return _ruled_on_sphere(facts, shape, sphere, judged.supports)
    if facts.zeros and space.holds is not True and vanishes_at_zero(judged.network):
        return False, "the kernel vanishes at the zero row"
    if space.holds:
        return True, space.reason
    if space.restricted and not (facts.antipodal or facts.parallel or facts.zeros):
        return True, f"no two rows are parallel, to {SAME:.1e}, and an activation is no polynomial"
    return None, "rows are parallel or zero, or all activations polynomials, and the rows have several norms"


def _ruled_on_sphere(
    facts: _Facts, shape: tuple[int, ...], sphere: Criterion, supports: Sequence[Support]
) -> tuple[bool | None, str]:
    count, dim = shape
    if sphere.holds:
        return True, f"the rows are distinct and have one norm, to {SAME:.1e}, and {sphere.reason}"
    if sphere.restricted and not facts.antipodal:
        return True, (
            f"the rows have one norm and no two are antipodal, both to {SAME:.1e}, and there are infinitely many "
            "powers of rho"
        )
    if facts.antipodal and all(ABSENT in (one.even, one.odd) for one in supports):
        return False, "of rows x and -x one determines the other, since the kernel is even or odd"
    if all(count > dimension(one.even, dim) + dimension(one.odd, dim) for one in supports):
        return False, "there are more rows than the kernel has rank"
    return None, "the kernel is not strictly positive definite on spheres, but may be on these rows"


def _clamped(dual: Dual, errors: list[float]) -> PairMap:
    """The dual, for covariances that rounding has made a little larger than they can be; its error is noted."""

    def evaluate_clamped(q1: Any, q2: Any, c: Any) -> tuple[Any, Any]:
        largest = np.sqrt(q1) * np.sqrt(q2)
        value, slope = dual.evaluate(q1, q2, np.clip(c, -largest, largest))
        size = float(np.max(q1, initial=0.0))
        errors.append(
            float(dual.error_bound(size, size)) / max(float(np.max(np.abs(value), initial=0.0)), SMALLEST_NORMAL)
        )
        return value, slope

    return evaluate_clamped


def _gram(network: Network, get: str, x: Array) -> tuple[Array, float]:
    """The Gram matrix by the reference recursion, and the relative error of its duals, layer by layer added up."""
    errors: list[float] = []
    duals = {activation: _clamped(derive(activation), errors) for activation in network.activations}
    i, j = np.tril_indices(len(x))
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.einsum("ij,ij->i", x, x) / x.shape[1]
        covariances = np.einsum("ik,jk->ij", x, x)[i, j] / x.shape[1]
    if not (squares <= LARGEST_VARIANCE).all():
        raise InvalidInput(
            f"rows with |x|^2/d above {LARGEST_VARIANCE:g} are too large; scale them", most=LARGEST_VARIANCE
        )
    covariances[i == j] = squares
    state = evaluate(network, begin(squares[i], squares[j], covariances), duals)
    matrix = np.empty((len(x), len(x)))
    matrix[i, j] = matrix[j, i] = state.ntk if get == "ntk" else state.c
    return matrix, sum(errors)
