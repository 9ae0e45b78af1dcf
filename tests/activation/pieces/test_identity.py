"""Zero is affirmed by algebra only, and refuted by numbers only."""

import pytest
import sympy as sp

from ntksym.activation.pieces.identity import is_zero
from ntksym.formula import parse
from ntksym.symbols import x


@pytest.mark.parametrize(
    "text",
    [
        "(x + 1)**3 - x**3 - 3*x**2 - 3*x - 1",
        "exp(x)*exp(-x) - 1",
        "cosh(x)**2 - sinh(x)**2 - 1",
        "tanh(x) - 1 + 2/(1 + exp(2*x))",
        "1/(1 + exp(-x)) + 1/(1 + exp(x)) - 1",
        "log(1 + exp(x)) - log(1 + exp(-x)) - x",
        "erf(x) + erfc(x) - 1",
        "(exp(x) - 1)*(exp(x) + 1) - exp(2*x) + 1",
    ],
)
def test_identities_are_proved(text: str) -> None:
    assert is_zero(parse(text)) is True


@pytest.mark.parametrize("text", ["x", "sin(x) - x + x**3/6", "exp(-x**2)/10**30", "erf(x) - tanh(2*x/sqrt(pi))", "1"])
def test_differences_are_refuted_however_small(text: str) -> None:
    assert is_zero(parse(text)) is False


def test_what_is_true_but_not_proved_is_unknown() -> None:
    assert is_zero(2 * sp.atan(sp.exp(x)) - sp.asin(sp.tanh(x)) - sp.pi / 2) is None


def test_a_small_argument_is_no_proof() -> None:
    tiny = sp.exp(-(10**6)) * x
    assert is_zero(tiny) is False
