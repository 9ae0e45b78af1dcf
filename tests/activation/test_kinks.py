"""The order of a kink, and how fast the coefficients fall because of it."""

from itertools import pairwise

import pytest
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.activation.kinks import Break, breaks_of, decay_of
from ntksym.dual.derivation import derive

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
    assert breaks_of(Activation(name)) == (Break(sp.S.Zero, order),)


def test_breaks_are_listed_from_left_to_right_and_may_be_none_or_unknown():
    assert [item.place for item in breaks_of(Activation("cosine_bump"))] == [-1, 1]
    assert breaks_of(Activation("tanh")) == ()
    assert breaks_of(Activation("floor(x)")) is None


def test_the_lowest_order_sets_the_decay():
    jump, kink, cusp = (Break(sp.S.Zero, order) for order in (0, 2, None))
    assert decay_of((jump, kink)) == sp.Rational(3, 4)
    assert decay_of((kink,)) == sp.Rational(7, 4)
    assert decay_of((jump, cusp)) is None


@pytest.mark.parametrize("name", ["softsign", "tanh(max(x, 0))"])
def test_the_coefficients_do_fall_that_fast(name):
    exponent = float(decay_of(breaks_of(Activation(name))))
    found = derive(name).coefficients([1.0])
    squares = found.coefficients[0] ** 2
    sizes = [float(squares[len(squares) // part : 2 * len(squares) // part].sum()) for part in (8, 4, 2)]
    for early, late in pairwise(sizes):
        # Sums of k**(-2e) over an octave fall by 2**(1 - 2e); a fifth allows for the next order in 1/k and for parity.
        assert late / early == pytest.approx(2 ** (1 - 2 * exponent), rel=0.2)
