"""float64 values are right in the tails and without warnings; mpmath values follow the working precision."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from ntksym.formula import compile_mpmath, compile_numpy, parse
from ntksym.symbols import parameter, x

POINTS = np.array(
    [
        -1e308,
        -1e10,
        -1000.0,
        -745.0,
        -40.0,
        -10.0,
        -3.3,
        -0.7,
        -1e-9,
        0.0,
        1e-300,
        1e-9,
        0.7,
        5.0,
        30.0,
        710.0,
        1e10,
        1e308,
    ]
)
EPS = float(np.finfo(np.float64).eps)
TINY = mp.mpf(float(np.finfo(np.float64).tiny))

SMOOTH = [
    "x*(1 + erf(x/sqrt(2)))/2", "x/2 + x*erf(x/sqrt(2))/2", "1/(1 + exp(-x))", "exp(x)/(1 + exp(x))",
    "x/(1 + exp(-x))", "where(x > 0, x, exp(x) - 1)", "max(0, x) + min(0, exp(x) - 1)", "log(1 + exp(x))",
    "x*tanh(log(1 + exp(x)))", "log(cosh(x))", "(x + sqrt(x**2 + 4))/2", "x/sqrt(1 + x**2)", "x**2*exp(-x**2)",
    "exp(x)", "1 + tanh(x)", "1 - tanh(x)", "1 - erf(x)", "sign(x)*log(1 + abs(x))", "exp(-x**2)*sin(x)",
    "cosh(x)*exp(-abs(x))", "sinh(x)/cosh(x)", "atan(x)", "asinh(x)", "abs(x)**(1/3)", "2**x", "floor(x)", "sinc(x)",
    "heaviside(x)", "where(abs(x) < 1, 1, 0)",
]  # fmt: skip


@pytest.mark.parametrize("text", SMOOTH)
def test_float64_values_are_right_at_any_x(text: str) -> None:
    expression = parse(text)
    values, exact = compile_numpy(expression, {})(POINTS), compile_mpmath(expression, {})
    for point, value in zip(POINTS, values, strict=True):
        with mp.workdps(400 if abs(point) < 1e4 else 60):
            truth = exact(mp.mpf(float(point)))
            if abs(truth) > mp.mpf(1.79e308):
                assert value == np.sign(float(mp.sign(truth))) * np.inf
                continue
            # An argument with relative error eps moves exp(u) and erfc(u) by |u| or u^2 roundings, |u| < 750 where they
            # are representable; elsewhere a few roundings. Below the smallest normal number the error is absolute.
            slack = 750 if abs(truth) < 1e-20 or abs(truth) > 1e20 else 50
            assert abs(mp.mpf(float(value)) - truth) <= slack * EPS * max(abs(truth), TINY)


@pytest.mark.parametrize("text", SMOOTH)
def test_mpmath_values_follow_the_working_precision(text: str) -> None:
    function = compile_mpmath(parse(text), {})
    for point in ("-2.5", "0.3", "17"):
        with mp.workdps(120):
            truth = function(mp.mpf(point))
        for digits in (20, 50):
            with mp.workdps(digits):
                assert abs(function(mp.mpf(point)) - truth) <= mp.mpf(10) ** (3 - digits) * (1 + abs(truth))


def test_parameters_take_their_values_at_full_precision() -> None:
    a = parameter("a", sp.Rational(1, 3))
    function = compile_mpmath(sp.exp(a * x), {a: sp.Rational(1, 3)})
    with mp.workdps(50):
        assert mp.almosteq(function(3), mp.e, rel_eps=mp.mpf(10) ** -49)


def test_shapes_are_kept() -> None:
    function = compile_numpy(parse("where(x > 0, 1, x)"), {})
    for shape in ((), (0,), (3,), (2, 3), (2, 0, 4)):
        assert function(np.ones(shape)).shape == shape


def test_constants_fill_the_shape() -> None:
    assert np.array_equal(compile_numpy(parse("2"), {})(np.zeros((2, 2))), np.full((2, 2), 2.0))


def test_nan_goes_in_and_out() -> None:
    assert np.isnan(compile_numpy(parse("where(x > 0, x, 0)"), {})(np.array([np.nan]))).all()


def test_what_is_not_real_is_nan() -> None:
    for text in ("sqrt(x)", "log(x)", "x**0.3", "acosh(x)", "asin(x - 2)", "log1p(x)"):
        assert np.isnan(compile_numpy(parse(text), {})(np.array([-3.0]))).all()
        assert mp.isnan(compile_mpmath(parse(text), {})(-3))


def test_exponentials_of_exponentials_end() -> None:
    function = compile_numpy(parse("exp(exp(exp(exp(x))))"), {})
    assert np.array_equal(function(np.array([10.0, 1e300])), [np.inf, np.inf])
    assert np.isnan(compile_numpy(parse("sin(exp(exp(x)))"), {})(np.array([50.0]))).all()
