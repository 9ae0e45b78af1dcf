"""The angle of a pair in place of an arc tangent: the same function, and relative accuracy where it vanishes."""

import numpy as np
import pytest
import sympy as sp

from ntksym.kernel import build
from ntksym.lowering.angles import ANGLES, in_angles, latitude, opposite, sine
from ntksym.network.layers import fully_connected
from ntksym.symbols import c, det, q1, q2

ARC = sp.atan2(c, sp.sqrt(det), evaluate=False)

FORMULAS = {
    "relu": c / 4 + sp.sqrt(det) / (2 * sp.pi) + c * ARC / (2 * sp.pi),
    "relu, factored": (sp.sqrt(det) + c * (ARC + sp.pi / 2)) / (2 * sp.pi),
    "cubic": 3 * c * (2 * c**2 + 3 * q1 * q2) * (ARC / (2 * sp.pi) + sp.Rational(1, 4)) + sp.sqrt(det) ** 3,
    "sign": 2 * ARC / sp.pi,
    "squared": ARC**2 + sp.sqrt(det),
    "below": c * ARC + sp.exp(-q1 / det) / sp.sqrt(det) + sp.sqrt(det),
    "no arc": sp.sqrt(det) * sp.exp(-c),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_the_meaning_stays(name: str) -> None:
    formula = FORMULAS[name]
    place = {q1: sp.Rational(7, 10), q2: sp.Rational(23, 10), c: sp.Rational(-3, 5)}
    p = sp.sqrt(place[q1] * place[q2])
    angle = sp.acos(place[c] / p)
    angles = {opposite: sp.pi - angle, latitude: sp.pi / 2 - angle, sine: sp.sin(angle)}
    whole = place | {det: place[q1] * place[q2] - place[c] ** 2}
    assert abs(sp.N((in_angles(formula) - formula).subs(angles).subs(whole), 30)) < 1e-28


@pytest.mark.parametrize("name", ["relu", "relu, factored", "cubic"])
def test_what_vanishes_at_the_antipode_is_written_in_the_angle_to_it(name: str) -> None:
    assert in_angles(FORMULAS[name]).has(opposite)
    assert not in_angles(FORMULAS[name]).has(latitude)


def test_what_is_divided_by_keeps_its_floor() -> None:
    found = in_angles(FORMULAS["below"])
    assert found.has(det**-1, 1 / sp.sqrt(det))
    assert not found.has(1 / sine)


def test_what_holds_no_arc_is_left_alone() -> None:
    assert in_angles(FORMULAS["no arc"]) == FORMULAS["no arc"]
    assert not in_angles(FORMULAS["no arc"]).has(*ANGLES)


@pytest.mark.parametrize("angle", [1e-1, 1e-3, 1e-5])
def test_the_slope_of_relu_keeps_its_digits_near_the_antipode(angle: float) -> None:
    x = np.array([[1.0, 0.0], [-np.cos(angle), np.sin(angle)]])
    found = build(fully_connected("relu", 1))(x, get=("nngp", "ntk"))
    slope = (found.ntk[0, 1] - found.nngp[0, 1]) / (-np.cos(angle) / 2)
    assert slope == pytest.approx(angle / (2 * np.pi), rel=1e-9)  # the sine of the data has eps/angle of rounding
