"""Existence on given data: refuse variances at which a dual does not exist, and tell where formulas lose digits."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.dual import Dual
from ntksym.errors import InvalidInput, NoSuchDual
from ntksym.gram.schedule import LayerPlan
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import LARGEST_VARIANCE
from ntksym.symbols import q

__all__ = [
    "loses_digits",
    "require_slopes",
    "require_tangents",
    "require_variances",
]


def loses_digits(layers: LayerPlan, number: int, variance: Array) -> bool:
    """Whether the formulas in front of a layer lose their digits in float64 at some of these variances.

    Parameters
    ----------
    layers, number, variance
        As for ``require_variances``.
    """
    dual = layers.hidden[number].dual if number < len(layers.hidden) else None
    if dual is None or not (len(variance) and dual.accurate_range.is_limited):
        return False
    return bool(dual.accurate_range.excludes(np.array([variance.min(), variance.max()])).any())


def require_slopes(layers: LayerPlan) -> None:
    """Make sure that the NTK exists.

    Raises
    ------
    NoSuchDual
        If an activation jumps, so that E[s'(U)^2] is infinite.
    """
    for number, hidden in enumerate(layers.hidden, 1):
        if hidden.dual is not None and not hidden.dual.continuous:
            raise NoSuchDual(
                f"the NTK does not exist: {hidden.dual.activation.name} at layer {number} jumps or is infinitely steep "
                'somewhere, and its slope infinite on the diagonal; ask for get="nngp", or use another activation',
                layer=number,
                activation=hidden.dual.activation,
            )


def require_variances(layers: LayerPlan, layer: int, variance: Array, name: str, first: int) -> None:
    """Make sure that the variances before a layer, or at the output, are such that the kernel exists.

    Parameters
    ----------
    layers : LayerPlan
        The network.
    layer : int
        Index of the layer in ``layers.hidden``; behind the last, the output.
    variance : float array, shape (n,)
        Variance of every row there.
    name : str
        What the data are called.
    first : int
        Number of their first row.

    Raises
    ------
    InvalidInput
        If a variance is too large.
    NoSuchDual
        If E[s(U)^2] diverges at a variance.
    """
    if layer == len(layers.hidden):
        _refuse_overflow(variance, "at the output", name, first)
        return
    _refuse_overflow(variance, f"before layer {layer + 1}", name, first)
    dual = layers.hidden[layer].dual
    if dual is not None:
        _refuse_missing_dual(dual, layer + 1, variance, name, first)


def require_tangents(tangent: Array, name: str, first: int) -> None:
    """Make sure that the diagonal of the NTK is representable.

    Parameters
    ----------
    tangent : float array, shape (n,)
        The diagonal.
    name, first : str, int
        As for ``require_variances``.

    Raises
    ------
    InvalidInput
        If an entry is not.
    """
    _refuse_overflow(tangent, "at the output (of the NTK)", name, first, float(np.finfo(np.float64).max))


def _refuse_missing_dual(dual: Dual, number: int, variance: Array, name: str, first: int) -> None:
    activation = dual.activation
    for condition in dual.domain:
        here, distance = _condition(condition, activation)
        holds = np.broadcast_to(np.asarray(distance(variance)) > 0, variance.shape)
        if not holds.all():
            row = int(np.argmin(holds))
            raise NoSuchDual(
                f"E[s(U)^2] diverges for {activation.name} at layer {number}: {name}[{first + row}] has variance "
                f"q = {variance[row]:.6g} there, but {here} > 0 is needed; "
                "use a smaller W_std or b_std, or scale the inputs down",
                layer=number,
                row=first + row,
                condition=condition,
            )


@lru_cache(maxsize=256)
def _condition(condition: sp.Expr, activation: Activation) -> tuple[sp.Expr, Callable[[Array], Array]]:
    """What must be positive at the values of the parameters, as a formula in q and as a function of arrays."""
    here = condition.subs(activation.values)
    return here, sp.lambdify(q, here, "numpy")


def _refuse_overflow(variance: Array, where: str, name: str, first: int, largest: float = LARGEST_VARIANCE) -> None:
    fine = variance <= largest
    if not fine.all():
        row = int(np.argmin(fine))
        raise InvalidInput(
            f"the variance of {name}[{first + row}] {where} is {variance[row]:.3g}, beyond {largest:.0e}, and its "
            "products would overflow; scale the inputs down, or use a smaller W_std",
            row=first + row,
        )
