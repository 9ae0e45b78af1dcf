"""Kernels as functions of the angle: float64 against many digits, at the ends too; composition of series."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ntksym as nk
from ntksym.theory.angles import diagonal, evaluate_angles, evaluate_digits, has_digits
from ntksym.theory.powers.nonnegative_series import compose, compose_remainder
from ntksym.theory.zonal import ZonalKernel

EPSILON = float(np.finfo(np.float64).eps)

NETWORKS = [
    nk.fully_connected("relu", 3, 2**0.5, 0.25),
    nk.fully_connected("abs(x)", 2, 1.25),
    nk.fully_connected("gelu", 2, 1.5, 0.5),
    nk.fully_connected("erf(x)", 3, 1.5),
]


@pytest.mark.parametrize("network", NETWORKS)
def test_both_ends_keep_their_digits(network: nk.Network) -> None:
    """At angles down to 1e-9 the NTK is as accurate as elsewhere: the distance is carried, not recomputed."""
    angles = np.array([1e-9, 1e-7, 1e-4, 0.01, 0.5, 1.5])
    gap = 2 * np.sin(angles / 2) ** 2
    ends = diagonal(network, 1.0)
    for sign in (1.0, -1.0):
        for get, total in (("nngp", ends.nngp), ("ntk", ends.ntk)):
            found = evaluate_angles(network, get, 1.0, gap, np.full(len(gap), sign))
            with mpmath.workdps(60):
                cosines = [sign * mpmath.mpf(1 - mpmath.mpf(float(g))) for g in gap]
                exact = [float(value) for value in evaluate_digits(network, get, 1.0, cosines)]
            assert np.all(np.abs(found - exact) <= 64 * EPSILON * total)


def test_the_diagonal_explodes_with_a_message() -> None:
    with pytest.raises(nk.InvalidInput, match="layer 4"):
        diagonal(nk.fully_connected("exp(x)", 8), 1.0)


def test_what_can_be_computed_in_many_digits() -> None:
    assert has_digits(nk.Activation("relu"))
    assert not has_digits(nk.Activation("tanh(x)"))
    assert not has_digits(nk.Activation("sinc"))


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=12),
    st.lists(st.floats(0, 1), min_size=2, max_size=12),
    st.booleans(),
)
def test_composition_is_the_sum_of_powers(outer: list[float], inner: list[float], odd: bool) -> None:
    count = len(inner)
    series = np.array(inner) / max(sum(inner), 1.0)
    if odd:
        series[::2] = 0.0
    expected, power = np.zeros(count), np.zeros(count)
    power[0] = 1.0
    for entry in outer:
        expected += entry * power
        power = np.convolve(power, series)[:count]
    (found,) = compose([np.array(outer)], series)
    assert np.all(np.abs(found - expected) <= 16 * (len(outer) + count) * EPSILON * (expected + 1e-300))


def test_remainders_are_geometric_series() -> None:
    inner = np.array([0.125, 0.5, 0.25])
    beyond, slope = compose_remainder(3, inner)
    powers = [np.array([1.0, 0.0, 0.0])]
    for _ in range(200):
        powers.append(np.convolve(powers[-1], inner)[:3])
    assert np.allclose(beyond, sum(powers[3:]), rtol=1e-13)
    assert np.allclose(slope, sum(j * powers[j - 1] for j in range(3, 201)), rtol=1e-13)
    monomial, _ = compose_remainder(2, np.array([0.0, 1.0, 0.0, 0.0]))
    assert monomial.tolist() == [0.0, 0.0, 1.0, 1.0]


def test_a_network_without_layers_is_the_cosine() -> None:
    network = nk.serial(nk.Dense(2.0, 1.0))
    found = evaluate_angles(network, "ntk", 1.0, np.array([0.5, 0.5]), np.array([1.0, -1.0]))
    assert found.tolist() == [3.0, -1.0]
    assert math.isclose(diagonal(network, 1.0).ntk, 5.0)


def test_odd_kernels_in_many_digits_are_odd_to_the_last() -> None:
    kernel = ZonalKernel(nk.fully_connected("abs(x-1)-abs(x+1)", 1, 1.5), "nngp", 1.0)
    with mpmath.workdps(40):
        cosines = [mpmath.mpf(1) / 3, -mpmath.mpf(1) / 3, mpmath.mpf(1) / 7]
        found = kernel.at_cosines(cosines)
        apart = evaluate_digits(kernel.network, kernel.get, kernel.mean_square, cosines)
        assert found[1] == -found[0]
        assert all(abs(a - b) < mpmath.mpf("1e-37") for a, b in zip(found, apart, strict=True))
