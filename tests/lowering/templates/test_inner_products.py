"""Inner products in generated code: every width, every remainder, the same sum wherever a pair stands."""

import numba
import numpy as np
import pytest

from ntksym.lowering.templates.frame import STRIP, TILE
from ntksym.lowering.templates.inner_products import CHUNK, DEPTH, ROWS, product_functions

EPSILON = float(np.finfo(np.float64).eps)


@pytest.fixture(scope="module")
def functions() -> dict[str, object]:
    flags = {"arcp", "contract", "nsz"}
    space: dict[str, object] = {"TILE": TILE, "inlined": numba.njit(nogil=True, error_model="numpy", fastmath=flags)}
    exec(product_functions(), space)
    return space


@pytest.mark.parametrize("features", [1, DEPTH - 1, DEPTH, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + DEPTH + 1])
@pytest.mark.parametrize(("height", "count"), [(1, 1), (ROWS + 1, TILE - 1), (STRIP, TILE)])
def test_they_are_inner_products(functions: dict, features: int, height: int, count: int) -> None:
    draws = np.random.default_rng(features)
    x, y = draws.normal(size=(height + 2, features)), draws.normal(size=(count + 1, features))
    columns, products = np.full((features, TILE), np.nan), np.full((STRIP, TILE), np.nan)
    functions["turn"](y, 1, count, columns)
    functions["multiply"](x, 2, height, columns, products)
    sizes = np.linalg.norm(x[2:], axis=1)[:, None] * np.linalg.norm(y[1:], axis=1)
    error = np.abs(products[:height, :count] - x[2:] @ y[1:].T)
    assert (error <= 2 * features * EPSILON * sizes).all()  # two sums, in any order
    assert (products[:height, count:] == 0).all()


def test_strips_hold_whole_groups_of_rows() -> None:
    assert STRIP % ROWS == 0
    assert TILE % STRIP == 0
    assert CHUNK % DEPTH == 0
