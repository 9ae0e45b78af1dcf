"""Spellings converge to one list of pieces, which agrees with the function; what cannot be split says why."""

from fractions import Fraction
from itertools import pairwise

import mpmath as mp
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from ntksym.activation.pieces import Pieces, split
from ntksym.errors import NoClosedForm
from ntksym.formula import compile_mpmath, parse
from ntksym.symbols import parameter, x

FAMILIES = {
    "ReLU": [
        "max(x, 0)", "(x + abs(x))/2", "x*heaviside(x)", "Piecewise((x, x > 0), (0, True))", "x*(1 + sign(x))/2",
        "where(x > 0, x, 0)", "sqrt(x**2)/2 + x/2", "x if x >= 0 else 0", "x*(x > 0)", "-min(-x, 0)",
        "max(0, min(x, 2*x))", "sqrt(x*max(x, 0))", "where(not x <= 0, x, 0)", "max(x, 0, -x**2)",
    ],
    "hard tanh": [
        "clip(x, -1, 1)", "max(-1, min(1, x))", "(abs(x + 1) - abs(x - 1))/2", "where(abs(x) < 1, x, sign(x))",
        "max(x + 1, 0) - max(x - 1, 0) - 1", "Piecewise((-1, x < -1), (1, x > 1), (x, True))",
        "where(x < -1 or x > 1, sign(x), x)", "where(-1 < x < 1, x, sign(x))",
    ],
    "|x|^3": [
        "abs(x)**3", "abs(x**3)", "x**2*abs(x)", "x**3*sign(x)", "sqrt(x**6)", "max(x, 0)**3 + max(-x, 0)**3",
        "(x**2)**(3/2)",
    ],
    "ELU": [
        "where(x > 0, x, exp(x) - 1)", "max(x, 0) + min(exp(x) - 1, 0)", "exp(min(x, 0)) - 1 + max(x, 0)",
        "max(x, min(exp(x) - 1, 0))", "max(x, 0) - max(1 - exp(x), 0)",
    ],
    "exp(-|x|)": [
        "exp(-abs(x))", "exp(-sqrt(x**2))", "exp(-max(x, -x))", "min(exp(x), exp(-x))", "where(x > 0, exp(-x), exp(x))",
        "exp(-x*sign(x))",
    ],
    "sign": ["sign(x)", "2*heaviside(x) - 1", "x/abs(x)", "abs(x)/x", "(x > 0) - (x < 0)", "sign(x**3)"],
    "x": ["x", "max(x, 0) + min(x, 0)", "abs(x)*sign(x)", "where(x > 1, x, x)", "cbrt(x**3)", "x**2/x"],
    "one": ["1", "sign(x**2 + 1)", "heaviside(exp(x))", "max(1, min(0, x))", "x/x", "where(exp(x) + 1 > 1, 1, 0)"],
    "hat": [
        "max(1 - abs(x), 0)", "max(x + 1, 0) - 2*max(x, 0) + max(x - 1, 0)", "min(max(1 + x, 0), max(1 - x, 0))",
        "where(abs(x) < 1, 1 - abs(x), 0)",
    ],
}  # fmt: skip


def _expanded(pieces: Pieces) -> tuple[tuple[sp.Expr, ...], tuple[sp.Expr, ...]]:
    return pieces.breakpoints, tuple(sp.expand(piece) for piece in pieces.expressions)


@pytest.mark.parametrize(
    ("first", "other"),
    [(family[0], other) for family in FAMILIES.values() for other in family[1:]],
)
def test_spellings_of_one_function_have_the_same_pieces(first: str, other: str) -> None:
    assert _expanded(split(parse(other))) == _expanded(split(parse(first)))


@pytest.mark.parametrize(
    ("text", "breakpoints", "expressions"),
    [
        ("abs(x**2 - 2)", (-sp.sqrt(2), sp.sqrt(2)), ("x**2 - 2", "2 - x**2", "x**2 - 2")),
        ("sign(x)*max(abs(x) - 1/2, 0)", (-sp.S.Half, sp.S.Half), ("x + 1/2", "0", "x - 1/2")),
        ("erf(abs(x))", (0,), ("-erf(x)", "erf(x)")),
        ("tanh(max(x, 0))", (0,), ("0", "tanh(x)")),
        ("sin(abs(x))", (0,), ("-sin(x)", "sin(x)")),
        ("max(tanh(x) - 1/2, 0)", (sp.log(3) / 2,), ("0", "tanh(x) - 1/2")),
        ("max(erf(x), 1/2)", (sp.erfinv(sp.S.Half),), ("1/2", "erf(x)")),
        ("max(2*exp(x) - exp(-x), 0)", (-sp.log(2) / 2,), ("0", "2*exp(x) - exp(-x)")),
        (
            "max(exp(2*x) - 3*exp(x) + 2, 0)",
            (0, sp.log(2)),
            ("exp(2*x) - 3*exp(x) + 2", "0", "exp(2*x) - 3*exp(x) + 2"),
        ),
        ("abs(x*exp(-x))", (0,), ("-x*exp(-x)", "x*exp(-x)")),
        ("max(x + sinh(x), 0)", (0,), ("0", "x + sinh(x)")),
        ("max(exp(x) - 1 - x, 0)", (), ("exp(x) - 1 - x",)),
        (
            "abs(where(abs(x) < 4, sin(x), 0))",
            (-4, -sp.pi, 0, sp.pi, 4),
            ("0", "sin(x)", "-sin(x)", "sin(x)", "-sin(x)", "0"),
        ),
        ("sqrt(abs(x))", (0,), ("sqrt(-x)", "sqrt(x)")),
        ("x*max(0, min(6, x + 3))/6", (-3, 3), ("0", "x**2/6 + x/2", "x")),
        ("abs(abs(abs(x) - 1) - 1)", (-2, -1, 0, 1, 2), ("-x - 2", "x + 2", "-x", "x", "2 - x", "x - 2")),
        ("sqrt(exp(2*x) - 2*exp(x) + 1)", (0,), ("1 - exp(x)", "exp(x) - 1")),
        ("log(x**2)", (0,), ("log(x**2)", "log(x**2)")),
        ("1/x", (0,), ("1/x", "1/x")),
        ("sin(x)/x", (), ("sin(x)/x",)),
        ("1/(2 + sin(x))", (), ("1/(2 + sin(x))",)),
        ("Piecewise((1, Eq(x, 0)), (sin(x)/x, True))", (), ("sin(x)/x",)),
        ("where(x == x, x, 0)", (), ("x",)),
    ],
)
def test_pieces_are_exact(text: str, breakpoints: tuple[sp.Expr, ...], expressions: tuple[str, ...]) -> None:
    pieces = split(parse(text))
    assert pieces.breakpoints == breakpoints
    assert _expanded(pieces)[1] == tuple(sp.expand(parse(expression)) for expression in expressions)


def test_roots_of_any_degree_are_breakpoints() -> None:
    (root,) = split(parse("max(x**5 - x - 1, 0)")).breakpoints
    assert root == sp.CRootOf(x**5 - x - 1, 0)


def _with_values(text: str, **values: object) -> Pieces:
    exact = {name: sp.Rational(str(value)) for name, value in values.items()}
    expression = parse(text, exact)
    return split(expression, {parameter(name, value): value for name, value in exact.items()})


def test_a_slope_below_one_is_recorded_as_a_condition() -> None:
    a = parameter("a", sp.Rational(1, 5))
    assert _with_values("max(x, a*x)", a="1/5") == Pieces((sp.S.Zero,), (a * x, x), (a < 1,))


def test_a_slope_above_one_chooses_the_other_branch() -> None:
    a = parameter("a", sp.Integer(2))
    assert _with_values("max(x, a*x)", a=2) == Pieces((sp.S.Zero,), (x, a * x), (a > 1,))


def test_a_slope_of_one_leaves_one_piece() -> None:
    a = parameter("a", sp.S.One)
    assert _with_values("max(x, a*x)", a=1) == Pieces((), (x,), (sp.Eq(a, 1),))


def test_assumptions_are_used_before_values() -> None:
    low, high = parameter("low", -sp.S.One), parameter("high", sp.S.One)
    assert _with_values("clip(x, low, high)", low=-1, high=1) == Pieces((low, high), (low, x, high), ())


def test_a_threshold_of_unknown_sign_needs_no_condition() -> None:
    b = parameter("b", sp.S.Zero)
    assert _with_values("max(x - b, 0)", b=0) == Pieces((b,), (sp.S.Zero, x - b), ())


def test_celu_breaks_at_zero_for_any_parameter() -> None:
    pieces = _with_values("max(0, x) + min(0, a*(exp(x/a) - 1))", a="7/10")
    a = parameter("a", sp.Rational(7, 10))
    assert _expanded(pieces) == ((sp.S.Zero,), (a * sp.exp(x / a) - a, x))
    assert pieces.conditions == ()


def test_thresholds_with_parameters_are_ordered_by_value_where_assumptions_do_not_decide() -> None:
    pieces = _with_values("max(x - a, 0) + max(x - b, 0)", a=3, b=2)
    a, b = parameter("a", sp.Integer(3)), parameter("b", sp.Integer(2))
    assert pieces.breakpoints == (b, a)
    assert len(pieces.conditions) == 1
    assert pieces.conditions[0].subs({a: 3, b: 2}) == sp.true
    assert pieces.conditions[0].subs({a: 2, b: 3}) == sp.false


def test_symbols_without_value_are_asked_for() -> None:
    slope = sp.Symbol("slope", real=True)
    with pytest.raises(NoClosedForm, match="slope"):
        split(sp.Max(x, slope * x))


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("max(sin(x), 0)", r"sin\(x\)"),
        ("floor(x)", r"floor\(x\)"),
        ("abs(cos(x) + x)", r"cos\(x\)"),
        ("max(x, exp(x) - 2)", r"exp\(x\)"),
        ("acos(cos(x))", "cos"),
        ("sqrt(1 + sin(x))", "sin"),
        ("Piecewise((x, x > 0))", "no value"),
        ("max(x**31 - x - 1, 0)", "degree 31"),
        ("log(heaviside(x))", "not finite"),
    ],
)
def test_what_cannot_be_split_is_named(text: str, culprit: str) -> None:
    with pytest.raises(NoClosedForm, match=culprit):
        split(parse(text))


@st.composite
def piecewise_polynomials(draw: st.DrawFn) -> sp.Expr:
    """Sums and nestings of linear functions, powers, maxima, absolute values, signs and case distinctions."""
    numbers = st.fractions(-4, 4, max_denominator=3).map(lambda value: sp.Rational(value.numerator, value.denominator))

    def line() -> sp.Expr:
        return draw(numbers) * x + draw(numbers)

    unary = [
        sp.Abs,
        lambda part: part**2,
        lambda part: line() * part,
        lambda part: line() * sp.sign(part),
        lambda part: line() + sp.Heaviside(part),
    ]
    binary = [
        sp.Add,
        sp.Max,
        sp.Min,
        lambda first, second: sp.Piecewise((first, line() > 0), (second, True), evaluate=False),
    ]

    def build(depth: int) -> sp.Expr:
        if depth == 0:
            return line()
        if draw(st.booleans()):
            return draw(st.sampled_from(unary))(build(depth - 1))
        return draw(st.sampled_from(binary))(build(depth - 1), build(depth - 1))

    return build(draw(st.integers(1, 3)))


@given(piecewise_polynomials())
def test_pieces_agree_with_the_function_away_from_the_breakpoints(expression: sp.Expr) -> None:
    pieces = split(expression)
    places = [sp.N(place, 40) for place in pieces.breakpoints]
    assert all(left < right for left, right in pairwise(places))
    function = compile_mpmath(expression, {})
    with mp.workdps(40):
        for numerator in range(-41, 43, 6):
            # Not a number at which |sign(x - 1)| could be asked at its own jump: pieces hold almost everywhere.
            point = Fraction(numerator, 7) + Fraction(1, 1009)
            if any(
                abs(place - sp.Rational(point.numerator, point.denominator)) < sp.Float("1e-20") for place in places
            ):
                continue
            index = sum(bool(place < sp.Rational(point.numerator, point.denominator)) for place in places)
            number = mp.mpf(point.numerator) / point.denominator
            expected = function(number)
            # Fifteen operations at 40 digits on numbers below 1e12 leave more than 20.
            assert abs(compile_mpmath(pieces.expressions[index], {})(number) - expected) <= mp.mpf(10) ** -20 * (
                1 + abs(expected)
            )


@given(piecewise_polynomials())
def test_pieces_contain_no_kinks_and_neighbours_differ(expression: sp.Expr) -> None:
    pieces = split(expression)
    assert len(pieces.expressions) == len(pieces.breakpoints) + 1
    assert not any(
        piece.has(sp.Abs, sp.Max, sp.Min, sp.sign, sp.Heaviside, sp.Piecewise) for piece in pieces.expressions
    )
    for left, right in zip(pieces.expressions, pieces.expressions[1:], strict=False):
        assert sp.expand(left - right) != 0
