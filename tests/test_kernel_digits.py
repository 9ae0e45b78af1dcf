"""Kernels at small and large variances, where closed forms lose their digits: series take over, and none is lost."""

from dataclasses import replace

import numpy as np
import pytest

from ntksym.dual.derivation import derive
from ntksym.errors import ToleranceNotMet
from ntksym.gram.layer_route import LayerRoute
from ntksym.kernel import Kernel, build
from ntksym.network.layers import Dense, fully_connected, serial
from tests.oracle import recursion

BOTH = ("nngp", "ntk")


def data(scale: float, n: int = 12) -> np.ndarray:
    """With equal, opposite and nearly equal rows."""
    x = scale * np.random.default_rng(0).normal(size=(n, 5))
    x[3], x[4], x[5] = x[2], -x[2], x[2] * (1 + 1e-7)
    return x


@pytest.mark.parametrize(
    ("name", "depth", "scale"),
    [
        ("snake", 2, 1e-5),
        ("expm1", 1, 1e-3),
        pytest.param("expm1", 2, 1e-9, marks=pytest.mark.slow),
        pytest.param("elu", 2, 1e-4, marks=pytest.mark.slow),
        pytest.param("elu", 3, 1e-8, marks=pytest.mark.slow),
        pytest.param("hardtanh", 2, 1e3, marks=pytest.mark.slow),
        pytest.param("epanechnikov", 1, 30.0, marks=pytest.mark.slow),
    ],
)
def test_entries_keep_the_tolerance(name: str, depth: int, scale: float) -> None:
    network = fully_connected(name, depth)
    kernel, x = build(network), data(scale)
    matrices, lines = kernel(x, get=BOTH), kernel.diag(x, get=BOTH)
    for matrix, line in zip(matrices, lines, strict=True):
        np.testing.assert_array_equal(matrix, matrix.T)
        np.testing.assert_array_equal(np.diagonal(matrix), line)
    for i, j in [(0, 0), (1, 0), (3, 2), (5, 2), (4, 2), (7, 6)]:
        for matrix, line, exact in zip(matrices, lines, recursion(network, x[i], x[j]), strict=True):
            assert abs(matrix[i, j] - float(exact)) <= kernel.tol * np.sqrt(line[i] * line[j])


def test_pairs_that_series_leave_out_keep_their_digits() -> None:
    """They are evaluated one by one, in closed form where that is accurate at these variances, and only there."""
    network = fully_connected("snake", 1)
    x = data(1e-5)
    route = build(network).on(x, route="series").route
    assert isinstance(route, LayerRoute)
    assert route.lowering.single == ("series",)
    ordinary = build(network).on(data(1.0), route="series").route
    assert isinstance(ordinary, LayerRoute)
    assert ordinary.lowering.single == ("closed",)
    with pytest.raises(ToleranceNotMet, match="lose their digits"):
        build(network).on(x, route=replace(ordinary, data=route.data)).gram()


def test_ordinary_data_keep_the_closed_form() -> None:
    kernel = build(fully_connected("expm1", 2))
    assert "layer 1: expm1 is summed" not in kernel.explain(data(1.0))
    text = kernel.explain(data(1e-4))
    assert "layer 1: expm1 is summed" in text
    assert "lose digits" in text


def test_variances_that_fall_below_in_a_later_layer_count() -> None:
    kernel = build(fully_connected("snake", 12, 0.3))
    x = data(1.0)
    assert "is summed" in kernel.explain(x)
    exact = recursion(kernel.network, x[0], x[1])
    line = kernel.diag(x)
    assert abs(kernel(x)[0, 1] - float(exact[1])) <= kernel.tol * np.sqrt(line[0] * line[1])


def test_distances_at_small_variances() -> None:
    kernel = build(fully_connected("snake", 2), tol=1e-11)
    x = data(1e-6)
    found = kernel.distance(x, get="nngp")
    # snake is x + sin(x)**2 and so the identity there, up to 1e-11
    exact = ((x[:, None] - x[None]) ** 2).sum(axis=2) / x.shape[1]
    np.testing.assert_allclose(found, exact, rtol=1e-6, atol=1e-30)


def test_a_row_of_zeros_beside_others() -> None:
    kernel = build(fully_connected("expm1", 2, 0.7))
    x = data(0.5)
    x[6] = 0
    matrix = kernel(x)
    assert np.all(np.abs(matrix[6]) <= 1e-60)
    others = np.delete(np.arange(len(x)), 6)
    expected = kernel(x[others])
    np.testing.assert_allclose(matrix[np.ix_(others, others)], expected, rtol=0, atol=kernel.tol * expected.max())


@pytest.mark.parametrize(("scale", "route"), [(0.0, "layers"), (0.0, "angle"), (1e-160, "layers")])
def test_rows_below_the_smallest_variance_are_exact_zeros(scale: float, route: str) -> None:
    """Their entries are below 1e-70; the smallest variance in their place gave them wrong correlations."""
    kernel, x = build(fully_connected("relu", 3, 1.5)), data(1.0)
    x[1] *= scale
    on = kernel.on(x, get=BOTH, route=route)
    for matrix, line in zip(on.gram(), on.diag(), strict=True):
        assert not matrix[1].any()
        assert not matrix[:, 1].any()
        assert line[1] == 0
        assert np.count_nonzero(matrix[0]) == len(x) - 1


def test_all_rows_below_the_smallest_variance_make_a_zero_matrix() -> None:
    for name in ("tanh", "gelu"):
        kernel = build(fully_connected(name, 2, 1.5))
        assert not kernel(data(1e-160)).any()
        assert not kernel.diag(data(1e-160)).any()


def test_zero_rows_keep_what_a_function_or_a_bias_makes_of_zero() -> None:
    x = data(1.0)
    x[1] = 0
    cosine, biased = build(fully_connected("cos(x)", 1, 1.5)), build(fully_connected("relu", 2, 1.5, 0.1))
    assert cosine(x)[1, 1] == cosine.diag(x)[1] == 1.5**2
    exact = [float(part) for part in recursion(biased.network, x[1], x[0])]
    np.testing.assert_allclose([part[1, 0] for part in biased(x, get=BOTH)], exact, rtol=1e-13)


def test_what_is_homogeneous_never_loses_digits() -> None:
    assert [derive(name).accurate_range.is_limited for name in ("relu", "abs", "x**3", "elu", "tanh")] == [
        False,
        False,
        False,
        True,
        False,
    ]
    kernel: Kernel = build(fully_connected("relu", 3))
    assert kernel.on(data(1e-40)).route.lowering.forms == ("closed",) * 3


def test_only_the_layers_that_lose_digits_take_their_series() -> None:
    """snake loses its digits behind the second Dense layer; erf keeps them before and behind."""
    network = serial(Dense(1.4), "erf", Dense(1e-5), "snake", Dense(1e5), "erf", Dense())
    kernel, x = build(network), data(1.0)
    assert kernel.on(x).route.lowering.forms == ("closed", "series", "closed")
    matrix, line = kernel(x), kernel.diag(x)
    np.testing.assert_array_equal(np.diagonal(matrix), line)
