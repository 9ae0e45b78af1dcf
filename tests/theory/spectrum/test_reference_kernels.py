"""Laplace and Matern kernels on the sphere: eigenvalues against integrals, and what they are equivalent to."""

import json
import math

import mpmath
import numpy as np
import pytest

import ntksym as nk
from ntksym.theory.spectrum.gegenbauer import normaliser
from ntksym.theory.spectrum.mercer import spectrum

ROOT = 2**0.5


def matern(r: mpmath.mpf, nu: float, scale: float) -> mpmath.mpf:
    z = mpmath.sqrt(2 * mpmath.mpf(nu)) * scale * r
    return mpmath.mpf(1) if z == 0 else 2 ** (1 - mpmath.mpf(nu)) / mpmath.gamma(nu) * z**nu * mpmath.besselk(nu, z)


@pytest.mark.parametrize(
    ("kernel", "nu"),
    [("laplace", None), ("matern", 1.5), ("matern", 0.5), pytest.param("matern", 0.7, marks=pytest.mark.slow)],
)
def test_eigenvalues_are_integrals(kernel: str, nu: float | None) -> None:
    dim = 3
    found = spectrum(nk.fully_connected("relu", 2, ROOT), dim=dim, degree=12).compare(kernel, 1.3, nu)
    with mpmath.workdps(25):
        for n in (0, 1, 7, 12):
            exact = normaliser(dim) * mpmath.quad(
                lambda t, n=n: (
                    matern(2 * mpmath.sin(t / 2), nu or 0.5, 1.3) * mpmath.legendre(n, mpmath.cos(t)) * mpmath.sin(t)
                ),
                mpmath.linspace(0, mpmath.pi, 5),
            )
            assert abs(found.eigenvalues[n] / exact - 1) <= found.relative_errors[n] + 1e-15
    assert np.all(found.relative_errors < 1e-9)


@pytest.mark.parametrize(
    ("kernel", "nu"), [("laplace", None), ("matern", 1.5), pytest.param("matern", 2.0, marks=pytest.mark.slow)]
)
def test_the_law_of_a_known_kernel_is_reached(kernel: str, nu: float | None) -> None:
    found = spectrum(nk.fully_connected("relu", 2, ROOT), dim=4, degree=150).compare(kernel, 1.0, nu)
    assert found.law.exponent == 4 + 2 * (nu or 0.5) - 1
    assert abs(found.eigenvalues[150] / found.law.predicted(4, 150) - 1) < 4e-3


def test_the_tangent_kernel_of_relu_is_a_laplace_kernel_where_no_eigenvalue_is_zero() -> None:
    assert spectrum(nk.fully_connected("relu", 2, ROOT), dim=3, degree=10).compare().equivalent is True
    assert spectrum(nk.fully_connected("relu", 1, ROOT, 0.1), dim=3, degree=10).compare().equivalent is True
    assert spectrum(nk.fully_connected("relu", 1, ROOT), dim=3, degree=10).compare().equivalent is False
    assert spectrum(nk.fully_connected("relu", 2, ROOT), dim=3, degree=10, get="nngp").compare().equivalent is False
    smoother = spectrum(nk.fully_connected("relu", 2, ROOT), dim=3, degree=10, get="nngp")
    assert smoother.compare("matern", nu=1.5).equivalent is True
    assert spectrum(nk.fully_connected("tanh(x)", 1, 1.0, 0.2), dim=3, degree=10).compare().equivalent is False
    assert spectrum(nk.fully_connected("x*tanh(exp(x))", 1, 1.0, 0.2), dim=3, degree=4).compare().equivalent is None


def test_equivalent_kernels_have_ratios_between_two_numbers() -> None:
    found = spectrum(nk.fully_connected("relu", 3, ROOT), dim=3, degree=150)
    ratios = found.eigenvalues / found.compare("laplace", 1.0).eigenvalues
    limit = found.decay.even.constant / found.compare("laplace", 1.0).law.constant
    assert abs(ratios[150] / limit - 1) < 0.01
    assert 0 < ratios.min() < ratios.max() < math.inf


def test_wrong_kernels_are_refused() -> None:
    found = spectrum(nk.fully_connected("relu", 2, ROOT), dim=3, degree=4)
    for arguments, message in (
        (("gauss",), "laplace"),
        (("matern",), "nu"),
        (("laplace", 1.0, 1.5), "nu"),
        (("laplace", 0.0), "scale"),
        (("laplace", math.nan), "scale"),
        (("matern", 1.0, -0.5), "nu"),
    ):
        with pytest.raises(nk.InvalidInput, match=message):
            found.compare(*arguments)
    with pytest.raises(nk.InvalidInput, match="two points"):
        spectrum(nk.fully_connected("relu", 2, ROOT), dim=1, degree=1).compare()


def test_comparisons_become_json() -> None:
    found = spectrum(nk.fully_connected("relu", 2, ROOT), dim=3, degree=4).compare()
    assert json.loads(json.dumps(found.to_dict()))["equivalent"] is True
