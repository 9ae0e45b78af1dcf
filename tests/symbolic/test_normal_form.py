"""Spellings of one function have one normal form; parity and polynomials are decided exactly."""

import numpy as np
import pytest
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.errors import NoClosedForm, NoSuchDual
from ntksym.symbolic.integrands import Integrand, read_integrands
from ntksym.symbols import x

SPELLINGS = {
    "relu": ["max(x, 0)", "(x + abs(x))/2", "x*heaviside(x)", "x*(1 + sign(x))/2", "where(x > 0, x, 0)", "-min(-x, 0)"],
    "hard tanh": ["max(-1, min(1, x))", "clip(x, -1, 1)", "(abs(x + 1) - abs(x - 1))/2", "min(1, max(-1, x))"],
    "cubed absolute value": ["abs(x)**3", "abs(x**3)", "x**2*abs(x)", "x**3*sign(x)"],
    "elu": ["max(x, 0) + min(0, exp(x) - 1)", "where(x > 0, x, exp(x) - 1)", "where(x > 0, x, expm1(x))"],
    "laplace": ["exp(-abs(x))", "min(exp(x), exp(-x))", "exp(-max(x, -x))", "1/exp(abs(x))"],
    "gelu": ["x*(1 + erf(x/sqrt(2)))/2", "x*Phi(x)", "x*erfc(-x/sqrt(2))/2"],
}


def read(text: str, **parameters: float) -> Integrand:
    return read_integrands([Activation(text, **parameters)])[0]


@pytest.mark.parametrize("spellings", SPELLINGS.values(), ids=SPELLINGS)
def test_spellings_have_one_normal_form(spellings: list[str]) -> None:
    forms = [read(text) for text in spellings]
    assert all(form == forms[0] for form in forms[1:])
    assert len({hash(form) for form in forms}) == 1


@pytest.mark.parametrize(
    ("text", "parity"),
    [
        ("abs(x)", "even"),
        ("erf(x)", "odd"),
        ("max(x, 0)", "neither"),
        ("x*sin(x)", "even"),
        ("clip(x, -1, 1)", "odd"),
        ("clip(x, -1, 2)", "neither"),
        ("sin(x)/x", "even"),
        ("Phi(x) - 1/2", "odd"),
    ],
)
def test_parity_is_exact(text: str, parity: str) -> None:
    assert read(text).parity == parity


@pytest.mark.parametrize(
    "text", ["sin(x)**2 + cos(x)**2", "max(x, 0) - abs(x)/2", "max(0, x)**2 + min(0, x)**2", "erf(x)*0 + x**3"]
)
def test_hidden_polynomials_are_seen(text: str) -> None:
    assert read(text).is_polynomial


@pytest.mark.parametrize("text", ["erf(x)**2", "erf(x)**4", "erf(x)**3*erf(2*x)", "x*erf(x)**2*erf(x/2)"])
def test_a_gate_that_occurs_several_times_is_reflected_each_time(text: str) -> None:
    assert read(text).parity == "even"


def test_a_nearly_polynomial_function_is_none() -> None:
    assert not read("max(0, x)**2 - min(0, x)**2").is_polynomial


@pytest.mark.parametrize("text", ["max(x, 0)", "x*Phi(x)", "exp(-x**2)*sin(x)", "clip(x, -1, 1)*x"])
def test_the_normal_form_is_the_function(text: str) -> None:
    points = np.array([-2.3, -0.7, 0.4, 1.9])
    expression = read(text).expression(x)
    values = [complex(expression.subs(x, sp.Float(p)).evalf()).real for p in points]
    assert np.allclose(values, Activation(text)(points), rtol=1e-13, atol=1e-15)


def test_a_parameter_keeps_one_form_for_all_its_values() -> None:
    assert read("max(x, 0) + a*min(x, 0)", a=0.1) == read("max(x, 0) + a*min(x, 0)", a=0.3)


@pytest.mark.parametrize(
    ("text", "part"),
    [("tanh(x)", "tanh(x)"), ("x/(1 + exp(-x))", "exp(-x)"), ("1/(1 + x**2)", "x**2"), ("erf(x**2)", "x**2")],
)
def test_a_refusal_names_the_part(text: str, part: str) -> None:
    with pytest.raises(NoClosedForm, match="outside the class") as caught:
        read(text)
    assert part in str(caught.value)


def test_a_pole_is_no_dual_rather_than_no_closed_form() -> None:
    form = read("1/x")
    with pytest.raises(NoSuchDual, match="diverges"):
        form.transform()  # type: ignore[union-attr]
