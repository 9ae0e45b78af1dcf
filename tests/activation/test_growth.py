"""The growth is a bound that holds, and for the usual activations the smallest one of its kind."""

import mpmath as mp
import pytest
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.activation.catalogue import catalogue

ORDERS = {
    # Each text with its degree, exponential rate and Gaussian rate.
    "relu": (1, 0, 0),
    "relu3": (3, 0, 0),
    "sign": (0, 0, 0),
    "gelu": (1, 0, 0),
    "elu": (1, 0, 0),
    "tanh": (0, 0, 0),
    "softplus": (1, 0, 0),
    "mish": (1, 0, 0),
    "logcosh": (1, 0, 0),
    "exp(2*x)": (0, 2, 0),
    "x*exp(-3*x)": (1, 3, 0),
    "sinh(x)*x**2": (2, 1, 0),
    "exp(-abs(x))": (0, -1, 0),
    "exp(-2*x**2)": (0, 0, -2),
    "x*exp(x**2/10 - x)": (1, 1, sp.Rational(1, 10)),
    "exp(x**4)": (0, 0, sp.oo),
    "exp(-x**4)": (0, 0, -sp.oo),
    "erfi(x)": (-1, 0, 1),
    "1/(1 + x**2)": (-2, 0, 0),
    "sinc(x)": (-1, 0, 0),
    "x**3/(1 + x**2)": (1, 0, 0),
    "sinh(exp(-x**2))": (0, 0, -1),
    "asinh(exp(-2*x**2))": (0, 0, -2),
    "asinh(x*exp(-abs(x)))": (1, -1, 0),
    "sinh(1/(1 + x**2))": (-2, 0, 0),
    "asinh(exp(x**2))": (2, 0, 0),
    "sqrt(abs(x))": (sp.S.Half, 0, 0),
    "log(1 + x**2)": (sp.S.Half, 0, 0),
    "x*exp(tanh(x))": (1, 0, 0),
    "max(sin(x), x)": (1, 0, 0),
    "1/(2 + sin(x))": (0, 0, 0),
    "exp(-exp(x))": (0, 0, 0),
    "1/(1 + exp(-x))": (0, 0, 0),
    "x**2*a**x": (2, sp.log(3), 0),
}


@pytest.mark.parametrize(("text", "order"), ORDERS.items(), ids=ORDERS.keys())
def test_orders_are_exact(text: str, order: tuple[sp.Expr, sp.Expr, sp.Expr]) -> None:
    growth = (Activation(text, a=3) if "a**x" in text else Activation(text)).growth
    assert growth is not None
    assert (growth.degree, growth.exponential, growth.gaussian) == order


@pytest.mark.parametrize("name", [*catalogue, *(text for text in ORDERS if "a**x" not in text)])
def test_the_bound_holds_with_a_moderate_constant(name: str) -> None:
    activation = Activation(name)
    growth = activation.growth
    assert growth is not None
    if growth.gaussian.is_infinite:
        return
    function = activation.to_mpmath()
    with mp.workdps(30):
        degree, rate, square = (
            mp.mpmathify(sp.N(part, 30)) for part in (growth.degree, growth.exponential, growth.gaussian)
        )
        for size in (3, 30, 300):
            for point in (mp.mpf(size), -mp.mpf(size)):
                bound = (1 + abs(point)) ** degree * mp.exp(rate * abs(point) + square * point**2)
                # Largest constant of the list: exp(max tanh), the slopes of ABReLU, the value of threshold, SIREN's 1.
                assert abs(function(point)) <= 25 * bound


@pytest.mark.parametrize("text", ["log(sinh(log(1 + exp(-x**2))))", "1/sinh(tanh(x))", "1/asinh(sin(x))"])
def test_what_may_come_near_zero_is_no_lower_bound(text: str) -> None:
    growth = Activation(text).growth
    assert growth is None or not growth.attained


def test_what_cannot_be_read_off_is_none() -> None:
    assert Activation("1/(sin(x)**2 + 1/10)").growth is None
    assert Activation("exp(x*sin(x))").growth is None
