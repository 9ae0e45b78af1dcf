"""Functions of this package that numba compiles: with its cache, where there is a folder for it."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import numba

__all__ = ["compiled", "entrance", "interrupts_wait"]


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """``numba.njit(cache=True, **options)``, or without the cache where neither the package nor a home can be written.

    numba refuses such a function, and with it the module that it is in.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:
            return numba.njit(**options)(function)

    return decorate


def entrance(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """The same for a function that Python calls, with arguments of one type: interrupts wait for its first call."""

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = compiled(**options)(function)

        @wraps(function)
        def call(*arguments: Any) -> Any:
            if dispatcher.signatures:
                return dispatcher(*arguments)
            with interrupts_wait():
                return dispatcher(*arguments)

        return call

    return decorate


@contextmanager
def interrupts_wait() -> Iterator[None]:
    """Ctrl-C takes effect afterwards: in the middle of a compilation it can crash the process."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is not signal.default_int_handler:
        yield  # only the main thread is interrupted; and where a program has a handler of its own, that decides
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt
