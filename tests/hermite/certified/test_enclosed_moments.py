"""Enclosures of coefficients and moments against mpmath quadrature and exact values."""

import mpmath as mp
import pytest
from flint import arb, ctx

from ntksym.activation.activation import Activation
from ntksym.errors import ToleranceNotMet
from ntksym.hermite.certified.enclosed_moments import enclose_moments
from tests.hermite.quadrature import moments_of

COUNT = 12
FORMULAS = (
    "tanh", "sigmoid", "softplus", "silu", "mish", "arctan", "asinh", "softsign", "logcosh", "sqrt1px2", "gelu_tanh",
    "elu", "tanh(max(x, 0))", "sin(x)*tanh(x)", "serf", "sinc",
)  # fmt: skip
OTHERS = ("max(x**3 - x - 1, 0)", "atan(sinh(x))")


def within(ball, number, slack):
    """Whether an mpmath number lies in a ball widened by the error of the number."""
    with ctx.workprec(256):
        return (ball + arb(0, slack)).contains(arb(mp.nstr(number, 50)))


@pytest.mark.parametrize("formula", [*FORMULAS, *OTHERS])
def test_moments_contain_the_values_of_mpmath(formula):
    activation = Activation(formula)
    q = 0.7
    enclosed = enclose_moments(activation, q, COUNT)
    near = moments_of(activation, q, COUNT)
    # The panels of the oracle leave 1e-40 times the largest integrand, which is of the order of its integral.
    pairs = [*zip(enclosed.coefficients, near.coefficients, strict=True), (enclosed.value, near.value)]
    slack = 1e-40 * float(1 + near.value)
    assert all(within(ball, number, slack) for ball, number in pairs)
    assert within(enclosed.slope, near.slope, 1e-40 * float(1 + near.slope))


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("q", [1e-12, 0.7, 300.0])
def test_enclosures_are_sharp_at_any_variance(formula, q):
    moments = enclose_moments(Activation(formula), q, 60)
    with ctx.workprec(256):
        tail = moments.value - sum((a * a for a in moments.coefficients), arb(0))
        slope_tail = moments.slope - sum((k * a * a for k, a in enumerate(moments.coefficients)), arb(0)) / arb(q)
        assert tail.rad() < 1e-36 * moments.value
        assert slope_tail.rad() < 1e-36 * moments.slope
        assert tail.upper() > 0
        assert slope_tail.upper() > 0


def test_powers_of_x_have_their_exact_coefficients():
    moments = enclose_moments(Activation("x**3"), 2.0, 6)
    with ctx.workprec(256):
        scale = arb(8).sqrt()
        exact = [arb(0), 3 * scale, arb(0), arb(6).sqrt() * scale, arb(0), arb(0)]
        assert all(
            ball.overlaps(number) and ball.rad() < 1e-38
            for ball, number in zip(moments.coefficients, exact, strict=True)
        )
        assert moments.value.contains(15 * 8)
        assert moments.slope.contains(27 * 4)


def test_coefficients_of_the_step_are_hermite_polynomials_at_its_place():
    moments = enclose_moments(Activation("heaviside(x - 1)"), 4.0, 40)
    with mp.workdps(60):
        before, now, place = mp.mpf(0), mp.mpf(1), mp.mpf(1) / 2
        for k in range(1, 40):
            # E[step h_k] = phi(z) h_{k-1}(z)/sqrt(k), z the place of the step.
            assert within(moments.coefficients[k], mp.npdf(place) * now / mp.sqrt(k), 1e-45)
            before, now = now, (place * now - mp.sqrt(k - 1) * before) / mp.sqrt(k)


def test_many_coefficients_of_the_exponential_are_its_powers():
    moments = enclose_moments(Activation("exp(x)"), 9.0, 400)
    with mp.workdps(60):
        for k in (0, 1, 10, 100, 399):
            exact = mp.exp(mp.mpf(9) / 2) * mp.mpf(3) ** k / mp.sqrt(mp.factorial(k))
            assert within(moments.coefficients[k], exact, 1e-40)
        assert within(moments.value, mp.exp(18), 1e-30)


def test_no_coefficients_is_allowed():
    moments = enclose_moments(Activation("tanh"), 1.0, 0)
    assert moments.coefficients == []
    assert moments.value > 0.39


def test_the_zero_function_is_enclosed_exactly():
    moments = enclose_moments(Activation("0*x"), 1.0, 3)
    assert all(ball.abs_upper() == 0 for ball in (*moments.coefficients, moments.value, moments.slope))


def test_a_singular_end_of_a_piece_is_approached():
    moments = enclose_moments(Activation("abs(x)**1.5"), 1.0, 3)
    with mp.workdps(50):
        assert within(moments.value, 2 * mp.sqrt(2 / mp.pi), 1e-45)
        assert within(moments.slope, mp.mpf(9) / 4 * mp.sqrt(2 / mp.pi), 1e-45)
        assert within(moments.coefficients[0], mp.mpf(2) ** 0.75 * mp.gamma(1.25) / mp.sqrt(mp.pi), 1e-45)


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("exp(x**2/8)", "no bound is known"),
        ("x/(exp(x) - 1)", "cannot be enclosed near x = 0|no bound is known"),
        ("x - floor(x)", "exact pieces"),
        ("max(sin(x), 0)", "exact pieces"),
    ],
)
def test_what_cannot_be_enclosed_is_refused_with_the_way_out(formula, reason):
    with pytest.raises(ToleranceNotMet, match=f"({reason}).*certify=False"):
        enclose_moments(Activation(formula), 1.0, 5)


def test_the_callers_precision_is_left_alone():
    before = ctx.prec
    enclose_moments(Activation("tanh"), 1.0, 5)
    with pytest.raises(ToleranceNotMet):
        enclose_moments(Activation("exp(x**2/8)"), 1.0, 5)
    assert ctx.prec == before
