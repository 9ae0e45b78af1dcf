"""Gaussian expectations against what is known independently: Hermite sums, symmetry, Price's theorem, existence."""

import math

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from ntksym.activation.activation import Activation
from ntksym.dual import ClosedDual
from ntksym.dual.derivation import cross_dual, derive
from ntksym.errors import InvalidInput, NoClosedForm, NoSuchDual
from ntksym.symbols import c, q, q1, q2

ULPS = 64 * np.finfo(np.float64).eps
"""Formulas of some tens of terms of order one; each rounds a few times."""

PIECES = ["x", "x**2", "exp(x/2)", "exp(-x**2)", "sin(x)", "x*cos(2*x)", "erf(x)", "1"]
GATES = ["1", "heaviside(x)", "heaviside(x - 1)", "sign(x + 1/2)"]


def members() -> st.SearchStrategy[str]:
    smooth = st.sampled_from(PIECES[:4] + PIECES[7:])
    gated = st.tuples(smooth, st.sampled_from(GATES)).map(lambda pair: f"({pair[0]})*{pair[1]}")
    waves = st.sampled_from(PIECES)
    weights = st.integers(-3, 3).filter(bool)
    return st.tuples(weights, gated, weights, waves).map(lambda t: f"{t[0]}*{t[1]} + {t[2]}*({t[3]})")


@settings(max_examples=12, deadline=None)
@given(members(), st.floats(-0.7, 0.7))
def test_the_formula_is_the_hermite_sum(text: str, rho: float) -> None:
    """K(1, 1, rho) = sum_k a_k^2 rho^k, the a_k by one-dimensional quadrature."""
    try:
        dual = derive(text, method="closed")
    except NoClosedForm:  # a wave times a step: its refusal is tested below
        reject()
    activation, count = Activation(text), 60
    nodes, weights = _half_line_rule(activation)
    functions = np.array([activation(nodes) * h for h in _hermite_functions(nodes, count)])
    coefficients = functions @ weights
    total = math.fsum(coefficients**2 * rho ** np.arange(count))
    scale = math.fsum(coefficients**2)
    truncation = abs(rho) ** count * float(dual.evaluate(1, 1, 1).value)
    assert abs(float(dual.evaluate(1, 1, rho).value) - total) <= 1e3 * ULPS * scale + truncation


def _half_line_rule(activation: Activation) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre panels between the breakpoints, times the normal density."""
    edges = sorted({-12.0, *np.linspace(-11.5, 11.5, 24), 12.0, *(float(t) for t in activation.pieces.breakpoints)})
    t, w = np.polynomial.legendre.leggauss(24)
    left, right = np.array(edges[:-1])[:, None], np.array(edges[1:])[:, None]
    nodes = ((right + left) / 2 + (right - left) / 2 * t).ravel()
    weights = ((right - left) / 2 * w).ravel() * np.exp(-(nodes**2) / 2) / math.sqrt(2 * math.pi)
    return nodes, weights


def _hermite_functions(x: np.ndarray, count: int) -> list[np.ndarray]:
    functions = [np.ones_like(x), x]
    for k in range(1, count - 1):
        functions.append((x * functions[k] - math.sqrt(k) * functions[k - 1]) / math.sqrt(k + 1))
    return functions


@settings(max_examples=10, deadline=None)
@given(members())
def test_a_dual_is_symmetric_and_its_slope_is_its_derivative(text: str) -> None:
    try:
        dual = derive(text, method="closed")
    except NoClosedForm:
        reject()
    with mpmath.workdps(40):
        here = dual.evaluate(*map(mpmath.mpf, (0.75, 2.25, 0.25)), dps=30)
        there = dual.evaluate(*map(mpmath.mpf, (2.25, 0.75, 0.25)), dps=30)
        assert abs(here.value - there.value) <= mpmath.mpf(10) ** -28 * (1 + abs(here.value))
        step = mpmath.mpf(10) ** -8
        ahead = dual.evaluate(0.75, 2.25, mpmath.mpf(0.25) + step, dps=40).value
        behind = dual.evaluate(0.75, 2.25, mpmath.mpf(0.25) - step, dps=40).value
        assert abs((ahead - behind) / (2 * step) - here.slope) <= mpmath.mpf(10) ** -13 * (1 + abs(here.slope))


TEXTBOOK = {
    "relu": ("angle", "sigma1*sigma2*((pi - theta)*cos(theta) + sin(theta))/(2*pi)", "(pi - theta)/(2*pi)"),
    "erf": (
        "q",
        "2*asin(2*c/(sqrt(2*q1 + 1)*sqrt(2*q2 + 1)))/pi",
        "4/(pi*sqrt((2*q1 + 1)*(2*q2 + 1) - 4*c**2))",
    ),
    "sin": ("q", "exp(-(q1 + q2)/2)*sinh(c)", "exp(-(q1 + q2)/2)*cosh(c)"),
    "exp": ("q", "exp((q1 + q2)/2 + c)", "exp((q1 + q2)/2 + c)"),
    "exp(-x**2)": ("q", "1/sqrt((2*q1 + 1)*(2*q2 + 1) - 4*c**2)", "4*c/((2*q1 + 1)*(2*q2 + 1) - 4*c**2)**(3/2)"),
    "heaviside": ("angle", "(pi - theta)/(2*pi)", "1/(2*pi*sigma1*sigma2*sin(theta))"),
    "abs": ("q", "2*(c*asin(c/sqrt(q1*q2)) + sqrt(q1*q2 - c**2))/pi", "2*asin(c/sqrt(q1*q2))/pi"),
    "gelu": (
        "sphere",
        "rho*(asin(rho/2) + pi/2)/(2*pi) + 1/(2*pi*sqrt(4 - rho**2))",
        None,
    ),
}


@pytest.mark.parametrize("name", TEXTBOOK)
def test_the_formula_is_the_textbook_s(name: str) -> None:
    view, value, slope = TEXTBOOK[name]
    derived = derive(name).view(view)
    symbols = {s.name: s for e in derived for s in e.free_symbols} | {s.name: s for s in (q1, q2, c)}
    for mine, text in zip(derived, (value, slope), strict=True):
        if text is not None:
            assert sp.expand(mine - sp.sympify(text, locals=symbols)) == 0
            assert sp.count_ops(mine) <= sp.count_ops(sp.sympify(text, locals=symbols)) + 4


@pytest.mark.parametrize("text", ["erf(x)**2*erf(2*x)**2", "cos(x)*heaviside(x - 1)", "max(x - 1, 0)*Phi(x)*Phi(2*x)"])
def test_what_has_no_base_case_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(NoClosedForm, match="closed form"):
        derive(text, method="closed")


def test_a_growing_gaussian_has_a_domain() -> None:
    dual = derive("exp(x**2/10)")
    assert dual.domain == (1 - 2 * q / 5,)
    assert 1 - q1 / 5 in dual.pair_domain
    with pytest.raises(NoSuchDual, match="W_std"):
        dual.evaluate(5.0, 1.0, 0.0)
    assert math.isclose(dual.evaluate(4.9, 1.0, 0.0).value, 1 / math.sqrt((1 - 0.98) * 0.8), rel_tol=1e-13)


def test_a_decaying_gaussian_has_none() -> None:
    assert derive("exp(-x**2)").domain == ()
    assert derive("x*exp(-x**2/2)").pair_domain == ()


def test_a_jump_has_no_slope_on_the_diagonal() -> None:
    dual = derive("sign")
    assert not dual.continuous
    assert dual.diagonal_slope is None
    assert dual.evaluate(1, 1, 1).slope == math.inf
    assert dual.evaluate(1, 1, 0.5).slope == pytest.approx(2 / math.pi / math.sqrt(0.75), rel=1e-14)


def test_price_descent_leaves_one_integral() -> None:
    dual = derive("erf(x)**2")
    assert dual.kind == "integral"
    assert dual.value.has(sp.Integral)
    assert not dual.slope.has(sp.Integral)
    for point in ((0.7, 2.3, 0.4), (1.0, 1.0, 0.999), (30.0, 20.0, -20.0)):
        exact = dual.evaluate(*point, dps=20).value
        assert abs(dual.evaluate(*point).value - float(exact)) <= ULPS * float(dual.evaluate(1e2, 1e2, 1e2).value)


def test_sinc_goes_by_the_fourier_rule() -> None:
    dual = derive("sin(x)/x")
    assert "F" in {step.rule for step in dual.steps}
    # E[sinc(U)^2] = E over the triangle of exp(-q t^2/2)
    with mpmath.workdps(30):
        exact = mpmath.quad(lambda t: (2 - t) * mpmath.exp(-t * t / 2) / 2, [0, 2])
    assert abs(dual.evaluate(1, 1, 1, dps=25).value - exact) < mpmath.mpf(10) ** -20


def test_a_cross_dual_of_two_functions() -> None:
    # E[U * relu(V)] = c/2 and E[1 * 1{V > 0}] = 1/2
    dual = cross_dual("x", "relu")
    assert sp.expand(dual.value - c / 2) == 0
    assert dual.slope == sp.Rational(1, 2)


def test_a_cross_dual_of_a_function_with_itself_is_its_dual() -> None:
    assert sp.expand(cross_dual("elu", "elu").value - derive("elu").value) == 0


def test_every_view_is_the_same_function() -> None:
    dual: ClosedDual = derive("elu")
    value = float(dual.evaluate(1, 1, 0.3).value)
    (rho,) = dual.view("sphere")[0].free_symbols - set(dual.activation.values)
    on_sphere = dual.view("sphere")[0].subs({rho: sp.Rational(3, 10), **dual.activation.values})
    assert abs(float(on_sphere.evalf(20)) - value) <= ULPS


def test_a_form_that_divides_by_the_determinant_is_evaluated_at_higher_precision() -> None:
    dual = derive("sinc")
    assert dual.accurate_range.is_empty
    value, slope = dual.evaluate([1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [1.0, 1 - 1e-13, 0.0])
    on_diagonal = float(dual.evaluate(1, 1, 1, dps=20).value)
    assert value[0] == pytest.approx(on_diagonal, rel=1e-15)
    assert value[1] == pytest.approx(on_diagonal - 1e-13 * slope[0], rel=1e-15)
    assert value[2] == pytest.approx(math.sqrt(math.pi / 2) * math.erf(1 / math.sqrt(2)), rel=1e-14)


def test_a_cross_dual_of_two_values_of_one_parameter_is_refused() -> None:
    with pytest.raises(InvalidInput, match="rename"):
        cross_dual(Activation("max(x, 0) + a*min(x, 0)", a=0.1), Activation("erf(a*x)", a=2))


def test_a_cross_dual_keeps_the_parameters_of_both() -> None:
    dual = cross_dual(Activation("erf(a*x)", a=2), Activation("max(x - b, 0)", b=0.5))
    with mpmath.workdps(20):
        exact = mpmath.quad(  # E[erf(2 U) max(V - 1/2, 0)] at q1 = q2 = 1, c = 0: the product of the means
            lambda z: mpmath.erf(2 * z) * mpmath.npdf(z), [-8, 0, 8]
        )
    assert dual.evaluate(1, 1, 0).value == pytest.approx(float(exact), abs=1e-15)
    # Price: E[f'(U) g'(V)] at c = 0 is E[f'(U)] P(V > 1/2)
    mean_slope = 4 / math.sqrt(math.pi) / math.sqrt(9)
    tail = math.erfc(0.5 / math.sqrt(2)) / 2
    assert dual.evaluate(1, 1, 0).slope == pytest.approx(mean_slope * tail, rel=1e-14)


@pytest.mark.parametrize(
    "text", ["exp(-x**2)*heaviside(1 - abs(x))", "3*exp(-x**2)*heaviside(1 - abs(x)) + x*Phi(x + 1)"]
)
def test_the_slope_of_a_window_is_the_derivative_of_its_value(text: str) -> None:
    dual = derive(text)
    with mpmath.workdps(40):
        step = mpmath.mpf(10) ** -10
        ahead, behind = (dual.evaluate(1, 2, mpmath.mpf("0.5") + s, dps=35).value for s in (step, -step))
        slope = dual.evaluate(1, 2, mpmath.mpf("0.5"), dps=30).slope
        assert abs((ahead - behind) / (2 * step) - slope) < mpmath.mpf(10) ** -15
