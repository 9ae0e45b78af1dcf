"""Algebra stops before it becomes expensive, and is right where it is done."""

import time

import pytest
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.activation.pieces.rewriting import expanded, factored, limit_at, term_bound
from ntksym.formula import parse
from ntksym.symbols import x


@pytest.mark.parametrize(
    "text", ["(x + 1)**5", "(x + exp(x))**3*(x - 1)", "x*(1 + erf(x))/2", "(x + 1)*(x + 2)*(x + 3)"]
)
def test_the_bound_of_terms_is_never_too_small(text: str) -> None:
    expression = parse(text)
    assert len(sp.Add.make_args(sp.expand(expression))) <= term_bound(expression)


def test_long_expansions_are_left_alone() -> None:
    expression = (x + sp.exp(x) + sp.sin(x) + 1) ** 40
    assert expanded(expression) == expression


@pytest.mark.parametrize(
    ("text", "factors"),
    [
        ("exp(2*x) - 3*exp(x) + 2", "(exp(x) - 1)*(exp(x) - 2)"),
        ("exp(x) - exp(-x)", "(exp(x) - 1)*(exp(x) + 1)*exp(-x)"),
        ("1/(1 + x) - 1/2", "-(x - 1)/(2*(x + 1))"),
        ("x*exp(0.7*x) - exp(0.7*x)", "(x - 1)*exp(0.7*x)"),
    ],
)
def test_functions_of_x_are_factored(text: str, factors: str) -> None:
    assert sp.expand(factored(parse(text)) - parse(factors)) == 0
    assert factored(parse(text)).is_Mul


def test_incommensurable_exponents_do_not_become_huge_powers() -> None:
    start = time.perf_counter()
    factored(sp.exp(x) + sp.exp(sp.Rational("1.0507009873554804934193349852946") * x) - 1)
    assert time.perf_counter() - start < 0.5


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("sin(x)/x", 1),
        ("(exp(x) - 1 - x)/x**2", sp.S.Half),
        ("x*log(x**2)", 0),
        ("x/tanh(2*x)", sp.S.Half),
        ("x + 1", 1),
    ],
)
def test_removable_singularities_are_removed(text: str, limit: sp.Expr) -> None:
    assert limit_at(parse(text), sp.S.Zero, "+") == limit


@pytest.mark.parametrize(
    ("formula", "plain"),
    [
        ("asinh(sinh(x))", "x"),
        ("atanh(tanh(x))", "x"),
        ("log(exp(x))", "x"),
        ("where(x>0, asinh(sinh(2*x)), atanh(tanh(x)))", "where(x>0, 2*x, x)"),
    ],
)
def test_functions_that_undo_each_other_on_the_whole_line_vanish(formula: str, plain: str) -> None:
    assert Activation(formula).expression == Activation(plain).expression


def test_functions_that_undo_each_other_on_a_part_of_the_line_stay() -> None:
    assert Activation("asin(sin(x))").expression != Activation("x").expression
