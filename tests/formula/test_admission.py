"""Sympy expressions pass through the same allow-list and bounds as text."""

import pytest
import sympy as sp

from ntksym.errors import InvalidInput
from ntksym.formula import check_expression, in_x
from ntksym.symbols import parameter, x

X = sp.Symbol("x")
A = sp.Symbol("a")
HALF = sp.Rational(1, 2)


def test_a_symbol_called_x_is_the_argument_whatever_its_assumptions() -> None:
    assert check_expression(sp.sqrt(X**2)) == sp.Abs(x)
    assert check_expression(sp.Symbol("x", positive=True) + 1) == x + 1


def test_parameters_become_our_symbols() -> None:
    assert check_expression(sp.Max(X, A * X), {"a": HALF}) == sp.Max(x, parameter("a", HALF) * x)


@pytest.mark.parametrize(
    ("expression", "meaning"),
    [
        (sp.Mod(X, 2), x - 2 * sp.floor(x / 2)),
        (sp.coth(X), 1 / sp.tanh(x)),
        (sp.sec(X), 1 / sp.cos(x)),
        (sp.hermite(3, X), 8 * x**3 - 12 * x),
        (sp.frac(X), x - sp.floor(x)),
    ],
    ids=str,
)
def test_what_text_may_say_sympy_may_too(expression: sp.Expr, meaning: sp.Expr) -> None:
    assert check_expression(expression) == meaning


def test_floats_become_the_decimals_they_show() -> None:
    assert check_expression(0.1 * X) == x / 10


def test_conditions_are_kept() -> None:
    expression = sp.Piecewise((X, (X > 0) & (X < 1)), (0, True))
    assert check_expression(expression).subs(x, HALF) == HALF
    assert check_expression(expression).subs(x, 2) == 0


def test_conditions_on_case_distinctions_are_drawn_out() -> None:
    inner = sp.Piecewise((1, X > 0), (-1, True))
    expression = check_expression(sp.Piecewise((X, inner > 0), (0, True)))
    assert expression.subs(x, 3) == 3
    assert expression.subs(x, -3) == 0


def test_if_then_else_is_accepted() -> None:
    expression = sp.Piecewise((1, sp.ITE(X > 0, X < 1, X < -1)), (0, True), evaluate=False)
    assert [check_expression(expression).subs(x, point) for point in (-2, -HALF, HALF, 2)] == [1, 0, 1, 0]


def test_the_one_symbol_that_is_no_parameter_is_the_argument() -> None:
    z = sp.Symbol("z", positive=True)
    assert check_expression(sp.tanh(z)) == sp.tanh(x)
    assert check_expression(sp.Max(z, A * z), {"a": HALF}) == sp.Max(x, parameter("a", HALF) * x)


def test_of_several_symbols_none_is_guessed() -> None:
    with pytest.raises(InvalidInput, match=r"which of y, z is the variable\? Give the values") as caught:
        check_expression(sp.Symbol("y") * sp.Symbol("z"))
    assert caught.value.about["symbols"] == ["y", "z"]
    with pytest.raises(InvalidInput, match="'y', which is neither x nor a declared parameter"):
        check_expression(sp.Symbol("y") * X)


def test_functions_of_sympy_are_rewritten_in_x() -> None:
    z = sp.Symbol("z")
    assert in_x(sp.tanh(z)) == sp.tanh(X)
    assert in_x(sp.Lambda(z, A * z**2)) == A * X**2
    assert in_x(sp.tanh) == sp.tanh(X)
    assert in_x(sp.log) == sp.log(X)
    assert in_x("x") == "x"


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (sp.Lambda((X, A), X * A), "has 2 variables"),
        (sp.Lambda(((X, A),), X * A), "has 2 variables"),
        (sp.Lambda(A, A * X), "calls a parameter x"),
        (sp.Max, r"write Max\(x, \.\.\.\)"),
        (sp.besselj, "no function of one variable"),
        (sp.Function("f"), "no function of one variable"),
    ],
    ids=str,
)
def test_functions_of_several_variables_are_refused(function: object, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        in_x(function)


def test_an_irrational_parameter_is_put_in() -> None:
    assert check_expression(A * X**A, {"a": sp.sqrt(2)}) == sp.sqrt(2) * x ** sp.sqrt(2)


def test_a_declared_parameter_must_occur() -> None:
    with pytest.raises(InvalidInput, match="declared but"):
        check_expression(X**2, {"a": HALF})


@pytest.mark.parametrize(
    "expression",
    [
        sp.gamma(X),
        sp.DiracDelta(X),
        sp.Function("f")(X),
        sp.Integral(X, (X, 0, 1)),
        sp.Derivative(sp.Function("f")(X), X),
        sp.oo * X,
        sp.I * X,
        sp.re(X),
        X**1000,
        ((X + 1) ** 100) ** 100,
        sp.Pow(2, 10**6, evaluate=False) * X,
        sp.Pow(10, sp.Pow(10, 10, evaluate=False), evaluate=False) * X,
        sp.Add(*(sp.sin(k * X) for k in range(2000))),
    ],
    ids=lambda expression: type(expression).__name__,
)
def test_what_text_may_not_say_sympy_may_not_either(expression: sp.Expr) -> None:
    with pytest.raises(InvalidInput):
        check_expression(expression)


def test_shared_parts_count_each_time_they_occur() -> None:
    expression = X
    for _ in range(60):
        expression = sp.sin(expression) + sp.cos(expression)
    with pytest.raises(InvalidInput, match="nodes"):
        check_expression(expression)


def test_deep_expressions_are_refused() -> None:
    expression = X
    for _ in range(300):
        expression = sp.sin(expression)
    with pytest.raises(InvalidInput, match="levels"):
        check_expression(expression)


def test_the_argument_may_be_called_otherwise() -> None:
    rho = sp.Symbol("rho")
    assert check_expression(rho**2 + 1, argument="rho") == x**2 + 1
    with pytest.raises(InvalidInput, match="neither rho nor a declared parameter"):
        check_expression(X + rho, argument="rho")
