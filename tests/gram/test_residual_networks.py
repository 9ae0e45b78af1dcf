"""Gram matrices, distances and bounds of networks with residual branches, against the recursion in 30 digits."""

import itertools

import numpy as np
import pytest

import ntksym as nk
from ntksym.gram.angle_route import is_homogeneous
from ntksym.network.layers import Dense, Network, residual, serial
from tests.oracle import Kernels, distances, recursion

EPSILON = float(np.finfo(np.float64).eps)
BOTH = "nngp", "ntk"

PLAIN = serial(Dense(1.2), residual("relu", Dense(0.7)), "relu", Dense(1.0))
CHAIN = serial(Dense(1.2, 0.1), residual("relu", Dense(0.7, 0.2)), residual("relu", Dense(0.7, 0.2)))
NESTED = serial(
    Dense(1.1, 0.2),
    residual(residual("elu", Dense(0.6)), "erf(x)", Dense(0.8), residual(Dense(0.3, 0.1), "relu", Dense(0.9))),
    "gelu",
    Dense(1.0, 0.1),
)
LINEAR = serial(Dense(1.1, 0.1), residual(Dense(0.5)), residual(Dense(0.5, 0.3), Dense(0.4)))
SERIES = serial(Dense(1.1, 0.1), residual("tanh", Dense(0.7)), "tanh", Dense(1.2))

NETWORKS = {"plain": PLAIN, "chain": CHAIN, "nested": NESTED, "linear": LINEAR}


def points() -> np.ndarray:
    """A point, its neighbours 1e-2 to 1e-9 away, itself, its antipode and a neighbour of that, a multiple; others."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=6)
    near = [x + distance * rng.normal(size=6) for distance in (1e-2, 1e-4, 1e-6, 1e-9)]
    return np.array([x, *near, x, -x, 1e-6 * rng.normal(size=6) - x, 1.7 * x, *rng.normal(size=(2, 6))])


def pairs_of(x: np.ndarray) -> list[tuple[int, int]]:
    return [(i, j) for i, j in itertools.product(range(len(x)), repeat=2) if j <= i]


def worst_error(network: Network, x: np.ndarray, found: Kernels, pairs: list[tuple[int, int]], dps: int = 30) -> float:
    """The largest error of both kernels, relative to sqrt(K(x, x) K(y, y))."""
    worst = 0.0
    for i, j in pairs:
        exact = recursion(network, x[i], x[j], dps=dps)
        for matrix, entry in zip(found, exact, strict=True):
            worst = max(worst, abs(float(matrix[i, j] - entry)) / np.sqrt(matrix[i, i] * matrix[j, j]))
    return worst


@pytest.mark.slow
@pytest.mark.parametrize("name", list(NETWORKS))
def test_entries_of_the_layers_are_right_to_rounding_also_for_neighbours_and_antipodes(name: str) -> None:
    x = points()
    found = nk.build(NETWORKS[name])(x, get=BOTH)
    assert worst_error(NETWORKS[name], x, found, pairs_of(x)) < 16 * EPSILON


@pytest.mark.parametrize(
    "route",
    ["angle", pytest.param("table", marks=pytest.mark.slow), pytest.param("closed", marks=pytest.mark.slow), "series"],
)
def test_every_route_of_a_homogeneous_network_gives_the_same_entries(route: str) -> None:
    x = points()
    data = nk.build(PLAIN).on(x, get=BOTH, route=route)
    found = data.gram()
    error = worst_error(PLAIN, x, found, pairs_of(x))
    assert error < 1e-13
    assert error <= max(data.error_bound())


def test_a_series_in_a_branch_stays_within_its_bound() -> None:
    """A point, a near one, the opposite and another one; the integrals have eight digits more than the bound."""
    x = points()[[0, 3, 6, 9]]
    data = nk.build(SERIES).on(x, get=BOTH)
    pairs = [(0, 0), (1, 0), (2, 0), (3, 0), (3, 1)]
    assert worst_error(SERIES, x, data.gram(), pairs, dps=20) <= max(data.error_bound()) < 1e-12


@pytest.mark.parametrize("network", [CHAIN, pytest.param(NESTED, marks=pytest.mark.slow)])
def test_matrices_are_symmetric_and_their_diagonal_is_that_of_diag(network: Network) -> None:
    x = np.random.default_rng(1).normal(size=(130, 40))
    kernel = nk.build(network)
    found, alone = kernel(x, get=BOTH), kernel.diag(x, get=BOTH)
    for matrix, diagonal in zip(found, alone, strict=True):
        assert np.array_equal(matrix, matrix.T)
        assert np.array_equal(np.diag(matrix), diagonal)


def test_a_point_that_comes_twice_has_the_entry_of_the_diagonal_whatever_its_inner_product_lost() -> None:
    x = np.random.default_rng(2).normal(size=(70, 3000))
    kernel = nk.build(CHAIN)
    found, diagonal = kernel(x, x.copy(), get=BOTH), kernel.diag(x, get=BOTH)
    for matrix, exact in zip(found, diagonal, strict=True):
        np.testing.assert_allclose(np.diag(matrix), exact, rtol=8 * EPSILON)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(NETWORKS))
def test_distances_of_neighbours_keep_their_digits(name: str) -> None:
    x = points()
    found = nk.build(NETWORKS[name]).distance(x, get=BOTH)
    for i in range(1, len(x)):
        exact = distances(NETWORKS[name], x[i], x[0])
        for matrix, entry in zip(found, exact, strict=True):
            assert abs(matrix[i, 0] - float(entry)) <= 1e-13 * float(entry), i


def test_blocks_that_are_not_preactivated_are_refused_with_a_way_out() -> None:
    with pytest.raises(nk.InvalidInput, match="put a Dense"):
        serial(Dense(), "relu", residual("relu", Dense()), Dense())


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (PLAIN, True),
        (serial(Dense(), residual("relu", Dense(), "abs(x)", Dense())), True),
        (LINEAR, False),  # it has biases
        (serial(Dense(), residual("x**2", Dense())), False),  # q + 2 q**2
        (serial(Dense(), residual("sign(x)", Dense()), "relu", Dense()), False),
        (serial(Dense(), residual(Dense())), True),
    ],
)
def test_a_sum_is_homogeneous_only_if_its_parts_have_one_degree(network: Network, expected: bool) -> None:
    assert is_homogeneous(nk.build(network).layers) == expected


def test_explanation_says_where_branches_begin_and_end() -> None:
    text = nk.build(NESTED).explain()
    assert "in front of it begins: 2 branches" in text
    assert text.count("is added to what went in") == 2
