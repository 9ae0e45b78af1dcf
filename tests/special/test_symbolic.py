"""Phi, Phi2 and their scaled products: exact values, derivatives, numbers at any precision, float64 in the tails."""

import itertools
import pickle

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp

from ntksym.special import multiprecision
from ntksym.special.symbolic import (
    MPMATH,
    NUMPY,
    BivariateNormalCDF,
    ExpBivariateNormalCDF,
    ExpCosh,
    ExpErfi,
    ExpNormalCDF,
    ExpSinh,
    NormalCDF,
)

EPS = float(np.finfo(np.float64).eps)
h, k, a, b = sp.symbols("h k a b", real=True)
r = sp.Symbol("r", real=True)
s = sp.sqrt(1 - r**2)
SAMPLES = {
    NormalCDF: (h,),
    BivariateNormalCDF: (h, k, r),
    ExpNormalCDF: (a, h),
    ExpBivariateNormalCDF: (a, h, k, r, s),
    ExpSinh: (a, b),
    ExpCosh: (a, b),
    ExpErfi: (a, b),
}
POINT = {
    h: sp.Rational(-7, 5),
    k: sp.Rational(3, 10),
    r: sp.Rational(-3, 5),
    a: sp.Rational(1, 3),
    b: sp.Rational(5, 7),
}


def quadrature(lower: float, across: float, correlation: float) -> mpmath.mpf:
    """Phi2 = int_{-oo}^h phi(x) Phi((k - r x)/s) dx, panels of length at most 2 from the peak of the integrand."""
    with mp.workdps(45):
        lower, across, correlation = mp.mpf(lower), mp.mpf(across), mp.mpf(correlation)
        complement = mpmath.sqrt((1 - correlation) * (1 + correlation))
        points = {lower - 2 * step for step in range(21)}
        if correlation:
            bend = across / correlation
            offsets = (-9, -5, -2, 0, 2, 5, 9)
            points |= {bend + j * complement for j in offsets if lower - 40 < bend + j * complement < lower}

        def integrand(x: mpmath.mpf) -> mpmath.mpf:
            return mpmath.npdf(x) * mpmath.erfc((correlation * x - across) / complement / mpmath.sqrt(2)) / 2

        # mpmath.quad stops at an absolute error: bring the integrand to the size of one
        size = max(integrand(x) for x in points)
        return size * mpmath.quad(lambda x: integrand(x) / size, sorted(points))


def test_phi_has_its_exact_values() -> None:
    assert NormalCDF(0) == sp.Rational(1, 2)
    assert NormalCDF(sp.oo) == 1
    assert NormalCDF(-sp.oo) == 0
    assert NormalCDF(sp.nan) is sp.nan


def test_phi2_reduces_where_it_is_elementary() -> None:
    assert BivariateNormalCDF(0, 0, r) == sp.Rational(1, 4) + sp.asin(r) / (2 * sp.pi)
    assert BivariateNormalCDF(h, k, 0) == NormalCDF(h) * NormalCDF(k)
    assert BivariateNormalCDF(h, sp.oo, r) == NormalCDF(h)
    assert BivariateNormalCDF(sp.oo, k, r) == NormalCDF(k)
    assert BivariateNormalCDF(h, -sp.oo, r) == 0
    assert BivariateNormalCDF(2, -1, 1) == NormalCDF(-1)
    assert BivariateNormalCDF(-3, 2, -1) == 0
    assert BivariateNormalCDF(3, -2, -1) == NormalCDF(3) - NormalCDF(2)
    assert BivariateNormalCDF(h, k, 1).func is BivariateNormalCDF, "the order of h and k is unknown"


def test_phi2_is_symmetric_by_construction() -> None:
    assert BivariateNormalCDF(h, k, r) == BivariateNormalCDF(k, h, r)
    assert ExpBivariateNormalCDF(a, h, k, r, s) == ExpBivariateNormalCDF(a, k, h, r, s)


def test_products_reduce_at_zero() -> None:
    assert ExpNormalCDF(0, h) == NormalCDF(h)
    assert ExpNormalCDF(a, 0) == sp.exp(a) / 2
    assert ExpSinh(a, 0) == 0
    assert ExpCosh(a, 0) == sp.exp(a)
    assert ExpErfi(a, 0) == 0
    assert ExpSinh(a, -b) == -ExpSinh(a, b)
    assert ExpCosh(a, -b) == ExpCosh(a, b)
    assert ExpErfi(a, -b) == -ExpErfi(a, b)
    assert ExpBivariateNormalCDF(a, h, sp.oo, r, s) == ExpNormalCDF(a, h)


@pytest.mark.parametrize("kind", SAMPLES, ids=lambda kind: kind.__name__)
def test_derivatives_equal_differences_at_sixty_digits(kind: type[sp.Function]) -> None:
    expression = kind(*SAMPLES[kind])
    step = sp.Rational(1, 10**20)
    for symbol in expression.free_symbols:
        exact = expression.diff(symbol).subs(POINT).evalf(40)
        up, down = (expression.subs({**POINT, symbol: POINT[symbol] + sign * step}).evalf(60) for sign in (1, -1))
        # the central difference is off by step^2/6 times a third derivative below 1e3 here
        assert abs(exact - (up - down) / (2 * step)) < 1e-36


@pytest.mark.parametrize("kind", [*SAMPLES][2:], ids=lambda kind: kind.__name__)
def test_expanding_a_product_changes_no_digit(kind: type[sp.Function]) -> None:
    expression = kind(*SAMPLES[kind])
    expanded = sp.expand_func(expression)
    assert kind not in {type(node) for node in sp.preorder_traversal(expanded)}
    assert abs(expression.subs(POINT).evalf(50) / expanded.subs(POINT).evalf(50) - 1) < 1e-48


def test_rewriting_phi_with_erf_changes_no_digit() -> None:
    for target in (sp.erf, sp.erfc):
        rewritten = NormalCDF(h).rewrite(target)
        assert rewritten.has(target)
        assert abs(rewritten.subs(h, -2).evalf(40) - NormalCDF(-2).evalf(40)) < 1e-40


def test_signs_are_known() -> None:
    assert NormalCDF(h).is_positive
    assert NormalCDF(h).is_real
    assert NormalCDF(sp.Symbol("z")).is_real is None
    assert BivariateNormalCDF(h, k, r).is_real
    assert BivariateNormalCDF(h, k, r).is_nonnegative
    assert BivariateNormalCDF(h, k, sp.Rational(1, 3)).is_positive
    assert BivariateNormalCDF(h, k, r).is_positive is None, "it vanishes at r = -1"
    assert ExpNormalCDF(a, h).is_positive
    assert ExpCosh(a, b).is_positive
    assert ExpSinh(a, b).is_real


def test_printing() -> None:
    assert sp.latex(NormalCDF(h)) == r"\Phi\left(h\right)"
    assert sp.latex(NormalCDF(h) ** 2) == r"\left(\Phi\left(h\right)\right)^{2}"
    assert sp.latex(BivariateNormalCDF(h, k, r)) == r"\Phi_2\left(h, k; r\right)"
    assert sp.latex(ExpNormalCDF(a, h)) == r"e^{a} \Phi\left(h\right)"
    assert sp.latex(ExpSinh(a, b)) == r"e^{a} \sinh\left(b\right)"
    assert str(NormalCDF(h / 2)) == "Phi(h/2)"
    assert str(BivariateNormalCDF(h, k, r)) == "Phi2(h, k; r)"
    assert str(ExpErfi(a, b)) == "ExpErfi(a, b)"
    assert sp.pretty(NormalCDF(h), use_unicode=True) == "Φ(h)"
    assert sp.srepr(NormalCDF(sp.Integer(3))) == "NormalCDF(Integer(3))", "digests rest on srepr"


@pytest.mark.parametrize("kind", SAMPLES, ids=lambda kind: kind.__name__)
def test_expressions_survive_pickling(kind: type[sp.Function]) -> None:
    expression = kind(*SAMPLES[kind])
    assert pickle.loads(pickle.dumps(expression)) == expression


QUADRATURE_POINTS = [
    (-1.0, -2.0, 0.5),
    (1.0, 2.0, 0.3),
    (-3.0, 1.0, -0.9),
    (-3.0, 1.0, 0.9),
    (2.0, -1.0, 0.99),
    (-2.0, -2.5, 0.999),
    (0.5, 0.25, -0.99),
    (-5.0, 4.0, -0.99),
    (0.0, 1.0, 0.3),
    (0.0, -1.0, 0.3),
    (-12.0, -3.0, -0.5),
]


@pytest.mark.parametrize(("lower", "across", "correlation"), QUADRATURE_POINTS)
def test_phi2_equals_quadrature_to_thirty_digits(lower: float, across: float, correlation: float) -> None:
    with mp.workdps(30):
        value = multiprecision.bivariate_normal_cdf(lower, across, correlation)
        assert abs(value / quadrature(lower, across, correlation) - 1) < mp.mpf(10) ** -29


@settings(deadline=None, max_examples=40)
@given(st.floats(-40, 40), st.floats(-40, 40), st.floats(-1, 1), st.sampled_from([20, 50]))
def test_phi2_does_not_depend_on_the_precision_it_is_computed_at(x: float, y: float, c: float, dps: int) -> None:
    with mp.workdps(dps):
        short = multiprecision.bivariate_normal_cdf(x, y, c)
    with mp.workdps(70):
        full = multiprecision.bivariate_normal_cdf(x, y, c)
        assert abs(short - full) <= mp.mpf(10) ** (1 - dps) * abs(full)


@settings(deadline=None, max_examples=40)
@given(st.floats(-30, 30), st.floats(-30, 30), st.floats(-1, 1))
def test_the_four_quadrants_add_up(x: float, y: float, c: float) -> None:
    """Phi2(h,k;r) + Phi2(h,-k;-r) = Phi(h): different wedges on the two sides."""
    with mp.workdps(40):
        total = multiprecision.bivariate_normal_cdf(x, y, c) + multiprecision.bivariate_normal_cdf(x, -y, -c)
        assert abs(total / multiprecision.normal_cdf(x) - 1) < mp.mpf(10) ** -39


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("x", "y"), [(-3, -2), (-2, 3), (3, -2), (1, 2), (-1, -1), (1, -1), (-40, 40)])
def test_phi2_is_continuous_at_full_correlation(x: int, y: int, sign: int) -> None:
    """|Phi2(r) - Phi2(1)| = int phi2 dr <= int dr/(2 pi sqrt(1 - r^2)) <= sqrt(2 (1 - |r|))/2."""
    with mp.workdps(30):
        limit = multiprecision.bivariate_normal_cdf(x, y, sign)
        near = multiprecision.bivariate_normal_cdf(x, y, sign * (1 - mp.mpf(10) ** -40))
        assert abs(near - limit) <= mpmath.sqrt(mp.mpf(10) ** -40)


def test_the_complement_counts_where_the_correlation_has_rounded_to_one() -> None:
    with mp.workdps(30):
        complement = mp.mpf("1e-25")
        assert mpmath.sqrt(1 - mp.mpf("1e-50")) == 1
        given_complement = multiprecision.exp_bivariate_normal_cdf(0, -1, -1, 1, complement)
    with mp.workdps(60):
        truth = multiprecision.bivariate_normal_cdf(-1, -1, mpmath.sqrt(1 - mp.mpf("1e-50")))
    assert abs(given_complement / truth - 1) < mp.mpf(10) ** -29


def test_a_correlation_beyond_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[-1, 1\]"):
        multiprecision.bivariate_normal_cdf(0.5, 0.5, 1.5)


def test_evalf_reaches_the_far_tail_with_irrational_arguments() -> None:
    expression = NormalCDF(-30 * sp.sqrt(2))
    with mp.workdps(60):
        truth = mpmath.erfc(30) / 2
        assert abs(mp.mpf(expression.evalf(50)) / truth - 1) < mp.mpf(10) ** -49


def test_a_float_argument_evaluates_at_once() -> None:
    value = NormalCDF(sp.Float("-1.5", 30))
    assert value.is_Float
    assert abs(value - NormalCDF(sp.Rational(-3, 2)).evalf(30)) < 1e-30


@pytest.mark.parametrize("kind", SAMPLES, ids=lambda kind: kind.__name__)
def test_lambdify_reaches_numpy_and_mpmath(kind: type[sp.Function]) -> None:
    expression = kind(*SAMPLES[kind])
    symbols = sorted(expression.free_symbols, key=str)
    values = [POINT[symbol] for symbol in symbols]
    exact = expression.subs(POINT).evalf(30)
    single = sp.lambdify(symbols, expression, modules=[NUMPY, "numpy"])(*(np.full(3, float(v)) for v in values))
    with mp.workdps(30):
        precise = sp.lambdify(symbols, expression, modules=[MPMATH, "mpmath"])(*(mp.mpf(v.p) / v.q for v in values))
        assert abs(precise / mp.mpf(exact) - 1) < mp.mpf(10) ** -28
    assert single.shape == (3,)
    # rounding of the five rational arguments, each with conditioning below four here, and the function's own error
    assert abs(single[0] / float(exact) - 1) < 40 * EPS


def phi2_grid() -> tuple[np.ndarray, ...]:
    arguments = [-30.0, -2.5, -1.0, -1e-9, 0.0, 0.3, 4.0, 30.0]
    correlations = [-1.0, -1 + 1e-12, -0.999, -0.7, 0.0, 0.2, 1 - 1e-6, 1 - 2**-50, 1.0]
    points = itertools.product(arguments, arguments, correlations)
    return tuple(np.array(column) for column in zip(*points, strict=True))


def test_numpy_phi2_is_accurate_absolutely_everywhere_and_relatively_in_the_lower_tail() -> None:
    x, y, c = phi2_grid()
    value = NUMPY["BivariateNormalCDF"](x, y, c)
    with mp.workdps(25):
        exact = [multiprecision.bivariate_normal_cdf(*point) for point in zip(x, y, c, strict=True)]
        error = np.array([float(abs(mp.mpf(float(v)) - e)) for v, e in zip(value, exact, strict=True)])
        relative = np.array([float(d / e) if e > 1e-290 else 0.0 for d, e in zip(error, exact, strict=True)])
    # the largest value is 1, made of five rounded terms
    assert error.max() <= 5 * EPS
    tail = (x <= 0) & (y <= 0) & (abs(c) < 1)
    x, y, c = x[tail], y[tail], c[tail]
    # R^2/2 is rounded before it is exponentiated
    square = x * x + (y - c * x) ** 2 / ((1 - c) * (1 + c))
    assert (relative[tail] <= (20 + square) * EPS).all()


def test_numpy_products_neither_overflow_nor_vanish() -> None:
    assert NUMPY["ExpNormalCDF"](800.0, -41.0) == pytest.approx(
        float(multiprecision.exp_normal_cdf(800, -41)), rel=1700 * EPS
    )
    assert NUMPY["ExpSinh"](-800.0, 799.0) == pytest.approx(np.exp(-1) / 2, rel=2 * EPS)
    assert NUMPY["ExpCosh"](-800.0, -799.0) == pytest.approx(np.exp(-1) / 2, rel=2 * EPS)
    assert NUMPY["ExpSinh"](0.0, 1e-300) == 1e-300
    # a + y^2 = -900 + 900.0, rounded by 900 eps/2
    assert NUMPY["ExpErfi"](-900.0, 30.0) == pytest.approx(float(multiprecision.exp_erfi(-900, 30)), rel=450 * EPS)
    scaled = NUMPY["ExpBivariateNormalCDF"](800.0, -40.0, -40.0, 0.99999, np.sqrt(1.99999e-5))
    with mp.workdps(30):
        exact = multiprecision.exp_bivariate_normal_cdf(800, -40, -40, 0.99999, np.sqrt(1.99999e-5))
    assert scaled == pytest.approx(float(exact), rel=1600 * EPS)


def test_infinite_arguments_reach_their_limits_in_numpy() -> None:
    infinity = np.inf
    assert NUMPY["NormalCDF"](-infinity) == 0
    assert NUMPY["ExpNormalCDF"](3.0, -infinity) == 0
    assert NUMPY["BivariateNormalCDF"](-infinity, 1.0, 0.3) == 0
    assert NUMPY["BivariateNormalCDF"](infinity, 1.0, 0.3) == pytest.approx(float(NUMPY["NormalCDF"](1.0)), rel=2 * EPS)
    assert NUMPY["BivariateNormalCDF"](infinity, infinity, -0.3) == 1
    assert np.isnan(NUMPY["BivariateNormalCDF"](np.nan, 1.0, 0.3))
