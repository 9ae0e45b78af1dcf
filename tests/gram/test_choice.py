"""Which lowering serves which data: a heavy closed form, its series, and how much of a series is stored."""

import numpy as np
import pytest

from ntksym.dual import SeriesDual
from ntksym.errors import ToleranceNotMet
from ntksym.gram.costs import COSTS
from ntksym.gram.layer_route import LayerRoute
from ntksym.kernel import build
from ntksym.network.layers import fully_connected

ROWS = int(COSTS.few**0.5) + 40
"""More pairs than are computed without a look at the data."""

TOLERANCE = 1e-11


def spread(n: int = ROWS, d: int = 60, seed: int = 0) -> np.ndarray:
    """Independent rows: small correlations."""
    return np.random.default_rng(seed).normal(size=(n, d))


def crowded(n: int = ROWS, d: int = 60) -> np.ndarray:
    """One row with a little noise: all correlations near 1."""
    return np.ones(d) + 1e-3 * spread(n, d)


def route_for(name: str, x: np.ndarray, **bounds: float) -> LayerRoute:
    route = build(fully_connected(name, 2, 1.5, 0.1), **bounds).on(x, route="layers").route
    assert isinstance(route, LayerRoute)
    return route


def is_closed(route: LayerRoute) -> bool:
    return "series" not in route.lowering.forms


@pytest.mark.parametrize("name", ["elu", "selu", "hard_tanh"])
def test_a_heavy_form_is_summed_where_correlations_are_small_and_used_where_they_are_not(name: str) -> None:
    assert not is_closed(route_for(name, spread()))
    assert is_closed(route_for(name, crowded()))


@pytest.mark.parametrize("name", ["relu", "gelu", "erf", "sin"])
def test_a_light_form_is_never_replaced(name: str) -> None:
    kernel = build(fully_connected(name, 2))
    assert kernel.candidates.light is None


MIXED = np.vstack([spread(ROWS - 30), crowded(30)])


@pytest.mark.parametrize("get", ["nngp", "ntk"])
@pytest.mark.parametrize("x", [spread(), MIXED], ids=["spread", "mixed"])
def test_both_ways_give_the_same_kernel(x: np.ndarray, get: str) -> None:
    kernel = build(fully_connected("elu", 2, 1.5, 0.1), tol=TOLERANCE)
    assert "series" in kernel.on(x, get=get).route.lowering.forms
    found, exact = kernel(x, get=get), kernel.on(x, get=get, route="closed").gram()
    roots = np.sqrt(np.diag(exact))
    assert (np.abs(found - exact) <= 2 * TOLERANCE * np.multiply.outer(roots, roots)).all()
    assert (found == found.T).all()
    np.testing.assert_array_equal(np.diag(found), kernel.diag(x, get=get))
    np.testing.assert_allclose(
        kernel(x, x[:50].copy(), get=get), found[:, :50], rtol=0, atol=TOLERANCE * roots.max() ** 2
    )


def test_a_series_stores_what_the_data_reach_and_answers_the_same_beyond() -> None:
    kernel = build(fully_connected("softsign", 1), tol=TOLERANCE)
    route = kernel.on(spread()).route
    assert all(truncation.reach < 1 for truncation in route.lowering.truncations)
    x = spread()
    x[1] = x[0] + 1e-2 * x[2]  # a pair that no sample sees
    whole, block = kernel(x), kernel(x[:60])
    np.testing.assert_allclose(whole[:60, :60], block, rtol=0, atol=TOLERANCE * whole.max())
    assert kernel.on(spread(50)).route.lowering.truncations[0].reach == 1


def test_where_no_series_is_to_be_had_the_closed_form_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ToleranceNotMet("no series at these variances")

    monkeypatch.setattr(SeriesDual, "coefficients", refuse)
    route = route_for("elu", spread())
    assert is_closed(route)
    assert np.isinf(route.costs[1])


def test_no_points_are_a_choice_too() -> None:
    assert is_closed(route_for("elu", np.empty((0, 3))))
    assert build(fully_connected("elu", 1))(np.empty((0, 3))).shape == (0, 0)


def test_the_choice_is_explained() -> None:
    kernel = build(fully_connected("elu", 2, 1.5, 0.1))
    assert "on these data" not in kernel.explain()
    assert "heavy closed form" in kernel.explain()
    text = kernel.explain(spread())
    assert "on these data: series in place of the heavy ones" in text
    assert "other pairs one by one" in text
    assert "on these data: closed forms" in kernel.explain(crowded())
