"""States of rows: closed and series layers one after the other, for one set of data or two."""

import numpy as np
import pytest

from ntksym.dual.derivation import derive
from ntksym.gram.rows import RowStates
from ntksym.lowering.templates.frame import TILE
from ntksym.network.layers import Dense, fully_connected, serial
from tests.lowering.machines import Machine, machine
from tests.oracle import float_recursion_at

EPSILON = float(np.finfo(np.float64).eps)

NETWORKS = {
    "series": fully_connected("tanh", 3, 1.5, 0.1),
    "closed": fully_connected("relu", 3, 1.5, 0.1),
    "series last": serial(Dense(1.4), "relu", Dense(0.8), Dense(1.1, 0.2), "sigmoid", Dense(1.3)),
    "series first": serial(Dense(1.4, 0.3), "tanh", Dense(1.1), "relu", Dense(1.3), "relu", Dense(2.0)),
    "linear": fully_connected("relu", 0, 1.2, 0.1),
}


def data(n: int, d: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def built(name: str) -> Machine:
    return machine(NETWORKS[name], derive)


@pytest.mark.parametrize("name", NETWORKS)
def test_variances_and_tangents_follow_the_recursion(name: str) -> None:
    x = data(TILE + 5)
    x[3] = 0
    (states,) = built(name).states(x)
    q = (x**2).sum(axis=1) / 5
    exact = float_recursion_at(NETWORKS[name], q, q, q)
    depth = len(built(name).plan.hidden)
    # value and slope of a series on the diagonal are the integrals that `evaluate` uses there
    np.testing.assert_allclose(states.variance(depth), exact.nngp, rtol=32 * EPSILON, atol=1e-69)
    np.testing.assert_allclose(states.tangent, exact.ntk, rtol=64 * EPSILON, atol=1e-69)


@pytest.mark.parametrize("name", NETWORKS)
def test_two_sets_are_two_sets_of_one_layout(name: str) -> None:
    """Their series have the same terms, else they could not be paired."""
    engine = built(name)
    x, y = data(TILE + 5), 3 * data(2 * TILE, seed=1)
    both = engine.states(x, y)
    for together, points in zip(both, (x, y), strict=True):
        (alone,) = engine.states(points)
        assert together.count == len(points)
        # to rounding: the coefficients at the variances of both come from one product of matrices
        np.testing.assert_allclose(together.variances[:, -1], alone.variances[:, -1], rtol=32 * EPSILON)
        np.testing.assert_allclose(together.tangent, alone.tangent, rtol=64 * EPSILON)
    first, second = (states.layout for states in both)
    np.testing.assert_array_equal(first[:, 1:], second[:, 1:])
    np.testing.assert_array_equal(second[:, 0] - first[:, 0], 2 * first[:, 1])  # the blocks of x lie in front
    assert both[0].rows is both[1].rows


@pytest.mark.parametrize("name", NETWORKS)
def test_the_diagonal_alone_is_the_same_and_keeps_no_coefficients(name: str) -> None:
    engine = built(name)
    x = data(5 * TILE + 1)
    (whole,), (diagonal,) = engine.states(x), engine.states(x, pairs=False)
    np.testing.assert_array_equal(diagonal.variances, whole.variances)
    np.testing.assert_array_equal(diagonal.tangents, whole.tangents)
    if name == "series":
        assert len(diagonal.rows) < 0.2 * len(whole.rows)


def test_layers_of_more_terms_than_expected_find_room() -> None:
    """The memory is guessed from the first series; behind it the variances, and the terms they need, are larger."""
    network = serial(Dense(0.3), "tanh", Dense(6.0), "tanh", Dense(1.0), "erf", Dense(9.0), "tanh", Dense())
    x = data(TILE)
    (states,) = machine(network, derive).states(x)
    begins, sizes = states.layout[:, 0], states.layout[:, 1]
    np.testing.assert_array_equal(begins, np.cumsum([0, *sizes[:-1]]))
    assert sizes[1] > 2 * sizes[0]
    for layer, (first, size) in enumerate(zip(begins, sizes, strict=True)):
        block = states.rows[first : first + size].reshape(-1, TILE)
        np.testing.assert_allclose(block[0], np.sqrt(states.variance(layer)), rtol=4 * EPSILON)


@pytest.mark.parametrize("name", ["series", "closed", "series first"])
def test_every_boundary_is_checked_in_order_and_before_a_series_is_expanded(name: str) -> None:
    engine = built(name)
    seen: list[tuple[int, int]] = []

    def check(states: RowStates, number: int, layer: int) -> None:
        assert np.isfinite(states.variance(layer)).all()
        seen.append((layer, number))
        if layer == 2:
            raise ArithmeticError("stop")

    with pytest.raises(ArithmeticError, match="stop"):
        engine.states(data(9), data(3), check=check)
    assert seen == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]


@pytest.mark.parametrize("pairs", [True, False])
def test_no_rows_have_no_states(pairs: bool) -> None:
    for states in built("series").states(data(0), data(0), pairs=pairs):
        assert states.variance(3).shape == states.tangent.shape == (0,)
