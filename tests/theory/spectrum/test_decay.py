"""Laws of decay: exponents, constants and rates, against the theorems' numbers and against computed eigenvalues."""

import math

import numpy as np
import pytest

import ntksym as nk
from ntksym.hermite.analyticity import Plane, plane_of
from ntksym.theory.spectrum.decay import predict
from ntksym.theory.spectrum.gegenbauer import decay_exponent, power_coefficient
from ntksym.theory.spectrum.mercer import spectrum
from ntksym.theory.spectrum.singular_part import leading_singularity
from ntksym.theory.zonal import ZonalKernel

ROOT = 2**0.5


def laws(network: nk.Network, get: str, dim: int = 3):
    return predict(ZonalKernel(network, get, 1.0), dim)


TABLE = [
    # formula, exponents of the NNGP for even and odd n in d = 3, depth 1, no bias (theory.md C7)
    ("relu", 5, None),
    ("max(x,0)**2", None, 7),
    ("elu", 9, 7),
    ("selu", 5, 7),
    ("max(x-1,0)", 5, 5),
    ("hardtanh", None, 5),
    ("hardswish", 5, None),
    ("step", None, 3),
    ("abs(x)", 5, None),
    ("softsign", None, 7),
]


@pytest.mark.parametrize(("formula", "even", "odd"), TABLE)
def test_each_parity_has_the_exponent_of_its_part(formula: str, even: int | None, odd: int | None) -> None:
    found = laws(nk.fully_connected(formula, 1), "nngp")
    for law, exponent in zip(found, (even, odd), strict=True):
        assert (law.exponent if law.kind == "algebraic" else None) == exponent
    if formula != "step":
        tangent = laws(nk.fully_connected(formula, 1), "ntk")
        for law, exponent in zip(tangent, (even, odd), strict=True):
            assert (law.exponent if law.kind == "algebraic" else None) == (exponent and exponent - 2)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_coefficient_of_relu_is_the_known_one(depth: int) -> None:
    found = leading_singularity(ZonalKernel(nk.fully_connected("relu", depth, ROOT), "ntk", 0.5), 1)
    assert math.isclose(found.plus, -ROOT / math.pi * depth * (depth + 1) / 2, rel_tol=1e-12)
    assert math.isclose(found.minus / found.plus, {1: 1.0, 2: 1 / 6, 3: 0.05026}[depth], rel_tol=1e-4)


@pytest.mark.parametrize(("get", "even", "odd"), [("nngp", 0.489, 1.511), ("ntk", 0.630, 1.370)])
def test_the_factors_of_elu_of_depth_two_are_the_known_ones(get: str, even: float, odd: float) -> None:
    found = leading_singularity(ZonalKernel(nk.fully_connected("elu", 2), get, 1.0), 2)
    assert abs(1 + found.minus / found.plus - even) < 6e-4
    assert abs(1 - found.minus / found.plus - odd) < 6e-4


MEASURED = [
    (nk.fully_connected("relu", 1, ROOT), "ntk", 3, 100, 2e-3),
    (nk.fully_connected("relu", 2, ROOT), "nngp", 4, 100, 2e-3),
    (nk.fully_connected("relu", 3, ROOT), "ntk", 10, 200, 2e-3),
    (nk.fully_connected("relu", 5, ROOT, 0.3), "ntk", 4, 100, 4e-3),
    (nk.fully_connected("abs(x)", 2, 1.2), "ntk", 3, 100, 2e-3),
    (nk.fully_connected("max(x,0)**2", 2, 1.0, 0.3), "ntk", 3, 60, 2e-2),
    (nk.fully_connected("max(x-1,0)", 1), "ntk", 3, 60, 5e-3),
    (nk.fully_connected("hardtanh", 1), "ntk", 3, 60, 2e-2),
    (nk.fully_connected("sign(x)", 1), "nngp", 3, 100, 1e-3),
    (nk.fully_connected("sign(x)", 2), "nngp", 3, 200, 8e-2),
    (nk.serial(nk.Dense(1.2), "erf", nk.Dense(1.5, 0.3), "relu", nk.Dense(1.0)), "ntk", 3, 100, 2e-2),
    (
        nk.serial(nk.Dense(1.5, 0.4), nk.Dense(0.8, 0.1), "relu", nk.Dense(1.2), "sin", nk.Dense(1.0)),
        "ntk",
        3,
        100,
        2e-2,
    ),
]


@pytest.mark.parametrize(("network", "get", "dim", "degree", "corrections"), MEASURED)
def test_eigenvalues_reach_the_predicted_leading_term(network, get, dim, degree, corrections) -> None:
    """The next term of the expansion is 1/n or smaller beside the leading one; the bound is that of this case."""
    decay = spectrum(network, dim=dim, degree=degree, get=get).decay
    compared = [(law, fit) for law, fit in ((decay.even, decay.even_fit), (decay.odd, decay.odd_fit)) if fit]
    assert compared
    for law, fit in compared:
        assert law.kind == "algebraic"
        assert abs(fit.ratio - 1) < corrections
        assert abs(fit.measured - law.exponent) < 30 * corrections


def test_without_bias_a_deep_relu_network_has_two_constants_and_with_bias_one() -> None:
    even, odd = laws(nk.fully_connected("relu", 2, ROOT), "ntk")
    assert math.isclose(even.constant / odd.constant, (1 + 1 / 6) / (1 - 1 / 6), rel_tol=1e-9)
    even, odd = laws(nk.fully_connected("relu", 2, ROOT, 0.3), "ntk")
    assert even == odd


def test_steps_of_several_layers_halve_the_exponent() -> None:
    for depth in (1, 2, 3):
        _, odd = laws(nk.fully_connected("sign(x)", depth), "nngp")
        assert odd.exponent == decay_exponent(3, 2.0**-depth) == 2 + 2 ** (1 - depth)


@pytest.mark.parametrize(("q", "fitted"), [(0.5, 4.415), (1.0, 3.131), (2.0, 2.218), (4.0, 1.569)])
def test_poles_make_stretched_exponentials(q: float, fitted: float) -> None:
    _, odd = laws(nk.fully_connected("tanh(x)", 1, math.sqrt(q)), "nngp")
    assert odd.kind == "stretched exponential"
    assert math.isclose(odd.constant, 1.5 * (math.pi / math.sqrt(q)) ** (2 / 3), rel_tol=1e-12)
    assert abs((odd.constant / 1.5) ** 1.5 / fitted - 1) < 0.01  # theory.md C9


def test_the_parts_of_a_single_layer_have_laws_of_their_own() -> None:
    even, odd = laws(nk.fully_connected("tanh(x)+cos(x)", 1), "ntk")
    assert (even.kind, odd.kind) == ("super-geometric", "stretched exponential")
    even, odd = laws(nk.fully_connected("tanh(x)+exp(-x**2)", 1), "ntk")
    assert (even.kind, odd.kind) == ("geometric", "stretched exponential")
    even, odd = laws(nk.fully_connected("tanh(x)+cos(x)", 2), "ntk")
    assert even == odd


def test_eigenvalues_of_tanh_follow_the_stretched_exponential() -> None:
    found = spectrum(nk.fully_connected("tanh(x)", 1), dim=3, degree=80)
    assert abs(found.decay.odd_fit.ratio - 1) < 0.01
    deep = spectrum(nk.fully_connected("tanh(x)", 2, 1.2, 0.3), dim=3, degree=60)
    assert abs(deep.decay.odd_fit.ratio - 1) < 0.05
    assert abs(deep.decay.even_fit.ratio - 1) < 0.05


@pytest.mark.parametrize(
    ("formula", "t"),
    [
        ("erf(x)", 3 / 2),
        pytest.param("x*(1+erf(x/sqrt(2)))/2", 2.0, marks=pytest.mark.slow),
        ("exp(-x**2)", 3 / 2),
        ("exp(x**2/8)", 3.0),
    ],
)
def test_gaussians_make_geometric_sequences(formula: str, t: float) -> None:
    network = nk.fully_connected(formula, 1)
    decay = spectrum(network, dim=3, degree=60).decay
    for law, fit in ((decay.even, decay.even_fit), (decay.odd, decay.odd_fit)):
        if law.kind == "geometric":
            assert math.isclose(law.constant, 1 / (t + math.sqrt(t * t - 1)), rel_tol=1e-9)
            assert abs(fit.ratio - 1) < 5e-3


@pytest.mark.slow
@pytest.mark.parametrize("network", [nk.fully_connected("erf(x)", 2, 1.5), nk.fully_connected("gelu", 2, 1.2, 0.5)])
def test_the_singularity_of_a_composition_is_the_nearest_one(network: nk.Network) -> None:
    decay = spectrum(network, dim=3, degree=60).decay
    assert decay.odd.kind == "geometric"
    assert abs(decay.odd_fit.ratio - 1) < 1e-2


def test_entire_kernels_fall_faster_than_every_geometric_sequence() -> None:
    found = spectrum(nk.fully_connected("sin(x)", 1), dim=3, degree=41)
    assert found.decay.odd.kind == "super-geometric"
    ratios = found.eigenvalues[3::2] / found.eigenvalues[1:-2:2]
    assert np.all(np.diff(ratios) < 0)


@pytest.mark.parametrize(
    ("formula", "plane"),
    [
        ("tanh(x)", Plane(distance=math.pi / 2)),
        ("tanh(2*x+1)", Plane(distance=math.pi / 4)),
        ("1/(1+exp(-x))", Plane(distance=math.pi)),
        ("log(1+exp(x))", Plane(distance=math.pi)),
        ("x*tanh(log(1+exp(x)))", Plane(distance=3 * math.pi / 4)),
        ("atan(x)", Plane(distance=1.0)),
        ("sqrt(x**2+4)", Plane(distance=2.0)),
        ("1/(x**2+x+1)", Plane(distance=math.sqrt(3) / 2)),
        ("exp(-x**2)*sin(x)", Plane(gaussian=1.0)),
        ("erf(x)**2", Plane(gaussian=2.0)),
        ("exp(x)+cos(x)", Plane()),
        ("exp(-x**4)", None),
        ("x*tanh(exp(x))", None),
    ],
)
def test_singularities_in_the_complex_plane(formula: str, plane: Plane | None) -> None:
    found = plane_of(nk.Activation(formula))
    if plane is None or found is None:
        assert found is plane
    else:
        assert math.isclose(found.gaussian, plane.gaussian, rel_tol=1e-12)
        assert math.isclose(found.distance, plane.distance, rel_tol=1e-12)


def test_unknown_laws_say_why() -> None:
    even, odd = laws(nk.fully_connected("x*tanh(exp(x))", 1), "ntk")
    assert even.kind == odd.kind == "unknown"
    assert "complex plane" in even.reason
    even, odd = laws(nk.fully_connected("floor(x)", 1), "nngp")
    assert odd.kind == "unknown"


def test_the_leading_term_of_a_power_is_its_coefficient() -> None:
    for dim in (2, 3, 10):
        law = laws(nk.fully_connected("relu", 1, ROOT), "ntk", dim)[0]
        n = 10**6
        assert math.isclose(law.predicted(dim, n), law.constant * float(n) ** -law.exponent, rel_tol=1e-4)
        assert float(power_coefficient(dim, n, 0.5)) < 0


def test_a_smooth_part_beside_a_kinked_one_has_the_law_that_it_has_alone() -> None:
    """Of |x| + f(x), f odd, the odd degrees of one layer are those of f; of x |x| + f(x), f even, the even ones."""
    for formula, alone, parity in (("abs(x)+tanh(x)", "tanh(x)", 1), ("x*abs(x)+cos(x)", "cos(x)", 0)):
        mixed, pure = (
            predict(ZonalKernel(nk.fully_connected(one, 1), "nngp", 1.0), 3)[parity] for one in (formula, alone)
        )
        assert (mixed.kind, mixed.exponent) == (pure.kind, pure.exponent)
        assert mixed.constant == (None if pure.constant is None else pytest.approx(pure.constant, rel=1e-12))
    assert mixed.kind == "super-geometric"
    kinked = predict(ZonalKernel(nk.fully_connected("abs(x)+tanh(x)", 1), "nngp", 1.0), 3)[0]
    assert kinked.kind == "algebraic"
