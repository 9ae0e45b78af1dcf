import subprocess
import sys

import numba
import pytest
from numba.core import caching

from ntksym.evaluation.caching import compiled


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
