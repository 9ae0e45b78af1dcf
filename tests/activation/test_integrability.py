"""Whether E[s(U)^2] and E[s'(U)^2] are finite is decided in one place, with the place and order of what forbids it."""

import pickle
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

import ntksym as nk
from ntksym.activation.activation import Activation
from ntksym.activation.catalogue import catalogue
from ntksym.activation.integrability import (
    require_slope,
    require_value,
    slope_integrability,
    value_integrability,
)
from ntksym.activation.singular_points import Place
from ntksym.activation.singularities import singularity_at
from ntksym.errors import NoSuchDual

POLES = {
    "1/x": (0, 1),
    "1/(x-5)": (5, 1),
    "1/(x-1000)": (1000, 1),
    "abs(x-2)**(-0.6)": (2, Fraction(3, 5)),
    "abs(x)**(-1/2)": (0, Fraction(1, 2)),
    "1/(1+x)": (-1, 1),
    "1/(x**2-1)": (-1, 1),
    "1/(x**2-2*x+1)": (1, 2),
    "where(x>0, x, 1/(1+x))": (-1, 1),
    "exp(x)/x": (0, 1),
    "1/(exp(x)-2)": (float(np.log(2)), 1),
    "1/sin(x+1)": (-1, 1),
    "1/(1+sin(x))": (-np.pi / 2, 2),
    "tan(x)": (-np.pi / 2, 1),
    "tan(2*tanh(x))": (-np.arctanh(np.pi / 4), 1),
    "x/sin(x)": (-np.pi, 1),
    "1/sin(1/x)": (None, 1),
    "1/log(abs(x))": (-1, 1),
    "1/(x**5-x-1)": (1.1673039782614187, 1),
    "exp(1/x)": (0, sp.oo),
    "log(abs(x))/sqrt(abs(x))": (0, Fraction(1, 2)),
}


@pytest.mark.parametrize("formula", POLES)
def test_a_pole_of_order_one_half_or_more_is_refused_with_its_place_and_order(formula: str) -> None:
    place, order = POLES[formula]
    found = value_integrability(Activation(formula))
    assert found.is_nowhere
    assert found.sharp
    assert found.singularity is not None
    assert found.singularity.order == order
    if place is not None:
        assert float(found.singularity.place) == pytest.approx(place, abs=1e-12)
    with pytest.raises(NoSuchDual, match="every variance") as caught:
        nk.derive(formula)
    assert caught.value.about["integrability"] == found
    with pytest.raises(NoSuchDual, match="every variance"):
        nk.derive(formula, "series")
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize("moved", ["x", "x-1", "x+pi"])
@pytest.mark.parametrize(
    "formula",
    ["log(abs(z))", "z*log(abs(z))", "abs(z)**(-1/4)", "abs(z)**(-0.499)", "sin(z)/z", "z/tanh(z)", "(1-cos(z))/z**2",
     "(exp(z)-1-z)/z**2", "sin(1/z)", "where(z>0, exp(-1/z), 0)", "log(abs(z))**3", "abs(z)**(-0.3)*log(abs(z))"],
)  # fmt: skip
def test_what_is_square_integrable_at_its_singularity_is_accepted_wherever_that_lies(formula: str, moved: str) -> None:
    assert value_integrability(Activation(formula.replace("z", f"({moved})"))).is_everywhere


def test_the_order_counts_logarithms_apart() -> None:
    found = singularity_at(Activation("abs(x)**(-0.4)*log(abs(x))**2").to_mpmath(), Place(sp.S.Zero))
    assert found is not None
    assert found.order == sp.Rational(2, 5)
    assert found.logarithm == pytest.approx(2, abs=0.01)
    assert found.is_integrable
    assert singularity_at(Activation("log(abs(x))").to_mpmath(), Place(sp.S.Zero)) is None
    borderline = value_integrability(Activation("where(abs(x)<1/2, abs(x)**(-1/2)/log(abs(x)), 0)"))
    assert borderline.is_everywhere  # the integral of 1/(x log(x)^2) converges
    assert value_integrability(Activation("where(abs(x)<1/2, abs(x)**(-1/2), 0)")).is_nowhere


@pytest.mark.parametrize("formula", ["exp(x**4)", "exp(exp(x))", "exp(exp(x)+x)", "cosh(x**3)", "exp(x+abs(x)**2.5)"])
def test_growth_beyond_every_gaussian_is_refused(formula: str) -> None:
    assert value_integrability(Activation(formula)).is_nowhere
    with pytest.raises(NoSuchDual, match="faster than every Gaussian"):
        require_value(Activation(formula))


@pytest.mark.parametrize("formula", ["exp(x**2/8)", "x*exp(x**2/8)", "erfi(x/3)", "exp(x**2/8)+x", "exp(x-x**2)"])
def test_the_bound_is_where_the_dual_ends(formula: str) -> None:
    """Closed forms find their domain by themselves, from determinants."""
    found, dual = value_integrability(Activation(formula)), nk.derive(formula)
    if found.is_everywhere:
        assert not [condition for condition in dual.domain if sp.sympify(condition).subs("q", 10**6) < 0]
        return
    assert found.sharp
    inside, outside = (float(found.bound) * factor for factor in (0.9, 1.001))
    assert np.isfinite(dual.evaluate(inside, inside, inside).value)
    with pytest.raises(NoSuchDual):
        dual.evaluate(outside, outside, outside)


@pytest.mark.parametrize("name", sorted(catalogue))
def test_the_slope_is_square_integrable_where_the_dual_is_continuous(name: str) -> None:
    assert value_integrability(Activation(name)).bound != 0
    assert slope_integrability(Activation(name)).is_nowhere != nk.derive(name).continuous


STEEP = {
    "sign(x)": "jumps at x = 0",
    "floor(x)": "jumps at x = 0",
    "sign(sin(x-1))": "jumps at x = 1",
    "abs(x)**(1/2)": "order 1/2",
    "cbrt(x-1)": "x = 1.*order 2/3",
    "log(abs(x))": "order 1",
    "abs(sin(x))**(1/2)": "order 1/2",
}


@pytest.mark.parametrize("formula", STEEP)
def test_a_jump_or_a_power_up_to_one_half_leaves_no_slope(formula: str) -> None:
    activation = Activation(formula)
    assert slope_integrability(activation).is_nowhere
    assert not value_integrability(activation).is_nowhere
    with pytest.raises(NoSuchDual, match=f"{STEEP[formula]}.*nngp"):
        require_slope(activation)


@pytest.mark.parametrize("formula", ["abs(x)**0.51", "x*log(abs(x))", "asin(sin(x))", "max(sin(x), 0)", "abs(sin(x))"])
def test_kinks_and_steeper_powers_leave_one(formula: str) -> None:
    assert slope_integrability(Activation(formula)).is_everywhere


@pytest.mark.parametrize("formula", ["1/(x-5)", "tan(x)", "exp(exp(x))"])
def test_every_entrance_says_the_same(formula: str) -> None:
    network = nk.fully_connected(formula, depth=1)
    entrances = [
        lambda: nk.build(network)(np.eye(2)),
        lambda: nk.spectrum(network, dim=3, degree=4),
        lambda: nk.phases(formula, W_std=1.5, b_std=0.1),
        lambda: nk.positivity(network),
    ]
    reason = value_integrability(Activation(formula)).reason
    for entrance in entrances:
        with pytest.raises(NoSuchDual) as caught:
            entrance()
        assert reason in str(caught.value)


def test_a_kernel_that_exists_for_no_input_has_no_verdict() -> None:
    for formula, settings in (("exp(x**2)", {"depth": 1, "b_std": 1}), ("exp(x**2/8)", {"depth": 2, "W_std": 2})):
        with pytest.raises(NoSuchDual, match="for no input"):
            nk.positivity(nk.fully_connected(formula, **settings))
    assert nk.positivity(nk.fully_connected("exp(x**2/8)", depth=1, W_std=2)).holds is False
