"""Series duals: what they answer, what they refuse, and that they are symmetric and positive semi-definite."""

import math
import pickle

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ntksym as nk
from ntksym.dual import SeriesDual

TANH = nk.derive("tanh")
MISH = nk.derive("mish")


def test_derive_chooses_and_can_be_told() -> None:
    assert nk.derive("relu").kind == "closed"
    assert nk.derive("tanh").kind == "series"
    assert nk.derive("erf", method="series").kind == "series"
    with pytest.raises(nk.NoClosedForm):
        nk.derive("tanh", method="closed")
    with pytest.raises(nk.InvalidInput, match="choose one of auto, closed, series"):
        nk.derive("tanh", method="fast")


def test_equal_duals_share_their_tables_and_survive_pickling() -> None:
    again = pickle.loads(pickle.dumps(TANH))
    assert again == TANH
    assert again._table is TANH._table
    assert repr(TANH) == "SeriesDual(activation=Activation('tanh'), certified=False)"


@given(st.floats(1e-8, 1e4), st.floats(1e-8, 1e4), st.floats(-1, 1))
def test_the_dual_is_symmetric(q1: float, q2: float, rho: float) -> None:
    c = rho * np.sqrt(q1) * np.sqrt(q2) * (1 - 1e-15)
    one, other = MISH.evaluate(q1, q2, c), MISH.evaluate(q2, q1, c)
    assert abs(one.value - other.value) <= 2 * MISH.error_bound(q1, q2)
    assert abs(one.slope - other.slope) <= 2 * MISH.slope_error_bound(q1, q2)


@given(st.floats(1e-6, 1e6), st.floats(-1, 1))
def test_parity_of_the_activation_is_that_of_the_dual(q: float, rho: float) -> None:
    c = rho * q
    plus, minus = TANH.evaluate(q, q, c), TANH.evaluate(q, q, -c)
    assert abs(plus.value + minus.value) <= 2 * TANH.error_bound(q, q)
    assert abs(plus.slope - minus.slope) <= 2 * TANH.slope_error_bound(q, q)


@given(st.integers(0, 2**32 - 1))
def test_grams_are_positive_semidefinite(seed: int) -> None:
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((12, 3)) * 10 ** generator.uniform(-3, 2)
    c = x @ x.T
    q = np.diag(c)
    p = np.sqrt(np.outer(q, q))
    for part in TANH.evaluate(q[:, None], q[None, :], np.clip(c, -p, p)):
        assert np.linalg.eigvalsh((part + part.T) / 2).min() >= -1e-12 * np.abs(part).max()


def test_limits_are_exact() -> None:
    value, slope = TANH.evaluate(0.0, 2.0, 0.0)
    assert value == 0
    mean = mpmath.quad(lambda z: mpmath.sech(mpmath.sqrt(2) * z) ** 2 * mpmath.npdf(z), [-9, -4, -1, 0, 1, 4, 9])
    assert abs(slope - mean) <= TANH.slope_error_bound(0.0, 2.0)
    opposite = TANH.evaluate(1.0, 1.0, 1.0).value + TANH.evaluate(1.0, 1.0, -1.0).value
    assert abs(opposite) <= 2 * TANH.error_bound(1.0, 1.0)
    assert TANH.evaluate(np.ones((2, 1)), np.ones(3), 0.5).value.shape == (2, 3)
    assert TANH.evaluate(np.empty(0), 1.0, 0.0).value.shape == (0,)


def test_high_precision_comes_from_an_integral_of_its_own() -> None:
    value, slope = TANH.evaluate(0.7, 2.3, 0.5, dps=30)
    quick = TANH.evaluate(0.7, 2.3, 0.5)
    assert abs(value - quick.value) <= TANH.error_bound(0.7, 2.3)
    assert abs(slope - quick.slope) <= TANH.slope_error_bound(0.7, 2.3)
    with mpmath.workdps(30):
        assert len(mpmath.nstr(value, 30)) > 25
    on_the_edge = TANH.evaluate(2.0, 2.0, 2.0, dps=20).value
    assert abs(on_the_edge - TANH.evaluate(2.0, 2.0, 2.0).value) <= TANH.error_bound(2.0, 2.0)


def test_a_jump_has_a_value_and_an_infinite_slope_on_the_diagonal() -> None:
    dual = nk.derive("floor(x)")
    assert isinstance(dual, SeriesDual)
    assert not dual.continuous
    assert dual.evaluate(1.0, 1.0, 1.0).slope == np.inf
    assert dual.slope_error_bound(1.0, 1.0) == np.inf
    exact = dual.evaluate(1.0, 1.0, 0.3, dps=15).value
    assert abs(dual.evaluate(1.0, 1.0, 0.3).value - exact) <= dual.error_bound(1.0, 1.0)


@pytest.mark.parametrize("arguments", [(-1, 1, 0), (1, 1, 1.1), (np.nan, 1, 0), (1, np.inf, 0)])
def test_what_is_no_covariance_is_refused(arguments: tuple[float, float, float]) -> None:
    with pytest.raises(nk.InvalidInput):
        TANH.evaluate(*arguments)


def test_growing_gaussians_have_a_domain() -> None:
    dual = nk.derive("tanh(x)*exp(x**2/10)")
    assert dual.kind == "series"
    assert np.isfinite(dual.evaluate(1.0, 1.0, 0.5).value)
    with pytest.raises(nk.NoSuchDual, match="smaller W_std"):
        dual.evaluate(3.0, 3.0, 0.5)
    with pytest.raises(nk.NoSuchDual):
        nk.derive("tanh(x)*exp(x**4)")


def test_certified_bounds_hold_and_are_near_rounding() -> None:
    pytest.importorskip("flint")
    certified = nk.derive("tanh", certify=True)
    assert certified.certified
    assert certified != TANH
    for place in ((0.7, 2.3, 0.6), (1.0, 1.0, 1.0), (0.01, 4.0, -0.2)):
        exact = certified.evaluate(*place, dps=20)
        found = certified.evaluate(*place)
        bounds = certified.error_bound(*place[:2]), certified.slope_error_bound(*place[:2])
        for number, true, bound in zip(found, exact, bounds, strict=True):
            assert abs(number - true) <= bound <= 1e-13


def test_a_certified_kink_says_what_its_series_leaves_out() -> None:
    pytest.importorskip("flint")
    certified, measured = nk.derive("softsign", certify=True), nk.derive("softsign")
    gap = abs(certified.evaluate(1.0, 1.0, 1.0).value - measured.evaluate(1.0, 1.0, 1.0).value)
    bound = certified.error_bound(1.0, 1.0)
    assert gap <= bound + measured.error_bound(1.0, 1.0)
    assert bound <= 4 * gap
    assert measured.error_bound(1.0, 1.0) < 1e-13


def test_many_hard_pairs_agree_with_the_same_pairs_alone() -> None:
    """A hundred pairs are worth a longer series; a few are integrated."""
    dual = nk.derive("softsign")
    q = np.linspace(1.0, 1.9, 120)
    c = q * (1 - np.geomspace(1e-8, 1.5e-2, 120))
    many = dual.evaluate(q, q, c)
    for places in np.array_split(np.arange(0, 120, 6), 2):
        few = dual.evaluate(q[places], q[places], c[places])
        assert np.all(np.abs(many.value[places] - few.value) <= 2 * dual.error_bound(q[places], q[places]))
        assert np.all(np.abs(many.slope[places] - few.slope) <= 2 * dual.slope_error_bound(q[places], q[places]))


@pytest.mark.parametrize(("formula", "power"), [("sqrt(abs(x))", 0.5), ("abs(x)**0.4", 0.4)])
def test_an_infinite_slope_is_not_bounded(formula: str, power: float) -> None:
    """E|Z|**p = 2**(p/2) Gamma((p + 1)/2)/sqrt(pi)."""
    dual = nk.derive(formula, method="series")
    assert not dual.continuous
    assert dual.slope_error_bound(1.0, 1.0) == np.inf
    mean, square = (2 ** (p / 2) * math.gamma((p + 1) / 2) / math.sqrt(math.pi) for p in (power, 2 * power))
    assert abs(dual.evaluate(1.0, 1.5, 0.0).value - mean**2 * 1.5 ** (power / 2)) <= dual.error_bound(1.0, 1.5)
    assert abs(dual.evaluate(1.0, 1.0, 1.0).value - square) <= dual.error_bound(1.0, 1.0)
    with pytest.raises(nk.NoSuchDual, match="infinitely steep"):
        nk.build(nk.fully_connected(formula, depth=1), derive=lambda _: dual)(np.eye(3))


@pytest.mark.parametrize("tolerance", [1e-12, 1e-8])
def test_limits_keep_their_promise_between_very_different_variances(tolerance: float) -> None:
    """Each number of groups, at the largest correlation that it is said to serve, against the closed form."""
    closed = nk.derive("erf")
    q = np.geomspace(0.05, 8, 25)
    expansion = nk.derive("erf", method="series").expand(q, tolerance)
    a, k = expansion.coefficients, expansion.offset + expansion.stride * np.arange(expansion.coefficients.shape[1])
    i, j = np.triu_indices(25)
    for group in range(0, expansion.limits.shape[1], 4):
        rho = np.minimum(expansion.limits[i, group], expansion.limits[j, group])
        terms = slice(0, 8 * (group + 1))
        value = np.sum(a[i, terms] * a[j, terms] * rho[:, None] ** k[terms], axis=1)
        exact = closed.evaluate(q[i], q[j], rho * np.sqrt(q[i] * q[j]) * (1 - 1e-16)).value
        scale = np.sqrt(expansion.value[i] * expansion.value[j])
        assert np.all(np.abs(value - exact) <= (tolerance + 1e-14) * scale)
