"""Zeros of the functions at which a formula may be singular, or breaks."""

import mpmath
import numpy as np
import pytest
import sympy as sp

from ntksym.activation.singular_points import (
    breaking_functions,
    refined,
    singular_functions,
    survey_points,
    zeros_at,
)
from ntksym.symbols import x


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (sp.sin(x), [k * np.pi for k in range(-20, 21)]),
        (1 - sp.sin(x), [np.pi / 2 + 2 * k * np.pi for k in range(-10, 10)]),
        (sp.sin(x) ** 2, [k * np.pi for k in range(-20, 21)]),
        (sp.exp(x) - 2, [np.log(2)]),
        (1 - sp.tanh(x), []),
        (sp.cosh(x) - 1, [0.0]),
        (sp.cosh(x) - sp.Rational(999, 1000), []),
    ],
)
def test_zeros_are_found_where_the_function_crosses_or_touches_zero(function: sp.Expr, expected: list[float]) -> None:
    found = [place for place in zeros_at(function, survey_points()) if abs(place) < 64]
    assert found == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("function", [sp.sin(x), sp.sin(x) ** 2, (1 + sp.cos(x)) * sp.exp(x)])
def test_a_zero_of_any_multiplicity_is_refined(function: sp.Expr) -> None:
    found = refined(function, np.pi, 1000)
    with mpmath.workprec(1000):
        assert abs(found - mpmath.pi) < mpmath.ldexp(1, -990)


def test_what_is_no_zero_is_not_refined() -> None:
    assert refined(sp.cosh(x), 0.0, 200) is None


def test_functions_are_read_off_the_formula() -> None:
    assert singular_functions(1 / (x - 1) + sp.log(sp.Abs(sp.sin(x)))) == (x - 1, sp.sin(x))
    assert set(singular_functions(sp.asin(sp.tanh(x)))) == {1 - sp.tanh(x), 1 + sp.tanh(x)}
    assert singular_functions(x**3 + sp.exp(x) + sp.Abs(x)) == ()
    assert set(breaking_functions(sp.Max(x, 1) + sp.Abs(sp.sin(x)))) == {1 - x, sp.sin(x)} or set(
        breaking_functions(sp.Max(x, 1) + sp.Abs(sp.sin(x)))
    ) == {x - 1, sp.sin(x)}
