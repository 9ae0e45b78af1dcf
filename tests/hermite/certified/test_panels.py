"""Panels: the bound of Hermite functions in the plane, and errors of the rules that are never too small."""

from itertools import pairwise

import mpmath as mp
import pytest
import sympy as sp
from flint import arb, ctx
from hypothesis import given
from hypothesis import strategies as st

from ntksym.errors import ToleranceNotMet
from ntksym.formula.tape import play, record
from ntksym.hermite.certified.majorant import Tails
from ntksym.hermite.certified.panels import IntegrationPanel, PanelErrors, beyond, cover, hermite_bound
from ntksym.symbols import x

COARSE = PanelErrors(arb(1e-6), arb(1e-6), arb(1e-6))


def hermite_function(order, z):
    """abs(h_k(z) phi(z)) for k <= order."""
    before, now = mp.mpc(0), mp.mpc(1)
    sizes = []
    for k in range(order + 1):
        sizes.append(abs(now * mp.npdf(z)))
        before, now = now, (z * now - mp.sqrt(k) * before) / mp.sqrt(k + 1)
    return sizes


@given(near=st.floats(0, 40), height=st.floats(0, 6), order=st.integers(0, 120))
def test_hermite_functions_stay_below_their_bound(near, height, order):
    bound = mp.mpf(hermite_bound(arb(near), arb(height), order).lower().str(30, radius=False))
    with mp.workdps(60):
        for z in (mp.mpc(near, height), mp.mpc(near + 0.3, height / 2), mp.mpc(near + 3, 0)):
            assert max(hermite_function(order, z)) <= bound * (1 + mp.mpf(10) ** -15)


@pytest.mark.parametrize(("near", "height", "order"), [(0, 0, 0), (0, 1, 50), (5, 0.5, 20), (14, 0, 100), (30, 0, 100)])
def test_the_bound_of_hermite_functions_is_of_the_right_size(near, height, order):
    """At most a factor (order + 1)**(3/4) above the largest: Mehler's sum bounds all orders at once."""
    bound = float(hermite_bound(arb(near), arb(height), order))
    with mp.workdps(60):
        largest = float(max(hermite_function(order, mp.mpc(near, height))))
    assert bound <= 10 * (order + 1) ** 0.75 * largest


@pytest.mark.parametrize(
    ("piece", "value", "slope"),
    [
        (sp.sin(3 * x), (1 - mp.exp(-18)) / 2, 9 * (1 + mp.exp(-18)) / 2),
        (sp.exp(x), mp.exp(2), mp.exp(2)),
        (sp.exp(-(x**2)), 1 / mp.sqrt(5), 4 / mp.sqrt(5) / 5),
        (x**2, 3, 4),
    ],
)
def test_a_coarse_rule_is_wrong_by_less_than_its_error(piece, value, slope):
    """With few nodes the errors are far above rounding, so that a bound that is too small would show."""
    ends, tape = [arb(-12), arb(12)], record(piece)
    panels, errors = cover([tape], ends, arb(1), 0, COARSE)
    function, derivative = sp.lambdify(x, piece, "mpmath"), sp.lambdify(x, sp.diff(piece, x), "mpmath")
    total = steep = mp.mpf(0)
    with ctx.workprec(120), mp.workdps(30):
        for panel in panels:
            centre, half = (mp.mpf(part.mid().str(34, radius=False)) for part in panel.place(ends))
            for index in range(panel.nodes):
                node, weight = (
                    mp.mpf(part.str(34, radius=False)) for part in arb.legendre_p_root(panel.nodes, index, weight=True)
                )
                z = centre + half * node
                total += half * weight * mp.npdf(z) * function(z) ** 2
                steep += half * weight * mp.npdf(z) * derivative(z) ** 2
    # Beyond 12 standard deviations is less than 1e-20, the last digit of the sums above 1e-27.
    assert abs(total - value) <= float(errors.value) + 1e-20
    assert abs(steep - slope) <= float(errors.slope) + 1e-20
    assert float(errors.value) < 1e-3


def test_panels_tile_their_segments():
    ends = [arb(-9), arb(0), arb(9)]
    panels, _ = cover([record(sp.exp(x)), record(x / (1 + x))], ends, arb(2), 30, COARSE)
    for segment in (0, 1):
        spans = [(p.numerator / 2**p.depth, (p.numerator + 1) / 2**p.depth) for p in panels if p.segment == segment]
        assert all(left[1] == right[0] for left, right in pairwise(spans))
    assert panels[0].nodes >= 2
    low, high = IntegrationPanel(0, 3, 2).halves()
    assert low.place(ends)[0] + low.place(ends)[1] == high.place(ends)[0] - high.place(ends)[1]


def test_negligible_parts_get_no_nodes():
    panels, errors = cover([record(sp.tanh(x))], [arb(-1000), arb(1000)], arb(1), 10, COARSE)
    farthest = max(float(abs(panel.place([arb(-1000), arb(1000)])[0])) for panel in panels)
    assert farthest < 32
    assert float(errors.coefficient) < 1e-4


@pytest.mark.parametrize("piece", [sp.tanh(x), x**3, sp.exp(2 * x), x * sp.exp(-x / 3)])
@pytest.mark.parametrize("order", [0, 9])
def test_what_is_beyond_the_panels_is_below_its_bound_and_of_its_size(piece, order):
    tails, root, reach = Tails(1, arb(0)), 1.25, 7.0
    errors = beyond(play(record(piece), tails, tails.variable()), arb(root), arb(reach), order)
    function, derivative = sp.lambdify(x, piece, "mpmath"), sp.lambdify(x, sp.diff(piece, x), "mpmath")

    def integral(weight):
        return mp.quad(weight, [reach, reach + 1, reach + 3, reach + 8, reach + 20])

    true = PanelErrors(
        max(integral(lambda z, k=k: abs(function(root * z)) * hermite_function(k, z)[k]) for k in range(order + 1)),
        integral(lambda z: mp.npdf(z) * function(root * z) ** 2),
        integral(lambda z: mp.npdf(z) * derivative(root * z) ** 2),
    )
    assert true.coefficient <= float(errors.coefficient)
    assert true.value <= float(errors.value) <= 1e4 * true.value
    assert true.slope <= float(errors.slope)


def test_a_pole_is_refused_with_its_place_and_the_way_out():
    with pytest.raises(ToleranceNotMet, match=r"near x = 2.*certify=False"):
        cover([record(1 / (x - 2))], [arb(-5), arb(5)], arb(1), 3, COARSE)
