"""The order of a kink, and how fast the coefficients fall because of it."""

import math
from itertools import pairwise

import pytest
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.activation.catalogue import catalogue
from ntksym.activation.kinks import decay_of, even_kinks, kinks_of, lowest_order, odd_kinks
from ntksym.dual.derivation import derive
from ntksym.errors import NoClosedForm
from ntksym.symbolic.integrands import read_integrands

ORDERS = {
    "sign(x) + tanh(x)": 0,
    "tanh(max(x, 0))": 1,
    "softsign": 2,
    "abs(x)*sin(x)": 2,
    "relu3": 3,
    "sqrt(abs(x))": None,  # the derivative is infinite
}


@pytest.mark.parametrize(("name", "order"), ORDERS.items())
def test_the_order_of_a_break_is_that_of_the_first_derivative_that_jumps(name, order):
    assert [(item.place, item.order) for item in Activation(name).breaks] == [(0, order)]


def test_breaks_are_listed_from_left_to_right_and_may_be_none_or_unknown():
    assert [item.place for item in Activation("cosine_bump").breaks] == [-1, 1]
    assert Activation("tanh").breaks == ()
    with pytest.raises(NoClosedForm):
        _ = Activation("floor(x)").breaks


def test_jumps_are_exact_and_know_what_is_not_finite():
    (corner,) = Activation("where(x > a, x, a*x)", a=3).breaks
    assert [corner.jump(order) for order in range(3)] == [-6, -2, 0]
    (cusp,) = Activation("sqrt(abs(x))").breaks
    assert (cusp.jump(0), cusp.jump(1)) == (0, None)
    (pole,) = Activation("log(abs(x))").breaks
    assert pole.jump(0) is None
    assert pole.is_jump


CONTINUITY = {
    "relu": (True, False),
    "max(x, 0)**2": (True, True),
    "gelu": (True, True),
    "sign": (False, False),
    "sqrt(abs(x))": (True, False),
    "max(sin(x), 0)": (True, None),  # infinitely many kinks: proved from the formula, without its pieces
    "floor(x)": (None, None),
}


@pytest.mark.parametrize(("text", "known"), CONTINUITY.items())
def test_continuity_of_the_function_and_of_its_slope_is_known_or_stated_unknown(text, known):
    activation = Activation(text)
    assert (activation.is_continuous, activation.has_continuous_slope) == known


MEETING = [
    "where(x > 1, exp(x) - exp(1), 0)",
    "where(x > 1, sinh(x) - sinh(1), 0)",
    "where(x > 1/2, cosh(x) - cosh(1/2), 0)",
    "where(x > 1, erf(x) - erf(1), 0)",
    "where(x > log(2), exp(x) - 2, 0)",
    "where(x > 1, exp(x) - exp(1), exp(1) - exp(x))",
]
"""Pieces that meet because values of transcendental functions cancel."""


@pytest.mark.parametrize("text", [*sorted(catalogue), *MEETING])
def test_the_engine_and_the_pieces_agree_whether_an_activation_jumps(text):
    activation = Activation(text)
    try:
        (form,) = read_integrands([activation])
    except NoClosedForm:
        return
    assert form.is_continuous == activation.is_continuous


@pytest.mark.parametrize("text", MEETING)
def test_functions_whose_pieces_meet_are_continuous(text):
    assert Activation(text).is_continuous
    assert derive(text).continuous


def test_the_lowest_order_sets_the_decay():
    jump, kink, cusp = (Activation(text).breaks[0] for text in ("sign", "max(x, 0)**2", "sqrt(abs(x))"))
    assert decay_of((jump, kink)) == sp.Rational(3, 4)
    assert decay_of((kink,)) == sp.Rational(7, 4)
    assert decay_of((jump, cusp)) is None


@pytest.mark.parametrize("name", ["softsign", "tanh(max(x, 0))"])
def test_the_coefficients_do_fall_that_fast(name):
    exponent = float(decay_of(Activation(name).breaks))
    found = derive(name).coefficients([1.0])
    squares = found.coefficients[0] ** 2
    sizes = [float(squares[len(squares) // part : 2 * len(squares) // part].sum()) for part in (8, 4, 2)]
    for early, late in pairwise(sizes):
        # Sums of k**(-2e) over an octave fall by 2**(1 - 2e); a fifth allows for the next order in 1/k and for parity.
        assert late / early == pytest.approx(2 ** (1 - 2 * exponent), rel=0.2)


def test_kinks_have_places_and_jumps() -> None:
    (kink,) = kinks_of(Activation("selu").breaks)
    assert kink.place == 0.0
    assert kink.jumps[0] == 0.0
    assert math.isclose(kink.jumps[1], 1.0507009873554805 * (1 - 1.6732632423543772), rel_tol=1e-12)
    assert lowest_order(kinks_of(Activation("max(x,0)**3").breaks)) == 3
    assert lowest_order(kinks_of(Activation("tanh(x)").breaks)) is None


def test_parts_share_out_the_kinks() -> None:
    kinks = kinks_of(Activation("max(x-1,0)").breaks)
    even, odd = even_kinks(kinks), odd_kinks(kinks)
    assert [(k.place, k.jumps[1]) for k in even] == [(-1.0, 0.5), (1.0, 0.5)]
    assert [(k.place, k.jumps[1]) for k in odd] == [(-1.0, -0.5), (1.0, 0.5)]
    assert lowest_order(odd_kinks(kinks_of(Activation("relu").breaks))) is None
