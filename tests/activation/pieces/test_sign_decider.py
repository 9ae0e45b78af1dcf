"""Signs of constants: by assumptions, else by values, and then on record."""

import pytest
import sympy as sp

from ntksym.activation.pieces.sign_decider import SignDecider
from ntksym.errors import NoClosedForm

a = sp.Symbol("a", positive=True)
b = sp.Symbol("b", real=True)
HALF = sp.Rational(1, 2)


@pytest.mark.parametrize(
    ("number", "sign"),
    [
        (sp.sqrt(2) - sp.Rational(141421356, 10**8), 1),
        (sp.log(8) - 3 * sp.log(2), 0),
        (sp.sqrt(3 + 2 * sp.sqrt(2)) - 1 - sp.sqrt(2), 0),
        (sp.exp(sp.pi * sp.sqrt(163)) - 262537412640768744, -1),
        (sp.CRootOf(sp.Symbol("t") ** 5 - sp.Symbol("t") - 1, 0) - 1, 1),
    ],
)
def test_numbers_are_compared_exactly(number: sp.Expr, sign: int) -> None:
    assert SignDecider({}).sign(number) == sign


def test_assumptions_need_no_values() -> None:
    judge = SignDecider({})
    assert judge.sign(a**2 + a) == 1
    assert judge.conditions == []


def test_a_decision_by_value_is_recorded_once_and_solved_for_the_parameter() -> None:
    judge = SignDecider({a: HALF})
    assert [judge.sign(2 * a - 3), judge.sign(6 - 4 * a), judge.order(a, sp.Rational(3, 2))] == [-1, 1, -1]
    assert judge.conditions == [a < sp.Rational(3, 2)]


def test_only_the_undecided_factor_is_recorded() -> None:
    judge = SignDecider({a: HALF, b: -HALF})
    assert judge.sign(a * b * sp.exp(b)) == -1
    assert judge.conditions == [b < 0]


def test_a_vanishing_parameter_is_recorded_as_an_equation() -> None:
    judge = SignDecider({b: sp.S.Zero})
    assert judge.sign(a * b) == 0
    assert judge.conditions == [sp.Eq(b, 0)]


def test_an_abandoned_attempt_leaves_no_trace() -> None:
    judge = SignDecider({a: HALF})
    with pytest.raises(NoClosedForm), judge.trial():
        judge.merge([a, a + 1], [sp.S.One, sp.Symbol("unknown", real=True)])
    assert judge.conditions == []


def test_infinities_have_their_order() -> None:
    judge = SignDecider({})
    assert judge.order(sp.oo, a) == 1
    assert judge.order(-sp.oo, b) == -1
    assert judge.order(a, sp.oo) == -1


def test_sorted_lists_are_merged_without_repetition() -> None:
    places = [-sp.sqrt(2), sp.S.Zero, sp.log(2)]
    assert SignDecider({}).merge(places, [sp.S.Zero, HALF, sp.log(8) / 3]) == [-sp.sqrt(2), sp.S.Zero, HALF, sp.log(2)]


def test_numbers_too_large_to_compute_are_refused() -> None:
    with pytest.raises(NoClosedForm, match="too large"):
        SignDecider({}).sign(sp.exp(sp.exp(sp.exp(sp.Integer(10)))) - 1)
