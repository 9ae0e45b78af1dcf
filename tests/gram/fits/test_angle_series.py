"""Functions of the angle as two polynomials: exact to the bound, with as few terms as serve, or not at all."""

from collections.abc import Callable

import numpy as np
import pytest

from ntksym.gram.fits.angle_series import MOST, Angles, AngleSeries, Sample, fit
from ntksym.lowering.templates.angle import GROUP

EPSILON = float(np.finfo(np.float64).eps)
Function = Callable[[np.ndarray], np.ndarray]

FUNCTIONS: dict[str, Function] = {
    "arc cosine of order 1": lambda t: (np.sin(t) + (np.pi - t) * np.cos(t)) / np.pi,
    "arc cosine of order 0": lambda t: 1 - t / np.pi,
    "cosine": np.cos,
    "cube of the cosine": lambda t: np.cos(t) ** 3,
    "even about pi/2": lambda t: np.cos(t) ** 2 + np.sin(t) / 9 - 0.3,
    "narrow": lambda t: 1 / (1 + 30 * t),
    "narrower": lambda t: 1 / (1 + 150 * t),
}


def sampled(*functions: Function) -> Sample:
    """From the angle itself: arcsin is exact enough where sigma is small."""

    def sample(angles: Angles) -> tuple[np.ndarray, np.ndarray]:
        theta = np.arctan2(angles.sigma, angles.rho)
        return np.array([f(theta) for f in functions]), np.array([f(np.pi - theta) for f in functions])

    return sample


def error(series: AngleSeries, function: Function) -> float:
    theta = np.concatenate([np.geomspace(1e-12, 1, 500), np.linspace(0, np.pi, 3001)])
    theta = np.concatenate([theta, np.pi - theta])
    return float(np.abs(series(np.sin(theta), np.cos(theta)) - function(theta)).max())


@pytest.mark.parametrize("allowed", [2e-13, 1e-9])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_error_is_below_its_bound_and_the_bound_below_what_is_allowed(name: str, allowed: float) -> None:
    found = fit(sampled(FUNCTIONS[name]), allowed)
    assert found is not None
    assert error(found[0], FUNCTIONS[name]) <= found[0].error + 4 * EPSILON  # of the angles that sin and cos stand for
    assert found[0].error <= allowed


def test_fewer_digits_take_fewer_terms() -> None:
    terms = []
    for allowed in (1e-13, 1e-9, 1e-5):
        found = fit(sampled(FUNCTIONS["narrow"]), allowed)
        assert found is not None
        terms.append(found[0].terms)
    assert terms[0] > terms[1] > terms[2]


def test_a_part_that_vanishes_has_no_terms() -> None:
    for name, (even, odd) in {
        "cosine": (0, GROUP),
        "cube of the cosine": (0, GROUP),
        "even about pi/2": (GROUP, 0),
    }.items():
        found = fit(sampled(FUNCTIONS[name]), 1e-13)
        assert found is not None
        assert tuple(part.size for part in found[0].parts) == (even, odd)


def test_kernels_share_the_blocks() -> None:
    names = ["cosine", "narrower"]
    found = fit(sampled(*(FUNCTIONS[name] for name in names)), 2e-13)
    assert found is not None
    assert {part.shape[0] for series in found for part in series.parts} == {found[1].parts[0].shape[0]}
    assert found[1].parts[0].shape[0] > 1
    for series, name in zip(found, names, strict=True):
        assert error(series, FUNCTIONS[name]) <= series.error + 4 * EPSILON


@pytest.mark.parametrize(
    "function",
    [
        np.sqrt,
        lambda t: np.abs(np.cos(t)),
        lambda t: 1 / (1 + 1e7 * t),
        lambda t: np.cos(t) + 1e-9 * np.sin(1e9 * t),
    ],
    ids=["root at 0", "kink in the middle", "very narrow", "noise"],
)
def test_what_does_not_settle_is_refused(function: Function) -> None:
    assert fit(sampled(function), 1e-13) is None


def test_what_is_refused_soon_is_not_sampled_long() -> None:
    counts: list[int] = []

    def sample(angles: Angles) -> tuple[np.ndarray, np.ndarray]:
        counts.append(len(angles.rho))
        return sampled(np.sqrt)(angles)

    assert fit(sample, 1e-13) is None
    assert max(counts) < MOST
