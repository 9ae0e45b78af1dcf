"""One function of the angle in place of the layers: where it holds, how exact it is, and where it is not used."""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from ntksym.activation.activation import Activation
from ntksym.dual import series_dual
from ntksym.dual.derivation import derive
from ntksym.gram import angle_route as rooms
from ntksym.gram import routes
from ntksym.gram.angle_route import HOMOGENEOUS, ONE_NORM, Refusal, ZonalRoute, collapse
from ntksym.kernel import Kernel, build
from ntksym.lowering.templates.frame import TILE
from ntksym.network.layers import Dense, Network, fully_connected, serial
from tests.oracle import recursion_at

EPSILON = float(np.finfo(np.float64).eps)
BOTH = ("nngp", "ntk")

ONE_NORM_NETWORKS = {
    "relu": fully_connected("relu", 3, 1.5, 0.1),
    "relu, 10 layers": fully_connected("relu", 10, 1.5, 0.1),
    "relu, 50 layers": fully_connected("relu", 50, 2**0.5, 0.1),
    "erf": fully_connected("erf", 3, 1.5, 0.1),
    "erf without bias": fully_connected("erf", 4, 1.5),
    "tanh": fully_connected("tanh", 3, 1.5, 0.1),
}
SLOW_NETWORKS = {
    "cosine": fully_connected("cos(x)", 3, 1.1),
    "mixed": serial(Dense(1.4, 0.1), "relu", Dense(1.2), "sin", Dense(0.9, 0.2), Dense(1.1), "gelu", Dense(1.3, 0.3)),
    "gelu": fully_connected("gelu", 3, 1.5, 0.1),
    "sin": fully_connected("sin", 10, 1.5, 0.1),
    "elu": fully_connected("elu", 3, 1.3, 0.1),
    "sigmoid": fully_connected("sigmoid", 10, 1.5, 0.1),
    "relu, 100 layers": fully_connected("relu", 100, 2**0.5),
}
HOMOGENEOUS_NETWORKS = {
    "relu": fully_connected("relu", 3, 2**0.5),
    "relu, 10 layers": fully_connected("relu", 10, 2**0.5),
    "several degrees": serial(Dense(1.2), "relu", Dense(0.8), "x*abs(x)", Dense(1.1), Dense(0.7), "x**3", Dense(1.3)),
}
SLOW_HOMOGENEOUS_NETWORKS = {
    "abs": fully_connected("abs", 4, 1.0),
    "leaky": fully_connected(Activation("max(x, 0) + a*min(x, 0)", a=0.2), 3, 1.4),
    "square": fully_connected("x**2", 2, 0.7),
    "cube": fully_connected("x**3", 2, 0.6),
}


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Collapse however few the points and the layers are."""
    monkeypatch.setattr(rooms, "FIT", 0.0)
    monkeypatch.setattr(rooms, "TERM", 0.0)
    monkeypatch.setattr(rooms, "BEST", 0.0)


def normal(n: int, d: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def rows_of_one_norm(n: int, d: int = 8, seed: int = 0) -> np.ndarray:
    """Some equal, opposite, nearly equal and nearly opposite."""
    x = normal(n, d, seed)
    x[5], x[6], x[7], x[8] = x[4], -x[4], x[4] + 1e-5, -x[4] + 1e-9
    return x * np.sqrt(d) / np.linalg.norm(x, axis=1, keepdims=True)


def layer_by_layer(kernel: Kernel, *data: np.ndarray, get: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    with monkeypatch.context() as patch:
        patch.setattr(routes, "collapse", lambda *_: Refusal("this is what is compared with"))
        return kernel(*data, get=get)


def assert_close(found: np.ndarray, exact: np.ndarray, diagonals: tuple[np.ndarray, np.ndarray], tol: float) -> None:
    scale = np.sqrt(np.outer(*diagonals))
    assert np.all(np.abs(found - exact) <= tol * scale)


def named(networks: dict[str, Network], slow: dict[str, Network]) -> list[Any]:
    quick = [pytest.param(network, id=name) for name, network in networks.items()]
    return quick + [pytest.param(network, id=name, marks=pytest.mark.slow) for name, network in slow.items()]


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("network", named(ONE_NORM_NETWORKS, SLOW_NETWORKS))
def test_rows_of_one_norm_have_the_kernel_that_the_layers_give(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = build(network)
    x, y = rows_of_one_norm(TILE + 20), rows_of_one_norm(30, seed=1)
    found = collapse(kernel.engines[0], (x, x), BOTH, kernel.tol)
    assert isinstance(found, ZonalRoute)
    assert found.reason in (ONE_NORM, HOMOGENEOUS)
    for data in ((x,), (x, y)):
        diagonals = [kernel.diag(points, get=BOTH) for points in (data[0], data[-1])]
        exact = layer_by_layer(kernel, *data, get=BOTH, monkeypatch=monkeypatch)
        for k, matrix in enumerate(kernel(*data, get=BOTH)):
            assert_close(matrix, exact[k], (diagonals[0][k], diagonals[1][k]), kernel.tol)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("network", named(HOMOGENEOUS_NETWORKS, SLOW_HOMOGENEOUS_NETWORKS))
def test_homogeneous_networks_have_the_kernel_that_the_layers_give(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = build(network)
    x, y = normal(TILE + 20), 3 * normal(30, seed=1)
    x[3], x[5], x[6], x[7], x[8] = 0, x[4], -2 * x[4], x[4] * 3, x[4] + 1e-9
    found = collapse(kernel.engines[0], (x, x), BOTH, kernel.tol)
    assert isinstance(found, ZonalRoute)
    assert found.reason == HOMOGENEOUS
    for data in ((x,), (x, y)):
        diagonals = [kernel.diag(points, get=BOTH) for points in (data[0], data[-1])]
        exact = layer_by_layer(kernel, *data, get=BOTH, monkeypatch=monkeypatch)
        for k, matrix in enumerate(kernel(*data, get=BOTH)):
            # 1e-60: what the variance of a row of zeros is raised to, by layer
            assert np.all(
                np.abs(matrix - exact[k]) <= kernel.tol * np.sqrt(np.outer(diagonals[0][k], diagonals[1][k])) + 1e-60
            )


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("network", named(ONE_NORM_NETWORKS, SLOW_NETWORKS))
def test_a_gram_matrix_is_one(network: Network) -> None:
    """Symmetric to the bit, with the diagonal of `diag`, equal rows equal, positive semi-definite up to tolerance."""
    kernel = build(network)
    x = rows_of_one_norm(2 * TILE + 9)
    for matrix, line in zip(kernel(x, get=BOTH), kernel.diag(x, get=BOTH), strict=True):
        np.testing.assert_array_equal(matrix, matrix.T)
        np.testing.assert_array_equal(np.diagonal(matrix), line)
        assert matrix[4, 5] == matrix[4, 4]
        assert np.linalg.eigvalsh(matrix)[0] >= -kernel.tol * np.trace(matrix)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("name", ["relu", "erf without bias", "tanh"])
def test_blocks_types_and_threads_change_nothing_but_rounding(name: str) -> None:
    kernel = build(ONE_NORM_NETWORKS[name])
    x = rows_of_one_norm(TILE + 40)
    both = kernel(x, get=BOTH)
    scale = kernel.diag(x).max()
    np.testing.assert_allclose(kernel(x[10:90]), both.ntk[10:90, 10:90], rtol=0, atol=kernel.tol * scale)
    np.testing.assert_allclose(kernel(x[:70], x[70:]), both.ntk[:70, 70:], rtol=0, atol=kernel.tol * scale)
    np.testing.assert_array_equal(kernel(x, get=BOTH, threads=1).ntk, both.ntk)
    rounded = build(ONE_NORM_NETWORKS[name], dtype="float32")(x, get=BOTH)
    np.testing.assert_array_equal(rounded.ntk, both.ntk.astype(np.float32))


def reference(network: Network, variance: float, angles: list[mpmath.mpf]) -> list[list[mpmath.mpf]]:
    """F of NNGP and NTK at these angles, by the recursion in mpmath."""
    with mpmath.workdps(50):
        q, first = mpmath.mpf(variance), network.layers[0]
        square, *products = (
            (q * mpmath.cos(angle) - first.bias_variance) / first.weight_variance for angle in (0, *angles)
        )
        own, *others = (recursion_at(network, square, square, c, dps=35) for c in (square, *products))
        return [[entry / scale for entry, scale in zip(row, own, strict=True)] for row in others]


ANGLES = ["1e-9", "1e-6", "1e-3", "0.7", "1.6", "2.9"]


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize(
    ("network", "get"),
    [
        (fully_connected("relu", 3, 1.5, 0.1), BOTH),
        (fully_connected("erf", 2, 1.5, 0.1), BOTH),
        (fully_connected("gelu", 2, 1.4, 0.1), BOTH),
        (fully_connected("abs", 2, 1.0), BOTH),
        (fully_connected("sin", 2, 1.5), BOTH),
        (fully_connected("step", 1, 1.0), ("nngp",)),
        (serial(Dense(1.2), "relu", Dense(0.8), "x**3", Dense(1.1)), BOTH),
    ],
    ids=repr,
)
def test_the_error_is_below_its_bound_at_every_angle(network: Network, get: tuple[str, ...]) -> None:
    x = np.sqrt(8.0) * np.eye(8)
    found = collapse(build(network).engines[0], (x, x), get, 1e-12)
    assert isinstance(found, ZonalRoute)
    assert found.error <= 1e-13
    first = network.layers[0]
    variance = first.weight_variance + first.bias_variance
    with mpmath.workdps(50):
        angles = [mpmath.mpf(text) for text in ANGLES]
        angles += [mpmath.pi - angle for angle in angles]
        exact = reference(network, variance, angles)
        places = [np.array([float(function(angle)) for angle in angles]) for function in (mpmath.sin, mpmath.cos)]
        for k, name in enumerate(BOTH):
            if name in get:
                series = found.series[k]
                assert series is not None
                values = series(*places)
                errors = [abs(mpmath.mpf(float(v)) - row[k]) for v, row in zip(values, exact, strict=True)]
                assert max(errors) <= found.error


@pytest.mark.usefixtures("always")
def test_a_series_layer_is_as_exact_as_its_closed_form() -> None:
    network, x = fully_connected("erf", 3, 1.5, 0.1), rows_of_one_norm(40)
    closed, series = (build(network, derive=way)(x, get=BOTH) for way in (derive, series_dual))
    for first, second in zip(closed, series, strict=True):
        assert np.abs(first - second).max() <= 2e-13 * np.abs(first).max()


def refusal(kernel: Kernel, x: np.ndarray, get: tuple[str, ...] = ("ntk",)) -> str:
    found = collapse(kernel.engines[0], (x, x), get, kernel.tol)
    assert isinstance(found, Refusal)
    return found.reason


def test_few_points_do_not_pay_for_it() -> None:
    kernel = build(fully_connected("relu", 3))
    assert "few points" in refusal(kernel, rows_of_one_norm(100))
    assert isinstance(collapse(kernel.engines[0], (rows_of_one_norm(6000),) * 2, ("ntk",), 1e-12), ZonalRoute)
    assert "few points" in refusal(build(fully_connected("relu", 0)), rows_of_one_norm(6000))


@pytest.mark.usefixtures("always")
def test_it_is_not_used_where_it_does_not_hold() -> None:
    x = rows_of_one_norm(20)
    apart = x.copy()
    apart[3] *= 1 + 1e-9
    assert "norm" in refusal(build(fully_connected("erf", 3, 1.5, 0.1)), apart)
    assert "norm" in refusal(build(fully_connected("erf", 3, 1.5, 0.1)), normal(20))
    assert "norm" in refusal(build(fully_connected("relu", 3, 1.5, 0.1)), normal(20))
    assert "norm" in refusal(build(fully_connected("max(x - 1, 0)", 3, 1.5)), normal(20))
    assert "norm" in refusal(build(fully_connected("tanh", 3, 1.5)), np.zeros((4, 3)))


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize(
    ("network", "get"),
    [
        (fully_connected("sign", 2, 1.0), ("nngp",)),  # like the root of the angle at 0
        (fully_connected("erf", 10, 5.0, 0.1), ("ntk",)),  # chaotic: decays within 1e-5 of it
        (fully_connected("x/(1 + abs(x))", 2, 1.5), ("ntk",)),  # a kink that no stored series resolves
        (fully_connected("max(x, 0)**(3/2)", 2, 0.9), ("ntk",)),
    ],
    ids=repr,
)
def test_it_is_not_used_where_terms_do_not_suffice(network: Network, get: tuple[str, ...]) -> None:
    assert "serve" in refusal(build(network), rows_of_one_norm(20), get) or "too many terms" in refusal(
        build(network), rows_of_one_norm(20), get
    )


@pytest.mark.usefixtures("always")
def test_homogeneous_networks_leave_extreme_variances_to_the_layers() -> None:
    kernel = build(fully_connected("x**3", 2, 1.0))
    x = normal(10)
    x[0] *= 1e-9
    assert "range" in refusal(kernel, x)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("n", [0, 1, 2])
def test_no_rows_one_row_two_rows(n: int) -> None:
    kernel = build(fully_connected("relu", 3, 1.5, 0.1))
    x = rows_of_one_norm(9)[:n]
    matrix = kernel(x)
    assert matrix.shape == (n, n)
    np.testing.assert_array_equal(np.diagonal(matrix), kernel.diag(x))


@pytest.mark.usefixtures("always")
def test_nearly_one_norm_is_decided_by_the_tolerance() -> None:
    """The same rows, their norms apart by 1e-9: one norm for a tolerance of 1e-6, not for 1e-12."""
    x = rows_of_one_norm(20)
    x[3] *= 1 + 1e-9
    for tol, kind in ((1e-6, ZonalRoute), (1e-12, Refusal)):
        kernel = build(fully_connected("erf", 3, 1.5, 0.1), tol=tol)
        assert isinstance(collapse(kernel.engines[0], (x, x), ("ntk",), tol), kind)


@pytest.mark.usefixtures("always")
def test_other_data_of_the_same_norm_find_the_same_series(monkeypatch: pytest.MonkeyPatch) -> None:
    fits: list[object] = []
    original: Callable[..., Any] = rooms.fit
    monkeypatch.setattr(rooms, "fit", lambda *given: fits.append(given) or original(*given))
    kernel = build(fully_connected("erf", 3, 1.37, 0.1))
    for seed in range(4):
        kernel(rows_of_one_norm(20, seed=seed))
    assert len(fits) == 1


@pytest.mark.usefixtures("always")
def test_the_choice_is_told() -> None:
    kernel = build(fully_connected("relu", 3, 2**0.5))
    told = kernel.explain(normal(30))
    assert "one function of the angle" in told
    assert HOMOGENEOUS in told
