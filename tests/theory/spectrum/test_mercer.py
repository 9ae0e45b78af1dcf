"""Eigenvalues on the sphere: golden values, oracles at 30 digits, exact zeros, sum rule, refusals."""

import json
import math
import pickle
from fractions import Fraction

import mpmath
import numpy as np
import pytest

import ntksym as nk
from ntksym.theory.spectrum.angle_quadrature import integrate, integrate_digits
from ntksym.theory.spectrum.decay import predict
from ntksym.theory.spectrum.eigenvalues import _projected, by_angle, by_series
from ntksym.theory.spectrum.gegenbauer import normaliser
from ntksym.theory.spectrum.mercer import Spectrum, spectrum
from ntksym.theory.zonal import ZonalKernel
from tests.oracle import recursion_at

EPSILON = float(np.finfo(np.float64).eps)
ROOT = 2**0.5
"""W_std of relu layers that keep the variance 1."""

F = Fraction

GOLDEN = {
    (3, 1): [F(1, 2), F(1, 3), F(5, 64), 0, F(1, 192), 0, F(23, 16384)],
    (5, 1): [F(27, 64), F(1, 5), F(1, 32), 0, F(17, 16384), 0, F(27, 163840)],
    (2, 1): [0.607927101854027, 0.5, 0.157610730110303, 0, 0.0171120221262615, 0, 0.00645147128498151],
    (2, 2): [1.08250514381871, 0.587789449001587, 0.220860503849871, 0.0487482191088876, 0.0300571226263149,
             0.0121008637144468, 0.0113578227362343],
    (3, 2): [0.930251931642307, 0.370783187529592, 0.107367571280238, 0.0186440772131828, 0.00914313282802889,
             0.0030578652385206, 0.00247535726991245],
    (5, 2): [0.822884360362069, 0.211283466189845, 0.0420961879080895, 0.00519540399155407, 0.00181848424312266,
             0.000457328400466187, 0.000291187722178445],
}  # fmt: skip
"""theory.md I3: the tangent kernel of relu in the form kappa_1 + rho kappa_0, by dimension and depth."""


@pytest.mark.parametrize(("dim", "depth"), GOLDEN)
def test_golden_eigenvalues_to_thirteen_digits(dim: int, depth: int) -> None:
    network = nk.serial(*[nk.Dense(1.0), *["relu", nk.Dense(ROOT)] * depth])
    found = spectrum(network, dim=dim, degree=6)
    for n, golden in enumerate(GOLDEN[dim, depth]):
        assert abs(found.eigenvalues[n] - float(golden)) <= 1e-13 * abs(float(golden))
        assert (found.eigenvalues[n] == 0) == (golden == 0)
        assert found.relative_errors[n] <= 1e-12


def oracle(network: nk.Network, get: str, dim: int, degrees: list[int], mean_square: float = 1.0) -> list[mpmath.mpf]:
    """Funk and Hecke's integral by mpmath's own rule, the kernel by the reference evaluator, at 30 digits."""

    def kernel(t: mpmath.mpf) -> mpmath.mpf:
        square = mpmath.mpf(mean_square)
        return getattr(recursion_at(network, square, square, square * mpmath.cos(t), dps=40), get)

    with mpmath.workdps(40):
        rule = mpmath.calculus.quadrature.GaussLegendre(mpmath.mp)
        nodes = rule.get_nodes(0, mpmath.pi, degree=6, prec=mpmath.mp.prec)
        values = [kernel(t) for t, _ in nodes]
        found = []
        for n in degrees:
            total = mpmath.fsum(
                w * f * polynomial(dim, n, mpmath.cos(t)) * mpmath.sin(t) ** (dim - 2)
                for (t, w), f in zip(nodes, values, strict=True)
            )
            found.append(normaliser(dim) * total)
        return found


def polynomial(dim: int, n: int, t: mpmath.mpf) -> mpmath.mpf:
    if dim == 2:
        return mpmath.chebyt(n, t)
    half = mpmath.mpf(dim - 2) / 2
    return mpmath.gegenbauer(n, half, t) / mpmath.gegenbauer(n, half, 1)


ORACLES = [
    (nk.fully_connected("relu", 2, 1.5, 0.5), "ntk", 4, 1.0),
    (nk.fully_connected("abs(x)", 1, 1.2, 0.25), "nngp", 2, 1.0),
    (nk.fully_connected("erf(x)", 2, 1.5, 0.5), "ntk", 10, 0.5),
    pytest.param(nk.fully_connected("x*(1+erf(x/sqrt(2)))/2", 1, 1.5, 0.5), "ntk", 3, 2.0, marks=pytest.mark.slow),
    (nk.fully_connected("exp(-x**2)", 2, 1.0, 0.5), "nngp", 7, 1.0),
    (nk.serial(nk.Dense(1.5, 0.5), nk.Dense(0.75, 0.25), "relu", nk.Dense(1.25), "erf", nk.Dense(1.0)), "ntk", 5, 0.25),
]


@pytest.mark.parametrize(("network", "get", "dim", "mean_square"), ORACLES)
def test_eigenvalues_agree_with_integrals_at_thirty_digits(
    network: nk.Network, get: str, dim: int, mean_square: float
) -> None:
    degrees = [0, 1, 2, 5, 16, 25]
    found = spectrum(network, dim=dim, degree=25, get=get, mean_square=mean_square)
    for n, exact in zip(degrees, oracle(network, get, dim, degrees, mean_square), strict=True):
        error = abs(found.eigenvalues[n] / exact - 1)
        assert error <= max(found.relative_errors[n], 2 * EPSILON)
        assert found.relative_errors[n] < 1e-10


def test_tiny_eigenvalues_keep_their_digits() -> None:
    network = nk.fully_connected("erf(x)", 1)
    found = spectrum(network, dim=30, degree=41, get="nngp")
    with mpmath.workdps(40):
        for n in (21, 41):
            exact = mpmath.nsum(lambda j, n=n: _arcsine(int(n + 2 * j)) * _projection(int(n + 2 * j), n, 30), [0, 300])
            assert exact < 1e-19
            assert abs(found.eigenvalues[n] / exact - 1) <= found.relative_errors[n] <= 1e-12


def _arcsine(k: int) -> mpmath.mpf:
    m = (k - 1) // 2
    return 2 / mpmath.pi * mpmath.binomial(2 * m, m) / mpmath.mpf(4) ** m / k * (mpmath.mpf(2) / 3) ** k


def _projection(k: int, n: int, dim: int) -> mpmath.mpf:
    half = mpmath.mpf(1) / 2
    above = [k + 1, dim * half, (k - n + 1) * half]
    return mpmath.gammaprod(above, [k - n + 1, (k + n + dim) * half]) / mpmath.mpf(2) ** n / mpmath.sqrt(mpmath.pi)


@pytest.mark.parametrize("formula", [pytest.param("erf(x)", marks=pytest.mark.slow), "tanh(x)", "log(1+exp(x))"])
def test_power_series_and_quadrature_agree(formula: str) -> None:
    network = nk.fully_connected(formula, 2, 1.2, 0.3)
    kernel = ZonalKernel(network, "ntk", 1.0)
    series = by_series(kernel, dim=5, degree=12, first=200)
    total = spectrum(network, dim=5, degree=2).trace
    angle = by_angle(kernel, dim=5, degree=12, laws=predict(kernel, 5))
    assert np.all(np.abs(series.values - angle.values) <= series.errors + angle.errors + 1e-13 * total)


@pytest.mark.parametrize(
    "network",
    [
        nk.fully_connected("tanh(x)", 1, 1.0, 0.5),
        pytest.param(nk.fully_connected("sin(x)", 2, 1.5, 0.5), marks=pytest.mark.slow),
        nk.fully_connected("x/(1+exp(-x))", 1, 2.0),
    ],
)
def test_what_a_short_series_leaves_out_is_within_its_errors(network: nk.Network) -> None:
    for dim in (3, 10):
        longer = by_series(ZonalKernel(network, "ntk", 1.0), dim=dim, degree=40, first=700)
        for terms in (50, 60, 90, 160, 250):
            values, errors = _projected(ZonalKernel(network, "ntk", 1.0).series(terms), dim, 40)
            assert np.all(np.abs(values - longer.values) <= errors + longer.errors)
        assert np.all(longer.errors <= 1e-10 * longer.values)


def test_coefficients_that_rise_again_are_not_extrapolated() -> None:
    """sin(30 x) twice: most of the kernel is a spike at rho = 1, in powers beyond those that are computed."""
    network = nk.fully_connected("sin(30*x)", 2, 0.9, 0.2)
    kernel = ZonalKernel(network, "nngp", 1.0)
    values, errors = _projected(kernel.series(300), 3, 2)
    fine = integrate(kernel.at_gaps, 3, 2, power=8)
    assert np.all(np.abs(values - fine.values) <= errors + fine.errors)
    found = spectrum(network, dim=3, degree=2, get="nngp")
    assert np.all(np.abs(found.eigenvalues - fine.values) <= found.relative_errors * found.eigenvalues + fine.errors)
    assert np.all(found.relative_errors < 1e-8)


@pytest.mark.parametrize("network", [nk.fully_connected("relu", 3, ROOT, 0.3), nk.fully_connected("erf(x)", 2, 1.5)])
def test_quadrature_in_float64_is_within_its_errors(network: nk.Network) -> None:
    kernel = ZonalKernel(network, "ntk", 1.0)
    for dim in (2, 3, 20):
        floats = integrate(kernel.at_gaps, dim, 60)
        exact = integrate_digits(kernel.at_cosines, dim, 60, 40)
        assert np.all(np.abs(floats.values - exact.values) <= floats.errors)
        assert np.all(floats.errors <= 1e-13 * spectrum(network, dim=dim, degree=1).trace)


ZEROS = [
    ("relu", 1, None, "ntk", lambda n: n % 2 == 1 and n >= 3),
    ("relu", 2, None, "ntk", lambda n: False),
    ("relu", 1, 0.1, "ntk", lambda n: False),
    ("max(x,0)**2", 1, None, "nngp", lambda n: n % 2 == 0 and n >= 4),
    ("abs(x)", 2, None, "ntk", lambda n: n % 2 == 1),
    ("tanh(x)", 2, None, "ntk", lambda n: n % 2 == 0),
    ("1/(1+exp(-x))", 1, None, "nngp", lambda n: n % 2 == 0 and n > 0),
    ("sign(x)", 1, None, "nngp", lambda n: n % 2 == 0),
    ("x**2-1", 2, None, "ntk", lambda n: n % 2 == 1 or n > 4),
    ("x**3", 1, 0.5, "ntk", lambda n: n > 3),
]


@pytest.mark.parametrize(("formula", "depth", "b_std", "get", "vanishes"), ZEROS)
def test_eigenvalues_are_exactly_zero_where_no_power_reaches_them(formula, depth, b_std, get, vanishes) -> None:
    found = spectrum(nk.fully_connected(formula, depth, 1.0, b_std), dim=3, degree=10, get=get)
    assert [value == 0 for value in found.eigenvalues] == [vanishes(n) for n in range(11)]
    assert all(found.relative_errors[n] == 0 for n in range(11) if vanishes(n))


def test_polynomial_networks_have_their_trace_in_finitely_many_eigenvalues() -> None:
    found = spectrum(nk.fully_connected("x**2+x", 2, 1.0), dim=3, degree=4)
    assert found.tail(4) == 0
    assert abs(found.check.defect) <= 32 * EPSILON
    rank = sum(count for count, value in zip(found.multiplicities, found.eigenvalues, strict=True) if value > 0)
    assert rank == math.comb(6, 2) + math.comb(5, 2)
    assert found.decay.even.kind == "finite rank"


@pytest.mark.parametrize(
    ("network", "dim"),
    [
        (nk.fully_connected("tanh(x)", 1, 1.5, 0.1), 6),
        pytest.param(nk.fully_connected("erf(x)", 3, 1.2), 3, marks=pytest.mark.slow),
        (nk.fully_connected("sin(x)", 1, 1.2, 0.2), 50),
    ],
)
def test_the_sum_of_all_eigenvalues_is_the_diagonal(network: nk.Network, dim: int) -> None:
    found = spectrum(network, dim=dim, degree=20)
    assert abs(found.check.defect) <= 1e-12
    longer = spectrum(network, dim=dim, degree=30)
    between = float(np.sum(longer.masses[21:]))
    assert abs(found.tail(20) - longer.tail(30) - between) <= 1e-11 * found.tail(20)


def test_the_sum_rule_of_kinked_kernels_uses_the_law() -> None:
    for depth, b_std in ((1, None), (2, None), (3, 0.3)):
        found = spectrum(nk.fully_connected("relu", depth, ROOT, b_std), dim=3, degree=120)
        assert abs(found.check.defect) <= 1e-3 * found.tail(120) / found.trace


def test_on_two_points_the_eigenvalues_are_sum_and_difference() -> None:
    found = spectrum(nk.fully_connected("relu", 1, ROOT), dim=1, degree=1)
    assert found.multiplicities == (1, 1)
    assert abs(found.eigenvalues[0] - 2.0) <= 64 * EPSILON
    assert abs(found.eigenvalues[1] - 2.0) <= 64 * EPSILON
    with pytest.raises(nk.InvalidInput, match="two points"):
        spectrum(nk.fully_connected("relu", 1), dim=1, degree=2)


def test_broad_spheres() -> None:
    found = spectrum(nk.fully_connected("relu", 2, ROOT, 0.1), dim=1000, degree=20)
    narrow = spectrum(nk.fully_connected("relu", 2, ROOT, 0.1), dim=64, degree=20)
    assert np.all(found.relative_errors < 1e-9)
    assert np.all(found.eigenvalues[1:] < narrow.eigenvalues[1:])
    series = nk.fully_connected("tanh(x)", 2, 1.5, 0.1)
    broad = spectrum(series, dim=1000, degree=40)
    assert np.all(broad.relative_errors < 1e-12)
    assert abs(broad.check.defect) < 1e-13


def test_effective_dimension_counts_eigenvalues_above_the_ridge() -> None:
    found = spectrum(nk.fully_connected("erf(x)", 1, 1.5, 0.5), dim=3, degree=60)
    for ridge in (1e-1, 1e-4):
        answer = found.effective_dimension(ridge)
        direct = sum(
            count * value / (value + ridge)
            for count, value in zip(found.multiplicities, found.eigenvalues, strict=True)
        )
        assert abs(float(answer) - direct) <= 1e-12 * direct
        assert 0 <= answer.remainder < 1e-6
    kinked = spectrum(nk.fully_connected("relu", 2), dim=3, degree=20).effective_dimension(1e-3)
    longer = spectrum(nk.fully_connected("relu", 2), dim=3, degree=100).effective_dimension(1e-3)
    assert kinked.value <= longer.value <= kinked.value + kinked.remainder


def test_a_mean_square_scales_homogeneous_networks() -> None:
    one = spectrum(nk.fully_connected("relu", 2, 1.5), dim=4, degree=12)
    four = spectrum(nk.fully_connected("relu", 2, 1.5), dim=4, degree=12, mean_square=4.0)
    assert np.allclose(four.eigenvalues, 4 * one.eigenvalues, rtol=1e-13, atol=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("relu", 3, 5), "needs a Network"),
        ((nk.fully_connected("relu", 1), 0, 5), "dim must be between"),
        ((nk.fully_connected("relu", 1), 3, -1), "degree must be between"),
        ((nk.fully_connected("relu", 1), 3, True), "whole number"),
        ((nk.fully_connected("relu", 1), 3.5, 5), "whole number"),
        ((nk.fully_connected("relu", 1), 3, 5, "both"), "nngp"),
        ((nk.fully_connected("relu", 1), 3, 5, "ntk", math.inf), "mean_square"),
        ((nk.fully_connected("exp(x)", 30), 3, 5), "beyond"),
        ((nk.fully_connected("max(x-1,0)", 3), 3, 5), "vanishes|below"),
    ],
)
def test_bad_input_is_refused(arguments: tuple, message: str) -> None:
    network, *given = arguments
    with pytest.raises(nk.InvalidInput, match=message):
        spectrum(network, **dict(zip(("dim", "degree", "get", "mean_square"), given, strict=False)))


def test_what_does_not_exist_is_said() -> None:
    with pytest.raises(nk.NoSuchDual, match="nngp"):
        spectrum(nk.fully_connected("step", 1), dim=3, degree=5)
    with pytest.raises(nk.NoSuchDual):
        spectrum(nk.fully_connected("exp(x**2)", 1), dim=3, degree=5)


def test_degrees_and_ridges_are_checked() -> None:
    found = spectrum(nk.fully_connected("erf(x)", 1), dim=3, degree=5)
    with pytest.raises(nk.InvalidInput, match="degree"):
        found.tail(6)
    for ridge in (0, -1.0, math.nan, True, "1"):
        with pytest.raises(nk.InvalidInput, match="ridge"):
            found.effective_dimension(ridge)


def test_spectra_print_pickle_and_become_json() -> None:
    found = spectrum(nk.fully_connected("relu", 1, ROOT), dim=3, degree=16)
    again = pickle.loads(pickle.dumps(found))
    assert isinstance(again, Spectrum)
    assert np.array_equal(again.eigenvalues, found.eigenvalues)
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["decay"]["even"]["kind"] == "algebraic"
    assert plain["multiplicities"][2] == 5
    text = str(found)
    assert "S^2" in text
    assert "algebraic" in text


def test_tiny_eigenvalues_of_tanh_are_those_of_integrals_in_many_digits() -> None:
    """mu_n = sum_k a_k^2 m(k, n), with a_k = E[tanh(Z) h_k(Z)] by the trapezoidal rule in 50 digits."""
    dim, terms = 10, 1100
    found = spectrum(nk.serial(nk.Dense(1.0), nk.Activation("tanh(x)"), nk.Dense(1.0)), dim=dim, degree=101, get="nngp")
    with mpmath.workdps(50):
        step = mpmath.mpf(1) / 13
        places = np.array([step * j for j in range(1, 13 * 18)], dtype=object)
        columns = np.array(
            [mpmath.tanh(z) * mpmath.exp(-z * z / 2) * 2 * step / mpmath.sqrt(2 * mpmath.pi) for z in places]
        )
        before, now, squares = 0 * places, 1 + 0 * places, []
        for k in range(terms):
            squares.append((columns @ now) ** 2 if k % 2 else mpmath.mpf(0))
            before, now = now, (places * now - mpmath.sqrt(k) * before) / mpmath.sqrt(k + 1)
        for n in (1, 31, 101):
            exact = mpmath.mpf(0)
            for k in range(n, terms, 2):
                above = mpmath.gammaprod([k + 1, dim / 2, (k - n + 1) / 2], [k - n + 1, (k + n + dim) / 2])
                exact += squares[k] * above / mpmath.mpf(2) ** n / mpmath.sqrt(mpmath.pi)
            assert abs(found.eigenvalues[n] / exact - 1) <= found.relative_errors[n] < 1e-10
        assert exact < 1e-28


def test_a_kernel_that_is_zero_has_zero_eigenvalues() -> None:
    found = spectrum(nk.fully_connected("0*x", 1), dim=3, degree=6)
    assert not found.eigenvalues.any()
    assert not found.relative_errors.any()
    assert found.decay.even.kind == "zero"


def test_a_polynomial_of_high_degree_has_finite_rank() -> None:
    assert spectrum(nk.fully_connected("x**80", 1), dim=3, degree=6).decay.even.kind == "finite rank"
