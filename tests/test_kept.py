"""Properties that are computed once and kept, and that nobody waits for."""

import os
import pickle
import threading
from dataclasses import dataclass

import pytest

from ntksym.kept import kept

LIMIT = 30.0
"""Seconds after which a test fails that would wait for ever."""


@dataclass(frozen=True)
class Square:
    side: int

    @kept
    def area(self) -> list[int]:
        """A new object each time that it is computed."""
        return [self.side**2]


class Slow:
    """A property whose computation begins, and goes on when it is told."""

    def __init__(self) -> None:
        self.begun, self.told = threading.Event(), threading.Event()

    @kept
    def answer(self) -> int:
        self.begun.set()
        assert self.told.wait(LIMIT)
        return 42


def test_a_value_is_computed_once() -> None:
    square = Square(3)
    assert square.area == [9]
    assert square.area is square.area
    assert vars(square) == {"side": 3, "area": [9]}


def test_of_the_class_it_is_the_property_itself() -> None:
    assert isinstance(Square.area, kept)
    assert Square.area.__doc__ == "A new object each time that it is computed."


def test_what_is_kept_is_pickled_and_no_part_of_the_value() -> None:
    square = Square(3)
    assert square.area == pickle.loads(pickle.dumps(square)).area
    assert square == Square(3)
    assert hash(square) == hash(Square(3))


def test_another_object_does_not_wait() -> None:
    slow, quick = Slow(), Slow()
    quick.told.set()
    thread = threading.Thread(target=lambda: slow.answer)
    thread.start()
    try:
        assert slow.begun.wait(LIMIT)
        found: list[int] = []
        other = threading.Thread(target=lambda: found.append(quick.answer), daemon=True)
        other.start()
        other.join(LIMIT)
        assert found == [42]
    finally:
        slow.told.set()
        thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_child_that_is_forked_meanwhile_computes_it_by_itself() -> None:
    slow = Slow()
    thread = threading.Thread(target=lambda: slow.answer)
    thread.start()
    try:
        assert slow.begun.wait(LIMIT)
        child = os.fork()
        if child == 0:
            threading.Timer(LIMIT, lambda: os._exit(2)).start()
            slow.told.set()
            os._exit(0 if slow.answer == 42 else 1)
        assert os.waitpid(child, 0)[1] == 0
    finally:
        slow.told.set()
        thread.join()
