"""Cases that take turns, so that all of them see the same machine."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

__all__ = ["Clock", "take_turns"]


@dataclass
class Clock:
    """What is timed, and the seconds of every round.

    Parameters
    ----------
    name : str
        What the tables call it.
    work : callable
        Does the work; its result is dropped outside the time.
    seconds : list of float
        One number a round.
    """

    name: str
    work: Callable[[], object]
    seconds: list[float] = field(default_factory=list)

    def tick(self) -> None:
        """Time the work once."""
        start = time.perf_counter()
        result = self.work()
        self.seconds.append(time.perf_counter() - start)
        del result

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def best(self) -> float:
        return min(self.seconds)


def take_turns(clocks: Sequence[Clock], rounds: int) -> None:
    """Every clock ticks once a round."""
    for _ in range(rounds):
        for clock in clocks:
            clock.tick()
