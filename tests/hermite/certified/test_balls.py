"""Values and derivatives on balls: they contain mpmath's numbers, and cuts and poles are never crossed unseen."""

import mpmath as mp
import pytest
import sympy as sp
from flint import acb, arb, ctx
from hypothesis import given
from hypothesis import strategies as st

from ntksym.errors import ToleranceNotMet
from ntksym.formula.tape import CERTIFIED, play, record
from ntksym.hermite.certified.balls import DERIVATIVES, VALUES, Balls, Jet, enclose, square
from ntksym.symbols import x

EXACT = {
    "acos": mp.acos, "acosh": mp.acosh, "asin": mp.asin, "asinh": mp.asinh, "atan": mp.atan, "atanh": mp.atanh,
    "cos": mp.cos, "cosh": mp.cosh, "erf": mp.erf, "erfc": mp.erfc, "error_tail": mp.erfc, "erfi": mp.erfi,
    "exp": mp.exp, "expit": lambda u: 1 / (1 + mp.exp(-u)), "expm1": mp.expm1, "log": mp.log,
    "log1p": lambda u: mp.log(1 + u), "sech": mp.sech, "sin": mp.sin, "sinc": mp.sinc, "sinh": mp.sinh, "tan": mp.tan,
    "tanh": mp.tanh, "softplus": lambda u: u + mp.log(1 + mp.exp(-u)) if u.real > 0 else mp.log(1 + mp.exp(u)),
    "log_cosh": lambda u: mp.log(mp.cosh(u)) if abs(u.imag) < 1.5 else continued_log_cosh(u),
}  # fmt: skip
"""Principal values; softplus and log_cosh continued along the real axis, not through their cuts."""
DOMAINS = {"log": (0.1, 9.0), "log1p": (-0.8, 9.0), "acosh": (1.2, 9.0)} | dict.fromkeys(
    ("asin", "acos", "atanh", "tan"), (-0.8, 0.8)
)


def continued_log_cosh(u):
    size = u if u.real > 0 else -u
    return size + mp.log1p(mp.exp(-2 * size)) - mp.log(2)


def as_ball(number):
    number = mp.mpmathify(number)
    with mp.workdps(30):
        parts = [
            arb(mp.nstr(part, 28)) + arb(0, 1e-24 * (1 + float(abs(number)))) for part in (number.real, number.imag)
        ]
    return acb(*parts)


def derivative(name, point):
    with mp.workdps(60):
        return mp.diff(EXACT[name], point)


def test_every_function_of_a_tape_has_a_value_and_a_derivative():
    assert set(VALUES) == set(DERIVATIVES) == CERTIFIED == set(EXACT)


@pytest.mark.parametrize("name", sorted(CERTIFIED))
def test_real_balls_contain_the_values(name):
    low, high = DOMAINS.get(name, (-7.0, 7.0))
    with mp.workdps(40), ctx.workprec(200):
        for step in range(13):
            point = low + (high - low) * (step + 0.37) / 13
            for width in (0.0, 1e-30, 0.05):
                ball = arb(point, width)
                value = VALUES[name](ball)
                assert acb(value).overlaps(as_ball(EXACT[name](mp.mpf(point))))
                assert acb(DERIVATIVES[name](ball, value)).overlaps(as_ball(derivative(name, mp.mpf(point))))
                if width < 0.01:
                    assert value.rad() < 1e-24 * (1 + abs(value))


@pytest.mark.parametrize("name", sorted(CERTIFIED))
@given(
    left=st.floats(-5, 5), bottom=st.floats(-4, 4), width=st.sampled_from([0.01, 0.3, 2.0]),
    inside=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)  # fmt: skip
def test_complex_boxes_contain_the_values_or_are_not_finite(name, left, bottom, width, inside):
    real, imaginary = left + width * inside[0], bottom + width * inside[1]
    box = acb(arb(left + width / 2, width / 2 * 1.0001), arb(bottom + width / 2, width / 2 * 1.0001))
    value = VALUES[name](box)
    slope = DERIVATIVES[name](box, value)
    with mp.workdps(40):
        point = mp.mpc(real, imaginary)
        if value.is_finite():
            assert value.overlaps(as_ball(EXACT[name](point)))
        if value.is_finite() and slope.is_finite() and width < 1:
            assert slope.overlaps(as_ball(derivative(name, point)))


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("log", -2), ("log1p", -3), ("softplus", 4j), ("log_cosh", 2j), ("asinh", 1.5j), ("asinh", -1.5j),
        ("atan", 2j), ("asin", 1.5), ("acos", -1.5), ("atanh", 2), ("acosh", 0.5), ("acosh", -3),
        ("tanh", 1.5707963j), ("sech", 1.5707963j), ("expit", 3.1415926j), ("tan", 1.5707963),
    ],
)  # fmt: skip
def test_a_box_across_a_cut_or_around_a_pole_is_not_finite(name, place):
    for width in (0.01, 0.3):
        box = acb(arb(place.real, width), arb(place.imag, width))
        assert not VALUES[name](box).is_finite()


@pytest.mark.parametrize("name", ["tanh", "sech", "expit", "erf", "atan"])
def test_wide_boxes_far_from_singularities_keep_bounded_functions_bounded(name):
    assert VALUES[name](acb(arb(40, 30), arb(0, 1.4))).abs_upper() < 10


def test_boxes_may_touch_no_branch_point_of_a_power():
    jet = Jet(acb(arb(-1, 0.5), arb(0, 0.5)), arb(1))
    assert not Balls().power(jet, sp.Rational(1, 3)).value.is_finite()
    assert not Balls().power(jet, sp.S.Half).value.is_finite()
    assert Balls().power(jet, sp.Integer(-3)).value.is_finite()


def test_a_real_interval_up_to_a_branch_point_has_real_powers():
    value = Balls().power(Jet(arb(0.5, 0.5), arb(1)), sp.Rational(3, 2)).value
    assert value.contains(0)
    assert value.contains(1)
    assert value.upper() < 1.001


def test_squares_are_tight_around_zero():
    assert square(arb(0, 1e-30)).upper() < 1.01e-60
    assert square(arb(0.5, 1.5)).contains(4)
    assert square(acb(arb(0, 1), arb(2, 1))).contains(acb(0.5, 2.5) * acb(0.5, 2.5))
    assert Balls().power(Jet(arb(0, 1e-20), arb(1)), sp.Integer(3)).value.is_finite()


@pytest.mark.parametrize(
    "constant",
    [
        sp.Rational(22, 7), sp.pi, sp.E, sp.sqrt(2), sp.log(3) / 2 - sp.pi**2, sp.exp(sp.sqrt(3)), sp.erf(1),
        sp.pi**sp.E, sp.CRootOf(x**3 - x - 1, 0), sp.Rational(2, 3) ** sp.Rational(1, 5),
    ],
)  # fmt: skip
def test_constants_are_enclosed_at_the_precision_asked_for(constant):
    with ctx.workprec(300):
        ball = enclose(constant)
        assert ball.rad() < 1e-80 * abs(ball) + 1e-80
        assert ball.overlaps(arb(str(constant.evalf(70))) + arb(0, 1e-68))


def test_an_unknown_constant_is_refused_with_the_way_out():
    with pytest.raises(ToleranceNotMet, match="certify=False"):
        enclose(sp.gamma(sp.Rational(1, 3)))


@pytest.mark.parametrize(
    "formula",
    [
        sp.tanh(sp.log(1 + sp.exp(x))) * x, x / sp.sqrt(1 + x**2), (1 + sp.erf(x / sp.sqrt(2))) * x / 2,
        sp.exp(-(x**2)) * sp.sin(3 * x), 1 / sp.cosh(x) ** 2, x / 2 + sp.sqrt(x**2 / 4 + 1), sp.Integer(2) ** x,
        (x**2 + 2) ** x, 1 / (2 + sp.sin(x)), sp.Integer(5),
    ],
)  # fmt: skip
def test_the_derivative_is_carried_along(formula):
    tape = record(formula)
    slope = sp.diff(formula, x)
    with ctx.workprec(200):
        for point in (sp.Rational(-9, 4), sp.Rational(1, 8), sp.Rational(3)):
            jet = play(tape, Balls(), Jet(enclose(point), arb(1)))
            for ball, expression in ((jet.value, formula), (jet.slope, slope)):
                number = arb(str(expression.subs(x, point).evalf(50)))
                assert ball.overlaps(number + arb(0, 1e-45))
                assert ball.rad() < 1e-40


def test_a_head_without_a_rule_is_refused_with_the_way_out():
    with pytest.raises(ToleranceNotMet, match=r"gamma.*certify=False"):
        record(sp.gamma(x**2 + 1))
