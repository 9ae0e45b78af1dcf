"""The oracle itself: duals written by hand, double integrals, and its two arithmetics against each other."""

import mpmath
import numpy as np
import pytest

from ntksym.network.layers import Dense, fully_connected, residual, serial
from tests.oracle import distances, float_recursion, moments, recursion, recursion_at

EPSILON = float(np.finfo(np.float64).eps)


def test_a_layer_of_relu_is_the_arc_cosine_kernel() -> None:
    """Cho & Saul 2009, eq. (6), with W_std = b_std = 1/2: no rounding in the weights."""
    found = recursion_at(fully_connected("relu", 1, 0.5, 0.5), 3.0, 1.0, -0.5, dps=30)
    with mpmath.workdps(40):
        q1, q2, c = mpmath.mpf(1), mpmath.mpf(1) / 2, mpmath.mpf(1) / 8
        scale = mpmath.sqrt(q1 * q2)
        theta = mpmath.acos(c / scale)
        value = scale * (mpmath.sin(theta) + (mpmath.pi - theta) * mpmath.cos(theta)) / (2 * mpmath.pi)
        nngp = (value + 1) / 4
        ntk = nngp + c * (mpmath.pi - theta) / (8 * mpmath.pi)
        assert abs(found.nngp - nngp) < mpmath.mpf("1e-30")
        assert abs(found.ntk - ntk) < mpmath.mpf("1e-30")


def test_a_residual_branch_adds_what_it_gives() -> None:
    """h + erf(h)/2 after one Dense layer: (2/pi) asin(2c/(1 + 2q)) and its derivative, by hand."""
    found = recursion_at(serial(Dense(1.0), residual("erf(x)", Dense(0.5))), 1.0, 1.0, 0.25, dps=30)
    with mpmath.workdps(40):
        c = mpmath.mpf("0.25")
        value = 2 / mpmath.pi * mpmath.asin(2 * c / 3) / 4
        slope = 4 / mpmath.pi / mpmath.sqrt(9 - 4 * c * c)
        assert abs(found.nngp - (c + value)) < mpmath.mpf("1e-30")
        assert abs(found.ntk - (c + value + c * slope / 4)) < mpmath.mpf("1e-30")


def test_what_has_no_closed_form_is_integrated() -> None:
    found = recursion_at(fully_connected("tanh", 1), 1.0, 2.0, 0.75, dps=12)
    with mpmath.workdps(20):
        second, across = mpmath.sqrt(2 - mpmath.mpf("0.75") ** 2), mpmath.mpf("0.75")

        def density(u: mpmath.mpf, z: mpmath.mpf) -> mpmath.mpf:
            return mpmath.exp(-(u * u + z * z) / 2) / (2 * mpmath.pi)

        def expectation(function: object) -> mpmath.mpf:
            places = np.arange(-12, 12.25, 0.25)  # the trapezoidal rule converges geometrically for these
            total = mpmath.fsum(
                function(u) * function(across * u + second * z) * density(u, z)
                for u in map(mpmath.mpf, places)
                for z in map(mpmath.mpf, places)
            )
            return total / 16

        nngp = expectation(mpmath.tanh)
        slope = expectation(lambda x: mpmath.sech(x) ** 2)
        assert abs(found.nngp - nngp) < mpmath.mpf("1e-10")
        assert abs(found.ntk - (nngp + across * slope)) < mpmath.mpf("1e-9")


def test_moments_and_distances_are_those_of_the_floats_themselves() -> None:
    x, y = np.array([1.0, 1.0 + 2.0**-40]), np.array([1.0, 1.0])
    found, between = moments(x, y, 40), distances(fully_connected("relu", 0, 2.0), x, y)
    with mpmath.workdps(40):
        assert found.q1 + found.q2 - 2 * found.c == mpmath.ldexp(1, -81)
    assert between.nngp == mpmath.ldexp(1, -79)


@pytest.mark.parametrize("name", ["relu", "gelu", "tanh"])
def test_both_arithmetics_agree(name: str) -> None:
    network = serial(Dense(1.2, 0.1), name, Dense(0.9), residual(name, Dense(0.5)))
    points = np.random.default_rng(0).normal(size=(2, 4))
    found = float_recursion(network, points, points)
    for (i, j), nngp in np.ndenumerate(found.nngp):
        exact = recursion(network, points[i], points[j], dps=18)
        assert abs(nngp - exact.nngp) <= 64 * EPSILON * found.nngp.max()
        assert abs(found.ntk[i, j] - exact.ntk) <= 64 * EPSILON * found.ntk.max()
