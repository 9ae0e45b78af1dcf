import threading

import numpy as np
import pytest

from ntksym.lowering.frame import TILE
from ntksym.tiles import PANEL, Panel, in_parallel, panels


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


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_job_is_done_once(threads: int) -> None:
    done: list[int] = []
    in_parallel(done.append, ((job,) for job in range(100)), threads)
    assert sorted(done) == list(range(100))


def test_several_threads_work() -> None:
    barrier = threading.Barrier(2, timeout=60)
    in_parallel(lambda: barrier.wait(), [(), ()], 2)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_first_failure_stops_the_work_and_is_raised(threads: int) -> None:
    done: list[int] = []

    def work(job: int) -> None:
        if job == 3:
            raise ArithmeticError("job 3")
        done.append(job)

    with pytest.raises(ArithmeticError, match="job 3"):
        in_parallel(work, ((job,) for job in range(10_000)), threads)
    assert len(done) < 9_999


def test_no_jobs_are_no_work() -> None:
    in_parallel(lambda: pytest.fail("called"), [], 3)
