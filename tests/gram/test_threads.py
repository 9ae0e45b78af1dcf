import _thread
import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from ntksym.gram.threads import idle_threads, in_parallel


@pytest.fixture(autouse=True)
def interrupts_are_heard() -> Iterator[None]:
    """A job in the background of a shell starts with them ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def left_behind() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "ntksym-tiles"]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_job_is_done_once(threads: int) -> None:
    done: list[int] = []
    in_parallel(done.append, ((job,) for job in range(100)), threads)
    assert sorted(done) == list(range(100))


def test_several_threads_work() -> None:
    barrier = threading.Barrier(2, timeout=60)
    in_parallel(lambda: barrier.wait(), [(), ()], 2)


def test_no_more_threads_are_started_than_there_are_jobs() -> None:
    counts: list[int] = []
    in_parallel(lambda: counts.append(len(left_behind())), [()], 5)
    assert counts == [0]


def test_little_work_is_done_by_the_caller_alone() -> None:
    counts: list[int] = []
    in_parallel(lambda: counts.append(len(left_behind())), [()] * 100, 5, alone=60.0)
    assert counts == [0] * 100


def test_others_come_in_when_the_work_takes_longer() -> None:
    names: list[str] = []

    def work() -> None:
        time.sleep(0.01)
        names.append(threading.current_thread().name)

    in_parallel(work, [()] * 40, 2, alone=0.05)
    assert len(set(names)) == 2
    assert len(set(names[:4])) == 1


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
    assert not left_behind()


def test_no_jobs_are_no_work() -> None:
    in_parallel(lambda: pytest.fail("called"), [], 3)


def interrupt_soon() -> None:
    threading.Timer(0.2, _thread.interrupt_main).start()


def test_an_interrupt_stops_every_thread_at_its_next_job() -> None:
    done: list[int] = []

    def work(job: int) -> None:
        if job == 0:
            interrupt_soon()
        time.sleep(0.01)
        done.append(job)

    with pytest.raises(KeyboardInterrupt):
        in_parallel(work, ((job,) for job in range(3000)), 3)
    assert not left_behind()
    assert 0 < len(done) < 2999


def test_an_interrupt_while_the_others_finish_waits_for_them() -> None:
    barrier = threading.Barrier(2, timeout=60)
    finished: list[str] = []

    def work() -> None:
        barrier.wait()
        if threading.current_thread() is not threading.main_thread():
            interrupt_soon()
            time.sleep(1.0)
            finished.append("the other")

    with pytest.raises(KeyboardInterrupt):
        in_parallel(work, [(), ()], 2)
    assert finished == ["the other"]
    assert not left_behind()


def test_an_interrupt_goes_before_other_failures() -> None:
    barrier = threading.Barrier(2, timeout=60)

    def work() -> None:
        barrier.wait()
        if threading.current_thread() is threading.main_thread():
            time.sleep(0.1)
            raise KeyboardInterrupt
        raise ArithmeticError

    with pytest.raises(KeyboardInterrupt):
        in_parallel(work, [(), ()], 2)


def test_where_no_more_threads_can_be_started_the_caller_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    done: list[int] = []
    in_parallel(done.append, ((job,) for job in range(10)), 4)
    assert sorted(done) == list(range(10))


def test_calls_at_the_same_time_share_the_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_NUM_THREADS", "4")
    before = idle_threads()
    barrier, seen = threading.Barrier(3, timeout=60), []

    def work() -> None:
        barrier.wait()
        seen.append(idle_threads())
        barrier.wait()

    in_parallel(work, [()] * 3, 3)
    assert (before, seen, idle_threads()) == (4, [1, 1, 1], 4)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"NUMBA_NUM_THREADS": "3", "OMP_NUM_THREADS": "2"}, 3),
        ({"OMP_NUM_THREADS": "2"}, 2),
        ({"OMP_NUM_THREADS": "2,1"}, None),
        ({"NUMBA_NUM_THREADS": "0"}, None),
        ({}, None),
    ],
)
def test_the_number_of_threads_follows_the_environment_or_the_processors(
    settings: dict[str, str], expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert idle_threads() == (expected or usable)
