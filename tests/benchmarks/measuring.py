"""Problems measured: every peer in turns, errors against exact values."""

import json
import math
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.benchmarks.peers import Peer, feasible
from tests.benchmarks.problems import Problem, exact, largest_error
from tests.benchmarks.tables import Printer, cell

__all__ = ["Result", "measure", "read", "show", "write"]

PATIENCE = 5.0
"""A peer that takes more seconds than this runs once more, not in every round."""

PAUSE = 0.1
"""Seconds between two peers: threads of OpenBLAS that have nothing to do spin for a while."""

OTHERS = ("NumPy", "neural-tangents", "scikit-ntk")

SLOW_ENTRIES = ("tanh",)
"""Activations whose exact entries are integrated numerically: fewer pairs, and none behind many layers."""


@dataclass(frozen=True)
class Result:
    """Seconds of every round, and the largest error, of each peer that was asked.

    Parameters
    ----------
    problem : Problem
        What was computed.
    seconds : dict
        Name of the peer -> seconds, one number a round.
    errors : dict
        Name of the peer -> largest error at the pairs, relative to sqrt(K(x, x) K(y, y)).
    refused : dict
        Name of the peer -> why it was not measured.
    """

    problem: Problem
    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def median(self, name: str) -> float:
        """Seconds; NaN if it was not asked."""
        return statistics.median(self.seconds.get(name) or [float("nan")])

    def ratio(self, name: str, other: str) -> float | None:
        """How many times as long as the other it takes."""
        ratio = self.median(name) / self.median(other)
        return None if math.isnan(ratio) else ratio


def measure(problem: Problem, peers: Sequence[Peer], rounds: int, *, errors: bool = True) -> Result:
    """Every peer that can computes the matrix once, to compile, and then once a round, in turns."""
    x, result = problem.rows(), Result(problem)
    pairs = _pairs(problem) if errors else []
    found: dict[str, list[float]] = {}
    turns = []
    for peer in peers:
        if not feasible(peer, problem):
            continue
        answer = peer.prepare(problem, x, pairs)
        if "refused" in answer:
            result.refused[peer.name] = answer["refused"]
            continue
        found[peer.name] = answer["values"]
        turns.append((peer, 1 if answer["seconds"] > PATIENCE else rounds))
        result.seconds[peer.name] = []
    for number in range(rounds):
        for peer, times in turns:
            if number < times:
                time.sleep(PAUSE)
                result.seconds[peer.name].append(peer.run())
    if pairs:
        values, scales = exact(problem, x, pairs)
        for name, numbers in found.items():
            if name != "floor":
                result.errors[name] = largest_error(numbers, values, scales)
    return result


def _pairs(problem: Problem) -> list[tuple[int, int]]:
    if problem.activation not in SLOW_ENTRIES:
        return problem.pairs()
    return problem.pairs()[1:3] if problem.depth <= 3 else []


def show(
    problems: Sequence[Problem],
    peers: Sequence[Peer],
    rounds: int,
    title: str,
    printer: Printer,
    *,
    errors: bool = True,
) -> list[Result]:
    """Measure and print: milliseconds, ours over the floor, the others over ours, errors."""
    results = []
    for number, problem in enumerate(problems, 1):
        print(f"[{number}/{len(problems)}] {problem}", file=sys.stderr, flush=True)
        results.append(measure(problem, peers, rounds, errors=errors))
    others = [name for name in OTHERS if any(name in r.seconds for r in results)]
    with_errors = [name for name in ("ntksym", *others) if any(name in r.errors for r in results)]
    columns = [*Problem.COLUMNS, "floor ms", "ntksym ms", "over floor", *(f"{name} times" for name in others)]
    columns += [f"{name} error" for name in with_errors]
    printer.table(title, columns, [_row(result, others, with_errors) for result in results])
    for result in results:
        for name, reason in result.refused.items():
            printer.say(f"{result.problem}: refused by {name}: {reason}")
    return results


def _row(result: Result, others: Sequence[str], with_errors: Sequence[str]) -> list[str]:
    times = (1e3 * result.median(name) for name in ("floor", "ntksym"))
    ratios = (result.ratio(name, "ntksym") for name in others)
    errors = (result.errors.get(name) for name in with_errors)
    return [
        *result.problem.cells(),
        *(cell(number, ".4g") for number in times),
        cell(result.ratio("ntksym", "floor")),
        *map(cell, ratios),
        *(cell(error, ".1e") for error in errors),
    ]


def write(results: Sequence[Result], file: Path) -> None:
    """As JSON."""
    file.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n", encoding="utf-8")


def read(file: Path) -> list[Result]:
    """What `write` wrote."""
    items = json.loads(file.read_text(encoding="utf-8"))
    return [Result(**item | {"problem": Problem(**item["problem"])}) for item in items]
