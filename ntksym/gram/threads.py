"""Jobs dealt out to threads that live as long as one call: nothing to be broken by a fork, and nothing left behind.

The compiled code releases the interpreter's lock, so plain threads run at once. Results never depend on their number.
"""

import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["idle_threads", "in_parallel"]

LIMITS = "NUMBA_NUM_THREADS", "OMP_NUM_THREADS"
"""Environment variables that say how many threads a process may use; schedulers set them for their workers."""

_at_work: list[None] = []
"""An entry for every thread that does jobs; adding one and taking it away cannot be torn apart by other threads."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_at_work.clear)  # a child has none of the threads of its parent


def idle_threads() -> int:
    """Processors that this process may use, less the threads that other calls keep busy at the moment; at least 1."""
    return max(1, _processors() - len(_at_work))


def _processors() -> int:
    for name in LIMITS:
        limit = os.environ.get(name, "")
        if limit.isdecimal() and int(limit) > 0:
            return int(limit)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_parallel(
    work: Callable[..., object], jobs: Iterable[tuple[Any, ...]], threads: int, *, alone: float = 0.0
) -> None:
    """Call ``work(*job)`` for every job from several threads; each takes the next job when it has finished one.

    The first exception of any thread, or an interrupt, stops the others at their next job and is raised here once they
    have ended. The caller is one of the threads; where the system starts no more of them, fewer do. For the first
    ``alone`` seconds it works alone: few jobs may take less than it takes to start a thread.
    """
    waiting = deque(jobs)
    failures: list[BaseException] = []

    def take(end: float = math.inf) -> None:
        _at_work.append(None)
        try:
            while not failures and time.perf_counter() < end:
                try:
                    job = waiting.popleft()
                except IndexError:
                    return
                work(*job)
        except BaseException as error:
            failures.append(error)
        finally:
            _at_work.pop()

    if alone:
        take(time.perf_counter() + alone)
    others = 0 if failures else min(threads, len(waiting)) - 1
    workers = [threading.Thread(target=take, name="ntksym-tiles") for _ in range(others)]
    try:
        _start(workers)
        take()
        _join(workers)
    except BaseException as error:  # an interrupt between jobs, or while the others finish theirs
        failures.append(error)
        _join(workers)
    if failures:
        raise next((error for error in failures if not isinstance(error, Exception)), failures[0])


def _start(workers: Iterable[threading.Thread]) -> None:
    for worker in workers:
        try:
            worker.start()
        except RuntimeError:  # a limit on threads
            return


def _join(workers: Iterable[threading.Thread]) -> None:
    for worker in workers:
        if worker.is_alive():
            worker.join()
