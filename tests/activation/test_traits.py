"""Parity, kinks, homogeneity and polynomials are right or unknown."""

import pytest
import sympy as sp

from ntksym.activation.activation import Activation

PARITIES = {
    "even": [
        "abs", "square", "cos", "gaussian", "x_erf", "logcosh", "lisht", "sinc", "triangle", "box", "x*tanh(x)", "1",
        "max(x, -x)", "x**2*sign(x)**2", "exp(x) + exp(-x)", "log(1 + exp(x)) - x/2", "abs(sin(x))",
        "where(abs(x) > 1, x**2, 1)", "max(x, a*x)",
    ],
    "odd": [
        "sign", "cube", "sin", "erf", "tanh", "softsign", "hardtanh", "asinh", "symlog", "tanhshrink", "gabor", "isru",
        "1/(1 + exp(-x)) - 1/2", "cbrt(x)", "where(x > 0, 1, -1)", "2*atan(tanh(x/2))", "tan(x)", "Phi(x) - 1/2",
        "2*atan(exp(x)) - pi/2",
    ],
    "neither": [
        "relu", "gelu", "elu", "sigmoid", "softplus", "silu", "mish", "exp", "step", "snake", "squareplus",
        "max(sin(x), 0)", "x + 10**-30", "x**2 + sin(x)/10**25", "shifted_relu",
    ],
    "unknown": ["floor(x) + ceiling(x)"],
}  # fmt: skip


@pytest.mark.parametrize(("text", "parity"), [(text, parity) for parity, texts in PARITIES.items() for text in texts])
def test_parity(text: str, parity: str) -> None:
    parameters = {"a": -1} if "a*x" in text else {}
    assert Activation(text, **parameters).parity == parity


@pytest.mark.parametrize(
    ("text", "kinks", "jumps"),
    [
        ("relu", (0,), ()),
        ("relu6", (0, 6), ()),
        ("max(x, 0)**3", (0,), ()),
        ("hardshrink", (), ("-lambd", "lambd")),
        ("sign", (), (0,)),
        ("box", (), (-1, 1)),
        ("where(x > 0, x, x**2 - 1)", (), (0,)),
        ("x*heaviside(x) + heaviside(x - 1)", (0,), (1,)),
        ("tanh", (), ()),
        ("sqrt(abs(x))", (0,), ()),
        ("x*log(abs(x))", (0,), ()),
        ("log(abs(x))", (), (0,)),
        ("x/tanh(x)", (), ()),
        ("where(x > 0, sin(x)/x, 1)", (0,), ()),
        ("selu", (0,), ()),
        ("where(x > 0, x, a*(exp(x) - 1))", (0,), ()),
        ("where(x > a, x, 1)", (), ("a",)),
    ],
)
def test_kinks_and_jumps(text: str, kinks: tuple[object, ...], jumps: tuple[object, ...]) -> None:
    activation = Activation(text, **({"a": 2} if "> a" in text or "a*(" in text else {}))
    assert tuple(map(str, activation.kinks)) == tuple(map(str, kinks))
    assert tuple(map(str, activation.jumps)) == tuple(map(str, jumps))


@pytest.mark.parametrize(
    ("text", "corners"),
    [
        ("relu", (0,)),
        ("max(x, 0)**2", ()),
        ("elu", ()),
        ("selu", (0,)),
        ("hard_tanh", ("min_val", "max_val")),
        ("softsign", ()),
        ("gelu", ()),
        ("sqrt(abs(x))", (0,)),
        ("sign", ()),
    ],
)
def test_corners_are_where_the_slope_jumps(text: str, corners: tuple[object, ...]) -> None:
    assert tuple(map(str, Activation(text).corners)) == tuple(map(str, corners))


def test_a_step_that_vanishes_at_the_values_is_a_kink() -> None:
    activation = Activation("where(x > a, x, 1)", a=1)
    assert len(activation.kinks) == 1
    assert activation.jumps == ()


@pytest.mark.parametrize(
    ("text", "degree"),
    [
        ("relu", 1), ("leaky_relu", 1), ("relu2", 2), ("abs(x)**3", 3), ("sign", 0), ("step", 0), ("cube", 3), ("1", 0),
        ("sqrt(abs(x))", sp.S.Half), ("cbrt(x)", sp.Rational(1, 3)), ("x*sign(x) + 3*x", 1), ("max(x, 2*x)*x", 2),
        ("relu6", None), ("gelu", None), ("x + 1", None), ("x**2 + x", None), ("tanh", None), ("exp", None),
        ("box", None),
        ("relu(x) + step(x)", None), ("sqrt(1 + x**2)", None), ("0", None), ("shifted_relu", None), ("floor(x)", None),
    ],
)  # fmt: skip
def test_homogeneity(text: str, degree: object) -> None:
    assert Activation(text).homogeneity == degree


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("x**3 - x", True), ("hermite5", True), ("1", True), ("max(x, 0) + min(x, 0)", True), ("sqrt(x**4)", True),
        ("max(x, 0)**2 + min(x, 0)**2", True), ("sin(x)**2 + cos(x)**2", True), ("log(exp(3*x))", True),
        ("(x**2 - 1)/(x - 1)", True), ("relu", False), ("abs(x)**3", False), ("tanh", False), ("sin", False),
        ("cos", False), ("exp", False), ("sinh", False), ("gelu", False), ("sigmoid", False), ("softplus", False),
        ("sinc", False), ("lorentzian", False), ("1/(2 + sin(x))", False), ("x**2 + exp(-x**2)/10**40", False),
        ("x + sin(x)", False), ("step", False), ("snake", False), ("sqrt1px2", False),
        ("max(sin(x), 0)", None), ("floor(x)", None),
    ],
)  # fmt: skip
def test_polynomials(text: str, answer: bool | None) -> None:
    assert Activation(text).is_polynomial is answer


def test_a_parameter_value_can_make_a_function_polynomial() -> None:
    assert Activation("leaky_relu", alpha=1).is_polynomial is True
    assert Activation("leaky_relu", alpha=0.5).is_polynomial is False
