"""The commands about what kernels are like: positivity, spectrum, phases."""

import argparse
from typing import Any

import numpy as np

from ntksym.activation.activation import Activation
from ntksym.cli.data import load
from ntksym.cli.requests import activation_of, network_of
from ntksym.cli.screen import json_text, print_json, waiting
from ntksym.theory.phases.criticality import critical_line
from ntksym.theory.phases.diagram import phases
from ntksym.theory.positivity.decision import positivity
from ntksym.theory.positivity.verdict import Verdict
from ntksym.theory.spectrum.mercer import spectrum

__all__ = ["phases_command", "positivity_command", "spectrum_command"]

STATUS = {True: 0, False: 1, None: 3}
"""Exit status of a verdict."""


def positivity_command(options: argparse.Namespace) -> int:
    """Print a verdict, and what it means for data."""
    with waiting() as wait:
        wait.say("proving")
        verdict = positivity(
            network_of(options),
            get=options.get,
            dim=options.dim,
            domain=options.domain,
            trained_zero_bias=options.trained_zero_bias,
        )
        parts = {"verdict": verdict, **_evidence(verdict, options)}
    if options.json:
        extra = {name: part.to_dict() for name, part in parts.items() if name != "verdict"}
        print_json({**verdict.to_dict(), **extra})
    else:
        print("\n\n".join(_text(name, part) for name, part in parts.items()))
    return STATUS[verdict.holds]


def _evidence(verdict: Verdict, options: argparse.Namespace) -> dict[str, Any]:
    """The witness and the data, as far as they are asked for."""
    evidence: dict[str, Any] = {}
    if options.witness and verdict.holds is False:
        evidence["witness"] = verdict.witness()
    if options.data:
        X = load(options.data, array=options.array, limit=options.limit, normalize=options.normalize)
        evidence["data"] = verdict.on(X)
    return evidence


def _text(name: str, part: Any) -> str:
    if name != "witness":
        return f"{part}"
    table = np.column_stack([part.weights, part.points])
    rows = "\n".join("  " + "  ".join(f"{number:22.15e}" for number in row) for row in table)
    return f"witness: {part}\n  weight, then coordinates\n{rows}"


def spectrum_command(options: argparse.Namespace) -> int:
    """Print eigenvalues and their decay."""
    with waiting() as wait:
        wait.say("computing eigenvalues")
        found = spectrum(
            network_of(options),
            dim=options.dim,
            degree=options.degree,
            get=options.get,
            mean_square=options.mean_square,
        )
        text = json_text(found.to_dict()) if options.json else str(found)
    print(text)
    return 0


def phases_command(options: argparse.Namespace) -> int:
    """Print fixed points and depth scales, or the edge of chaos."""
    activation = activation_of(options)
    with waiting() as wait:
        wait.say("looking for fixed points")
        if options.critical:
            text = _edge_of_chaos(activation, options.b_std or 0.0, as_json=options.json)
        else:
            found = phases(activation, W_std=options.W_std, b_std=options.b_std)
            text = json_text(found.to_dict()) if options.json else str(found)
    print(text)
    return 0


def _edge_of_chaos(activation: Activation, b_std: float, *, as_json: bool) -> str:
    edge = float(critical_line(activation, b_std=b_std))
    if as_json:
        return json_text({"activation": activation.name, "b_std": b_std, "W_std": edge})
    return f"the edge of chaos of {activation.name} at b_std = {b_std:g} is at W_std = {edge!r}"
