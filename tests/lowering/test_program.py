import re
from collections.abc import Sequence

import mpmath
import pytest
import sympy as sp

from ntksym.errors import LoweringBug, NoClosedForm
from ntksym.lowering.passes import count
from ntksym.lowering.program import OPERATIONS, Assignment, Program, ProgramBuilder, evaluate
from ntksym.lowering.translation import DIAGONAL_INPUTS, PAIR_INPUTS, parameter_input, parameter_names, translate
from ntksym.special.symbolic import BivariateNormalCDF
from ntksym.symbols import c, det, q, q1, q2
from tests.lowering.forms import FORMS, PARAMETERS

POINTS = [("0.7", "2.3", "0.76"), ("1.1", "1.1", "-1.0999"), ("0.02", "31", "0.5"), ("2", "3", "0")]
DIGITS = 30


def inputs_at(point: Sequence[str | mpmath.mpf]) -> dict[str, mpmath.mpf]:
    first, second, covariance = map(mpmath.mpf, point)
    roots = mpmath.sqrt(first), mpmath.sqrt(second)
    values = {"q1": first, "q2": second, "c": covariance, "det": first * second - covariance**2, "floor": mpmath.mpf(0)}
    values |= {"low": roots[0] * roots[1] - covariance, "high": roots[0] * roots[1] + covariance}
    values |= {"gap": roots[0] - roots[1]}
    return values | {parameter_input(name): mpmath.mpf(str(value)) for name, value in PARAMETERS.items()}


def exact(formula: sp.Expr, point: tuple[str, str, str]) -> mpmath.mpf:
    first, second, covariance = map(sp.Rational, point)
    values = {q1: first, q2: second, c: covariance, det: first * second - covariance**2, q: first}
    values |= {symbol: sp.Rational(3, 10) for symbol in formula.free_symbols - values.keys()}
    return mpmath.mpf(str(sp.N(formula.subs(values), DIGITS + 10)))


def agree(left: mpmath.mpf, right: mpmath.mpf, digits: int) -> bool:
    return abs(left - right) <= mpmath.mpf(10) ** -digits * max(abs(right), mpmath.mpf(10) ** -digits)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("point", POINTS, ids="/".join)
def test_a_program_means_its_formula(name: str, point: tuple[str, str, str]) -> None:
    form = FORMS[name]
    program = translate(PAIR_INPUTS, [("value", form.value), ("slope", form.slope)])
    with mpmath.workdps(DIGITS + 10):
        result = evaluate(program, inputs_at(point))
        assert agree(result["value"], exact(form.value, point), DIGITS)
        assert agree(result["slope"], exact(form.slope, point), DIGITS)


@pytest.mark.parametrize("name", FORMS)
def test_a_diagonal_program_means_its_formula(name: str) -> None:
    form = FORMS[name]
    program = translate(DIAGONAL_INPUTS, [("value", form.diagonal_value)])
    with mpmath.workdps(DIGITS + 10):
        values = inputs_at(POINTS[0]) | {"q": mpmath.mpf("0.7")}
        assert agree(evaluate(program, values)["value"], exact(form.diagonal_value, POINTS[0]), DIGITS)


def test_relu_reads_as_the_textbook_writes_it() -> None:
    form = FORMS["relu"]
    program = translate(PAIR_INPUTS, [("value", form.value), ("slope", form.slope)])
    assert str(program).splitlines() == [
        "inputs q1, q2, c, det, low, high, gap, floor",
        "root1 <- square_root(q1)",
        "constant1 <- 1",
        "quotient1 <- divide(constant1, root1)",
        "root2 <- square_root(q2)",
        "quotient2 <- divide(constant1, root2)",
        "constant2 <- 1/2",
        "product1 <- multiply(quotient1, constant2)",
        "product2 <- multiply(quotient2, product1)",
        "opposite1 <- opposite(low, high, product2)",
        "product3 <- multiply(c, opposite1)",
        "constant3 <- 1/(2*pi)",
        "product4 <- multiply(product3, constant3)",
        "sine1 <- sine(low, high, product2)",
        "product5 <- multiply(root1, constant3)",
        "product6 <- multiply(root2, product5)",
        "product7 <- multiply(sine1, product6)",
        "sum1 <- add(product4, product7)",
        "product8 <- multiply(opposite1, constant3)",
        "output value <- sum1",
        "output slope <- product8",
    ]


def test_equal_subexpressions_are_computed_once() -> None:
    shared = sp.exp(c * q1)
    program = translate(PAIR_INPUTS, [("value", shared + 1), ("slope", shared * c)])
    assert count(program) == {"add": 1, "exp": 1, "multiply": 2}


def test_a_base_below_and_under_a_root_costs_one_root_and_one_division() -> None:
    base = 1 + q1 + q2 + det
    program = translate(PAIR_INPUTS, [("value", 1 / base + sp.sqrt(base) + base ** sp.Rational(-3, 2))])
    assert count(program)["divide"] == 1
    assert count(program)["square_root"] == 1


def test_negative_powers_of_the_determinant_are_guarded_and_positive_ones_are_not() -> None:
    program = translate(PAIR_INPUTS, [("value", sp.sqrt(det) + 1 / det)])
    at_zero = inputs_at(("1", "1", "1")) | {"floor": mpmath.mpf("1e-16")}
    assert evaluate(program, at_zero)["value"] == pytest.approx(1e16, rel=1e-15)
    assert count(translate(PAIR_INPUTS, [("value", sp.sqrt(det) + det)])).get("at_least") is None


def test_parameters_are_not_confused_with_variables() -> None:
    ratio = sp.Symbol("det", positive=True)
    program = translate(PAIR_INPUTS, [("value", ratio * det)])
    assert evaluate(program, {**inputs_at(POINTS[0]), "det": 2, "parameter_det": 5})["value"] == 10
    assert parameter_names([ratio * det]) == ("det",)


def test_the_plain_bivariate_cdf_gets_its_complement() -> None:
    r = c / (q1 + q2)
    program = translate(PAIR_INPUTS, [("value", BivariateNormalCDF(q1, q2, r))])
    with mpmath.workdps(DIGITS + 10):
        value = evaluate(program, inputs_at(POINTS[0]))["value"]
        assert agree(value, exact(BivariateNormalCDF(q1, q2, r), POINTS[0]), DIGITS)


@pytest.mark.parametrize("order", [2, 3, 7, -1, -4, sp.Rational(5, 2), sp.Rational(-7, 2)], ids=str)
def test_powers_are_products(order: sp.Rational) -> None:
    program = translate(PAIR_INPUTS, [("value", (q1 + c) ** order)])
    with mpmath.workdps(DIGITS):
        assert agree(evaluate(program, inputs_at(POINTS[0]))["value"], mpmath.mpf("1.46") ** order, DIGITS - 2)


@pytest.mark.parametrize("formula", [sp.zeta(q1), q1**c, q1 ** sp.Rational(1, 3)], ids=str)
def test_what_has_no_compiled_form_is_refused_with_its_name(formula: sp.Expr) -> None:
    with pytest.raises(NoClosedForm, match="no compiled form"):
        translate(PAIR_INPUTS, [("value", formula)])


BROKEN = {
    "assigned twice": [Assignment("t", "exp", ("c",)), Assignment("t", "log", ("c",))],
    "before it is assigned": [Assignment("t", "exp", ("u",)), Assignment("u", "log", ("c",))],
    "with that many arguments": [Assignment("t", "exp", ("c", "c"))],
    "is not an operation": [Assignment("t", "guess", ("c",))],
    "and its constant do not fit": [Assignment("t", "exp", ("c",), sp.Integer(1))],
    "an output is never assigned": [],
}


@pytest.mark.parametrize("complaint", BROKEN)
def test_a_broken_program_is_our_bug(complaint: str) -> None:
    program = Program(("c",), tuple(BROKEN[complaint]), (("value", "t"),))
    with pytest.raises(LoweringBug, match=re.escape(complaint)):
        program.check()


def test_an_input_given_twice_is_our_bug() -> None:
    with pytest.raises(LoweringBug, match="an input occurs twice"):
        Program(("c", "c"), (), ()).check()


def test_every_operation_has_a_meaning_of_its_arity() -> None:
    samples = {1: (0.3,), 2: (0.3, 0.4), 3: (0.3, 0.4, 0.5), 5: (0.1, 0.2, 0.3, 0.6, 0.8)}
    for name, operation in OPERATIONS.items():
        if name != "constant":
            assert mpmath.isfinite(operation.meaning(*map(mpmath.mpf, samples[operation.arity]))), name


def test_commutative_operations_have_one_spelling() -> None:
    assembly = ProgramBuilder()
    left, right = assembly.input("c"), assembly.input("det")
    assert assembly.assign("add", left, right) == assembly.assign("add", right, left)
    assert assembly.assign("subtract", left, right) != assembly.assign("subtract", right, left)
