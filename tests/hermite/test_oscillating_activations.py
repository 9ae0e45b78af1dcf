"""Activations with infinitely many kinks or ever faster waves: only what carries weight at a variance is tabulated."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

import ntksym as nk
from ntksym.activation.activation import Activation
from ntksym.hermite.tabulated_activation import TabulatedActivation

PLACES = ((1.0, 1.0, 0.5), (0.25, 4.0, 0.7), (9.0, 9.0, 0.95))


def rectified_sine(q1: float, q2: float, rho: float) -> float:
    """From max(sin x, 0) = 1/pi + sin(x)/2 - (2/pi) sum_k cos(2 k x)/(4 k^2 - 1), term by term."""
    c = rho * np.sqrt(q1 * q2)
    even = np.arange(0, 60)
    size = np.where(even == 0, 1 / np.pi, -2 / (np.pi * (4.0 * even**2 - 1)))
    total = np.exp(-(q1 + q2) / 2) * np.sinh(c) / 4
    for (a, m), (b, n) in product(enumerate(size), enumerate(size)):
        waves = [np.exp(-2 * (a**2 * q1 + b**2 * q2 + sign * 2 * a * b * c)) for sign in (-1, 1)]
        total += m * n * sum(waves) / 2
    return float(total)


def quadratic_sine(q1: float, q2: float, rho: float) -> float:
    """E[sin(U^2) sin(V^2)] from E exp(i (a U^2 + b V^2)) = ((1 - 2 i a q1) (1 - 2 i b q2) + 4 a b c^2)^(-1/2)."""
    waves = [1 / np.sqrt((1 - 2j * q1) * (1 - 2j * b * q2) + 4 * b * rho**2 * q1 * q2) for b in (-1, 1)]
    return float(np.real(waves[0] - waves[1]) / 2)


def triangle_wave(q1: float, q2: float, rho: float) -> float:
    """From asin(sin x) = (4/pi) sum_k (-1)^k sin((2 k + 1) x)/(2 k + 1)^2."""
    c = rho * np.sqrt(q1 * q2)
    odd = 2.0 * np.arange(80) + 1
    size = 4 / np.pi * (-1.0) ** np.arange(80) / odd**2
    a, b = odd[:, None], odd
    waves = [np.exp(-(a**2 * q1 + b**2 * q2 + sign * 2 * a * b * c) / 2) for sign in (-1, 1)]
    return float(size @ ((waves[0] - waves[1]) / 2) @ size)


EXACT: dict[str, Callable[[float, float, float], float]] = {
    "max(sin(x), 0)": rectified_sine,
    "sin(x**2)": quadratic_sine,
    "asin(sin(x))": triangle_wave,
}


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("formula", EXACT)
def test_values_agree_with_fourier_series_within_the_stated_bound(
    formula: str, place: tuple[float, float, float]
) -> None:
    q1, q2, rho = place
    dual = nk.derive(formula)
    exact = EXACT[formula](q1, q2, rho)
    bound = float(dual.error_bound(q1, q2))
    assert abs(float(dual.evaluate(q1, q2, rho * np.sqrt(q1 * q2)).value) - exact) <= bound + 1e-15
    assert bound <= 1e-12


@pytest.mark.slow
def test_a_wave_of_waves_at_a_small_variance() -> None:
    """exp(-sin(5 x)) in the table of faults: 1.60292518742995."""
    dual = nk.derive("exp(-sin(5*x))")
    found, bound = float(dual.evaluate(1, 1, 0.5).value), float(dual.error_bound(1, 1))
    assert abs(found - 1.60292518742995) <= bound + 1e-14
    assert bound <= 1e-12


@pytest.mark.slow
def test_small_variances_do_not_ask_for_large_arguments() -> None:
    dual = nk.derive("sin((abs(x)+1)*x)")
    assert float(dual.evaluate(0.01, 0.01, 0.01).value) == pytest.approx(float(dual.coefficients([0.01]).value[0]))
    profile = TabulatedActivation(Activation("sin(x**2)"))
    edges = profile.table(0, 6, 40.0).edges
    assert 40 <= edges[-1] < 64
    assert edges[0] == -edges[-1]


def test_kinks_whose_places_are_infinitely_many_are_found_where_they_are_needed() -> None:
    found = TabulatedActivation(Activation("asin(sin(x))")).breaks_between(-8.0, 8.0)
    assert found == pytest.approx((np.arange(-3, 3) + 0.5) * np.pi, abs=1e-7)
    assert TabulatedActivation(Activation("max(sin(x), 0)")).continuous
    assert not TabulatedActivation(Activation("sign(sin(x))")).continuous
