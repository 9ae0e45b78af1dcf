"""Squared distances between points as a network sees them, against mpmath at 70 digits on the exact floats."""

from collections.abc import Iterator

import mpmath
import numpy as np
import pytest

from ntksym.errors import NoSuchDual, ToleranceNotMet
from ntksym.kernel import build
from ntksym.lowering.templates.frame import TILE
from ntksym.network.layers import fully_connected
from tests.oracle import distances

EPSILON = float(np.finfo(np.float64).eps)

DIGITS = 1e-12
"""Relative error that a distance may have."""

DIMENSION = 5


def pairs(relative: np.ndarray, kind: str) -> Iterator[np.ndarray]:
    """Two points at these distances, relative to the first."""
    random = np.random.default_rng(7)
    for distance in relative:
        x, u = random.normal(size=(2, DIMENSION))
        if kind == "one norm":
            u -= (u @ x) / (x @ x) * x
            y = x * np.cos(distance) + u * (np.sin(distance) * np.linalg.norm(x) / np.linalg.norm(u))
        else:
            y = x + distance * u
        yield np.stack([x, -y if kind == "opposite" else y])


CASES = [
    ("relu", 3, 0.1),
    ("abs", 2, None),
    ("gelu", 2, 0.1),  # the derivative of its slope is a series
    *(
        pytest.param(*case, marks=pytest.mark.slow)
        for case in [
            ("relu", 10, None),
            ("sin", 2, 0.1),
            ("leaky_relu", 3, 0.1),
            ("erf", 3, 0.1),
            ("selu", 1, 0.1),
            ("hard_tanh", 2, 0.1),
        ]
    ),
]


@pytest.mark.parametrize("kind", ["one norm", "any"])
@pytest.mark.parametrize(("name", "depth", "bias"), CASES)
def test_distances_keep_twelve_digits(name: str, depth: int, bias: float | None, kind: str) -> None:
    network = fully_connected(name, depth, 2**0.5, bias)
    kernel = build(network)
    for x in pairs(10.0 ** -np.arange(1.0, 10.0, 2.0), kind):
        found = kernel.distance(x, get=("nngp", "ntk"))
        for matrix, exact in zip(found, distances(network, *x), strict=True):
            np.testing.assert_array_equal(matrix, matrix.T)
            np.testing.assert_array_equal(np.diagonal(matrix), 0.0)
            assert abs(matrix[0, 1] / exact - 1) <= DIGITS


def test_an_even_activation_brings_antipodes_together() -> None:
    network = fully_connected("abs", 2, 1.2)
    kernel = build(network)
    for x in pairs(np.array([1e-3, 1e-6, 1e-9]), "opposite"):
        for matrix, exact in zip(kernel.distance(x, get=("nngp", "ntk")), distances(network, *x), strict=True):
            assert abs(matrix[0, 1] / exact - 1) <= DIGITS


def cloud(n: int) -> np.ndarray:
    x = np.random.default_rng(8).normal(size=(n, 6))
    x[n // 2 :] = x[: n - n // 2] * (1 + 1e-7 * np.random.default_rng(9).normal(size=(n - n // 2, 6)))
    x[-2] = x[0]
    return x


@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_a_matrix_of_distances_is_one(name: str) -> None:
    kernel = build(fully_connected(name, 2, 1.4, 0.1))
    x = cloud(TILE + 20)
    found = kernel.distance(x, get=("nngp", "ntk"))
    for matrix, entries in zip(found, kernel(x, get=("nngp", "ntk")), strict=True):
        diagonal = np.diagonal(entries)
        np.testing.assert_array_equal(matrix, matrix.T)
        assert matrix.min() == 0.0
        assert matrix[-2, 0] == 0.0
        subtracted = diagonal[:, None] + diagonal - 2 * entries
        # a subtraction of entries, which are wrong by some roundings of the largest
        np.testing.assert_allclose(matrix, subtracted, rtol=0, atol=1e-12 * entries.max())
    across = kernel.distance(x[:30], x[20:].copy())
    np.testing.assert_allclose(across, found.ntk[:30, 20:], rtol=DIGITS, atol=1e-25)


def test_zeros_float32_and_nothing() -> None:
    x = cloud(12)
    x[3] = x[4] = 0.0
    kernel = build(fully_connected("relu", 2, 1.4))
    found = kernel.distance(x)
    np.testing.assert_allclose(found[3], kernel.diag(x), rtol=64 * EPSILON, atol=1e-60)
    rounded = build(fully_connected("relu", 2, 1.4), dtype="float32").distance(x)
    np.testing.assert_array_equal(rounded, found.astype(np.float32))
    assert kernel.distance(x[:0]).shape == (0, 0)
    assert kernel.distance(x, x[:0]).shape == (12, 0)


def test_a_linear_network_has_the_distances_of_the_points() -> None:
    kernel = build(fully_connected("relu", 0, 1.5, 0.3))
    for x in pairs(10.0 ** -np.arange(1.0, 10.0, 2.0), "any"):
        exact = 1.5**2 * np.sum((x[0] - x[1]) ** 2) / DIMENSION
        found = kernel.distance(x, get=("nngp", "ntk"))
        assert found.nngp[0, 1] == pytest.approx(exact, rel=64 * EPSILON)
        assert found.ntk[0, 1] == pytest.approx(exact, rel=64 * EPSILON)


def test_what_cannot_be_carried_is_refused() -> None:
    with pytest.raises(ToleranceNotMet, match="subtract entries"):
        build(fully_connected("max(tanh(x), 0)", 1, 1.2)).distance(cloud(6))
    with pytest.raises(NoSuchDual, match="nngp"):
        build(fully_connected("step", 1)).distance(cloud(4))


def test_the_nngp_of_a_step_has_distances() -> None:
    kernel = build(fully_connected("step", 1))
    for x in pairs(np.array([1e-3, 1e-6, 1e-9]), "one norm"):
        with mpmath.workdps(60):
            first, second = ([mpmath.mpf(float(entry)) for entry in point] for point in x)
            squares = mpmath.fdot(first, first) * mpmath.fdot(second, second)
            product = mpmath.fdot(first, second)
            angle = mpmath.atan2(mpmath.sqrt(squares - product**2), product)
        assert kernel.distance(x, get="nngp")[0, 1] == pytest.approx(float(angle / mpmath.pi), rel=DIGITS)
