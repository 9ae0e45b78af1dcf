"""Series layers: how rows are packed, and what the compiled step makes of them."""

import numpy as np
import pytest

from ntksym.activation.activation import Activation
from ntksym.dual.derivation import derive
from ntksym.hermite.expansion import STEP, Expansion
from ntksym.lowering.lowered_activation import lower
from ntksym.lowering.templates.frame import DIAGONAL_SLOPE, DIAGONAL_VALUE, ROOT, TILE
from ntksym.lowering.templates.series_layers import FIRST_GROUP, GROUP, INVERSE_ROOT, pack, slots_of
from ntksym.network.layers import Dense, Network, fully_connected, serial
from tests.lowering.duals import expanded
from tests.lowering.machines import Machine, machine

EPSILON = float(np.finfo(np.float64).eps)


def data(n: int, d: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def as_series(network: Network, tolerance: float) -> Machine:
    return machine(network, lambda act: derive(act, method="series"), tolerance)


def as_closed(network: Network) -> Machine:
    return machine(network, lambda act: derive(act, method="closed"))


def expansion(count: int, groups: int, seed: int = 0) -> Expansion:
    random = np.random.default_rng(seed)
    limits = np.sort(random.uniform(size=(count, groups)), axis=1)
    value, slope = random.uniform(1, 2, size=(2, count))
    return Expansion(random.normal(size=(count, groups * STEP)), 1, 2, value, slope, limits)


@pytest.mark.parametrize("count", [2 * TILE, TILE + 3])
def test_numbers_of_one_kind_lie_together_over_the_rows_of_a_block(count: int) -> None:
    given, variances = expansion(count, 3), np.linspace(0.5, 2, count)
    real = np.arange(2 * TILE) < count
    rows = np.full((2, slots_of(given), TILE), np.nan)
    pack(given, variances, real, rows)
    for row in range(2 * TILE):
        mine = rows[row // TILE, :, row % TILE]
        groups = mine[FIRST_GROUP:].reshape(3, GROUP)
        if row >= count:  # nothing is added up with a row that is not there, and its variance stays finite
            assert mine[ROOT] == mine[INVERSE_ROOT] == mine[DIAGONAL_VALUE] == mine[DIAGONAL_SLOPE] == 1
            assert (groups[:, 0] == 1).all()
            assert (groups[:, 1:] == 0).all()
            continue
        assert mine[ROOT] == np.sqrt(variances[row])
        assert mine[INVERSE_ROOT] == 1 / np.sqrt(variances[row])
        assert (mine[DIAGONAL_VALUE], mine[DIAGONAL_SLOPE]) == (given.value[row], given.slope[row])
        np.testing.assert_array_equal(groups[:, 0], given.limits[row])
        np.testing.assert_array_equal(groups[:, 1:].ravel(), given.coefficients[row])


def test_the_diagonal_alone_needs_no_coefficients() -> None:
    rows = np.full((1, FIRST_GROUP, TILE), np.nan)
    pack(expansion(TILE, 2), np.ones(TILE), np.ones(TILE, dtype=bool), rows)
    assert np.isfinite(rows).all()


def test_an_infinite_slope_is_stored_as_zero() -> None:
    """Where s jumps there is no NTK; infinity times zero must not reach the numbers of the NNGP."""
    jumps = expansion(TILE, 1)
    infinite = Expansion(jumps.coefficients, 0, 1, jumps.value, np.full(TILE, np.inf), jumps.limits)
    rows = np.empty((1, slots_of(infinite), TILE))
    pack(infinite, np.ones(TILE), np.ones(TILE, dtype=bool), rows)
    assert (rows[0, DIAGONAL_SLOPE] == 0).all()


@pytest.mark.parametrize(("name", "b_std"), [("erf", None), ("erf", 0.3), ("cos", 0.3), ("gelu", None)])
def test_a_series_agrees_with_the_closed_form(name: str, b_std: float | None) -> None:
    """An odd, an even and a mixed one; three layers deep, what remains is the rounding of the powers of rho."""
    network = fully_connected(name, 3, 1.3, b_std)
    x, y = data(TILE + 9), data(30, seed=1)
    x[5], x[9], x[70] = x[4], -x[4], 2 * x[4]
    closed, series = as_closed(network), as_series(network, 1e-15)
    for other in (x, y):
        both = series(x, other)
        for found, wanted in zip(both, closed(x, other), strict=True):
            assert np.abs(found - wanted).max() <= 512 * EPSILON * np.abs(wanted).max()
        alone = series.tiles(x, other, ("nngp",))[0]["nngp"]
        assert np.abs(alone - both[0]).max() <= 16 * EPSILON * np.abs(alone).max()


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-9])
def test_the_tolerance_is_met_and_used(tolerance: float) -> None:
    """Too few terms would break it, too many would leave errors of the size of rounding."""
    network = fully_connected("erf", 1, 1.5)
    x = data(3 * TILE, 20)
    pairs = zip(as_closed(network)(x), as_series(network, tolerance)(x), strict=True)
    errors = [np.abs(exact - found).max() / np.abs(exact).max() for exact, found in pairs]
    assert max(errors) <= tolerance
    assert max(errors) > 1e-6 * tolerance


def test_an_entry_does_not_depend_on_the_other_entries_of_its_tile() -> None:
    """Each takes the terms that it needs, though its row of a tile adds those of the largest correlation."""
    engine = as_series(fully_connected("tanh", 2, 1.5, 0.1), 1e-3)
    x = data(TILE, 40)
    x[7] = x[6] + 0.1 * x[5]
    _, whole = engine(x)
    alone = np.array([[engine(x[[i]], x[[j]])[1][0, 0] for j in (3, 6, 50)] for i in (7, 20)])
    assert np.abs(whole[np.ix_([7, 20], [3, 6, 50])] - alone).max() <= 16 * EPSILON * np.abs(whole).max()


def test_all_numbers_of_groups_are_added_up_right() -> None:
    """Rows of a tile with correlations from 0 to 1: from one group of terms to all."""
    network = fully_connected("erf", 1, 2.0)
    angles = np.concatenate([np.linspace(0, np.pi, 40), np.geomspace(1e-9, 0.1, 40)])
    x = np.sqrt(2) * np.column_stack([np.cos(angles), np.sin(angles)])
    for exact, found in zip(as_closed(network)(x), as_series(network, 1e-13)(x), strict=True):
        assert np.abs(found - exact).max() <= (1e-13 + 256 * EPSILON) * exact[0, 0]
        np.testing.assert_array_equal(found, found.T)


def test_one_text_serves_every_series() -> None:
    networks = (
        fully_connected("tanh", 1),
        fully_connected("sigmoid", 7, 1.5, 0.1),
        serial(Dense(), "softplus", Dense(2.0), "arctan", Dense(), "tanh", Dense()),
    )
    texts = {machine(network, derive).source.text for network in networks}
    assert len(texts) == 1
    assert "tanh" not in texts.pop()


def test_an_activation_called_series_keeps_its_name_apart() -> None:
    closed, series = derive(Activation("max(x, 0)", name="series")), derive("tanh", method="series")
    assert [part.name for part in lower([closed, series])] == ["series_2", "series"]


@pytest.mark.parametrize(("most", "tolerance", "n"), [(24, 1e-9, 2 * TILE + 5), (8, 1e-14, TILE + 30)])
def test_pairs_beyond_the_last_limit_are_left_out_and_no_others(most: int, tolerance: float, n: int) -> None:
    """At the second setting almost all of them, so that the list grows."""
    engine = machine(fully_connected("tanh", 1, 1.5), expanded(most), tolerance)
    x, y = data(n), data(50, seed=1)
    x[9] = x[3]  # one point twice is not hard: the diagonal serves it
    for other in (x, y):
        q, r = ((1.5**2 * points**2).sum(axis=1) / 5 for points in (x, other))
        (hidden,) = engine.plan.hidden
        layout = hidden.layout(np.concatenate([q, r]))
        limits = [hidden.expand(variances, layout).limits[:, -1] for variances in (q, r)]
        rho = 1.5**2 * (x @ other.T) / 5 / np.sqrt(np.outer(q, r))
        hard = (np.abs(rho) > np.minimum.outer(*limits)) & (rho < 1 - 1e-12)
        wanted = np.argwhere(np.tril(hard) if other is x else hard)
        results, found = engine.tiles(x, other, ("ntk",), integrate=False)
        assert np.isfinite(results["ntk"]).all()
        assert len(wanted)
        np.testing.assert_array_equal(found[np.lexsort(found.T[::-1])], wanted)


def test_layers_of_both_kinds_mix() -> None:
    network = serial(Dense(1.4, 0.1), "erf", Dense(1.2), "sin", Dense(0.9, 0.2), Dense(1.1), "erf", Dense(1.3))
    x = data(TILE + 7)
    methods = {"erf": "series", "sin": "closed"}
    mixed = machine(network, lambda act: derive(act, method=methods[act.name]), 1e-15)
    assert [part.name for part in mixed.source.parts] == ["series", "sin"]
    for found, exact in zip(mixed(x), as_closed(network)(x), strict=True):
        assert np.abs(found - exact).max() <= 512 * EPSILON * np.abs(exact).max()
