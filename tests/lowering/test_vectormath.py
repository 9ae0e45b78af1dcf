"""Elementary and Gaussian functions of generated code: ulps, limits, vector code, copied text, reproduced fits."""

import ast
import itertools
import platform
import re
from collections.abc import Callable

import mpmath
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp
from numpy.typing import NDArray

from derivations import dawson, elementary, gaussian
from derivations.fitting import Fit
from ntksym.lowering import vectormath
from ntksym.symbolic import special_mpmath

Array = NDArray[np.float64]
EPS = float(np.finfo(np.float64).eps)
INF, NAN = float("inf"), float("nan")
COUNT = 1000


def looped(function: Callable[..., float], arity: int) -> Callable[..., None]:
    """function over arrays, as a kernel would call it: without fast-math flags of its own."""
    names = ", ".join(f"x{i}" for i in range(arity))
    items = ", ".join(f"x{i}[j]" for i in range(arity))
    text = f"def loop({names}, out):\n    for j in range(out.size):\n        out[j] = function({items})\n"
    space: dict[str, Callable[..., None]] = {"function": function}
    exec(text, space)
    compiled: Callable[..., None] = numba.njit(error_model="numpy")(space["loop"])
    return compiled


def evaluated(function: Callable[..., float], *columns: Array) -> Array:
    out = np.empty_like(columns[0])
    looped(function, len(columns))(*columns, out)
    return out


def ulps(values: Array, exact: list[mpmath.mpf]) -> Array:
    """Distance in units of the spacing of float64 at the exact value."""
    spacing = np.spacing(np.abs(np.array([float(value) for value in exact])))
    return np.array(
        [float(abs(mp.mpf(float(v)) - e) / mp.mpf(float(s))) for v, e, s in zip(values, exact, spacing, strict=True)]
    )


def signed(generator: np.random.Generator, low: float, high: float, count: int) -> Array:
    """Numbers of either sign, magnitudes from 10^low to 10^high, uniform in the logarithm."""
    return np.asarray(generator.choice([-1.0, 1.0], count) * 10 ** generator.uniform(low, high, count))


def points(name: str) -> tuple[Array, ...]:
    generator = np.random.default_rng(len(name))
    uniform = generator.uniform
    wide, middle = uniform(-60, 5, COUNT), uniform(-3, 3, COUNT)
    large = uniform(-900, 900, COUNT)
    turns = generator.integers(1, 63000, COUNT) * (np.pi / 2)
    halves = np.r_[uniform(0, 0.5, COUNT), 10 ** uniform(-300, -0.4, COUNT), 0.5, 0.0]
    table: dict[str, tuple[Array, ...]] = {
        "exp": (np.r_[uniform(-745, 709.78, COUNT), uniform(-1, 1, COUNT), signed(generator, -300, 0, 100)],),
        "expm1": (np.r_[uniform(-50, 709.78, COUNT), uniform(-1, 1, COUNT), signed(generator, -300, 0, 200)],),
        "log": (np.r_[10 ** uniform(-320, 308, COUNT), uniform(0.5, 2, COUNT), 1 + signed(generator, -15, -1, 200)],),
        "log1p": (np.r_[10 ** uniform(-300, 308, COUNT), uniform(-1, 1, COUNT), signed(generator, -16, -0.01, 200)],),
        "sin": (np.r_[uniform(-1e5, 1e5, COUNT), uniform(-7, 7, COUNT), turns, uniform(-1.6e6, 1.6e6, COUNT)],),
        "cos": (np.r_[uniform(-1e5, 1e5, COUNT), uniform(-7, 7, COUNT), turns, uniform(-1.6e6, 1.6e6, COUNT)],),
        "atan2_half": (
            np.r_[signed(generator, -3, 3, COUNT), uniform(-1, 1, COUNT), signed(generator, -150, 150, 200), 0.0],
            np.r_[10 ** uniform(-3, 3, COUNT), uniform(0, 1, COUNT), 10 ** uniform(-150, 150, 200), 1.0],
        ),
        "arccos_complement": (np.r_[uniform(0, 1, COUNT), 10 ** uniform(-300, 0, COUNT), 0.5, 1.0, 0.0],),
        "acute_angle": (np.sqrt(halves), np.sqrt(1 - halves)),
        "erf": (np.r_[uniform(-6, 6, COUNT), uniform(-1, 1, COUNT), signed(generator, -300, 0, 200)],),
        "normal_cdf": (np.r_[uniform(-37.5, 8.3, COUNT), uniform(-3, 3, COUNT), 0.0],),
        "exp_normal_cdf": (np.r_[wide**2 / 2 * uniform(0.5, 1.1, COUNT), uniform(-5, 5, COUNT)], np.r_[wide, middle]),
        "sinh_exp": (
            np.r_[-abs(large) + uniform(-20, 20, COUNT), uniform(-300, 300, COUNT)],
            np.r_[large, signed(generator, -20, 2, COUNT)],
        ),
        "exp_erfi": (
            np.r_[-(wide**2) * uniform(0.8, 1.1, COUNT), uniform(-30, 30, 2 * COUNT)],
            np.r_[wide, uniform(-6, 6, COUNT), signed(generator, -250, 0, COUNT)],
        ),
    }
    table["cosh_exp"] = table["sinh_exp"]
    return table[name]


# name -> the exact function, and the bound in ulp that the docstring states
EXACT: dict[str, tuple[Callable[..., mpmath.mpf], float]] = {
    "exp": (mpmath.exp, 1.1),
    "expm1": (mpmath.expm1, 2),
    "log": (mpmath.log, 1),
    "log1p": (mpmath.log1p, 2),
    "sin": (mpmath.sin, 1),
    "cos": (mpmath.cos, 1),
    "atan2_half": (mpmath.atan2, 2),
    "acute_angle": (lambda u, _: 2 * mpmath.asin(u), 1.5),
    "arccos_complement": (lambda z: 2 * mpmath.asin(mpmath.sqrt(z)), 2),
    "erf": (mpmath.erf, 2),
    "normal_cdf": (special_mpmath.normal_cdf, 4),
    "exp_normal_cdf": (special_mpmath.exp_normal_cdf, 4),
    "sinh_exp": (special_mpmath.exp_sinh, 2),
    "cosh_exp": (special_mpmath.exp_cosh, 2),
    "exp_erfi": (special_mpmath.exp_erfi, 5),
}


@pytest.mark.parametrize("name", EXACT)
def test_the_stated_ulps_hold(name: str) -> None:
    exact, bound = EXACT[name]
    columns = points(name)
    values = evaluated(getattr(vectormath, name), *columns)
    assert np.isfinite(values).all()
    with mp.workdps(40):
        truth = [exact(*(mp.mpf(float(item)) for item in point)) for point in zip(*columns, strict=True)]
        assert ulps(values, truth).max() <= bound


@pytest.mark.parametrize("opposite", [False, True])
def test_angle_and_sine_of_a_pair_are_relatively_accurate_at_both_ends(opposite: bool) -> None:
    generator = np.random.default_rng(5)
    less = np.r_[generator.uniform(0, 1, COUNT), 10 ** generator.uniform(-300, 0, COUNT), 0.0, 1.0]
    more, half = 2 - less, np.full_like(less, 0.5)
    pair = (more, less, half) if opposite else (less, more, half)
    near, far = ("angle_to_opposite", "angle") if opposite else ("angle", "angle_to_opposite")
    with mp.workdps(40):
        roots = [mpmath.sqrt(mp.mpf(float(number)) / 2) for number in less]
        acute = [2 * mpmath.asin(root) for root in roots]
        assert ulps(evaluated(getattr(vectormath, near), *pair), acute).max() <= 2
        assert ulps(evaluated(getattr(vectormath, far), *pair), [mp.pi - angle for angle in acute]).max() <= 2
        sines = [2 * root * mpmath.sqrt(1 - root**2) for root in roots]
        assert ulps(evaluated(vectormath.sine_of_angle, *pair), sines).max() <= 3


def test_float32_arguments_are_widened() -> None:
    x = np.linspace(-3, 3, 50, dtype=np.float32)
    out = np.empty(50)
    looped(vectormath.normal_cdf, 1)(x, out)
    assert (out == evaluated(vectormath.normal_cdf, x.astype(np.float64))).all()


LIMITS = [
    ("exp", (INF,), INF),
    ("exp", (-INF,), 0.0),
    ("exp", (1000.0,), INF),
    ("exp", (-1000.0,), 0.0),
    ("expm1", (INF,), INF),
    ("expm1", (-INF,), -1.0),
    ("expm1", (5e-324,), 5e-324),
    ("log", (0.0,), -INF),
    ("log", (INF,), INF),
    ("log", (-1.0,), NAN),
    ("log1p", (-1.0,), -INF),
    ("log1p", (INF,), INF),
    ("log1p", (-2.0,), NAN),
    ("sin", (INF,), NAN),
    ("sin", (2.0**45,), NAN),
    ("cos", (0.0,), 1.0),
    ("atan2_half", (0.0, 0.0), 0.0),
    ("atan2_half", (INF, 1.0), np.pi / 2),
    ("atan2_half", (-INF, 1.0), -np.pi / 2),
    ("atan2_half", (-1.0, 0.0), -np.pi / 2),
    ("atan2_half", (1.0, INF), 0.0),
    ("arccos_complement", (0.0,), 0.0),
    ("arccos_complement", (1.0,), np.pi),
    ("erf", (INF,), 1.0),
    ("erf", (-INF,), -1.0),
    ("normal_cdf", (INF,), 1.0),
    ("normal_cdf", (-INF,), 0.0),
    ("normal_cdf", (-40.0,), 0.0),
    ("exp_normal_cdf", (1.0, -INF), 0.0),
    ("exp_normal_cdf", (-INF, 2.0), 0.0),
    ("exp_normal_cdf", (800.0, -1e6), 0.0),
    ("exp_normal_cdf", (1e12, -1e7), 0.0),
    ("exp_normal_cdf", (INF, 2.0), INF),
    ("sinh_exp", (-INF, 2.0), 0.0),
    ("sinh_exp", (0.0, -INF), -INF),
    ("sinh_exp", (0.0, 1e-300), 1e-300),
    ("cosh_exp", (-INF, 2.0), 0.0),
    ("cosh_exp", (0.0, INF), INF),
    ("exp_erfi", (0.0, 0.0), 0.0),
    ("exp_erfi", (0.0, -INF), -INF),
    ("exp_erfi", (-INF, 2.0), 0.0),
    ("exp_bivariate_normal_cdf", (0.0, -INF, 1.0, 0.3, 0.95), 0.0),
    ("exp_bivariate_normal_cdf", (0.0, INF, INF, 0.3, 0.95), 1.0),
    ("exp_bivariate_normal_cdf", (-INF, 1.0, 1.0, 0.3, 0.95), 0.0),
    ("exp_bivariate_normal_cdf", (0.0, -1.0, 0.5, -1.0, 0.0), 0.0),
    ("exp_bivariate_normal_cdf", (0.0, 0.0, 0.0, 1.0, 0.0), 0.5),
]


@pytest.mark.parametrize(("name", "arguments", "limit"), LIMITS)
def test_limits(name: str, arguments: tuple[float, ...], limit: float) -> None:
    value = getattr(vectormath, name)(*arguments)
    if np.isnan(limit):
        assert np.isnan(value)
    else:
        assert abs(value - limit) <= EPS * abs(limit) if np.isfinite(limit) else value == limit


@pytest.mark.parametrize("name", [*EXACT, "exp_bivariate_normal_cdf"])
def test_nan_comes_out_wherever_it_goes_in(name: str) -> None:
    function = getattr(vectormath, name)
    arity = function.py_func.__code__.co_argcount
    for place in range(arity):
        arguments = [0.5] * arity
        arguments[place] = NAN
        assert np.isnan(function(*arguments)), f"argument {place}"


def bivariate_grid() -> tuple[Array, ...]:
    arguments = [-30.0, -8.0, -1.0, -1e-9, 0.0, 1e-200, 0.3, 4.0, 30.0]
    correlations = [-1.0, -1 + 1e-12, -0.999, -0.7, 0.0, 0.2, 1 - 1e-6, 1 - 2**-50, 1.0]
    generator = np.random.default_rng(7)
    h = generator.normal(size=COUNT) * generator.choice([0.01, 1, 5, 20], COUNT)
    k = np.where(generator.random(COUNT) < 0.3, h * (1 + 1e-3 * generator.normal(size=COUNT)), h[::-1])
    r = np.sin(generator.uniform(-np.pi / 2, np.pi / 2, COUNT))
    fixed = (np.array(column) for column in zip(*itertools.product(arguments, arguments, correlations), strict=True))
    return tuple(np.r_[one, other] for one, other in zip(fixed, (h, k, r), strict=True))


def test_phi2_holds_its_absolute_and_its_relative_bound() -> None:
    h, k, r = bivariate_grid()
    s = np.sqrt((1 - r) * (1 + r))
    values = evaluated(vectormath.exp_bivariate_normal_cdf, np.zeros_like(h), h, k, r, s)
    with mp.workdps(25):
        exact = [special_mpmath.bivariate_normal_cdf(*point) for point in zip(h, k, r, strict=True)]
        error = np.array([float(abs(mp.mpf(float(v)) - e)) for v, e in zip(values, exact, strict=True)])
    assert error.max() <= 4 * EPS
    truth = np.array([float(e) for e in exact])
    tail = (h <= 0) & (k <= 0) & (truth > 1e-290)
    square = h[tail] ** 2 + ((k[tail] - r[tail] * h[tail]) / np.where(s[tail] > 0, s[tail], INF)) ** 2
    assert (error[tail] <= (20 + 2 * square) * EPS * truth[tail]).all()


def test_phi2_vanishes_at_the_centre_with_full_negative_correlation() -> None:
    """s and the arguments are kept above 1e-30: the value is below (s + |h| + |k|)/(2 pi) instead of zero."""
    assert 0 <= vectormath.exp_bivariate_normal_cdf(0.0, 0.0, 0.0, -1.0, 0.0) <= 1e-30


def test_phi2_times_a_huge_exponential_keeps_its_digits() -> None:
    """ELU at variance q near rho = 1: exp(q (1 + rho)) Phi2(-sqrt(q) (1 + rho), the same; rho)."""
    q = np.array([1.0, 25.0, 400.0, 400.0, 4e4, 4e4, 400.0])
    complement = np.array([1e-1, 1e-6, 1e-12, 0.0, 1e-9, 1e-16, 1.5])
    r = 1 - complement
    s = np.sqrt(complement * (2 - complement))
    h = -np.sqrt(q) * (2 - complement)
    values = evaluated(vectormath.exp_bivariate_normal_cdf, q * (2 - complement), h, h, r, s)
    assert (values > 0).all()
    with mp.workdps(30):
        exact = [
            special_mpmath.exp_bivariate_normal_cdf(*map(mp.mpf, map(float, point)))
            for point in zip(q * (2 - complement), h, h, r, s, strict=True)
        ]
        relative = np.array([float(abs(v / e - 1)) for v, e in zip(values, exact, strict=True)])
    # the bound of the function with R^2 = 2 h^2/(1 + rho) = 2 a
    assert (relative <= (20 + 4 * q * (2 - complement)) * EPS).all()


@settings(deadline=None, max_examples=300)
@given(st.floats(-8, 8), st.floats(-8, 8), st.floats(-1, 1))
def test_the_two_halves_of_a_half_plane_add_up(h: float, k: float, r: float) -> None:
    """Phi2(h,k;r) + Phi2(h,-k;-r) = Phi(h)."""
    s = np.sqrt((1 - r) * (1 + r))
    phi2 = vectormath.exp_bivariate_normal_cdf
    assert abs(phi2(0.0, h, k, r, s) + phi2(0.0, h, -k, -r, s) - vectormath.normal_cdf(h)) <= 8 * EPS


@settings(deadline=None, max_examples=300)
@given(st.floats(-300, 300), st.floats(-300, 300))
def test_products_agree_with_their_factors(a: float, b: float) -> None:
    assert vectormath.cosh_exp(a, b) == vectormath.cosh_exp(a, -b)
    assert vectormath.sinh_exp(a, b) == -vectormath.sinh_exp(a, -b)
    total, difference = (vectormath.cosh_exp(a, b) + sign * vectormath.sinh_exp(a, b) for sign in (1, -1))
    larger = vectormath.cosh_exp(a, b)
    for value, exponent in ((total, b), (difference, -b)):
        expected = vectormath.exp_normal_cdf(a + exponent, 40.0)
        # a + exponent is rounded to an ulp of its size
        assert abs(value - expected) <= 4 * EPS * larger + abs(a + exponent) * EPS * expected


LIBM = re.compile(r"\$_?(a?(?:exp|log|sin|cos|tan|pow|erf|floor|ceil|rint|round|trunc|fma|hypot)\w*),")


@pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="reads x86 assembly")
@pytest.mark.parametrize("name", [*EXACT, "exp_bivariate_normal_cdf"])
def test_a_loop_becomes_vector_code_without_a_call(name: str) -> None:
    function = getattr(vectormath, name)
    arity = function.py_func.__code__.co_argcount
    loop = looped(function, arity)
    loop(*(np.full(64, 0.5) for _ in range(arity)), np.empty(64))
    (assembly,) = loop.inspect_asm().values()  # type: ignore[attr-defined]
    assert not LIBM.findall(assembly)
    packed = re.findall(r"\bv?(?:mul|fn?madd\d*)pd\s", assembly)
    # each polynomial has at least five steps, and the loop is unrolled at least once
    assert len(packed) >= 5
    (llvm,) = loop.inspect_llvm().values()  # type: ignore[attr-defined]
    assert re.search(r"fmul [^\n]*<\d+ x double>", llvm)
    assert not re.search(r"call [^\n]*@llvm\.(exp|log|sin|cos|pow)", llvm)


def test_the_copied_text_stands_alone_and_gives_the_same_bits() -> None:
    text = "import numba\nimport numpy as np\n\n"
    text += "\n\n".join(f"{vectormath.DECORATOR}\n{vectormath.source_of(name)}" for name in vectormath.SOURCES)
    space: dict[str, Callable[..., float]] = {}
    exec(compile(text, "<copied>", "exec"), space)
    for name in ("exp", "log", "cos", "atan2_half", "exp_normal_cdf", "exp_erfi"):
        columns = tuple(column[:200] for column in points(name))
        assert (evaluated(space[name], *columns) == evaluated(getattr(vectormath, name), *columns)).all(), name


def test_sources_list_callees_before_callers_and_nothing_else_is_used() -> None:
    seen: set[str] = set()
    for name, needs in vectormath.SOURCES.items():
        assert set(needs) <= seen
        seen.add(name)
        tree = ast.parse(vectormath.source_of(name)).body[0]
        assert isinstance(tree, ast.FunctionDef)
        assert not tree.decorator_list
        loaded = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        local = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        arguments = {argument.arg for argument in tree.args.args}
        assert loaded - local - arguments <= {*needs, "np", "abs", "float", "int"}
    assert set(EXACT) < seen


def test_python_itself_can_run_the_text() -> None:
    """Debugging a generated file without numba must be possible."""
    space: dict[str, Callable[..., float]] = {"np": np}  # type: ignore[dict-item]
    exec("\n\n".join(vectormath.source_of(name) for name in vectormath.SOURCES), space)
    assert abs(space["exp"](1.0) - np.e) <= 2 * EPS * np.e
    phi2 = space["exp_bivariate_normal_cdf"](0.0, -0.5, 0.25, 0.6, 0.8)
    assert abs(phi2 - vectormath.exp_bivariate_normal_cdf(0.0, -0.5, 0.25, 0.6, 0.8)) <= 2 * EPS


FITS = (*elementary.FITS, *gaussian.FITS, *dawson.FITS)
# a polynomial that is a part of another function
PLACES = {"sine": "circular", "cosine": "circular"}


def literals(name: str) -> list[float]:
    """Numbers in the text, in order, with their signs."""
    tree = ast.parse(vectormath.source_of(name))
    found: list[tuple[int, int, float]] = []
    negated: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and isinstance(node.right, ast.Constant):
            negated.add(id(node.right))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
            negated.add(id(node.operand))
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            value = -node.value if id(node) in negated else node.value
            found.append((node.lineno, node.col_offset, value))
    return [value for _, _, value in sorted(found)]


@pytest.mark.parametrize("fit", FITS, ids=lambda fit: fit.function)
def test_the_derivations_reproduce_the_coefficients(fit: Fit) -> None:
    wanted, present = fit.coefficients(), literals(PLACES.get(fit.function, fit.function))
    starts = [i for i, value in enumerate(present) if value == wanted[0]]
    assert any(present[i : i + len(wanted)] == wanted for i in starts)


@pytest.mark.parametrize("fit", FITS, ids=lambda fit: fit.function)
def test_a_polynomial_costs_less_than_one_ulp(fit: Fit) -> None:
    assert 0 < fit.error() < EPS


def test_the_quadrature_nodes_are_reproduced() -> None:
    wanted = [number for pair in gaussian.gauss_legendre(gaussian.NODES) for number in pair]
    present = literals("wedge_integral")
    assert [value for value in present if value not in (0.0, 0.5, 2.0)] == wanted
