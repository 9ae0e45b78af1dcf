"""The walk over a network: the order of the layers, branches that begin with what they are added to, unknown kinds."""

from dataclasses import dataclass
from typing import Any

import pytest

from ntksym.network.layers import Dense, Nonlinearity, residual, serial
from ntksym.network.walk import walk


@dataclass(frozen=True)
class Trace:
    """An algebra of texts."""

    def dense(self, state: str, layer: Dense) -> str:
        return f"D({state})"

    def nonlinear(self, state: str, layer: Nonlinearity) -> str:
        return f"{layer.activation.name}({state})"

    def add(self, state: str, branch: str) -> str:
        return f"{state} + {branch}"


def test_layers_are_applied_from_the_data_to_the_output() -> None:
    assert walk(serial(Dense(), "relu", Dense()).layers, "x", Trace()) == "D(relu(D(x)))"


def test_a_branch_begins_with_what_it_is_added_to() -> None:
    assert walk(serial(Dense(), residual("relu", Dense())).layers, "x", Trace()) == "D(x) + D(relu(D(x)))"


def test_branches_nest() -> None:
    layers = serial(Dense(), residual(residual(Dense()), "relu", Dense())).layers
    assert walk(layers, "x", Trace()) == "D(x) + D(relu(D(x) + D(D(x))))"


def test_an_unknown_kind_of_layer_is_refused() -> None:
    unknown: Any = "pooling"
    with pytest.raises(TypeError, match="no rule for 'pooling'"):
        walk((Dense(), unknown), "x", Trace())
