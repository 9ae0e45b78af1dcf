"""Time of a Gram matrix over the floor: one X @ X.T and one write of a result of the same size, in the same run.

    python -m tests.benchmarks.floor                     relu, depth 3, n = 4000, d = 100 and a few others
    python -m tests.benchmarks.floor gelu --depth 10     one case

The cases take turns, so that all of them see the same machine; the table shows medians and the best of the rounds.
"""

import argparse

import numpy as np

import ntksym as nk
from tests.benchmarks.clock import Clock, take_turns
from tests.benchmarks.environment import describe, set_aside

CASES = [
    ("relu", 3, "float64", "ntk"),
    ("relu", 3, "float32", "ntk"),
    ("relu", 3, "float64", "nngp"),
    ("relu", 10, "float64", "ntk"),
    ("erf", 3, "float64", "ntk"),
    ("gelu", 3, "float64", "ntk"),
    ("sin", 3, "float64", "ntk"),
    ("elu", 3, "float64", "ntk"),
    ("tanh", 3, "float64", "ntk"),
    ("tanh", 3, "float64", "nngp"),
]
"""Activation, depth, type of the results, which kernel; tanh is a series, to the tolerance `SERIES`."""

SERIES = 1e-10


def measure(cases: list[tuple[str, int, str, str]], n: int, d: int, rounds: int) -> tuple[list[Clock], list[Clock]]:
    """Clocks of the floor (product, write) and of the cases."""
    x = np.random.default_rng(0).normal(size=(n, d))
    floor = [Clock("X @ X.T", lambda: x @ x.T), Clock("write", lambda: np.full((n, n), 1.0))]
    clocks = []
    for activation, depth, dtype, get in cases:
        kernel = nk.build(nk.fully_connected(activation, depth, W_std=1.5, b_std=0.1), tol=SERIES, dtype=dtype)
        kernel(x[:8], get=get)  # compiles
        clocks.append(Clock(f"{activation} depth {depth} {dtype} {get}", lambda k=kernel, g=get: k(x, get=g)))
    take_turns([*floor, *clocks], rounds)
    return floor, clocks


def table(floor: list[Clock], clocks: list[Clock]) -> str:
    """Milliseconds and ratios to the floor, medians and best."""
    median = sum(clock.median for clock in floor)
    best = sum(clock.best for clock in floor)
    lines = [f"{'':34} {'median ms':>10} {'over floor':>10} {'best ms':>10} {'over floor':>10}"]
    for clock in (*floor, *clocks):
        lines.append(
            f"{clock.name:34} {clock.median * 1e3:10.1f} {clock.median / median:10.2f} "
            f"{clock.best * 1e3:10.1f} {clock.best / best:10.2f}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("activation", nargs="?", help="a catalogue name or formula; without it, the standard cases")
    parser.add_argument("--depth", type=int, default=3)
    parser.add_argument("--dtype", default="float64")
    parser.add_argument("--get", default="ntk")
    parser.add_argument("-n", type=int, default=4000)
    parser.add_argument("-d", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    set_aside()
    print(describe())
    one = [(options.activation, options.depth, options.dtype, options.get)]
    floor, clocks = measure(one if options.activation else CASES, options.n, options.d, options.rounds)
    print(f"n = {options.n}, d = {options.d}, {options.rounds} rounds; floor: X @ X.T and one write of the result")
    print(table(floor, clocks))


if __name__ == "__main__":
    main()
