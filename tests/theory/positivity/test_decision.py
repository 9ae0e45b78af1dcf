"""Verdicts against a table of 336, witnesses against Gram matrices, ranks against numerical ranks.

The table, `tests/references/positivity.csv`, was made from Hermite coefficients with 40 digits: exact power series of
the kernels up to degree 24, and their Gegenbauer coefficients for d = 2 and 3.
"""

import csv
import json
import math
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import ntksym as nk
from ntksym.theory.positivity.decision import positivity
from ntksym.theory.positivity.verdict import Verdict
from tests.oracle import float_recursion

EPSILON = float(np.finfo(np.float64).eps)

with (Path(__file__).parents[2] / "references" / "positivity.csv").open(encoding="utf-8", newline="") as file:
    TABLE = list(csv.DictReader(file))

ANSWERS = {True: "spd", False: "not_spd", None: "undecided"}


def gram(network: nk.Network, points: np.ndarray, get: str) -> np.ndarray:
    """By the reference recursion in float64."""
    return getattr(float_recursion(network, points, points), get)


def verdict_of(row: dict[str, str], dim: int | None) -> Verdict | None:
    network = nk.fully_connected(row["activation"], int(row["hidden_layers"]), b_std=float(row["b_std"]) or None)
    try:
        return positivity(network, get=row["kernel"], dim=dim)
    except nk.NoSuchDual:
        return None


def answers(dim: int | None, answer: Callable[[Verdict], bool | None]) -> list[str]:
    found = [verdict_of(row, dim) for row in TABLE]
    return ["undefined" if verdict is None else ANSWERS[answer(verdict)] for verdict in found]


@pytest.mark.parametrize(
    ("column", "dim"), [("sphere", None), ("sphere", 7), ("circle", 2), ("pair", 1), ("antipode_free", None)]
)
def test_the_table(column: str, dim: int | None) -> None:
    answer = (lambda verdict: verdict.antipode_free) if column == "antipode_free" else (lambda verdict: verdict.holds)
    assert len(TABLE) == 336
    assert answers(dim, answer) == [row[column] for row in TABLE]


MIXED = nk.serial(nk.Dense(1.5), "x**2", nk.Dense(1.0, 0.3), "relu", nk.Dense())
NEGATIVE = {
    "relu": nk.fully_connected("relu", 1),
    "sigmoid": nk.fully_connected("sigmoid", 1),
    "tanh": nk.fully_connected("tanh", 2),
    "cos": nk.fully_connected("cos", 2),
    "relu2": nk.fully_connected("max(x, 0)**2", 1),
    "polynomial": nk.fully_connected("x**2 + x", 2, W_std=1.1),
    "biased polynomial": nk.fully_connected("x**3", 1, b_std=0.5),
    "linear": nk.fully_connected("x", 0),
    "constant": nk.fully_connected("1", 1),
    "even, then anything": MIXED,
}


@pytest.mark.parametrize("name", NEGATIVE)
@pytest.mark.parametrize("dim", [2, 3])
def test_witnesses_are_singular(name: str, dim: int) -> None:
    network = NEGATIVE[name]
    for get in ("nngp", "ntk"):
        verdict = positivity(network, get=get, dim=dim)
        assert verdict.holds is False
        witness = verdict.witness()
        distances = np.linalg.norm(witness.points[:, None] - witness.points, axis=2) + 9 * np.eye(len(witness.points))
        assert distances.min() > 0.01
        matrix = gram(network, witness.points, get)
        assert np.linalg.norm(witness.weights) == pytest.approx(1)
        # A form of n rounded entries, and weights of a matrix that is singular to rounding only.
        assert abs(witness.form(matrix)) <= 8 * len(matrix) * EPSILON * np.trace(matrix)


def test_the_smallest_counterexample_of_relu_has_three_pairs_on_the_circle() -> None:
    witness = positivity(NEGATIVE["relu"]).witness(2)
    assert len(witness.points) == 6
    matrix = gram(nk.fully_connected("relu", 2), witness.points, "ntk")  # one layer more, and it is none
    assert witness.form(matrix) > 1e-4 * np.trace(matrix)


POLYNOMIALS = [
    (nk.fully_connected("x**2 + x", 2), 3, 25),
    (nk.fully_connected("x**3", 1), 3, 10),
    (nk.fully_connected("x**3", 1, b_std=0.4), 3, 16),
    (nk.fully_connected("x**2 - 1", 1), 3, 6),
    (nk.fully_connected("x**2 - 1", 2), 3, 15),
    (nk.fully_connected("x", 0), 4, 4),
    (nk.fully_connected("x", 3, b_std=0.2), 4, 5),
    (nk.fully_connected("1", 2), 3, 1),
    (nk.fully_connected("x**2", 1), 1, 1),
]


@pytest.mark.parametrize(("network", "dim", "rank"), POLYNOMIALS)
def test_ranks_of_polynomial_networks(network: nk.Network, dim: int, rank: int) -> None:
    assert positivity(network, get="nngp", dim=dim).rank() == rank
    assert positivity(network, get="ntk").rank(dim) == rank
    if dim > 1:
        x = np.random.default_rng(0).normal(size=(rank + 8, dim))
        matrix = gram(network, x / np.linalg.norm(x, axis=1, keepdims=True), "ntk")
        assert np.linalg.matrix_rank(matrix, tol=1e-12 * np.trace(matrix), hermitian=True) == rank


def test_ranks_that_are_infinite_or_not_known() -> None:
    assert positivity(nk.fully_connected("relu", 2)).rank(3) == math.inf
    with pytest.raises(nk.Undecided, match="rank"):
        positivity(nk.fully_connected("floor(x)", 1), get="nngp").rank(3)
    with pytest.raises(nk.InvalidInput, match="dim=3"):
        positivity(nk.fully_connected("x", 1)).rank()


@pytest.mark.parametrize("name", ["relu", "abs", "tanh", "sigmoid", "cos"])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_trained_bias_that_is_zero_at_first_makes_the_ntk_strictly_positive(name: str, depth: int) -> None:
    network = nk.fully_connected(name, depth)
    assert positivity(network, trained_zero_bias=True).holds is True
    assert positivity(network, get="nngp", trained_zero_bias=True).holds == positivity(network, get="nngp").holds


def test_an_undecided_verdict_has_no_truth_value() -> None:
    verdict = positivity(nk.fully_connected("floor(x)", 1), get="nngp")
    assert verdict.holds is None
    assert "pieces" in verdict.reason
    with pytest.raises(nk.Undecided, match=r"\.holds"):
        bool(verdict)
    with pytest.raises(nk.InvalidInput, match="negative"):
        verdict.witness(2)


def test_the_truth_value_of_a_decided_one() -> None:
    assert positivity(nk.fully_connected("relu", 2))
    assert not positivity(nk.fully_connected("relu", 1))


def test_part_of_what_is_unknown_may_be_enough() -> None:
    """Neither part of floor is known, but a network that ends in cos is even in its last layer, whatever they are."""
    network = nk.serial(nk.Dense(), "x**2", nk.Dense(), "floor(x)", nk.Dense())
    assert positivity(network, get="nngp").holds is False


def test_mixed_layers() -> None:
    assert positivity(MIXED).holds is False  # even in x
    assert positivity(nk.serial(nk.Dense(), "x**2 + x", nk.Dense(), "abs", nk.Dense())).holds is True
    assert positivity(nk.serial(nk.Dense(), "x", nk.Dense(1.0, 0.1), "cos", nk.Dense())).holds is True
    assert positivity(nk.serial(nk.Dense(1.0, 0.1), nk.Dense(), "tanh", nk.Dense())).holds is True
    assert positivity(nk.serial(nk.Dense(), "tanh", nk.Dense(), "cos", nk.Dense(1.0, 0.5))).holds is False


def test_variances_that_underflow_do_not_matter() -> None:
    assert positivity(nk.fully_connected("max(x - 1, 0)", 3)).holds is True


def test_the_proof_names_the_parts_the_layers_and_the_theorem() -> None:
    verdict = positivity(nk.fully_connected("relu", 1))
    claims = [step.claim for step in verdict.proof]
    assert any("the odd part is the polynomial x/2" in claim for claim in claims)
    assert any("after layer 1" in claim for claim in claims)
    assert "if and only if" in claims[-1]
    assert all(step.source for step in verdict.proof)
    assert "not strictly positive definite" in str(verdict)


def test_suppositions_are_part_of_the_proof() -> None:
    claims = [step.claim for step in positivity(nk.fully_connected("exp(x**2/8)", 1)).proof]
    assert any("stay below 2" in claim for claim in claims)


def test_verdicts_are_plain_values() -> None:
    verdict = positivity(nk.fully_connected("relu", 2), dim=3)
    assert pickle.loads(pickle.dumps(verdict)) == verdict
    assert json.loads(json.dumps(verdict.to_dict()))["holds"] is True
    witness = positivity(nk.fully_connected("relu", 1)).witness(2)
    assert len(json.loads(json.dumps(witness.to_dict()))["points"]) == 6


@pytest.mark.parametrize(
    ("arguments", "named", "match"),
    [
        (("relu",), {}, "needs a Network"),
        ((MIXED,), {"get": "both"}, "get"),
        ((MIXED,), {"dim": 0}, "dim"),
        ((MIXED,), {"dim": True}, "dim"),
        ((MIXED,), {"dim": 2.5}, "dim"),
        ((MIXED,), {"domain": "torus"}, "domain"),
    ],
)
def test_bad_requests_are_refused(arguments: tuple, named: dict, match: str) -> None:
    with pytest.raises(nk.InvalidInput, match=match):
        positivity(*arguments, **named)


@pytest.mark.parametrize(
    "formula", ["sign(x)", "cbrt(x)", "sqrt(abs(x))", "sin(1/x)", "x*sin(1/x)", "1e-20*sign(x) + x"]
)
def test_the_ntk_needs_a_slope_whose_square_is_integrable(formula: str) -> None:
    with pytest.raises(nk.NoSuchDual, match="nngp"):
        positivity(nk.fully_connected(formula, 1))
    assert positivity(nk.fully_connected(formula, 1, b_std=0.1), get="nngp").holds is True


@pytest.mark.parametrize("formula", ["abs(x)**0.6", "x*log(abs(x))", "x**2*sin(1/x)", "max(x, 0)**0.75"])
def test_steep_slopes_may_have_an_integrable_square(formula: str) -> None:
    assert positivity(nk.fully_connected(formula, 1, b_std=0.1)).holds is True


@pytest.mark.parametrize("formula", ["1/x", "abs(x)**-0.5", "1/(x - 1) + x", "exp(x**4)"])
@pytest.mark.parametrize("get", ["nngp", "ntk"])
def test_there_is_no_kernel_where_the_square_is_not_integrable(formula: str, get: str) -> None:
    with pytest.raises(nk.NoSuchDual, match="every variance"):
        positivity(nk.fully_connected(formula, 1), get=get)


def test_existence_is_supposed_where_pieces_are_not_known() -> None:
    claims = [step.claim for step in positivity(nk.fully_connected("log(abs(sin(x)))", 1), get="nngp").proof]
    assert any("supposed to be finite" in claim for claim in claims)


def test_many_open_questions_take_no_time() -> None:
    formulas = ("floor(x)", "ceiling(x)", "x - floor(x)", "sin(floor(x))", "cos(floor(x))", "floor(2*x)", "floor(x/2)")
    layers = [part for formula in formulas for part in (nk.Dense(), formula)]
    assert positivity(nk.serial(*layers, nk.Dense()), get="nngp").holds is None


def test_polynomials_of_huge_degree() -> None:
    verdict = positivity(nk.fully_connected("x**2 + x", depth=2000))
    assert verdict.holds is False
    assert "10^602 and more" in str(verdict)
    assert json.loads(json.dumps(verdict.to_dict()))["supports"][0]["even"] == "10^602 and more"
    with pytest.raises(nk.InvalidInput, match="smaller dim"):
        verdict.witness(2)


def test_tiny_biases_are_biases() -> None:
    assert positivity(nk.fully_connected("relu", 1, b_std=1e-170)).holds is True


def test_a_disguised_polynomial_is_not_called_positive() -> None:
    """Identically x - x**2: sinh of what decays, decays."""
    decaying = "exp(-x**2)"
    formula = f"log(sinh(log(1 + {decaying}))) - log((2 + {decaying})/(2 + 2*{decaying})) + x"
    assert positivity(nk.fully_connected(formula, 1, b_std=0.1), get="nngp").holds is not True


def test_on_two_points_there_is_no_witness_where_the_kernel_is_positive() -> None:
    verdict = positivity(nk.fully_connected("relu", 1))
    with pytest.raises(nk.InvalidInput, match="dim=2"):
        verdict.witness(1)
    assert positivity(nk.fully_connected("tanh", 1)).witness(1).weights == pytest.approx([0.5**0.5, 0.5**0.5])


@pytest.mark.parametrize(
    ("formula", "b_std", "holds"),
    [("x**2 + x", 0.4, False), ("gelu", 0.3, True), ("gelu", None, False), ("exp", None, None)],
)
def test_points_of_a_line(formula: str, b_std: float | None, holds: bool | None) -> None:
    network = nk.fully_connected(formula, 2, b_std=b_std)
    verdict = positivity(network, dim=1, domain="euclidean")
    assert verdict.holds is holds
    if holds is False:
        witness = verdict.witness()
        matrix = gram(network, witness.points, "ntk")
        assert abs(witness.form(matrix)) <= 8 * len(matrix) * EPSILON * max(np.trace(matrix), EPSILON)


def test_a_witness_of_too_many_points_is_refused() -> None:
    with pytest.raises(nk.InvalidInput, match="smaller dim"):
        positivity(nk.fully_connected("x**4", 3, b_std=0.1)).witness(30)


SPACE = [
    (nk.fully_connected("relu", 2, b_std=0.1), True),
    (nk.fully_connected("tanh", 1, b_std=0.1), True),
    (nk.serial(nk.Dense(), "relu", nk.Dense(1.0, 0.2), "relu", nk.Dense()), True),
    (nk.fully_connected("relu", 2), False),
    (nk.serial(nk.Dense(), "relu", nk.Dense(), "relu", nk.Dense(1.0, 0.3)), False),
    (nk.serial(nk.Dense(), "sinh(x) + x**2", nk.Dense(), "expm1(x)", nk.Dense()), False),
    (nk.fully_connected("x**2 + x", 2, b_std=0.3), False),
    (nk.fully_connected("tanh", 2), False),
    (nk.fully_connected("exp", 1), None),
    (nk.serial(nk.Dense(), "x**2", nk.Dense(1.0, 0.2), "relu", nk.Dense()), False),
]


@pytest.mark.parametrize(("network", "holds"), SPACE)
def test_points_of_any_norm(network: nk.Network, holds: bool | None) -> None:
    for get in ("nngp", "ntk"):
        verdict = positivity(network, get=get, domain="euclidean")
        assert verdict.holds is holds
        if holds is False:
            witness = verdict.witness(2)
            matrix = gram(network, witness.points, get)
            assert abs(witness.form(matrix)) <= 64 * len(matrix) * EPSILON * max(np.trace(matrix), EPSILON)


def test_points_of_any_norm_have_no_rank() -> None:
    with pytest.raises(nk.InvalidInput, match="sphere"):
        positivity(nk.fully_connected("x**2", 1), domain="euclidean").rank(3)


@pytest.mark.parametrize("get", ["nngp", "ntk"])
def test_positive_verdicts_in_space_hold_on_one_ray(get: str) -> None:
    for network, holds in SPACE[:3]:
        assert holds
        points = np.array([[1.0, 0.5], [2.0, 1.0], [3.0, 1.5], [0.0, 0.0], [-1.0, -0.5]])
        eigenvalues = np.linalg.eigvalsh(gram(network, points, get))
        assert eigenvalues[0] > 100 * EPSILON * eigenvalues[-1]


NETWORKS = [
    nk.fully_connected("relu", 1),
    nk.fully_connected("relu", 2),
    nk.fully_connected("max(x, 0)**2", 1),
    nk.fully_connected("sigmoid", 1),
    nk.fully_connected("tanh", 2, 1.2),
    nk.fully_connected("cos", 2),
    nk.fully_connected("x**2 + x", 2),
    nk.fully_connected("x**3", 1, b_std=0.5),
    nk.fully_connected("elu", 1),
    nk.serial(nk.Dense(), "x**2", nk.Dense(), "sin(x) + x**2", nk.Dense()),
]


@pytest.mark.parametrize("network", NETWORKS, ids=str)
@pytest.mark.parametrize("get", ["nngp", "ntk"])
def test_supports_are_those_of_computed_coefficients(network: nk.Network, get: str) -> None:
    """Infinitely many powers of a parity show themselves among the first 24."""
    (support,) = positivity(network, get=get).supports
    present = np.flatnonzero(nk.power_series(network, degree=23, get=get).coefficients > 0)
    for parity, largest in enumerate((support.even, support.odd)):
        found = max(present[present % 2 == parity], default=-1)
        assert found == largest if largest < math.inf else found > 15
