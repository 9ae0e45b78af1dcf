"""Whether the kernel exists that a verdict is about: what is refused, and what is supposed and said."""

from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.errors import NoClosedForm, NoSuchDual
from ntksym.network.layers import Network
from ntksym.symbols import x
from ntksym.theory.positivity.criteria import Statement
from ntksym.theory.powers.half_line import is_continuous

__all__ = ["require_kernel", "suppositions"]

NEAR = (256, 512)
"""Distances 2^-k from a break at which a power is told."""

DIGITS = 200

FAINT = 1e-100
"""Roots below this are zero."""

SQUARE_INTEGRABLE = 0.49
"""f ~ |x - t|^-e is square integrable for e below 1/2; logarithms change what is measured by less than the rest."""


def require_kernel(network: Network, get: str) -> None:
    """Make sure that E[s(U)^2], and for the NTK E[s'(U)^2], are not certainly infinite.

    Parameters
    ----------
    network : Network
        The layers.
    get : "nngp" or "ntk"
        Which kernel.

    Raises
    ------
    NoSuchDual
        Naming the activation.
    """
    for activation in dict.fromkeys(network.activations):
        growth = activation.growth
        too_fast = growth is not None and growth.gaussian == sp.oo and growth.attained
        if too_fast or _is_singular(activation, activation.to_mpmath()):
            raise NoSuchDual(
                f"E[s(U)^2] diverges for {activation.name} at every variance: no network with it has a kernel; "
                "use another activation"
            )
        if get == "ntk" and (_jumps(activation) or _is_singular(activation, activation.derivative_to_mpmath())):
            raise NoSuchDual(
                f"the NTK does not exist: {activation.name} jumps or is too steep somewhere, and E[s'(U)^2] is "
                'infinite; ask for get="nngp", or use another activation',
                activation=activation,
            )


def suppositions(activation: Activation) -> Iterator[Statement]:
    """What is supposed of an activation and of variances, where it is not known or does not hold at all of them."""
    growth = activation.growth
    if growth is None:
        yield Statement(f"E[s(U)^2] is supposed to be finite for {activation.name}", "no bound of its growth was found")
    elif growth.gaussian.is_positive:
        yield Statement(
            f"variances are supposed to stay below {1 / (4 * growth.gaussian)} before {activation.name}",
            "beyond, E[s(U)^2] diverges and there is no kernel",
        )
    if _breaks(activation) is None and not is_continuous(activation.expression):
        yield Statement(
            f"E[s(U)^2] and, for the NTK, E[s'(U)^2] are supposed to be finite for {activation.name}",
            "its pieces are not known",
        )


def _breaks(activation: Activation) -> tuple[sp.Expr, ...] | None:
    try:
        return (*activation.kinks, *activation.jumps)
    except NoClosedForm:
        return None


def _suspects(activation: Activation) -> set[sp.Expr]:
    """Where s may be singular: breaks of its pieces, and zeros of what is below a fraction bar (1/x inside a sine)."""
    values = activation.values
    expression = activation.expression.xreplace(values)
    below = {node.base for node in expression.atoms(sp.Pow) if node.exp.is_negative and node.base.is_polynomial(x)}
    found = {root for base in below if base.has(x) for root in sp.Poly(base, x).nroots(n=DIGITS) if root.is_real}
    return {sp.S.Zero if abs(root) < FAINT else root for root in found} | {
        place.xreplace(values) for place in _breaks(activation) or ()
    }


def _jumps(activation: Activation) -> bool:
    """Whether s jumps; a place where s is infinite is none."""
    if _breaks(activation) is None:
        return False
    values = activation.values
    function = activation.to_mpmath()
    return any(_steps(function, place.xreplace(values)) for place in activation.jumps)


def _steps(function: Callable[[Any], Any], place: sp.Expr) -> bool:
    """Whether the difference between the two sides stays, from one distance to the next."""
    with mpmath.workdps(DIGITS):
        far, near = (abs(function(_beside(place, 1, bits)) - function(_beside(place, -1, bits))) for bits in NEAR)
        return bool(near > far / 16)


def _is_singular(activation: Activation, function: Callable[[Any], Any]) -> bool:
    """Whether a function grows like |x - t|^-e, e >= 1/2, towards a break t, told from two distances."""
    with mpmath.workdps(DIGITS):
        for place in _suspects(activation):
            for side in (-1, 1):
                far, near = (abs(function(_beside(place, side, bits))) for bits in NEAR)
                if far and near and mpmath.log(near / far, 2) > SQUARE_INTEGRABLE * (NEAR[1] - NEAR[0]):
                    return True
    return False


def _beside(place: sp.Expr, side: int, bits: int) -> Any:
    return mpmath.mpf(sp.N(place, DIGITS)) + side * mpmath.ldexp(1, -bits)
