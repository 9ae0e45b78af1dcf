"""Scripts under derivations/: they give the coefficients that are in the code, and prove their errors."""

import ast
import importlib

import pytest

from derivations import dawson, elementary, gaussian
from derivations.fitting import Fit
from ntksym.special.vector import vectormath
from tests.lowering.accuracy import EPS

FITS = (*elementary.FITS, *gaussian.FITS, *dawson.FITS)
# a polynomial that is a part of another function
PLACES = {"sine": "circular", "cosine": "circular"}


def literals(name: str) -> list[float]:
    """Numbers in the text, in order, with their signs."""
    tree = ast.parse(vectormath.source_of(name))
    found: list[tuple[int, int, float]] = []
    negated: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and isinstance(node.right, ast.Constant):
            negated.add(id(node.right))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
            negated.add(id(node.operand))
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            value = -node.value if id(node) in negated else node.value
            found.append((node.lineno, node.col_offset, value))
    return [value for _, _, value in sorted(found)]


@pytest.mark.parametrize("fit", FITS, ids=lambda fit: fit.function)
def test_the_derivations_reproduce_the_coefficients(fit: Fit) -> None:
    wanted, present = fit.coefficients(), literals(PLACES.get(fit.function, fit.function))
    starts = [i for i, value in enumerate(present) if value == wanted[0]]
    assert any(present[i : i + len(wanted)] == wanted for i in starts)


@pytest.mark.parametrize("fit", FITS, ids=lambda fit: fit.function)
def test_a_polynomial_costs_less_than_one_ulp(fit: Fit) -> None:
    assert 0 < fit.error() < EPS


def test_the_quadrature_nodes_are_reproduced() -> None:
    wanted = [number for pair in gaussian.gauss_legendre(gaussian.NODES) for number in pair]
    present = literals("wedge_integral")
    assert [value for value in present if value not in (0.0, 0.5, 2.0)] == wanted


@pytest.mark.slow
def test_the_errors_are_proven_in_ball_arithmetic() -> None:
    pytest.importorskip("flint")
    proofs = importlib.import_module("derivations.proofs")
    assert {proof.fit.function for proof in proofs.PROOFS} == {fit.function for fit in FITS}
    for proof in proofs.PROOFS:
        bound = proof.bound()
        assert proof.fit.error() <= bound < EPS, proof.fit.function
    assert 0 < proofs.wedge_bound() < 2 * EPS
