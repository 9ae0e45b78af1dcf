"""What norms alone do between rows: against the closed forms at 45 digits."""

import mpmath
import numpy as np
import pytest

from ntksym.activation.activation import Activation
from ntksym.dual.derivation import derive
from ntksym.hermite.radial import WIDEST, radial_differences, radial_gap

CLOSE = 2e-12
"""Relative error; where a quantity nearly vanishes, as the kinks of hard tanh at small variances, ten times that."""


@pytest.mark.parametrize(
    "name", ["gelu", *(pytest.param(name, marks=pytest.mark.slow) for name in ("selu", "hard_tanh"))]
)
def test_differences_agree_with_the_closed_form(name: str) -> None:
    activation = Activation(name)
    dual = derive(activation, method="closed")
    first = np.array([1.0, 1.003, 0.7, 2.3, 0.9, 1.0])
    second = first * (1 - np.array([1e-9, 1e-3, 1e-2, 1e-7, -1e-5, 0.06]))
    found = radial_differences(activation, first, second, first - second)
    np.testing.assert_array_equal(radial_gap(activation, first, second), found[0])
    for k, radii in enumerate(zip(first, second, strict=True)):
        with mpmath.workdps(60):
            q1, q2 = (mpmath.mpf(radius) ** 2 for radius in radii)
            (v1, d1), (v2, d2) = (dual.evaluate(q, q, q, dps=45) for q in (q1, q2))
            value, slope = dual.evaluate(q1, q2, mpmath.sqrt(q1 * q2), dps=45)
            exact = mpmath.sqrt(v1 * v2) - value, mpmath.sqrt(v1) - mpmath.sqrt(v2), d1 + d2 - 2 * slope, d1 - d2
        for number, quantity in zip(exact, found[:, k], strict=True):
            assert abs(quantity / number - 1) <= CLOSE


def test_equal_radii_make_no_difference() -> None:
    radii = np.array([0.5, 1.0, 3.0])
    np.testing.assert_array_equal(radial_differences(Activation("selu"), radii, radii, 0 * radii), 0.0)


def test_the_order_of_the_radii_turns_signs_alone() -> None:
    first = np.array([1.0, 2.0])
    second = first * (1 + WIDEST / 3)
    there = radial_differences(Activation("gelu"), first, second, first - second)
    back = radial_differences(Activation("gelu"), second, first, second - first)
    np.testing.assert_array_equal(there, back * np.array([[1.0], [-1.0], [1.0], [-1.0]]))
