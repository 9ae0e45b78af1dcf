"""Whether the kernel exists on given data: every variance representable, every dual defined at it, the NTK finite."""

from collections.abc import Iterable

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from ntksym.errors import InvalidInput, NoSuchDual
from ntksym.lowering.schedule import Hidden, Schedule
from ntksym.symbols import q
from ntksym.tiles import RowStates

__all__ = ["require_existence", "require_slopes"]

LARGEST_VARIANCE = 1e75
"""Products of four variances, which some duals form, stay within float64."""

Array = NDArray[np.float64]


def require_slopes(schedule: Schedule) -> None:
    """Make sure that the NTK exists.

    Raises
    ------
    NoSuchDual
        If an activation jumps, so that E[s'(U)^2] is infinite.
    """
    for number, hidden in enumerate(schedule.hidden, 1):
        if hidden.dual is not None and not (hidden.dual.continuous and hidden.dual.numeric.diagonal_slope is not None):
            raise NoSuchDual(
                f"the NTK does not exist: {hidden.dual.activation.name} at layer {number} jumps, so E[s'(U)^2] is "
                'infinite on the diagonal; ask for get="nngp", or use a continuous activation',
                layer=number,
                activation=hidden.dual.activation,
            )


def require_existence(schedule: Schedule, states: RowStates, wanted: Iterable[str], name: str, first: int) -> None:
    """Make sure that the kernel exists at every row of the data.

    Parameters
    ----------
    schedule : Schedule
        The network.
    states : RowStates
        The variances of the rows at every layer.
    wanted : iterable of str
        "nngp", "ntk".
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
    for number, hidden in enumerate(schedule.hidden, 1):
        variance = states.variance(number - 1)
        _refuse_overflow(variance, f"before layer {number}", name, first)
        if hidden.dual is not None:
            _refuse_missing_dual(hidden, number, variance, name, first)
    _refuse_overflow(states.variance(len(schedule.hidden)), "at the output", name, first)
    if "ntk" in wanted:
        _refuse_overflow(states.tangent, "at the output (of the NTK)", name, first, float(np.finfo(np.float64).max))


def _refuse_missing_dual(hidden: Hidden, number: int, variance: Array, name: str, first: int) -> None:
    activation = hidden.dual.activation
    for condition in hidden.dual.domain:
        here = condition.subs(activation.values)
        holds = np.broadcast_to(np.asarray(sp.lambdify(q, here, "numpy")(variance)) > 0, variance.shape)
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


def _refuse_overflow(variance: Array, where: str, name: str, first: int, largest: float = LARGEST_VARIANCE) -> None:
    fine = variance <= largest
    if not fine.all():
        row = int(np.argmin(fine))
        raise InvalidInput(
            f"the variance of {name}[{first + row}] {where} is {variance[row]:.3g}, beyond {largest:.0e}, and its "
            "products would overflow; scale the inputs down, or use a smaller W_std",
            row=first + row,
        )
