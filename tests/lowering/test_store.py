import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ntksym.errors import InvalidInput
from ntksym.lowering import store

ROOT = Path(__file__).parent.parent.parent

MODULE = '''\
"""A module as `emit` writes them."""

import numba


@numba.njit(cache=True)
def twice(x):
    return {factor} * x
'''


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NTKSYM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def in_another_process(code: str, cache: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "NTKSYM_CACHE": str(cache)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_text_becomes_a_module(cache: Path) -> None:
    text = MODULE.format(factor=2)
    module = store.load(text)
    assert module.twice(3) == 6
    assert store.load(text) is module
    assert (cache / f"{store.name_of(text)}.py").read_text() == text


def test_another_text_is_another_module(cache: Path) -> None:
    second, third = (store.load(MODULE.format(factor=factor)) for factor in (17, 19))
    assert (second.twice(1), third.twice(1)) == (17, 19)
    assert [path.suffix for path in store.entries()] == [".py", ".py"]


def test_clearing_removes_modules_and_machine_code(cache: Path) -> None:
    store.load(MODULE.format(factor=5)).twice(1)
    assert list(cache.rglob("*.nbc"))
    (cache / "letter.txt").write_text("not ours")
    assert store.clear() == 1
    assert store.entries() == ()
    assert sorted(path.name for path in cache.rglob("*") if path.is_file()) == ["letter.txt"]


def test_a_changed_file_is_not_executed(cache: Path) -> None:
    text = MODULE.format(factor=7)
    cache.mkdir(mode=0o700)
    path = cache / f"{store.name_of(text)}.py"
    path.write_text("raise SystemExit('tampered with')")
    assert store.load(text).twice(1) == 7
    assert path.read_text() == text


def test_a_module_that_does_not_import_leaves_no_trace(cache: Path) -> None:
    text = "def this is not Python"
    with pytest.raises(SyntaxError):
        store.load(text)
    assert store.name_of(text) not in sys.modules


def test_the_folder_is_closed_to_others(cache: Path) -> None:
    store.load(MODULE.format(factor=11))
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    cache.chmod(0o755)
    store.load(MODULE.format(factor=13))
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


def test_a_folder_of_another_user_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.mkdir(mode=0o700)
    monkeypatch.setattr(os, "getuid", lambda: cache.stat().st_uid + 1)
    with pytest.raises(InvalidInput, match=r"belongs to another user.*NTKSYM_CACHE"):
        store.folder()


def test_a_file_in_place_of_the_folder_is_refused(cache: Path) -> None:
    cache.write_text("in the way")
    with pytest.raises(InvalidInput, match="NTKSYM_CACHE"):
        store.folder()


def test_without_a_writable_home_a_temporary_folder_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.delenv("NTKSYM_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    request.addfinalizer(store._temporary_folder.cache_clear)
    store._temporary_folder.cache_clear()
    folder = store.folder()
    assert folder.parent == tmp_path
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert store.folder() == folder


def test_the_usual_folder_is_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NTKSYM_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert store.folder() == tmp_path / "ntksym"


KERNEL = """
import numpy as np
from ntksym.kernel import build
from ntksym.lowering import store
from ntksym.network.layers import fully_connected
kernel = build(fully_connected("max(x, 0)", 2))
value = kernel(np.arange(6.0).reshape(3, 2))
stats = store.load(kernel.source.text).fill_ntk.stats
print(value.tolist(), sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""


def finished(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out


def test_a_second_process_gets_machine_code_from_the_disk(cache: Path) -> None:
    first = finished(in_another_process(KERNEL, cache))
    second = finished(in_another_process(KERNEL, cache))
    assert first.split("]]")[1].split() == ["0", "1"]
    assert second.split("]]")[1].split() == ["1", "0"]
    assert first.split("]]")[0] == second.split("]]")[0]


def test_four_processes_on_a_cold_cache_agree(cache: Path) -> None:
    text = MODULE.format(factor=23)
    code = f"from ntksym.lowering import store; print(store.load({text!r}).twice(2))"
    racing = [in_another_process(code, cache) for _ in range(4)]
    assert [finished(process).strip() for process in racing] == ["46"] * 4
    assert len(store.entries()) == 1
    assert not list(cache.glob(".*"))
