"""A table in two variances and the angle in place of the layers: exact to the tolerance, and used where it pays."""

from typing import Any

import numpy as np
import pytest

from ntksym.activation.activation import Activation
from ntksym.dual import series_dual
from ntksym.dual.derivation import derive
from ntksym.errors import ToleranceNotMet
from ntksym.gram.prepared import KernelOnData
from ntksym.gram.table_route import InterpolatedRoute
from ntksym.kernel import Kernel, build
from ntksym.lowering.templates.frame import TILE
from ntksym.network.layers import Dense, Network, fully_connected, serial
from tests.oracle import recursion

BOTH = ("nngp", "ntk")
TOL = 1e-11

NETWORKS = {
    "relu, 10 layers": fully_connected("relu", 10, 1.5, 0.1),
    "relu without bias": fully_connected("relu", 4, 1.5),
    "erf": fully_connected("erf", 3, 1.5, 0.1),
    "tanh": fully_connected("tanh", 3, 1.5, 0.1),
}
SLOW_NETWORKS = {
    "elu": fully_connected("elu", 3, 1.3, 0.1),
    "elu, 50 layers": fully_connected("elu", 50, 1.5, 0.1),
    "hard tanh": fully_connected("hard_tanh", 2, 1.5),
    "cosine": fully_connected("cos(x)", 3, 1.1),
    "sin, 10 layers": fully_connected("sin", 10, 1.5),
    "mixed": serial(Dense(1.4, 0.1), "relu", Dense(1.2), "sin", Dense(0.9, 0.2), Dense(1.1), "gelu", Dense(1.3, 0.3)),
    "a parameter": fully_connected(Activation("max(x, 0) + a*min(x, 0)", a=0.2), 5, 1.4, 0.2),
    "softsign": fully_connected("softsign", 2, 1.5, 0.1),
}


def normal(n: int, d: int = 60, seed: int = 0) -> np.ndarray:
    """Some rows equal, opposite, nearly equal and nearly opposite."""
    x = np.random.default_rng(seed).normal(size=(n, d))
    if n > 8:
        x[5], x[6], x[7], x[8] = x[4], -x[4], x[4] + 1e-5, -x[4] + 1e-9
    return x


def on_table(kernel: Kernel, *data: np.ndarray, get: Any = BOTH) -> KernelOnData:
    return kernel.on(*data, get=get, route="table")


def named(networks: dict[str, Network], slow: dict[str, Network]) -> list[Any]:
    quick = [pytest.param(network, id=name) for name, network in networks.items()]
    return quick + [pytest.param(network, id=name, marks=pytest.mark.slow) for name, network in slow.items()]


@pytest.mark.parametrize("network", named(NETWORKS, SLOW_NETWORKS))
def test_the_kernel_is_the_one_that_the_layers_give(network: Network) -> None:
    kernel = build(network, tol=TOL)
    x, y = normal(TILE + 20), normal(30, seed=1)
    for data in ((x,), (x, y)):
        left, right = (kernel.diag(points, get=BOTH) for points in (data[0], data[-1]))
        exact = kernel.on(*data, get=BOTH, route="layers").gram()
        for k, matrix in enumerate(on_table(kernel, *data).gram()):
            assert np.all(np.abs(matrix - exact[k]) <= 2 * TOL * np.sqrt(np.outer(left[k], right[k])))


@pytest.mark.parametrize("network", named(NETWORKS, SLOW_NETWORKS))
def test_a_gram_matrix_is_one(network: Network) -> None:
    """Symmetric to the bit, with the diagonal of `diag`, equal rows equal, positive semi-definite up to tolerance."""
    kernel = build(network, tol=TOL)
    x = normal(2 * TILE + 9)
    for matrix, line in zip(on_table(kernel, x).gram(), on_table(kernel, x).diag(), strict=True):
        np.testing.assert_array_equal(matrix, matrix.T)
        np.testing.assert_array_equal(np.diagonal(matrix), line)
        assert matrix[4, 5] == matrix[4, 4]
        assert np.linalg.eigvalsh(matrix)[0] >= -TOL * np.trace(matrix)


@pytest.mark.parametrize("name", ["relu, 10 layers", "tanh"])
def test_the_table_holds_for_other_rows_inside_of_it_and_for_no_others(name: str) -> None:
    kernel = build(NETWORKS[name], tol=TOL)
    x = normal(TILE + 40)
    route = on_table(kernel, x).route
    part = kernel.on(x[70:], x[:70], get=BOTH, route=route).gram()
    np.testing.assert_array_equal(part.ntk, on_table(kernel, x).gram().ntk[70:, :70])
    assert on_table(kernel, x, get="ntk").error_bound() <= TOL
    with pytest.raises(ToleranceNotMet, match="outside of the table"):
        kernel.on(5 * x, get=BOTH, route=route).gram()


@pytest.mark.parametrize(
    "network",
    [
        fully_connected("relu", 10, 1.5, 0.1),
        fully_connected("gelu", 2, 1.4, 0.1),
        fully_connected("sin", 3, 1.5),
        serial(Dense(1.2), "relu", Dense(0.8, 0.3), "erf", Dense(1.1)),
    ],
    ids=repr,
)
def test_the_error_is_below_its_bound(network: Network) -> None:
    kernel = build(network)
    x = normal(40)
    found = on_table(kernel, x).route
    assert isinstance(found, InterpolatedRoute)
    assert found.error <= 1e-13
    matrices, lines = on_table(kernel, x).gram(), on_table(kernel, x).diag()
    for i, j in [(1, 0), (5, 4), (6, 4), (7, 4), (8, 4), (8, 6), (20, 11), (39, 22), (30, 3), (17, 2)]:
        for matrix, line, exact in zip(matrices, lines, recursion(network, x[i], x[j]), strict=True):
            # beside the bound of the table the rounding of inner products, and that of ten layers
            assert abs(matrix[i, j] - exact) <= (found.error + 2e-14) * np.sqrt(line[i] * line[j])


def test_a_series_layer_is_as_exact_as_its_closed_form() -> None:
    network, x = fully_connected("erf", 3, 1.5, 0.1), normal(40)
    closed, series = (on_table(build(network, tol=TOL, derive=way), x).gram() for way in (derive, series_dual))
    for first, second in zip(closed, series, strict=True):
        assert np.abs(first - second).max() <= 2 * TOL * np.abs(first).max()


def test_rows_of_one_norm_take_one_function_of_the_variance() -> None:
    x = normal(60)
    x *= np.sqrt(x.shape[1]) / np.linalg.norm(x, axis=1, keepdims=True)
    kernel = build(fully_connected("gelu", 3, 1.5, 0.1))
    found = on_table(kernel, x).route
    assert isinstance(found, InterpolatedRoute)
    assert found.series.basis.shape[0] == 1
    block, whole = (on_table(kernel, rows, get="ntk").gram() for rows in (x[:20], x))
    np.testing.assert_allclose(block, whole[:20, :20], rtol=0, atol=kernel.tol * kernel.diag(x).max())


def test_similar_data_share_a_table() -> None:
    kernel = build(fully_connected("relu", 5, 1.5, 0.1))
    x = normal(400, d=100)
    first, second = (on_table(kernel, rows).route for rows in (x[:300], x[:301]))
    assert isinstance(first, InterpolatedRoute)
    assert isinstance(second, InterpolatedRoute)
    assert first.series is second.series


def refusal(kernel: Kernel, x: np.ndarray) -> str:
    with pytest.raises(ToleranceNotMet, match="the table route does not hold") as refused:
        on_table(kernel, x).gram()
    return str(refused.value)


def test_it_is_not_used_where_it_does_not_serve() -> None:
    relu = build(fully_connected("relu", 5, 1.5, 0.1))
    same = np.ones((20, 3)) + 1e-4 * normal(20, 3)
    assert "nearly equal" in refusal(relu, same)
    assert "zero" in refusal(build(fully_connected("relu", 5, 1.5)), np.zeros((5, 3)))
    spread = normal(400)[100:] * np.geomspace(1e-4, 1e4, 300)[:, None]
    assert "too many terms" in refusal(relu, spread)
    exploding = build(fully_connected("x**3", 6, 2.0, 0.1))
    assert "too large" in refusal(exploding, normal(60))
    chaotic = build(fully_connected("tanh", 10, 3.0, 0.1), tol=1e-13)
    assert "bounded" in refusal(chaotic, normal(60, 3))


def test_it_is_chosen_where_it_pays_and_explained() -> None:
    x = normal(2500, d=100)
    few, deep = (build(fully_connected("relu", depth, 1.5, 0.1)) for depth in (3, 50))
    assert "layer by layer" in few.explain(x)
    assert "layer by layer" in deep.explain(x[:100])
    text = deep.explain(x)
    assert "a table in two variances and the angle" in text
    assert "layer by layer" not in text
    assert deep.error_bound(x) <= deep.tol


def test_a_closed_form_takes_over_where_its_series_cannot_keep_the_tolerance() -> None:
    kernel = build(fully_connected("elu", 50, 1.5, 0.1))
    x = normal(300, d=100)
    text = kernel.explain(x)
    assert "on these data: closed forms" in text
    matrix = kernel(x)
    np.testing.assert_array_equal(np.diagonal(matrix), kernel.diag(x))
    np.testing.assert_array_equal(matrix[:20, :20], kernel.on(x[:20], route="closed").gram())
