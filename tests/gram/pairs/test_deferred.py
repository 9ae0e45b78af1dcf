"""Pairs computed one by one: the recursion, wherever a series is left."""

from dataclasses import replace

import numpy as np
import pytest

from ntksym.dual.derivation import derive
from ntksym.lowering.templates.frame import TILE
from ntksym.network.layers import Dense, fully_connected, serial
from tests.lowering.duals import expanded
from tests.lowering.machines import machine
from tests.oracle import float_recursion

EPSILON = float(np.finfo(np.float64).eps)

NETWORKS = {
    "erf": fully_connected("erf", 2, 1.5, 0.1),
    "mixed": serial(Dense(1.4, 0.1), "erf", Dense(1.2), "sin", Dense(0.9, 0.2), Dense(1.1), "erf", Dense(1.3)),
}


def points(n: int, seed: int = 0) -> np.ndarray:
    """Some nearly equal, some nearly opposite."""
    x = np.random.default_rng(seed).normal(size=(n, 8))
    x[n // 2 : n // 2 + 6] = x[:6] * (1 + 1e-4) + 1e-3
    x[-3:] = -x[:3]
    return x


@pytest.mark.parametrize("name", NETWORKS)
def test_entries_that_the_terms_do_not_serve_are_as_exact_as_the_others(name: str) -> None:
    series = expanded(16)
    engine = machine(NETWORKS[name], lambda act: series(act) if act.name == "erf" else derive(act), 1e-10)
    x, y = points(TILE + 20), points(30)
    for other in (x, y):
        results, left_out = engine.tiles(x, other, ("nngp", "ntk"))
        assert 0 < len(left_out) < 0.2 * x.shape[0] * other.shape[0]
        for matrix, exact in zip(results.values(), float_recursion(NETWORKS[name], x, other), strict=True):
            assert np.abs(matrix - exact).max() <= 1e-9 * np.abs(exact).max()
            hard = tuple(left_out.T)
            # a derivative above 1 in every layer, and the closed form evaluated at another rounding of c
            assert np.abs(matrix[hard] - exact[hard]).max() <= 4096 * EPSILON * np.abs(exact).max()
            if other is x:
                np.testing.assert_array_equal(matrix, matrix.T)


def test_one_kernel_may_be_asked_for_alone() -> None:
    engine = machine(NETWORKS["erf"], expanded(16), 1e-10)
    x = points(40)
    both, left_out = engine.tiles(x, x, ("nngp", "ntk"))
    assert len(left_out)
    for name, matrix in both.items():
        alone, _ = engine.tiles(x, x, (name,))
        np.testing.assert_allclose(alone[name], matrix, rtol=0, atol=16 * EPSILON * np.abs(matrix).max())


def test_threads_do_not_change_a_bit_and_batches_only_the_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = machine(NETWORKS["erf"], expanded(8), 1e-12)
    x = points(30)
    whole, left_out = engine.tiles(x, x, ("ntk",))
    monkeypatch.setattr("ntksym.gram.pairs.deferred.BATCH", 7)
    assert len(left_out) > 70
    batches, _ = engine.tiles(x, x, ("ntk",))
    one_thread, _ = replace(engine, threads=1).tiles(x, x, ("ntk",))
    np.testing.assert_array_equal(one_thread["ntk"], batches["ntk"])
    np.testing.assert_array_equal(batches["ntk"], whole["ntk"])
