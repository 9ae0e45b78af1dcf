import numpy as np
import pytest

from ntksym.lowering.frame import TILE
from ntksym.tiles.filling import PANEL, Panel, panels


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("rows", [0, 1, TILE - 1, TILE, PANEL - 1, PANEL, PANEL + 1, 3 * PANEL + 7])
def test_blocks_cover_every_entry_once(rows: int, symmetric: bool) -> None:
    columns = rows if symmetric else 5
    seen = np.zeros((rows, columns), dtype=int)
    for panel in panels(rows, columns, symmetric=symmetric):
        for block, height in panel.blocks():
            top = block * TILE
            width = top + height if symmetric else panel.width
            assert panel.first <= top < top + height <= panel.last
            assert width <= panel.width
            seen[top : top + height, :width] += 1
    wanted = np.ones((rows, columns), dtype=int)
    np.testing.assert_array_equal(np.tril(seen) if symmetric else seen, np.tril(wanted) if symmetric else wanted)


def test_the_longest_block_comes_first() -> None:
    assert list(Panel(PANEL, PANEL + TILE + 3, 2 * PANEL).blocks()) == [(9, 3), (8, TILE)]
