"""Zeros and signs of smooth functions, exactly."""

import pytest
import sympy as sp

from ntksym.activation.pieces.sign_decider import SignDecider
from ntksym.activation.pieces.signs import SignPattern, sign_pattern
from ntksym.errors import NoClosedForm
from ntksym.formula import parse
from ntksym.symbols import x

INF = sp.oo


def pattern(text: str, low: sp.Expr = -INF, high: sp.Expr = INF) -> SignPattern:
    return sign_pattern(parse(text), low, high, SignDecider({}))


@pytest.mark.parametrize(
    ("text", "zeros", "signs"),
    [
        ("x", (0,), (-1, 1)),
        ("x**2", (0,), (1, 1)),
        ("-(x - 1)**3*(x + 2)**2", (-2, 1), (1, 1, -1)),
        ("x**2 + 1", (), (1,)),
        ("x**2 - 2", (-sp.sqrt(2), sp.sqrt(2)), (1, -1, 1)),
        ("x**2 - sqrt(2)*x - 1", ((sp.sqrt(2) - sp.sqrt(6)) / 2, (sp.sqrt(2) + sp.sqrt(6)) / 2), (1, -1, 1)),
        ("exp(x) - 2", (sp.log(2),), (-1, 1)),
        ("2 - exp(-3*x)", (-sp.log(2) / 3,), (-1, 1)),
        ("exp(x) + 2", (), (1,)),
        ("x*exp(x) - 2*exp(x)", (2,), (-1, 1)),
        ("exp(x**2) - exp(1)", (-1, 1), (1, -1, 1)),
        ("erf(x - 1)", (1,), (-1, 1)),
        ("erf(x) + 1", (), (1,)),
        ("tanh(x) - 2", (), (-1,)),
        ("atan(2*x) - pi/4", (sp.S.Half,), (-1, 1)),
        ("asinh(x) - 1", (sp.sinh(1),), (-1, 1)),
        ("sinh(x) + x**3", (0,), (-1, 1)),
        ("cosh(x) + x**2", (), (1,)),
        ("3 + sin(x) + cos(2*x)", (), (1,)),
        ("sin(x) - 2", (), (-1,)),
        ("1/(1 + exp(-x)) - 1/4", (-sp.log(3),), (-1, 1)),
        ("x/(x - 1)", (0, 1), (1, -1, 1)),
        ("x - atan(x)", (0,), (-1, 1)),
        ("exp(x) - x - 1", (0,), (1, 1)),
    ],
)
def test_zeros_and_signs_on_the_whole_line(text: str, zeros: tuple[sp.Expr, ...], signs: tuple[int, ...]) -> None:
    found = pattern(text)
    assert len(found.zeros) == len(zeros)
    assert all(sp.expand(a - b) == 0 or (a - b).equals(0) for a, b in zip(found.zeros, zeros, strict=True))
    assert found.signs == signs


@pytest.mark.parametrize(
    ("text", "low", "high", "zeros", "signs"),
    [
        ("x**3 - x", 0, INF, (1,), (-1, 1)),
        ("x**3 - x", -INF, -1, (), (-1,)),
        ("x**3 - x", -sp.S.Half, sp.S.Half, (0,), (1, -1)),
        ("sin(x)", -4, 4, (-sp.pi, 0, sp.pi), (1, -1, 1, -1)),
        ("cos(2*x)", 0, 2, (sp.pi / 4,), (1, -1)),
        ("sin(1 - x)", 0, 3, (1,), (1, -1)),
        ("sqrt(x) - 2", 0, INF, (4,), (-1, 1)),
        ("log(x)", 0, INF, (1,), (-1, 1)),
    ],
)
def test_zeros_and_signs_inside_an_interval(
    text: str, low: sp.Expr, high: sp.Expr, zeros: tuple[sp.Expr, ...], signs: tuple[int, ...]
) -> None:
    found = pattern(text, sp.sympify(low), sp.sympify(high))
    assert found == SignPattern(tuple(sp.sympify(zero) for zero in zeros), signs)


@pytest.mark.parametrize("text", ["sin(x)", "sin(x) + x", "exp(x) - x - 2", "x*sin(x) + 1", "sinc(x)", "cos(x) + 1"])
def test_transcendental_zeros_are_not_guessed(text: str) -> None:
    with pytest.raises(NoClosedForm, match="changes sign"):
        pattern(text)


def test_a_quadratic_with_parameters_uses_their_signs() -> None:
    a = sp.Symbol("a", positive=True)
    found = sign_pattern(x**2 - a, -INF, INF, SignDecider({}))
    assert found == SignPattern((-sp.sqrt(a), sp.sqrt(a)), (1, -1, 1))


def test_a_leading_coefficient_that_vanishes_at_the_values_is_dropped_on_record() -> None:
    b = sp.Symbol("b", real=True)
    judge = SignDecider({b: sp.S.Zero})
    assert sign_pattern(b * x**2 + x - 1, -INF, INF, judge) == SignPattern((sp.S.One,), (-1, 1))
    assert judge.conditions == [sp.Eq(b, 0)]


def test_a_cubic_with_parameters_is_refused_unless_it_factors() -> None:
    a = sp.Symbol("a", positive=True)
    assert sign_pattern(sp.expand((x - a) * (x**2 + a)), -INF, INF, SignDecider({})) == SignPattern((a,), (-1, 1))
    with pytest.raises(NoClosedForm, match="numbers in the formula"):
        sign_pattern(x**3 + a * x - 1, -INF, INF, SignDecider({}))
