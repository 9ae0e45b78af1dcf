"""The loops of generated modules as machine code: vectors, no call, nothing that does not fit into registers."""

import platform

import numpy as np
import pytest

import ntksym as nk
from tests.lowering.assembly import inner_loops
from tests.lowering.machines import load_uncached, machine

FILLS = ("fill_nngp", "fill_ntk")
SPILLING = {"elu": 300}
"""The two wedges of ELU, of 2000 multiplications, keep 214 vectors on the stack."""


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="reads x86 assembly")
@pytest.mark.parametrize("name", ["relu", "gelu", "erf", "sin", "abs", "rbf", "elu"])
def test_the_loops_over_pairs_are_vector_code_without_a_call_or_a_spill(name: str) -> None:
    built = machine(nk.fully_connected(name, 3, W_std=1.5, b_std=0.1), nk.derive, load=load_uncached)
    points = np.random.default_rng(0).normal(size=(70, 5))
    for get in (("nngp",), ("ntk",)):
        built.tiles(points, points, get)
    for fill in FILLS:
        (assembly,) = getattr(built.module, fill).inspect_asm().values()
        loops = inner_loops(assembly)
        # one loop over the columns for the activation, one for a layer without, and the products at the beginning
        assert len(loops) >= 3
        assert max(loop.products for loop in loops) >= 10
        assert not [call for loop in loops for call in loop.calls]
        # the loop that marks near pairs is short vectors, unrolled as a whole: it runs once a row, and may spill
        assert sum(len(loop.spills) for loop in loops if loop.is_wide) <= SPILLING.get(name, 0)
