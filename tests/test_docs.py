"""Every example in README.md and docs/ runs and prints what the page says it prints.

A ``python`` block shares its names with the earlier ones of its page; a ``text`` block right after it is its output.
A ``console`` block holds ``$ command`` lines, each followed by its output. In outputs ``...`` stands for anything.
"""

import contextlib
import doctest
import io
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from ntksym.cli import main

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
# Kinds that are shown and not run; commands of an `sh` block install things, and .ci/run runs those of the README.
SHOWN = {"{eval-rst}", "text", "sh", "toml", "math", "{math}", "{toctree}", "latex", "c"}

SETUP = (
    "python -m pip install '.[all]' && ntksym gram \"x*(1 + erf(x/sqrt(2)))/2\" --depth 3 --data digits --out K.npy",
    "python -m pip install -e '.[all]' && python -m pytest -n auto",
)


@dataclass(frozen=True)
class Block:
    kind: str
    body: str
    line: int
    output: str | None


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = list(FENCE.finditer(text))
    blocks = []
    for this, following in zip(found, [*found[1:], None], strict=True):
        adjacent = following is not None and not text[this.end() : following.start()].strip()
        output = following["body"] if following and adjacent and following["kind"] == "text" else None
        blocks.append(Block(this["kind"].strip(), this["body"], text.count("\n", 0, this.start()) + 2, output))
    return blocks


def assert_printed(expected: str, printed: str, where: str) -> None:
    def trimmed(text: str) -> str:
        return "\n".join(line.rstrip() for line in text.strip("\n").splitlines()) + "\n"

    same = doctest.OutputChecker().check_output(trimmed(expected), trimmed(printed), doctest.ELLIPSIS)
    assert same, f"{where}: printed\n{printed}\nbut the page says\n{expected}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    for block in blocks_of(page):
        if block.kind != "python":
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * (block.line - 1) + block.body, page.name, "exec"), names)
        if block.output is not None:
            assert_printed(block.output, printed.getvalue(), f"{page.name}:{block.line}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_console_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process: starting one costs more than most commands, and `tests/cli/test_main.py` starts some."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    for block in blocks_of(page):
        if block.kind != "console":
            continue
        for command, expected in commands_of(block):
            program, *words = shlex.split(command)
            assert program == "ntksym"
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                main(words)
            assert_printed(expected, printed.getvalue(), f"{page.name}: {command}")


def commands_of(block: Block) -> list[tuple[str, str]]:
    commands: list[tuple[str, str]] = []
    for line in block.body.splitlines(keepends=True):
        if line.startswith("$ "):
            commands.append((line[2:].strip(), ""))
        else:
            assert commands, f"a console block begins with a $ line: {block.body}"
            commands[-1] = (commands[-1][0], commands[-1][1] + line)
    return commands


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_is_of_a_known_kind(page: Path) -> None:
    unknown = {block.kind for block in blocks_of(page)} - SHOWN - {"python", "console"}
    assert not unknown, "such a block would go untested"


def test_the_readme_gives_the_two_set_up_commands() -> None:
    lines = [line for line in PAGES[0].read_text(encoding="utf-8").splitlines() if line.startswith("python -m pip")]
    assert tuple(lines) == SETUP


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_catalogue_on_the_page_is_the_catalogue() -> None:
    """To renew it: ntksym catalogue --markdown."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(["catalogue", "--markdown"]) == 0
    assert printed.getvalue() in (ROOT / "docs" / "activations.md").read_text(encoding="utf-8")


def test_the_architecture_page_names_every_room() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {
        path.name if path.is_dir() else path.stem for path in (ROOT / "ntksym").iterdir() if path.suffix in ("", ".py")
    }
    unnamed = {
        room for room in rooms if not room.startswith("_") and f"`{room}`" not in page and f"`{room}/`" not in page
    }
    assert not unnamed
