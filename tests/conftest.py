"""What every test shares: a store of compiled kernels in a temporary folder, and threads that suit the workers."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings


def _prepare_environment() -> Path | None:
    """Set the variables that ntksym and numba read once, before either is imported; return the folder made, if any.

    ``NTKSYM_TEST_CACHE`` names a folder that is kept: a second run finds there what the first has compiled.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    # At least two threads, also on one core: otherwise the parallel code would run unobserved.
    os.environ["NUMBA_NUM_THREADS"] = str(max(2, (os.cpu_count() or 1) // workers))
    if "PYTEST_XDIST_WORKER" in os.environ:
        return None  # the workers share the folder of the process that started them
    kept = os.environ.get("NTKSYM_TEST_CACHE")
    folder = Path(kept or tempfile.mkdtemp(prefix="ntksym-tests-"))
    os.environ["NTKSYM_CACHE"] = str(folder)
    return None if kept else folder


_folder = _prepare_environment()

# Shells without job control start what runs in the background deaf to Ctrl-C, and Python then has no handler for it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The first call of a kernel compiles it, so no example has a deadline; CI replays the same examples every time.
settings.register_profile("ntksym", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("ntksym")


def pytest_unconfigure(config: pytest.Config) -> None:
    if _folder is not None:
        shutil.rmtree(_folder, ignore_errors=True)
