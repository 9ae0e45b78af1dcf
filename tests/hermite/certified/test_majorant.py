"""Bounds far out hold at every place, and a function without one is told from a function with one."""

import mpmath as mp
import pytest
import sympy as sp
from flint import arb

from ntksym.activation.activation import Activation
from ntksym.formula import compile_mpmath
from ntksym.formula.conditionals import substitute
from ntksym.formula.tape import play, record
from ntksym.hermite.certified.majorant import Majorant, Tail, Tails
from ntksym.symbols import x

FORMULAS = (
    "tanh", "sigmoid", "softplus", "silu", "mish", "arctan", "asinh", "softsign", "logcosh", "sqrt1px2", "gelu_tanh",
    "erf", "gelu", "relu", "elu", "selu", "x**3", "sin(x)*tanh(x)", "(exp(x) - exp(-x))/(exp(x) + exp(-x))",
    "squareplus", "isru", "symlog", "serf", "tanhexp", "gabor", "sinc", "abs(x)**1.5", "1/cosh(x)**2",
    "x**2*exp(x - x**2/2)", "2**x", "log(exp(x) + exp(-x))", "x*log(1 + x**2)", "log(2 + cos(x))", "1/(2 + sin(x))",
    "snake", "atanh(tanh(x)/2)", "acosh(2 + x**2)", "asin(0.9*tanh(x))", "acos(sin(x)/2)",
    "erfi(tanh(x))", "log(1.001 + cos(x))",
    "exp(-abs(x)**3)", "sinh(x) - cosh(2*x)", "erfc(x)*x", "x/(2 - exp(-x**2) + x**2)",
    "x*exp(-sqrt(2)*x**2)", "atan(sinh(x))", "exp(sin(x)*3 - abs(x))", "(exp(x) - 1)/(exp(x) + 1)", "lorentzian",
    "expm1(x)/2", "log(3 - exp(-x**2))", "(1 - x)**3*exp(-(x - 1)**2)",
)  # fmt: skip
PLACES = (1e-9, 0.01, 0.3, 0.9, 1.7, 3.1, 5.5, 9.2, 17.3, 40.0, 200.0)


def bounds_of(formula: str, side: int, start: float = 0.0) -> Tail:
    activation = Activation(formula)
    piece = activation.pieces.expressions[-1 if side > 0 else 0]
    tails = Tails(side, arb(start))
    return play(record(substitute(piece, activation.values)), tails, tails.variable())


def value_of(majorant: Majorant, place: float):
    constant, degree, rate = (
        mp.mpf(str(part.upper().str(25, radius=False))) for part in (majorant.constant, majorant.degree, majorant.rate)
    )
    return constant * (1 + place) ** degree * mp.exp(rate * place) * (1 + mp.mpf(10) ** -15)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("formula", FORMULAS)
def test_bounds_hold_everywhere_beyond_the_start(formula, side):
    activation = Activation(formula)
    piece = substitute(activation.pieces.expressions[-1 if side > 0 else 0], activation.values)
    function, derivative = compile_mpmath(piece, {}), compile_mpmath(sp.diff(piece, x), {})
    for start in (0.0, 1.5):
        tail = bounds_of(formula, side, start)
        assert tail.bound.is_finite
        assert tail.slope.is_finite
        with mp.workdps(60):
            for place in PLACES:
                if place < start:
                    continue
                here = function(side * place)
                assert abs(here) <= value_of(tail.bound, place)
                assert abs(derivative(side * place)) <= value_of(tail.slope, place)
                slack = 1e-15 * (1 + abs(float(here)))
                for line, sign in ((tail.low, 1), (tail.high, -1)):
                    if line.offset.is_finite():
                        limit = float(line.offset) + float(line.incline) * place
                        assert sign * (float(here) - limit) >= -slack * (1 + place)


@pytest.mark.parametrize("formula", ["exp(x**2/8)", "exp(exp(x))", "sinh(x**2)", "erfi(x)", "x/(exp(x) - 1)"])
def test_where_no_bound_is_known_none_is_given(formula):
    tail = bounds_of(formula, 1)
    assert not (tail.bound.is_finite and tail.slope.is_finite)


def test_the_tangent_of_something_small_is_bounded():
    tails = Tails(1, arb(0))
    small = play(record(sp.tan(sp.tanh(x))), tails, tails.variable())
    assert mp.tan(1) <= value_of(small.bound, 3.0) < 1.6
    assert mp.sec(1) ** 2 <= value_of(small.slope, 3.0) < 3.5
    large = play(record(sp.tan(2 * sp.tanh(x))), tails, tails.variable())
    assert not large.bound.is_finite


def test_decay_and_saturation_are_seen():
    """What makes integrals end early: bounded functions and derivatives have bounds that do not grow."""
    for formula in ("tanh", "erf", "arctan", "sigmoid", "elu"):
        slope = bounds_of(formula, -1).slope
        assert slope.rate <= 0
        assert slope.degree <= 0
    assert bounds_of("2**x", -1).bound.rate < -0.69
