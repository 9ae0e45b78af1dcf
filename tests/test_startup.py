"""Importing the package is cheap; a kernel in the store costs little more than numba needs to read a line of code."""

from pathlib import Path

import pytest

from tests.benchmarks.startup import first_gram, import_ratio, one_line, run

DEAR = ("scipy.special", "scipy.linalg", "numpy.f2py", "sympy.combinatorics", "rich", "sklearn", "flint")
"""Packages that take long to load and that only some calls need; sympy itself may load flint."""

ALLOWED, LINE = 0.45, 0.28
"""Seconds beside that line where it takes so many, and in proportion on slower machines.

Some 0.3 of them are what sympy takes to derive and translate the formulas of ELU.
"""

LOADED = "import sys, sympy, numba; before = set(sys.modules); import ntksym; print(*(set(sys.modules) - before))"


def test_importing_loads_nothing_dear() -> None:
    loaded = run(LOADED).split()
    assert "ntksym.kernel" in loaded
    assert not set(DEAR) & set(loaded)


@pytest.mark.slow
def test_importing_takes_at_most_1_3_times_what_sympy_and_numba_take() -> None:
    assert min(import_ratio(5) for _ in range(3)) <= 1.3  # what else the machine does can only add


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["relu", "gelu", "elu"])
def test_a_stored_kernel_costs_little_more_than_a_line_of_code(activation: str, tmp_path: Path) -> None:
    """Building and the first matrix together: which of the two translates the formula is not what a user waits for."""
    compiled = sum(first_gram(activation, tmp_path))
    one_line(tmp_path)
    pairs = [(one_line(tmp_path), sum(first_gram(activation, tmp_path))) for _ in range(5)]
    floor, stored = (min(seconds) for seconds in zip(*pairs, strict=True))  # what else the machine does can only add
    assert stored <= floor + ALLOWED * max(1.0, floor / LINE)
    assert stored < compiled / 3
