"""Each command calls the library and puts what it answers on the screen."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ntksym.activation.activation import Activation
from ntksym.activation.catalogue import Entry, catalogue
from ntksym.cli import theory
from ntksym.cli.data import check_destination, load, save
from ntksym.cli.precompilation import Outcome, precompile, precompile_shared
from ntksym.cli.requests import activation_of, network_of
from ntksym.cli.screen import json_text, one_line, print_json, waiting
from ntksym.dual import ClosedDual, SeriesDual
from ntksym.dual.derivation import derive
from ntksym.errors import InvalidInput
from ntksym.kernel import build
from ntksym.lowering import store
from ntksym.typeset import explain, to_code
from ntksym.typeset.series_prose import TOLERANCES, measured_variance
from ntksym.verification import verify

__all__ = ["COMMANDS"]


def _described(activation: Activation) -> dict[str, Any]:
    return {
        "formula": str(activation.expression),
        "parameters": {name: str(value) for name, value in activation.parameters},
    }


def _described_dual(dual: ClosedDual | SeriesDual) -> dict[str, Any]:
    """What holds for either kind; then the accuracy of a series, at the largest variance up to 1 that it reaches."""
    described: dict[str, Any] = {
        "kind": dual.kind,
        "value": str(dual.value),
        "slope": str(dual.slope),
        "diagonal": str(dual.diagonal),
        "domain": [f"{condition} > 0" for condition in dual.domain],
        "steps": [step.text for step in dual.steps],
    }
    if not isinstance(dual, SeriesDual):
        return described
    described |= {"reason": dual.reason, "certified": dual.certified, "accuracy": None}
    variance = measured_variance(dual)
    if variance is not None:
        described["accuracy"] = {
            "q": variance,
            "terms": {f"{tolerance:g}": _terms(dual, variance, tolerance) for tolerance in TOLERANCES},
            "error_bound": float(dual.error_bound(variance, variance)),
            "slope_error_bound": float(dual.slope_error_bound(variance, variance)),
        }
    return described


def _terms(dual: SeriesDual, variance: float, tolerance: float) -> dict[str, Any]:
    expansion = dual.expand([variance], tolerance)
    return {"stored": expansion.coefficients.shape[1], "largest_rho": float(expansion.limits[0, -1])}


def _derive(options: argparse.Namespace) -> int:
    activation = activation_of(options)
    with waiting() as wait:
        wait.say("deriving")
        dual = derive(activation, options.method, certify=options.certify)
        if options.json:
            text = json_text({**_described(activation), **_described_dual(dual)})
        elif options.code:
            text = to_code(dual, options.code)
        else:
            text = explain(dual, options.format or "text")
    print(text.rstrip())
    return 0


def _verify(options: argparse.Namespace) -> int:
    activation = activation_of(options)
    with waiting() as wait:
        wait.say("deriving")
        dual = derive(activation, options.method, certify=options.certify)
        wait.say("integrating numerically")
        report = verify(dual, dps=options.dps)
    if options.json:
        print_json(report.to_dict())
    elif sys.stdout.isatty() and Console().width >= 110:
        Console().print(report)
    else:
        print(report)
    return 0 if report.ok else 1


def _gram(options: argparse.Namespace) -> int:
    kinds = ("nngp", "ntk") if options.get == "both" else (options.get,)
    if options.out:
        check_destination(options.out, matrices=len(kinds), source=options.data)
    X = load(options.data, array=options.array, limit=options.limit, normalize=options.normalize)
    _check_memory(len(X), len(kinds), np.dtype(options.dtype).itemsize)
    net = network_of(options)
    with waiting() as wait:
        wait.say("deriving and compiling")
        start = time.perf_counter()
        kernel = build(net, tol=options.tol, dtype=options.dtype, derive=partial(derive, method=options.method))
        built = time.perf_counter()
        wait.say(f"computing {len(X)} x {len(X)} entries")
        matrices = dict(zip(kinds, kernel(X, get=kinds), strict=True))
        computed = time.perf_counter()
        bounds = dict(zip(kinds, kernel.error_bound(X, get=kinds), strict=True))
        wait.say("writing")
        size = save(options.out, matrices) if options.out else None
    summary = {
        **_described(activation_of(options)),
        "depth": options.depth,
        "W_std": options.W_std,
        "b_std": options.b_std,
        "data": {"source": options.data, "rows": X.shape[0], "columns": X.shape[1]},
        "dtype": options.dtype,
        "dual": "closed" if kernel.dual is None else kernel.dual.kind,
        "tol": options.tol,
        "kernels": {kind: _summary(matrix, bounds[kind]) for kind, matrix in matrices.items()},
        "seconds": {"build": round(built - start, 3), "compute": round(computed - built, 3)},
        "out": options.out,
        "bytes": size,
    }
    if options.json:
        print_json(summary)
    else:
        _print_gram(summary)
    return 0


def _check_memory(rows: int, matrices: int, itemsize: int) -> None:
    needed = rows * rows * matrices * itemsize
    available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > available:
        raise InvalidInput(
            f"{rows} rows give {needed / 1e9:.0f} GB of entries; this machine has {available / 1e9:.0f} GB of memory, "
            "so use --limit N or --dtype float32",
            rows=rows,
        )


def _summary(matrix: NDArray[np.floating], bound: float) -> dict[str, Any]:
    """The bound is relative to sqrt(K(x, x) K(y, y)), and without the rounding of closed forms."""
    diagonal = np.diagonal(matrix)
    return {
        "error_bound": float(bound),
        "shape": list(matrix.shape),
        "diagonal": [float(diagonal.min()), float(diagonal.max())],
        "entries": [float(matrix.min()), float(matrix.max())],
    }


def _print_gram(summary: Mapping[str, Any]) -> None:
    table = Table(box=None, pad_edge=False)
    bounded = ["error bound"] if summary["dual"] == "series" else []
    for heading in ("kernel", "shape", "diagonal from", "to", "entries from", "to", *bounded):
        table.add_column(heading, justify="left" if heading in ("kernel", "shape") else "right", no_wrap=True)
    for kind, facts in summary["kernels"].items():
        shape = " x ".join(map(str, facts["shape"]))
        numbers = [f"{value:.6g}" for value in (*facts["diagonal"], *facts["entries"])]
        table.add_row(kind.upper(), shape, *numbers, *(f"{facts['error_bound']:.1e}" for _ in bounded))
    Console(width=100).print(table)  # a narrower screen wraps lines, which loses less than cut numbers
    seconds = summary["seconds"]
    print(f"built in {seconds['build']:.2f} s, computed in {seconds['compute']:.2f} s, {summary['dtype']}")
    if summary["out"]:
        print(f"written to {summary['out']} ({summary['bytes'] / 1e6:.1f} MB)")
    else:
        print("not written: give --out FILE to keep it")


def _precompile(options: argparse.Namespace) -> int:
    if not store.is_lasting():
        raise InvalidInput(
            "no folder for compiled kernels can be written; set the environment variable NTKSYM_CACHE",
            variable="NTKSYM_CACHE",
        )
    kinds = ("ntk", "nngp") if options.get == "both" else (options.get,)
    types = ("float64", "float32") if options.dtype == "both" else (options.dtype,)
    formulas = list(dict.fromkeys(options.formulas)) or list(catalogue)
    outcomes: list[Outcome] = []
    with waiting() as wait:
        for number, formula in enumerate(formulas):
            wait.say(f"compiling {formula}")
            wait.advance(number, len(formulas) + 1)
            outcomes.append(precompile(formula, kinds, types))
        wait.say("compiling what all share")
        outcomes += precompile_shared(kinds, types)
    failed = any(outcome.status == "failed" for outcome in outcomes)
    if options.json:
        described = {outcome.name: _described_outcome(outcome) for outcome in outcomes}
        print_json({"folder": str(store.folder()), "outcomes": described})
        return 1 if failed else 0
    table = Table(box=None, pad_edge=False, show_header=False)
    for outcome in outcomes:
        seconds = f"{outcome.seconds:.1f} s" if outcome.status == "compiled" else ""
        table.add_row(*map(Text, (outcome.name, outcome.status, seconds, one_line(outcome.reason))))
    Console(width=None if sys.stdout.isatty() else 300).print(table)
    print(f"{len(store.compiled())} compiled functions in {store.folder()}")
    return 1 if failed else 0


def _described_outcome(outcome: Outcome) -> dict[str, Any]:
    described = {"status": outcome.status, "seconds": round(outcome.seconds, 3)}
    return described | ({"reason": outcome.reason} if outcome.reason else {})


def _catalogue(options: argparse.Namespace) -> int:
    entries = [entry for entry in catalogue.values() if _matches(entry, options.pattern)]
    if not entries:
        raise InvalidInput(
            f"nothing in the catalogue contains {options.pattern!r}; see ntksym catalogue", pattern=options.pattern
        )
    if options.json:
        print_json({entry.name: _entry(entry) for entry in entries})
        return 0
    if options.markdown:
        print("| name | formula | parameters | dual | also called | source |\n|---|---|---|---|---|---|")
        for entry in entries:
            print(_markdown_row(entry))
        return 0
    _print_entries(entries, with_other_names=options.pattern is not None)
    return 0


def _print_entries(entries: list[Entry], *, with_other_names: bool) -> None:
    """One line an entry where nobody's screen limits the width; names of other libraries only for the few looked up."""
    table = Table(box=None, pad_edge=False)
    table.add_column("name", style="bold", no_wrap=True)
    for heading in ("formula", "parameters", "dual", *(["also called"] if with_other_names else [])):
        table.add_column(heading, overflow="fold")
    for entry in entries:
        cells = [entry.name, entry.expression, _values(entry), _kind(entry)]
        table.add_row(*map(Text, [*cells, *([", ".join(entry.aliases)] if with_other_names else [])]))
    Console(width=None if sys.stdout.isatty() else 300).print(table)


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "formula": entry.expression,
        "parameters": {name: str(value) for name, value in entry.parameters.items()},
        "aliases": list(entry.aliases),
        "kind": _kind(entry),
        "tags": sorted(entry.tags),
        "source": entry.source,
    }


def _kind(entry: Entry) -> str:
    (kind,) = entry.tags & {"closed", "integral", "series"}
    return kind


def _values(entry: Entry) -> str:
    return ", ".join(f"{name}={value}" for name, value in entry.parameters.items())


def _markdown_row(entry: Entry) -> str:
    formula, names = f"`{entry.expression}`", ", ".join(entry.aliases)
    cells = (f"`{entry.name}`", formula, _values(entry), _kind(entry), names, entry.source)
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _matches(entry: Entry, pattern: str | None) -> bool:
    texts = (entry.name, entry.expression, *entry.aliases, *entry.tags)
    return pattern is None or any(pattern.lower() in text.lower() for text in texts)


COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "derive": _derive,
    "verify": _verify,
    "gram": _gram,
    "positivity": theory.positivity_command,
    "spectrum": theory.spectrum_command,
    "phases": theory.phases_command,
    "precompile": _precompile,
    "catalogue": _catalogue,
}
"""Each takes the parsed options and returns the exit status."""
