"""An activation is a value: what it is made from, its parameters, and what it refuses."""

import pickle
from decimal import Decimal
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.activation.catalogue import catalogue
from ntksym.errors import InvalidInput, NoClosedForm
from ntksym.symbols import parameter, x

X = sp.Symbol("x")


def test_a_formula_keeps_its_parameters_symbolic() -> None:
    activation = Activation("max(x, 0) + a*min(x, 0)", a=0.2)
    a = parameter("a", sp.Rational(1, 5))
    assert activation.expression == sp.Max(x, 0) + a * sp.Min(x, 0)
    assert activation.parameters == (("a", sp.Rational(1, 5)),)
    assert activation.values == {a: sp.Rational(1, 5)}
    assert activation.name == "max(x, 0) + a*min(x, 0)"


@pytest.mark.parametrize("spelling", ["leaky_relu", "LeakyReLU", "leaky-relu", "LRELU", " leaky_relu "])
def test_a_name_of_the_catalogue_is_found_in_any_spelling(spelling: str) -> None:
    activation = Activation(spelling)
    assert activation.name == "leaky_relu"
    assert activation.parameters == (("negative_slope", sp.Rational(1, 100)),)


def test_the_names_libraries_give_to_parameters_are_understood() -> None:
    assert Activation("leaky_relu", alpha=0.3) == Activation("leaky_relu", negative_slope=0.3)


def test_a_formula_with_hyphens_is_not_a_name() -> None:
    assert Activation("e-x-p", p=1).expression == sp.E - x - parameter("p", sp.S.One)


def test_named_activations_may_be_called_inside_formulas() -> None:
    composed = Activation("relu(2*x) + elu(x, alpha=0.5)")
    points = np.linspace(-3, 3, 7)
    expected = np.maximum(2 * points, 0) + np.where(points > 0, points, 0.5 * np.expm1(points))
    np.testing.assert_allclose(composed(points), expected, rtol=4e-16)


def test_sympy_expressions_are_taken_as_they_are() -> None:
    assert Activation(sp.Max(X, 0)) == Activation("max(x, 0)")
    assert Activation(sp.Max(X, 0) + sp.Symbol("a") * X, a=2).parameters == (("a", sp.Integer(2)),)


def test_another_activation_with_other_parameters() -> None:
    first = Activation("leaky_relu", name="mine")
    second = Activation(first, alpha=Fraction(1, 3))
    assert second == first.with_parameters(negative_slope=Fraction(1, 3))
    assert second.name == "mine"
    assert first != second


def test_a_changed_sign_changes_the_assumption_of_the_symbol() -> None:
    activation = Activation("max(x, a*x)", a=2).with_parameters(a=-1)
    assert activation.expression.free_symbols == {x, parameter("a", sp.Integer(-1))}
    assert activation.pieces.expressions == (parameter("a", sp.Integer(-1)) * x, x)


def test_equality_and_hash_look_at_the_function_not_its_spelling() -> None:
    assert Activation("relu") == Activation("max(0, x)", name="other")
    assert hash(Activation("relu")) == hash(Activation("max(0, x)"))
    assert Activation("relu") != Activation("abs")
    assert Activation("a*x", a=1) != Activation("a*x", a=2)
    assert Activation("relu") != "relu"


@pytest.mark.parametrize(
    "activation",
    [
        Activation("gelu"),
        Activation("elu", alpha=0.5),
        Activation("a*x**n + b", a=Fraction(1, 3), n=3, b=-0.25),
        Activation(sp.Max(X, sp.Symbol("slope") * X), slope=0.1, name="leaky"),
    ],
    ids=repr,
)
def test_pickling_keeps_the_cause(activation: Activation) -> None:
    activation.pieces  # noqa: B018  a derived fact, which is not pickled
    copy = pickle.loads(pickle.dumps(activation))
    assert (copy, hash(copy), copy.name, repr(copy)) == (
        activation,
        hash(activation),
        activation.name,
        repr(activation),
    )
    assert "pieces" not in vars(copy)


@pytest.mark.parametrize(
    ("activation", "text"),
    [
        (Activation("GELU"), "Activation('gelu')"),
        (Activation("elu", alpha=0.5), "Activation('elu', alpha=0.5)"),
        (Activation("elu", alpha=1), "Activation('elu')"),
        (Activation("max(x, 0) + a*min(x, 0)", a=0.2), "Activation('max(x, 0) + a*min(x, 0)', a=0.2)"),
        (Activation("a*x", a=Fraction(1, 3)), "Activation('a*x', a=Fraction(1, 3))"),
        (Activation("x", name="line"), "Activation('x', name='line')"),
    ],
)
def test_the_representation_builds_the_activation_again(activation: Activation, text: str) -> None:
    assert repr(activation) == text


def test_notebooks_show_latex() -> None:
    assert Activation("exp(-a*x**2)", a=2)._repr_latex_() == "$\\displaystyle e^{- a x^{2}}$"


def test_an_activation_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Activation("relu").name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("value", "exact"),
    [
        (2, sp.Integer(2)),
        (0.1, sp.Rational(1, 10)),
        (1e-300, sp.Rational(1, 10**300)),
        (Fraction(2, 3), sp.Rational(2, 3)),
        (Decimal("0.25"), sp.Rational(1, 4)),
        (sp.Rational(5, 7), sp.Rational(5, 7)),
        (sp.Float("0.3"), sp.Rational(3, 10)),
        (np.float32(0.1), sp.Rational(1, 10)),
        (np.float64(0.1), sp.Rational(1, 10)),
        (np.int64(-3), sp.Integer(-3)),
        (np.array(0.1), sp.Rational(1, 10)),
        (sp.sqrt(2) * sp.sqrt(8), sp.Integer(4)),
        (sp.sqrt(2), sp.sqrt(2)),
        (sp.pi / 4, sp.pi / 4),
        (sp.GoldenRatio, (1 + sp.sqrt(5)) / 2),
        (sp.EulerGamma, sp.Rational(str(sp.N(sp.EulerGamma, 50)))),
    ],
    ids=lambda value: type(value).__name__,
)
def test_parameter_values_become_exact(value: object, exact: sp.Expr) -> None:
    ((name, kept),) = Activation("a*x", a=value).parameters
    assert name == "a"
    assert sp.expand(kept - exact) == 0


def test_an_irrational_value_is_in_the_formula_and_can_be_replaced() -> None:
    activation = Activation("a*x + b*x**2", a=sp.sqrt(2), b=3)
    b = parameter("b", sp.Integer(3))
    assert activation.expression == sp.sqrt(2) * x + b * x**2
    assert activation.values == {b: 3}
    assert repr(activation) == "Activation('a*x + b*x**2', a=sqrt(2), b=3)"
    assert pickle.loads(pickle.dumps(activation)) == activation
    assert activation.with_parameters(a=1) == Activation("a*x + b*x**2", a=1, b=3)


@pytest.mark.parametrize(
    ("formula", "parameters"),
    [("a*x", {"a": 1e300}), ("1e200*x", {}), ("(a*x)**2", {"a": 1e100}), ("exp(-1e200*x**2)", {}), ("1e160", {})],
)
def test_what_has_no_square_in_float64_is_refused(formula: str, parameters: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match="square is beyond float64; scale it down"):
        Activation(formula, **parameters)


def test_a_function_whose_computation_overflows_far_out_has_real_values() -> None:
    mish = Activation("x*(exp(2*log(1 + exp(x))) - 1)/(exp(2*log(1 + exp(x))) + 1)")
    np.testing.assert_allclose(mish(np.array([-3.0, 2.0])), Activation("mish")(np.array([-3.0, 2.0])), rtol=1e-14)


@pytest.mark.parametrize(
    ("formula", "proposal"),
    [
        ("heaviside(x)*x**(3/2)", "max(x, 0)**(3/2)"),
        ("sqrt(x)", "sqrt(max(x, 0))"),
        ("x**0.3", "max(x, 0)**(3/10)"),
        ("x**(1/3)", "cbrt(x)"),
        ("x**(-0.5)*heaviside(x)", "abs(x)**(-1/2)"),
        ("x + sqrt(1 - x**2)", "sqrt(max(1 - x**2, 0))"),
        ("log(x)", "log(abs(x))"),
        ("log(1 - x)", "where(1 - x > 0, log(1 - x), 0)"),
        ("asin(x)", "asin(clip(x, -1, 1))"),
        ("acosh(x)", "acosh(max(x, 1))"),
    ],
)
def test_what_has_no_real_value_is_told_what_to_write(formula: str, proposal: str) -> None:
    with pytest.raises(InvalidInput, match="no real value") as caught:
        Activation(formula)
    assert proposal in str(caught.value)
    assert Activation(proposal).name == proposal


def test_a_case_that_is_missing_far_out_is_noticed() -> None:
    with pytest.raises(InvalidInput, match="last case"):
        Activation("Piecewise((x, x < 100))")


def test_functions_of_sympy_are_taken_as_functions_of_x() -> None:
    z = sp.Symbol("z")
    assert Activation(sp.tanh(z)) == Activation(sp.Lambda(z, sp.tanh(z))) == Activation(sp.tanh) == Activation("tanh")
    assert Activation(sp.tanh(z)).name == "tanh(x)"
    assert Activation(sp.Symbol("a") * z, a=2).with_parameters(a=3) == Activation("a*x", a=3)


@pytest.mark.parametrize(
    ("function", "advice"),
    [(np.tanh, r'Activation\("tanh"\)'), (lambda t: t, r"Activation\(f\(sympy.Symbol")],
    ids=["a ufunc", "a function"],
)
def test_functions_of_python_are_refused_with_the_way_out(function: object, advice: str) -> None:
    with pytest.raises(InvalidInput, match=advice):
        Activation(function)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        "1",
        True,
        np.True_,
        1j,
        None,
        sp.I * sp.sqrt(2),
        sp.exp(1000),
        X,
        sp.oo,
        sp.nan,
        [1],
        10**400,
        Decimal("NaN"),
    ],
    ids=repr,
)
def test_parameter_values_must_be_finite_real_numbers(value: object) -> None:
    with pytest.raises(InvalidInput):
        Activation("a*x", a=value)


@pytest.mark.parametrize("formula", [5, None, b"x", ["x"], np.sin, sp.Symbol("x") > 0, sp.Matrix([X])], ids=str)
def test_other_things_are_not_activations(formula: object) -> None:
    with pytest.raises(InvalidInput, match="made from text"):
        Activation(formula)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "parameters", "reason"),
    [
        ("a*x", {}, "a="),
        ("x", {"a": 1}, "does not use it"),
        ("x*x", {"x": 1}, "cannot be called 'x'"),
        ("c*x", {"c": 1}, "cannot be called 'c'"),
        ("e*x", {"e": 1}, "cannot be called 'e'"),
        ("sin*x", {"sin": 1}, "cannot be called 'sin'"),
        ("relu*x", {"relu": 1}, "cannot be called 'relu'"),
        ("_a*x", {"_a": 1}, "letters"),
        ("elu", {"beta": 1}, "it has alpha"),
        ("log(x)", {}, "no real value at x = -"),
        ("sqrt(x - 100)", {}, "no real value"),
        ("x**a", {"a": 0.5}, "no real value"),
        ("Piecewise((x, x > 0))", {}, "no real value"),
        ("sigmod(x)", {}, "sigmoid"),
        ("leakyrelu6(x)", {}, "leaky_relu"),
    ],
)
def test_malformed_requests_are_refused_with_the_way_out(text: str, parameters: dict[str, object], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        Activation(text, **parameters)


def test_the_name_must_be_text() -> None:
    with pytest.raises(InvalidInput, match="name"):
        Activation("relu", name=3)  # type: ignore[arg-type]


def test_values_keep_the_shape_of_the_argument() -> None:
    sigmoid = Activation("sigmoid")
    assert np.array_equal(sigmoid([-1000, 0, 1000]), [0.0, 0.5, 1.0])
    assert sigmoid(np.float32([[1, 2]])).dtype == np.float64
    assert sigmoid(3).shape == ()
    assert sigmoid(np.zeros((2, 0))).shape == (2, 0)


@pytest.mark.parametrize("array", ["abc", [1j], [None], [object()]], ids=["text", "complex", "none", "object"])
def test_values_are_taken_at_real_numbers_only(array: object) -> None:
    with pytest.raises(InvalidInput, match="real numbers"):
        Activation("relu")(array)  # type: ignore[arg-type]


def test_values_and_slopes_follow_the_precision_of_mpmath() -> None:
    tanh = Activation("tanh")
    value, slope = tanh.to_mpmath(), tanh.derivative_to_mpmath()
    for digits in (20, 60):
        with mp.workdps(digits):
            assert mp.almosteq(value(mp.mpf(1) / 3), mp.tanh(mp.mpf(1) / 3))
            assert mp.almosteq(slope(mp.mpf(1) / 3), mp.sech(mp.mpf(1) / 3) ** 2)


def test_functions_that_cannot_be_split_are_still_evaluated() -> None:
    activation = Activation("max(sin(x), 0)")
    assert np.array_equal(activation([-1.0, 0.0]), [0.0, 0.0])
    for fact in ("pieces", "kinks", "jumps"):
        with pytest.raises(NoClosedForm, match=r"sin\(x\)"):
            getattr(activation, fact)
    assert activation.parity == "neither"
    assert activation.is_polynomial is None
    assert activation.homogeneity is None


@pytest.mark.parametrize("name", catalogue)
def test_pieces_and_values_of_the_catalogue_agree(name: str) -> None:
    activation = Activation(name)
    pieces, function = activation.pieces, activation.to_mpmath()
    places = [sp.N(place.xreplace(activation.values), 30) for place in pieces.breakpoints]
    for point in ("-7.1", "-2.6", "-0.7", "-0.3", "0.05", "0.4", "0.8", "1.7", "5.3", "8.9"):
        exact = sp.Rational(point)
        piece = pieces.expressions[sum(bool(place < exact) for place in places)].xreplace(activation.values)
        with mp.workdps(40):
            expected = mp.mpmathify(sp.N(piece.subs(x, exact), 45))
            assert abs(function(mp.mpf(point)) - expected) <= mp.mpf(10) ** -36 * (1 + abs(expected))
            double = float(activation(float(point)))
            # A hundred roundings, for arguments of size 10 and cancelling terms no larger than 10.
            assert abs(double - float(expected)) <= 100 * np.finfo(float).eps * max(1.0, abs(float(expected)))
