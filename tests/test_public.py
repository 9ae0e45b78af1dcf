"""The names users type exist, and importing them changes nothing else."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import ntksym as nk

NAMES = (
    "Activation",
    "Dense",
    "Dual",
    "InvalidInput",
    "Kernel",
    "LoweringBug",
    "NoClosedForm",
    "NoSuchDual",
    "NtkSymError",
    "OutOfReach",
    "PiecesUnknown",
    "Residual",
    "ToleranceNotMet",
    "Undecided",
    "Verdict",
    "activation_for",
    "build",
    "catalogue",
    "critical_line",
    "cross_dual",
    "derive",
    "fully_connected",
    "phases",
    "positivity",
    "power_series",
    "residual",
    "serial",
    "spectrum",
    "verify",
)

SIDE_EFFECTS = """
import random, signal, sys, warnings
import numpy, mpmath, numba
def state():
    return (
        numpy.geterr(), str(numpy.get_printoptions()), numpy.random.get_state()[1].tolist(), random.getstate(),
        mpmath.mp.dps, list(warnings.filters), signal.getsignal(signal.SIGINT), sys.getrecursionlimit(),
        numba.get_num_threads(), sys.path[:], sys.excepthook,
    )
import sympy, scipy.linalg, scipy.special, rich.console, rich.progress, rich.table
before = state()
import ntksym
changed = [i for i, (a, b) in enumerate(zip(before, state())) if a != b]
assert not changed, changed
# flint is not among them: sympy takes it for its integers where it is installed
optional = {"sklearn", "matplotlib", "dask", "zarr", "pandas", "torch", "jax"} & set(sys.modules)
assert not optional, optional
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_exists_and_is_documented(name: str) -> None:
    assert getattr(nk, name).__doc__
    assert name in nk.__all__


def test_a_name_that_is_loaded_late_is_listed_and_no_other_exists() -> None:
    assert {"positivity", "spectrum"} <= set(dir(nk))
    with pytest.raises(AttributeError, match="nothing"):
        nk.nothing  # noqa: B018


def test_dir_shows_the_public_names_alone() -> None:
    assert dir(nk) == sorted(nk.__all__)


def test_a_star_import_brings_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from ntksym import *", names)
    assert set(nk.__all__) <= set(names)
    assert names["residual"] is nk.residual


def test_all_lists_only_what_exists() -> None:
    assert [name for name in nk.__all__ if not hasattr(nk, name)] == []
    assert len(set(nk.__all__)) == len(nk.__all__)


def test_the_version_is_that_of_the_package() -> None:
    pyproject = (Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{nk.__version__}"' in pyproject


def test_the_installed_version_agrees() -> None:
    assert version("ntksym") == nk.__version__


def test_importing_ntksym_changes_no_global_state() -> None:
    """No numpy.seterr, no random seed, no mpmath precision, no warning filters, no optional dependency."""
    finished = subprocess.run([sys.executable, "-c", SIDE_EFFECTS], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
