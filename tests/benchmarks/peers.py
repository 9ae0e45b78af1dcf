"""Those who compute: processes of their own, some of them in other environments, asked in turns."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.problems import Pairs, Problem

__all__ = ["Peer", "feasible", "open_peers"]

ROOT = Path(__file__).parents[2]
SERVERS = Path(__file__).with_name("servers")
QUADRATURE = ("tanh", "elu")
"""Activations for which plain NumPy and neural-tangents have only quadrature."""

OWN = (("floor", "floor"), ("ntksym", "ours"), ("NumPy", "plain"))
"""Names and servers of those that run in this environment."""

LARGEST = 4000
"""Rows up to which neural-tangents and scikit-ntk are asked: beyond, their temporaries take too much memory."""


class Peer:
    """A process that runs one of the servers.

    Parameters
    ----------
    name : str
        What the tables call it.
    server : str
        Its file; it runs as a script, because an environment may have another package called tests.
    interpreter : str
        The Python that has what the module imports.
    """

    def __init__(self, name: str, server: str, interpreter: str = sys.executable) -> None:
        self.name = name
        self._folder = tempfile.TemporaryDirectory()
        self._rows, self._log = (Path(self._folder.name) / file for file in ("rows.npy", "log"))
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [interpreter, "-W", "ignore", SERVERS / f"{server}.py"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"},
            )

    def prepare(self, problem: Problem, x: Any, pairs: Pairs) -> dict[str, Any]:
        """Compile, compute once; seconds and the entries at the pairs, or why it is refused."""
        np.save(self._rows, x)
        indices = [[int(i), int(j)] for i, j in pairs]
        return self._ask(do="prepare", rows=str(self._rows), pairs=indices, **problem.request())

    def run(self) -> float:
        """Seconds of one run."""
        return float(self._ask(do="run")["seconds"])

    def memory(self) -> int:
        """Bytes that a run takes at its peak, beyond what was there before it."""
        return int(self._ask(do="memory")["bytes"])

    def close(self) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait(timeout=60)
        self._folder.cleanup()

    def _ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} has ended: {self._log.read_text(encoding='utf-8')[-2000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def open_peers(
    interpreters: Mapping[str, str | None],
) -> Iterator[list[Peer]]:
    """The floor, ours, plain NumPy, and of ``neural_tangents`` and ``scikit_ntk`` those that have an interpreter."""
    with ExitStack() as stack:
        servers = [(name, file, sys.executable) for name, file in OWN]
        servers += [(name.replace("_", "-"), f"with_{name}", path) for name, path in interpreters.items() if path]
        peers = [Peer(*server) for server in servers]
        for peer in peers:
            stack.callback(peer.close)
        yield peers


def feasible(peer: Peer, problem: Problem) -> bool:
    """Whether it can be asked: the formula is there, and it takes seconds, not minutes, and not all the memory."""
    if peer.name in ("floor", "ntksym"):
        return True
    if peer.name == "scikit-ntk" and (problem.activation, problem.bias, problem.get) != ("relu", False, "ntk"):
        return False
    if problem.activation in QUADRATURE:
        return problem.n**2 * problem.depth <= 3 * 1000**2
    return problem.n <= LARGEST
