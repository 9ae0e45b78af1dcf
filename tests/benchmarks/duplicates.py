"""Near duplicates: errors of the kernel of two points at a distance from 1e-2 down to 1e-9, relative to its value."""

from collections.abc import Sequence
from dataclasses import replace

import mpmath
import numpy as np

from tests.benchmarks.peers import Peer
from tests.benchmarks.problems import Array, Problem, exact
from tests.benchmarks.tables import Printer, cell

__all__ = ["show"]

DISTANCES = tuple(10.0**-k for k in range(2, 10))
DIGITS = 60
"""At a distance of 1e-9 the quantities that distinguish two points begin at the eighteenth digit."""


def neighbours(d: int) -> Array:
    """A point with entries of order 1, then points around it at the distances, relative to its norm."""
    generator = np.random.default_rng(3)
    point = generator.normal(size=d)
    directions = generator.normal(size=(len(DISTANCES), d))
    steps = np.array(DISTANCES)[:, None] * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return np.vstack([point, point + np.linalg.norm(point) * steps])


def show(problems: Sequence[Problem], peers: Sequence[Peer], printer: Printer) -> None:
    """Compute and print; each problem for the NTK and for the NNGP."""
    asked = [peer for peer in peers if peer.name in ("ntksym", "neural-tangents")]
    rows = []
    for problem in problems:
        x = neighbours(problem.d)
        pairs = [(0, k) for k in range(1, len(x))]
        for get in ("ntk", "nngp"):
            case = replace(problem, n=len(x), get=get)
            values, _ = exact(case, x, pairs, DIGITS)
            for peer in asked:
                found = peer.prepare(case, x, pairs)["values"]
                errors = [abs(mpmath.mpf(v) / e - 1) for v, e in zip(found, values, strict=True)]
                names = [problem.activation, str(problem.depth), problem.dtype, get, peer.name]
                rows.append([*names, *(cell(float(error), ".1e") for error in errors)])
    columns = ["activation", "depth", "result", "kernel", "by", *(f"{distance:.0e}" for distance in DISTANCES)]
    printer.table("Relative error at a relative distance of", columns, rows)
