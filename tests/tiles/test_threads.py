import threading

import pytest

from ntksym.tiles.threads import in_parallel


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
