"""The module that fills tiles from a function of the angle: it stands alone, and computes what its head says."""

import ast
import platform
from types import ModuleType

import numpy as np
import pytest

from ntksym.gram.fits.angle_series import AngleSeries
from ntksym.lowering import store
from ntksym.lowering.templates.angle import DIAGONALS, GROUP, INVERSE, ROOTS, SLOTS, angle_source
from ntksym.lowering.templates.frame import TILE
from tests.lowering.assembly import inner_loops
from tests.lowering.machines import load_uncached

EPSILON = float(np.finfo(np.float64).eps)
SLACK = 1e-14


def lines_of(diagonals: np.ndarray, inverses: np.ndarray) -> np.ndarray:
    """Row quantities of one block; diagonals (2, TILE)."""
    lines = np.empty((1, SLOTS, TILE))
    lines[0, INVERSE] = inverses
    for kernel in range(2):
        lines[0, ROOTS[kernel]], lines[0, DIAGONALS[kernel]] = np.sqrt(diagonals[kernel]), diagonals[kernel]
    return lines


def filled(
    module: ModuleType, terms: np.ndarray, sizes: np.ndarray, near: float, n: int, dtype: str
) -> tuple[np.ndarray, ...]:
    """Inner products and row quantities of n rows, NNGP, NTK, pairs left out."""
    draws = np.random.default_rng(0)
    x = draws.normal(size=(n, 3))
    x[3], x[4], x[5] = 2 * x[2], -x[1], x[1]
    norms = np.pad(np.linalg.norm(x, axis=1), (0, TILE - n), constant_values=1.0)
    lines = lines_of(draws.uniform(1, 2, size=(2, TILE)), 1 / norms)
    lines[0, :, 5] = lines[0, :, 1]
    results = np.full((2, n, n), np.nan, dtype=dtype)
    pairs = module.fill(x, x, 0, 0, 1, 1.0, 0.0, SLACK, near, lines, lines, terms, sizes, *results, True)
    return x @ x.T, lines, *results, pairs


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("blocks", [1, 2, 8])
def test_entries_are_what_the_series_says(blocks: int, dtype: str) -> None:
    module, n = store.load(angle_source()), TILE - 5
    draws = np.random.default_rng(1)
    lengths = [[GROUP, 2 * GROUP], [0, GROUP]]
    series = [AngleSeries(tuple(draws.normal(size=(blocks, k)) / 20 for k in row), 0.0) for row in lengths]
    terms, sizes = np.zeros((2, 2, blocks, 2 * GROUP)), np.array(lengths)
    for kernel, one in enumerate(series):
        for part in range(2):
            terms[kernel, part, :, : lengths[kernel][part]] = one.parts[part]
    products, lines, *matrices, pairs = filled(module, terms, sizes, -np.inf, n, dtype)
    assert pairs.shape == (0, 2)
    inverses = lines[0, INVERSE, :n]
    rho = np.clip(products * np.outer(inverses, inverses), -1, 1)
    rho[[3, 2, 4, 1, 4, 5], [2, 3, 1, 4, 5, 4]] = [1, 1, -1, -1, -1, -1]
    for kernel, (one, matrix) in enumerate(zip(series, matrices, strict=True)):
        roots, diagonal = lines[0, ROOTS[kernel], :n], lines[0, DIAGONALS[kernel], :n]
        exact = np.outer(roots, roots) * one(np.sqrt((1 - rho) * (1 + rho)), rho)
        exact[range(n), range(n)] = diagonal
        exact[[1, 5], [5, 1]] = diagonal[1]  # one point twice
        np.testing.assert_array_equal(matrix, matrix.T)
        np.testing.assert_array_equal(np.diagonal(matrix), diagonal.astype(dtype))
        assert matrix[5, 1] == matrix[1, 1]
        # rounding of rho near 1 moves sigma by eps/sigma: pairs whose sigma is 1e-3 are as near as any here
        tolerance = 1e4 * EPSILON if dtype == "float64" else 4 * np.finfo(np.float32).eps
        np.testing.assert_allclose(matrix, exact, rtol=0, atol=tolerance * np.abs(exact).max())


def test_pairs_near_the_ends_are_listed_once() -> None:
    module, n, near = store.load(angle_source()), TILE - 5, 1e-2
    terms, sizes = np.zeros((2, 2, 1, GROUP)), np.full((2, 2), GROUP)
    products, lines, _, _, pairs = filled(module, terms, sizes, near, n, "float64")
    inverses = lines[0, INVERSE, :n]
    rho = products * np.outer(inverses, inverses)
    wanted = {(i, j) for i in range(n) for j in range(i) if 1 - abs(rho[i, j]) < near}
    assert {(3, 2), (4, 1), (5, 1), (5, 4)} <= wanted
    assert len(pairs) == len(wanted)
    assert {tuple(pair) for pair in pairs.tolist()} == wanted


def test_the_module_stands_alone() -> None:
    imports = [node for node in ast.walk(ast.parse(angle_source())) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert sorted(alias.name for node in imports for alias in node.names) == ["math", "numba", "numpy"]
    assert all(len(line) <= 120 for line in angle_source().splitlines())


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="reads x86 assembly")
def test_the_loops_over_entries_are_vector_code_without_a_call() -> None:
    module = load_uncached(angle_source())
    filled(module, np.zeros((2, 2, 1, GROUP)), np.full((2, 2), GROUP), -np.inf, TILE - 5, "float64")
    (assembly,) = module.fill.inspect_asm().values()
    loops = inner_loops(assembly)
    assert max(loop.products for loop in loops) >= GROUP
    assert not [call for loop in loops for call in loop.calls]
    if "%zmm" in assembly:
        assert sum(len(loop.spills) for loop in loops) <= 4  # once a row, before its loop
