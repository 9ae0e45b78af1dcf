"""The building's rules, read off the source by ast: who may import whom, what modules are called, how long they get."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "ntksym"

# docs/architecture.md explains each room. A module imports from its own room and from rooms on lower floors.
FLOORS = {
    "errors": 1,
    "symbols": 1,
    "kept": 1,
    "numerics": 1,
    "formula": 2,
    "special": 2,
    "activation": 3,
    "network": 4,
    "quadrature": 4,
    "symbolic": 4,
    "typeset": 4,
    "hermite": 5,
    "dual": 6,
    "lowering": 6,
    "verification": 7,
    "theory": 7,
    "gram": 7,
    "kernel": 8,
    "learn": 9,
    "sklearn": 9,
    "plot": 9,
    "scale": 9,
    "cli": 10,
    "__init__": 10,
    "__main__": 11,
}
LATE = {
    "dual.certification": "python-flint is optional, and loads longer than the rest of the room",
    "theory.powers.half_line": "python-flint is optional, and loads longer than the rest of the room",
    "__init__": "Gram matrices do not need the rooms of theory",
}
"""Modules that load others when they are first needed, with import_module, and why."""

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "misc", "tools", "core", "stuff"}
FILE_LINES = 350
FUNCTION_LINES = 45  # "about 40", docstring and signature not counted

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def sources() -> dict[str, tuple[Path, str, ast.Module]]:
    """Dotted name inside the package -> its path, text and tree; every file is read and parsed once."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)
        text = path.read_text(encoding="utf-8")
        found[name] = path, text, ast.parse(text, filename=str(path))
    return found


def own_imports(node: ast.AST, path: Path) -> Iterator[str]:
    """Names, inside the package, that one import statement asks for."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name.split(".")[0] == "ntksym":
                yield alias.name.partition(".")[2] or "__init__"
    elif isinstance(node, ast.ImportFrom):
        if node.level:
            package = path.relative_to(PACKAGE).parent.parts
            parts = list(package[: len(package) - node.level + 1])
        elif node.module and node.module.split(".")[0] == "ntksym":
            parts = []
        else:
            return
        tail = (node.module or "").split(".")
        parts += [part for part in (tail if node.level else tail[1:]) if part]
        for alias in node.names:
            yield ".".join([*parts, alias.name])


def module_asked_for(name: str) -> str:
    """The module behind `from a.b import c`: a.b.c where it is a module, else a.b, else the package itself."""
    parts = name.split(".")
    while parts:
        if ".".join(parts) in sources():
            return ".".join(parts)
        parts.pop()
    return "__init__"


@cache
def imports_of(name: str, *, executed: bool = False) -> frozenset[str]:
    """Modules that one imports; executed: without those under `if TYPE_CHECKING`, which only annotations need."""
    path, _, tree = sources()[name]
    skipped = {
        id(node)
        for branch in ast.walk(tree)
        if executed and isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in ast.walk(branch)
    }
    found = {wanted for node in ast.walk(tree) if id(node) not in skipped for wanted in own_imports(node, path)}
    return frozenset(module_asked_for(wanted) for wanted in found) - {name}


def room_of(module: str) -> str:
    return module.split(".")[0]


def functions_of(tree: ast.Module) -> Iterator[Function]:
    yield from (node for node in ast.walk(tree) if isinstance(node, Function))


def body_lines(function: Function) -> int:
    body = function.body
    documented = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    first = body[0].end_lineno if documented else body[0].lineno - 1
    assert first is not None
    assert function.end_lineno is not None
    return function.end_lineno - first


def calls_of(tree: ast.Module) -> set[str]:
    """Names of the functions that are called by name."""
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {call.id for call in calls if isinstance(call, ast.Name)}


def test_every_room_has_a_floor_and_a_line_in_the_architecture() -> None:
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {room_of(name) for name in sources()} - {"__init__", "__main__"}
    assert rooms <= FLOORS.keys(), "a new room: give it a floor here and a line in docs/architecture.md"
    assert not {room for room in rooms if f"`{room}`" not in page and f"`{room}/`" not in page}


def test_imports_go_down() -> None:
    """To the own room or to a lower floor: rooms on one floor know nothing of each other."""
    upwards = [
        f"{here} imports {other}"
        for here in sources()
        for other in imports_of(here)
        if room_of(other) != room_of(here) and FLOORS[room_of(other)] >= FLOORS[room_of(here)]
    ]
    assert not upwards


@pytest.mark.parametrize("executed", [True, False], ids=["when run", "for annotations too"])
def test_no_import_cycles(executed: bool) -> None:
    graph = {name: imports_of(name, executed=executed) for name in sources()}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"import cycle: {' -> '.join(error.args[1])}")


def test_own_modules_are_imported_at_the_top() -> None:
    """Late loading is listed in `LATE`, with its reason; no statement imports inside a function."""
    late = [
        f"{name}, line {node.lineno}"
        for name, (path, _, tree) in sources().items()
        for function in functions_of(tree)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom) and any(own_imports(node, path))
    ]
    assert not late
    assert {name for name, (_, _, tree) in sources().items() if "import_module" in calls_of(tree)} <= LATE.keys()


def test_what_is_computed_once_is_kept_without_a_lock() -> None:
    """Before Python 3.12 `functools.cached_property` holds a lock while it computes: a fork then hangs the child."""
    assert {name for name, (_, text, _) in sources().items() if "import cached_property" in text} == {"kept"}


def test_names_say_what_is_inside() -> None:
    assert not [name for name in sources() if FORBIDDEN_NAMES & set(name.split("."))]


def test_every_module_says_what_it_is() -> None:
    assert not [name for name, (_, _, tree) in sources().items() if not ast.get_docstring(tree)]


def test_files_and_functions_stay_readable() -> None:
    long_files = {name: count for name, (_, text, _) in sources().items() if (count := text.count("\n")) > FILE_LINES}
    assert not long_files, "two things in one file?"
    long_functions = {
        f"{name}.{function.name}": body_lines(function)
        for name, (_, _, tree) in sources().items()
        for function in functions_of(tree)
        if body_lines(function) > FUNCTION_LINES
    }
    assert not long_functions


def test_no_module_evaluates_text_as_code() -> None:
    """Only lowering/ turns text into code, from programs that it wrote itself."""
    named = {name: calls_of(tree) for name, (_, _, tree) in sources().items() if room_of(name) != "lowering"}
    assert not {name for name, called in named.items() if called & {"eval", "exec", "compile"}}


QUESTIONS = ("Whether", "What", "How", "Where", "When", "Which", "Why")


def test_module_docstrings_say_what_the_module_does() -> None:
    """They are sentences, and begin with no question."""
    openings = {name: (ast.get_docstring(tree) or "").split(maxsplit=1) for name, (_, _, tree) in sources().items()}
    assert [name for name, words in openings.items() if not words or words[0].strip(",:") in QUESTIONS] == []


def test_no_docstring_continues_the_one_above_it() -> None:
    """Each is read alone: none begins with an ellipsis or leaves its end to the next."""
    continued = [
        f"{name}:{node.lineno}"
        for name, (_, _, tree) in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        if node.value.value.startswith("...") or re.search(r"[^,] \.\.\.$", node.value.value)
    ]
    assert continued == []
