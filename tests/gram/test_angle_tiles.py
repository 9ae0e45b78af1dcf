"""Pairs whose angle comes from the differences of the data."""

import numpy as np
import pytest

from ntksym.gram import angle_route
from ntksym.kernel import build
from ntksym.network.layers import fully_connected
from tests.oracle import recursion

BOTH = ("nngp", "ntk")


@pytest.mark.parametrize("b_std", [None, 0.1])
def test_near_duplicates_keep_their_digits(b_std: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIT", "TERM", "BEST"):
        monkeypatch.setattr(angle_route, name, 0.0)
    network = fully_connected("relu", 3, 1.5, b_std)
    x = np.random.default_rng(2).normal(size=(8, 6))
    for k, distance in enumerate((1e-3, 1e-5, 1e-7, 1e-9), 1):
        x[k] = x[0] + distance * np.random.default_rng(k).normal(size=6)
    x[5], x[6] = -x[1], x[0]
    if b_std is not None:
        x *= np.sqrt(6) / np.linalg.norm(x, axis=1, keepdims=True)
    kernel = build(network)
    assert "one function of the angle" in kernel.explain(x)
    matrices = kernel(x, get=BOTH)
    for matrix, line in zip(matrices, kernel.diag(x, get=BOTH), strict=True):
        np.testing.assert_array_equal(matrix, matrix.T)
        assert matrix[6, 0] == line[0]
    for i, j in ((1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (5, 4), (7, 0)):
        for matrix, exact in zip(matrices, recursion(network, x[i], x[j], dps=45), strict=True):
            # of the diagonal: the norms of the rows of the second case differ by a few roundings
            assert abs(matrix[i, j] - exact) <= 2e-14 * np.sqrt(matrix[i, i] * matrix[j, j])
