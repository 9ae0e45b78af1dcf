import numpy as np
import pytest

from ntksym.gram.tiles import SPAN, spans
from ntksym.lowering.templates.frame import TILE


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("blocks", [0, 1, 2, SPAN, SPAN + 1, 3 * SPAN + 7])
def test_every_tile_is_computed_once(blocks: int, symmetric: bool) -> None:
    rows = max(blocks * TILE - 5, 0)
    columns = rows if symmetric else 2 * TILE + 1
    seen = np.zeros((blocks, -(-columns // TILE)), dtype=int)
    for other, first, last in spans(rows, columns, symmetric=symmetric):
        assert 0 <= first < last <= first + SPAN
        seen[first:last, other] += 1
    wanted = np.ones_like(seen)
    np.testing.assert_array_equal(seen, np.tril(wanted) if symmetric else wanted)
