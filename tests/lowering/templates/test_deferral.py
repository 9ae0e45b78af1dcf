"""Which pairs the tiles leave out because they are near in the data, and only those."""

import numpy as np
import pytest

from ntksym.dual.derivation import derive
from ntksym.lowering.templates.deferral import NEAREST
from ntksym.lowering.templates.frame import TILE
from ntksym.network.layers import fully_connected
from tests.lowering.machines import machine


def cluster(n: int) -> np.ndarray:
    x = np.random.default_rng(0).normal(size=(n, 4))
    x[5 * n // 8 :] = x[: n - 5 * n // 8] * (1 + 0.02 * np.random.default_rng(1).normal(size=(n - 5 * n // 8, 4)))
    x[-1], x[-2] = x[0], -x[1]
    return x


@pytest.mark.parametrize("bias", [None, 0.1])
def test_they_are_those_beyond_the_bound(bias: float | None) -> None:
    engine = machine(fully_connected("relu", 2, 1.4, bias), derive)
    x = cluster(TILE + 37)
    _, left_out = engine.tiles(x, x, ("nngp", "ntk"), integrate=False)
    weight, shift = 1.4**2 / 4, (bias or 0) ** 2
    c = weight * (x @ x.T) + shift
    roots = np.sqrt(np.diagonal(c))
    near = np.abs(c) >= NEAREST * roots[:, None] * roots
    expected = np.argwhere(np.tril(near, -1))
    assert len(expected) > 3
    found = left_out[np.lexsort(left_out.T[::-1])]
    np.testing.assert_array_equal(found, expected)


def test_the_nngp_alone_and_smooth_networks_leave_nothing_out() -> None:
    x = cluster(TILE)
    for name, wanted in (("relu", ("nngp",)), ("gelu", ("nngp", "ntk"))):
        _, left_out = machine(fully_connected(name, 2, 1.4), derive).tiles(x, x, wanted, integrate=False)
        assert len(left_out) == 0
