"""Jobs dealt out to threads."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["in_parallel"]


def in_parallel(work: Callable[..., object], jobs: Iterable[tuple[Any, ...]], threads: int) -> None:
    """Call ``work(*job)`` for every job from several threads; each takes the next job when it has finished one.

    The first exception of any thread stops the others at their next job and is raised here.
    """
    waiting = iter(jobs)
    lock = threading.Lock()
    failures: list[BaseException] = []

    def take() -> None:
        try:
            while not failures:
                with lock:
                    job = next(waiting, None)
                if job is None:
                    return
                work(*job)
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=take, name="ntksym-tiles") for _ in range(threads - 1)]
    for worker in workers:
        worker.start()
    take()
    for worker in workers:
        worker.join()
    if failures:
        raise failures[0]
