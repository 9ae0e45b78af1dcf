"""Explanations: every formula in them is the dual's, in order, and the markup is whole."""

import re

import pytest
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.activation.catalogue import catalogue
from ntksym.dual.derivation import cross_dual, derive
from ntksym.errors import InvalidInput
from ntksym.symbols import c, q1, q2
from ntksym.typeset import FORMATS, explain, latex
from ntksym.typeset.formulas import activation_text, conditions_of, formula_latex, formula_text
from ntksym.typeset.prose import RULES

NAMES = ("relu", "gelu", "leaky_relu", "elu", "step", "sin", "exp(x**2/10)", "sinc")


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("name", NAMES)
def test_every_step_is_told_in_order(name, fmt):
    dual = derive(name)
    told = re.findall(r"^\((\d+)\) (\w)\.", explain(dual, fmt), flags=re.MULTILINE)
    assert told == [(str(number), step.rule) for number, step in enumerate(dual.steps, start=1)]


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_used_is_explained(name):
    dual = derive(name)
    text = explain(dual)
    for rule in {step.rule for step in dual.steps}:
        assert f"- {rule}: {RULES[rule]}" in text


def test_the_text_of_relu_reads_as_a_textbook_has_it():
    text = explain(derive("relu"))
    assert "s(x) = max(x, 0)" in text
    assert "M = c*P(L1 > 0, L2 > 0) + (q1*q2 - c**2)*f(0; L1, L2)" in text
    assert "K(q1, q2, c) = c*(asin(c/(sqrt(q1)*sqrt(q2))) + pi/2)/(2*pi) + sqrt(q1*q2 - c**2)/(2*pi)" in text
    assert "K = sigma1*sigma2*((pi - theta)*cos(theta) + sin(theta))/(2*pi)" in text
    assert "K(q, q, q) = q/2" in text
    assert "exists for all variances" in text


def test_parameters_are_shown_with_their_values_and_signs():
    text = explain(derive(Activation("leaky_relu", negative_slope=0.2)))
    assert "negative_slope = 1/5" in text
    assert "holds where negative_slope > 0" in text


def test_conditions_on_the_variances_are_told():
    assert "1 - q1/5 > 0" in explain(derive("exp(x**2/10)"))


def test_an_infinite_slope_on_the_diagonal_is_told():
    assert "NTK does not exist on the diagonal" in explain(derive("step")).replace("\n", " ")


def test_special_functions_are_defined_where_they_occur():
    assert "Phi2(h, k; r) = P(X < h, Y < k)" in explain(derive("elu"))
    assert "Phi2" not in explain(derive("gelu"))


def test_two_activations_are_both_introduced():
    text = explain(cross_dual("relu", "sin"))
    assert "Dual of relu and sin" in text
    assert "f(x) = Max(0, x)" in text
    assert "g(x) = sin(x)" in text
    assert "E[f(U) g(V)]" in text


@pytest.mark.parametrize("name", NAMES)
def test_latex_is_whole(name):
    text = explain(derive(name), "latex")
    opened = re.findall(r"\\begin\{(\w+\*?)\}", text)
    assert sorted(opened) == sorted(re.findall(r"\\end\{(\w+\*?)\}", text))
    bare = text.replace(r"\{", "").replace(r"\}", "")
    assert bare.count("{") == bare.count("}")
    assert text.count(r"\left") == text.count(r"\right")
    outside = re.sub(r"\\begin\{equation\*\}.*?\\end\{equation\*\}", "", text, flags=re.DOTALL)
    assert not re.search(r"(?<!\\)[_^&%$#]", outside)


@pytest.mark.parametrize("name", NAMES)
def test_markdown_has_its_formulas_between_dollars(name):
    text = explain(derive(name), "markdown")
    assert text.startswith("## Dual of")
    assert text.count("$$") % 2 == 0
    assert text.count("$$") >= 2 * len(derive(name).steps)


def test_latex_for_notebooks_is_display_mathematics():
    text = latex(derive("relu"))
    assert text.startswith(r"$\displaystyle")
    assert text.endswith("$")
    assert r"q_{1} q_{2} - c^{2}" in text
    assert r"\arcsin" in text


def test_differences_begin_with_what_is_positive():
    assert formula_text(q1 * q2 - c**2) == "q1*q2 - c**2"
    assert formula_latex(q1 * q2 - c**2) == "q_{1} q_{2} - c^{2}"
    assert formula_text(-c - q1) == "-c - q1"


def test_long_names_are_set_upright():
    slope = sp.Symbol("negative_slope", positive=True)
    assert formula_latex(slope**2) == r"\mathrm{negative\_slope}^{2}"
    assert formula_latex(sp.Symbol("alpha")) == r"\alpha"


def test_printed_formulas_mean_the_same():
    for name in ("relu", "gelu", "erf", "gaussian"):
        value = derive(name).value
        read = sp.sympify(formula_text(value), locals={symbol.name: symbol for symbol in value.free_symbols})
        assert read.equals(value)


def test_the_activation_is_shown_as_it_was_given():
    assert activation_text(Activation("gelu")) == catalogue["gelu"].expression
    assert activation_text(Activation("max(x, 0)+x")) == "max(x, 0)+x"
    assert activation_text(Activation(sp.Max(sp.Symbol("x"), 0))) == "Max(0, x)"


def test_an_integral_that_is_left_is_announced():
    assert derive("erf(x)**2").kind == "integral"
    assert "closed up to one integral" in explain(derive("erf(x)**2"))
    assert "one integral" not in explain(derive("erf"))


def test_conditions_are_listed_once():
    dual = derive("elu")
    assert [formula_text(condition) for condition in conditions_of(dual)] == ["alpha > 0"]


def test_an_unknown_format_is_answered_with_the_known_ones():
    with pytest.raises(InvalidInput, match="text, markdown, latex"):
        explain(derive("relu"), "html")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, entry in catalogue.items() if {"closed", "integral"} & entry.tags])
def test_the_whole_catalogue_can_be_explained(name):
    for fmt in FORMATS:
        assert len(explain(derive(name), fmt)) > 500
