"""Elementary and Gaussian functions of generated code: limits, vector code, copied text."""

import ast
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntksym.special.vector import dawson, elementary, normal_cdf, vectormath
from tests.lowering.accuracy import EPS, Function, evaluated, looped
from tests.lowering.assembly import Loop, inner_loops

INF, NAN = float("inf"), float("nan")
FUNCTIONS: dict[str, Function] = {
    name: next(getattr(module, name) for module in (elementary, normal_cdf, dawson) if hasattr(module, name))
    for name in vectormath.SOURCES
    if name != "circular"
}
"""All of them; `circular`, which takes a number of quarters, is what `sin` and `cos` are."""


OF_PAIRS = {"angle", "angle_to_opposite", "latitude_of_angle", "sine_of_angle"}
"""Functions of low and high, which are NaN together."""

PUBLIC = FUNCTIONS.keys() & set(vectormath.__all__) - OF_PAIRS


def arity(function: Function) -> int:
    count: int = function.py_func.__code__.co_argcount  # type: ignore[attr-defined]
    return count


def test_float32_arguments_are_widened() -> None:
    x = np.linspace(-3, 3, 50, dtype=np.float32)
    widened = [vectormath.normal_cdf(number) for number in x]
    assert (widened == evaluated(vectormath.normal_cdf, x.astype(np.float64))).all()


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


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_nan_comes_out_wherever_it_goes_in(name: str) -> None:
    function = FUNCTIONS[name]
    for place in range(arity(function)):
        arguments = [0.5] * arity(function)
        arguments[place] = NAN
        assert np.isnan(function(*arguments)), f"argument {place}"


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


@pytest.mark.parametrize("name", sorted(OF_PAIRS))
def test_the_angle_of_no_number_is_none(name: str) -> None:
    function = FUNCTIONS[name]
    assert np.isnan([function(NAN, NAN, 0.5), function(0.5, 1.0, NAN)]).all()


def compiled_loops(name: str) -> tuple[str, list[Loop]]:
    """Assembly of a loop over the function, and its innermost loops."""
    function = FUNCTIONS[name]
    loop = looped(function)
    loop(*(np.full(64, 0.5) for _ in range(arity(function))), np.empty(64))
    (assembly,) = loop.inspect_asm().values()  # type: ignore[attr-defined]
    return assembly, inner_loops(assembly)


LIBM = re.compile(r"\$_?(a?(?:exp|log|sin|cos|tan|pow|erf|floor|ceil|rint|round|trunc|fma|hypot)\w*),")
SPILLING = {"wedge_integral", "exp_bivariate_normal_cdf"}
"""Twelve nodes at once: with 32 registers, 13 and 41 of 700 and 1200 instructions write to the stack."""
x86 = pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="reads x86 assembly")


@x86
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_loop_becomes_vector_code_without_a_call(name: str) -> None:
    assembly, loops = compiled_loops(name)
    assert not LIBM.findall(assembly)
    assert loops
    assert not [call for loop in loops for call in loop.calls]
    if "%zmm" in assembly and name not in SPILLING:
        assert not [store for loop in loops for store in loop.spills]
    (llvm,) = looped(FUNCTIONS[name]).inspect_llvm().values()  # type: ignore[attr-defined]
    assert re.search(r"fmul [^\n]*<\d+ x double>", llvm)
    assert not re.search(r"call [^\n]*@llvm\.(exp|log|sin|cos|pow)", llvm)


AVX2 = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma,+bmi,+bmi2,+sse4.2,+f16c,+lzcnt,+popcnt"}


@x86
@pytest.mark.slow
def test_with_avx2_too_every_loop_is_vector_code_without_a_call() -> None:
    """sinh_exp and its like run out of 16 registers: up to 6 vectors go to the stack, 20 and 51 in the wedges."""
    lines = subprocess.run(
        [sys.executable, "-c", "from tests.special.vector.test_vectormath import survey; survey()"],
        env=os.environ | AVX2,
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert len(lines) == len(FUNCTIONS)
    for line in lines:
        name, wide, loops, calls, spills = line.split()
        assert (wide, calls) == ("ymm", "0"), line
        assert int(loops) > 0, line
        assert int(spills) <= (60 if name in SPILLING else 8), line


def survey() -> None:
    """Print of every function: its name, the width of its vectors, inner loops, calls and spills."""
    for name in FUNCTIONS:
        assembly, loops = compiled_loops(name)
        width = next(width for width in ("zmm", "ymm", "xmm") if f"%{width}" in assembly)
        print(
            name,
            width,
            len(loops),
            *(sum(map(len, found)) for found in ([loop.calls for loop in loops], [loop.spills for loop in loops])),
        )


def test_the_copied_text_stands_alone_and_gives_the_same_bits() -> None:
    text = "import numba\nimport numpy as np\n\n"
    text += "\n\n".join(f"{vectormath.DECORATOR}\n{vectormath.source_of(name)}" for name in vectormath.SOURCES)
    space: dict[str, Function] = {}
    exec(compile(text, "<copied>", "exec"), space)
    generator = np.random.default_rng(0)
    for name in ("exp", "expm1", "cos", "sinh_exp", "exp_normal_cdf", "exp_erfi"):
        columns = tuple(generator.uniform(-3, 3, (arity(FUNCTIONS[name]), 200)))
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
    assert set(vectormath.__all__) - seen == {"DECORATOR", "FLAGS", "SOURCES", "source_of"}


def test_python_itself_can_run_the_text() -> None:
    """Debugging a generated file without numba must be possible."""
    space: dict[str, Function] = {"np": np}  # type: ignore[dict-item]
    exec("\n\n".join(vectormath.source_of(name) for name in vectormath.SOURCES), space)
    assert abs(space["exp"](1.0) - np.e) <= 2 * EPS * np.e
    phi2 = space["exp_bivariate_normal_cdf"](0.0, -0.5, 0.25, 0.6, 0.8)
    assert abs(phi2 - vectormath.exp_bivariate_normal_cdf(0.0, -0.5, 0.25, 0.6, 0.8)) <= 2 * EPS
