"""Spectra and power series: time in a warm process, accuracy reached, and how the law of decay is met.

Run as  python -m tests.benchmarks.theory

A process is warm once every part has run on another network; the network that is timed is in no cache.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import ntksym as nk
from ntksym.theory.powers.coefficients import power_series
from ntksym.theory.spectrum.mercer import Spectrum, spectrum

ROOT = 2**0.5

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
    table = Table(
        "spectrum", "dim", "degree", "seconds", "method", "worst relative error", "measured/predicted, even", "odd"
    )
    for name, network, dim, degree, get in SPECTRA:
        seconds, found = _timed(lambda n=network, d=dim, k=degree, g=get: spectrum(n, d, k, g))
        table.add_row(name, str(dim), str(degree), f"{seconds:.2f}", found.method, _worst(found), *_ratios(found))
    console.print(table)
    table = Table("power series", "terms", "seconds", "numbers", "worst relative error")
    for name, network, terms in SERIES:
        seconds, series = _timed(lambda n=network, t=terms: power_series(n, t))
        positive = series.coefficients > 0
        worst = np.max(series.errors[positive] / series.coefficients[positive])
        table.add_row(name, str(terms), f"{seconds:.2f}", "floats" if series.exact is None else "exact", f"{worst:.0e}")
    console.print(table)


def _warm() -> None:
    for activation in ("relu", "tanh(x)", "gelu", "erf", "elu", "sign(x)", "log(1+exp(x))"):
        spectrum(nk.fully_connected(activation, 1, 0.9, 0.2), 3, 4, "nngp")
        power_series(nk.fully_connected(activation, 1, 0.9), 3, "nngp")


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
