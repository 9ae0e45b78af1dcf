"""From the supports of a kernel to a ruling: whether all Gram matrices of distinct points are positive definite."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ntksym.activation.activation import Activation
from ntksym.activation.pieces.sign_decider import SignDecider
from ntksym.errors import NoClosedForm
from ntksym.network.layers import Dense, Network
from ntksym.theory.powers.parity_parts import ParityParts
from ntksym.theory.powers.supports import ABSENT, Support, is_zero_at_zero, number_text

__all__ = ["Criterion", "Statement", "in_space", "is_homogeneous", "on_pair", "on_sphere", "vanishes_at_zero"]

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
    general = _for_nonparallel(parts)
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
    if general and _separates(network, parts):
        return Criterion(True, general, "there is a bias before an activation that is no polynomial", closing)
    if is_homogeneous(network) and not offset:
        reason = (
            "K(t x, y) is a power of t times K(x, y), but for a bias at the output: points of one ray are dependent"
        )
        return Criterion(False, general, reason, Statement("x, 2x and 3x have a singular Gram matrix", "homogeneity"))
    if vanishes_at_zero(network) and not offset:
        reason = "without bias and with s(0) = 0 the network is zero at x = 0"
        return Criterion(False, general, reason, Statement("K(0, 0) = 0", "the recursion at x = 0"))
    reason = "not known for points of one ray: no bias comes early enough for the theorem"
    return Criterion(None, general, reason, closing)


def _for_nonparallel(parts: Sequence[ParityParts]) -> bool | None:
    """Whether Gram matrices of pairwise non-parallel points are positive definite."""
    constant = [{pair.degree <= 0 for pair in part.alternatives} for part in parts]
    if any(answers == {True} for answers in constant) or all(part.is_polynomial for part in parts):
        return False
    if any(True in answers for answers in constant) or not any(part.is_polynomial is False for part in parts):
        return None
    return True


def _blocks(network: Network) -> list[bool]:
    """Whether there is a bias before each activation, and before the output, since the activation in front of it."""
    blocks = [False]
    for layer in network.layers:
        if isinstance(layer, Dense):
            blocks[-1] |= bool(layer.b_std)
        else:
            blocks.append(False)
    return blocks


def _separates(network: Network, parts: Sequence[ParityParts]) -> bool:
    """Whether a bias comes while distinct points are still distinct, and before an activation that is no polynomial."""
    for place, (biased, part) in enumerate(zip(_blocks(network), parts, strict=False)):
        if biased:
            return any(after.is_polynomial is False for after in parts[place:])
        if part.odd.degree in (None, ABSENT) or not _is_continuous_at_zero(part.activation):
            return False
    return False


def _is_continuous_at_zero(activation: Activation) -> bool:
    try:
        return not any(SignDecider(activation.values).sign(place) == 0 for place in activation.jumps)
    except NoClosedForm:
        return False


def is_homogeneous(network: Network) -> bool:
    """Whether s(t x) = t^k s(x), t > 0, for every activation, and only the output may have a bias."""
    return not any(_blocks(network)[:-1]) and all(act.homogeneity is not None for act in network.activations)


def vanishes_at_zero(network: Network) -> bool:
    """Whether there is no bias and s(0) = 0 for every activation."""
    if any(_blocks(network)):
        return False
    return all(is_zero_at_zero(activation) for activation in network.activations)
