"""The loops of generated modules on processors that are not at hand: vectors, and no call."""

import platform

import numpy as np
import pytest

import ntksym as nk
from ntksym.lowering.templates.angle import GROUP, SLOTS, angle_source
from ntksym.lowering.templates.frame import TILE
from ntksym.lowering.templates.table import FIRST, table_source
from tests.lowering.assembly import inner_loops
from tests.lowering.crossing import ARM, compiled_for
from tests.lowering.machines import load_uncached, machine

PROCESSORS = {"neoverse-n1": ARM, "apple-m1": ARM, "haswell": "x86_64-unknown-linux-gnu"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="crosses over from x86"),
]


def fill_layers(name: str) -> None:
    points = np.random.default_rng(0).normal(size=(70, 5))
    machine(nk.fully_connected(name, 3, W_std=1.5, b_std=0.1), nk.derive, load=load_uncached).tiles(
        points, points, ("ntk",)
    )


def fill_angle(_: str) -> None:
    lines, none = np.ones((1, SLOTS, TILE)), np.empty((0, 0))
    terms = np.zeros((2, 2, 1, GROUP)), np.full((2, 2), GROUP)
    load_uncached(angle_source()).fill(none, none, 0, 0, 0, 1.0, 0.0, 0.0, 0.0, lines, lines, *terms, none, none, True)


def fill_table(_: str) -> None:
    lines, none = np.ones((1, FIRST + 4, TILE)), np.empty((0, 0))
    table = np.zeros((2, 4, 16)), np.full((2, 1), 4)
    load_uncached(table_source()).fill(none, none, 0, 0, 0, 1.0, 0.0, 1.0, 0.0, lines, lines, *table, none, none, True)


FILLS = {"relu": fill_layers, "gelu": fill_layers, "tanh": fill_layers, "angle": fill_angle, "table": fill_table}


@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("name", FILLS)
def test_the_loops_over_pairs_are_vector_code_without_a_call(name: str, processor: str) -> None:
    with compiled_for(PROCESSORS[processor], processor) as assembly:
        FILLS[name](name)
    (text,) = (part for function, part in assembly.items() if function.startswith("fill"))
    assert ("%ymm" if processor == "haswell" else ".2d") in text
    assert "%zmm" not in text
    loops = inner_loops(text)
    assert len(loops) >= 2
    assert max(loop.products for loop in loops) >= 10
    assert not [call for loop in loops for call in loop.calls]
