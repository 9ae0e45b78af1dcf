"""Every cell of the table of functions is filled or says why it is empty; filled ones are kept, and right."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

from ntksym.activation.growth import _FUNCTION_RULES, growth_of
from ntksym.formula.arithmetic import FLOAT64, MULTIPRECISION
from ntksym.formula.functions import FUNCTIONS, Function, Unknown
from ntksym.formula.tape import CERTIFIED
from ntksym.formula.vocabulary import HEADS, lookup
from ntksym.hermite.analyticity import GAUSSIAN
from ntksym.symbolic.field import Field
from ntksym.symbolic.reading import Reader
from ntksym.symbols import x
from ntksym.theory.powers.taylor import _RULES, taylor

PLACES = {"acosh": (1.2, 2.5, 7.0), "log": (0.3, 1.7, 9.0), "log1p": (-0.4, 1.7, 9.0)}
"""Where the functions are real; others are at the places below."""

ELSEWHERE = (-0.8, -0.3, 0.25, 0.9)

PUBLIC = [name for name, entry in FUNCTIONS.items() if not isinstance(entry.head, Unknown)]
SMOOTH = [name for name in PUBLIC if FUNCTIONS[name].certified is True]


def cells() -> Iterator[tuple[str, str, Any]]:
    for name, entry in FUNCTIONS.items():
        for column in fields(Function):
            yield name, column.name, getattr(entry, column.name)


def places(name: str) -> tuple[float, ...]:
    return PLACES.get(name, ELSEWHERE)


def test_every_empty_cell_has_a_reason() -> None:
    for name, column, cell in cells():
        if isinstance(cell, Unknown):
            assert len(cell.reason.split()) > 3, (name, column)


def test_every_record_bears_the_name_of_its_class_and_text_finds_it() -> None:
    for name in PUBLIC:
        entry = FUNCTIONS[name]
        assert entry.head.__name__ == name
        assert name in HEADS
        for spelling in (name.lower(), *entry.spellings):
            assert lookup(spelling) is not None, spelling


def test_arithmetics_have_what_the_table_promises() -> None:
    for name, entry in FUNCTIONS.items():
        assert (name in FLOAT64.functions) == (not isinstance(entry.float64, Unknown)), name
        assert (name in MULTIPRECISION.functions) == (not isinstance(entry.multiprecision, Unknown)), name


@pytest.mark.parametrize(
    "name", [name for name in FUNCTIONS if name not in ("Heaviside", "Max", "Min", "rise", "sech")]
)
def test_both_arithmetics_compute_the_same_function(name: str) -> None:
    entry = FUNCTIONS[name]
    points = np.array(places(name))
    exact = [float(entry.multiprecision(mpmath.mpf(point))) for point in points]
    assert np.allclose(entry.float64(points), exact, rtol=1e-14, atol=0)
    if name in PUBLIC:
        assert np.allclose([float(entry.head(sp.Rational(str(point)))) for point in points], exact, rtol=1e-14, atol=0)


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in ("Max", "Min", "rise", "sech")])
def test_functions_are_real_on_their_domain_and_nowhere_else(name: str) -> None:
    entry = FUNCTIONS[name]
    arguments = (0.5,) if name == "Heaviside" else ()
    for point in (-2.75, -1.0, -0.75, 0.25, 0.75, 1.0, 2.75):
        real = not mpmath.isnan(entry.multiprecision(mpmath.mpf(point), *arguments))
        assert real == (entry.domain[0] <= point <= entry.domain[1]), point


def test_growth_and_signs_are_kinds_that_their_rooms_know() -> None:
    kinds = {entry.growth for entry in FUNCTIONS.values() if not isinstance(entry.growth, Unknown)}
    assert kinds == set(_FUNCTION_RULES)


@pytest.mark.parametrize("name", SMOOTH)
def test_signs_are_right(name: str) -> None:
    entry = FUNCTIONS[name]
    values = entry.float64(np.array(places(name)))
    wanted = {"positive": np.ones_like, "of u": np.sign, "of u - 1": lambda u: np.sign(u - 1)}
    if entry.sign in wanted:
        assert np.array_equal(np.sign(values), wanted[entry.sign](np.array(places(name))))
    else:
        assert entry.sign == "wave" or isinstance(entry.sign, Unknown)


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("end", [-1, 0, 1, sp.pi / 2])
def test_branches_are_where_the_function_or_its_slope_is_not_finite(name: str, end: sp.Expr) -> None:
    entry, inside = FUNCTIONS[name], -1 if name not in ("acosh", "log") and end == 1 else 1
    with mpmath.workdps(60):
        near, far = (mpmath.mpmathify(sp.N(end, 50)) + inside * mpmath.mpf(10) ** -k for k in (40, 20))
        if not all(mpmath.isfinite(entry.multiprecision(point)) for point in (near, far)):
            return  # beyond the real domain
        steep = [abs(mpmath.diff(entry.multiprecision, point, h=mpmath.mpf(10) ** -50)) for point in (near, far)]
        singular = bool(steep[0] > 100 * steep[1])
    assert singular == (entry.branch is not None and sp.simplify(entry.branch(sp.sympify(end))) == 0)


@pytest.mark.parametrize("name", [name for name in SMOOTH if not isinstance(FUNCTIONS[name].taylor, Unknown)])
def test_power_series_agree_with_those_of_mpmath(name: str) -> None:
    entry = FUNCTIONS[name]
    assert (entry.taylor == "rule") == (entry.head in _RULES)
    place = sp.Rational(places(name)[1]).limit_denominator(10)
    t = sp.Symbol("t")
    found = taylor(entry.head(t / 2 + t**2 / 3), t, sp.Integer(2) if name == "acosh" else place, 6)
    with mpmath.workdps(40):
        middle = mpmath.mpf(2) if name == "acosh" else mpmath.mpf(place.p) / place.q
        wanted = mpmath.taylor(lambda u: entry.multiprecision(u / 2 + u**2 / 3), middle, 5)
        for ours, theirs in zip(found, wanted, strict=True):
            assert abs(mpmath.mpmathify(sp.N(ours, 40)) - theirs) < 1e-20


@pytest.mark.parametrize("name", [name for name in SMOOTH if not isinstance(FUNCTIONS[name].singular, Unknown)])
def test_singularities_in_the_plane_are_where_the_derivative_is_not_finite(name: str) -> None:
    entry = FUNCTIONS[name]
    if entry.singular is None:
        assert name in {"exp", "sin", "cos", "sinh", "cosh", "sinc", *GAUSSIAN}
        return
    u = sp.Symbol("u")
    (root, *_) = sp.solve(entry.singular(u), u)
    centre = complex(root)
    steps = (
        [abs(complex(mpmath.diff(getattr(mpmath, name), centre * (1 - 10.0**-k)))) for k in (2, 4)]
        if centre
        else [abs(complex(mpmath.diff(getattr(mpmath, name), 10.0**-k))) for k in (2, 4)]
    )
    assert steps[1] > 5 * steps[0]


@pytest.mark.parametrize("name", SMOOTH)
def test_the_class_of_closed_forms_holds_what_the_table_says(name: str) -> None:
    readable = FUNCTIONS[name].head in Reader(Field([sp.I, sp.pi]))._functions()
    assert readable == FUNCTIONS[name].normal_form


def test_the_rooms_of_certificates_have_a_rule_for_every_function_of_a_tape() -> None:
    balls = pytest.importorskip("ntksym.hermite.certified.balls", exc_type=ImportError)
    majorant = pytest.importorskip("ntksym.hermite.certified.majorant", exc_type=ImportError)
    assert set(balls.VALUES) == set(balls.DERIVATIVES) == CERTIFIED
    assert set(majorant.BOUNDED) | set(majorant._RULES) == CERTIFIED


@pytest.mark.parametrize(
    ("text", "order"),
    [
        (sp.tan(sp.exp(-(x**2))), (0, 0, -1)),
        (sp.atanh(x * sp.exp(-(x**2)) / 2), (1, 0, -1)),
        (sp.tan(sp.tanh(x)), None),  # bounded, but a pole is not excluded by the order of the argument
    ],
)
def test_functions_with_poles_grow_like_a_decaying_argument(text: sp.Expr, order: tuple[int, ...] | None) -> None:
    found = growth_of(text, None, {})
    assert (None if found is None else (found.degree, found.exponential, found.gaussian)) == order
