"""The module that fills tiles from a table in two variances and the angle: it stands alone, and does what it says."""

import ast
import platform
from types import ModuleType

import numpy as np
import pytest

from ntksym.lowering import store
from ntksym.lowering.templates.frame import TILE
from ntksym.lowering.templates.table import DIAGONALS, FIRST, GROUP, INVERSE, ROOTS, table_source
from tests.lowering.assembly import inner_loops
from tests.lowering.machines import load_uncached

EPSILON = float(np.finfo(np.float64).eps)
RANK, COUNTS = 2 * GROUP, np.array([[2 * GROUP, GROUP], [GROUP, 3 * GROUP]])
SCALE, SHIFT = 0.8, -1.2
"""t = 0.8 theta - 1.2: angles from 0.25 to 2.75."""


def tables(draws: np.random.Generator) -> np.ndarray:
    """C of both kernels, shape (2, r, s, k), zeros beyond the counts of a group."""
    whole = draws.normal(size=(2, RANK, RANK, 3 * GROUP)) / 10
    for kernel, counts in enumerate(COUNTS):
        for group, count in enumerate(counts):
            whole[kernel, :, GROUP * group : GROUP * (group + 1), count:] = 0
    return whole


def packed(whole: np.ndarray) -> np.ndarray:
    rows = [
        np.concatenate(
            [
                part[:, GROUP * group : GROUP * (group + 1), :count].transpose(0, 2, 1).reshape(RANK, -1)
                for group, count in enumerate(counts)
            ],
            axis=1,
        )
        for part, counts in zip(whole, COUNTS, strict=True)
    ]
    size = max(row.shape[1] for row in rows)
    return np.array([np.pad(row, ((0, 0), (0, size - row.shape[1]))) for row in rows])


def lines_of(draws: np.random.Generator, points: np.ndarray) -> np.ndarray:
    """Row quantities, blocks of rows."""
    blocks = -(-len(points) // TILE)
    lines = draws.uniform(1, 2, size=(blocks, FIRST + RANK, TILE))
    norms = np.pad(np.linalg.norm(points, axis=1), (0, blocks * TILE - len(points)), constant_values=1.0)
    lines[:, INVERSE] = 1 / norms.reshape(blocks, TILE)
    for root, diagonal in zip(ROOTS, DIAGONALS, strict=True):
        lines[:, root] = np.sqrt(lines[:, diagonal])
    return lines


def rows_of(lines: np.ndarray, slot: int | slice, n: int) -> np.ndarray:
    """A row quantity of n rows."""
    return np.moveaxis(lines[:, slot], -1, 1).reshape(len(lines) * TILE, -1)[:n].squeeze()


def filled(module: ModuleType, dtype: str, *, square: bool) -> tuple[np.ndarray, ...]:
    draws = np.random.default_rng(0)
    x = draws.normal(size=(TILE + 9, 3))
    y = x if square else draws.normal(size=(TILE - 5, 3))
    lines = lines_of(draws, x)
    others = lines if square else lines_of(draws, y)
    whole = tables(draws)
    results = np.full((2, len(x), len(y)), np.nan, dtype=dtype)
    pairs = []
    for other in range(len(others)):
        given = 1.0, 0.0, SCALE, SHIFT, lines, others, packed(whole), COUNTS
        pairs.append(module.fill(x, y, other, other if square else 0, len(lines), *given, *results, square))
    phi, psi = rows_of(lines, slice(FIRST, None), len(x)), rows_of(others, slice(FIRST, None), len(y))
    cosines = np.clip((x @ y.T) * np.outer(rows_of(lines, INVERSE, len(x)), rows_of(others, INVERSE, len(y))), -1, 1)
    t = SCALE * np.arccos(cosines) + SHIFT
    chebyshev = np.polynomial.chebyshev.chebvander(np.clip(t, -1, 1), 3 * GROUP - 1)
    exact = np.einsum("nrsk,jr,is,ijk->nij", whole, psi, phi, chebyshev, optimize=True)
    for kernel, root in enumerate(ROOTS):
        exact[kernel] *= np.outer(rows_of(lines, root, len(x)), rows_of(others, root, len(y)))
    return results, exact, t, np.concatenate(pairs), lines


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("square", [True, False])
def test_entries_are_what_the_table_says(dtype: str, square: bool) -> None:
    matrices, exact, _, _, lines = filled(store.load(table_source()), dtype, square=square)
    tolerance = (4096 if dtype == "float64" else 4) * np.finfo(dtype).eps
    for kernel, (matrix, values) in enumerate(zip(matrices, exact, strict=True)):
        if square:
            values = np.tril(values, -1) + np.tril(values, -1).T
            np.fill_diagonal(values, rows_of(lines, DIAGONALS[kernel], len(values)))
            np.testing.assert_array_equal(matrix, matrix.T)
        np.testing.assert_allclose(matrix, values, rtol=0, atol=tolerance * np.abs(values).max())


@pytest.mark.parametrize("square", [True, False])
def test_pairs_outside_are_listed_once(square: bool) -> None:
    _, _, t, pairs, _ = filled(store.load(table_source()), "float64", square=square)
    outside = np.abs(t) > 1
    wanted = {(i, j) for i, j in np.argwhere(outside).tolist() if not square or i > j}
    assert len(wanted) > 20
    assert len(pairs) == len(wanted)
    assert {tuple(pair) for pair in pairs.tolist()} == wanted


def test_the_module_stands_alone() -> None:
    text = table_source()
    imports = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert sorted(alias.name for node in imports for alias in node.names) == ["math", "numba", "numpy"]
    assert all(len(line) <= 120 for line in text.splitlines())


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="reads x86 assembly")
def test_the_loops_over_entries_are_vector_code_without_a_call() -> None:
    module = load_uncached(table_source())
    filled(module, "float64", square=True)
    (assembly,) = module.fill.inspect_asm().values()
    loops = inner_loops(assembly)
    assert max(loop.products for loop in loops) >= GROUP * GROUP
    assert not [call for loop in loops for call in loop.calls]
    if "%zmm" in assembly:
        assert sum(len(loop.spills) for loop in loops) == 0
