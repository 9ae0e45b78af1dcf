"""Every closed form of the catalogue: time to derive it, digits that numerical integration confirms, float64 error.

Run as  python -m tests.benchmarks.derivations [--dps 30] [names]
"""

import argparse
import math
import time
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

import ntksym as nk

PAIRS = (
    (1e-6, 1e-6, 0.5),
    (1e-2, 1.0, -0.9),
    (1.0, 1.0, 0.999999),
    (25.0, 25.0, 0.7),
    (400.0, 400.0, 0.2),
    (400.0, 400.0, 0.999999),
)
"""(q1, q2, rho) at which float64 is compared with 20 digits."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(nk.catalogue))
    parser.add_argument("--dps", type=int, default=30)
    options = parser.parse_args()
    table = Table(
        *("activation", "derivation [ms]", "verified digits", "served from q", "to q"),
        *(f"q={a:g},{b:g} rho={r:g}" for a, b, r in PAIRS),
    )
    closed = 0
    for name in options.names:
        activation = nk.Activation(name)
        start = time.perf_counter()
        try:
            dual = nk.derive(activation)
            _ = dual.value, dual.slope
        except nk.NoClosedForm:
            continue
        elapsed = time.perf_counter() - start
        closed += 1
        digits = nk.verify(dual, dps=options.dps).digits if options.dps else 0
        ends = f"{dual.accurate_range.smallest:.2g}", f"{dual.accurate_range.largest:.3g}"
        table.add_row(name, f"{1e3 * elapsed:.0f}", str(digits), *ends, *_errors(dual))
    console = Console(width=150)
    console.print(table)
    console.print(f"{closed} closed forms; the errors are those of float64 values, relative to sqrt(K11 K22)")


def _errors(dual: nk.ClosedDual) -> Iterator[str]:
    for q1, q2, rho in PAIRS:
        cov = rho * math.sqrt(q1 * q2)
        try:
            exact = dual.evaluate(q1, q2, cov, dps=20).value
            diagonal = [float(dual.evaluate(q, q, q).value) for q in (q1, q2)]
        except nk.NtkSymError:
            yield "no dual"
            continue
        scale = math.sqrt(diagonal[0] * diagonal[1])
        yield f"{abs(dual.evaluate(q1, q2, cov).value - float(exact)) / scale:.0e}" if 0 < scale < math.inf else "-"


if __name__ == "__main__":
    main()
