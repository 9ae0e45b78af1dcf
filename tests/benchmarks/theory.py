"""Verdicts, spectra and power series: time in a warm process, accuracy reached, and how the law of decay is met.

Run as  python -m tests.benchmarks.theory

A process is warm once every part has run on another network; the network that is timed is in no cache.
"""

import csv
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import ntksym as nk
from ntksym.theory.powers.coefficients import power_series
from ntksym.theory.powers.parity_parts import parts_of
from ntksym.theory.spectrum.mercer import Spectrum, spectrum

ROOT = 2**0.5

REFERENCE = Path(__file__).parents[1] / "references" / "positivity.csv"
DEEP = {"hidden_layers": "3", "b_std": "0", "kernel": "nngp"}

SPECTRA: tuple[tuple[str, nk.Network, int, int, str], ...] = (
    ("relu, depth 3", nk.fully_connected("relu", 3, ROOT), 10, 200, "ntk"),
    ("relu, depth 3, bias", nk.fully_connected("relu", 3, ROOT, 0.1), 10, 200, "ntk"),
    ("relu, depth 3", nk.fully_connected("relu", 3, 1.4), 1000, 60, "ntk"),
    ("relu, depth 2", nk.fully_connected("relu", 2, 1.3), 2, 1000, "ntk"),
    ("tanh, depth 1", nk.fully_connected("tanh(x)", 1, 1.01), 10, 200, "ntk"),
    ("tanh, depth 3", nk.fully_connected("tanh(x)", 3, 1.51), 10, 200, "ntk"),
    ("softplus, depth 1", nk.fully_connected("log(1+exp(x))", 1, 1.01), 10, 200, "ntk"),
    ("gelu, depth 2, bias", nk.fully_connected("gelu", 2, 1.01, 0.1), 10, 200, "ntk"),
    ("erf, depth 2", nk.fully_connected("erf", 2, 1.01), 10, 200, "ntk"),
    ("elu, depth 1", nk.fully_connected("elu", 1, 1.01), 3, 40, "ntk"),
    ("sign, depth 2", nk.fully_connected("sign(x)", 2, 1.01), 10, 200, "nngp"),
)
"""(name, network, dim, degree, get)."""

SERIES: tuple[tuple[str, nk.Network, int], ...] = (
    ("relu, depth 1, exact", nk.fully_connected("relu", 1, 1.1), 20),
    ("relu, depth 2, exact", nk.fully_connected("relu", 2), 4),
    ("erf, depth 1, exact", nk.fully_connected("erf", 1, 1.1), 20),
    ("tanh, depth 3", nk.fully_connected("tanh(x)", 3, 1.6, 0.1), 100),
    ("relu, depth 3, bias", nk.fully_connected("relu", 3, 1.5, 0.1), 100),
)
"""(name, network, terms)."""


def main() -> None:
    """Print the tables."""
    _warm()
    console = Console(width=150)
    console.print(_verdicts())
    table = Table(
        "spectrum", "dim", "degree", "seconds", "method", "worst relative error", "measured/predicted, even", "odd"
    )
    for name, network, dim, degree, get in SPECTRA:
        seconds, found = _timed(lambda n=network, d=dim, k=degree, g=get: spectrum(n, dim=d, degree=k, get=g))
        table.add_row(name, str(dim), str(degree), f"{seconds:.2f}", found.method, _worst(found), *_ratios(found))
    console.print(table)
    table = Table("power series", "terms", "seconds", "numbers", "worst relative error")
    for name, network, terms in SERIES:
        seconds, series = _timed(lambda n=network, t=terms: power_series(n, degree=t - 1))
        positive = series.coefficients > 0
        worst = np.max(series.errors[positive] / series.coefficients[positive])
        table.add_row(name, str(terms), f"{seconds:.2f}", "floats" if series.exact is None else "exact", f"{worst:.0e}")
    console.print(table)


def _verdicts() -> Table:
    """The table of 336 verdicts of the tests, each as if it were the first of its activation; then the catalogue."""
    table = Table("verdicts", "number", "right", "not known", "median seconds", "largest")
    with REFERENCE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    timed = [_timed(lambda row=row: _answer(row)) for row in rows]
    right = sum(answer == row["sphere"] for (_, answer), row in zip(timed, rows, strict=True))
    unknown = sum(answer == "not known" for _, answer in timed)
    seconds = [second for second, _ in timed]
    table.add_row("reference table", str(len(rows)), str(right), str(unknown), *_spread(seconds))
    known = [_timed(lambda name=name: _answer({"activation": name, **DEEP})) for name in nk.catalogue]
    unknown = sum(answer == "not known" for _, answer in known)
    table.add_row("catalogue, depth 3", str(len(known)), "", str(unknown), *_spread([second for second, _ in known]))
    return table


def _answer(row: dict[str, str]) -> str:
    parts_of.cache_clear()
    network = nk.fully_connected(row["activation"], int(row["hidden_layers"]), b_std=float(row["b_std"]) or None)
    try:
        holds = nk.positivity(network, get=row["kernel"]).holds
    except nk.NoSuchDual:
        return "undefined"
    return {True: "spd", False: "not_spd", None: "not known"}[holds]


def _spread(seconds: list[float]) -> tuple[str, str]:
    return f"{np.median(seconds):.4f}", f"{max(seconds):.4f}"


def _warm() -> None:
    for activation in ("relu", "tanh(x)", "gelu", "erf", "elu", "sign(x)", "log(1+exp(x))"):
        spectrum(nk.fully_connected(activation, 1, 0.9, 0.2), dim=3, degree=4, get="nngp")
        power_series(nk.fully_connected(activation, 1, 0.9), degree=2, get="nngp")


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def _worst(found: Spectrum) -> str:
    return f"{np.max(found.relative_errors):.0e}"


def _ratios(found: Spectrum) -> Iterator[str]:
    for law, fit in ((found.decay.even, found.decay.even_fit), (found.decay.odd, found.decay.odd_fit)):
        yield f"{fit.ratio:.4f}" if fit else law.kind


if __name__ == "__main__":
    main()
