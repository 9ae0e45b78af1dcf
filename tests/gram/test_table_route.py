"""A table in two variances and the angle in place of the layers: exact to the tolerance, and used where it pays."""

from typing import Any

import numpy as np
import pytest

from ntksym.activation.activation import Activation
from ntksym.dual import series_dual
from ntksym.dual.derivation import derive
from ntksym.gram import routes
from ntksym.gram import table_route as rooms
from ntksym.gram.table_route import InterpolatedRoute, tabulate
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


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table however few the points and the layers are."""
    monkeypatch.setattr(rooms, "_cost_of_fit", lambda engine: -np.inf)
    monkeypatch.setattr(rooms, "FIT", -np.inf)
    monkeypatch.setattr(rooms, "WORTH", np.inf)
    monkeypatch.setattr(rooms, "MOST_LEFT_OUT", 0.1)


def normal(n: int, d: int = 60, seed: int = 0) -> np.ndarray:
    """Some rows equal, opposite, nearly equal and nearly opposite."""
    x = np.random.default_rng(seed).normal(size=(n, d))
    if n > 8:
        x[5], x[6], x[7], x[8] = x[4], -x[4], x[4] + 1e-5, -x[4] + 1e-9
    return x


def found_for(kernel: Kernel, x: np.ndarray, y: np.ndarray | None = None, get: tuple[str, ...] = BOTH) -> Any:
    return tabulate(kernel.engines[0], 1.0, (x, x if y is None else y), get, kernel.tol)


def layer_by_layer(kernel: Kernel, *data: np.ndarray, get: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    with monkeypatch.context() as patch:
        patch.setattr(routes, "tabulate", lambda *_: "this is what is compared with")
        return kernel(*data, get=get)


def named(networks: dict[str, Network], slow: dict[str, Network]) -> list[Any]:
    quick = [pytest.param(network, id=name) for name, network in networks.items()]
    return quick + [pytest.param(network, id=name, marks=pytest.mark.slow) for name, network in slow.items()]


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("network", named(NETWORKS, SLOW_NETWORKS))
def test_the_kernel_is_the_one_that_the_layers_give(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = build(network, tol=TOL)
    x, y = normal(TILE + 20), normal(30, seed=1)
    assert isinstance(found_for(kernel, x), InterpolatedRoute)
    for data in ((x,), (x, y)):
        left, right = (kernel.diag(points, get=BOTH) for points in (data[0], data[-1]))
        exact = layer_by_layer(kernel, *data, get=BOTH, monkeypatch=monkeypatch)
        for k, matrix in enumerate(kernel(*data, get=BOTH)):
            assert np.all(np.abs(matrix - exact[k]) <= 2 * TOL * np.sqrt(np.outer(left[k], right[k])))


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("network", named(NETWORKS, SLOW_NETWORKS))
def test_a_gram_matrix_is_one(network: Network) -> None:
    """Symmetric to the bit, with the diagonal of `diag`, equal rows equal, positive semi-definite up to tolerance."""
    kernel = build(network, tol=TOL)
    x = normal(2 * TILE + 9)
    for matrix, line in zip(kernel(x, get=BOTH), kernel.diag(x, get=BOTH), strict=True):
        np.testing.assert_array_equal(matrix, matrix.T)
        np.testing.assert_array_equal(np.diagonal(matrix), line)
        assert matrix[4, 5] == matrix[4, 4]
        assert np.linalg.eigvalsh(matrix)[0] >= -TOL * np.trace(matrix)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("name", ["relu, 10 layers", "tanh"])
def test_blocks_types_and_threads_change_nothing_but_rounding(name: str) -> None:
    kernel = build(NETWORKS[name], tol=TOL)
    x = normal(TILE + 40)
    both = kernel(x, get=BOTH)
    scale = kernel.diag(x).max()
    np.testing.assert_allclose(kernel(x[10:90]), both.ntk[10:90, 10:90], rtol=0, atol=2 * TOL * scale)
    np.testing.assert_allclose(kernel(x[:70], x[70:]), both.ntk[:70, 70:], rtol=0, atol=2 * TOL * scale)
    np.testing.assert_array_equal(kernel(x, get=BOTH, threads=1).ntk, both.ntk)
    rounded = build(NETWORKS[name], tol=TOL, dtype="float32")(x, get=BOTH)
    np.testing.assert_array_equal(rounded.ntk, both.ntk.astype(np.float32))
    assert kernel.error_bound(x) <= TOL


@pytest.mark.usefixtures("always")
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
    found = found_for(kernel, x)
    assert isinstance(found, InterpolatedRoute)
    assert found.error <= 1e-13
    matrices, lines = kernel(x, get=BOTH), kernel.diag(x, get=BOTH)
    for i, j in [(1, 0), (5, 4), (6, 4), (7, 4), (8, 4), (8, 6), (20, 11), (39, 22), (30, 3), (17, 2)]:
        for matrix, line, exact in zip(matrices, lines, recursion(network, x[i], x[j]), strict=True):
            # beside the bound of the table the rounding of inner products, and that of ten layers
            assert abs(matrix[i, j] - exact) <= (found.error + 2e-14) * np.sqrt(line[i] * line[j])


@pytest.mark.usefixtures("always")
def test_a_series_layer_is_as_exact_as_its_closed_form() -> None:
    network, x = fully_connected("erf", 3, 1.5, 0.1), normal(40)
    closed, series = (build(network, tol=TOL, derive=way)(x, get=BOTH) for way in (derive, series_dual))
    for first, second in zip(closed, series, strict=True):
        assert np.abs(first - second).max() <= 2 * TOL * np.abs(first).max()


@pytest.mark.usefixtures("always")
def test_rows_of_one_norm_take_one_function_of_the_variance() -> None:
    x = normal(60)
    x *= np.sqrt(x.shape[1]) / np.linalg.norm(x, axis=1, keepdims=True)
    kernel = build(fully_connected("gelu", 3, 1.5, 0.1))
    found = found_for(kernel, x)
    assert isinstance(found, InterpolatedRoute)
    assert found.series.basis.shape[0] == 1
    np.testing.assert_allclose(kernel(x[:20]), kernel(x)[:20, :20], rtol=0, atol=kernel.tol * kernel.diag(x).max())


@pytest.mark.usefixtures("always")
def test_similar_data_share_a_table() -> None:
    kernel = build(fully_connected("relu", 5, 1.5, 0.1))
    x = normal(400, d=100)
    first, second = (found_for(kernel, rows) for rows in (x[:300], x[:301]))
    assert isinstance(first, InterpolatedRoute)
    assert first.series is second.series


@pytest.mark.usefixtures("always")
def test_it_is_not_used_where_it_does_not_serve() -> None:
    relu = build(fully_connected("relu", 5, 1.5, 0.1))
    same = np.ones((20, 3)) + 1e-4 * normal(20, 3)
    assert "nearly equal" in found_for(relu, same)
    assert "zero" in found_for(build(fully_connected("relu", 5, 1.5)), np.zeros((5, 3)))
    spread = normal(400)[100:] * np.geomspace(1e-4, 1e4, 300)[:, None]
    assert "too many terms" in found_for(relu, spread)
    exploding = build(fully_connected("x**3", 6, 2.0, 0.1))
    assert "too large" in found_for(exploding, normal(60))
    chaotic = build(fully_connected("tanh", 10, 3.0, 0.1), tol=1e-13)
    assert "bounded" in found_for(chaotic, normal(60, 3))


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
    np.testing.assert_array_equal(matrix[:20, :20], kernel(x[:20]))  # so few that no series is thought of
