"""What one pair costs in one layer, in terms of a series: for choosing between a closed form and its series."""

from ntksym.lowering.passes import count
from ntksym.lowering.program import Program

__all__ = ["HEAVY", "LAYER", "SERIES_STEP", "SINGLE_PAIR", "cost_of"]

COSTS = {
    "exp_bivariate_normal_cdf": 270.0,
    "exp_normal_cdf": 25.0,
    "normal_cdf": 20.0,
    "erf": 20.0,
    "exp_erfi": 25.0,
    "exp_sinh": 15.0,
    "exp_cosh": 15.0,
    "exp": 7.0,
    "atan2": 7.0,
}
"""Operations that cost more than a term; measured by ``python -m tests.benchmarks.floor`` and rounded."""

ORDINARY = 0.3
"""Any other operation."""

LAYER = 12.0
"""A layer that is a closed form, without its formula."""

SERIES_STEP = 15.0
"""A layer that is a series, without its terms."""

SINGLE_PAIR = 3e4
"""A pair that the tiles leave out, evaluated by its closed form in NumPy."""

HEAVY = 150.0
"""From this cost on a series may be the cheaper way, so that it is worth looking at the data."""


def cost_of(program: Program) -> float:
    """The cost of one run of a program."""
    return sum(times * COSTS.get(operation, ORDINARY) for operation, times in count(program).items())
