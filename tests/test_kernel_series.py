"""Kernels with layers that are series: what must hold for every kernel, and what the edges of the input do."""

import pickle

import numpy as np
import pytest

from ntksym.dual.derivation import derive
from ntksym.errors import NoSuchDual
from ntksym.gram.tiles import SPAN
from ntksym.kernel import build
from ntksym.lowering.templates.frame import TILE
from ntksym.network.layers import Dense, fully_connected, serial
from tests.oracle import float_recursion

EPSILON = float(np.finfo(np.float64).eps)
TOLERANCE = 1e-8

NETWORKS = {
    "tanh": fully_connected("tanh", 3, 1.5, 0.1),
    "softplus then relu": serial(Dense(1.2, 0.1), "softplus", Dense(0.9), "relu", Dense(1.1, 0.3)),
    "softsign": fully_connected("softsign", 2, 2.0),
}
"""An odd one, one that mixes with a closed form, and one with a kink: some of its pairs are integrated."""


def data(n: int, d: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


@pytest.mark.parametrize("name", NETWORKS)
def test_entries_agree_with_the_recursion(name: str) -> None:
    kernel = build(NETWORKS[name], tol=TOLERANCE)
    x, y = data(12), data(7, seed=1)
    x[5], x[9], y[3] = x[4], x[4] + 0.1 * x[6], 0.1 * x[6] - x[4]
    for other in (x, y):
        answer = kernel(x, other, get=("nngp", "ntk"))
        for found, exact in zip(answer, float_recursion(NETWORKS[name], x, other), strict=True):
            scale = np.abs(exact).max()
            assert np.abs(found - exact).max() <= TOLERANCE * scale


@pytest.mark.parametrize("name", NETWORKS)
def test_a_gram_matrix_is_one(name: str) -> None:
    kernel = build(NETWORKS[name], tol=TOLERANCE)
    x = data(2 * TILE + 9, 20)
    answer = kernel(x, get=("nngp", "ntk"))
    for matrix, line in zip(answer, kernel.diag(x, get=("nngp", "ntk")), strict=True):
        np.testing.assert_array_equal(matrix, matrix.T)
        np.testing.assert_array_equal(np.diagonal(matrix), line)
        assert np.linalg.eigvalsh(matrix)[0] >= -TOLERANCE * np.trace(matrix)
    np.testing.assert_array_equal(kernel(x, threads=1), answer.ntk)
    np.testing.assert_array_equal(kernel(x, get=("ntk",)).ntk, answer.ntk)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_block_of_a_gram_matrix_is_the_gram_matrix_of_the_block(name: str) -> None:
    """To rounding, although the tolerance is larger: an entry takes the same terms in every matrix."""
    kernel = build(NETWORKS[name], tol=TOLERANCE)
    x = data(TILE + 40)
    whole = kernel(x)
    scale = 512 * EPSILON * np.abs(whole).max()
    np.testing.assert_allclose(kernel(x[10:90]), whole[10:90, 10:90], rtol=0, atol=scale)
    np.testing.assert_allclose(kernel(x[:70], x[70:]), whole[:70, 70:], rtol=0, atol=scale)
    np.testing.assert_allclose(kernel(x[:70], x[:70].copy()), whole[:70, :70], rtol=0, atol=scale)


@pytest.mark.parametrize("name", NETWORKS)
def test_float32_is_the_rounded_float64(name: str) -> None:
    x = data(TILE + 30)
    rounded, precise = (build(NETWORKS[name], tol=TOLERANCE, dtype=dtype)(x) for dtype in ("float32", "float64"))
    np.testing.assert_array_equal(rounded, precise.astype(np.float32))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_blocks_fit_together(dtype: str) -> None:
    kernel = build(NETWORKS["tanh"], tol=TOLERANCE, dtype=dtype)
    x = data(SPAN * TILE + TILE + 1, d=3)
    whole = kernel(x)
    np.testing.assert_array_equal(whole, whole.T)
    tail = kernel(x[-70:], x[:TILE])
    np.testing.assert_allclose(whole[-70:, :TILE], tail, rtol=0, atol=256 * np.finfo(dtype).eps * np.abs(whole).max())


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("scale", [0.0, 1e-12, 1e-60])
def test_nothing_is_nan_on_extreme_rows(name: str, scale: float) -> None:
    kernel = build(NETWORKS[name], tol=1e-6)
    x = data(12, 20)
    x[3] *= scale
    x[7] = x[3]
    for matrix in kernel(x, get=("nngp", "ntk")):
        assert np.isfinite(matrix).all()
        assert np.linalg.eigvalsh(matrix)[0] >= -1e-6 * np.trace(matrix)


def test_a_jump_without_a_closed_form_has_an_nngp_but_no_ntk() -> None:
    network = fully_connected("sign(x)*exp(-abs(x))", 1, 1.3, 0.2)
    kernel = build(network, tol=1e-6, derive=lambda act: derive(act, method="series"))
    x = data(TILE + 3)
    found = kernel(x, get="nngp")
    exact, _ = float_recursion(network, x, x)
    assert np.abs(found - exact).max() <= 1e-6 * exact.max()
    with pytest.raises(NoSuchDual, match="jumps"):
        kernel(x)


def test_kernels_pickle_their_cause_and_are_rebuilt() -> None:
    kernel = build(NETWORKS["tanh"], tol=TOLERANCE)
    again = pickle.loads(pickle.dumps(kernel))
    assert again == kernel
    x = data(9)
    np.testing.assert_array_equal(again(x), kernel(x))


def test_the_results_are_written_where_the_user_wants_them() -> None:
    kernel = build(NETWORKS["softsign"], tol=TOLERANCE)
    x, y = data(70), data(20, seed=1)
    pair = np.full((2, 70, 20), np.nan)
    kernel(x, y, get=("nngp", "ntk"), out=(pair[0], pair[1]))
    for matrix, wanted in zip(pair, kernel(x, y, get=("nngp", "ntk")), strict=True):
        np.testing.assert_array_equal(matrix, wanted)
