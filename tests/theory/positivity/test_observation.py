"""What a verdict means for data: duplicates, antipodes, rays, zeros, eigenvalues and the floor of rounding."""

import json

import numpy as np
import pytest

import ntksym as nk
from ntksym.theory.positivity.decision import positivity


def sphere(n: int, d: int = 3, seed: int = 0) -> np.ndarray:
    x = np.random.default_rng(seed).normal(size=(n, d))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


RELU = nk.fully_connected("relu", 2)
SHALLOW = nk.fully_connected("relu", 1)


def test_distinct_rows_of_one_norm() -> None:
    found = positivity(RELU).on(sphere(40))
    assert found.positive is True
    assert found.one_norm
    assert found.smallest > found.floor
    assert found.numerical_rank == 40


def test_duplicates() -> None:
    x = sphere(20)
    x[[7, 9]] = x[3]
    found = positivity(RELU).on(x)
    assert (found.duplicates, found.positive, found.numerical_rank) == (3, False, 18)
    assert "equal" in found.reason
    assert found.smallest < found.floor


def test_antipodal_pairs() -> None:
    x = sphere(12)
    assert positivity(SHALLOW).on(x).positive is True
    x[5] = -x[4]
    assert positivity(SHALLOW).on(x).antipodal == 1
    assert positivity(SHALLOW).on(x).positive is None  # three such pairs on a circle would be needed
    assert positivity(nk.fully_connected("tanh", 2)).on(x).positive is False
    assert positivity(RELU).on(x).positive is True


def test_antipodal_pairs_that_rounding_has_moved() -> None:
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    found = positivity(SHALLOW).on(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    assert (found.antipodal, found.parallel, found.positive) == (30, 0, None)


def test_several_rows_on_one_line() -> None:
    x = np.array([[1.0, 2.0], [2.0, 4.0], [-1.0, -2.0], [1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [3.0, 1.0]])
    found = positivity(RELU).on(x)
    assert (found.duplicates, found.antipodal, found.parallel, found.zeros) == (2, 2, 3, 2)


def test_the_rank_of_a_polynomial_network() -> None:
    verdict = positivity(nk.fully_connected("x**2", 1))
    assert verdict.on(sphere(7)).positive is False
    assert "rank" in verdict.on(sphere(7)).reason
    assert verdict.on(sphere(7)).numerical_rank == 6
    assert verdict.on(sphere(6)).positive is None


def test_rays_and_zeros() -> None:
    x = np.random.default_rng(1).normal(size=(15, 4))
    assert positivity(RELU).on(x).positive is True
    x[3] = 2.5 * x[2]
    found = positivity(RELU).on(x)
    assert (found.parallel, found.positive) == (1, None)
    x[3] = 0
    found = positivity(RELU).on(x)
    assert (found.zeros, found.parallel, found.positive) == (1, 0, False)
    x[2] = -3 * x[1]
    assert positivity(nk.fully_connected("relu", 2, b_std=0.3)).on(x).positive is True


def test_eigenvalues_below_the_floor_are_called_so() -> None:
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    found = positivity(nk.fully_connected("erf", 1, b_std=0.1)).on(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    assert found.positive is True
    assert found.smallest <= found.floor
    assert "means nothing" in str(found)
    assert found.numerical_rank < 60


def test_a_given_matrix_is_used() -> None:
    x = sphere(30)
    kernel = nk.build(RELU)
    found = positivity(RELU).on(x, kernel(x))
    own = positivity(RELU).on(x)
    assert found.largest == pytest.approx(own.largest, rel=1e-13)
    assert found.smallest == pytest.approx(own.smallest, rel=1e-9)


def test_trained_zero_biases_need_the_matrix() -> None:
    verdict = positivity(SHALLOW, trained_zero_bias=True)
    with pytest.raises(nk.InvalidInput, match="gram="):
        verdict.on(sphere(5))
    assert verdict.on(sphere(5), np.eye(5)).positive is True


def test_no_rows_and_one() -> None:
    assert positivity(RELU).on(np.empty((0, 3))).positive is True
    assert positivity(RELU).on(sphere(1)).numerical_rank == 1


def test_plain_data() -> None:
    assert json.loads(json.dumps(positivity(RELU).on(sphere(4)).to_dict()))["rows"] == 4


@pytest.mark.parametrize(
    ("X", "matrix", "match"),
    [
        (np.ones(3), None, "matrix"),
        (np.full((2, 2), np.nan), None, "finite"),
        (np.array([["a"]]), None, "real"),
        (np.ones((2, 0)), None, "matrix"),
        (np.eye(3), np.eye(2), "shape"),
        (np.ones((2001, 1)), None, "gram="),
    ],
)
def test_bad_data_are_refused(X: np.ndarray, matrix: np.ndarray | None, match: str) -> None:
    with pytest.raises(nk.InvalidInput, match=match):
        positivity(RELU).on(X, matrix)


def test_two_points_on_a_line() -> None:
    assert positivity(SHALLOW).on([[1.0], [-1.0]]).positive is True
    assert positivity(nk.fully_connected("tanh", 1)).on([[1.0], [-1.0]]).positive is False


def test_rows_of_any_size() -> None:
    x = np.random.default_rng(0).normal(size=(6, 3))
    for scale in (1e-200, 1e-300, 1e30):
        found = positivity(RELU).on(x * scale)
        assert (found.duplicates, found.zeros, found.parallel, found.positive) == (0, 0, 0, True)
    with pytest.raises(nk.InvalidInput, match="scale"):
        positivity(RELU).on(x * 1e200)


def test_the_floor_knows_the_error_of_a_series() -> None:
    found = positivity(nk.fully_connected("tanh", 1)).on([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    assert found.positive is False
    assert found.numerical_rank == 2


def test_opposite_rows_that_differ_in_their_last_bits_are_opposite() -> None:
    """Both lie within rounding of one line: neither bins of decimals nor the largest coordinate may separate them."""
    rows = [
        [-0.1636903257506091, 0.28868792132565496, -0.9433264341341928],
        [0.16369032575060913, -0.288687921325655, 0.943326434134193],
    ]
    found = positivity(nk.fully_connected("tanh", 1)).on(rows)
    assert (found.antipodal, found.parallel, found.positive) == (1, 0, False)


@pytest.mark.parametrize("count", [6, 46, 100, 1000])
def test_every_point_of_an_even_polygon_has_its_opposite(count: int) -> None:
    angles = 2 * np.pi * np.arange(count) / count
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    found = positivity(nk.fully_connected("tanh", 1)).on(circle, gram=np.eye(count))
    assert (found.antipodal, found.parallel, found.duplicates, found.one_norm) == (count // 2, 0, 0, True)
    turned = circle @ np.array([[0.6, 0.8], [-0.8, 0.6]]) * np.random.default_rng(1).uniform(0.5, 2, (count, 1))
    found = positivity(nk.fully_connected("tanh", 1)).on(turned, gram=np.eye(count))
    assert (found.antipodal, found.parallel, found.one_norm) == (0, count // 2, False)


def test_the_statement_names_its_tolerance() -> None:
    rows = np.random.default_rng(0).normal(size=(4, 3))
    on_sphere = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    for points in (rows, on_sphere):
        assert "1.4e-14" in positivity(nk.fully_connected("tanh", 1)).on(points).reason
    assert "1.4e-14" in positivity(nk.fully_connected("relu", 2)).on(on_sphere).reason
