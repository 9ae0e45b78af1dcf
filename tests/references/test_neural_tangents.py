"""The same kernels from neural-tangents 0.6.5 (stored: neural_tangents_data.py) and from ntksym."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import ntksym as nk
from tests.references.cases import BIASES, CASES, DEPTHS, Case, key, weights

# Both sides round in float64. The deepest power network, x**4 at depth 4, raises the covariance to the power 256, so an
# eps of its dot product becomes 256 eps; two sides and 8 eps of the 64-term dot product give 2*8*256*eps = 9.1e-13.
TOLERANCE = 1e-12


@pytest.fixture(scope="module")
def stored() -> dict[str, NDArray[np.float64]]:
    with np.load(Path(__file__).parent / "neural_tangents.npz") as arrays:
        return dict(arrays)


def symmetric(upper: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    full = np.zeros((n, n))
    full[np.triu_indices(n)] = upper
    return full + np.triu(full, 1).T


def differences(result: NDArray[np.float64], expected: NDArray[np.float64]) -> tuple[float, float]:
    """Largest |result - expected| / sqrt(K_ii K_jj), and largest |result/expected - 1| where K_ij is not small.

    Small means a thousandth of sqrt(K_ii K_jj); they have the first measure only, for there terms cancel (rbf, sin
    at depth 4), or the entry is rho**625 of a Hermite network and the rounding of rho alone costs 625 eps.
    """
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    difference = np.abs(result - expected)
    large = np.abs(expected) > 1e-3 * scale
    return float((difference / scale).max()), float((difference[large] / np.abs(expected[large])).max())


# Every case compiles code of its own; these run always, the others in CI.
ALWAYS = {"relu", "erf", "gelu"}


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case.name, marks=() if case.name in ALWAYS else pytest.mark.slow) for case in CASES],
)
def test_kernels_agree_with_neural_tangents(case: Case, stored: dict[str, NDArray[np.float64]]) -> None:
    X = stored["digits_unit" if case.unit_variance else "digits"]
    activation = nk.Activation(case.formula, **case.parameters)
    for depth in DEPTHS:
        for b_std in BIASES:
            net = nk.fully_connected(activation, depth=depth, W_std=weights(case, b_std), b_std=b_std)
            kernel = nk.build(net)
            for get in case.get:
                expected = symmetric(stored[key(case, depth, b_std, get)], len(X))
                result = kernel(X, get=get)
                assert result.shape == expected.shape
                assert max(differences(result, expected)) <= TOLERANCE, (depth, b_std, get)


def test_rows_are_not_near_duplicates(stored: dict[str, NDArray[np.float64]]) -> None:
    """Where rows nearly coincide neural-tangents loses up to half its digits and would be no reference."""
    unit = stored["digits_unit"]
    cosines = unit @ unit.T / unit.shape[1]
    assert cosines[~np.eye(len(unit), dtype=bool)].max() < 0.9


def test_every_stored_kernel_is_compared(stored: dict[str, NDArray[np.float64]]) -> None:
    wanted = {
        key(case, depth, b_std, get) for case in CASES for depth in DEPTHS for b_std in BIASES for get in case.get
    }
    assert wanted == set(stored) - {"digits", "digits_unit"}
