"""From the supports of a kernel to a ruling: whether all Gram matrices of distinct points are positive definite."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ntksym.network.layers import Network
from ntksym.theory.positivity.separation import (
    is_definite_at_distinct_points,
    is_definite_at_nonparallel_points,
    ray_powers,
    vanishes_at_zero,
)
from ntksym.theory.powers.parity_parts import ParityParts
from ntksym.theory.powers.supports import ABSENT, Support, number_text

__all__ = ["Criterion", "Statement", "in_space", "on_pair", "on_sphere"]

SCHOENBERG = (
    "Schoenberg, Duke Math. J. 9 (1942); Gneiting, Bernoulli 19 (2013) 1327; Chen, Menegatto, Sun, Proc. AMS 131 "
    "(2003) 2733; on the circle Menegatto, Oliveira, Peron, Comput. Math. Appl. 51 (2006) 1233"
)
CARVALHO = "Carvalho, Costa, Mourao, Oliveira, SIAM J. Math. Data Sci. 7 (2025) 495"

POWERS = "a sum of c_k rho^k, c_k >= 0, is strictly positive definite on S^(d-1), d >= 2, if and only if"


@dataclass(frozen=True)
class Statement:
    """One step of a proof.

    Parameters
    ----------
    claim : str
        What holds.
    source : str
        Why: a theorem with its reference, or the computation that shows it.
    """

    claim: str
    source: str

    def __str__(self) -> str:
        return f"{self.claim} [{self.source}]"


FINITE = Statement(
    "a kernel that is a polynomial in both points is singular on more points than it has rank", "counting"
)


@dataclass(frozen=True)
class Criterion:
    """What follows from the supports.

    Parameters
    ----------
    holds : bool or None
        Whether every Gram matrix of distinct points is positive definite; None for not known.
    restricted : bool or None
        The same for points no two of which are antipodal (on a sphere), or parallel (in space).
    reason : str
        In one sentence.
    closing : Statement
        The theorem that says so.
    """

    holds: bool | None
    restricted: bool | None
    reason: str
    closing: Statement


def _agreed(answers: Sequence[bool]) -> bool | None:
    return answers[0] if len(set(answers)) == 1 else None


def _powers(largest: float, parity: str) -> str:
    if largest == ABSENT:
        return f"no {parity} powers"
    if largest == math.inf:
        return f"infinitely many {parity} powers"
    return f"{parity} powers only up to rho^{number_text(largest)}"


def described(support: Support) -> str:
    """The power series in words."""
    return f"{_powers(support.even, 'even')} and {_powers(support.odd, 'odd')}"


def on_sphere(supports: Sequence[Support]) -> Criterion:
    """The ruling on S^(d-1), d >= 2.

    Parameters
    ----------
    supports : sequence of Support
        Of the kernel: one, or all that are possible by what is known.
    """
    holds = _agreed([one.even == one.odd == math.inf for one in supports])
    restricted = _agreed([one.degree == math.inf for one in supports])
    closing = Statement(f"{POWERS} infinitely many even and infinitely many odd c_k are positive", SCHOENBERG)
    if holds is None:
        return Criterion(None, restricted, "not known, since the supports are not", closing)
    if len(supports) > 1:
        what = "as many powers as the criterion asks for" if holds else "too few powers"
        return Criterion(holds, restricted, f"whatever is not known, as a power series in rho it has {what}", closing)
    return Criterion(holds, restricted, f"as a power series in rho it has {described(supports[0])}", closing)


def on_pair(supports: Sequence[Support]) -> Criterion:
    """The ruling on S^0 = {x, -x}: positive definite if and only if K(1) > ``|K(-1)|``."""
    holds = _agreed([min(one.even, one.odd) > ABSENT for one in supports])
    restricted = _agreed([one.degree > ABSENT for one in supports])
    closing = Statement(
        "on S^0 = {x, -x} the Gram matrix is positive definite if and only if K(1) > |K(-1)|, that is, if there is an "
        "even and an odd k with c_k > 0",
        "the 2 x 2 determinant",
    )
    if holds is None:
        return Criterion(None, restricted, "not known, since the supports are not", closing)
    return Criterion(holds, restricted, f"as a power series in rho it has {described(supports[0])}", closing)


def in_space(network: Network, parts: Sequence[ParityParts], sphere: Criterion, *, offset: bool = False) -> Criterion:
    """The ruling for points of R^d, whatever their norms.

    Parameters
    ----------
    network : Network
        The layers.
    parts : sequence of ParityParts
        Those of its activations, layer by layer.
    sphere : Criterion
        What holds on spheres.
    offset : bool
        Whether biases that are zero at first are trained, which adds to the kernel what does not scale with the points.
    """
    general = is_definite_at_nonparallel_points(network)
    closing = Statement(
        "s(<w, x_i> + b) are linearly independent over (w, b) for distinct x_i, and s(<w, x_i>) over w for pairwise "
        "non-parallel x_i, unless s is a polynomial; nonlinearities that are not constant keep Gram matrices positive "
        "definite, and T - S is positive semi-definite (Schur product)",
        CARVALHO,
    )
    if sphere.holds is False:
        return Criterion(False, general, f"not even on spheres: {sphere.reason}", sphere.closing)
    if all(part.is_polynomial for part in parts):
        return Criterion(False, False, "all activations are polynomials: the kernel has finite rank", FINITE)
    if general and is_definite_at_distinct_points(network):
        return Criterion(True, general, "there is a bias before an activation that is no polynomial", closing)
    if (powers := ray_powers(network)) and not offset:
        return Criterion(False, general, *_on_rays(powers))
    if vanishes_at_zero(network) and not offset:
        reason = "without bias and with s(0) = 0 the network is zero at x = 0"
        return Criterion(False, general, reason, Statement("K(0, 0) = 0", "the recursion at x = 0"))
    reason = "not known for points of one ray: no bias comes early enough for the theorem"
    return Criterion(None, general, reason, closing)


def _on_rays(powers: Sequence[float]) -> tuple[str, Statement]:
    """Why points of one ray are dependent."""
    kernel = "a power of t times K(x, y)" if len(powers) == 1 else f"a sum of {len(powers)} powers of t times kernels"
    points = ", ".join(["x", *(f"{k}x" for k in range(2, len(powers) + 2))])
    return (
        f"K(t x, y) is {kernel}, but for a bias at the output: points of one ray are dependent",
        Statement(f"{points} and {len(powers) + 2}x have a singular Gram matrix", "homogeneity"),
    )
