"""What surrounds a benchmark: variables that would slow NumPy down are set aside, and what ran is written down."""

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

__all__ = ["describe", "set_aside"]

CRIPPLING = ("OPENBLAS_", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Beginnings of the names of variables that choose another kernel or fewer threads for a matrix product."""

NOTE = "NTKSYM_BENCHMARK_SET_ASIDE"


def set_aside() -> None:
    """Start this program again without the variables that are crippling, if there are any; NumPy reads them once."""
    found = {name: value for name, value in os.environ.items() if name.startswith(CRIPPLING)}
    if found:
        rest = {name: value for name, value in os.environ.items() if name not in found}
        rest[NOTE] = " ".join(f"{name}={value}" for name, value in sorted(found.items()))
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], rest)


def describe() -> str:
    """The processor, the versions and the variables set aside, a line each."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba", "llvmlite", "sympy"))
    lines = [
        f"{_processor()}, {os.cpu_count()} processors; Python {platform.python_version()}, {packages}",
        f"variables set aside: {os.environ.get(NOTE, 'none')}",
    ]
    return "\n".join(lines)


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = information.read_text(encoding="utf-8").splitlines()
        fields = dict(tuple(part.strip() for part in line.split(":", 1)) for line in lines if ":" in line)
        return f"{fields.get('model name', platform.machine())} (family {fields.get('cpu family', '?')})"
    return platform.processor() or platform.machine()
