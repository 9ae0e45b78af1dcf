"""One function of the angle in place of the layers: where it holds, how exact it is, and where it is not used."""

import copy
import pickle
from typing import Any

import mpmath
import numpy as np
import pytest

from ntksym.activation.activation import Activation
from ntksym.dual import series_dual
from ntksym.dual.derivation import derive
from ntksym.errors import ToleranceNotMet
from ntksym.gram import fitting
from ntksym.gram.angle_route import HOMOGENEOUS, ONE_NORM, ZonalRoute
from ntksym.gram.prepared import KernelOnData
from ntksym.kernel import Kernel, build
from ntksym.lowering.templates.frame import TILE
from ntksym.network.layers import Dense, Network, fully_connected, serial
from tests.oracle import recursion, recursion_at

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


def normal(n: int, d: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def rows_of_one_norm(n: int, d: int = 8, seed: int = 0) -> np.ndarray:
    """Some equal, opposite, nearly equal and nearly opposite."""
    x = normal(n, d, seed)
    x[5], x[6], x[7], x[8] = x[4], -x[4], x[4] + 1e-5, -x[4] + 1e-9
    return x * np.sqrt(d) / np.linalg.norm(x, axis=1, keepdims=True)


def on_angle(kernel: Kernel, *data: np.ndarray, get: Any = BOTH) -> KernelOnData:
    return kernel.on(*data, get=get, route="angle")


def assert_close(found: np.ndarray, exact: np.ndarray, diagonals: tuple[np.ndarray, np.ndarray], tol: float) -> None:
    scale = np.sqrt(np.outer(*diagonals))
    assert np.all(np.abs(found - exact) <= tol * scale)


def named(networks: dict[str, Network], slow: dict[str, Network]) -> list[Any]:
    quick = [pytest.param(network, id=name) for name, network in networks.items()]
    return quick + [pytest.param(network, id=name, marks=pytest.mark.slow) for name, network in slow.items()]


@pytest.mark.parametrize("network", named(ONE_NORM_NETWORKS, SLOW_NETWORKS))
def test_rows_of_one_norm_have_the_kernel_that_the_layers_give(network: Network) -> None:
    kernel = build(network)
    x, y = rows_of_one_norm(TILE + 20), rows_of_one_norm(30, seed=1)
    found = on_angle(kernel, x).route
    assert isinstance(found, ZonalRoute)
    assert found.reason in (ONE_NORM, HOMOGENEOUS)
    for data in ((x,), (x, y)):
        diagonals = [kernel.diag(points, get=BOTH) for points in (data[0], data[-1])]
        exact = kernel.on(*data, get=BOTH, route="layers").gram()
        for k, matrix in enumerate(on_angle(kernel, *data).gram()):
            assert_close(matrix, exact[k], (diagonals[0][k], diagonals[1][k]), kernel.tol)


@pytest.mark.parametrize("network", named(HOMOGENEOUS_NETWORKS, SLOW_HOMOGENEOUS_NETWORKS))
def test_homogeneous_networks_have_the_kernel_that_the_layers_give(network: Network) -> None:
    kernel = build(network)
    x, y = normal(TILE + 20), 3 * normal(30, seed=1)
    x[3], x[5], x[6], x[7], x[8] = 0, x[4], -2 * x[4], x[4] * 3, x[4] + 1e-9
    found = on_angle(kernel, x).route
    assert isinstance(found, ZonalRoute)
    assert found.reason == HOMOGENEOUS
    for data in ((x,), (x, y)):
        diagonals = [kernel.diag(points, get=BOTH) for points in (data[0], data[-1])]
        exact = kernel.on(*data, get=BOTH, route="layers").gram()
        for k, matrix in enumerate(on_angle(kernel, *data).gram()):
            # 1e-60: what the variance of a row of zeros is raised to, by layer
            assert np.all(
                np.abs(matrix - exact[k]) <= kernel.tol * np.sqrt(np.outer(diagonals[0][k], diagonals[1][k])) + 1e-60
            )


@pytest.mark.parametrize("network", named(ONE_NORM_NETWORKS, SLOW_NETWORKS))
def test_a_gram_matrix_is_one(network: Network) -> None:
    """Symmetric to the bit, with the diagonal of `diag`, equal rows equal, positive semi-definite up to tolerance."""
    kernel = build(network)
    x = rows_of_one_norm(2 * TILE + 9)
    for matrix, line in zip(on_angle(kernel, x).gram(), on_angle(kernel, x).diag(), strict=True):
        np.testing.assert_array_equal(matrix, matrix.T)
        np.testing.assert_array_equal(np.diagonal(matrix), line)
        assert matrix[4, 5] == matrix[4, 4]
        assert np.linalg.eigvalsh(matrix)[0] >= -kernel.tol * np.trace(matrix)


@pytest.mark.parametrize("name", ["relu", "erf without bias", "tanh"])
def test_the_function_holds_for_other_rows_of_this_norm_and_for_no_others(name: str) -> None:
    kernel = build(ONE_NORM_NETWORKS[name])
    x, y = rows_of_one_norm(20), rows_of_one_norm(20, seed=1)
    route = on_angle(kernel, x).route
    again = kernel.on(y, get=BOTH, route=route).gram()
    np.testing.assert_array_equal(again.ntk, on_angle(kernel, y).gram().ntk)
    with pytest.raises(ToleranceNotMet, match="other norms"):
        kernel.on(2 * x, get=BOTH, route=route).gram()


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
    found = on_angle(build(network), x, get=get).route
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


def test_a_series_layer_is_as_exact_as_its_closed_form() -> None:
    network, x = fully_connected("erf", 3, 1.5, 0.1), rows_of_one_norm(40)
    closed, series = (on_angle(build(network, derive=way), x).gram() for way in (derive, series_dual))
    for first, second in zip(closed, series, strict=True):
        assert np.abs(first - second).max() <= 2e-13 * np.abs(first).max()


def refusal(kernel: Kernel, x: np.ndarray, get: tuple[str, ...] = ("ntk",)) -> str:
    with pytest.raises(ToleranceNotMet, match="the angle route does not hold") as refused:
        on_angle(kernel, x, get=get).gram()
    return str(refused.value)


def test_few_points_do_not_pay_for_it() -> None:
    kernel = build(fully_connected("relu", 3))
    assert "few points" in str(kernel.on(rows_of_one_norm(100)).route)
    assert kernel.on(rows_of_one_norm(6000)).route.name == "angle"
    assert "few points" in str(build(fully_connected("relu", 0)).on(rows_of_one_norm(6000)).route)


def test_it_is_not_used_where_it_does_not_hold() -> None:
    x = rows_of_one_norm(20)
    apart = x.copy()
    apart[3] *= 1 + 1e-9
    assert "norm" in refusal(build(fully_connected("erf", 3, 1.5, 0.1)), apart)
    assert "norm" in refusal(build(fully_connected("erf", 3, 1.5, 0.1)), normal(20))
    assert "norm" in refusal(build(fully_connected("relu", 3, 1.5, 0.1)), normal(20))
    assert "norm" in refusal(build(fully_connected("max(x - 1, 0)", 3, 1.5)), normal(20))
    assert "norm" in refusal(build(fully_connected("tanh", 3, 1.5)), np.zeros((4, 3)))


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
    reason = refusal(build(network), rows_of_one_norm(20), get)
    assert "not accurate at every angle" in reason or "too many terms" in reason


def test_homogeneous_networks_leave_extreme_variances_to_the_layers() -> None:
    kernel = build(fully_connected("x**3", 2, 1.0))
    x = normal(10)
    x[0] *= 1e-9
    assert "range" in refusal(kernel, x)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_no_rows_one_row_two_rows(n: int) -> None:
    kernel = build(fully_connected("relu", 3, 1.5, 0.1))
    x = rows_of_one_norm(9)[:n]
    matrix = kernel(x)
    assert matrix.shape == (n, n)
    np.testing.assert_array_equal(np.diagonal(matrix), kernel.diag(x))


def test_nearly_one_norm_is_decided_by_the_tolerance() -> None:
    """The same rows, their norms apart by 1e-9: one norm for a tolerance of 1e-6, not for 1e-12."""
    x = rows_of_one_norm(20)
    x[3] *= 1 + 1e-9
    network = fully_connected("erf", 3, 1.5, 0.1)
    assert on_angle(build(network, tol=1e-6), x).route.name == "angle"
    assert "norms" in refusal(build(network, tol=1e-12), x)


def test_a_fit_is_made_once_for_equal_kernels_clones_and_other_rows_of_the_norm() -> None:
    network = fully_connected("erf", 3, 1.37, 0.1)
    kernel = build(network)
    on_angle(kernel, rows_of_one_norm(20)).gram()
    before = fitting.fits_made()
    for other in (build(network), pickle.loads(pickle.dumps(kernel)), copy.deepcopy(kernel)):
        on_angle(other, rows_of_one_norm(20, seed=1)).gram()
    assert fitting.fits_made() == before
    on_angle(build(fully_connected("erf", 3, 1.38, 0.1)), rows_of_one_norm(20)).gram()
    assert fitting.fits_made() == before + 1


def test_the_choice_is_told() -> None:
    kernel = build(fully_connected("relu", 3, 2**0.5))
    told = on_angle(kernel, normal(30)).explain()
    assert "one function of the angle" in told
    assert HOMOGENEOUS in told


@pytest.mark.parametrize("b_std", [None, 0.1])
def test_near_duplicates_keep_their_digits(b_std: float | None) -> None:
    network = fully_connected("relu", 3, 1.5, b_std)
    x = np.random.default_rng(2).normal(size=(8, 6))
    for k, distance in enumerate((1e-3, 1e-5, 1e-7, 1e-9), 1):
        x[k] = x[0] + distance * np.random.default_rng(k).normal(size=6)
    x[5], x[6] = -x[1], x[0]
    if b_std is not None:
        x *= np.sqrt(6) / np.linalg.norm(x, axis=1, keepdims=True)
    kernel = build(network)
    matrices = kernel.on(x, get=BOTH, route="angle").gram()
    for matrix, line in zip(matrices, kernel.diag(x, get=BOTH), strict=True):
        np.testing.assert_array_equal(matrix, matrix.T)
        assert matrix[6, 0] == line[0]
    for i, j in ((1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (5, 4), (7, 0)):
        for matrix, exact in zip(matrices, recursion(network, x[i], x[j], dps=45), strict=True):
            # of the diagonal: the norms of the rows of the second case differ by a few roundings
            assert abs(matrix[i, j] - exact) <= 2e-14 * np.sqrt(matrix[i, i] * matrix[j, j])
