"""Explanations of series: the reason, the two sums, and figures that are the dual's own."""

import re

import pytest
import sympy as sp

from ntksym.activation.catalogue import catalogue
from ntksym.dual import SeriesDual
from ntksym.dual.derivation import derive
from ntksym.errors import NoClosedForm, ToleranceNotMet
from ntksym.symbols import c
from ntksym.typeset import FORMATS, LANGUAGES, explain, latex, to_code
from ntksym.typeset.prose import RULES
from ntksym.typeset.series_prose import TOLERANCES, measured_variance

SMOOTH = ("tanh", "silu", "logcosh")
KINKED = ("softsign", "max(sin(x), 0)", "sign(x) + tanh(x)", "sqrt(abs(x))")


def told(name: str) -> str:
    """Without line breaks."""
    return " ".join(explain(derive(name, method="series")).split())


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("name", [*SMOOTH, *KINKED, "relu"])
def test_every_step_is_told_in_order_and_its_rule_explained(name, fmt):
    dual = derive(name, method="series")
    text = explain(dual, fmt)
    steps = re.findall(r"^\((\d+)\) (\w)\.", text, flags=re.MULTILINE)
    assert steps == [(str(number), step.rule) for number, step in enumerate(dual.steps, start=1)]
    for rule in {step.rule for step in dual.steps}:
        assert RULES[rule] in text


def test_the_reason_is_what_the_refusal_of_a_closed_form_says():
    with pytest.raises(NoClosedForm) as refusal:
        derive("x*tanh(x) + relu(x)", method="closed")
    reason = derive("x*tanh(x) + relu(x)").reason
    assert str(refusal.value).startswith(f"{reason}; leave method")
    assert "tanh(x) is outside the class" in reason
    assert f"There is no closed form: {reason}." in told("x*tanh(x) + relu(x)")


def test_a_series_that_was_asked_for_has_no_such_reason():
    assert derive("relu", method="series").reason is None
    assert "There is a closed form; the series was asked for" in told("relu")


@pytest.mark.parametrize(("name", "vanishing"), [("tanh", "a(2*k, q) = 0"), ("logcosh", "a(2*k + 1, q) = 0")])
def test_parity_halves_the_coefficients(name, vanishing):
    assert vanishing in told(name)
    assert "a(2*k" not in told("silu")


@pytest.mark.parametrize("name", ["tanh", "softsign", "silu"])
def test_the_terms_told_are_those_that_a_tolerance_takes(name):
    dual, text = derive(name), told(name)
    for tolerance in TOLERANCES:
        expansion = dual.expand([1.0], tolerance)
        reach = float(expansion.limits[0, -1])
        served = "every rho" if reach == 1 else f"|rho| up to {reach:.4g}"
        assert f"{expansion.coefficients.shape[1]} terms" in text
        assert served in text


def test_the_bounds_told_are_the_dual_s():
    dual, text = derive("softsign"), told("softsign")
    assert f"error_bound(1, 1) is {dual.error_bound(1, 1):.1e}" in text
    assert f"slope_error_bound {dual.slope_error_bound(1, 1):.1e}" in text


def test_a_jump_is_told_with_its_infinite_slope():
    text = told("sign(x) + tanh(x)")
    assert "NTK does not exist on the diagonal" in text
    assert "slope_error_bound infinite" in text
    assert "x = 0 (a jump)" in text
    assert "R(N, q)" not in text


RATES = {"sign(x) + tanh(x)": "k^(-3/4)", "tanh(max(x, 0))": "k^(-5/4)", "softsign": "k^(-7/4)"}


@pytest.mark.parametrize(("name", "rate"), RATES.items())
def test_the_rate_of_decay_is_told(name, rate):
    assert rate in told(name)


def test_breaks_that_are_not_known_or_have_no_order_are_told_as_such():
    assert "is not known; the table finds them by halving" in told("max(sin(x), 0)")
    assert "fall only slowly" in told("sqrt(abs(x))")


def test_the_accuracy_is_measured_where_the_dual_exists():
    narrow = derive("exp(x**2/2)*tanh(x)")  # exists for q < 1/2
    assert measured_variance(derive("tanh")) == 1
    assert 0 < measured_variance(narrow) < 0.5
    assert "1 - 2*q > 0" in told("exp(x**2/2)*tanh(x)")


class Intractable(SeriesDual):
    """As if s oscillated too fast at every variance."""

    def coefficients(self, q, tolerance=0.0):
        raise ToleranceNotMet("s oscillates too fast")


def test_a_series_that_is_found_at_no_variance_says_so():
    dual = Intractable(derive("tanh").activation)
    assert measured_variance(dual) is None
    assert "cannot be computed in float64" in " ".join(explain(dual).split())


@pytest.mark.slow
def test_unknown_growth_claims_no_existence():
    assert "whether E[s(U)^2] exists is not known" in told("exp(sin(x)*x**2/8)")


@pytest.mark.parametrize("name", [*SMOOTH, *KINKED])
def test_latex_is_whole(name):
    text = explain(derive(name), "latex")
    opened = re.findall(r"\\begin\{(\w+\*?)\}", text)
    assert sorted(opened) == sorted(re.findall(r"\\end\{(\w+\*?)\}", text))
    bare = text.replace(r"\{", "").replace(r"\}", "")
    assert bare.count("{") == bare.count("}")
    assert text.count(r"\left") == text.count(r"\right")
    outside = re.sub(r"\\begin\{equation\*\}.*?\\end\{equation\*\}", "", text, flags=re.DOTALL)
    assert not re.search(r"(?<!\\)[_^&%$#|<>]", outside)


def test_coefficients_have_their_order_as_an_index_in_latex():
    assert r"a_{k}(q_{1}) a_{k}(q_{2})" in latex(derive("tanh"))
    assert r"h_{k}(z)" in explain(derive("tanh"), "markdown")


def test_value_and_slope_are_a_sum_and_its_derivative():
    dual = derive("tanh")
    assert sp.simplify(sp.diff(dual.value.function, c) - dual.slope.function) == 0
    assert dual.value.limits[0][1:] == (0, sp.oo)
    assert dual.slope.limits[0][1:] == (1, sp.oo)


@pytest.mark.parametrize("language", LANGUAGES)
def test_code_is_refused_with_the_way_out(language):
    with pytest.raises(NoClosedForm, match=r"dual\.evaluate .* build\(network\)"):
        to_code(derive("tanh"), language)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, entry in catalogue.items() if "series" in entry.tags])
def test_the_whole_catalogue_can_be_explained(name):
    for fmt in FORMATS:
        assert len(explain(derive(name), fmt)) > 500
