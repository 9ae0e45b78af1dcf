"""Memory that a Gram matrix takes at its peak, beyond what was there before, over the size of the result."""

from collections.abc import Sequence

from tests.benchmarks.peers import Peer, feasible
from tests.benchmarks.problems import Problem
from tests.benchmarks.tables import Printer, cell

__all__ = ["show"]

SIZES = {"float64": 8, "float32": 4}


def show(problems: Sequence[Problem], peers: Sequence[Peer], printer: Printer) -> None:
    """Measure and print."""
    asked = [peer for peer in peers if peer.name != "floor"]
    rows = []
    for problem in problems:
        size = problem.n**2 * SIZES[problem.dtype]
        ratios = [_bytes(peer, problem) / size if feasible(peer, problem) else None for peer in asked]
        rows.append([*problem.cells(), cell(size / 1e6, ".0f"), *map(cell, ratios)])
    columns = [*Problem.COLUMNS, "result MB", *(f"{peer.name} peak over result" for peer in asked)]
    printer.table("Peak memory of a matrix, over its size", columns, rows)


def _bytes(peer: Peer, problem: Problem) -> float:
    answer = peer.prepare(problem, problem.rows(), [])
    return float("nan") if "refused" in answer else peer.memory()
