"""How the cost grows with rows, features and depth: the table, and the figure in the documentation.

python -m tests.benchmarks growth --save FOLDER              measures, prints, keeps FOLDER/growth.json
python -m tests.benchmarks.growth FOLDER/growth.json docs/growth.svg
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from tests.benchmarks.measuring import Result, read
from tests.benchmarks.problems import Problem

__all__ = ["problems"]

ACTIVATIONS = ("relu", "gelu", "elu", "tanh")
COLOURS = dict(zip(ACTIVATIONS, ("C0", "C1", "C2", "C3"), strict=True))
CENTRE = Problem()
SIZES = (100, 300, 1000, 2000, 4000, 8000, 12000)
FEATURES = (3, 10, 100, 1000, 5000)
DEPTHS = (1, 3, 10, 30, 50)


def problems(*, quick: bool) -> list[Problem]:
    """The lines of the figure, one of the three numbers at a time."""
    centre = replace(CENTRE, n=200, d=10) if quick else CENTRE
    sizes, features, depths = ((50, 200), (3, 10), (1, 3)) if quick else (SIZES, FEATURES, DEPTHS)
    found = []
    for activation in ACTIVATIONS:
        one = replace(centre, activation=activation)
        found += [replace(one, n=n) for n in sizes] + [replace(one, d=d) for d in features]
        found += [replace(one, depth=depth, normalised=kind) for kind in (False, True) for depth in depths]
    return list(dict.fromkeys(found))


def draw(results: Sequence[Result], file: Path) -> None:
    """Seconds against n; times of the floor against d and against depth."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    centre = _centre(results)
    for activation in ACTIVATIONS:
        own = [result for result in results if result.problem.activation == activation]
        style = {"color": COLOURS[activation], "marker": "o", "markersize": 3, "label": activation}
        left.loglog(*_line(own, centre, "n", lambda r: r.median("ntksym")), **style)
        middle.loglog(*_line(own, centre, "d", lambda r: r.ratio("ntksym", "floor")), **style)
        right.loglog(*_line(own, centre, "depth", lambda r: r.ratio("ntksym", "floor")), **style)
        level = replace(centre, normalised=True)
        right.loglog(
            *_line(own, level, "depth", lambda r: r.ratio("ntksym", "floor")),
            **style | {"linestyle": ":", "label": None},
        )
    relu = [result for result in results if result.problem.activation == ACTIVATIONS[0]]
    left.loglog(*_line(relu, centre, "n", lambda r: r.median("floor")), color="black", linestyle="--", label="floor")
    left.set(xlabel="rows n", ylabel="seconds", title=f"d = {centre.d}, depth {centre.depth}")
    middle.set(xlabel="features d", ylabel="times the floor", title=f"n = {centre.n}, depth {centre.depth}")
    right.set(xlabel="depth", title=f"n = {centre.n}, d = {centre.d}; dotted: one norm")
    left.legend(frameon=False)
    figure.savefig(file, metadata={"Date": None})


def _centre(results: Sequence[Result]) -> Problem:
    """The problem around which one number changes at a time: the most common value of each."""

    def common(name: str) -> Any:
        values = [getattr(result.problem, name) for result in results]
        return max(set(values), key=values.count)

    return replace(CENTRE, n=common("n"), d=common("d"), depth=common("depth"))


def _line(results: Sequence[Result], centre: Problem, name: str, value: Any) -> tuple[list[int], list[float]]:
    """The results that are at the centre but for one number, ordered by it."""

    def place(result: Result) -> int:
        return int(getattr(result.problem, name))

    def elsewhere(result: Result) -> bool:
        return replace(result.problem, activation=centre.activation, **{name: getattr(centre, name)}) == centre

    chosen = sorted(filter(elsewhere, results), key=place)
    return [place(result) for result in chosen], [value(result) for result in chosen]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("figure", type=Path)
    options = parser.parse_args()
    draw(read(options.results), options.figure)


if __name__ == "__main__":
    main()
