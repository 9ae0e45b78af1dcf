"""Errors are of one kind each, carry their objects, end with the way out, and survive the way between processes."""

import ast
import multiprocessing
import pickle
from pathlib import Path

import pytest
import sympy as sp

import ntksym as nk
from ntksym import errors

SOURCES = sorted((Path(__file__).parent.parent / "ntksym").rglob("*.py"))
KINDS = {name: getattr(errors, name) for name in errors.__all__}


def made_without_objects() -> list[str]:
    """Where an exception of ours is made without a keyword argument."""
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
                found += [] if node.keywords else [f"{path.name}:{node.lineno}"]
    return found


def test_every_error_is_made_with_the_objects_concerned() -> None:
    assert made_without_objects() == []


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_errors_survive_pickling_with_their_objects(kind: type[nk.NtkSymError]) -> None:
    error = kind("what happened; the way out", activation=nk.Activation("relu"), place=sp.sqrt(2))
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.about) == (kind, str(error), error.about)


def test_an_object_that_cannot_be_pickled_travels_as_text() -> None:
    def local(value: float) -> float:
        return value

    copy = pickle.loads(pickle.dumps(nk.InvalidInput("no", function=local, place=3)))
    assert copy.about == {"function": repr(local), "place": 3}


def refused(formula: str) -> str:
    return nk.Activation(formula).name


def test_an_error_reaches_the_process_that_asked() -> None:
    with (
        multiprocessing.get_context("spawn").Pool(1) as pool,
        pytest.raises(nk.InvalidInput, match="write 2") as caught,
    ):
        pool.apply(refused, ("2x",))
    assert caught.value.about["position"] == 1


def test_what_is_not_known_is_told_apart_from_what_has_no_closed_form() -> None:
    with pytest.raises(nk.Undecided) as caught:
        nk.Activation("max(cos(x) - x, 0)").pieces  # noqa: B018
    assert isinstance(caught.value, nk.PiecesUnknown)
    with pytest.raises(nk.NoClosedForm) as refusal:
        nk.derive("tanh(x)", method="closed")
    assert not isinstance(refusal.value, nk.Undecided)


def test_what_is_out_of_reach_is_told_apart_from_a_tolerance() -> None:
    with pytest.raises(nk.OutOfReach, match="oscillates too fast"):
        nk.derive("sin(x**8)").evaluate(1.0, 1.0, 0.5)
