"""Kernels: what must hold for every one of them, agreement with the recursion, the edges of the input."""

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ntksym.activation.activation import Activation
from ntksym.errors import InvalidInput, NoSuchDual
from ntksym.gram.tiles import SPAN
from ntksym.kernel import Kernel, build
from ntksym.lowering.templates.frame import TILE
from ntksym.network.layers import Dense, fully_connected, serial
from tests.lowering.duals import activation, hand_derived
from tests.oracle import recursion

EPSILON = float(np.finfo(np.float64).eps)
ROOT = Path(__file__).parent.parent

NETWORKS = {
    "relu": fully_connected("relu", 3, 2**0.5),
    "erf with bias": fully_connected("erf", 2, 1.3, 0.2),
    "sin then gelu": serial(Dense(1.2, 0.1), "sin", Dense(0.9), "gelu", Dense(1.1, 0.3)),
    "shifted relu": fully_connected(Activation("max(x - a, 0)", a=0.5), 2, 1.4, 0.1),
    "elu": fully_connected("elu", 1, 1.2, 0.1),
    "linear": fully_connected("relu", 0, 1.2, 0.1),
    "two dense in a row": serial(Dense(1.2), "relu", Dense(0.8, 0.3), Dense(1.5)),
}

OTHERS = ("sin then gelu", "linear", "two dense in a row")
"""Networks of several kinds of layers; those of one kind are in `tests/gram/test_conformance.py`."""


def data(n: int, d: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_gram_matrix_is_one(name: str) -> None:
    """Symmetric to the bit, with the diagonal of `diag`, and positive semi-definite up to rounding."""
    kernel = build(NETWORKS[name])
    x = data(2 * TILE + 9)
    answer = kernel(x, get=("nngp", "ntk"))
    diagonal = kernel.diag(x, get=("nngp", "ntk"))
    for matrix, line in zip(answer, diagonal, strict=True):
        np.testing.assert_array_equal(matrix, matrix.T)
        np.testing.assert_array_equal(np.diagonal(matrix), line)
        assert np.linalg.eigvalsh(matrix)[0] >= -len(x) * EPSILON * np.trace(matrix)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_block_of_a_gram_matrix_is_the_gram_matrix_of_the_block(name: str) -> None:
    kernel = build(NETWORKS[name])
    x = data(TILE + 40)
    whole = kernel(x)
    scale = 256 * EPSILON * np.abs(whole).max()  # BLAS may sum in another order
    np.testing.assert_allclose(kernel(x[10:90]), whole[10:90, 10:90], rtol=0, atol=scale)
    np.testing.assert_allclose(kernel(x[:70], x[70:]), whole[:70, 70:], rtol=0, atol=scale)
    np.testing.assert_allclose(kernel(x[:70], x[:70].copy()), whole[:70, :70], rtol=0, atol=scale)


@pytest.mark.parametrize("name", OTHERS)
def test_one_pass_gives_what_two_give(name: str) -> None:
    kernel = build(NETWORKS[name])
    x, y = data(30), data(75, seed=1)
    both = kernel(x, y, get=("ntk", "nngp"))
    assert both._fields == ("ntk", "nngp")
    np.testing.assert_array_equal(both.ntk, kernel(x, y))
    np.testing.assert_array_equal(both.ntk, kernel(x, y, get=("ntk",)).ntk)
    # the value alone is the same formula, compiled into a shorter loop
    scale = np.abs(both.nngp).max()
    np.testing.assert_allclose(both.nngp, kernel(x, y, get="nngp"), rtol=0, atol=16 * EPSILON * scale)


@pytest.mark.parametrize("name", NETWORKS)
def test_entries_agree_with_the_recursion_in_mpmath(name: str) -> None:
    network = NETWORKS[name]
    x = data(4, seed=3)
    found = build(network)(x, get=("nngp", "ntk"))
    for i in range(4):
        for j in range(i):
            nngp, ntk = recursion(network, x[i], x[j])
            for matrix, exact in ((found.nngp, nngp), (found.ntk, ntk)):
                scale = np.sqrt(matrix[i, i] * matrix[j, j])
                assert abs(matrix[i, j] - exact) <= 32 * EPSILON * scale


@pytest.mark.parametrize("name", OTHERS)
def test_float32_is_the_rounded_float64(name: str) -> None:
    network = NETWORKS[name]
    x = data(TILE + 30)
    rounded, precise = build(network, dtype="float32")(x), build(network)(x)
    assert rounded.dtype == np.float32
    np.testing.assert_array_equal(rounded, rounded.T)
    np.testing.assert_array_equal(rounded, precise.astype(np.float32))


@pytest.mark.parametrize("n", [SPAN * TILE - 1, SPAN * TILE + TILE + 1])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_entry_does_not_depend_on_its_neighbours(n: int, dtype: str) -> None:
    kernel = build(fully_connected("relu", 3, 1.5, 0.1), dtype=dtype)
    x = data(n, d=101)
    whole = kernel(x)
    np.testing.assert_array_equal(whole, whole.T)
    np.testing.assert_array_equal(whole[-70:, :TILE], kernel(x[-70:], x[:TILE]))
    few = np.arange(3, n, 17)
    np.testing.assert_array_equal(whole[np.ix_(few, few)], kernel(x[few]))


GOLDEN = {  # |x|^2/d = |y|^2/d = 1, <x, y>/d = 0.3, W_std^2 = 2
    (1, None): (0.96548856767097524327, 1.3236805780833822176),
    (1, 0.1): (0.98449898609668011237, 1.3493701335900899544),
    (3, None): (1.3516417090433297129, 2.8080674531339002177),
    (3, 0.1): (1.3891132321099150901, 2.8831211468979059002),
    (10, None): (1.7688590543752738539, 7.5455555023998000612),
    (10, 0.1): (1.8748128325771450284, 7.9738876765595012111),
}


@pytest.mark.parametrize(("depth", "b_std"), GOLDEN)
def test_golden_values_of_relu_to_fifteen_digits(depth: int, b_std: float | None) -> None:
    x = np.array([[1.0, 0.0], [0.3, np.sqrt(1 - 0.09)]]) * np.sqrt(2.0)
    found = build(fully_connected("relu", depth, np.sqrt(2.0), b_std))(x, get=("nngp", "ntk"))
    for matrix, golden in zip(found, GOLDEN[depth, b_std], strict=True):
        # sqrt(2)**2 is off by one unit in every one of depth + 1 Dense layers
        assert abs(matrix[0, 1] / golden - 1) <= (4 + 2 * depth) * EPSILON


def test_relu_without_bias_scales_with_its_inputs() -> None:
    kernel = build(NETWORKS["relu"])
    x, y = data(20), data(10, seed=1)
    for power in (-40, 3, 20):
        np.testing.assert_array_equal(kernel(x * 2.0**power, y), kernel(x, y) * 2.0**power)


@pytest.mark.parametrize("name", NETWORKS)
def test_one_point_twice_is_the_diagonal(name: str) -> None:
    """Duplicates agree with the diagonal, in one matrix and between two, whatever the order BLAS sums in."""
    kernel = build(NETWORKS[name])
    for d in (3, 1000):
        x = data(30, d)
        x[[4, 17, 29]] = x[2]
        answer = kernel(x, get=("nngp", "ntk"))
        between = kernel(x, x.copy(), get=("nngp", "ntk"))
        for matrix, other in zip(answer, between, strict=True):
            tolerance = (64 + 4 * np.sqrt(d)) * EPSILON * matrix[2, 2]
            assert np.abs(matrix[np.ix_([2, 4, 17, 29], [2, 4, 17, 29])] - matrix[2, 2]).max() <= tolerance
            assert np.abs(np.diagonal(other) - np.diagonal(matrix)).max() <= tolerance


@pytest.mark.parametrize("name", NETWORKS)
def test_antipodes_and_parallel_points_are_as_exact_as_others(name: str) -> None:
    network = NETWORKS[name]
    x = data(1, seed=5)
    points = np.concatenate([x, -x, 2 * x, -0.5 * x])
    found = build(network)(points, get=("nngp", "ntk"))
    for i in range(4):
        for j in range(i):
            for matrix, exact in zip(found, recursion(network, points[i], points[j]), strict=True):
                assert abs(matrix[i, j] - exact) <= 64 * EPSILON * np.sqrt(matrix[i, i] * matrix[j, j])


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("scale", [0.0, 1e-12, 1e-60, 1e6])
def test_nothing_is_nan_on_extreme_rows(name: str, scale: float) -> None:
    kernel = build(NETWORKS[name])
    x = data(12)
    x[3] *= scale
    x[5] = -x[3]
    x[7] = x[3]
    for matrix in kernel(x, get=("nngp", "ntk")):
        assert np.isfinite(matrix).all()
        assert np.linalg.eigvalsh(matrix)[0] >= -len(x) * EPSILON * np.trace(matrix)


def test_a_row_of_zeros_is_exact_but_for_the_smallest_variance() -> None:
    """relu(0) = 0: what remains is of the order of the square root of the variance 1e-140 that replaces 0."""
    x = data(3)
    x[1] = 0
    for matrix in build(NETWORKS["relu"])(x, get=("nngp", "ntk")):
        assert np.abs(matrix[1]).max() <= 1e-69


@pytest.mark.parametrize(
    "shape",
    [
        lambda x: x.tolist(),
        lambda x: np.asfortranarray(x),
        lambda x: np.repeat(x, 2, axis=1)[:, ::2],
        lambda x: x[::-1][::-1],
        lambda x: np.ma.masked_array(x),
        lambda x: x.astype(np.longdouble),
    ],
    ids=["list", "Fortran order", "strided", "reversed twice", "masked array without mask", "long double"],
)
def test_the_form_of_the_data_does_not_matter(shape: Callable[[np.ndarray], Any]) -> None:
    kernel = build(NETWORKS["relu"])
    x = data(40)
    np.testing.assert_allclose(kernel(shape(x)), kernel(x), rtol=0, atol=64 * EPSILON * np.abs(kernel(x)).max())


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint64, np.int64, np.float16, np.float32])
def test_numbers_of_every_type_are_taken_as_they_are(dtype: type) -> None:
    kernel = build(NETWORKS["relu"])
    x = np.random.default_rng(0).integers(0, 2, size=(20, 4)).astype(dtype)
    np.testing.assert_array_equal(kernel(x), kernel(x.astype(np.float64)))


def test_no_points_give_an_empty_matrix() -> None:
    kernel = build(NETWORKS["relu"])
    assert kernel(np.empty((0, 3))).shape == (0, 0)
    assert kernel(np.empty((0, 3)), data(4, 3)).shape == (0, 4)
    assert kernel(data(4, 3), np.empty((0, 3))).shape == (4, 0)
    assert kernel.diag(np.empty((0, 3))).shape == (0,)


BAD = {
    "X\\[1, 0\\] is nan": [[1.0], [np.nan]],
    "X\\[0, 1\\] is -inf": [[1.0, -np.inf]],
    "one point is X.reshape\\(1, -1\\)": [1.0, 2.0],
    "one row a point": 3.0,
    "flatten every point": np.zeros((2, 3, 4)),
    "points without features": np.zeros((3, 0)),
    "real numbers, not <U": [["a", "b"]],
    "real numbers, not complex128; pass X.real": [[1j]],
    "real numbers, not object": np.array([[None]], dtype=object),
    "no rectangular array": [[1.0], [1.0, 2.0]],
    "masked entries": np.ma.masked_array([[1.0, 2.0]], mask=[[True, False]]),
    "not object": [[10**400]],
}


@pytest.mark.parametrize("complaint", BAD)
def test_bad_data_are_refused_with_the_way_out(complaint: str) -> None:
    kernel = build(NETWORKS["relu"])
    with pytest.raises(InvalidInput, match=complaint):
        kernel(BAD[complaint])
    with pytest.raises(InvalidInput, match=complaint):
        kernel.diag(BAD[complaint])


def test_sparse_data_are_refused_with_the_way_out() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(InvalidInput, match="toarray"):
        build(NETWORKS["relu"])(sparse.eye(3))


def test_different_widths_are_refused() -> None:
    with pytest.raises(InvalidInput, match="X has 5 features and Y has 4"):
        build(NETWORKS["relu"])(data(3), data(3, 4))


@pytest.mark.parametrize("get", ["cov1", (), ("ntk", "ntk"), ("nngp", "cov2"), None, 1])
def test_unknown_kernels_are_refused(get: object) -> None:
    with pytest.raises(InvalidInput, match="choose"):
        build(NETWORKS["relu"])(data(3), get=get)


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", True])
def test_senseless_numbers_of_threads_are_refused(threads: object) -> None:
    with pytest.raises(InvalidInput, match="threads"):
        build(NETWORKS["relu"])(data(3), threads=threads)


SENSELESS = [{"tol": 0}, {"tol": "1e-9"}, {"tol": 2.0}, {"dtype": "float16"}, {"dtype": "real"}]


@pytest.mark.parametrize("options", SENSELESS, ids=str)
def test_senseless_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(options)) + "|results are"):
        build(NETWORKS["relu"], **options)


def test_only_networks_are_built() -> None:
    with pytest.raises(InvalidInput, match="fully_connected"):
        build("relu")  # type: ignore[arg-type]


def test_results_are_written_where_the_user_wants_them() -> None:
    kernel = build(NETWORKS["relu"])
    x, y = data(70), data(20, seed=1)
    out = np.full((70, 70), np.nan)
    assert kernel(x, out=out) is not None
    np.testing.assert_array_equal(out, kernel(x))
    pair = np.empty((2, 70, 20))
    kernel(x, y, get=("nngp", "ntk"), out=(pair[0], pair[1]))
    np.testing.assert_array_equal(pair[1], kernel(x, y))


BAD_OUT = {
    "float64 array of shape": np.empty((3, 3)),
    "not float32": np.empty((4, 4), dtype=np.float32),
    "not list": [[0.0]],
    "C-contiguous": np.empty((4, 4), order="F"),
    "1 matrices, but out holds 2": [np.empty((4, 4)), np.empty((4, 4))],
}


@pytest.mark.parametrize("complaint", BAD_OUT)
def test_an_array_that_does_not_fit_is_refused(complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        build(NETWORKS["relu"])(data(4), out=BAD_OUT[complaint])


def test_results_do_not_overwrite_the_data() -> None:
    x = data(5)
    with pytest.raises(InvalidInput, match="share memory"):
        build(NETWORKS["relu"])(x, out=x)


def test_the_same_points_twice_are_the_gram_matrix() -> None:
    kernel = build(NETWORKS["relu"])
    x = data(30)
    np.testing.assert_array_equal(kernel(x, x), kernel(x))


def test_a_diagonal_longer_than_a_batch_is_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = build(NETWORKS["relu"])
    x = data(5 * TILE)
    whole = kernel.diag(x)
    monkeypatch.setattr("ntksym.gram.prepared.BATCH", 2 * TILE)
    np.testing.assert_array_equal(kernel.diag(x), whole)
    with pytest.raises(InvalidInput, match=r"X\[300\]"):
        kernel.diag(np.where(np.arange(320)[:, None] == 300, 1e60, x))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_number_of_threads_does_not_change_a_bit(threads: int) -> None:
    kernel = build(NETWORKS["erf with bias"])
    x = data(5 * TILE)
    np.testing.assert_array_equal(kernel(x, threads=threads), kernel(x))


def test_a_kernel_may_be_used_from_many_threads() -> None:
    kernel = build(NETWORKS["relu"])
    x = data(3 * TILE)
    expected = kernel(x)
    results: list[np.ndarray] = []
    workers = [threading.Thread(target=lambda: results.append(kernel(x))) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(results) == 8
    assert all(np.array_equal(result, expected) for result in results)


def test_a_diverging_dual_is_named_with_layer_row_and_condition() -> None:
    kernel = build(fully_connected("exp(x**2/10)", 2, 1.0))
    x = np.ones((3, 2))
    x[1] = 2.3  # q = 5.29, and q < 5 is needed
    complaint = r"exp\(x\*\*2/10\) at layer 1: X\[1\] has variance q = 5\.29 .*scale the inputs down"
    with pytest.raises(NoSuchDual, match=complaint):
        kernel(x)
    with pytest.raises(NoSuchDual, match=r"Y\[1\]"):
        kernel(x[:1], x)
    assert np.isfinite(kernel(x[:1] * 0.5)).all()


def test_a_jump_has_an_nngp_but_no_ntk() -> None:
    kernel = build(serial(Dense(), "relu", Dense(), "sign", Dense()))
    x = data(20)
    with pytest.raises(NoSuchDual, match=r'sign at layer 2 jumps.*get="nngp"'):
        kernel(x)
    with pytest.raises(NoSuchDual, match="sign at layer 2"):
        kernel.diag(x, get=("nngp", "ntk"))
    np.testing.assert_array_equal(np.diagonal(kernel(x, get="nngp")), 1.0)


def test_overflow_is_refused_not_returned() -> None:
    with pytest.raises(InvalidInput, match=r"the variance of X\[1\] before layer 1 .*scale the inputs down"):
        build(NETWORKS["relu"])([[1.0], [1e200]])
    with pytest.raises(InvalidInput, match="before layer 3"):
        build(fully_connected("x**3", 4, 3.0))(np.full((2, 3), 1e5))
    with pytest.raises(InvalidInput, match="NTK"):
        build(fully_connected("erf", 500, 10.0))(np.ones((1, 1)))  # chaotic: grows by a factor 6 a layer


def test_kernels_pickle_their_cause_and_are_rebuilt() -> None:
    kernel = build(NETWORKS["sin then gelu"], tol=1e-9, dtype="float32")
    text = pickle.dumps(kernel)
    again = pickle.loads(text)
    assert again == kernel
    assert hash(again) == hash(kernel)
    assert (again.source.text, again.tol, again.dtype) == (kernel.source.text, 1e-9, "float32")
    assert b"import numba" not in text
    np.testing.assert_array_equal(again(data(10)), kernel(data(10)))


def test_a_kernel_is_its_whole_derivation() -> None:
    kernel = build(NETWORKS["sin then gelu"])
    assert kernel.network == NETWORKS["sin then gelu"]
    assert [dual.activation.name for dual in kernel.duals] == ["sin", "gelu"]
    assert kernel.dual is kernel.duals[0]
    assert kernel.program is kernel.programs[0]
    assert "def sin_step_ntk(" in kernel.source.text
    assert build(NETWORKS["linear"]).dual is None
    assert build(NETWORKS["linear"]).program is None


def test_the_explanation_names_every_choice() -> None:
    text = build(NETWORKS["sin then gelu"], dtype="float32").explain()
    for part in ("layer 1: sin; closed form", "layer 2: gelu", "tiles of 64 x 64", "float32", "threads", "ntksym_k_"):
        assert part in text
    assert "no activation" in build(NETWORKS["two dense in a row"]).explain()
    assert "a = 1/2" in build(NETWORKS["shifted relu"]).explain()


def test_the_representation_is_readable() -> None:
    assert repr(build(NETWORKS["relu"])).startswith("<Kernel of <Network 3 x [1.41421")


def test_parameters_of_equal_formulas_differ_by_layer() -> None:
    leaky = [Activation("max(x, 0) + a*min(x, 0)", a=slope) for slope in (0.1, 0.4)]
    network = serial(Dense(), leaky[0], Dense(), leaky[1], Dense())
    kernel = build(network)
    assert len(kernel.source.parts) == 1
    x = data(3)
    nngp, _ = recursion(network, x[0], x[1])
    assert abs(kernel(x, get="nngp")[0, 1] - nngp) <= 32 * EPSILON


def test_hand_written_duals_can_be_passed_in() -> None:
    kernel = build(fully_connected(activation("relu"), 2), derive=hand_derived)
    np.testing.assert_allclose(kernel(data(9)), build(fully_connected("relu", 2))(data(9)), rtol=8 * EPSILON)


def test_kernels_are_values() -> None:
    assert build(NETWORKS["relu"]) == build(NETWORKS["relu"])
    assert build(NETWORKS["relu"]) != build(NETWORKS["relu"], dtype="float32")
    assert isinstance(build(NETWORKS["relu"]), Kernel)


def test_generated_code_runs_without_the_compiler() -> None:
    """NUMBA_DISABLE_JIT=1, as for coverage: the same numbers from plain Python."""
    script = (
        "import numpy as np; from ntksym.kernel import build; from ntksym.network.layers import fully_connected;"
        "print(build(fully_connected('relu', 1))(np.eye(2), threads=1)[0, 1])"
    )
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    run = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert float(run.stdout) == pytest.approx(build(fully_connected("relu", 1))(np.eye(2))[0, 1], rel=8 * EPSILON)
