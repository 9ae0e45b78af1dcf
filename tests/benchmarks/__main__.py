"""All benchmarks by one command; ratios are of medians measured in one run, the cases taking turns.

    python -m tests.benchmarks                                  everything but `real`, 40 minutes
    python -m tests.benchmarks floor peers                      parts of it
    python -m tests.benchmarks --quick                          everything on tiny problems, to see that it runs

floor       time over one product X @ X.T and one write of a matrix of its size, 4000 rows of 100 features
peers       against plain NumPy, and neural-tangents and scikit-ntk where an interpreter that has them is given
grid        every activation around 4000 rows of 100 features, depth 3: each number at a time, time and error
growth      how the cost grows with rows, features and depth; `tests.benchmarks.growth` draws it
memory      peak memory over the size of the result
duplicates  errors at distances from 1e-2 to 1e-9
real        rows that are not normal: times over those of normal rows, errors and bounds; hours

Errors are relative to sqrt(K(x, x) K(y, y)), against mpmath with 30 digits, at a few pairs; those of near duplicates
relative to the value. `docs/benchmarks.md` says how to make the environments of the others.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tests.benchmarks import duplicates, growth, measuring, memory, real
from tests.benchmarks.environment import describe, set_aside
from tests.benchmarks.peers import Peer, open_peers
from tests.benchmarks.problems import Problem
from tests.benchmarks.tables import Printer

ACTIVATIONS = ("relu", "gelu", "erf", "sin", "tanh", "elu")
CENTRE = Problem()
QUICK = Problem(n=60, d=10)

Part = Callable[[Sequence[Peer], Printer, argparse.Namespace], list[measuring.Result]]


def chosen(cases: Sequence[Problem], options: argparse.Namespace) -> list[Problem]:
    """The problems whose description holds one of the texts asked for; all where none is."""
    return [case for case in cases if not options.only or any(text in str(case) for text in options.only)]


def floor(peers: Sequence[Peer], printer: Printer, options: argparse.Namespace) -> list[measuring.Result]:
    """The figures that the project set itself."""
    centre = QUICK if options.quick else CENTRE
    cases = [replace(centre, activation=name) for name in ACTIVATIONS[: 2 if options.quick else None]]
    cases += [replace(centre, depth=10), replace(centre, dtype="float32"), replace(centre, get="nngp")]
    level = replace(centre, normalised=True)
    cases += [replace(level, activation=name, depth=depth) for name in ("relu", "elu", "tanh") for depth in (3, 10, 50)]
    cases = cases[: 6 if options.quick else None]
    title = "Over the floor: one X @ X.T and one write of a float64 matrix of its size"
    return measuring.show(chosen(cases, options), peers[:2], options.rounds, title, printer, errors=False)


def against(peers: Sequence[Peer], printer: Printer, options: argparse.Namespace) -> list[measuring.Result]:
    """Against the others: at 1000 rows, where all of them have enough memory, and at 4000."""
    smaller = QUICK if options.quick else replace(CENTRE, n=1000)
    names, depths = (("relu", "tanh"), (1,)) if options.quick else (ACTIVATIONS, (1, 3, 10, 50))
    cases = [replace(smaller, activation=name, depth=depth) for name in names for depth in depths]
    alone = replace(smaller, bias=False)
    cases += [replace(alone, depth=depth) for depth in depths]
    if not options.quick:
        cases += [replace(CENTRE, activation=name) for name in ACTIVATIONS[:4]]
        cases += [replace(CENTRE, depth=50), replace(CENTRE, dtype="float32"), replace(CENTRE, bias=False)]
        cases += [replace(CENTRE, activation=name, n=300, depth=10) for name in ("tanh", "elu")]
    return measuring.show(
        chosen(cases, options),
        peers,
        options.rounds,
        "Against others: how many times as long as ntksym they take",
        printer,
    )


def grid(peers: Sequence[Peer], printer: Printer, options: argparse.Namespace) -> list[measuring.Result]:
    """One number at a time around the centre."""
    centre = QUICK if options.quick else CENTRE
    depths, sizes, features = ((1,), (30,), (1,)) if options.quick else ((1, 10, 50), (300, 1000, 12000), (10, 1000))
    cases = []
    for name in ACTIVATIONS[: 1 if options.quick else None]:
        one = replace(centre, activation=name)
        cases += [one, *(replace(one, depth=depth) for depth in depths), *(replace(one, n=n) for n in sizes)]
        cases += [*(replace(one, d=d) for d in features), replace(one, dtype="float32"), replace(one, normalised=True)]
    title = "Each number at a time"
    return measuring.show(chosen(cases, options), peers[:2], options.rounds, title, printer)


def growing(peers: Sequence[Peer], printer: Printer, options: argparse.Namespace) -> list[measuring.Result]:
    """Rows, features and depth, for the figure."""
    cases = growth.problems(quick=options.quick)
    return measuring.show(chosen(cases, options), peers[:2], options.rounds, "Growth", printer, errors=False)


def peak(peers: Sequence[Peer], printer: Printer, options: argparse.Namespace) -> list[measuring.Result]:
    """Memory."""
    sizes, names = ((100,), ("relu",)) if options.quick else ((1000, 4000, 12000), ("relu", "tanh", "elu"))
    cases = [replace(CENTRE, activation=name, n=n) for name in names for n in sizes]
    memory.show([*cases, replace(cases[-1], dtype="float32")], peers, printer)
    return []


def near(peers: Sequence[Peer], printer: Printer, options: argparse.Namespace) -> list[measuring.Result]:
    """Near duplicates."""
    names, depths = (("relu",), (1,)) if options.quick else (("relu", "gelu"), (1, 3, 10))
    cases = [Problem(activation=name, depth=depth, d=10) for name in names for depth in depths]
    duplicates.show(cases, peers, printer)
    return []


def real_rows(peers: Sequence[Peer], printer: Printer, options: argparse.Namespace) -> list[measuring.Result]:
    """Rows as people have them."""
    real.show(printer, only=options.only or (), quick=options.quick)
    return []


PARTS: dict[str, Part] = {
    "floor": floor,
    "peers": against,
    "grid": grid,
    "growth": growing,
    "memory": peak,
    "duplicates": near,
    "real": real_rows,
}


def main() -> None:
    """Read the command line, open the peers, run the parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)}; by default all but real")
    parser.add_argument("--quick", action="store_true", help="tiny problems")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", action="append", metavar="TEXT", help='problems such as "relu, depth 3, n 1000"')
    parser.add_argument("--neural-tangents", metavar="PYTHON", help="an interpreter that has neural-tangents")
    parser.add_argument("--scikit-ntk", metavar="PYTHON", help="an interpreter that has scikit-ntk")
    parser.add_argument("--markdown", action="store_true", help="print tables in Markdown")
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="keep the results as JSON, a file for each part")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    set_aside()
    printer = Printer(markdown=options.markdown)
    printer.say(describe())
    interpreters = {"neural_tangents": options.neural_tangents, "scikit_ntk": options.scikit_ntk}
    with open_peers(interpreters) as peers:
        for name in options.parts or [name for name in PARTS if name != "real" or options.quick]:
            results = PARTS[name](peers, printer, options)
            if options.save and results:
                options.save.mkdir(parents=True, exist_ok=True)
                measuring.write(results, options.save / f"{name}.json")


if __name__ == "__main__":
    main()
