"""The cost of a formula: what its operations cost for one pair, in terms of a series."""

from ntksym.lowering.passes import count
from ntksym.lowering.program import Program

__all__ = ["cost_of"]

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


def cost_of(program: Program) -> float:
    """The cost of one run of a program."""
    return sum(times * COSTS.get(operation, ORDINARY) for operation, times in count(program).items())
