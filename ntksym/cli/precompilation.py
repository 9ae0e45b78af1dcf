"""The store filled ahead of time: what the first Gram matrix of an activation would wait for."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ntksym.activation.activation import Activation
from ntksym.errors import NtkSymError
from ntksym.kernel import Kernel, build
from ntksym.lowering import store
from ntksym.network.layers import fully_connected

__all__ = ["Outcome", "precompile", "precompile_shared"]

TOLERANCE = 1e-6
"""The modules do not depend on it; this one is met by every series at these points."""

APART = np.array([[1.0, 0.0], [0.0, 1.0]])
CLOSE = np.array([[1.0, 0.0], [1.0, 1e-9], [-1.0, 0.0]])
"""Points nearly equal and opposite: such pairs have code of their own, in the first way to lower a network."""

DEEP = fully_connected("relu", depth=50, W_std=1.4, b_std=0.1)
CIRCLE, CLOUD = 600, 1600
"""So many points of one norm that this network is worth a fit to a function of the angle; of any norm, to a table."""


@dataclass(frozen=True)
class Outcome:
    """What became of an activation.

    Attributes
    ----------
    name : str
        As it was given.
    status : {"compiled", "there", "failed"}
        Whether something was compiled, or everything was in the store already.
    seconds : float
        How long it took.
    reason : str
        Why it failed.
    """

    name: str
    status: Literal["compiled", "there", "failed"]
    seconds: float
    reason: str = ""


def precompile(formula: str, kernels: Sequence[str], types: Sequence[str]) -> Outcome:
    """Compile the modules of an activation for these kernels and types of results, as far as they are not there.

    Parameters
    ----------
    formula : str
        A formula in x, or a name of the catalogue.
    kernels : sequence of str
        "nngp", "ntk"; both ask for the NTK only where there is one.
    types : sequence of str
        "float64", "float32".
    """
    start, before = time.perf_counter(), store.compiled()
    try:
        network = fully_connected(Activation(formula), depth=1)
        for dtype in types:
            kernel = build(network, tol=TOLERANCE, dtype=dtype)
            ways = {"closed": kernel.lowered}
            if kernel.candidates.light is not None:
                ways["series"] = kernel.candidates.lowered(kernel.candidates.light)
            for points, route in ((CLOSE, "closed"), *((APART, route) for route in ways)):
                _call(kernel, points, kernels, route)
            for lowered in ways.values():
                _require_kept(lowered.source.text)
    except (NtkSymError, OSError) as error:
        return Outcome(formula, "failed", time.perf_counter() - start, str(error))
    seconds = time.perf_counter() - start
    return Outcome(formula, "compiled" if store.compiled() - before else "there", seconds)


def precompile_shared(kernels: Sequence[str], types: Sequence[str]) -> list[Outcome]:
    """The modules for kernels that are one function of the angle, or a table, which all activations share."""
    angles = np.linspace(0.0, 2 * np.pi, CIRCLE, endpoint=False)
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    cloud = np.random.default_rng(0).normal(size=(CLOUD, 50))
    outcomes = []
    for name, points in {"(one function of the angle)": circle, "(table in the variances)": cloud}.items():
        start, before = time.perf_counter(), store.compiled()
        for dtype in types:
            for get in kernels:
                build(DEEP, dtype=dtype)(points, get=get)
        status: Literal["compiled", "there"] = "compiled" if store.compiled() - before else "there"
        outcomes.append(Outcome(name, status, time.perf_counter() - start))
    return outcomes


def _require_kept(text: str) -> None:
    """A full disk is no failure where a kernel is called, but here it is."""
    if not any(file.startswith(store.name_of(text)) for file in store.compiled()):
        raise OSError(f"compiled, but not kept in {store.folder()}: is the disk full?")


def _call(kernel: Kernel, points: NDArray[np.float64], kernels: Sequence[str], route: str) -> None:
    exists = all(dual.continuous for dual in kernel.duals)
    for get in kernels:
        if exists or get != "ntk" or len(kernels) == 1:
            kernel.on(points, get=get, route=route).gram()
