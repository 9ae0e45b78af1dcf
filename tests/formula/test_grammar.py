"""Formulas mean what they say, in any usual spelling; all else is refused, quickly, with the place and a way out."""

import contextlib
import time
from dataclasses import dataclass, field

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from ntksym.errors import InvalidInput
from ntksym.formula import parse, rational
from ntksym.formula.bounds import MAX_DEGREE, MAX_EXPONENT, MAX_NODES, MAX_TEXT
from ntksym.symbols import parameter, x

HALF = sp.Rational(1, 2)
QUICK = 1.0
"""Seconds within which a formula is accepted or refused, on a busy machine."""


@dataclass(frozen=True)
class Named:
    name: str
    expression: str
    parameters: dict[str, str] = field(default_factory=dict)
    keywords: dict[str, str] = field(default_factory=dict)


DEFINITIONS = {
    "relu": Named("relu", "max(x, 0)"),
    "leakyrelu": Named(
        "leaky_relu",
        "max(x, 0) + negative_slope*min(x, 0)",
        {"negative_slope": "0.01"},
        {"alpha": "negative_slope"},
    ),
    "prelu": Named("prelu", "max(x, 0) + weight*min(x, 0)", {"weight": "0.25"}),
    # The two functions of this name, told apart by formulas that the tests can tell apart.
    "gelu": Named("gelu", "tanh(x)"),
    "gelutanh": Named("gelu_tanh", "sin(x)"),
}

SPELLINGS = {
    "decimals are exact": ("0.1*x + 1e-3", x / 10 + sp.Rational(1, 1000)),
    "hexadecimal": ("0x10*x", 16 * x),
    "underscores in numbers": ("1_000*x", 1000 * x),
    "chains of signs": ("--x - -x", 2 * x),
    "division": ("x/3/2", x / 6),
    "powers bind to the right": ("2**3**2*x", 512 * x),
    "unary minus binds less than powers": ("-x**2", -(x**2)),
    "line breaks": ("x +\n\t1", x + 1),
    "constants": ("pi*x + e + E + np.pi", sp.pi * x + 2 * sp.E + sp.pi),
    "constant to the x": ("2**x", 2**x),
    "e to the x": ("e**x", sp.exp(x)),
    "capital letters": ("MAX(x, 0) + Abs(x)", sp.Max(x, 0) + sp.Abs(x)),
    "numpy": ("np.maximum(x, 0)", sp.Max(x, 0)),
    "jax": ("jax.numpy.tanh(x)", sp.tanh(x)),
    "torch": ("torch.nn.functional.relu(x)", sp.Max(x, 0)),
    "several maxima": ("max(x, 0, x**2)", sp.Max(x, 0, x**2)),
    "clip with positions": ("clip(x, -1, 1)", sp.Min(1, sp.Max(-1, x))),
    "clip with keywords": ("torch.clamp(x, min=0)", sp.Max(0, x)),
    "clip with None": ("np.clip(x, 0, None)", sp.Max(0, x)),
    "inverse functions": ("arctan(x) + atan(x) + arcsinh(x)", 2 * sp.atan(x) + sp.asinh(x)),
    "logarithms": ("ln(x**2 + 1) - log(x**2 + 1) + log(x**2 + 1, 2)", sp.log(x**2 + 1) / sp.log(2)),
    "log1p and expm1": ("log1p(x**2) + expm1(x)", sp.log(1 + x**2) + sp.exp(x) - 1),
    "cube root is odd": ("cbrt(x)", sp.sign(x) * sp.Abs(x) ** sp.Rational(1, 3)),
    "square root of a square": ("sqrt(x**2)", sp.Abs(x)),
    "normal distribution function": ("Phi(x)", (1 + sp.erf(x / sp.sqrt(2))) / 2),
    "the same as ndtr": ("ndtr(x) - normal_cdf(x)", sp.S.Zero),
    "bare sinc": ("sinc(x)", sp.sinc(x)),
    "sinc of numpy": ("np.sinc(x)", sp.sinc(sp.pi * x)),
    "step with a value at zero": ("heaviside(x, 0.5)", sp.Heaviside(x)),
    "remainder": ("x % 1 + mod(x, 1) + np.remainder(x, 1)", 3 * (x - sp.floor(x))),
    "remainder binds like a product": ("1 + 2*x % 2", 1 + 2 * x - 2 * sp.floor(x)),
    "whole quotient": ("x // 2", sp.floor(x / 2)),
    "rounding to the nearest": ("round(x) + np.rint(x)", 2 * sp.floor(x + HALF)),
    "rounding towards zero": ("trunc(x) + np.fix(x)", 2 * sp.sign(x) * sp.floor(sp.Abs(x))),
    "remainder with the sign of the value": ("fmod(x, 2)", x - 2 * sp.sign(x) * sp.floor(sp.Abs(x) / 2)),
    "frac of sympy": ("frac(x)", x - sp.floor(x)),
    "frac of torch": ("torch.frac(x)", x - sp.sign(x) * sp.floor(sp.Abs(x))),
    "physicists' Hermite polynomials": ("hermite(3, x)", 8 * x**3 - 12 * x),
    "probabilists' Hermite polynomials": ("hermite_prob(3, x)", x**3 - 3 * x),
    "Legendre polynomials": ("legendre(2, x)", (3 * x**2 - 1) / 2),
    "Chebyshev polynomials": ("chebyshevt(2, x) + chebyshevu(2, x)", 6 * x**2 - 2),
    "Laguerre polynomials": ("laguerre(1, 2*x)", 1 - 2 * x),
    "scaled complementary error function": ("erfcx(x)", sp.exp(x**2) * sp.erfc(x)),
    "reciprocals of sines": ("sec(x) + csc(x) + cot(x)", 1 / sp.cos(x) + 1 / sp.sin(x) + 1 / sp.tan(x)),
    "reciprocals of hyperbolic sines": (
        "sech(x) + csch(x) + coth(x)",
        1 / sp.cosh(x) + 1 / sp.sinh(x) + 1 / sp.tanh(x),
    ),
    "caret": ("-x^2^1 + 2^-x", -(x**2) + 2 ** (-x)),
    "superscripts": ("-x² + x⁻¹·x³ + x¹⁰", x**10),
    "signs of typesetting": ("2\u00d7x \u2212 3\u22c5x + x\u00f72", -x / 2),
    "greek constants and Phi": ("π*x + Φ(x) - Phi(x)", sp.pi * x),
    "roots": ("√(x²) + √2*x + ∛x - cbrt(x) + √|x|", sp.Abs(x) + sp.sqrt(2) * x + sp.sqrt(sp.Abs(x))),
    "bars": ("|x|² + |x - 1|*|x| - |(|x| - 1)|", x**2 + sp.Abs(x) * sp.Abs(x - 1) - sp.Abs(sp.Abs(x) - 1)),
    "fractions and relations": ("½*x + where(x \u2264 1, 1, 0)", x / 2 + sp.Piecewise((1, x <= 1), (0, True))),
    "names alone": (
        "relu**2 + 2*tanh - np.tanh + torch.nn.functional.relu",
        sp.Max(x, 0) ** 2 + sp.tanh(x) + sp.Max(x, 0),
    ),
    "names with empty parentheses": ("nn.ReLU() + tanh()", sp.Max(x, 0) + sp.tanh(x)),
    "layers": (
        "nn.LeakyReLU(0.5) - nn.LeakyReLU(alpha=1/2)(x) + nn.LeakyReLU()(-x)",
        sp.Max(-x, 0) + sp.Min(-x, 0) / 100,
    ),
    "layers in place": ("nn.ReLU(inplace=True)", sp.Max(x, 0)),
    "slope of TensorFlow": ("tf.nn.leaky_relu(x)", sp.Max(x, 0) + sp.Min(x, 0) / 5),
    "gelu of torch": ("F.gelu(x)", sp.tanh(x)),
    "gelu of jax": ("jax.nn.gelu", sp.sin(x)),
    "gelu by its keyword": (
        "F.gelu(x, approximate='tanh') + 2*jax.nn.gelu(x, approximate=False)",
        sp.sin(x) + 2 * sp.tanh(x),
    ),
    "definitions": ("leaky_relu(2*x, 0.5)", sp.Max(2 * x, 0) + sp.Min(2 * x, 0) / 2),
    "definitions with keywords": ("LeakyReLU(x, alpha=1/4)", sp.Max(x, 0) + sp.Min(x, 0) / 4),
    "definitions with defaults": ("leaky_relu(x)", sp.Max(x, 0) + sp.Min(x, 0) / 100),
}


@pytest.mark.parametrize(("text", "meaning"), SPELLINGS.values(), ids=SPELLINGS.keys())
def test_usual_spellings_are_understood(text: str, meaning: sp.Expr) -> None:
    assert sp.expand(parse(text, definitions=DEFINITIONS) - meaning) == 0


CASES = {
    "where": "where(x > 0, x, 0)",
    "if else": "x if x > 0 else 0",
    "Piecewise": "Piecewise((x, x > 0), (0, True))",
    "comparison as a factor": "x*(x > 0)",
    "numpy's and": "where((x > 0) & (x < 9), x, 0) + x*(x >= 9)",
    "python's and": "where(x > 0 and x < 9, x, 0) + x*(x >= 9)",
    "chain": "where(0 < x < 9, x, 0) + x*(x >= 9)",
    "not": "where(not x <= 0, x, 0)",
    "tilde": "where(~(x <= 0), x, 0)",
    "or": "where(x <= 0 or x <= -1, 0, x)",
    "named relations": "where(And(Gt(x, 0), Ne(x, 7)), x, 0)",
    "a comparison of comparisons": "where(where(x > 0, 1, -1) > 0, x, 0)",
}


@pytest.mark.parametrize("text", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("point", [-2, -HALF, HALF, 12])
def test_case_distinctions_choose_the_right_branch(text: str, point: sp.Rational) -> None:
    assert parse(text).subs(x, point) == sp.Max(point, 0)


def test_parameters_carry_the_sign_of_their_value() -> None:
    expression = parse("a*x + b", {"a": HALF, "b": -HALF})
    assert expression == parameter("a", HALF) * x + parameter("b", -HALF)
    assert all(symbol.is_positive or symbol.is_negative or symbol == x for symbol in expression.free_symbols)


def test_a_parameter_in_an_exponent_of_x_is_replaced_by_its_value() -> None:
    assert parse("n*x**n", {"n": sp.Integer(3)}) == parameter("n", sp.Integer(3)) * x**3


def test_a_parameter_may_be_the_base_or_sit_in_an_exponential() -> None:
    a = parameter("a", HALF)
    assert parse("a**x + exp(a*x)", {"a": HALF}) == a**x + sp.exp(a * x)


REFUSALS = {
    "import": ("__import__('os')", "unknown name"),
    "attribute": ("x.__class__", "prefix"),
    "method": ("().__class__.__bases__", "methods"),
    "lambda": ("lambda: 0", "not part of a formula"),
    "lambda as a name": ("lambda*x", "lam"),
    "comprehension": ("[x for x in x]", "not part of a formula"),
    "text": ("'x'", "not a number"),
    "formatted text": ("f'{x}'", "not part of a formula"),
    "walrus": ("(y := x)", "not part of a formula"),
    "starred": ("max(*x)", "starred"),
    "statement": ("x = 1", "not a formula"),
    "two statements": ("x; x", "not part of a formula"),
    "comment": ("x # nothing", "not part of a formula"),
    "greek parameter": ("\u03b1*x", "write alpha"),
    "invisible character": ("\u200bx", "remove it"),
    "full-width letter": ("\uff58", "write x"),
    "equation": ("y = x^2", "right-hand side"),
    "boolean or of C": ("where(x > 0 || x < -1, x, 0)", "or between conditions"),
    "boolean and of C": ("where(x > 0 && x < 1, x, 0)", "write and"),
    "bars that bind before comparisons": ("where(x > 0 | x < -1, x, 0)", "bind before <"),
    "a condition alone": ("x > 0", r"where\(x > 0, 1, 0\), or heaviside"),
    "a connected condition alone": ("0 < x < 1 and x != 2", r"where\(0 < x < 1 and x != 2, 1, 0\)"),
    "a true condition alone": ("1 < 2", "write 1 or 0"),
    "True": ("True", "write 1 or 0"),
    "False": ("False", "write 1 or 0"),
    "None": ("None", "not a number"),
    "True as a factor": ("True*x", "not a number"),
    "function of two arguments alone": ("max", r"write max\(x, \.\.\.\)"),
    "clip alone": ("clip + 1", r"write clip\(x, \.\.\.\)"),
    "layer with a number of channels": ("nn.PReLU(1)", "channels"),
    "gelu of an unknown library": ("nn.gelu(x)", "gelu_tanh"),
    "slope that changed between versions": ("keras.layers.LeakyReLU()", "versions"),
    "unknown approximation": ("F.gelu(x, approximate='best')", "'tanh'"),
    "nested bars": ("||x| - 1|", r"write abs\(\.\.\.\)"),
    "open bar": ("|x", "not closed"),
    "open bar in parentheses": ("(|x) + 1", "not closed"),
    "root of a power": ("√x²", "what the root covers"),
    "root of a call": ("√sin(x)", "what the root covers"),
    "root of nothing": ("x + √", "what the root covers"),
    "superscript of nothing": ("²*x", "nothing before it"),
    "superscript of a sign": ("x⁻", "not a whole number"),
    "remainder after division by zero": ("x % 0", "division by zero"),
    "quotient of a division by zero": ("x // 0", "division by zero"),
    "Hermite polynomial of no degree": ("hermite(x, 3)", "hermite\\(3, x\\)"),
    "Hermite polynomial of a broken degree": ("hermite(2.5, x)", "whole number"),
    "Hermite polynomial of a high degree": (f"hermite({MAX_EXPONENT + 1}, x)", str(MAX_EXPONENT)),
    "empty": ("  ", "empty"),
    "unclosed": ("max(x, 0", "close every parenthesis"),
    "null character": ("x\x00", "not accepted"),
    "complex": ("1j*x", "complex"),
    "imaginary unit": ("I*x", "complex"),
    "infinity": ("oo*x", "infinity"),
    "nan": ("nan", "NaN"),
    "huge literal": ("1e999*x", "float64"),
    "long literal": ("0." + "1" * 500, "digits"),
    "capital x": ("X", "lower-case x"),
    "ambiguous phi": ("phi(x)", "Phi"),
    "undeclared": ("a*x", r"a=\.\.\."),
    "too few arguments": ("max(x)", "2 to 32 arguments"),
    "unknown keyword": ("leaky_relu(x, beta=1)", "slope"),
    "number as condition": ("x if x else 1", "condition"),
    "Piecewise without pairs": ("Piecewise(x)", "pairs"),
    "division by zero": ("1/(x - x)", "division by zero"),
    "zero to the x": ("0**x", "zero"),
    "negative base": ("(-2)**x", "positive"),
    "even root of a negative number": ("(-1)**0.5*x", "even root"),
    "logarithm of a negative number": ("log(-1)*x", "logarithm"),
    "tower": ("9**9**9**9", "exponent"),
    "powers of powers": ("((2**100)**100)**100", "exponent"),
    "hidden power of two": ("exp(10**18*log(2))", "exponent"),
    "hidden factor of two": ("exp(x + 10**18*log(2))", "exponent"),
    "hidden power of two in a power": ("2**(x + 10**18)", "exponent"),
    "long fraction": ("(1 + 2**(-1000))**1000*x", "too long a number"),
    "iterated exponential": ("exp(exp(exp(100)))", "exponent"),
    "large exponent": (f"x**{MAX_EXPONENT + 1}", str(MAX_EXPONENT)),
    "large degree": (f"((x + 1)**{MAX_EXPONENT})**3", str(MAX_DEGREE)),
    "disguised large degree": ("exp(1000000*log(x**2 + 1))", str(MAX_DEGREE)),
    "large tree": ("sin(" * 30 + "x**2 + x" + ")*x" * 30 + "*(x+1)" * 100, "nodes|levels|nested"),
    "doubling tree": ("leaky_relu(" * 20 + "x" + ")" * 20, str(MAX_NODES)),
    "too long": ("x+" * MAX_TEXT + "x", str(MAX_TEXT)),
    "deep": ("sin(" * 100 + "x" + ")" * 100, "nested"),
    "very deep": ("(" * 900 + "x" + ")" * 900, "parenthes|nested"),
    "100 kB of parentheses": ("(" * 50_000 + "x" + ")" * 50_000, str(MAX_TEXT)),
    "subscripts": ("x" + "[0]" * 600, "not part of a formula|nested"),
    "many calls": ("sin" + "(x)" * 600, "no function|nested"),
    "too many compared cases": (
        "where(" + "+".join(f"where(x > {k}, x, {k})" for k in range(9)) + " > 1, x, 0)",
        "case",
    ),
}


@pytest.mark.parametrize(("text", "reason"), REFUSALS.values(), ids=REFUSALS.keys())
def test_everything_else_is_refused_quickly_and_with_a_reason(text: str, reason: str) -> None:
    start = time.perf_counter()
    with pytest.raises(InvalidInput, match=reason):
        parse(text, definitions=DEFINITIONS)
    assert time.perf_counter() - start < QUICK


def test_a_refusal_names_the_column_of_the_problem() -> None:
    with pytest.raises(InvalidInput, match=r"^column 5, ") as caught:
        parse("x + foo(x)")
    assert caught.value.about["position"] == 4


@pytest.mark.parametrize(
    ("text", "position", "advice"),
    [
        ("2x", 1, r"write 2\*x$"),
        ("3(x + 1)", 0, r"write 3\*\("),
        ("1 + x(1 + x)", 4, r"x is no function: a product needs \*; write x\*\("),
        ("(x + 1)(x - 1)", 0, r"write \(x \+ 1\)\*\("),
        ("x x", 2, r"write x\*x$"),
        ("x 2", 2, r"write x\*2$"),
        ("sin x", 4, r"sin\(x\) for a function"),
        ("π(x + 1)", 0, r"write pi\*\("),
        ("2π", 1, r"write 2\*π"),
        ("2√x", 1, "write 2"),
        ("x²(1 + x)", 2, r"write x²\*\("),
        ("sin²(x)", 4, r"sin\(x\)² for the power"),
        ("tanh^2(x)", 5, r"sin\(x\)\*\*2"),
        ("relu(x)(x)", 0, r"write relu\(x\)\*"),
        ("|x|(x + 1)", 0, r"write abs\(x\)\*"),
    ],
)
def test_a_product_without_a_star_is_told_so_at_its_place(text: str, position: int, advice: str) -> None:
    with pytest.raises(InvalidInput, match=advice) as caught:
        parse(text, definitions=DEFINITIONS)
    assert caught.value.about["position"] == position


@pytest.mark.parametrize(
    ("text", "position"),
    [("x² + √(x²) + foo(x)", 13), ("|x|·π + foo", 8), ("x^2\u2009+ foo", 6), ("½ + \u03b1", 4)],
)
def test_columns_count_what_was_typed_whatever_it_was_rewritten_to(text: str, position: int) -> None:
    with pytest.raises(InvalidInput, match=f"^column {position + 1}, ") as caught:
        parse(text)
    assert caught.value.about["text"] == text.replace("\u2009", " ")


def test_a_parameter_of_a_layer_counts_as_used() -> None:
    expression = parse("nn.LeakyReLU(a)(x)", {"a": HALF}, DEFINITIONS)
    assert expression == sp.Max(x, 0) + parameter("a", HALF) * sp.Min(x, 0)


@pytest.mark.parametrize(
    ("wrong", "right"), [("tahn(x)", "tanh"), ("rleu(x)", "relu"), ("leeky_relu(x)", "leaky_relu")]
)
def test_an_unknown_name_is_answered_with_the_nearest_known_ones(wrong: str, right: str) -> None:
    with pytest.raises(InvalidInput, match="did you mean") as caught:
        parse(wrong, definitions=DEFINITIONS)
    assert right in caught.value.about["near"]


def test_a_declared_parameter_must_be_used() -> None:
    with pytest.raises(InvalidInput, match="'b' is declared but"):
        parse("a*x", {"a": HALF, "b": HALF})


def test_long_sums_need_no_depth() -> None:
    terms = [f"{k}*x**{k}" for k in range(100)]
    assert parse(" + ".join(terms)) == sum(k * x**k for k in range(100))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", sp.Rational(1, 10)),
        ("1e-3", sp.Rational(1, 1000)),
        ("1/3", sp.Rational(1, 3)),
        ("-2.50", -sp.Rational(5, 2)),
    ],
)
def test_numbers_are_read_exactly(text: str, value: sp.Rational) -> None:
    assert rational(text) == value


def formulas() -> st.SearchStrategy[sp.Expr]:
    """Sums, products, powers and functions of x: what the printer writes, the parser must read."""
    rationals = st.fractions(-9, 9, max_denominator=9).map(
        lambda value: sp.Rational(value.numerator, value.denominator)
    )
    unary = st.sampled_from([sp.exp, sp.sin, sp.tanh, sp.erf, sp.Abs, sp.sign, sp.Heaviside, sp.sinc, sp.atan])
    binary = st.sampled_from([sp.Add, sp.Mul, sp.Max, sp.Min])

    def grow(children: st.SearchStrategy[sp.Expr]) -> st.SearchStrategy[sp.Expr]:
        return st.one_of(
            st.builds(lambda function, argument: function(argument), unary, children),
            st.builds(lambda function, first, second: function(first, second), binary, children, children),
            st.builds(lambda base, power: base**power, children, st.integers(0, 3)),
            st.builds(
                lambda a, b, c: sp.Piecewise((a, b > 0), (c, True), evaluate=False), children, st.just(x), children
            ),
        )

    return st.recursive(st.one_of(st.just(x), rationals), grow, max_leaves=6)


@given(formulas())
def test_what_sympy_prints_is_read_back(expression: sp.Expr) -> None:
    if expression.has(sp.zoo, sp.nan, sp.oo):
        return
    # Inside functions sympy may arrange the same arguments differently, so values are compared, exactly.
    back = parse(str(expression))
    for point in (-sp.Rational(3, 7), sp.Rational(5, 3)):
        assert sp.N(back.subs(x, point) - expression.subs(x, point), 30) == pytest.approx(0, abs=1e-25)


@given(st.text(alphabet="x01.+-*/()<>=,& eapmilosqrt_^'[]{}:!|%²⁻√π·", max_size=60))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    start = time.perf_counter()
    with contextlib.suppress(InvalidInput):
        parse(text)
    assert time.perf_counter() - start < QUICK


def test_the_argument_may_be_called_otherwise() -> None:
    assert parse("exp(rho) + rho**2", argument="rho") == parse("exp(x) + x**2")
    with pytest.raises(InvalidInput, match="unknown name 'x'"):
        parse("rho*x", argument="rho")
