"""Start-up: what `import ntksym` costs over `import sympy, numba`, and the first Gram matrix of an activation.

    python -m tests.benchmarks.startup                   the usual activations
    python -m tests.benchmarks.startup gelu --rounds 9   one of them

Each number is the median of fresh processes, in seconds of the processor, which neighbours on the machine change least;
those that are compared take turns. A first matrix is compiled into an empty store, then
read from it by other processes; beside it stands what numba itself needs to read a function of one line from its own
cache, which no kernel can be faster than.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

USUAL = ("relu", "erf", "gelu", "elu", "sin", "tanh")
WITHOUT = "import sympy, numba"
WITH = "import ntksym"

FIRST_GRAM = """
import json, sys, time
import numpy as np
import ntksym as nk
X = np.random.default_rng(0).normal(size=(50, 10))
start = time.process_time()
kernel = nk.build(nk.fully_connected(sys.argv[1], depth=3, W_std=1.5, b_std=0.1), tol=1e-10)
built = time.process_time()
kernel(X)
print(json.dumps([built - start, time.process_time() - built]))
"""

ONE_LINE = """
import json, time
import numpy as np
import ntksym
import one_line
start = time.process_time()
one_line.total(np.ones(3))
print(json.dumps([0.0, time.process_time() - start]))
"""

ONE_LINE_MODULE = """
import numba


@numba.njit(cache=True)
def total(values):
    return values.sum()
"""


def run(code: str, *words: str, folder: Path | None = None) -> str:
    """What a fresh process prints, with bytecode on disk as an installed package has it."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    if folder is not None:
        environment |= {"NTKSYM_CACHE": str(folder), "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def import_seconds(rounds: int) -> dict[str, list[float]]:
    """Seconds of processes until they have imported; the first of each is not counted."""
    seconds: dict[str, list[float]] = {WITHOUT: [], WITH: []}
    for _ in range(rounds + 1):
        for code, times in seconds.items():
            times.append(float(run(f"import time; {code}; print(time.process_time())")))
    return {code: times[1:] for code, times in seconds.items()}


def import_ratio(rounds: int) -> float:
    """Median time of `import ntksym` over that of `import sympy, numba`."""
    with_it, without_it = (statistics.median(times) for times in map(import_seconds(rounds).get, (WITH, WITHOUT)))
    return with_it / without_it


def first_gram(activation: str, folder: Path) -> tuple[float, float]:
    """Seconds to build a kernel, and of its first matrix, in a process with this store."""
    built, called = json.loads(run(FIRST_GRAM, activation, folder=folder))
    return built, called


def one_line(folder: Path) -> float:
    """Seconds of the first call of a cached function of one line."""
    (folder / "one_line.py").write_text(ONE_LINE_MODULE, encoding="utf-8")
    return float(json.loads(run(ONE_LINE, folder=folder))[1])


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("activations", nargs="*", default=USUAL)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(words)
    seconds = {code: statistics.median(times) for code, times in import_seconds(options.rounds).items()}
    for code, median in seconds.items():
        print(f"{code:22s} {median:6.3f} s")
    print(f"{'ratio':22s} {seconds[WITH] / seconds[WITHOUT]:6.2f}\n")
    print(f"{'first matrix':22s} {'build':>8s} {'compiled':>9s} {'stored':>8s}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        one_line(folder)
        floor = statistics.median(one_line(folder) for _ in range(options.rounds))
        print(f"{'one line, no kernel':22s} {'':8s} {'':9s} {floor:6.3f} s")
        for activation in options.activations:
            _, compiled = first_gram(activation, folder)
            pairs = [first_gram(activation, folder) for _ in range(options.rounds)]
            built, stored = (statistics.median(column) for column in zip(*pairs, strict=True))
            print(f"{activation:22s} {built:6.3f} s {compiled:7.2f} s {stored:6.3f} s")


if __name__ == "__main__":
    main()
