r"""Strict positive definiteness of the kernels of infinitely wide networks: a verdict with its proof.

    activations -> even and odd parts -> supports, layer by layer -> ruling -> Verdict

Nothing here looks at floating-point values of the kernel: what decides is which powers of rho occur in it.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

from ntksym.errors import InvalidInput
from ntksym.network.layers import Layer, Network
from ntksym.theory.positivity.criteria import Statement, in_space, on_pair, on_sphere
from ntksym.theory.positivity.integrability import require_kernel, suppositions
from ntksym.theory.positivity.verdict import MOST_DIM, Verdict
from ntksym.theory.powers.parity_parts import ParityParts, parts_in_order
from ntksym.theory.powers.supports import Possible, layer_supports
from ntksym.theory.requests import check_get, check_network, check_whole

__all__ = ["positivity"]

DOMAINS = ("sphere", "euclidean")
SUPPORTS = "sums, products and compositions of power series with coefficients >= 0"


def positivity(
    network: Network,
    *,
    get: str = "ntk",
    dim: int | None = None,
    domain: str = "sphere",
    trained_zero_bias: bool = False,
) -> Verdict:
    r"""Whether the kernel of a network is strictly positive definite, proved.

    On a sphere K(rho) = sum_k c_k rho^k with c_k >= 0, and K is strictly positive definite on S^(d-1), d >= 2, if and
    only if c_k > 0 for infinitely many even and infinitely many odd k. Which c_k are positive follows, layer by layer,
    from whether the even and the odd part of each activation is a polynomial almost everywhere.

    Parameters
    ----------
    network : Network
        From ``serial`` or ``fully_connected``.
    get : "ntk" or "nngp"
        Which kernel.
    dim : int, optional
        Number of coordinates d of the points; by default every d >= 2, for which the answer is the same. With 1 the
        points are x and -x.
    domain : "sphere" or "euclidean"
        Whether the points have one norm, or any.
    trained_zero_bias : bool
        Whether Dense layers without ``b_std`` have biases that are zero at first and trained: then they add to the NTK
        and not to the NNGP.

    Returns
    -------
    Verdict
        With the answer, its reason, the proof, a witness if it is negative, and what it means for data.

    Raises
    ------
    InvalidInput
        For something that is not a network, a kernel, a dimension or a domain.
    NoSuchDual
        If the kernel does not exist, as the NTK of an activation that jumps.

    References
    ----------
    Schoenberg, Duke Math. J. 9 (1942) 96; Gneiting, Bernoulli 19 (2013) 1327, Theorem 1; Carvalho, Costa, Mourao,
    Oliveira, SIAM J. Math. Data Sci. 7 (2025) 495; Jacot, Gabriel, Hongler, NeurIPS 2018, Proposition 2, which needs
    biases.
    """
    check_network(network)
    get = check_get(get)
    if domain not in DOMAINS:
        raise InvalidInput(f'there is no domain {domain!r}; try domain="sphere" or domain="euclidean"', domain=domain)
    dim = None if dim is None else check_whole("dim", dim, 1, MOST_DIM)
    require_kernel(network, get)
    parts = parts_in_order(network)
    degrees = {part.activation: part.alternatives for part in parts}
    history = tuple(layer_supports(network, degrees, trained_zero_bias=trained_zero_bias))
    supports = tuple(sorted({getattr(one, get) for one in history[-1][1]}))
    sphere = on_pair(supports) if dim == 1 else on_sphere(supports)
    offset = trained_zero_bias and get == "ntk"
    ruling = in_space(network, parts, sphere, offset=offset) if domain == "euclidean" else sphere
    layers = _about_supports(history, get) if ruling.closing is sphere.closing else ()
    proof = (*_about_parts(parts), *layers, ruling.closing)
    reason = ruling.reason if ruling.holds is not None or not _unknown(parts) else f"{ruling.reason}: {_unknown(parts)}"
    return Verdict(
        network, get, dim, domain, ruling.holds, ruling.restricted, reason, proof, supports, trained_zero_bias
    )


def _about_parts(parts: Sequence[ParityParts]) -> Iterator[Statement]:
    for part in dict.fromkeys(parts):
        for half in (part.even, part.odd):
            yield Statement(f"of {part.activation.name} {half}", half.source)
        yield from suppositions(part.activation)


def _about_supports(history: Sequence[tuple[Layer, Possible]], get: str) -> Iterator[Statement]:
    """One statement for each run of layers that leaves the supports as they are."""

    def found(number: int) -> str:
        texts = {str(getattr(one, get)) for one in history[number][1]}
        return texts.pop() if len(texts) == 1 else "not known"

    for text, run in groupby(range(len(history)), key=found):
        numbers = list(run)
        layers = f"layer {numbers[0] + 1} ({history[numbers[0]][0]})"
        if len(numbers) > 1:
            layers = f"layers {numbers[0] + 1} to {numbers[-1] + 1}"
        yield Statement(f"after {layers} the powers of rho in the {get.upper()} are: {text}", SUPPORTS)


def _unknown(parts: Sequence[ParityParts]) -> str:
    """What is missing."""
    halves = [(part, half) for part in dict.fromkeys(parts) for half in (part.even, part.odd)]
    return "; ".join(f"of {part.activation.name} {half}: {half.source}" for part, half in halves if half.degree is None)
