"""The answer to whether a kernel is strictly positive definite, with its proof, and what can be asked of it."""

import math
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import ArrayLike

from ntksym.errors import InvalidInput, Undecided
from ntksym.network.layers import Network
from ntksym.theory.positivity.criteria import Criterion, Statement, in_space, on_pair, on_sphere
from ntksym.theory.positivity.observation import Observation, as_rows, observe
from ntksym.theory.positivity.separation import ray_powers
from ntksym.theory.positivity.witness import Witness, antipodal_pairs, dimension, on_a_line, on_one_ray, origin
from ntksym.theory.powers.parity_parts import parts_in_order
from ntksym.theory.powers.supports import LONG, Support, number_text
from ntksym.theory.requests import check_whole

__all__ = ["MOST_DIM", "Verdict"]

MOST_DIM = 10**9
"""Coordinates; more are taken for a mistake."""


@dataclass(frozen=True)
class Verdict:
    r"""Whether sum_ij w_i w_j K(x_i, x_j) > 0 for all distinct points x_i and all weights w that are not all zero.

    Attributes
    ----------
    network : Network
        What it is a verdict on; the parent of this stage.
    get : "ntk" or "nngp"
        Which kernel.
    dim : int or None
        The points lie on the sphere S^(dim-1) of R^dim, of any radius; None for every dim >= 2.
    domain : "sphere" or "euclidean"
        Points of one norm, or of any.
    holds : bool or None
        The answer; None if it is not known.
    antipode_free : bool or None
        The answer for points no two of which are antipodal; in the domain "euclidean", parallel.
    reason : str
        Why, in one sentence.
    proof : tuple of Statement
        The chain of claims, each with its source.
    supports : tuple of Support
        The largest even and odd powers of rho in the kernel; several where it is not known which.
    trained_zero_bias : bool
        Whether layers without ``b_std`` have a bias that is zero at first and trained.
    """

    network: Network
    get: str
    dim: int | None
    domain: str
    holds: bool | None
    antipode_free: bool | None
    reason: str
    proof: tuple[Statement, ...] = field(repr=False)
    supports: tuple[Support, ...] = field(repr=False)
    trained_zero_bias: bool = False

    def __bool__(self) -> bool:
        if self.holds is None:
            raise Undecided(
                f"it is not known whether {self.network!r} has a strictly positive definite kernel: {self.reason}; "
                "look at .holds, which is None then, and .proof",
                verdict=self,
            )
        return self.holds

    def rank(self, dim: int | None = None) -> float:
        """C(D_e + d - 1, d - 1) + C(D_o + d - 1, d - 1), the largest rank of a Gram matrix on S^(d-1).

        D_e and D_o are the largest even and odd powers of rho in the kernel; a term is 0 where there are none, infinite
        where there are infinitely many.

        Parameters
        ----------
        dim : int, optional
            d; by default that of the verdict.

        Raises
        ------
        Undecided
            If the powers are not known.
        InvalidInput
            Without a dimension, or in the domain "euclidean".
        """
        if self.domain != "sphere":
            raise InvalidInput(
                'ranks are those of a kernel on a sphere; ask for positivity(net, domain="sphere")', verdict=self
            )
        dim = self._dimension(dim)
        ranks = {dimension(one.even, dim) + dimension(one.odd, dim) for one in self.supports}
        if len(ranks) > 1:
            raise Undecided(
                f"the rank is not known: {self.reason}; write the activation in a simpler form", reason=self.reason
            )
        return ranks.pop()

    def witness(self, dim: int | None = None) -> Witness:
        """Distinct points whose Gram matrix is singular, with the weights that show it.

        Parameters
        ----------
        dim : int, optional
            Number of coordinates; by default that of the verdict, or 2.

        Raises
        ------
        InvalidInput
            If the verdict is not negative, or too many points are needed.
        """
        if self.holds is not False:
            raise InvalidInput(
                f"only a negative verdict has a witness, and this one is {self.holds}: {self.reason}",
                holds=self.holds,
                reason=self.reason,
            )
        dim = self._dimension(dim, default=2)
        sphere = self._sphere(dim)
        if self.domain == "euclidean" and sphere.holds is not False:
            return self._witness_in_space(dim)
        if sphere.holds is not False:
            raise InvalidInput(
                "at x and -x alone the kernel is positive definite; ask for a witness with dim=2", verdict=self
            )
        return antipodal_pairs(self.supports[0], dim)

    def _witness_in_space(self, dim: int) -> Witness:
        if self.supports[0].degree < math.inf:
            return on_a_line(self.supports[0].degree, dim)
        if powers := ray_powers(self.network):
            return on_one_ray(powers, dim)
        return origin(dim)

    def on(self, X: ArrayLike, gram: ArrayLike | None = None) -> Observation:
        """What the verdict means for some data, and the smallest eigenvalue of their Gram matrix.

        Parameters
        ----------
        X : array_like, shape (n, d)
            Points.
        gram : array_like, shape (n, n), optional
            Their Gram matrix, where it is there already; else it is computed, without haste.

        Raises
        ------
        InvalidInput
            For NaN, infinities and wrong shapes, or too many points for a Gram matrix that is not given.
        """
        rows = as_rows(X)
        sphere = self._sphere(rows.shape[1])
        space = in_space(self.network, parts_in_order(self.network), sphere, offset=self._offset)
        if self._offset and gram is None:
            raise InvalidInput(
                "there is no kernel with biases that are zero at first: pass gram=, the matrix you have", verdict=self
            )
        return observe(self, rows, gram, sphere, space)

    def _sphere(self, dim: int) -> Criterion:
        return on_pair(self.supports) if dim == 1 else on_sphere(self.supports)

    @property
    def _offset(self) -> bool:
        return self.trained_zero_bias and self.get == "ntk"

    def _dimension(self, dim: int | None, default: int | None = None) -> int:
        chosen = check_whole("dim", dim, 1, MOST_DIM) if dim is not None else self.dim or default
        if chosen is None:
            raise InvalidInput("on which sphere? Give the number of coordinates, such as dim=3", dim=dim)
        return chosen

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {
            "network": repr(self.network),
            "kernel": self.get,
            "dim": self.dim,
            "domain": self.domain,
            "trained_zero_bias": self.trained_zero_bias,
            "holds": self.holds,
            "antipode_free": self.antipode_free,
            "reason": self.reason,
            "proof": [{"claim": step.claim, "source": step.source} for step in self.proof],
            "supports": [{"even": _plain(one.even), "odd": _plain(one.odd)} for one in self.supports],
        }

    def __str__(self) -> str:
        answers = {True: "strictly positive definite", False: "not strictly positive definite", None: "not known"}
        steps = [f"  {number}. {step}" for number, step in enumerate(self.proof, 1)]
        return "\n".join([f"{self.get.upper()}: {answers[self.holds]} {self._where()}", f"  {self.reason}", *steps])

    def _where(self) -> str:
        if self.domain == "euclidean":
            return "at distinct points of R^d"
        return "on every sphere S^(d-1), d >= 2" if self.dim is None else f"on S^{self.dim - 1}"


def _plain(largest: float) -> int | str | None:
    if largest < 0:
        return None
    if largest == math.inf:
        return "infinite"
    return int(largest) if largest < LONG else number_text(largest)
