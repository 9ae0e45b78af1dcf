"""What holds for every kernel on every route, whatever the network: called by tests over networks and routes."""

import pickle
from dataclasses import replace

import numpy as np

from ntksym.gram.prepared import KernelOnData
from ntksym.kernel import Kernel
from ntksym.lowering.templates.frame import TILE
from tests.oracle import recursion

__all__ = ["BOTH", "check_kernel", "difficult_rows", "routes_of"]

BOTH = ("nngp", "ntk")
EPSILON = float(np.finfo(np.float64).eps)

ROUNDING = 256
"""Roundings of float64 that an entry may be off, relative to the diagonal, beside the stated bound: those of the inner
product, and of closed forms whose terms cancel (bivariate normal distribution functions), through three layers."""

BLOCKS = ((slice(TILE - 7, TILE + 20), slice(3, 30)), (slice(2, 50), slice(40, None)), (slice(9, 10), slice(None)))
"""Rows and columns: below the diagonal and across a tile, mostly above it, one row."""


def difficult_rows(route: str, n: int = TILE + 30, d: int = 7) -> np.ndarray:
    """Rows among which some are equal, opposite, nearly equal and zero, as far as the route takes them.

    Functions of the angle are those of rows of one norm, and no table has room for a row of zeros.
    """
    x = np.random.default_rng(0).normal(size=(n, d))
    x[4], x[5], x[6], x[TILE + 3] = x[3], -x[3], x[3] + 1e-7, 1e-5 - x[3]
    if route == "angle":
        return x * (np.sqrt(d) / np.linalg.norm(x, axis=1, keepdims=True))
    x[8] *= 0.5 if route == "table" else 0.0
    return x


PAIRS = ((1, 0), (4, 3), (5, 3), (6, 3), (TILE + 3, 3), (8, 1), (TILE + 9, 2))
"""Entries of `difficult_rows` that are compared with the oracle: ordinary, equal, opposite, near, zero."""


def routes_of(kernel: Kernel, x: np.ndarray, names: tuple[str, ...]) -> dict[str, KernelOnData]:
    """The kernel on these data by each of these routes."""
    return {name: kernel.on(x, get=BOTH, route=name) for name in names}


def check_kernel(kernel: Kernel, x: np.ndarray, route: str, *, digits: int = 20, pairs: int = len(PAIRS)) -> None:
    """Assert all that must hold of a kernel on `difficult_rows` by one route.

    Symmetry, the diagonal, blocks, other threads, a pickled route, one kernel alone and rounding to float32 bit for
    bit; positive semi-definite and near the oracle within the bound.

    Parameters
    ----------
    kernel : Kernel
        With results of type float64.
    x : float array, shape (n, d)
        The points.
    route : str
        One of `ntksym.gram.routes.NAMES`.
    digits : int
        Of the oracle; fewer where duals are integrals.
    pairs : int
        How many of `PAIRS` the oracle is asked for.
    """
    on = kernel.on(x, get=BOTH, route=route)
    whole = on.gram()
    _check_bits(kernel, on, x, whole)
    bounds = on.error_bound()
    for name in BOTH:
        matrix, bound = getattr(whole, name), getattr(bounds, name)
        assert np.isfinite(matrix).all()
        assert 0 <= bound <= kernel.tol
        # Weyl: an error E with |E_ij| <= bound sqrt(K_ii K_jj) moves an eigenvalue by at most bound trace(K)
        slack = bound + len(x) * ROUNDING * EPSILON
        assert np.linalg.eigvalsh(matrix)[0] >= -slack * np.trace(matrix)
    for i, j in PAIRS[:pairs]:
        for name, exact in zip(BOTH, recursion(kernel.network, x[i], x[j], digits), strict=True):
            matrix = getattr(whole, name)
            scale = np.sqrt(matrix[i, i] * matrix[j, j])
            error = abs(matrix[i, j] - float(exact))
            limit = 10.0**-digits * np.diagonal(matrix).max()  # what mpmath's limit at zero variance is off
            assert error <= (getattr(bounds, name) + ROUNDING * EPSILON) * scale + limit, (name, i, j)


def _check_bits(kernel: Kernel, on: KernelOnData, x: np.ndarray, whole: tuple[np.ndarray, np.ndarray]) -> None:
    """All that holds to the last bit."""
    again = pickle.loads(pickle.dumps(kernel)).on(x, get=BOTH, route=pickle.loads(pickle.dumps(on.route)))
    rounded = replace(kernel, dtype="float32").on(x, get=BOTH, route=on.route).gram()
    alone = kernel.on(x, get="ntk", route=on.route).gram()
    for matrix, line in zip(whole, on.diag(), strict=True):
        np.testing.assert_array_equal(matrix, matrix.T)
        np.testing.assert_array_equal(np.diagonal(matrix), line)
    np.testing.assert_array_equal(alone, whole[1])
    for threads in (1, 3):
        for matrix, other in zip(whole, kernel.on(x, get=BOTH, route=on.route, threads=threads).gram(), strict=True):
            np.testing.assert_array_equal(matrix, other)
    for rows, columns in BLOCKS:
        for one in (on, again):
            for matrix, block in zip(whole, one.gram(rows=rows, columns=columns), strict=True):
                np.testing.assert_array_equal(matrix[rows, columns], block)
    for matrix, single in zip(whole, rounded, strict=True):
        assert single.dtype == np.float32
        np.testing.assert_array_equal(single, matrix.astype(np.float32))
