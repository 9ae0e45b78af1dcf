"""Functions of two variances and an angle as tables: exact to the bound, with as few terms as serve, or not at all."""

from collections.abc import Callable

import numpy as np
import pytest

from ntksym.gram.fits.table_series import Domain, Places, Sample, fit
from ntksym.lowering.templates.table import GROUP

EPSILON = float(np.finfo(np.float64).eps)
Function = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]

FUNCTIONS: dict[str, Function] = {
    "constant": lambda u, v, t: 0.25 + 0 * t,
    "cosine": lambda u, v, t: np.cos(t) / 3,
    "separable": lambda u, v, t: np.exp((u + v) / 4) * (1 - t / np.pi),
    "a Gaussian": lambda u, v, t: np.exp(np.cos(t) * np.exp((u + v) / 2) - (np.exp(u) + np.exp(v)) / 2),
    "arc sine": lambda u, v, t: np.arcsin(np.cos(t) / np.sqrt((1 + np.exp(-u)) * (1 + np.exp(-v)))),
}
DOMAINS = {
    "narrow": Domain((-0.3, 0.4), (0.7, 2.4)),
    "one variance": Domain((0.2, 0.2), (0.02, 3.1)),
    "wide": Domain((-2.0, 1.0), (0.2, 3.0)),
}


def sampled(*functions: Function) -> Sample:
    def sample(places: Places) -> np.ndarray:
        u, v = (places.variances[rows] for rows in (places.first, places.second))
        return np.array([f(u, v, places.angles) for f in functions])

    return sample


def anywhere(domain: Domain, count: int = 4000) -> Places:
    draws = np.random.default_rng(7)
    u = np.concatenate([draws.uniform(*domain.variances, 2 * count - 4), domain.variances, domain.variances])
    angles = np.concatenate([draws.uniform(*domain.angles, count - 2), domain.angles])
    return Places(u, np.arange(count), np.arange(count, 2 * count), angles)


@pytest.mark.parametrize("allowed", [1e-13, 1e-9])
@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_error_is_below_its_bound_and_the_bound_below_what_is_allowed(
    name: str, domain: str, allowed: float
) -> None:
    sample, places = sampled(FUNCTIONS[name]), anywhere(DOMAINS[domain])
    found = fit(sample, DOMAINS[domain], allowed)
    assert found is not None
    assert np.abs(found(places) - sample(places)).max() <= found.error + 8 * EPSILON
    assert found.error <= allowed


def test_fewer_digits_take_fewer_terms() -> None:
    terms = []
    for allowed in (1e-13, 1e-9, 1e-5):
        found = fit(sampled(FUNCTIONS["a Gaussian"]), DOMAINS["narrow"], allowed)
        assert found is not None
        terms.append(found.terms)
    assert terms[0] > terms[1] > terms[2]


def test_what_does_not_depend_on_the_variances_takes_one_group_of_functions() -> None:
    found = fit(sampled(FUNCTIONS["constant"], FUNCTIONS["cosine"]), DOMAINS["narrow"], 1e-13)
    assert found is not None
    assert found.basis.shape == (1, GROUP)
    assert found.sizes[0].tolist() == [GROUP]
    assert found.terms == GROUP * found.sizes[1].sum()


def test_kernels_share_the_functions_of_the_variance() -> None:
    names = "arc sine", "a Gaussian"
    sample = sampled(*(FUNCTIONS[name] for name in names))
    found = fit(sample, DOMAINS["narrow"], 1e-12)
    assert found is not None
    places = anywhere(DOMAINS["narrow"])
    assert np.abs(found(places) - sample(places)).max() <= found.error
    assert len(found.tables) == 2


@pytest.mark.parametrize(
    "function",
    [
        lambda u, v, t: np.hypot(u - v, t - 1.0),
        lambda u, v, t: np.abs(u - 0.1) + np.abs(v - 0.1),
        lambda u, v, t: np.cos(200 * t),
        lambda u, v, t: np.full_like(t, np.nan),
    ],
    ids=["conical", "kink", "wild", "not a number"],
)
def test_what_a_table_does_not_resolve_is_refused(function: Function) -> None:
    assert fit(sampled(function), DOMAINS["narrow"], 1e-10) is None
