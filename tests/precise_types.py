"""mypy in strict mode, and the share of expressions whose type it knows: `python -m tests.precise_types`."""

import subprocess
import sys
import tempfile
from pathlib import Path

REQUIRED = 92.0
"""Percent. Without stubs of sympy and mpmath it was 81.6, with them 94: less means that a module went untyped."""


def main() -> int:
    """0 where there is no error and enough is typed."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "mypy", "--strict", "ntksym", "--any-exprs-report", folder]
        status = subprocess.run(command, check=False).returncode
        lines = Path(folder, "any-exprs.txt").read_text().splitlines()
    share = float(lines[-1].split()[-1].rstrip("%"))
    print(f"{share:.2f} % of the expressions have a type; {REQUIRED:g} % are required")
    return status or int(share < REQUIRED)


if __name__ == "__main__":
    sys.exit(main())
