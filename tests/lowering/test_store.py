import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from filelock import FileLock

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


def called_in_a_new_process(text: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """twice(21), as if nothing had been loaded yet; through the store."""
    monkeypatch.setattr(store, "_loaded", {})
    monkeypatch.setattr(store, "_called", set())
    monkeypatch.delitem(sys.modules, store.name_of(text), raising=False)
    module = store.load(text)
    results: list[int] = []
    store.first_call(module, "twice", lambda: results.append(module.twice(21)))
    return results[-1]


def test_an_interrupt_waits_until_a_first_call_is_over(cache: Path) -> None:
    module = store.load(MODULE.format(factor=31))
    reached = []

    def call() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)
        reached.append("the end")

    with pytest.raises(KeyboardInterrupt):
        store.first_call(module, "interrupted", call)
    assert reached == ["the end"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_first_call_is_made_once(cache: Path) -> None:
    module = store.load(MODULE.format(factor=29))
    calls: list[str] = []
    for kind in ("float64", "float32", "float64"):
        store.first_call(module, kind, lambda kind=kind: calls.append(kind))  # type: ignore[misc]
    assert calls == ["float64", "float32"]


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize("rest", [slice(0, 0), slice(0, 40), slice(5, None)], ids=["empty", "cut short", "garbled"])
def test_damaged_machine_code_is_made_again(
    ending: str, rest: slice, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = MODULE.format(factor=2)
    assert called_in_a_new_process(text, monkeypatch) == 42
    (path,) = cache.rglob(f"*.{ending}")
    path.write_bytes(path.read_bytes()[rest])
    assert called_in_a_new_process(text, monkeypatch) == 42
    assert called_in_a_new_process(text, monkeypatch) == 42
    stats = sys.modules[store.name_of(text)].twice.stats
    assert (sum(stats.cache_hits.values()), sum(stats.cache_misses.values())) == (1, 0)


def test_machine_code_that_does_not_fit_on_the_disk_serves_this_process(cache: Path) -> None:
    text = MODULE.format(factor=31)
    code = f"""
import resource
from ntksym.lowering import store
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
module = store.load({text!r})
store.first_call(module, "twice", lambda: module.twice(1))
print(module.twice(2))
"""
    assert finished(in_another_process(code, cache)).strip() == "62"
    assert not list(cache.rglob("*.nbc"))
    assert not list(cache.rglob("*.tmp*"))


def test_a_text_that_fits_on_no_disk_is_refused_with_a_way_out(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(store, "_write", refuse)
    with pytest.raises(InvalidInput, match=r"No space left.*NTKSYM_CACHE"):
        store.load(MODULE.format(factor=37))


def test_a_text_that_does_not_fit_on_its_disk_goes_to_a_temporary_folder(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    write = store._write

    def refuse(path: Path, text: str) -> None:
        if path.parent == cache:
            raise OSError(28, "No space left on device", str(path))
        write(path, text)

    monkeypatch.setattr(store, "_write", refuse)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    request.addfinalizer(store._temporary_folder.cache_clear)
    store._temporary_folder.cache_clear()
    assert store.load(MODULE.format(factor=41)).twice(1) == 41


def test_one_process_compiles_a_module_and_the_others_wait(cache: Path) -> None:
    module = store.load(MODULE.format(factor=43))
    called = threading.Event()
    with FileLock(Path(str(module.__file__)).with_suffix(store.LOCK)):
        waiting = threading.Thread(target=store.first_call, args=(module, "twice", called.set))
        waiting.start()
        assert not called.wait(0.5)
    assert called.wait(60)
    waiting.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_fork_while_another_thread_compiles_waits_for_it(cache: Path) -> None:
    """The lock of the file is released after that of the process; a fork in between must not wait for both."""
    code = f"""
import os, threading, time
from ntksym.lowering import store
module = store.load({MODULE.format(factor=53)!r})
compiling = threading.Event()
def call():
    compiling.set()
    time.sleep(0.5)
    module.twice(1)
thread = threading.Thread(target=store.first_call, args=(module, "twice", call))
thread.start()
compiling.wait()
child = os.fork()
if not child:
    store.first_call(module, "other", lambda: module.twice(2.0))
    os._exit(0 if module.twice(2.0) == 106.0 else 1)
thread.join()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    process = in_another_process(code, cache)
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert out.strip() == "0", err


OTHER_SYSTEM = """
import os, sys
sys.modules["fcntl"] = None
for name in ("fork", "register_at_fork", "sched_getaffinity", "getuid"):
    delattr(os, name)
import ntksym
print(ntksym.build(ntksym.fully_connected("max(x, 0)", 1)).diag([[3.0, 4.0]]).tolist())
"""


def test_a_kernel_is_compiled_where_the_modules_of_posix_are_absent(cache: Path) -> None:
    """As on Windows: no fcntl, no fork, no user number. q = |x|^2/2 gives E[max(U, 0)^2] + q E[H(U)] = q."""
    assert finished(in_another_process(OTHER_SYSTEM, cache)).strip() == "[12.5]"


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


@pytest.mark.slow
def test_four_processes_on_a_cold_cache_agree(cache: Path) -> None:
    text = MODULE.format(factor=23)
    code = f"from ntksym.lowering import store; print(store.load({text!r}).twice(2))"
    racing = [in_another_process(code, cache) for _ in range(4)]
    assert [finished(process).strip() for process in racing] == ["46"] * 4
    assert len(store.entries()) == 1
    assert not list(cache.glob(".*"))
