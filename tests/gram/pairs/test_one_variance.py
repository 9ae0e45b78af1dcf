"""Series at one variance: value, slope and the fall from the diagonal, all digits of each."""

import mpmath
import numpy as np
import pytest

from ntksym.activation.activation import Activation
from ntksym.dual import series_dual
from ntksym.dual.derivation import derive
from ntksym.gram.pairs.one_variance import sum_pairs, terms_at

GAPS = np.array([0.0, 1e-14, 1e-9, 1e-4, 0.1, 0.7, 1.0])


@pytest.mark.parametrize("formula", ["erf(x)", "cos(x)", "x/2 + x*erf(x/sqrt(2))/2", "x**2 + x"])
@pytest.mark.parametrize("variance", [0.3, 1.7])
def test_sums_are_those_of_the_closed_form(formula: str, variance: float) -> None:
    activation = Activation(formula)
    closed, terms = derive(activation), terms_at(series_dual(activation), variance)
    assert terms is not None
    for sign in (1.0, -1.0):
        value, slope, fall = sum_pairs(terms, variance * GAPS, np.full(len(GAPS), sign))
        for k, gap in enumerate(GAPS):
            with mpmath.workdps(60):
                c = sign * (variance - mpmath.mpf(variance * gap))
                exact = closed.evaluate(variance, variance, c, dps=40)
                # the coefficients are exact to a few 1e-15 of the diagonal
                assert abs(value[k] - exact.value) <= 2e-14 * terms.value
                assert abs(slope[k] - exact.slope) <= 4e-14 * terms.slope
                if sign > 0:
                    diagonal = closed.evaluate(variance, variance, variance, dps=40).value
                    assert abs(fall[k] - (diagonal - exact.value)) <= 2e-14 * abs(diagonal - exact.value) + 1e-300


def test_the_diagonal_is_that_of_the_dual() -> None:
    dual = series_dual(Activation("tanh"))
    terms = terms_at(dual, 1.3)
    assert terms is not None
    value, slope, fall = sum_pairs(terms, np.zeros(1), np.ones(1))
    exact = dual.evaluate(1.3, 1.3, 1.3)
    assert value[0] == pytest.approx(float(exact.value), rel=1e-15)
    assert slope[0] == pytest.approx(float(exact.slope), rel=1e-15)
    assert fall[0] == 0


@pytest.mark.parametrize("formula", ["x/(1 + abs(x))", "sign(x)*sqrt(abs(x))"])
def test_there_are_none_where_the_stored_terms_do_not_serve_every_angle(formula: str) -> None:
    assert terms_at(series_dual(Activation(formula)), 1.0) is None
