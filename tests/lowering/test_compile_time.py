"""What keeps the compilation of a generated module short."""

import ast

import pytest

from ntksym.dual.derivation import derive
from ntksym.lowering.emit import emit
from ntksym.lowering.lowered_activation import lower
from ntksym.lowering.templates.angle import angle_source


def text_of(name: str) -> str:
    return angle_source() if name == "angle" else emit(lower([derive(name)])).text


def assigns_a_slice(node: ast.AST) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else []
    sliced = any(isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Slice) for target in targets)
    return sliced and not isinstance(node.value, ast.Constant)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["relu", "elu", "tanh", "angle"])
def test_no_array_is_copied_into_a_slice(name: str) -> None:
    """For ``a[:] = b`` numba compiles the text of an error message, which takes longer than the rest: write a loop."""
    nodes = ast.walk(ast.parse(text_of(name)))
    assert [ast.unparse(node) for node in nodes if assigns_a_slice(node)] == []


@pytest.mark.parametrize("name", ["relu", "angle"])
def test_functions_that_are_inlined_get_no_wrappers_for_python(name: str) -> None:
    assert "no_cpython_wrapper=True, no_cfunc_wrapper=True" in text_of(name)
