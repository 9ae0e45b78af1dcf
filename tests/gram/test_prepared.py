"""A kernel on given data: blocks are those of the whole bit for bit, in every route, in other processes too."""

import pickle
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from ntksym.errors import InvalidInput
from ntksym.gram.routes import NAMES
from ntksym.kernel import build
from ntksym.lowering.templates.frame import TILE
from ntksym.network.layers import Network, fully_connected

BOTH = ("nngp", "ntk")
TOL = 1e-10
NETWORKS = {
    "relu": fully_connected("relu", 3, 1.5, 0.1),
    "elu": fully_connected("elu", 2, 1.5, 0.1),
    "tanh": fully_connected("tanh", 2, 1.5, 0.1),
    "softsign": fully_connected("softsign", 1, 1.5, 0.1),
}
ROUTES = {"relu": ("layers", "angle", "table"), "elu": NAMES[1:], "tanh": ("layers", "angle"), "softsign": ("layers",)}
CASES = [(name, route) for name, routes in ROUTES.items() for route in routes]


def rows(route: str, n: int = 2 * TILE + 22, d: int = 12) -> np.ndarray:
    """Some equal, opposite, nearly equal; of one norm for the angle."""
    x = np.random.default_rng(0).normal(size=(n, d))
    x[5], x[6], x[7], x[n - 1], x[n - 2] = x[4], -x[4], x[4] + 1e-6, x[4] - 1e-5, -x[4] + 1e-7
    return x / np.linalg.norm(x, axis=1, keepdims=True) if route == "angle" else x


SPANS = [slice(None), slice(0, 40), slice(10, 130), slice(64, 128), slice(100, None), slice(7, 8), slice(3, 3)]


@pytest.mark.parametrize(("name", "route"), CASES)
def test_blocks_are_those_of_the_whole(name: str, route: str) -> None:
    kernel, x = build(NETWORKS[name], tol=TOL), rows(route)
    on = kernel.on(x, get=BOTH, route=route)
    whole = on.gram()
    again = kernel.on(x, get=BOTH, route=pickle.loads(pickle.dumps(on.route)))
    for i, j in product(SPANS, SPANS):
        for found in (on.gram(rows=i, columns=j), again.gram(rows=i, columns=j)):
            for block, matrix in zip(found, whole, strict=True):
                np.testing.assert_array_equal(block, matrix[i, j])


@pytest.mark.parametrize(("name", "route"), CASES)
def test_blocks_between_two_sets_are_those_of_the_whole(name: str, route: str) -> None:
    kernel, x, y = build(NETWORKS[name], tol=TOL), rows(route), rows(route)[3:80] * 1.0
    on = kernel.on(x, y, get=BOTH, route=route)
    whole = on.gram()
    for i, j in product(SPANS, SPANS[:3]):
        for block, matrix in zip(on.gram(rows=i, columns=j), whole, strict=True):
            np.testing.assert_array_equal(block, matrix[i, j])


ELSEWHERE = """
import pickle, sys
import numpy as np
with open(sys.argv[1], "rb") as file:
    kernel, route, x = pickle.load(file)
blocks = kernel.on(x, get=("nngp", "ntk"), route=route).gram(rows=slice(30, 100), columns=slice(60, 150))
np.savez(sys.argv[2], **blocks._asdict())
"""


@pytest.mark.parametrize(("name", "route"), [("relu", "table"), ("tanh", "layers"), ("elu", "series")])
def test_a_block_of_another_process_is_that_of_the_whole(name: str, route: str, tmp_path: Path) -> None:
    kernel, x = build(NETWORKS[name], tol=TOL), rows(route)
    on = kernel.on(x, get=BOTH, route=route)
    whole = on.gram()
    sent, received = tmp_path / "sent.pickle", tmp_path / "received.npz"
    sent.write_bytes(pickle.dumps((kernel, on.route, x)))
    subprocess.run([sys.executable, "-c", ELSEWHERE, str(sent), str(received)], check=True)
    with np.load(received) as blocks:
        for name in BOTH:
            np.testing.assert_array_equal(blocks[name], getattr(whole, name)[30:100, 60:150])


@pytest.mark.parametrize("name", NETWORKS)
def test_what_it_tells_is_what_the_kernel_tells(name: str) -> None:
    kernel, x = build(NETWORKS[name], tol=TOL), rows("layers", 40)
    on = kernel.on(x)
    np.testing.assert_array_equal(on.gram(), kernel(x))
    np.testing.assert_array_equal(on.diag(), kernel.diag(x))
    np.testing.assert_array_equal(on.diag(), np.diagonal(on.gram()))
    assert on.error_bound() == kernel.error_bound(x)
    assert on.explain() in kernel.explain(x) or "nngp" in kernel.explain(x)
    assert "40 x 12 points" in repr(on)


def test_distances_follow_the_route() -> None:
    kernel, x = build(NETWORKS["relu"]), rows("layers", 40)
    np.testing.assert_array_equal(kernel.on(x).distance(), kernel.distance(x))
    assert kernel.on(x, route="closed").distance().min() >= 0


def test_routes_of_equal_data_are_equal_values() -> None:
    kernel, x = build(NETWORKS["tanh"], tol=TOL), rows("layers", 40)
    first, second = (build(network, tol=TOL).on(x).route for network in (kernel.network, kernel.network))
    assert first == second
    assert hash(first) == hash(second)
    assert first.data.shape == (40, 40, 12)
    assert kernel.on(x + 1).route.data != first.data


@pytest.mark.parametrize("route", ["fast", None, 3, object()])
def test_unknown_routes_are_refused(route: object) -> None:
    with pytest.raises(InvalidInput, match="choose one of auto, angle, table, layers"):
        build(NETWORKS["relu"]).on(rows("layers", 9), route=route)  # type: ignore[arg-type]


@pytest.mark.parametrize("part", [3, [1, 2], slice(0, 9, 2), slice(9, 0, -1)])
def test_blocks_are_asked_for_by_slices(part: object) -> None:
    on = build(NETWORKS["relu"]).on(rows("layers", 12))
    with pytest.raises(InvalidInput, match="must be a slice"):
        on.gram(rows=part)  # type: ignore[arg-type]


def test_a_block_goes_where_it_is_told() -> None:
    on = build(NETWORKS["relu"]).on(rows("layers", 30))
    out = np.empty((10, 30))
    assert on.gram(rows=slice(5, 15), out=out) is out
    np.testing.assert_array_equal(out, on.gram()[5:15])


def test_linear_networks_have_routes_too() -> None:
    linear: Network = fully_connected("relu", 0, 1.5, 0.1)
    x = rows("layers", 30)
    on = build(linear).on(x)
    np.testing.assert_array_equal(on.gram(rows=slice(3, 9)), on.gram()[3:9])
