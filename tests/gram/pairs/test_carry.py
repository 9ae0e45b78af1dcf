"""Pairs of rows that are nearly parallel: their entries against mpmath at 50 digits on the exact floats."""

from collections.abc import Iterator

import mpmath
import numpy as np
import pytest

from ntksym.activation.activation import Activation
from ntksym.dual import series_dual
from ntksym.dual.derivation import derive
from ntksym.gram.pairs import deferred
from ntksym.gram.pairs.carry import advance
from ntksym.gram.schedule import LayerPlan
from ntksym.kernel import Kernel, build
from ntksym.lowering.templates.deferral import NEAREST
from ntksym.lowering.templates.frame import TILE
from ntksym.network.layers import Dense, Network, fully_connected, serial
from ntksym.network.recursion import begin
from tests.lowering.machines import Machine, machine
from tests.oracle import recursion, recursion_at

EPSILON = float(np.finfo(np.float64).eps)

SMALL = 2e-13
"""Relative error that an entry may have; an angle of 0.01 from inner products alone would give ten times that."""

DIMENSION = 5


def rows(distances: np.ndarray, kind: str, seed: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs x, y at these distances, relative to x."""
    random = np.random.default_rng(seed)
    for distance in distances:
        x, u = random.normal(size=(2, DIMENSION))
        u -= (u @ x) / (x @ x) * x
        u *= np.linalg.norm(x) / np.linalg.norm(u)
        turned = x * np.cos(distance) + u * np.sin(distance)
        placed = {"one norm": turned, "two norms": 1.7 * turned, "any": x + distance * (x + u), "opposite": -turned}
        yield x, placed[kind]


def errors(network: Network, kernel: Kernel | Machine, kind: str, distances: np.ndarray) -> np.ndarray:
    """Of NNGP and NTK, relative to the diagonal."""
    found = []
    for x, y in rows(distances, kind):
        data = np.stack([x, y])
        entries = kernel(data) if isinstance(kernel, Machine) else kernel(data, get=("nngp", "ntk"))
        exact = recursion(network, x, y, dps=40)
        for matrix, number in zip(entries, exact, strict=True):
            assert matrix[0, 1] == matrix[1, 0]
            found.append(float(abs(matrix[0, 1] - number) / mpmath.sqrt(matrix[0, 0] * matrix[1, 1])))
    return np.array(found).reshape(-1, 2).max(axis=0)


RECTIFIERS = [
    ("relu", 3, 0.1),
    ("relu", 10, None),
    ("abs", 3, None),
    *(
        pytest.param(*case, marks=pytest.mark.slow)
        for case in (("relu", 1, None), ("leaky_relu", 3, 0.1), ("abs", 10, 0.1))
    ),
]
OTHERS = [
    ("selu", 1, 0.1),
    *(pytest.param(*case, marks=pytest.mark.slow) for case in (("hard_tanh", 1, None), ("hard_tanh", 3, 0.1))),
]


@pytest.mark.parametrize("kind", ["one norm", "two norms", "any", "opposite"])
@pytest.mark.parametrize(("name", "depth", "bias"), RECTIFIERS)
def test_entries_keep_their_digits_at_every_distance(name: str, depth: int, bias: float | None, kind: str) -> None:
    network = fully_connected(name, depth, 2**0.5, bias)
    nngp, ntk = errors(network, build(network), kind, 10.0 ** -np.arange(2, 10))
    assert nngp <= (4 + 2 * depth) * EPSILON
    assert ntk <= SMALL


@pytest.mark.parametrize(
    "kind", ["any", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("one norm", "opposite"))]
)
@pytest.mark.parametrize(("name", "depth", "bias"), OTHERS)
def test_so_they_do_where_the_activation_has_a_scale(name: str, depth: int, bias: float | None, kind: str) -> None:
    network = fully_connected(name, depth, 2**0.5, bias)
    nngp, ntk = errors(network, build(network), kind, np.array([1e-2, 1e-3, 1e-5, 1e-7, 1e-9]))
    assert nngp <= 64 * EPSILON  # bivariate normal distribution functions cancel in the value
    assert ntk <= SMALL


def test_an_antipode_of_a_rectifier_has_a_small_entry_that_is_exact_too() -> None:
    network = fully_connected("relu", 1, 2**0.5)
    kernel = build(network)
    for x, y in rows(10.0 ** -np.arange(3.0, 10.0), "opposite"):
        assert abs(kernel(np.stack([x, y]))[0, 1] / recursion(network, x, y, dps=40).ntk - 1) <= SMALL


def test_a_smooth_layer_between_two_kinks_carries_the_distance() -> None:
    network = serial(Dense(1.4), "relu", Dense(1.1, 0.2), "gelu", Dense(0.9), Dense(1.2), "abs", Dense(1.3, 0.1))
    nngp, ntk = errors(network, build(network), "any", 10.0 ** -np.arange(2, 10))
    assert nngp <= 16 * EPSILON
    assert ntk <= SMALL


def test_series_are_integrated_at_the_distance_itself() -> None:
    network = fully_connected("leaky_relu", 2, 1.4, 0.1)
    engine = machine(network, series_dual)
    nngp, ntk = errors(network, engine, "any", np.array([1e-2, 1e-4, 1e-7, 1e-9]))
    assert nngp <= 256 * EPSILON  # an integral settles to 1e-14
    assert ntk <= SMALL


@pytest.mark.parametrize("bias", [None, 0.1])
def test_the_nngp_of_a_jump_keeps_its_digits(bias: float | None) -> None:
    network = fully_connected("step", 2, 2**0.5, bias)
    kernel = build(network)
    for x, y in rows(10.0 ** -np.arange(2, 10), "any"):
        with mpmath.workdps(50):
            state = begin(*(mpmath.fdot(u, v) / DIMENSION for u, v in ((x, x), (y, y), (x, y))))
            half = mpmath.mpf(1) / 2
            q1, q2, c = (2 * entry + mpmath.mpf(bias or 0) ** 2 for entry in (state.q1, state.q2, state.c))
            for _ in range(2):
                value = half - mpmath.atan2(mpmath.sqrt(q1 * q2 - c * c), c) / (2 * mpmath.pi)
                q1 = q2 = 1 + mpmath.mpf(bias or 0) ** 2
                c = 2 * value + mpmath.mpf(bias or 0) ** 2
        # the angle that a rounding error of sqrt(q) is appears under the root of the second layer
        assert abs(kernel(np.stack([x, y]), get="nngp")[0, 1] - c) <= 1e-13 * q1


@pytest.mark.parametrize("name", ["relu", "selu", "abs"])
def test_rows_that_are_equal_have_the_entries_of_the_diagonal(name: str) -> None:
    kernel = build(fully_connected(name, 3, 1.3, 0.1))
    x = np.repeat(np.random.default_rng(1).normal(size=(3, 4)), TILE, axis=0)
    answer = kernel(x, get=("nngp", "ntk"))
    for matrix, diagonal in zip(answer, kernel.diag(x, get=("nngp", "ntk")), strict=True):
        np.testing.assert_array_equal(matrix, matrix.T)
        np.testing.assert_array_equal(np.diagonal(matrix), diagonal)
        same = matrix[:TILE, :TILE]
        np.testing.assert_allclose(same, diagonal[0], rtol=8 * EPSILON, atol=0)
    across = kernel(x[:2], x[1:4].copy())
    np.testing.assert_allclose(across, answer.ntk[:2, 1:4], rtol=8 * EPSILON)


def test_rows_of_one_feature_are_all_parallel() -> None:
    kernel = build(fully_connected("relu", 3, 2**0.5))
    x = np.random.default_rng(2).normal(size=(TILE + 9, 1))
    x[5] = 0.0
    nngp, ntk = kernel(x, get=("nngp", "ntk"))
    positive = np.maximum(x, 0) @ np.maximum(x, 0).T + np.maximum(-x, 0) @ np.maximum(-x, 0).T
    # relu: K = p/2 at rho = 1, and a product of two positive numbers is nearly nothing at rho = -1 in the first layer
    same = positive > 0
    scale = 2 * np.abs(x @ x.T)[same]
    np.testing.assert_allclose(nngp[same], scale, rtol=64 * EPSILON)
    np.testing.assert_allclose(ntk[same], 4 * scale, rtol=64 * EPSILON)
    assert np.abs(ntk[5]).max() <= 1e-60  # the root of the smallest variance


def test_rows_of_zeros_have_the_bias_alone() -> None:
    kernel = build(fully_connected("relu", 2, 1.2, 0.3))
    x = np.zeros((3, 4))
    x[2] = 1e-9
    nngp, ntk = kernel(x, get=("nngp", "ntk"))
    diagonal = kernel.diag(x[:1], get=("nngp", "ntk"))
    np.testing.assert_allclose(nngp[:2, :2], diagonal.nngp[0], rtol=8 * EPSILON)
    np.testing.assert_allclose(ntk[:2, :2], diagonal.ntk[0], rtol=8 * EPSILON)
    exact = recursion(kernel.network, x[0], x[2], dps=40)
    assert abs(ntk[0, 2] / exact.ntk - 1) <= 16 * EPSILON


def cluster(n: int) -> np.ndarray:
    """Rows of which many are neighbours of others, or opposite to them."""
    x = np.random.default_rng(3).normal(size=(n, 6))
    x[n // 2 :] = x[: n - n // 2] * (1 + 1e-6 * np.random.default_rng(4).normal(size=(n - n // 2, 6)))
    x[-3:] = -x[:3] * (1 + 1e-7)
    return x


@pytest.mark.parametrize("name", ["relu", "selu", pytest.param("hard_tanh", marks=pytest.mark.slow)])
def test_a_block_of_the_matrix_is_the_matrix_of_the_block(name: str) -> None:
    kernel = build(fully_connected(name, 2, 1.4, 0.1))
    x = cluster(TILE + 30)
    whole = kernel(x)
    np.testing.assert_array_equal(whole, whole.T)
    scale = 64 * EPSILON * whole.max()
    np.testing.assert_allclose(kernel(x[20:80]), whole[20:80, 20:80], rtol=0, atol=scale)
    np.testing.assert_allclose(kernel(x[:50], x[40:]), whole[:50, 40:], rtol=0, atol=scale)


def test_float32_is_the_rounded_float64_and_threads_change_nothing() -> None:
    network = fully_connected("relu", 3, 1.4, 0.1)
    x = cluster(2 * TILE + 5)
    precise = build(network)(x)
    np.testing.assert_array_equal(build(network, dtype="float32")(x), precise.astype(np.float32))
    np.testing.assert_array_equal(build(network)(x, threads=1), precise)


def test_long_lists_are_worked_off_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = build(fully_connected("relu", 3, 1.4, 0.1))
    x = 1 + 1e-4 * np.random.default_rng(5).normal(size=(TILE + 20, 3))
    whole = kernel(x)
    monkeypatch.setattr(deferred, "BATCH", 101)
    np.testing.assert_array_equal(kernel(x), whole)


def plan(activation: str | Activation) -> LayerPlan:
    return build(fully_connected(activation, 2)).layers


def test_only_networks_that_amplify_errors_leave_pairs_out() -> None:
    never = np.inf
    assert plan("gelu").nearest == (never, never)
    assert plan("tanh").nearest == (never, never)
    assert plan("elu").nearest == (never, never)
    assert plan("relu").nearest == (never, NEAREST)
    assert plan(Activation("elu", alpha=0.5)).nearest == (never, NEAREST)
    assert plan("step").nearest == (NEAREST, NEAREST)
    assert plan(Activation("max(x, sin(x))")).nearest[1] == NEAREST  # its pieces are not known


@pytest.mark.parametrize(
    ("name", "bias"),
    [("relu", None), ("leaky_relu", 0.1), ("abs", 0.1), pytest.param("hard_tanh", None, marks=pytest.mark.slow)],
)
def test_pairs_of_one_norm_are_exact_at_every_angle(name: str, bias: float | None) -> None:
    network = fully_connected(name, 2, 2**0.5, bias)
    engine = machine(network, lambda act: derive(act, method="closed"))
    angles = np.concatenate(
        [10.0 ** -np.arange(1.0, 10.0), np.linspace(0.3, 3.0, 7), np.pi - 10.0 ** -np.arange(1.0, 10.0)]
    )
    with mpmath.workdps(50):
        shift = mpmath.mpf(float(engine.arrays(1).biases[0]))
        scale = mpmath.mpf(float(engine.arrays(1).weights[0]))
        exact = [scale * mpmath.cos(mpmath.mpf(float(angle))) + shift for angle in angles]
        low = np.array([float(scale + shift - abs(c)) for c in exact])
    sign = np.array([float(mpmath.sign(c)) for c in exact])
    (states,) = engine.states(np.ones((1, 1)))
    variances = [(np.repeat(states.variance(layer), len(low)),) * 2 for layer in range(3)]
    found = advance(engine.compiled(1), variances, low, sign)
    for k, given in enumerate(zip(variances[0][0], low, sign, strict=True)):
        with mpmath.workdps(50):
            q, distance, side = map(mpmath.mpf, given)
            square, product = ((entry - shift) / scale for entry in (q, side * (q - distance)))
            entry = recursion_at(network, square, square, product, dps=40)
            variance = recursion_at(network, square, square, square, dps=40).nngp
        for entries, number in zip(found, entry, strict=True):
            assert abs(entries[k] - number) <= 32 * EPSILON * variance
