"""Phases: closed forms, integrals by mpmath, the recursion of networks and measured decays as oracles."""

import json
import math
import pickle
import time
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntksym.activation.activation import Activation
from ntksym.activation.catalogue import catalogue
from ntksym.dual import series_dual
from ntksym.dual.derivation import derive
from ntksym.errors import InvalidInput, NoSuchDual, ToleranceNotMet
from ntksym.network.layers import fully_connected
from ntksym.theory.phases.correlation import CorrelationMap
from ntksym.theory.phases.criticality import critical_line
from ntksym.theory.phases.diagram import phases
from ntksym.theory.phases.equilibria import FixedPoint
from tests.oracle import float_recursion_at

EPSILON = float(np.finfo(np.float64).eps)

ROUNDINGS = 64 * EPSILON
"""Of a sum over the nodes of a rule, relative."""


def fixed_point_error(point: FixedPoint) -> float:
    """A relative error of the map is enlarged by 1/(1 - slope) in its fixed point."""
    return ROUNDINGS / abs(1 - point.slope)


def gaussian_mean(function: Any, q: Any) -> Any:
    """E[function(sqrt(q) Z)] at 30 digits for smooth functions."""
    with mpmath.workdps(30):
        root = mpmath.sqrt(q)
        density = mpmath.npdf
        return mpmath.quad(lambda z: function(root * z) * density(z), [-14, -6, -2, 0, 2, 6, 14])


def test_erf_has_its_closed_forms() -> None:
    """E[erf^2] = (2/pi) asin(2q/(1 + 2q)); chi_1 = W^2 (4/pi)/sqrt(1 + 4q)."""
    found = phases("erf", W_std=2.0, b_std=0.3)
    point = found.limit
    q = point.q
    assert 4 * (2 / math.pi) * math.asin(2 * q / (1 + 2 * q)) + 0.09 == pytest.approx(q, rel=4 * ROUNDINGS)
    assert point.chi_1 == pytest.approx(4 * (4 / math.pi) / math.sqrt(1 + 4 * q), rel=ROUNDINGS)
    slope = 4 * (4 / math.pi) / ((1 + 2 * q) * math.sqrt(1 + 4 * q))
    assert point.slope == pytest.approx(slope, abs=ROUNDINGS * 16)  # a derivative of a polynomial of degree 16
    rho = point.rho
    assert rho is not None
    assert 0 < rho < 1
    kept = (4 * (2 / math.pi) * math.asin(2 * q * rho / (1 + 2 * q)) + 0.09) / q
    assert kept == pytest.approx(rho, abs=ROUNDINGS)


@pytest.mark.parametrize(("W_std", "b_std"), [(0.7, 0.2), (1.5, 0.4), (3.0, 0.1)])
def test_sin_has_its_closed_forms(W_std: float, b_std: float) -> None:
    """E[sin^2] = (1 - exp(-2q))/2, chi_1 = W^2 (1 + exp(-2q))/2, chi_q = W^2 exp(-2q)."""
    point = phases("sin", W_std=W_std, b_std=b_std).limit
    q, weight = point.q, W_std * W_std
    assert weight * -math.expm1(-2 * q) / 2 + b_std**2 == pytest.approx(q, rel=ROUNDINGS)
    assert point.chi_1 == pytest.approx(weight * (1 + math.exp(-2 * q)) / 2, rel=fixed_point_error(point))
    assert point.slope == pytest.approx(weight * math.exp(-2 * q), abs=16 * ROUNDINGS * weight)


def test_relu_is_critical_at_the_root_of_two_without_bias() -> None:
    found = phases("relu", W_std=math.sqrt(2))
    assert (found.phase, found.lengths_stay, found.chi_1, found.rho) == ("critical", True, 1.0, 1.0)
    assert found.q == pytest.approx(2.0, rel=ROUNDINGS)
    assert found.critical_decay is not None
    factor, power = found.critical_decay
    assert (factor, power) == (pytest.approx(9 * math.pi**2 / 2, rel=ROUNDINGS), 2)


def test_relu_with_bias_at_the_root_of_two_grows_without_end() -> None:
    found = phases("relu", W_std=math.sqrt(2), b_std=0.1)
    assert (found.q, found.phase, found.limit.stability) == (math.inf, "critical", "marginal")
    grown = found.lengths(1.0, 100)
    assert grown == pytest.approx(1 + 0.01 * np.arange(101), rel=100 * 4 * EPSILON)


@pytest.mark.parametrize(("W_std", "phase", "q"), [(1.2, "ordered", 0.0), (1.5, "chaotic", math.inf)])
def test_relu_collapses_or_explodes_elsewhere_and_correlations_go_to_one_all_the_same(
    W_std: float, phase: str, q: float
) -> None:
    found = phases("relu", W_std=W_std)
    assert (found.phase, found.q, found.rho) == (phase, q, 1.0)
    assert found.chi_1 == pytest.approx(W_std**2 / 2, rel=ROUNDINGS)
    assert found.limit.xi_c == math.inf


def test_relu_with_bias_below_has_the_fixed_point_of_a_linear_map() -> None:
    point = phases("relu", W_std=1.0, b_std=0.1).limit
    assert point.q == pytest.approx(0.02, rel=ROUNDINGS)
    assert point.slope == pytest.approx(0.5, abs=16 * ROUNDINGS)
    assert point.xi_c == pytest.approx(1 / math.log(2), rel=16 * ROUNDINGS)


def test_a_linear_network_keeps_every_correlation() -> None:
    found = phases("x")
    assert (found.phase, found.lengths_stay, found.rho) == ("critical", True, None)
    rho = np.array([-1.0, -0.4, 0.0, 0.7, 1.0])
    assert found.correlation_map(rho) == pytest.approx(rho, abs=8 * EPSILON)
    affine = phases("x", W_std=0.5, b_std=0.3).limit
    assert affine.q == pytest.approx(0.09 / 0.75, rel=ROUNDINGS)
    assert affine.rho == 1


def test_degrees_other_than_one_depend_on_the_first_length() -> None:
    """For x^2, q' = 3 W^2 q^2: the unstable length is 1/(3 W^2), and rho' = (1 + 2 rho^2)/3 has rho = 1/2."""
    below, above = phases("x**2", W_std=1.0, mean_square=0.3), phases("x**2", W_std=1.0, mean_square=0.4)
    assert (below.q, above.q) == (0.0, math.inf)
    middle = below.fixed_points[1]
    assert (middle.q, middle.stability) == (pytest.approx(1 / 3, rel=ROUNDINGS), "unstable")
    assert below.rho == pytest.approx(0.5, abs=ROUNDINGS)
    assert below.limit.chi_rho == pytest.approx(2 / 3, abs=ROUNDINGS)


def test_two_stable_lengths_are_told_apart_by_the_data() -> None:
    """exp: W^2 exp(2 q) = q has two solutions below W^2 = 1/(2 e), one attracting; beyond the other it explodes."""
    small, large = phases("exp", W_std=0.3), phases("exp", W_std=0.3, mean_square=20.0)
    assert 0.09 * math.exp(2 * small.q) == pytest.approx(small.q, rel=ROUNDINGS)
    assert large.q == math.inf
    assert phases("exp", W_std=1.0).q == math.inf


def test_a_dual_that_stops_to_exist_is_reported() -> None:
    found = phases("exp(x**2/8)", W_std=2.0)
    assert found.q == math.inf
    assert "diverges, at q = 2" in found.reason
    with pytest.raises(NoSuchDual, match="diverges"):
        found.length_map(2.5)
    kept = phases("exp(x**2/8)", W_std=0.5).limit
    assert 0.25 / math.sqrt(1 - kept.q / 2) == pytest.approx(kept.q, rel=ROUNDINGS)


@pytest.mark.parametrize("name", ["sign", "heaviside(x)"])
def test_a_jump_makes_every_phase_chaotic(name: str) -> None:
    for b_std in (0.1, 1.0, 10.0):
        found = phases(name, W_std=1.0, b_std=b_std)
        assert (found.phase, found.chi_1) == ("chaotic", math.inf)
        assert found.rho is not None
        assert found.rho < 1
        assert found.limit.xi_gradient is None
        assert "jumps" in found.reason


def test_sign_has_its_closed_correlation_map() -> None:
    """(2/pi) asin(rho), with W^2 = 1 and b^2 = 0.04, q = 1.04."""
    found = phases("sign", W_std=1.0, b_std=0.2)
    assert found.q == pytest.approx(1.04, rel=ROUNDINGS)
    rho = np.array([-1, -0.3, 0.0, 0.5, 0.999, 1.0])
    assert found.correlation_map(rho) == pytest.approx((2 / np.pi * np.arcsin(rho) + 0.04) / 1.04, abs=ROUNDINGS)


def test_tanh_without_bias_changes_phase_at_one() -> None:
    ordered, critical, chaotic = (phases("tanh", W_std=W_std) for W_std in (0.9, 1.0, 1.1))
    assert (ordered.phase, ordered.q) == ("ordered", 0.0)
    assert (critical.phase, critical.q, critical.chi_1) == ("critical", 0.0, 1.0)
    assert (chaotic.phase, chaotic.rho) == ("chaotic", 0.0)
    assert chaotic.q > 0


def test_near_criticality_the_small_length_is_found() -> None:
    """tanh: E[tanh^2] = q - 2 q^2 + (17/3) q^3 - ..., so (1 + d)(1 - 2 q + 17/3 q^2) = 1 for W^2 = 1 + d."""
    W_std = 1.0000001
    d = (W_std - 1) * (W_std + 1)
    expected = d / 2 * (1 - d + 17 / 12 * d)
    found = phases("tanh", W_std=W_std)
    assert found.q == pytest.approx(expected, rel=ROUNDINGS / d + d * d * 100)


def test_the_critical_line_of_tanh_agrees_with_integrals_at_30_digits() -> None:
    """Schoenholz et al. 2017, figure 2: b_std^2 = 0.05, W_std^2 about 1.76."""
    b_std = math.sqrt(0.05)
    line = critical_line("tanh", b_std=[0.0, b_std, 0.5])
    assert line[0] == 1.0
    assert line[1] ** 2 == pytest.approx(1.76, abs=0.005)
    for W_std, bias in zip(line[1:].tolist(), (b_std**2, 0.25), strict=True):
        with mpmath.workdps(30):
            weight = mpmath.mpf(W_std) ** 2
            q = mpmath.findroot(
                lambda q, weight=weight, bias=bias: weight * gaussian_mean(lambda x: mpmath.tanh(x) ** 2, q) + bias - q,
                phases("tanh", W_std=W_std, b_std=math.sqrt(bias)).q,
            )
            chi_1 = weight * gaussian_mean(lambda x: mpmath.sech(x) ** 4, q)
        assert float(abs(chi_1 - 1)) <= ROUNDINGS


@pytest.mark.parametrize("name", ["tanh", "erf", "sin", "elu", "softsign"])
def test_phases_calls_critical_what_is_on_the_line_and_not_what_is_beside_it(name: str) -> None:
    b_std = 0.2
    W_std = critical_line(name, b_std=b_std)
    assert phases(name, W_std=W_std, b_std=b_std).phase == "critical"
    assert phases(name, W_std=W_std * (1 - 1e-9), b_std=b_std).phase == "ordered"
    assert phases(name, W_std=W_std * (1 + 1e-9), b_std=b_std).phase == "chaotic"


def test_the_critical_line_of_erf_starts_where_its_slope_at_zero_says() -> None:
    """chi_1 = W^2 (4/pi) at q = 0."""
    assert critical_line("erf", b_std=0) == pytest.approx(math.sqrt(math.pi) / 2, rel=ROUNDINGS)


def test_relu_is_critical_without_bias_only() -> None:
    assert critical_line("relu", b_std=0.0) == pytest.approx(math.sqrt(2), rel=ROUNDINGS)
    with pytest.raises(InvalidInput, match="no critical W_std"):
        critical_line("relu", b_std=0.1)


def test_the_line_of_silu_ends_where_lengths_begin_to_repel() -> None:
    """Roberts, Yaida, Hanin, "Principles of Deep Learning Theory", 5.3.4: b^2 = 0.55514, W^2 = 1.98800, q = 14.32."""
    W_std = critical_line("silu", b_std=math.sqrt(0.5552))
    assert W_std**2 == pytest.approx(1.9880, abs=5e-5)
    assert phases("silu", W_std=W_std, b_std=math.sqrt(0.5552)).q == pytest.approx(14.32, abs=0.05)
    with pytest.raises(InvalidInput, match="no critical W_std"):
        critical_line("silu", b_std=math.sqrt(0.5551))


def test_a_jump_has_no_critical_line() -> None:
    with pytest.raises(NoSuchDual, match="always chaotic"):
        critical_line("sign", b_std=0.1)


@pytest.mark.parametrize("b_std", [1e-13, 1e-30])
def test_a_bias_below_rounding_is_no_answer_and_not_a_wrong_one(b_std: float) -> None:
    """tanh: b^2 = 4/3 q^3, which q - V/D does not show where q^2 is below the rounding of one."""
    with pytest.raises(ToleranceNotMet, match="float64"):
        critical_line("tanh", b_std=b_std)
    q = (0.75e-18) ** (1 / 3)  # of b = 1e-9, where W^2 = 1/D = 1 + 2 q
    assert critical_line("tanh", b_std=1e-9) - 1 == pytest.approx(q, rel=1e-3)


@pytest.mark.parametrize("b_std", [-0.1, 1e-160, math.nan, "0.1", True, [0.1, math.inf]])
def test_the_critical_line_refuses_what_is_no_standard_deviation(b_std: Any) -> None:
    with pytest.raises(InvalidInput, match="b_std"):
        critical_line("tanh", b_std=b_std)


@pytest.mark.parametrize(("name", "W_std", "b_std"), [("tanh", 1.5, 0.3), ("erf", 1.2, 0.4), ("sin", 2.0, 0.2)])
def test_depth_scales_are_those_of_the_iterated_maps(name: str, W_std: float, b_std: float) -> None:
    """A small distance shrinks by the slope, up to a second-order term of its own size."""
    found = phases(name, W_std=W_std, b_std=b_std)
    point = found.limit
    small = 1e-6
    lengths = found.lengths(point.q * (1 + small), 3) - point.q
    assert point.xi_q is not None
    assert point.xi_c is not None
    assert point.rho is not None
    assert -1 / np.log(lengths[3] / lengths[2]) == pytest.approx(point.xi_q, rel=1e3 * small)
    distances = found.correlations(point.rho * (1 - small), 3) - point.rho
    assert -1 / np.log(distances[3] / distances[2]) == pytest.approx(point.xi_c, rel=1e4 * small)


def test_the_decay_at_criticality_is_the_stated_power() -> None:
    """After n layers the distance is a/n^p up to a relative error of log(n)/n times a constant."""
    for name, W_std, b_std in (("tanh", critical_line("tanh", b_std=0.3), 0.3), ("relu", math.sqrt(2), None)):
        found = phases(name, W_std=W_std, b_std=b_std)
        assert found.critical_decay is not None
        factor, power = found.critical_decay
        depth = 1500
        gaps = found.gaps(0.5, depth)
        assert gaps[depth] * depth**power / factor == pytest.approx(1, abs=20 * math.log(depth) / depth)


@pytest.mark.parametrize("name", ["relu", "gelu", "tanh", "cos"])
def test_trajectories_are_those_of_the_network(name: str) -> None:
    W_std, b_std, square, rho, depth = 1.3, 0.2, 0.8, 0.6, 4
    found, activation = phases(name, W_std=W_std, b_std=b_std), Activation(name)
    start = W_std**2 * square + b_std**2
    first = (W_std**2 * square * rho + b_std**2) / start
    lengths, correlations = found.lengths(start, depth), found.correlations(first, depth, q=start)
    for layers in range(1, depth + 1):
        network = fully_connected(activation, layers, W_std, b_std)
        variance, covariance = float_recursion_at(network, square, square, square * np.array([1.0, rho])).nngp
        assert lengths[layers] == pytest.approx(variance, rel=layers * ROUNDINGS)
        assert correlations[layers] == pytest.approx(covariance / variance, abs=layers * ROUNDINGS)


@pytest.mark.parametrize("gap", [1e-14, 1e-9, 1e-4, 0.3])
def test_small_gaps_keep_their_digits(gap: float) -> None:
    """relu: 1 - rho' = g - (sin t - t cos t)/pi, cos t = 1 - g, at 40 digits."""
    with mpmath.workdps(40):
        t = 2 * mpmath.asin(mpmath.sqrt(mpmath.mpf(gap) / 2))
        expected = mpmath.mpf(gap) - (mpmath.sin(t) - t * mpmath.cos(t)) / mpmath.pi
    assert phases("relu", W_std=math.sqrt(2)).gap_map(gap) == pytest.approx(float(expected), rel=ROUNDINGS)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(["tanh", "erf", "relu", "sin", "gelu"]),
    st.floats(0.3, 3.0),
    st.floats(0.01, 1.0),
)
def test_fixed_points_are_fixed_and_the_phase_follows_from_the_correlation(
    name: str, W_std: float, b_std: float
) -> None:
    found = phases(name, W_std=W_std, b_std=b_std)
    for point in found.fixed_points:
        if 0 < point.q < math.inf:
            assert found.length_map(point.q) == pytest.approx(point.q, rel=ROUNDINGS * (1 + abs(point.slope)))
    point = found.limit
    if point.q < math.inf and point.rho is not None:
        assert (point.rho < 1) == (point.phase == "chaotic")
        assert found.correlation_map(point.rho) == pytest.approx(point.rho, abs=ROUNDINGS)
        assert point.chi_rho is not None
        assert point.chi_rho <= 1


def test_phases_are_pickled_printed_and_told_as_plain_data() -> None:
    found = phases("tanh", W_std=1.5, b_std=0.3)
    again = pickle.loads(pickle.dumps(found))
    assert again == found
    assert again.fixed_points == found.fixed_points
    text = str(found)
    assert "chaotic" in text
    assert "xi_gradient" in text
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["limit"]["q"] == found.q
    exploded = json.loads(json.dumps(phases("relu", W_std=2.0).to_dict(), allow_nan=False))
    assert exploded["limit"]["q"] == "inf"


def test_activations_come_in_any_form() -> None:
    same = [phases(act, W_std=1.2, b_std=0.1).q for act in ("gelu", Activation("gelu"), "x*(1 + erf(x/sqrt(2)))/2")]
    assert same[0] == same[1] == pytest.approx(same[2], rel=4 * ROUNDINGS)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"W_std": 0.0}, "W_std"),
        ({"W_std": math.nan}, "W_std"),
        ({"b_std": -1.0}, "b_std"),
        ({"mean_square": -1.0}, "mean_square"),
        ({"mean_square": math.inf}, "mean_square"),
        ({"mean_square": True}, "mean_square"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        phases("tanh", **arguments)


def test_bad_places_of_the_maps_are_refused() -> None:
    found = phases("tanh", W_std=1.5, b_std=0.3)
    with pytest.raises(InvalidInput, match="rho"):
        found.correlation_map(1.1)
    with pytest.raises(InvalidInput, match="q must"):
        found.length_map([-1.0])
    with pytest.raises(InvalidInput, match="depth"):
        found.lengths(1.0, -1)
    with pytest.raises(InvalidInput, match="depth"):
        found.gaps(0.1, True)
    with pytest.raises(InvalidInput, match="no positive finite limit"):
        phases("tanh", W_std=0.5).correlation_map(0.3)


def test_an_exploding_trajectory_is_an_error_and_no_infinity() -> None:
    with pytest.raises(NoSuchDual, match="explodes"):
        phases("x**2", W_std=2.0).lengths(10.0, 20)


@settings(max_examples=6, deadline=None)
@given(st.sampled_from(["gaussian", "cos", "ricker", "cosine_bump"]), st.floats(0.2, 20.0), st.floats(1e-3, 30.0))
def test_lengths_settle_where_the_map_decreases(name: str, W_std: float, mean_square: float) -> None:
    """E[s(U)^2] sqrt(q) increases with q, so that chi_q is never below -1/2, and fixed points are not overstepped."""
    found = phases(name, W_std=W_std, b_std=0.1, mean_square=mean_square)
    assert found.limit.slope >= -0.5
    if found.limit.stability == "stable" and abs(found.limit.slope) < 0.6:
        lengths = found.lengths(W_std**2 * mean_square + 0.01, 100)
        assert lengths[-1] == pytest.approx(found.q, rel=16 * ROUNDINGS)


def test_no_activation_leaves_the_bias_alone() -> None:
    found = phases("0", W_std=1.0, b_std=0.3)
    assert (found.q, found.chi_1, found.rho) == (pytest.approx(0.09, rel=ROUNDINGS), 0.0, 1.0)
    assert phases("0").q == 0.0


def test_series_of_a_jump_give_what_its_closed_form_gives() -> None:
    """There differences stand in for integrals of the slope: a gap g is wrong by a rounding of one, over g."""
    q = 1.04
    closed, series = (
        CorrelationMap(dual, q, q, 1.0, 0.04) for dual in (derive("sign"), series_dual(Activation("sign")))
    )
    gaps = np.array([1e-8, 1e-4, 0.1, 0.7])
    for gap, exact, found in zip(gaps, closed.gaps(gaps), series.gaps(gaps), strict=True):
        assert found == pytest.approx(exact, abs=ROUNDINGS), gap
    assert series.fixed_gap() == pytest.approx(closed.fixed_gap(), rel=4 * ROUNDINGS)
    gap = np.array([closed.fixed_gap()])
    assert series.slopes(gap) == pytest.approx(closed.slopes(gap), rel=1e-10)  # 4.8**-17 = 3e-12, with a margin


@pytest.mark.parametrize(
    ("name", "W_std", "q"),
    [
        (
            "siren",
            0.7,
            0.245,
        ),  # E[s^2] = (1 - exp(-1800 q))/2: the slope at zero is 441, the fixed point far from there
        ("rbf", 0.7, 0.49),  # E[s^2] = 1: the data begin at the fixed point
        ("gcu", 1.5, math.inf),  # x cos(x): E[s^2] ~ q/2 without a leading power; W^2/2 > 1
        ("tanhexp", 2.0, math.inf),  # an exponential of an exponential
        ("hermite5", 3.0, math.inf),
    ],
)
def test_lengths_of_unusual_activations(name: str, W_std: float, q: float) -> None:
    assert phases(name, W_std=W_std).q == pytest.approx(q, rel=ROUNDINGS)


@pytest.mark.slow
def test_every_activation_of_the_catalogue_has_phases() -> None:
    """Where the length settles quickly, iterating the map leads to the length that was found."""
    for name in catalogue:
        for W_std, b_std, mean_square in ((1.5, 0.2, 1.0), (0.7, None, 1.0), (3.0, 1.0, 4.0)):
            found = phases(name, W_std=W_std, b_std=b_std, mean_square=mean_square)
            if not 0 < found.q < math.inf or abs(found.limit.slope) > 0.9:
                continue
            lengths = found.lengths(W_std**2 * mean_square + found.b_std**2, 300)
            # 0.9**300 = 2e-14 of the way is left, and the map itself is right to a few roundings over 1 - slope
            assert lengths[-1] == pytest.approx(found.q, rel=100 * ROUNDINGS), name


@pytest.mark.parametrize("W_std", [1e5, 1e6, 1e8, 1e20])
def test_a_step_that_is_narrow_against_the_length_keeps_its_slope(W_std: float) -> None:
    """q = W^2 nearly, and W^2 E[tanh'(U)^2] = W (4/3)/sqrt(2 pi) nearly, as int sech^4 = 4/3; both up to 1/W."""
    found = phases("tanh", W_std=W_std)
    assert found.chi_1 == pytest.approx(W_std * 4 / 3 / math.sqrt(2 * math.pi), rel=2 / W_std + ROUNDINGS)
    assert (found.phase, found.rho) == ("chaotic", 0.0)


def test_a_scale_of_the_activation_is_no_other_than_that_of_the_weights() -> None:
    """E[erf'(a U)^2] = (4/pi) a^2/sqrt(1 + 4 a^2 q); at a = 1e7 erf is a step to everything but its slope."""
    found, scale = phases("erf(10000000*x)"), 1e7
    expected = 4 / math.pi * scale**2 / math.sqrt(1 + 4 * scale**2 * found.q)
    assert found.chi_1 == pytest.approx(expected, rel=4 * ROUNDINGS)
    table = series_dual(Activation("erf(10000000*x)"))
    assert float(table.evaluate(1.0, 1.0, 1.0)[1]) / found.q**0.5 == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("rate", [8, 16])
def test_a_dual_with_an_end_has_no_fixed_points_made_of_roundings(rate: int) -> None:
    """s = x + (1/rate - 1/6) x^3 + ...: V - q = 6 (1/rate - 1/6) q^2 + ... is negative near zero, as for tanh."""
    found = phases(f"sin(x)*exp(x**2/{rate})", mean_square=0.5)
    assert [point.stability for point in found.fixed_points] == ["marginal", "unstable", "stable"]
    assert (found.q, found.phase) == (0.0, "critical")
    q = found.fixed_points[1].q
    left = 1 - 4 * q / rate  # E[s^2] = (1 - exp(-2 q/left))/(2 sqrt(left)), which enlarges errors of q by 1/left
    assert (1 - math.exp(-2 * q / left)) / 2 / math.sqrt(left) == pytest.approx(q, rel=ROUNDINGS / left)


def test_a_fixed_point_where_two_polynomials_meet_is_found_once() -> None:
    assert [point.q for point in phases("sin(100*x)").fixed_points] == [0.0, pytest.approx(0.5)]


@pytest.mark.parametrize(
    ("name", "W_std", "b_std", "words"),
    [
        ("x", 1.0, None, "depends on the data"),
        ("x", 2.0, 0.1, "depends on the data"),
        ("tanh", 0.5, None, "depends on the data"),
        ("tanh", 1.0, None, "depends on the data"),
        pytest.param("x+abs(sin(x))", 1.0, None, "is not known", marks=pytest.mark.slow),
        ("exp", 0.5, None, "is not known"),
        ("x**3-3*x", 2.0, None, "is not known"),
    ],
)
def test_not_to_know_a_limit_is_not_to_know_that_it_depends(
    name: str, W_std: float, b_std: float | None, words: str
) -> None:
    found = phases(name, W_std=W_std, b_std=b_std)
    assert found.rho is None
    assert f"the limit of a correlation {words}" in found.reason


def test_a_straight_line_with_a_bias_makes_all_points_alike() -> None:
    """c' = c + b^2 and q' = q + b^2: (q - c)/q goes to zero."""
    found = phases("x", W_std=1.0, b_std=0.1)
    assert (found.q, found.rho) == (math.inf, 1.0)
    assert found.gaps(0.5, 50, q=1.0)[-1] == pytest.approx(0.5 / 1.5)


@pytest.mark.parametrize(
    ("factor", "kind", "way_out"),
    [("1e200", InvalidInput, "beyond float64; scale it down"), ("1e-200", ToleranceNotMet, "beyond float64; divide")],
)
def test_a_factor_without_a_square_is_refused(factor: str, kind: type[Exception], way_out: str) -> None:
    with pytest.raises(kind, match=way_out):
        phases(f"{factor}*tanh(x)")


@pytest.mark.parametrize("name", ["0*x", "exp"])
def test_no_critical_line_is_said_without_a_warning(name: str) -> None:
    with pytest.raises(InvalidInput, match="has no critical W_std"):
        critical_line(name, b_std=0.1)


def test_a_critical_width_beyond_floats_is_no_missing_one() -> None:
    with pytest.raises(ToleranceNotMet, match="beyond float64"):
        critical_line("max(x-5,0)", b_std=0.1)
    with pytest.raises(InvalidInput, match="at a length that attracts"):  # V' = D: where chi_1 = 1, chi_q = 1
        critical_line("max(x-5,0)", b_std=1.0)


@pytest.mark.parametrize("name", ["tanh", "relu", "x", "sign"])
def test_the_origin_stays_where_it_is(name: str) -> None:
    found = phases(name, mean_square=0)
    assert (found.q, found.rho) == (0.0, None)
    assert found.reason.startswith("the length stays 0; ")


def test_the_origin_leaves_where_the_activation_moves_it() -> None:
    assert phases("sigmoid", mean_square=0).q == pytest.approx(phases("sigmoid").q, rel=ROUNDINGS)


@pytest.mark.parametrize(("W_std", "b_std"), [(1.0, 1e100), (1e40, None)])
def test_deviations_whose_lengths_no_float_follows_are_refused(W_std: float, b_std: float | None) -> None:
    with pytest.raises(InvalidInput, match=r"take [Wb]_std below"):
        phases("tanh", W_std=W_std, b_std=b_std)


def shrinkage_square(q: mpmath.mpf, t: int) -> mpmath.mpf:
    """E[max(|U| - t, 0)^2] = 2 ((q + t^2) Phi(-z) - t sqrt(q) phi(z)), z = t/sqrt(q)."""
    z = t / mpmath.sqrt(q)
    return 2 * ((q + t * t) * mpmath.ncdf(-z) - t * mpmath.sqrt(q) * mpmath.npdf(z))


def test_two_lengths_that_attract_have_one_between_that_repels_however_far_out() -> None:
    """Neither the unit scale of s nor that of its bias tells where it begins to grow."""
    with mpmath.workdps(30):
        far = mpmath.findroot(lambda q: mpmath.mpf("2.25") * shrinkage_square(q, 300) + mpmath.mpf("0.01") - q, 4.1e5)
    found = phases("max(abs(x)-300,0)", W_std=1.5, b_std=0.1, mean_square=1e7)
    assert [point.stability for point in found.fixed_points] == ["stable", "unstable", "stable"]
    assert found.fixed_points[1].q == pytest.approx(float(far), rel=1e-12)
    assert found.fixed_points[1].q == pytest.approx(409245.67, rel=1e-7)
    assert found.q == math.inf
    lengths = found.lengths(1e7, 3)
    assert np.all(np.diff(lengths) > 0)
    assert phases("max(abs(x)-300,0)", W_std=1.5, b_std=0.1, mean_square=1e3).q == pytest.approx(0.01)


def test_a_small_power_that_wins_far_out_has_its_fixed_point() -> None:
    """E[(tanh(U) + a U^3)^2] by quadrature at 20 digits."""
    found = phases("tanh(x)+1e-4*x**3", W_std=0.5, b_std=0.1, mean_square=1e5)
    far = found.fixed_points[1]
    assert (far.stability, found.q) == ("unstable", math.inf)
    assert far.q == pytest.approx(5149.0443837182555, rel=1e-12)
    with mpmath.workdps(20):
        root = mpmath.sqrt(far.q)

        def weighted(z: mpmath.mpf) -> mpmath.mpf:
            return (mpmath.tanh(root * z) + (root * z) ** 3 / 10**4) ** 2 * mpmath.npdf(z)

        square = 2 * mpmath.quad(weighted, [0, 0.05, 0.2, 1, 4, 8, 14])
        assert abs(square / 4 + mpmath.mpf("0.01") - far.q) < 1e-9 * far.q


@pytest.mark.parametrize(
    ("formula", "W_std", "near", "far"),
    [("1e-140*exp(x)", 1.0, 0.01, 325.254), ("max(x-1e4,0)", 2.0, 0.01, 6.0896e8)],
)
def test_what_attracts_depends_on_which_side_of_the_repelling_length_data_lie(
    formula: str, W_std: float, near: float, far: float
) -> None:
    found = phases(formula, W_std=W_std, b_std=0.1, mean_square=far / 8)
    assert found.fixed_points[1].q == pytest.approx(far, rel=1e-4)
    assert found.q == pytest.approx(near)
    assert phases(formula, W_std=W_std, b_std=0.1, mean_square=8 * far).q == math.inf


def test_functions_of_tiny_scales_have_their_fixed_points() -> None:
    """a tanh(x/a) is tanh on another scale: lengths are a^2 those of tanh."""
    small, unit = phases("1e-6*tanh(1e6*x)", W_std=1.5, b_std=0), phases("tanh(x)", W_std=1.5, b_std=0)
    assert small.q == pytest.approx(1e-12 * unit.q, rel=1e-9)
    assert small.chi_1 == pytest.approx(unit.chi_1, rel=1e-9)


def test_waves_are_not_counted_where_there_is_a_formula() -> None:
    """x + a sin(k x): E[s(U)^2] = q + 2 a k q exp(-k^2 q/2) + a^2 (1 - exp(-2 k^2 q))/2."""
    started = time.perf_counter()
    found = phases("x+1e-3*sin(1000*x)", W_std=1, b_std=0)
    assert time.perf_counter() - started < 10  # 36 s when quadrature was tried first
    assert found.phase == "critical"
    for q in (1e-12, 1e-6, 1e-3, 2.0):
        with mpmath.workdps(40):
            a, k, v = mpmath.mpf(1) / 1000, 1000, mpmath.mpf(q)
            exact = v + 2 * a * k * v * mpmath.exp(-k * k * v / 2) - a * a * mpmath.expm1(-2 * k * k * v) / 2
        assert found.length_map(q) == pytest.approx(float(exact), rel=4 * EPSILON)
