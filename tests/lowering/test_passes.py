import mpmath
import pytest
import sympy as sp

from ntksym.lowering.passes import Stages, count, hoist, prune
from ntksym.lowering.program import evaluate
from ntksym.lowering.translation import DIAGONAL_INPUTS, PAIR_INPUTS, translate
from ntksym.symbolic.numeric_form import NumericForm
from ntksym.symbols import c, det, q, q1, q2
from tests.lowering.forms import FORMS
from tests.lowering.test_program import DIGITS, POINTS, agree, inputs_at


def staged(form: NumericForm) -> Stages:
    pair = translate(PAIR_INPUTS, [("value", form.value), ("slope", form.slope)])
    return hoist(pair, translate(DIAGONAL_INPUTS, [("value", form.diagonal_value)]))


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("point", POINTS, ids="/".join)
def test_hoisting_keeps_the_meaning(name: str, point: tuple[str, str, str]) -> None:
    form = FORMS[name]
    whole = translate(PAIR_INPUTS, [("value", form.value), ("slope", form.slope)])
    with mpmath.workdps(DIGITS + 10):
        expected, found = evaluate(whole, inputs_at(point)), staged(form).evaluate(inputs_at(point))
        assert found.keys() == expected.keys()
        assert all(agree(found[key], expected[key], DIGITS) for key in expected)


@pytest.mark.parametrize("name", FORMS)
def test_nothing_that_depends_on_one_row_stays_in_the_pair_program(name: str) -> None:
    program = staged(FORMS[name]).pair
    row_like = {entry for entry in program.inputs if entry not in PAIR_INPUTS}
    depends: dict[str, set[str]] = {entry: {entry} for entry in program.inputs}
    for assignment in program.assignments:
        sources = set().union(*(depends[argument] for argument in assignment.arguments))
        depends[assignment.name] = sources
        sides = {source[-2:] for source in sources}
        assert not sources or sources - row_like or len(sides) > 1, str(assignment)


def test_both_rows_share_their_quantities() -> None:
    stages = staged(NumericForm(c * sp.exp(-q1) * sp.exp(-q2), sp.exp(-q1 - q2), q, sp.S.One))
    assert count(stages.row)["exp"] == 1
    assert {"exponential1_1", "exponential1_2"} <= set(stages.pair.inputs)


def test_parameters_leave_the_loops() -> None:
    a = sp.Symbol("a", positive=True)
    stages = staged(NumericForm(c * sp.exp(a**2) * q1, sp.exp(a**2), q * sp.exp(a**2), sp.S.One))
    assert count(stages.shared)["exp"] == 1
    assert "exp" not in count(stages.row) | count(stages.pair)


def test_the_root_of_the_variance_is_always_there() -> None:
    assert dict(staged(FORMS["sin"]).row.outputs).keys() >= {"root", "diagonal_value"}


def test_pruning_drops_what_only_the_slope_needs() -> None:
    form = FORMS["gelu"]
    whole = staged(form).pair
    part = prune(whole, ["value"])
    assert dict(part.outputs).keys() == {"value"}
    assert len(part.assignments) < len(whole.assignments)
    assert prune(part, ["value"]) == part


def test_pruning_drops_inputs_that_are_not_used() -> None:
    program = translate(PAIR_INPUTS, [("value", c), ("slope", det)])
    assert prune(program, ["value"]).inputs == ("c",)


def test_a_constant_slope_needs_no_row() -> None:
    stages = staged(NumericForm(c, sp.S.One, q, sp.S.One))
    assert stages.evaluate(inputs_at(("5", "2", "3"))) == {"value": 3, "slope": 1}
