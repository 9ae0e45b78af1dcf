"""The building's rules, read off the source by ast: who may import whom, what modules are called, how long they get."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "ntksym"

# docs/architecture.md explains each room. A module imports from lower floors, and from its own floor without a cycle.
FLOORS = {
    "errors": 0,
    "symbols": 1,
    "parsing": 1,
    "pieces": 2,
    "evaluation": 2,
    "growth": 2,
    "traits": 2,
    "activation": 2,
    "catalogue": 2,
    "symbolic": 3,
    "series": 3,
    "quadrature": 3,
    "dual": 4,
    "derivation": 4,
    "verification": 4,
    "typeset": 4,
    "network": 5,
    "theory": 5,
    "lowering": 6,
    "arguments": 7,
    "existence": 7,
    "distances": 7,
    "kernel": 7,
    "propagation": 7,
    "plan": 7,
    "preparation": 7,
    "collapse": 7,
    "tabulation": 7,
    "explanation": 7,
    "tiles": 7,
    "learn": 8,
    "sklearn": 8,
    "plot": 8,
    "cli": 8,
    "__main__": 8,
    "__init__": 9,
}
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "misc", "tools", "core", "stuff"}
FILE_LINES = 350
FUNCTION_LINES = 45  # "about 40", docstring and signature not counted

MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """Dotted name inside the package: symbolic/field.py -> symbolic.field, symbolic/__init__.py -> symbolic."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


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
        path = PACKAGE.joinpath(*parts)
        if path.with_suffix(".py").exists() or (path / "__init__.py").exists():
            return ".".join(parts)
        parts.pop()
    return "__init__"


def imports_of(path: Path, *, executed: bool = False) -> set[str]:
    """Modules that one imports; executed: without those under `if TYPE_CHECKING`, which only annotations need."""
    tree = tree_of(path)
    skipped = {
        id(node)
        for branch in ast.walk(tree)
        if executed and isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in ast.walk(branch)
    }
    found = {name for node in ast.walk(tree) if id(node) not in skipped for name in own_imports(node, path)}
    return {module_asked_for(name) for name in found} - {name_of(path)}


def floor_of(module: str) -> int:
    return FLOORS[module.split(".")[0]]


def functions_of(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body
    documented = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    first = body[0].end_lineno if documented else body[0].lineno - 1
    assert first is not None
    assert function.end_lineno is not None
    return function.end_lineno - first


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_has_a_floor(path: Path) -> None:
    assert name_of(path).split(".")[0] in FLOORS, "a new room: give it a floor here and a line in docs/architecture.md"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_down(path: Path) -> None:
    here = name_of(path)
    upwards = sorted(other for other in imports_of(path) if floor_of(other) > floor_of(here))
    assert not upwards, f"{here} (floor {floor_of(here)}) imports from above: {upwards}"


def test_no_import_cycles() -> None:
    graph = {name_of(path): imports_of(path, executed=True) for path in MODULES}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"import cycle: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_own_modules_are_imported_at_the_top(path: Path) -> None:
    """Only ntksym/__init__.py may load modules late: those that Gram matrices do not need."""
    if name_of(path) == "__init__":
        return
    late = [
        f"line {node.lineno}"
        for function in functions_of(tree_of(path))
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom) and any(own_imports(node, path))
    ]
    assert not late


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_names_say_what_is_inside(path: Path) -> None:
    assert not FORBIDDEN_NAMES & set(name_of(path).split("."))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(tree_of(path))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_files_and_functions_stay_readable(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    long = {function.name: body_lines(function) for function in functions_of(tree_of(path))}
    long = {name: count for name, count in long.items() if count > FUNCTION_LINES}
    assert lines <= FILE_LINES, f"{lines} lines: two things in one file?"
    assert not long, f"functions over {FUNCTION_LINES} lines: {long}"


def test_no_module_evaluates_text_as_code() -> None:
    """Only lowering/ turns text into code, from programs that it wrote itself."""
    for path in MODULES:
        if name_of(path).startswith("lowering"):
            continue
        called = {
            node.func.id
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not called & {"eval", "exec", "compile"}, name_of(path)
