"""Gram matrices while other threads and processes are at work, and under interrupts: each case in a fresh process.

Every program compares with the result of one thread and ends by printing "right".
"""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from textwrap import indent

import numpy as np
import pytest

import ntksym as nk

PRELUDE = """
import os, signal, sys, threading, time
import numpy as np
import ntksym as nk

def kernel_of(activation="max(x, 0)", depth=3):
    return nk.build(nk.fully_connected(activation, depth=depth, W_std=1.4, b_std=0.1))

X = np.random.default_rng(0).normal(size=(200, 7))
k = kernel_of()

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background of a shell has it ignored
"""


def run(program: str, folder: Path, **environment: str) -> None:
    """Run a program from a file, as processes that are spawned need it."""
    path = folder / "program.py"
    path.write_text(PRELUDE + indent(program, "    ") + "    print('right')\n", encoding="utf-8")
    finished = subprocess.run(
        [sys.executable, str(path)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert finished.returncode == 0, f"exit status {finished.returncode}\n{finished.stdout}{finished.stderr}"
    assert finished.stdout.splitlines()[-1] == "right"


AT_ONCE = """
kernels = [kernel_of(formula) for formula in FORMULAS for _ in range(2)]
barrier, results = threading.Barrier(len(kernels)), [None] * len(kernels)

def compute(number):
    barrier.wait()
    for _ in range(5):
        results[number] = kernels[number](X)

callers = [threading.Thread(target=compute, args=(number,)) for number in range(len(kernels))]
for caller in callers:
    caller.start()
for caller in callers:
    caller.join()
for kernel, result in zip(kernels, results):
    assert np.array_equal(result, kernel(X, threads=1))
"""


@pytest.mark.slow
def test_several_threads_call_a_kernel_that_is_not_compiled_yet(tmp_path: Path) -> None:
    run(AT_ONCE.replace("FORMULAS", "['x**2', 'x**3']"), tmp_path, NTKSYM_CACHE=str(tmp_path / "cold"))


@pytest.mark.slow
def test_several_threads_call_several_kernels_that_are_not_compiled_yet(tmp_path: Path) -> None:
    formulas = "['max(x, 0)', 'erf(x)', 'tanh(x)', 'x*exp(-x**2)']"
    run(AT_ONCE.replace("FORMULAS", formulas), tmp_path, NTKSYM_CACHE=str(tmp_path / "cold"))


FORK = """
expected, product = k(X, threads=1), X @ X.T
stop = threading.Event()

def fill_on():
    while not stop.is_set():
        k(X)

busy = [threading.Thread(target=fill_on) for _ in range(BUSY)]
for thread in busy:
    thread.start()
for _ in range(5):
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # a child that hangs is ended, and its status says so
        fine = np.array_equal(k(X), expected) and np.array_equal(X @ X.T, product)
        fine = fine and np.array_equal(kernel_of("x**2")(X, threads=2), kernel_of("x**2")(X, threads=1))
        os._exit(0 if fine else 1)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
for thread in busy:
    thread.join()
assert np.array_equal(k(X), expected)
"""


@pytest.mark.parametrize("busy", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_a_forked_child_computes_too(busy: int, tmp_path: Path) -> None:
    run(FORK.replace("BUSY", str(busy)), tmp_path)


FORK_WHILE_COMPILING = """
compiling = threading.Thread(target=lambda: k(X))
compiling.start()
time.sleep(0.5)
child = os.fork()
if child == 0:
    signal.alarm(120)
    os._exit(0 if np.isfinite(k(X)).all() else 1)
assert os.waitpid(child, 0)[1] == 0
compiling.join()
"""


@pytest.mark.slow
def test_a_fork_waits_for_a_kernel_that_is_being_compiled(tmp_path: Path) -> None:
    run(FORK_WHILE_COMPILING, tmp_path, NTKSYM_CACHE=str(tmp_path / "cold"))


POOL = """
import multiprocessing
expected = k(X, threads=1)
with multiprocessing.get_context(METHOD).Pool(2) as pool:
    for result in pool.map(k, [X] * 4):
        assert np.array_equal(result, expected)
"""


@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_workers_of_a_pool_compute(method: str, tmp_path: Path) -> None:
    run(POOL.replace("METHOD", repr(method)), tmp_path)


JOBLIB = """
from joblib import Parallel, delayed
expected = k(X, threads=1)
for result in Parallel(n_jobs=2, backend=BACKEND)(delayed(k)(X) for _ in range(4)):
    assert np.array_equal(result, expected)
"""


@pytest.mark.skipif(find_spec("joblib") is None, reason="joblib is not installed")
@pytest.mark.parametrize("backend", [pytest.param("loky", marks=pytest.mark.slow), "threading"])
def test_workers_of_joblib_compute(backend: str, tmp_path: Path) -> None:
    run(JOBLIB.replace("BACKEND", repr(backend)), tmp_path)


DASK = """
import dask
expected = k(X, threads=1)
for result in dask.compute(*[dask.delayed(k)(X) for _ in range(4)], scheduler=SCHEDULER, num_workers=2):
    assert np.array_equal(result, expected)
"""


@pytest.mark.skipif(find_spec("dask") is None, reason="dask is not installed")
@pytest.mark.parametrize("scheduler", ["threads", pytest.param("processes", marks=pytest.mark.slow)])
def test_workers_of_dask_compute(scheduler: str, tmp_path: Path) -> None:
    run(DASK.replace("SCHEDULER", repr(scheduler)), tmp_path)


INTERRUPT = """
long = kernel_of(depth=2000)
points = np.random.default_rng(1).normal(size=(3000, 7))
expected = long(points[:100])
long.explain(points)  # looks for a table, and compiles what that takes: an interrupt would wait for it
for _ in range(3):
    began = time.monotonic()
    threading.Timer(0.7, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    try:
        long(points, threads=THREADS)
    except KeyboardInterrupt:
        waited = time.monotonic() - began - 0.7
    else:
        raise AssertionError("it was not interrupted")
    assert waited < 3, waited
    left = [thread.name for thread in threading.enumerate() if thread.name == "ntksym-tiles"]
    assert not left, left
    assert np.array_equal(long(points[:100]), expected)
"""


@pytest.mark.parametrize("threads", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_an_interrupt_ends_a_long_matrix_and_the_next_is_right(threads: int, tmp_path: Path) -> None:
    run(INTERRUPT.replace("THREADS", str(threads)), tmp_path)


INTERRUPTED_COMPILATION = """
for patience in (0.2, 1.0):
    threading.Timer(patience, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    try:
        k(X)
        time.sleep(5)
    except KeyboardInterrupt:
        pass
assert np.array_equal(k(X), k(X, threads=1))
assert np.isfinite(k(X)).all()
"""


@pytest.mark.slow
def test_an_interrupt_while_a_kernel_is_compiled_does_no_harm(tmp_path: Path) -> None:
    run(INTERRUPTED_COMPILATION, tmp_path, NTKSYM_CACHE=str(tmp_path / "cold"))


def test_one_thread_for_everything_is_enough(tmp_path: Path) -> None:
    alone = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")}
    program = """
from ntksym.gram.threads import idle_threads
assert idle_threads() == 1
assert np.array_equal(k(X), k(X, threads=2))
"""
    run(program, tmp_path, **alone)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_number_of_threads_changes_no_bit(activation: str, dtype: str) -> None:
    x, y = (np.random.default_rng(seed).normal(size=(n, 5)) for seed, n in ((0, 700), (1, 130)))
    x[3] = x[5] * (1 + 1e-9)  # one pair to be computed by itself
    kernel = nk.build(nk.fully_connected(activation, depth=2, W_std=1.5, b_std=0.1), tol=1e-6, dtype=dtype)
    for points in ((x,), (x, y)):
        one, two, five = (kernel(*points, get=("nngp", "ntk"), threads=threads) for threads in (1, 2, 5))
        for first, second, third in zip(one, two, five, strict=True):
            np.testing.assert_array_equal(first, second)
            np.testing.assert_array_equal(first, third)
