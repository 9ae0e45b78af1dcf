"""The reverse direction: the kernel of the activation that is found, by dual and recursion, is the one asked for."""

import json
import math
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from ntksym.activation.activation import Activation
from ntksym.dual.derivation import derive
from ntksym.errors import InvalidInput, ToleranceNotMet
from ntksym.network.layers import fully_connected
from ntksym.symbols import c, q1, q2, rho
from ntksym.theory.inverse.synthesis import InverseActivation, activation_for
from tests.oracle import float_recursion_at

EPSILON = float(np.finfo(np.float64).eps)
PLACES = np.array([-1.0, -0.7, -0.2, 0.0, 0.4, 0.95, 1.0])
RELU = "(sqrt(1 - rho**2) + rho*(pi - acos(rho)))/(2*pi)"
RELU_NTK = f"{RELU} + rho*(pi - acos(rho))/(2*pi)"
CANCELLATION = 2.0**20 * EPSILON
"""Monomials of degree 15 at variance one: their moments exceed those of Hermite polynomials by no more."""


def kernel_of(found: InverseActivation, places: np.ndarray[Any, Any] = PLACES) -> np.ndarray[Any, Any]:
    """The kernel on the sphere of one hidden layer, by the reference recursion."""
    return getattr(float_recursion_at(fully_connected(found.activation, depth=1), 1.0, 1.0, places), found.get)


def values_of(kernel: sp.Expr, places: np.ndarray[Any, Any] = PLACES) -> np.ndarray[Any, Any]:
    return np.array([float(kernel.subs(rho, sp.Rational(str(place))).evalf(20)) for place in places])


@pytest.mark.parametrize("signs", ["plus", "alternating"])
@pytest.mark.parametrize(
    ("kernel", "get", "plus", "alternating"),
    [
        ("exp(rho - 1)", "nngp", "exp(x - 1)", "sin(x) + cos(x)"),
        ("(1 + rho)*exp(rho)", "ntk", "exp(x - 1/2)", "exp(1/2)*(sin(x) + cos(x))"),
        ("cosh(rho)", "nngp", "exp(-1/2)*cosh(x)", "exp(1/2)*cos(x)"),
        ("3*sinh(rho/2)", "nngp", "sqrt(3)*exp(-1/4)*sinh(x/sqrt(2))", "sqrt(3)*exp(1/4)*sin(x/sqrt(2))"),
        ("1/sqrt(1 - rho**2/4)", "nngp", "sqrt(2/3)*exp(x**2/6)", "sqrt(2)*exp(-x**2/2)"),
        ("2/pi*asin(2*rho/3)", "nngp", "erfi(x/sqrt(5))", "erf(x)"),
        ("cosh(2*rho) + sinh(rho)", "nngp", "exp(-1)*cosh(sqrt(2)*x) + exp(-1/2)*sinh(x)", None),
    ],
)
def test_generating_functions_give_formulas(
    kernel: str, get: Any, plus: str, alternating: str | None, signs: str
) -> None:
    found = activation_for(kernel, get=get, signs=signs)
    assert (found.kind, found.error, found.exact) == ("formula", 0.0, True)
    expected = plus if signs == "plus" else alternating
    if expected is not None:
        difference = found.activation.expression - Activation(expected).expression
        assert sp.simplify(difference.rewrite(sp.exp)) == 0
    scale = float(max(values_of(found.kernel)))
    assert kernel_of(found) == pytest.approx(values_of(found.kernel), abs=64 * EPSILON * scale)


def test_the_derived_dual_of_a_formula_is_the_kernel() -> None:
    for kernel in ("exp(rho - 1)", "1/sqrt(1 - rho**2/4)", "2/pi*asin(2*rho/3)"):
        found = activation_for(kernel, signs="alternating")
        dual = derive(found.activation)
        on_the_sphere = dual.value.subs({q1: 1, q2: 1, c: rho})  # type: ignore[union-attr]
        assert sp.simplify((on_the_sphere - found.kernel).rewrite(sp.exp)) == 0


def test_a_polynomial_may_stand_beside_a_generating_function() -> None:
    found = activation_for("1/4 + asin(rho/2)/(2*pi)", signs="alternating")
    assert sp.expand(found.activation.expression - Activation("1/2 + erf(x/sqrt(2))/2").expression) == 0
    assert kernel_of(found) == pytest.approx(values_of(found.kernel), abs=64 * EPSILON)


def test_the_arc_sine_kernel_at_its_end_is_that_of_a_step() -> None:
    found = activation_for("2/pi*asin(rho)", signs="alternating")
    assert found.activation.expression == sp.sign(Activation("x").expression)
    with pytest.raises(ToleranceNotMet):
        activation_for("2/pi*asin(rho)")
    assert activation_for("2/pi*asin(rho)", degree=15).kind == "truncated"


def test_polynomial_kernels_give_exact_finite_sums() -> None:
    """(1 + rho)^2/4: a_0^2 = 1/4, a_1^2 = 1/2, a_2^2 = 1/4."""
    found = activation_for("(1 + rho)**2/4")
    expected = Activation("1/2 + x/sqrt(2) + (x**2 - 1)/(2*sqrt(2))").expression
    assert (found.kind, found.error) == ("polynomial", 0.0)
    assert sp.expand(found.activation.expression - expected) == 0
    assert derive(found.activation).view("sphere")[0].equals((1 + rho) ** 2 / 4)  # type: ignore[union-attr]
    ntk = activation_for("rho**3", get="ntk")
    assert sp.expand(ntk.activation.expression - Activation("(x**3 - 3*x)/sqrt(24)").expression) == 0


def test_coefficients_may_be_given_as_numbers() -> None:
    found = activation_for([Fraction(1, 3), 0, 0.5, sp.sqrt(2)])
    assert found.kernel == sp.Rational(1, 3) + rho**2 / 2 + sp.sqrt(2) * rho**3
    assert found.coefficients == (sp.Rational(1, 3), 0, sp.S.Half, sp.sqrt(2))
    assert kernel_of(found) == pytest.approx(values_of(found.kernel), abs=64 * EPSILON)
    assert activation_for(np.array([0.0, 1.0])).activation.expression == Activation("x").expression


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.sampled_from(["nngp", "ntk"]))
def test_any_coefficients_that_are_not_negative_come_back(numbers: list[int], get: Any) -> None:
    found = activation_for(numbers, get=get)
    expected = np.polynomial.polynomial.polyval(PLACES, numbers)
    assert kernel_of(found) == pytest.approx(expected, abs=256 * EPSILON * (1 + sum(numbers)))


@pytest.mark.parametrize(("kernel", "get"), [(RELU, "nngp"), (RELU_NTK, "ntk"), ("1/(2 - rho)", "nngp")])
@pytest.mark.parametrize("signs", ["plus", "alternating"])
def test_series_that_are_cut_off_are_wrong_by_what_is_said_and_not_less(kernel: str, get: Any, signs: str) -> None:
    """Largest at rho = 1, where the bound is attained; the kernel is the cut series up to rounding."""
    found = activation_for(kernel, get=get, degree=11, signs=signs)
    assert (found.kind, found.exact, len(found.coefficients)) == ("truncated", False, 12)
    missing = np.abs(values_of(found.kernel) - kernel_of(found))
    assert np.max(missing) <= found.error + CANCELLATION
    assert missing[-1] == pytest.approx(found.error, abs=CANCELLATION)
    assert found.error > 0


def test_the_error_of_the_arc_cosine_kernel_is_its_tail() -> None:
    """f(1) = 1/2, and the coefficients are 1/(2 pi), 1/4, 1/(4 pi), 0, 1/(48 pi), ..."""
    found = activation_for(RELU, degree=4)
    pi = math.pi
    assert found.coefficients == (1 / (2 * sp.pi), sp.Rational(1, 4), 1 / (4 * sp.pi), 0, 1 / (48 * sp.pi))
    tail = 0.5 - (1 / (2 * pi) + 1 / 4 + 1 / (4 * pi) + 1 / (48 * pi))
    assert found.error == pytest.approx(tail, abs=8 * EPSILON)


def test_more_terms_make_the_error_smaller() -> None:
    errors = [activation_for("1/(2 - rho)", degree=degree).error for degree in (0, 3, 15)]
    assert errors == pytest.approx([2.0**-1, 2.0**-4, 2.0**-16], rel=4 * EPSILON)


@pytest.mark.parametrize(
    ("kernel", "index", "value"),
    [
        ("cos(rho)", 2, -sp.S.Half),
        ("exp(-rho)", 1, sp.S.NegativeOne),
        ("rho - rho**2", 2, sp.S.NegativeOne),
        ([1, 0.5, -1e-9], 2, sp.Rational(-1, 10**9)),
        ("exp(sin(rho) + rho**2)", 21, sp.Rational(-21963647, 1995739928582400)),
        ("asin(rho) - rho + 1 - pi*rho**3/18", 3, None),
        (f"{RELU} + rho**40/100 - rho**39/100", 39, sp.Rational(-1, 100)),
    ],
)
def test_a_negative_coefficient_is_named(kernel: Any, index: int, value: sp.Expr | None) -> None:
    with pytest.raises(InvalidInput, match=rf"coefficient of rho\*\*{index} is") as refusal:
        activation_for(kernel)
    assert refusal.value.about["index"] == index
    assert value is None or sp.simplify(refusal.value.about["value"] - value) == 0


@pytest.mark.parametrize("kernel", ["1/(1 - rho)", "-log(1 - rho)", "1/sqrt(1 - rho**2)"])
def test_an_infinite_value_at_one_is_refused(kernel: str) -> None:
    with pytest.raises(InvalidInput, match="at rho = 1 is oo"):
        activation_for(kernel)


@pytest.mark.parametrize("kernel", ["abs(rho)", "sign(rho)", "max(rho, 0)"])
def test_what_is_no_power_series_is_refused(kernel: str) -> None:
    with pytest.raises(InvalidInput, match="no power series"):
        activation_for(kernel)


@pytest.mark.parametrize("kernel", ["rho*x", "__import__('os')", "", [], 3, True, None, [1, math.nan], [True], ["1"]])
def test_what_is_no_kernel_is_refused(kernel: Any) -> None:
    with pytest.raises(InvalidInput):
        activation_for(kernel)


@pytest.mark.parametrize(
    "arguments", [{"get": "both"}, {"degree": -1}, {"degree": 99}, {"degree": True}, {"signs": "-"}]
)
def test_bad_arguments_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        activation_for("exp(rho)", **arguments)


def test_a_polynomial_of_too_high_a_degree_is_refused() -> None:
    with pytest.raises(InvalidInput, match="degree 30"):
        activation_for("rho**30")


def test_sympy_expressions_are_read_whatever_the_assumptions_of_their_symbol() -> None:
    assert activation_for(sp.exp(sp.Symbol("rho"))) == activation_for("exp(rho)")


def test_the_answer_is_pickled_printed_and_told_as_plain_data() -> None:
    found = activation_for("1/(2 - rho)", degree=3)
    assert pickle.loads(pickle.dumps(found)) == found
    assert "to 0.062" in str(found)
    told = json.loads(json.dumps(found.to_dict()))
    assert told["coefficients"] == ["1/2", "1/4", "1/8", "1/16"]
    assert told["error"] == found.error


@pytest.mark.parametrize(("text", "index"), [("exp(rho)-rho**33/1e30", 33), ("exp(rho)-rho**60/1e60", 60)])
def test_a_small_negative_coefficient_far_out_is_named(text: str, index: int) -> None:
    """1/33! = 1.2e-37 and 1/60! = 1.2e-82."""
    with pytest.raises(InvalidInput, match=rf"coefficient of rho\*\*{index} is -") as refusal:
        activation_for(text)
    assert refusal.value.about["index"] == index


def test_a_small_positive_coefficient_far_out_is_accepted() -> None:
    assert activation_for("exp(rho - 1)/1000 + rho**60/1e60").kind == "truncated"


@pytest.mark.parametrize("text", ["exp(1000*rho)", "1e200*rho"])
def test_a_kernel_beyond_floats_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="beyond float64"):
        activation_for(text)


@pytest.mark.parametrize("get", ["nngp", "ntk"])
def test_rounded_coefficients_are_not_called_exact(get: Any) -> None:
    """The squares of the Hermite coefficients, exactly: a_k = E[s h_k] from the moments of x^n."""
    found, exact = activation_for("rho**20", get=get), activation_for("rho**12", get=get)
    assert (exact.exact, exact.error) == (True, 0.0)
    assert not found.exact
    assert 0 < found.error < 1e-23
    assert "exactly" not in str(found)
    leading = sp.Poly(found.activation.expression).LC()  # a_20/sqrt(20!)
    square = leading**2 * sp.factorial(20) * (21 if get == "ntk" else 1)
    assert 0 < abs(square - 1) <= found.error


@pytest.mark.parametrize(("kernel", "get"), [("exp(-acos(rho))", "nngp"), ("exp(-(1-rho)/0.01)", "ntk")])
def test_a_kernel_that_no_polynomial_has_is_refused_with_what_would_be_left_out(kernel: str, get: str) -> None:
    with pytest.raises(ToleranceNotMet, match=r"more than tol=0\.01; ask for that with degree=23") as refusal:
        activation_for(kernel, get=get)
    error = activation_for(kernel, get=get, degree=23).error
    assert refusal.value.about["error"] == pytest.approx(error, rel=1e-12)


def test_a_tolerance_buys_terms() -> None:
    """1/(10/9 - rho) has coefficients 0.9^(k+1): what is left out above rho^k is 0.9^(k+1) of the whole."""
    fewest = activation_for("1/(10/9 - rho)", tol=0.2)
    assert (len(fewest.coefficients), fewest.error / 9) == (16, pytest.approx(0.9**16))
    more = activation_for("1/(10/9 - rho)", tol=0.1)
    assert (len(more.coefficients), more.error / 9) == (22, pytest.approx(0.9**22))
    with pytest.raises(ToleranceNotMet):
        activation_for("1/(10/9 - rho)", tol=0.05)
    with pytest.raises(InvalidInput, match="tol"):
        activation_for("1/(2 - rho)", tol=0)
