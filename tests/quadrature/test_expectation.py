"""Quadrature against expectations known by hand, and its own error estimates against the truth."""

from fractions import Fraction
from functools import cache

import mpmath
import pytest
from mpmath import mp

from ntksym.errors import InvalidInput, ToleranceNotMet
from ntksym.quadrature.expectation import Estimate, Integrand, conditional_expectation, expectation

ORACLE_DIGITS = 90
"""Enough to compare at 1 - |rho| = 1e-14 with 30 digits left over."""


def zero_kink():
    return (mpmath.mpf(0),)


def unit_kinks():
    return (mpmath.mpf(-1), mpmath.mpf(1))


RELU = Integrand(lambda x: max(x, mpmath.mpf(0)), zero_kink)
STEP = Integrand(lambda x: mpmath.mpf(x > 0), zero_kink)
ERF = Integrand(mpmath.erf)
SIN = Integrand(mpmath.sin)
EXP = Integrand(mpmath.exp)
GAUSSIAN = Integrand(lambda x: mpmath.exp(-x * x))
BOX = Integrand(lambda x: mpmath.mpf(abs(x) < 1), unit_kinks)


def angle(q1, q2, c):
    return mp.acos(c / mp.sqrt(q1 * q2))


def relu_dual(q1, q2, c):
    theta = angle(q1, q2, c)
    return mp.sqrt(q1 * q2) * (mp.sin(theta) + (mp.pi - theta) * mp.cos(theta)) / (2 * mp.pi)


HAND = {
    "relu": (RELU, relu_dual),
    "step": (STEP, lambda q1, q2, c: (mp.pi - angle(q1, q2, c)) / (2 * mp.pi)),
    "erf": (ERF, lambda q1, q2, c: 2 / mp.pi * mp.asin(2 * c / mp.sqrt((1 + 2 * q1) * (1 + 2 * q2)))),
    "sin": (SIN, lambda q1, q2, c: mp.exp(-(q1 + q2) / 2) * mp.sinh(c)),
    "exp": (EXP, lambda q1, q2, c: mp.exp((q1 + q2) / 2 + c)),
    "gaussian": (GAUSSIAN, lambda q1, q2, c: 1 / mp.sqrt((1 + 2 * q1) * (1 + 2 * q2) - 4 * c * c)),
}

NAMES = [pytest.param(name, marks=[pytest.mark.slow] if name in {"exp", "sin", "step"} else []) for name in HAND]

COVARIANCES = {
    "middling": (1, 1, Fraction(1, 2)),
    "negative": (Fraction(16, 25), Fraction(9, 4), Fraction(-18, 25)),
    "unequal": (Fraction(1, 100), 25, Fraction(3, 20)),
    "independent": (1, 4, 0),
    "large": (25, 25, Fraction(45, 2)),
    "rho 0.999": (1, Fraction(9, 4), Fraction(2997, 2000)),
    "rho -0.99999": (1, Fraction(1, 4), Fraction(-99999, 200000)),
    "rho 1 - 1e-14": (1, 1, 1 - Fraction(1, 10**14)),
    "rho 1": (1, 4, 2),
    "rho -1": (Fraction(9, 4), 1, Fraction(-3, 2)),
}


@cache
def estimate(name: str, place: str, dps: int = 30) -> Estimate:
    integrand, _ = HAND[name]
    return expectation(integrand, integrand, *COVARIANCES[place], dps)


def true_error(name: str, place: str) -> mpmath.mpf:
    with mp.workdps(ORACLE_DIGITS):
        exact = HAND[name][1](*(mp.mpmathify(number) for number in COVARIANCES[place]))
        return abs(estimate(name, place).value - exact)


@pytest.mark.parametrize("place", COVARIANCES)
@pytest.mark.parametrize("name", NAMES)
def test_thirty_digits_are_reached(name, place):
    assert true_error(name, place) <= mp.mpf(10) ** -30 * estimate(name, place).scale


@pytest.mark.parametrize("place", COVARIANCES)
@pytest.mark.parametrize("name", NAMES)
def test_the_stated_error_is_never_too_small(name, place):
    assert true_error(name, place) <= estimate(name, place).error


@pytest.mark.parametrize("name", NAMES)
def test_the_stated_error_is_small_enough_to_claim_thirty_digits(name):
    for place in COVARIANCES:
        assert estimate(name, place).error <= mp.mpf(10) ** -30 * estimate(name, place).scale


# theory.md I1, published mpmath values at q1 = 0.7, q2 = 2.3, rho = 0.6; none of the functions has a closed form.
GOLDEN = {
    "tanh": (Integrand(mpmath.tanh), "0.2381435333224851683437"),
    "tanh'": (Integrand(lambda x: mpmath.sech(x) ** 2), "0.3297318102057608225218"),
    "sigmoid": (Integrand(lambda x: 1 / (1 + mpmath.exp(-x))), "0.2792177256964110601755"),
    "softplus": (Integrand(lambda x: mpmath.log1p(mpmath.exp(x))), "0.9211146136584219782231"),
    "silu": (Integrand(lambda x: x / (1 + mpmath.exp(-x))), "0.2816114956241417998516"),
    "mish": (Integrand(lambda x: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x)))), "0.3515591165498966408385"),
    "softsign": (Integrand(lambda x: x / (1 + abs(x)), zero_kink), "0.1135908857576582275296"),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_functions_without_a_closed_form_have_their_golden_values(name):
    integrand, digits = GOLDEN[name]
    with mp.workdps(60):
        found = expectation(integrand, integrand, Fraction(7, 10), Fraction(23, 10), mp.mpf(6) / 10 * mp.sqrt("1.61"))
        assert mp.nstr(found.value, 20) == mp.nstr(mp.mpf(digits), 20)
        assert found.error <= mp.mpf(10) ** -28


def test_two_different_functions_and_an_exchange_of_the_arguments():
    # E[U sin V] = c exp(-q2/2), by Stein's lemma
    line = Integrand(lambda x: x)
    for rho in (Fraction(-1, 3), Fraction(9995, 10000)):
        q1, q2, c = Fraction(4), Fraction(1, 4), rho
        there, back = expectation(line, SIN, q1, q2, c), expectation(SIN, line, q2, q1, c)
        with mp.workdps(50):
            exact = mp.mpmathify(c) * mp.exp(-mp.mpmathify(q2) / 2)
            assert abs(there.value - exact) <= there.error <= mp.mpf(10) ** -30
            assert abs(back.value - exact) <= back.error <= mp.mpf(10) ** -30


def test_plane_and_ridge_agree_where_one_hands_over_to_the_other(monkeypatch):
    results = []
    for narrow in (10, 10**9):
        monkeypatch.setattr("ntksym.quadrature.expectation.NARROW", narrow)
        results.append(expectation(BOX, GAUSSIAN, 1, Fraction(9, 4), Fraction(3, 2) * Fraction(99, 100), 20))
    along, across = results
    assert abs(along.value - across.value) <= along.error + across.error <= mp.mpf(10) ** -20


@pytest.mark.parametrize("rho", [Fraction(3, 10), Fraction(999, 1000), Fraction(-99999, 100000)])
def test_nothing_is_cut_off_beside_a_jump(rho):
    # E[1{|U| < 1}] does not depend on V; the jump at four deviations is where a coarse survey stops seeing anything
    found = expectation(BOX, Integrand(lambda x: mpmath.mpf(1)), Fraction(1, 16), Fraction(1, 100), rho / 40)
    with mp.workdps(50):
        assert abs(found.value - mp.erf(4 / mp.sqrt(2))) <= found.error <= mp.mpf(10) ** -30


def test_what_is_exponentially_small_keeps_its_digits():
    # U > 10 sigma and V > 10 sigma, E[(U - 1)+] (E[V - 1)+]) at rho = 0
    hinge = Integrand(lambda x: max(x - 1, mpmath.mpf(0)), lambda: (mpmath.mpf(1),))
    found = expectation(hinge, hinge, Fraction(1, 100), Fraction(1, 100), 0)
    with mp.workdps(60):
        sigma = mp.mpf(1) / 10
        one = sigma * mp.npdf(10) - mp.erfc(10 / mp.sqrt(2)) / 2
        assert abs(found.value / one**2 - 1) <= mp.mpf(10) ** -30


@pytest.mark.parametrize("place", ["middling", "independent", "unequal"])
def test_a_fast_oscillation_is_gathered_without_loss(place):
    # E[(U + cos 30 U)(V + cos 30 V)] = c + exp(-450 (q1 + q2)) cosh(900 c)
    wave = Integrand(lambda x: x + mpmath.cos(30 * x))
    found = expectation(wave, wave, *COVARIANCES[place])
    with mp.workdps(60):
        q1, q2, c = map(mp.mpmathify, COVARIANCES[place])
        exact = c + mp.exp(-450 * (q1 + q2)) * mp.cosh(900 * c)
        assert abs(found.value - exact) <= found.error <= mp.mpf(10) ** -30 * found.scale


def test_growth_up_to_the_edge_of_existence_is_integrated():
    growing = Integrand(lambda x: mpmath.exp(x * x / 10))
    q, c = Fraction(12, 5), Fraction(6, 5)  # 1 - 2 a (q + c) = 0.28
    found = expectation(growing, growing, q, q, c)
    with mp.workdps(50):
        q, c = mp.mpmathify(q), mp.mpmathify(c)
        exact = 1 / mp.sqrt((1 - q / 5) ** 2 - c * c / 25)
        assert abs(found.value - exact) <= mp.mpf(10) ** -30 * exact


def test_growth_beyond_existence_is_refused():
    growing = Integrand(lambda x: mpmath.exp(x * x / 10))
    with pytest.raises(ToleranceNotMet, match="does not decay"):
        expectation(growing, growing, 6, 6, 0)


def test_a_singular_function_is_not_claimed_to_thirty_digits_unless_it_has_them():
    rough = Integrand(lambda x: mpmath.sqrt(abs(x)))  # its singularity is not declared
    found = expectation(rough, rough, 1, 1, Fraction(1, 2), 8)
    declared = expectation(Integrand(rough.function, zero_kink), rough, 1, 1, Fraction(1, 2), 8)
    with mp.workdps(20):
        assert abs(found.value - declared.value) <= found.error + declared.error


def test_more_digits_on_demand():
    found = expectation(ERF, ERF, 1, 1, Fraction(1, 2), 60)
    with mp.workdps(80):
        assert abs(found.value - 2 * mp.asin(mp.mpf(1) / 3) / mp.pi) <= found.error <= mp.mpf(10) ** -60


def test_the_zero_function_is_zero():
    assert expectation(Integrand(lambda x: mpmath.mpf(0)), ERF, 1, 1, 0).value == 0


@pytest.mark.parametrize("covariance", [(1, 1, 2), (0, 1, 0), (-1, 1, 0)])
def test_no_covariance_is_refused(covariance):
    with pytest.raises(InvalidInput, match="no covariance"):
        expectation(ERF, ERF, *covariance)


def test_conditional_expectation_of_a_sine():
    # E[sin V | U = u] = sin(c u/q1) exp(-(q2 - c**2/q1)/2)
    found = conditional_expectation(SIN, 2, 3, -1, Fraction(1, 2))
    with mp.workdps(50):
        exact = mp.sin(mp.mpf(-1) / 4) * mp.exp(-mp.mpf(5) / 4)
        assert abs(found.value - exact) <= mp.mpf(10) ** -30
