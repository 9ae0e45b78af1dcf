"""Divided differences in ball arithmetic: never zero excluded for a polynomial, and excluded where it should be."""

import pytest
import sympy as sp

from ntksym.errors import ToleranceNotMet
from ntksym.symbols import x

differences = pytest.importorskip("ntksym.hermite.certified.differences", exc_type=ImportError)

PLACES = [sp.Rational(2 * k + 1, 3) for k in range(5)]


@pytest.mark.parametrize("power", [0, 1])
@pytest.mark.parametrize("degree", range(4))
def test_a_polynomial_of_lower_degree_is_never_refuted(power: int, degree: int) -> None:
    even = sum(sp.Rational(k + 1, 7) * x ** (2 * k) for k in range(degree + 1))
    places = [(x**power * even, place) for place in PLACES]
    assert not differences.excludes_zero(places, power)
    assert differences.excludes_zero(places[: degree + 1], power)  # of its own order, it is the leading coefficient


@pytest.mark.parametrize("expression", [sp.tanh(x), sp.log(1 + sp.exp(x)), sp.exp(-(x**2)), x])
def test_other_functions_are(expression: sp.Expr) -> None:
    assert differences.excludes_zero([(expression, place) for place in PLACES], 0)


def test_a_function_without_a_rule_is_refused() -> None:
    with pytest.raises(ToleranceNotMet, match="no rule"):
        differences.excludes_zero([(sp.gamma(x), place) for place in PLACES], 0)
