import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numba
import pytest
from numba.core import caching

from ntksym.numerics.compiled import compiled, entrance, interrupts_wait


def twice(x: float) -> float:
    return 2 * x


def test_a_function_is_compiled_with_a_cache() -> None:
    function = compiled(nogil=True)(twice)
    assert function(21) == 42
    assert sum(function.stats.cache_hits.values()) + sum(function.stats.cache_misses.values()) == 1


def test_without_a_folder_for_the_cache_it_is_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching.CompileResultCacheImpl, "_locator_classes", [])
    with pytest.raises(RuntimeError, match="no locator available"):
        numba.njit(cache=True)(twice)
    assert compiled()(twice)(21) == 42


def test_the_package_can_be_imported_where_nothing_can_be_written() -> None:
    nowhere = "from numba.core import caching; caching.CompileResultCacheImpl._locator_classes = []; import ntksym"
    finished = subprocess.run([sys.executable, "-c", nowhere], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


def test_interrupts_wait_for_the_first_call_of_what_python_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[bool] = []

    @contextmanager
    def noted() -> Iterator[None]:
        waits.append(True)
        yield

    monkeypatch.setattr("ntksym.numerics.compiled.interrupts_wait", noted)
    function = entrance(nogil=True)(twice)
    assert [function(21), function(4)] == [42, 8]
    assert len(waits) == 1


def test_an_interrupt_that_waited_comes_afterwards() -> None:
    done = []

    def work() -> None:
        with interrupts_wait():
            signal.raise_signal(signal.SIGINT)
            done.append(True)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
