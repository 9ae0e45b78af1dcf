"""Where functions are analytic in the plane: known places, and the fall of Hermite coefficients that follows."""

import math

import numpy as np
import pytest

from ntksym.activation.activation import Activation
from ntksym.hermite.analyticity import Plane, plane_of


@pytest.mark.parametrize(
    ("text", "plane"),
    [
        ("erfi(x/2)", Plane(gaussian=-0.25)),
        ("erfc(2*x)", Plane(gaussian=4.0)),
        ("sinc(3*x)", Plane()),
        ("sinh(x/2)", Plane()),
        ("acosh(x**2 + 2)", Plane(distance=1.0)),  # x^2 + 2 = 1 at x = i, and = -1 beyond
        ("atanh(1/(2 + x**2))", Plane(distance=1.0)),  # 2 + x^2 = 1 at x = i
        ("acos(1/(3 + x**2))", Plane(distance=math.sqrt(2))),  # the poles at i sqrt(3) are farther
    ],
)
def test_planes_of_functions_that_were_not_known(text: str, plane: Plane) -> None:
    found = plane_of(Activation(text))
    assert found is not None
    assert found.gaussian == pytest.approx(plane.gaussian)
    assert found.distance == pytest.approx(plane.distance)


def coefficients(text: str, q: float, count: int) -> np.ndarray:
    """a_k(q) = E[s(sqrt(q) Z) h_k(Z)], h_k the normalised Hermite polynomials, by 200 Gauss-Hermite nodes."""
    z, masses = np.polynomial.hermite_e.hermegauss(200)
    before, now, found = np.zeros_like(z), np.ones_like(z), []
    values = Activation(text)(math.sqrt(q) * z) * masses / math.sqrt(2 * math.pi)
    for k in range(count):
        found.append(float(values @ now))
        before, now = now, (z * now - math.sqrt(k) * before) / math.sqrt(k + 1)
    return np.array(found)


@pytest.mark.parametrize(("text", "alpha"), [("erfi(x/2)", -0.25), ("erf(x)", 1.0)])
def test_squares_fall_at_the_rate_that_the_plane_says(text: str, alpha: float) -> None:
    q, k = 0.5, 21
    found = coefficients(text, q, k + 2)
    ratio = (found[k] / found[k - 2]) ** 2
    limit = (2 * alpha * q / (1 + 2 * alpha * q)) ** 2
    assert ratio / limit == pytest.approx((1 - 2 / k) ** 1.5, rel=0.01)  # the squares carry a factor k^(-3/2)


def test_squares_fall_with_the_distance_of_the_nearest_singularity() -> None:
    """a_k^2 ~ exp(-2 h sqrt(k/q)) up to powers of k, h = 1 for acosh(x^2 + 2): seen over two octaves of k."""
    q = 0.25
    found = np.log(np.abs(coefficients("acosh(x**2 + 2)", q, 66)))
    slope = (found[64] - found[16]) / (math.sqrt(64 / q) - math.sqrt(16 / q))
    assert slope == pytest.approx(-1.0, abs=0.2)
