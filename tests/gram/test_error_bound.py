"""The tolerance of a kernel: what error_bound says holds against mpmath through all layers, and tol is enforced."""

import numpy as np
import pytest

import ntksym as nk
from tests.oracle import recursion

NETWORKS = {
    "tanh": nk.fully_connected("tanh", depth=3, W_std=1.5, b_std=0.1),
    "chaotic": nk.fully_connected("tanh", depth=4, W_std=4.0),
    "mixed": nk.serial(
        nk.Dense(1.2, 0.3), "softplus", nk.Dense(1.5), "relu", nk.Dense(1.1, 0.2), "mish", nk.Dense(1.0)
    ),
    "kinked": nk.fully_connected("softsign", depth=2, W_std=2.0, b_std=0.5),
}

DIGITS = 20


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_the_bound_holds_through_all_layers(name: str) -> None:
    network = NETWORKS[name]
    x = np.random.default_rng(5).standard_normal((3, 4)) * [[1.0], [1.3], [0.4]]
    x[2] = 0.999 * x[0] + 1e-3 * x[2]
    kernel = nk.build(network, tol=1e-9)
    nngp, ntk = kernel(x, get=("nngp", "ntk"))
    bounds = kernel.error_bound(x, get=("nngp", "ntk"))
    for i, j in ((0, 0), (0, 1), (0, 2)):
        true = recursion(network, x[i], x[j], dps=DIGITS)
        for found, value, bound in zip((nngp, ntk), true, bounds, strict=True):
            scale = np.sqrt(found[i, i] * found[j, j])
            assert abs(found[i, j] - value) <= bound * scale
    assert max(bounds) < 1e-9


def test_closed_networks_have_the_rounding_of_their_covariances_only() -> None:
    x = np.random.default_rng(0).standard_normal((20, 5))
    assert 0 < nk.build(nk.fully_connected("relu", depth=3)).error_bound(x) < 1e-12
    assert nk.build(nk.serial(nk.Dense(1.0))).error_bound(x) == 0
    assert nk.build(nk.fully_connected("relu", depth=3)).error_bound(np.empty((0, 3))) == 0


def test_the_bound_follows_the_tolerance() -> None:
    x = np.random.default_rng(0).standard_normal((30, 8))
    bounds = [nk.build(NETWORKS["tanh"], tol=tol).error_bound(x) for tol in (1e-6, 1e-9, 1e-12)]
    assert bounds[0] > 10 * bounds[1] > 10 * bounds[2]
    assert all(bound <= tol for bound, tol in zip(bounds, (1e-6, 1e-9, 1e-12), strict=True))


def test_a_looser_tolerance_changes_entries_by_no_more_than_it() -> None:
    x = np.random.default_rng(0).standard_normal((40, 8))
    tight, loose = (nk.build(NETWORKS["tanh"], tol=tol)(x) for tol in (1e-12, 1e-6))
    scale = np.sqrt(np.outer(np.diag(tight), np.diag(tight)))
    assert 1e-13 < np.abs((tight - loose) / scale).max() <= 1e-6


def test_a_tolerance_that_cannot_be_met_is_refused_with_what_can() -> None:
    x = np.random.default_rng(0).standard_normal((30, 8))
    kernel = nk.build(NETWORKS["tanh"], tol=1e-15)
    with pytest.raises(nk.ToleranceNotMet, match=r"build the kernel with tol=") as failure:
        kernel(x)
    achieved = failure.value.about["achieved"]
    assert nk.build(NETWORKS["tanh"], tol=1.2 * achieved)(x).shape == (30, 30)


def test_near_duplicates_in_a_chaotic_network_are_told_apart_from_the_rest() -> None:
    network = nk.fully_connected("tanh", depth=20, W_std=6.0)
    x = np.random.default_rng(0).standard_normal((10, 8))
    kernel = nk.build(network)
    assert kernel(x).shape == (10, 10)
    assert kernel(np.vstack([x, x[:1]])).shape == (11, 11)  # the same point twice is no error
    x[1] = x[0] * (1 + 1e-9)
    with pytest.raises(nk.ToleranceNotMet):
        kernel(x)


def test_one_bound_for_each_kernel_that_is_asked_for() -> None:
    x = np.random.default_rng(0).standard_normal((6, 3))
    kernel = nk.build(NETWORKS["tanh"])
    both = kernel.error_bound(x, get=("nngp", "ntk"))
    assert both.nngp == kernel.error_bound(x, get="nngp")
    assert both.ntk == kernel.error_bound(x)
    assert kernel.error_bound(x[:3], x[3:]) <= both.ntk * 1.5


def test_a_network_that_amplifies_truncation_gets_less_of_it() -> None:
    """At any tolerance truncation would be a share of it, times what the layers make of it."""
    x = np.random.default_rng(5).standard_normal((3, 4)) * [[1.0], [1.3], [0.4]]
    x[2] = 0.999 * x[0] + 1e-3 * x[2]
    kernel = nk.build(NETWORKS["chaotic"], tol=1e-8)
    assert kernel.error_bound(x) <= 1e-8
    assert np.isfinite(kernel(x)).all()
    with pytest.raises(nk.ToleranceNotMet) as failure:
        nk.build(NETWORKS["chaotic"], tol=1e-13)(x)
    assert nk.build(NETWORKS["chaotic"], tol=1.1 * failure.value.about["achieved"])(x).shape == (3, 3)
