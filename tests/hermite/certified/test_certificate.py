"""Certificates: never below the true error, hardly above it, and no answer where nothing is proved."""

import math

import mpmath as mp
import numpy as np
import pytest

from ntksym.activation.activation import Activation
from ntksym.errors import InvalidInput, NtkSymError, ToleranceNotMet
from ntksym.hermite.certified.certificate import Certificate, certify
from tests.hermite.quadrature import moments_of

FORMULAS = (
    "tanh", "sigmoid", "softplus", "silu", "mish", "arctan", "asinh", "softsign", "logcosh", "sqrt1px2", "gelu_tanh",
    "relu", "elu", "tanh(max(x, 0))", "sin(x)*tanh(x)",
)  # fmt: skip
TIGHT = 1.0001
"""A certificate may exceed the true tail by this factor: the aim, since its relative width is about 1e-38/tail."""


def exact_erf(q: float, count: int):
    """a_k, V and D of erf: E exp(-q Z**2) He_2m(Z) = (1+2q)**(-1/2) (-q/(1+2q))**m (2m)!/m!."""
    q = mp.mpf(q)
    ratio = q / (1 + 2 * q)
    coefficients = [mp.mpf(0)] * count
    for k in range(1, count, 2):
        m = (k - 1) // 2
        moment = (-ratio) ** m * mp.factorial(2 * m) / mp.factorial(m) / mp.sqrt(1 + 2 * q)
        coefficients[k] = mp.sqrt(q / k) * 2 / mp.sqrt(mp.pi) * moment / mp.sqrt(mp.factorial(k - 1))
    return coefficients, 2 / mp.pi * mp.asin(2 * ratio), 4 / mp.pi / mp.sqrt(1 + 4 * q)


def true_errors(q: float, coefficients, value, slope, computed) -> Certificate:
    """The four numbers that a certificate bounds, in mpmath; the last two without their roots taken."""
    pairs = list(enumerate(zip(coefficients, [mp.mpf(float(number)) for number in computed], strict=True)))
    return Certificate(
        value - mp.fsum(a**2 for a in coefficients),
        slope - mp.fsum(k * a**2 for k, a in enumerate(coefficients)) / mp.mpf(q),
        mp.sqrt(mp.fsum((a - b) ** 2 for _, (a, b) in pairs)),
        mp.sqrt(mp.fsum(k * (a - b) ** 2 for k, (a, b) in pairs) / mp.mpf(q)),
    )


def assert_honest_and_tight(certificate: Certificate, truth: Certificate, floor: float) -> None:
    for name in ("tail", "slope_tail", "deviation", "slope_deviation"):
        stated, true = mp.mpf(getattr(certificate, name)), getattr(truth, name)
        assert stated >= true - floor, name
        assert stated <= TIGHT * true + floor, name


@pytest.mark.parametrize("q", [0.25, 3.0, 40.0])
@pytest.mark.parametrize("count", [7, 60, 150])
def test_erf_against_its_exact_coefficients(q, count):
    with mp.workdps(80):
        exact = exact_erf(q, count)
        computed = np.array([float(a) for a in exact[0]])
        # The enclosures resolve about 1e-38 of V and D.
        assert_honest_and_tight(certify(Activation("erf"), q, computed), true_errors(q, *exact, computed), 1e-37)


@pytest.mark.parametrize("formula", FORMULAS)
def test_certificates_against_mpmath(formula):
    activation, q, count = Activation(formula), 0.6, 14
    near = moments_of(activation, q, count)
    computed = np.array([float(a) for a in near.coefficients])
    with mp.workdps(50):
        truth = true_errors(q, near.coefficients, near.value, near.slope, computed)
        # The oracle has about 40 digits of V and D, which are of order 1.
        assert_honest_and_tight(certify(activation, q, computed), truth, 1e-38)


@pytest.mark.parametrize("formula", ["tanh", "softsign", "silu"])
def test_a_falsified_coefficient_shows(formula):
    activation, q = Activation(formula), 1.5
    exact = moments_of(activation, q, 10).coefficients
    computed = np.array([float(a) for a in exact])
    before = certify(activation, q, computed)
    assert before.deviation < 1e-16
    computed[5] += 1e-10
    after = certify(activation, q, computed)
    with mp.workdps(50):
        shift = abs(mp.mpf(float(computed[5])) - exact[5])  # 1e-10 up to a rounding
        assert shift <= after.deviation <= 1.01e-10
        assert mp.sqrt(5 / mp.mpf(q)) * shift <= after.slope_deviation <= math.sqrt(5 / q) * 1.01e-10
    assert after.tail == before.tail


def test_a_polynomial_has_a_tail_that_is_almost_zero():
    certificate = certify(Activation("x**3"), 1.0, np.array([0.0, 3.0, 0.0, math.sqrt(6.0)]))
    assert 0 <= certificate.tail < 15e-38
    assert 0 <= certificate.slope_tail < 27e-38
    with mp.workdps(50):
        true = abs(mp.sqrt(6) - mp.mpf(math.sqrt(6.0)))
        assert true <= certificate.deviation <= 1.0001 * true


def test_a_jump_has_an_infinite_slope_tail_and_a_finite_tail():
    count = 30
    with mp.workdps(50):
        # E[sign(Z) h_k(Z)] = 2 phi(0) h_{k-1}(0)/sqrt(k), h_2m(0)**2 = binomial(2m, m)/4**m.
        squares = [
            4 * mp.npdf(0) ** 2 * mp.binomial(k - 1, (k - 1) // 2) / mp.mpf(2) ** (k - 1) / k
            for k in range(1, count, 2)
        ]
        tail = 1 - mp.fsum(squares)
    certificate = certify(Activation("sign"), 2.0, np.zeros(count))
    assert certificate.slope_tail == math.inf
    assert tail <= certificate.tail <= TIGHT * tail
    assert mp.sqrt(1 - tail) <= certificate.deviation <= TIGHT * mp.sqrt(1 - tail)


def test_the_tail_falls_with_the_number_of_coefficients_and_not_to_zero():
    activation = Activation("softsign")
    tails = [certify(activation, 1.0, np.zeros(count)).tail for count in (0, 5, 50, 300)]
    assert tails == sorted(tails, reverse=True)
    assert tails[0] > 0.18
    assert tails[-1] > 1e-7


@pytest.mark.parametrize("q", [5e-324, 1e-200, 1e-30, 1e6])
def test_variances_of_any_size_are_certified(q):
    activation = Activation("tanh")
    certificate = certify(activation, q, np.zeros(4))
    value = min(q, 1.0)
    assert 0 < certificate.deviation <= 1.0001 * math.sqrt(value)
    assert 0 < certificate.tail <= max(0.3 * value, 5e-324)  # a_1**2 and a_3**2 are most of V; rounded up


@pytest.mark.parametrize("q", [0.0, -1.0, math.nan, math.inf])
def test_a_variance_that_is_not_positive_is_refused(q):
    with pytest.raises(InvalidInput, match="positive"):
        certify(Activation("tanh"), q, np.zeros(3))


@pytest.mark.parametrize("coefficients", [np.zeros((2, 2)), np.array([0.0, math.nan])])
def test_coefficients_that_are_no_finite_vector_are_refused(coefficients):
    with pytest.raises(InvalidInput, match="vector of finite numbers"):
        certify(Activation("tanh"), 1.0, coefficients)


@pytest.mark.parametrize("formula", ["exp(x**2/8)", "x - floor(x)", "max(sin(x), 0)", "x/(exp(x) - 1)"])
def test_what_cannot_be_proved_is_refused_with_the_way_out(formula):
    with pytest.raises(ToleranceNotMet, match="certify=False") as caught:
        certify(Activation(formula), 1.0, np.zeros(3))
    assert isinstance(caught.value, NtkSymError)
