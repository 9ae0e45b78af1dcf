"""Would a series of softsign converge if its kink were taken off? Run as ``python -m tests.benchmarks.kinks``.

The jumps of the derivatives of x/(1 + |x|) at zero are those of sums of sign(x) x**p exp(-b x**2), p = 2, 4, ..., whose
duals are closed. What stays is sum_k (a_k a_k - s_k s_k) rho^k; the table shows how much of it lies beyond the terms
that are stored, at rho = 1, for the best of three windows b. Integration reaches 1e-14 at every variance.
"""

import math

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

VARIANCES = (1.0, 4.0, 16.0)
ORDERS = (0, 2, 4, 6, 8)
WINDOWS = (0.25, 1.0, 4.0)
STORED = 1024
COUNT = 4000

Array = NDArray[np.float64]


def odd_coefficients(samples: Array, z: Array, weights: Array) -> Array:
    """E[f(Z) h_k(Z)] of an odd f, k < COUNT, from its values at z > 0."""
    envelope = np.exp(-z * z / 4)
    weighted = weights * samples * envelope / math.sqrt(2 * math.pi)
    result, older, newer = np.zeros(COUNT), np.zeros_like(z), envelope
    for k in range(COUNT):
        if k % 2:
            result[k] = weighted @ newer
        older, newer = newer, (z * newer - math.sqrt(k) * older) / math.sqrt(k + 1)
    return result


def nodes() -> tuple[Array, Array]:
    """Panels on 0 < z < 14, fine enough for Hermite functions of degree COUNT; weights for both signs."""
    abscissae, weights = np.polynomial.legendre.leggauss(32)
    ends = np.linspace(0, 14, 141)
    half = np.diff(ends)[:, None] / 2
    return ((ends[:-1, None] + half) + half * abscissae).ravel(), (2 * half * weights).ravel()


def germ(order: int, window: float, x: Array) -> Array:
    """The terms up to this order of what jumps at zero, -(x**2 + x**4 + ...) for x > 0, under exp(-window*x**2)."""
    terms = order // 2 + 1
    growth = [window**j / math.factorial(j) for j in range(terms)]
    jumps = [0.0] + [-1.0] * (terms - 1)
    product = np.convolve(growth, jumps)[:terms]
    return np.polyval(product[::-1], x * x) * np.exp(-window * x * x)


def main() -> None:
    """Print the table."""
    z, weights = nodes()
    table = Table(
        "variance", "orders taken off", "value beyond", "slope beyond", title=f"softsign, {STORED} terms, rho = 1"
    )
    k = np.arange(COUNT)
    for q in VARIANCES:
        x = math.sqrt(q) * z
        whole = odd_coefficients(x / (1 + x), z, weights)
        for order in ORDERS:
            best = (math.inf, math.inf)
            for window in WINDOWS:
                taken = odd_coefficients(germ(order, window, x), z, weights)
                rest = np.abs((whole - taken) * (whole + taken))
                beyond = [float(np.sum((k**m * rest)[STORED:]) / np.sum(k**m * whole**2)) for m in (0, 1)]
                best = min(best, (beyond[1], beyond[0]))
            table.add_row(f"{q:g}", str(order) if order else "none", f"{best[1]:.0e}", f"{best[0]:.0e}")
    Console().print(table)


if __name__ == "__main__":
    main()
