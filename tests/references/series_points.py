"""Makes series_points.json: duals without a closed form, value and slope to 30 digits, by numerical integration.

Run as  python -m tests.references.series_points [activations]   (about a quarter of an hour for all of them)

The integration (`ntksym.quadrature`) shares nothing with the series: panels of Gauss-Legendre quadrature at 34 digits,
whose own estimate of the error must be below 1e-31 of the scale E|s(U) s(V)|. The variances and covariances are exact
float64 numbers, written so that reading gives them back bit for bit. Activations that the file has are kept; those
named on the command line are made again.
"""

import json
import math
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import mpmath

import ntksym as nk
from ntksym.quadrature.activations import derivative_integrand, integrand
from ntksym.quadrature.expectation import Estimate, Integrand, expectation

FILE = Path(__file__).parent / "series_points.json"
DIGITS = 30

ACTIVATIONS = (
    "tanh",
    "sigmoid",
    "softplus",
    "silu",
    "mish",
    "arctan",
    "asinh",
    "softsign",
    "logcosh",
    "gelu_tanh",
    "sqrt1px2",
    "tanh(max(x - 1/2, 0))",
)

GOLDEN = (0.7, 2.3, 0.6)

# (q1, q2, rho); c = rho*sqrt(q1*q2) is rounded, so where |rho| = 1 the root is a float64 number.
PLACES = (
    *((q, q, 1.0) for q in (1e-12, 1e-6, 1e-2, 0.25, 0.7, 1.0, 2.3, 9.0, 64.0, 400.0, 1e5)),
    GOLDEN,
    *((1.0, 1.0, rho) for rho in (0.0, 0.3, -0.6, 0.9, -0.99, 0.999999, -0.999999, 1 - 1e-13, -1.0)),
    *((400.0, 400.0, rho) for rho in (0.3, -0.6, 0.9, -0.99, 0.999999, -1.0)),
    (1e-12, 1.0, 0.9),
    (1e-6, 1e-6, -0.6),
    (1e-6, 1e-2, 0.999999),
    (400.0, 1e-6, 0.9),
    (1e-2, 1e-2, 0.3),
    (400.0, 1e-2, -0.6),
    (0.25, 1.0, -1.0),
    (64.0, 0.25, 1.0),
    (0.7, 0.7, -0.3),
    (9.0, 0.7, 0.0),
    (9.0, 1.0, 1.0),
    (400.0, 1.0, 0.999999),
    (2.3, 2.3, 0.9),
    (64.0, 2.3, -0.999999),
    (9.0, 9.0, -0.99),
    (9.0, 9.0, 1 - 1e-9),
    (64.0, 64.0, 0.9999),
    (400.0, 64.0, -1.0),
    (1e5, 1e5, 0.9),
    (1e5, 1.0, -0.6),
)


@dataclass(frozen=True)
class Reference:
    """A value E[s(U)s(V)] and slope E[s'(U)s'(V)] to 30 digits, and their sizes V(q1)V(q2), D(q1)D(q2) under a root."""

    q1: float
    q2: float
    c: float
    value: Any
    slope: Any
    value_scale: Any
    slope_scale: Any


@cache
def references() -> dict[str, tuple[Reference, ...]]:
    """The file: the references of every activation."""
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    places = [tuple(place) for place in stored["places"]]
    result = {}
    with mpmath.workdps(DIGITS + 5):
        for activation, numbers in stored["activations"].items():
            pairs = [(mpmath.mpf(value), mpmath.mpf(slope)) for value, slope in numbers]
            diagonal = {q1: pair for (q1, q2, c), pair in zip(places, pairs, strict=True) if q1 == q2 == c}
            result[activation] = tuple(
                Reference(
                    *(q1, q2, c, *pair),
                    *(mpmath.sqrt(one * two) for one, two in zip(diagonal[q1], diagonal[q2], strict=True)),
                )
                for (q1, q2, c), pair in zip(places, pairs, strict=True)
            )
    return result


def covariances() -> list[tuple[float, float, float]]:
    """(q1, q2, c) in float64."""
    return [(q1, q2, rho * math.sqrt(q1 * q2)) for q1, q2, rho in PLACES]


def integrate(function: Integrand, place: tuple[float, float, float]) -> Any:
    """E[f(U) f(V)]; refuses a number that is not good to a little more than DIGITS."""
    for digits in (DIGITS + 4, DIGITS + 12):
        found: Estimate = expectation(function, function, *place, dps=digits)
        size = max(found.scale, abs(found.value))  # the scale, E|f f|, is itself only a survey
        if found.error <= size * mpmath.mpf(10) ** -(DIGITS + 1):
            return found.value
    raise ArithmeticError(f"at {place} the integral has an error of {mpmath.nstr(found.error / size, 3)}")


def evaluate(name: str) -> list[tuple[str, str]]:
    """Value and slope at every place, as text."""
    activation = nk.Activation(name)
    functions = integrand(activation), derivative_integrand(activation)
    return [
        tuple(str(mpmath.nstr(integrate(function, place), DIGITS)) for function in functions) for place in covariances()
    ]


def main() -> None:
    """Fill the file."""
    places, known = [list(place) for place in covariances()], {}
    if FILE.exists():
        stored = json.loads(FILE.read_text(encoding="utf-8"))
        if stored["places"] == places:
            known = stored["activations"]
    for name in sys.argv[1:] or [name for name in ACTIVATIONS if name not in known]:
        start = time.perf_counter()
        known[name] = evaluate(name)
        rows = ",\n".join(f"  {json.dumps(key)}: {_lines(known[key])}" for key in known)
        text = f'{{\n "digits": {DIGITS},\n "places": {_lines(places)},\n "activations": {{\n{rows}\n }}\n}}\n'
        FILE.write_text(text, encoding="utf-8")
        print(f"{name}: {len(places)} places in {time.perf_counter() - start:.0f} s", flush=True)


def _lines(rows: list[Any]) -> str:
    return "[\n" + ",\n".join(f"   {json.dumps(row)}" for row in rows) + "\n  ]"


if __name__ == "__main__":
    main()
