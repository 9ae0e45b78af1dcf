"""Every text that `to_code` writes is run, in every language, and compared with mpmath."""

import ast
import ctypes
import shutil
import subprocess
import sys
from fractions import Fraction
from functools import cache
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.activation.catalogue import catalogue
from ntksym.dual.derivation import cross_dual, derive
from ntksym.errors import InvalidInput, ToleranceNotMet
from ntksym.special.symbolic import NUMPY
from ntksym.symbols import c, det, q1, q2
from ntksym.typeset.code import to_code
from tests.typeset.standins import standing_in

EPS = np.finfo(np.float64).eps
PYTHON = ("numpy", "jax", "torch")

FORMULAS = [name for name, entry in catalogue.items() if {"closed", "integral"} & entry.tags]
CLOSED = [name for name in FORMULAS if not derive(name).accurate_range.is_empty]
QUICK = ("relu", "leaky_relu", "gelu", "erf", "sin", "gaussian", "step", "elu", "cos(x) + max(x, 0)")

PLACES = {
    "middling": (1.0, 1.0, 0.5),
    "negative": (0.64, 2.25, -0.72),
    "unequal": (0.0001, 25.0, 0.015),
    "independent": (1.0, 4.0, 0.0),
    "large": (400.0, 361.0, 300.0),
    "rho = 1 - 1e-6": (1.0, 2.25, 1.5 * (1 - 1e-6)),
    "rho = -1 + 1e-9": (1.0, 2.25, -1.5 * (1 - 1e-9)),
    "rho = 1 - 1e-13": (1.0, 1.0, 1 - 1e-13),
    "rho = 1, equal": (4.0, 4.0, 4.0),
    "rho = 1, unequal": (1.0, 4.0, 2.0),
    "rho = -1": (4.0, 4.0, -4.0),
}


@cache
def executed(name: str, language: str) -> dict[str, object]:
    scope: dict[str, object] = {}
    with standing_in(language):
        exec(to_code(derive(name), language), scope)
    return scope


@cache
def exact(name: str, place: str) -> tuple[mpmath.mpf, mpmath.mpf]:
    return tuple(derive(name).evaluate(*map(mpmath.mpf, PLACES[place]), dps=25))


@cache
def tolerances(name: str, place: str) -> tuple[float, float]:
    """Rounding of the terms: eps times their sum of sizes, times what exp makes of the rounding of its argument."""
    dual, point = derive(name), PLACES[place]
    determinant = max(point[0] * point[1] - point[2] ** 2, 8 * EPS * point[0] * point[1])
    values = dual.activation.values
    result = []
    for expression in (dual.numeric.value, dual.numeric.slope):
        terms = [sp.Abs(term) for term in sp.Add.make_args(expression)]
        exponents = [sp.Abs(node.args[0]) for node in expression.atoms(sp.exp)]
        exponents += [sp.Abs(f.args[0]) for f in expression.atoms(sp.Function) if type(f).__name__.startswith("Exp")]
        compiled = sp.lambdify([q1, q2, c, det, *values], (terms, exponents), modules=[NUMPY, "numpy"])
        with np.errstate(all="ignore"):
            sizes, powers = compiled(*point, determinant, *map(float, values.values()))
        sizes = np.array([size for size in map(float, sizes) if np.isfinite(size) and size > 0])
        magnified = 16 + 2 * np.abs(np.log(sizes)).max(initial=0) + max(map(float, powers), default=0.0)
        result.append(EPS * sizes.sum() * magnified)
    return tuple(result)


def assert_agrees(name: str, place: str, found: tuple[float, float], precision: float = 1.0) -> None:
    for value, wanted, tolerance in zip(found, exact(name, place), tolerances(name, place), strict=True):
        if mpmath.isinf(wanted):
            assert value == np.inf
        else:
            assert abs(value - float(wanted)) <= tolerance * precision


@pytest.mark.parametrize("language", PYTHON)
@pytest.mark.parametrize("name", QUICK)
def test_python_text_agrees_with_mpmath(name, language):
    scope = executed(name, language)
    for place, (first, second, cov) in PLACES.items():
        arguments = [np.asarray(item) for item in (cov, first, second)]
        found = scope["dual"](*arguments), scope["dual_slope"](*arguments)
        assert_agrees(name, place, tuple(float(item) for item in found))


@pytest.mark.slow
@pytest.mark.parametrize("language", PYTHON)
@pytest.mark.parametrize("name", CLOSED)
def test_python_text_of_the_whole_catalogue_agrees_with_mpmath(name, language):
    test_python_text_agrees_with_mpmath(name, language)


class Library:
    """A text in C, compiled without a warning and loaded."""

    def __init__(self, name: str, folder: Path) -> None:
        compiler = shutil.which("gcc") or shutil.which("cc")
        if compiler is None:
            pytest.skip("no C compiler")
        source, library = folder / "dual.c", folder / "dual.so"
        source.write_text(to_code(derive(name), "c"), encoding="utf-8")
        flags = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
        done = subprocess.run(
            [compiler, *flags, "-o", library, source, "-lm"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        self.parameters = [float(value) for value in derive(name).activation.values.values()]
        self.loaded = ctypes.CDLL(str(library))
        for function in (self.loaded.dual, self.loaded.dual_slope):
            function.restype = ctypes.c_double
            function.argtypes = [ctypes.c_double] * (3 + len(self.parameters))

    def __call__(self, first: float, second: float, cov: float) -> tuple[float, float]:
        arguments = (cov, first, second, *self.parameters)
        return self.loaded.dual(*arguments), self.loaded.dual_slope(*arguments)


@pytest.mark.parametrize("name", QUICK)
def test_c_text_compiles_without_a_warning_and_agrees_with_mpmath(name, tmp_path):
    library = Library(name, tmp_path)
    for place, point in PLACES.items():
        assert_agrees(name, place, library(*point))


@pytest.mark.slow
@pytest.mark.parametrize("name", CLOSED)
def test_c_text_of_the_whole_catalogue_agrees_with_mpmath(name, tmp_path):
    test_c_text_compiles_without_a_warning_and_agrees_with_mpmath(name, tmp_path)


RELU_GAPS = np.array([1e-4, 1e-7, 1e-10, 1e-13])


@pytest.mark.parametrize("language", PYTHON)
def test_relu_keeps_its_digits_near_parallel_and_antiparallel(language):
    scope = executed("relu", language)
    for sign in (1, -1):
        for gap in RELU_GAPS:
            rho = np.asarray(sign * (1 - gap))
            with mpmath.workdps(30):
                theta = mpmath.acos(mpmath.mpf(float(rho)))
                value = (mpmath.sin(theta) + (mpmath.pi - theta) * mpmath.cos(theta)) / (2 * mpmath.pi)
                slope = (mpmath.pi - theta) / (2 * mpmath.pi)
            assert abs(float(scope["dual"](rho, np.ones(()), np.ones(()))) - value) <= 2 * EPS
            assert abs(float(scope["dual_slope"](rho, np.ones(()), np.ones(()))) - slope) <= 2 * EPS


def test_relu_in_c_keeps_its_digits_near_parallel(tmp_path):
    library = Library("relu", tmp_path)
    for gap in RELU_GAPS:
        with mpmath.workdps(30):
            slope = 1 - mpmath.acos(mpmath.mpf(1 - gap)) / mpmath.pi
        assert abs(library(1.0, 1.0, 1 - gap)[1] - slope / 2) <= 2 * EPS


@pytest.mark.parametrize("language", PYTHON)
@pytest.mark.parametrize("name", ["relu", "elu", "hardtanh"])
def test_arrays_broadcast_to_a_gram_matrix(name, language):
    rng = np.random.default_rng(1)
    points = rng.normal(size=(6, 3))
    gram = points @ points.T
    variances = gram.diagonal()
    dual = derive(name)
    found = executed(name, language)["dual"](gram, variances[:, None], variances[None, :])
    value = dual.evaluate(variances[:, None], variances[None, :], gram).value
    assert found.shape == (6, 6)
    assert np.abs(found - value).max() <= 64 * EPS * gram.max()


def test_python_numbers_and_lists_are_accepted_by_numpy_text():
    scope = executed("relu", "numpy")
    assert scope["dual"](0, 1, 1) == pytest.approx(1 / (2 * np.pi), rel=4 * EPS)
    assert scope["dual"]([0, 1], 1, [1, 1]).shape == (2,)


@pytest.mark.parametrize("language", ["jax", "torch"])
@pytest.mark.parametrize("name", ["relu", "gelu", "elu", "hardtanh", "step"])
def test_single_precision_stays_single_and_keeps_its_digits(name, language):
    scope = executed(name, language)
    ratio = float(np.finfo(np.float32).eps / EPS)
    for place in ("middling", "negative", "independent", "rho = 1, equal", "rho = -1"):
        first, second, cov = (np.asarray(item, dtype=np.float32) for item in PLACES[place])
        value, slope = scope["dual"](cov, first, second), scope["dual_slope"](cov, first, second)
        assert value.dtype == slope.dtype == np.float32
        assert_agrees(name, place, (float(value), float(slope)), precision=4 * ratio)


@pytest.mark.parametrize("language", PYTHON)
def test_a_variance_of_zero_gives_the_value_at_zero(language):
    # E[s(0) s(V)] with s(0) = 1/2
    scope = executed("normal_cdf", language)
    zero, one = np.zeros(()), np.ones(())
    assert float(scope["dual"](zero, zero, one)) == pytest.approx(0.25, rel=4 * EPS)
    assert float(scope["dual"](zero, zero, zero)) == pytest.approx(0.25, rel=4 * EPS)


@pytest.mark.parametrize("language", PYTHON)
def test_not_a_number_stays_not_a_number(language):
    scope = executed("hardtanh", language)
    nan, one = np.asarray(np.nan), np.ones(())
    for arguments in ((nan, one, one), (one / 2, nan, one), (one / 2, one, nan)):
        assert np.isnan(scope["dual"](*arguments))


@pytest.mark.parametrize("language", PYTHON)
def test_parameters_are_keyword_arguments(language):
    other = derive(Activation("leaky_relu", negative_slope=Fraction(3, 10)))
    arguments = [np.asarray(item) for item in (0.5, 1.0, 2.0)]
    found = executed("leaky_relu", language)["dual"](*arguments, negative_slope=0.3)
    assert float(found) == pytest.approx(other.evaluate(1.0, 2.0, 0.5).value, rel=8 * EPS)


def test_slope_of_a_cross_dual():
    scope: dict[str, object] = {}
    dual = cross_dual("relu", "sin")
    exec(to_code(dual, "numpy"), scope)
    assert scope["dual"](0.5, 1.0, 2.0) == pytest.approx(0.25 * np.exp(-1), rel=4 * EPS)
    assert scope["dual_slope"](0.5, 1.0, 2.0) == pytest.approx(0.5 * np.exp(-1), rel=4 * EPS)
    assert "E[f(U) g(V)]" in scope["__doc__"]


@pytest.mark.parametrize("language", PYTHON)
@pytest.mark.parametrize("name", ["relu", "selu", "hardtanh", "cos(x) + max(x, 0)"])
def test_python_text_stands_alone_and_carries_nothing_unused(name, language):
    text = to_code(derive(name), language)
    tree = ast.parse(text)
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert defined - {"dual", "dual_slope"} <= called
    assert "ntksym" not in {name.split(".")[0] for node in ast.walk(tree) for name in imported(node)}
    linted = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E4,E7,E9,F,I,W", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 0, linted.stdout


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


@pytest.mark.parametrize("name", ["relu", "erf", "sin", "gaussian", "step", "cube"])
def test_short_text_is_formatted_as_ruff_would(name):
    text = to_code(derive(name), "numpy")
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "110", "-"]
    assert subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout == text


def test_the_header_says_what_it_is_from_what_and_how_well():
    text = to_code(derive(Activation("leaky_relu", negative_slope=0.2)), "c")
    assert "max(x, 0) + negative_slope*min(x, 0)" in text
    assert "E[s(U) s(V)]" in text
    assert "sqrt(q1*q2 - c**2)" in text
    assert "negative_slope > 0" in text
    assert "Accuracy" in text
    assert "negative_slope = 0.2" in text


def test_names_that_a_language_uses_otherwise_are_changed():
    dual = derive(Activation("max(x, 0) + gamma*x", gamma=2))
    assert "double gamma_" in to_code(dual, "c")
    assert ", *, gamma=2" in to_code(dual, "numpy")
    dual = derive(Activation("max(x, 0) + t0*x", t0=2))
    assert "t0_=2" in to_code(dual, "numpy")


def test_an_unknown_language_is_answered_with_the_known_ones():
    with pytest.raises(InvalidInput, match="numpy, jax, torch, c"):
        to_code(derive("relu"), "fortran")


def test_a_formula_that_loses_its_digits_in_float64_is_not_printed():
    with pytest.raises(ToleranceNotMet, match="evaluate"):
        to_code(derive("sinc"), "numpy")
