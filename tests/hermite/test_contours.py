"""Hermite coefficients by shifted contours: against integrals in many digits, where they are tiny."""

import math

import mpmath
import numpy as np
import pytest

from ntksym import Activation
from ntksym.hermite.contours import far_coefficients, second_kind
from ntksym.hermite.digits import hermite_squares, present_among
from ntksym.theory.powers.parity_parts import parts_of

ACCURACY = 1e-11


def integral(formula: str, q: float, k: int, digits: int) -> mpmath.mpf:
    """a_k(q) by the trapezoidal rule on the line, in so many digits, with He_k by its recurrence at every node."""
    function = Activation(formula).to_mpmath()
    with mpmath.workdps(digits):
        step, root = mpmath.mpf(1) / 12, mpmath.sqrt(mpmath.mpf(q))
        total = mpmath.mpf(0)
        for j in range(-12 * 18, 12 * 18):
            z = step * (j + mpmath.mpf(1) / 3)
            before, now = mpmath.mpf(0), mpmath.mpf(1)
            for n in range(k):
                before, now = now, (z * now - mpmath.sqrt(n) * before) / mpmath.sqrt(n + 1)
            total += function(root * z) * now * mpmath.exp(-z * z / 2)
        return total * step / mpmath.sqrt(2 * mpmath.pi)


@pytest.mark.parametrize(
    ("formula", "q", "degrees"),
    [
        ("tanh(x)", 0.5, (83, 151)),
        ("log(1+exp(x))", 0.5, (100, 150)),
        ("1/(1+(x-1)**2)", 1.0, (97, 140)),
        ("atan(x)", 1.0, (83, 161)),
    ],
)
def test_tiny_coefficients_are_those_of_integrals_in_many_digits(
    formula: str, q: float, degrees: tuple[int, ...]
) -> None:
    activation = Activation(formula)
    found, errors = far_coefficients(
        activation, mpmath.mpf(q), 80, present_among(170, parts_of(activation).degrees), ACCURACY
    )
    assert len(found) == 90
    for k in degrees:
        exact = integral(formula, q, k, 50)
        assert abs(exact) < 1e-3
        assert abs(found[k - 80] - exact) <= errors[k - 80]
        assert errors[k - 80] <= ACCURACY * max(abs(found[k - 80 + beside]) for beside in (-2, 0, 2))


def test_functions_of_the_second_kind_start_with_the_integral_of_cauchy() -> None:
    """Q_0(z) = -i sqrt(pi/2) exp(-z^2/2) erfc(-i z/sqrt(2)), and Q_k from it by the recurrence in many digits."""
    points = np.array([0.05j, 0.3 + 0.4j, 3 + 1j, 9 + 0.2j, 12 + 2j])
    found = second_kind(points, 60)
    with mpmath.workdps(80):
        for place, column in zip(points.tolist(), found.T, strict=True):
            z = mpmath.mpc(place)
            before = -1j * mpmath.sqrt(mpmath.pi / 2) * mpmath.exp(-z * z / 2) * mpmath.erfc(-1j * z / mpmath.sqrt(2))
            now = z * before - 1
            for k in range(1, 60):
                assert abs(column[k - 1] / before - 1) < 16 * np.sqrt(k) * np.finfo(float).eps
                before, now = now, (z * now - mpmath.sqrt(k) * before) / mpmath.sqrt(k + 1)


def test_residues_of_the_hyperbolic_tangent() -> None:
    """tanh has poles of residue 1 at i pi (n + 1/2): a_k = -(2/sqrt(q)) sum_n Re Q_k(i pi (n + 1/2)/sqrt(q)), k odd."""
    q, count = 2.0, 1500
    activation = Activation("tanh(x)")
    found, errors = far_coefficients(
        activation, mpmath.mpf(q), 80, present_among(count, parts_of(activation).degrees), ACCURACY
    )
    poles = 1j * np.pi * (np.arange(8) + 0.5) / np.sqrt(q)
    exact = -2 / np.sqrt(q) * np.sum(second_kind(poles, count).real, axis=1)[80:]
    odd = np.arange(80, count) % 2 == 1
    rounding = 16 * np.sqrt(count) * np.finfo(float).eps
    assert len(found) == count - 80
    assert np.all(np.abs(found - exact)[odd] <= (errors + rounding * np.abs(exact))[odd])
    assert np.all(errors[odd] <= ACCURACY * np.abs(exact)[odd])
    assert np.min(np.abs(exact)[odd]) < 1e-18


@pytest.mark.parametrize("formula", ["sin(x)", "erf(x)", "x**3", "tanh(x/10)", "exp(sin(x))"])
def test_functions_without_a_singularity_nearby_are_left_to_others(formula: str) -> None:
    activation = Activation(formula)
    found, errors = far_coefficients(
        activation, mpmath.mpf(1), 80, present_among(120, parts_of(activation).degrees), ACCURACY
    )
    assert len(found) == len(errors) == 0


def test_a_formula_with_a_cut_inside_the_strip_is_not_believed() -> None:
    """The logarithm of x^4 + 1 to the third power has a cut where the function has none."""
    activation = Activation("log((x**4+1)**3)")
    squares = hermite_squares(activation, mpmath.mpf(1), 120, (math.inf, -1))
    plain = hermite_squares(Activation("3*log(x**4+1)"), mpmath.mpf(1), 120, (math.inf, -1))
    assert np.all(np.abs(squares.squares - plain.squares) <= squares.bounds + plain.bounds)
