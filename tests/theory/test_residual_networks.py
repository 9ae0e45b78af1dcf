"""Theory of networks with residual branches, against the recursion with numbers of 30 digits and duals by hand."""

import math

import mpmath
import numpy as np
import pytest

import ntksym as nk
from ntksym.network.layers import Dense, Network, fully_connected, residual, serial
from ntksym.network.recursion import PairMap, begin, evaluate
from ntksym.theory.positivity.decision import positivity
from ntksym.theory.powers.coefficients import power_series
from ntksym.theory.requests import Get
from ntksym.theory.spectrum.gegenbauer import normaliser
from ntksym.theory.spectrum.mercer import spectrum
from ntksym.theory.spectrum.singular_part import stepped_singularity
from ntksym.theory.zonal import ZonalKernel

EPSILON = float(np.finfo(np.float64).eps)


def relu_by_hand(q1: mpmath.mpf, q2: mpmath.mpf, c: mpmath.mpf) -> tuple[mpmath.mpf, mpmath.mpf]:
    """Cho and Saul 2009, eq. (6)."""
    scale = mpmath.sqrt(q1 * q2)
    theta = mpmath.acos(max(min(c / scale, 1), -1))
    value = scale * (mpmath.sin(theta) + (mpmath.pi - theta) * mpmath.cos(theta)) / (2 * mpmath.pi)
    return value, (mpmath.pi - theta) / (2 * mpmath.pi)


def erf_by_hand(q1: mpmath.mpf, q2: mpmath.mpf, c: mpmath.mpf) -> tuple[mpmath.mpf, mpmath.mpf]:
    """Williams 1997, eq. (11)."""
    product = (1 + 2 * q1) * (1 + 2 * q2)
    value = 2 / mpmath.pi * mpmath.asin(2 * c / mpmath.sqrt(product))
    return value, 4 / mpmath.pi / mpmath.sqrt(product - 4 * c * c)


def sign_by_hand(q1: mpmath.mpf, q2: mpmath.mpf, c: mpmath.mpf) -> tuple[mpmath.mpf, mpmath.mpf]:
    """Sheppard's formula; there is no slope at c = q1 = q2."""
    return 2 / mpmath.pi * mpmath.asin(max(min(c / mpmath.sqrt(q1 * q2), 1), -1)), mpmath.mpf(0)


def square_by_hand(q1: mpmath.mpf, q2: mpmath.mpf, c: mpmath.mpf) -> tuple[mpmath.mpf, mpmath.mpf]:
    """Isserlis."""
    return q1 * q2 + 2 * c * c, 4 * c


BY_HAND: dict[nk.Activation, PairMap] = {
    nk.Activation("relu"): relu_by_hand,
    nk.Activation("erf(x)"): erf_by_hand,
    nk.Activation("x**2"): square_by_hand,
    nk.Activation("sign(x)"): sign_by_hand,
}


def block(activation: str, W_std: float = 0.75, b_std: float | None = None) -> nk.network.layers.Residual:
    return residual(activation, Dense(W_std, b_std))


NETWORKS = {
    "relu": serial(Dense(1.25), block("relu"), block("relu"), "relu", Dense(1.5)),
    "relu with biases": serial(Dense(1.25, 0.25), block("relu", 0.75, 0.5), "relu", Dense(1.5)),
    "erf": serial(Dense(1.25), block("erf(x)"), block("erf(x)"), "erf(x)", Dense(1.5)),
    "erf with biases": serial(Dense(1.25, 0.25), block("erf(x)", 0.75, 0.5), block("erf(x)"), "erf(x)", Dense()),
    "one relu": serial(Dense(1.25), block("relu")),
    "nested": serial(Dense(1.25), residual("erf(x)", Dense(0.5), block("relu"), "relu", Dense()), "erf(x)", Dense()),
    "polynomial": serial(Dense(1.25, 0.25), block("x**2"), block("x**2")),
}

ONE_ERF = serial(Dense(1.25), block("erf(x)"))


def by_recursion(network: Network, get: str, rho: mpmath.mpf) -> mpmath.mpf:
    state = evaluate(network, begin(mpmath.mpf(1), mpmath.mpf(1), rho), BY_HAND)
    return state.ntk if get == "ntk" else state.c


@pytest.mark.parametrize("get", ["nngp", "ntk"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_kernel_as_a_function_of_the_angle(name: str, get: Get) -> None:
    network = NETWORKS[name]
    gap, sign = np.array([1e-9, 1e-4, 0.25, 1.0, 1e-4]), np.array([1.0, 1.0, 1.0, 1.0, -1.0])
    kernel = ZonalKernel(network, get, 1.0)
    with mpmath.workdps(30):
        cosines = [int(s) * (1 - mpmath.mpf(float(g))) for g, s in zip(gap, sign, strict=True)]
        exact = [by_recursion(network, get, rho) for rho in cosines]
        digits = kernel.at_cosines(cosines)
        assert all(abs(a - b) <= mpmath.mpf("1e-24") * abs(exact[0]) for a, b in zip(digits, exact, strict=True))
        total = float(by_recursion(network, get, mpmath.mpf(1)))
    found = kernel.at_gaps(gap, sign)
    assert np.all(np.abs(found - [float(value) for value in exact]) <= 64 * EPSILON * total)
    assert abs(kernel.trace - total) <= 16 * EPSILON * total


@pytest.mark.parametrize("get", ["nngp", "ntk"])
@pytest.mark.parametrize("name", NETWORKS)
def test_power_series_in_floats(name: str, get: str) -> None:
    """Where the terms that are left out are nothing, the series is the kernel."""
    network = NETWORKS[name]
    found = power_series(network, degree=63, get=get, exact=False)
    assert np.all(found.coefficients >= 0)
    for rho in (0.25, -0.375):
        with mpmath.workdps(30):
            exact = float(by_recursion(network, get, mpmath.mpf(rho)))
        assert abs(float(found(rho)) - exact) <= 1e-13 * found.trace + float(found.errors @ abs(rho) ** np.arange(64))


@pytest.mark.parametrize("get", ["nngp", "ntk"])
def test_power_series_in_exact_numbers(get: str) -> None:
    for network, terms in ((NETWORKS["polynomial"], 5), (NETWORKS["one relu"], 6), (ONE_ERF, 6)):
        exact = power_series(network, degree=terms - 1, get=get, exact=True)
        floats = power_series(network, degree=terms - 1, get=get, exact=False)
        assert np.all(np.abs(exact.coefficients - floats.coefficients) <= floats.errors + 4 * EPSILON * exact.trace)
    whole = power_series(NETWORKS["polynomial"], degree=4, get=get, exact=True)
    with mpmath.workdps(30):
        fractions = [mpmath.mpf(int(entry.p)) / int(entry.q) for entry in whole.exact]
        exact = by_recursion(NETWORKS["polynomial"], get, mpmath.mpf(0.375))
        assert abs(mpmath.polyval(fractions[::-1], 0.375) - exact) <= mpmath.mpf("1e-28") * exact


@pytest.mark.parametrize("name", ["relu", "erf with biases", "nested", "polynomial"])
def test_eigenvalues_are_the_integrals_of_the_recursion(name: str) -> None:
    network = NETWORKS[name]
    found = spectrum(network, dim=3, degree=6)
    with mpmath.workdps(30):
        for n in (0, 1, 4):
            exact = normaliser(3) * mpmath.quad(
                lambda t, n=n: by_recursion(network, "ntk", t) * mpmath.legendre(n, t), [-1, -0.5, 0, 0.5, 0.9, 1]
            )
            assert abs(found.eigenvalues[n] - float(exact)) <= 1e-10 * found.eigenvalues[n]


LAWS = {
    "relu": (serial(Dense(1.25), block("relu"), block("relu"), "relu", Dense(1.5)), "ntk"),
    "relu, nngp": (serial(Dense(1.25, 0.5), block("relu"), block("relu")), "nngp"),
    "odd, then both": (serial(Dense(1.25), block("min(max(x,-1),1)"), "min(max(x,-1),1)", Dense()), "ntk"),
    "one jump beside a line": (serial(Dense(1.25), block("heaviside(x)")), "nngp"),
    "erf": (serial(Dense(1.25, 0.25), block("erf(x)"), "erf(x)", Dense()), "ntk"),
}


@pytest.mark.parametrize("name", LAWS)
def test_eigenvalues_follow_the_law_that_the_branches_imply(name: str) -> None:
    network, get = LAWS[name]
    found = spectrum(network, dim=3, degree=120, get=get)
    for law, measured in ((found.decay.even, found.decay.even_fit), (found.decay.odd, found.decay.odd_fit)):
        if law.kind in ("algebraic", "geometric"):
            assert measured is not None
            assert measured.ratio == pytest.approx(1, abs=0.06)
        else:
            assert law.kind in ("zero", "finite rank")
    assert found.decay.odd.kind in ("algebraic", "geometric") or found.decay.even.kind in ("algebraic", "geometric")


JUMPS = [
    serial(Dense(1.25), block("sign(x)"), block("sign(x)")),
    serial(Dense(1.25, 0.5), block("sign(x)"), block("erf(x)")),
    serial(Dense(1.25), block("relu"), block("sign(x)")),
    serial(Dense(1.25), block("sign(x)"), block("relu")),
]


@pytest.mark.parametrize("network", JUMPS, ids=str)
def test_singular_parts_of_jumps_are_the_limits_of_the_recursion(network: Network) -> None:
    """At a gap g the next term is smaller by g^(1/4), or 1e-10, at least."""
    found = stepped_singularity(ZonalKernel(network, "nngp", 1.0))
    with mpmath.workdps(60):
        gap = mpmath.mpf("1e-40")
        for end, coefficient in ((1, found.plus), (-1, found.minus)):
            rise = by_recursion(network, "nngp", end * (1 - gap)) - by_recursion(network, "nngp", mpmath.mpf(end))
            assert float(rise / gap**found.exponent) == pytest.approx(coefficient, rel=1e-8, abs=1e-8)


def test_a_line_beside_one_relu_adds_nothing_to_the_even_degrees() -> None:
    found = spectrum(NETWORKS["one relu"], dim=3, degree=12, get="nngp")
    plain = spectrum(fully_connected("relu", 1), dim=3, degree=12, get="nngp")
    scale = 0.75**2 * 1.25**2
    assert np.allclose(found.eigenvalues[2::2], scale * plain.eigenvalues[2::2], rtol=1e-12)
    assert found.decay.odd.kind == "finite rank"


SPHERE = [
    (NETWORKS["one relu"], False),
    (serial(Dense(), block("relu"), block("relu")), True),
    (serial(Dense(), residual("x**2", Dense()), block("abs(x)")), True),
    (serial(Dense(), block("tanh(x)"), block("tanh(x)")), False),
    (serial(Dense(0.5, 0.25), block("tanh(x)")), True),
    (serial(Dense(), block("cos(x)")), False),
    (NETWORKS["polynomial"], False),
]


@pytest.mark.parametrize(("network", "holds"), SPHERE)
@pytest.mark.parametrize("get", ["nngp", "ntk"])
def test_verdicts_on_the_sphere_are_those_of_computed_coefficients(network: Network, holds: bool, get: str) -> None:
    verdict = positivity(network, get=get)
    assert verdict.holds is holds
    (support,) = verdict.supports
    present = np.flatnonzero(power_series(network, degree=23, get=get).coefficients > 0)
    for parity, largest in enumerate((support.even, support.odd)):
        found = max(present[present % 2 == parity], default=-1)
        assert found == largest if largest < math.inf else found > 15


def gram(network: Network, points: np.ndarray, get: str) -> np.ndarray:
    """By the recursion at 30 digits, rounded."""
    with mpmath.workdps(30):
        rows = [[mpmath.mpf(float(entry)) for entry in row] for row in points]
        products = [[mpmath.fdot(x, y) / len(x) for y in rows] for x in rows]
        matrix = np.empty((len(rows), len(rows)))
        for i, j in np.ndindex(matrix.shape):
            state = evaluate(network, begin(products[i][i], products[j][j], products[i][j]), BY_HAND)
            matrix[i, j] = float(state.ntk if get == "ntk" else state.c)
    return matrix


SPACE = [
    (serial(Dense(), block("relu", 1.0, 0.5), "relu", Dense()), True),
    (serial(Dense(), block("relu"), "relu", Dense()), False),
    (serial(Dense(1.0, 0.5), block("relu")), True),
    (serial(Dense(), block("x**2")), False),
    (serial(Dense(), residual("relu", Dense(), "x**2", Dense(1.0, 0.5))), False),
    (serial(Dense(), block("erf(x)"), "erf(x)", Dense()), False),
]


@pytest.mark.parametrize(("network", "holds"), SPACE)
@pytest.mark.parametrize("get", ["nngp", "ntk"])
def test_verdicts_at_points_of_any_norm(network: Network, holds: bool, get: str) -> None:
    verdict = positivity(network, get=get, domain="euclidean")
    assert verdict.holds is holds
    if holds:
        points = np.array([[1.0, 0.5], [2.0, 1.0], [3.0, 1.5], [-1.0, -0.5], [0.25, -1.0]])
        eigenvalues = np.linalg.eigvalsh(gram(network, points, get))
        assert eigenvalues[0] > 100 * EPSILON * eigenvalues[-1]
    else:
        witness = verdict.witness(2)
        if not witness.points.any():  # K(0, 0) = 0, where the duals by hand divide by zero
            return
        matrix = gram(network, witness.points, get)
        assert abs(witness.form(matrix)) <= 64 * len(matrix) * EPSILON * np.trace(matrix)


def test_a_kind_of_layer_without_a_rule_is_refused_everywhere() -> None:
    network = serial(Dense(), "relu", Dense())
    object.__setattr__(network, "layers", (Dense(), "pooling", Dense()))
    for ask in (
        lambda: ZonalKernel(network, "ntk", 1.0).trace,
        lambda: ZonalKernel(network, "ntk", 1.0).at_gaps(np.ones(1), np.ones(1)),
        lambda: ZonalKernel(network, "ntk", 1.0).at_cosines([mpmath.mpf(1)]),
        lambda: power_series(network, degree=3, exact=False),
        lambda: spectrum(network, dim=3, degree=2),
    ):
        with pytest.raises((TypeError, AttributeError), match="no rule for 'pooling'"):
            ask()
