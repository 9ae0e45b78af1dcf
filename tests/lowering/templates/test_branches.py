"""Residual branches in generated modules; what they compute is tested in tests/gram/test_residual_networks.py."""

import pytest

import ntksym as nk
from ntksym.lowering.templates.branches import row_sections, strip_sections
from ntksym.network.layers import Dense, Network, residual, serial

BRANCHED = serial(Dense(1.2), residual("relu", Dense(0.7)), "relu", Dense(1.0))


def text_of(network: Network) -> str:
    return nk.build(network).lowered.source.text


def test_a_network_without_branches_compiles_nothing_of_them() -> None:
    """A quarter of the compilation of a network with branches is that of its branches."""
    text = text_of(nk.fully_connected("relu", depth=2))
    assert "def nesting" not in text
    assert "level" not in text
    assert "def nesting" in text_of(BRANCHED)


def test_networks_with_branches_share_their_module_whatever_these_are() -> None:
    nested = serial(Dense(1.2), residual(residual("relu", Dense(0.3)), "relu", Dense(0.7)), "relu", Dense(1.0))
    assert text_of(BRANCHED) == text_of(nested)


@pytest.mark.parametrize("get", ["nngp", "ntk"])
def test_tangents_are_kept_for_the_ntk_alone(get: str) -> None:
    keep = strip_sections(True, get)["keep"]
    assert ("keep(t, kept, level + STRIP)" in keep) == (get == "ntk")
    assert "keep(c, kept, level)" in keep


def test_every_section_is_empty_for_a_plain_network() -> None:
    sections = [*row_sections(False).values(), *strip_sections(False, "ntk").values()]
    assert sections == [""] * 7
