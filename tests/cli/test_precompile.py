"""`ntksym precompile`: what it leaves in the store, what it says, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ntksym.cli import commands, main
from ntksym.cli.precompilation import Outcome
from ntksym.lowering import store

Asked = list[tuple[str, tuple[str, ...], tuple[str, ...]]]
"""Formula, kernels, types of results."""

LATER = """
import json, sys
import numpy as np
import ntksym as nk
from ntksym.lowering import store
misses = 0
for dtype in sys.argv[3].split():
    kernel = nk.build(nk.fully_connected(sys.argv[1], depth=3, W_std=1.5, b_std=0.1), dtype=dtype)
    for get in sys.argv[2].split():
        kernel(np.random.default_rng(0).normal(size=(70, 3)), get=get)
    for forms in {kernel.candidates.closed, kernel.candidates.light or kernel.candidates.closed}:
        module = vars(store.load(kernel.candidates.lowered(forms).source.text))
        misses += sum(sum(f.stats.cache_misses.values()) for f in module.values() if hasattr(f, "stats"))
print(misses)
"""


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NTKSYM_CACHE": str(folder)}
    return subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, check=False)


def statuses(folder: Path, *words: str) -> dict[str, str]:
    finished = run(folder, "-m", "ntksym", "precompile", *words, "--json")
    assert finished.returncode == 0, finished.stderr
    return {name: outcome["status"] for name, outcome in json.loads(finished.stdout)["outcomes"].items()}


def misses(folder: Path, formula: str, kernels: str, types: str) -> int:
    """What a later process compiles."""
    later = run(folder, "-c", LATER, formula, kernels, types)
    assert later.returncode == 0, later.stderr
    return int(later.stdout)


@pytest.mark.slow
def test_later_processes_compile_nothing(tmp_path: Path) -> None:
    """Every kernel in every type, of a formula that compiles fast, and of one that jumps and has no NTK."""
    words = "x**2", "sign", "--get", "both", "--dtype", "both"
    names = "x**2", "sign", "(one function of the angle)", "(table in the variances)"
    assert statuses(tmp_path, *words) == dict.fromkeys(names, "compiled")
    assert statuses(tmp_path, *words) == dict.fromkeys(names, "there")
    assert misses(tmp_path, "x**2", "nngp ntk", "float64 float32") == 0
    assert misses(tmp_path, "sign", "nngp", "float64 float32") == 0


@pytest.mark.slow
def test_a_heavy_form_is_precompiled_with_its_series(tmp_path: Path) -> None:
    assert statuses(tmp_path, "elu", "--get", "ntk", "--dtype", "float64")["elu"] == "compiled"
    assert misses(tmp_path, "elu", "ntk", "float64") == 0


@pytest.mark.slow
def test_an_interrupt_leaves_a_store_that_serves(tmp_path: Path) -> None:
    heard = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = f"{heard}; from ntksym.cli import main; print('ready', flush=True); sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "precompile", "x**2", "x**3", "gelu"]
    environment = {**os.environ, "NTKSYM_CACHE": str(tmp_path)}
    for patience in (1.0, 3.0):
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(patience)
            process.send_signal(signal.SIGINT)
            _, complained = process.communicate(timeout=120)
        assert process.returncode == 130
        assert complained == "ntksym: interrupted\n"
    assert set(statuses(tmp_path, "x**2", "x**3").values()) <= {"compiled", "there"}
    assert misses(tmp_path, "x**2", "nngp ntk", "float64 float32") == 0


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What would be compiled; nothing is. ``hopeless`` fails."""
    asked: Asked = []

    def pretend(formula: str, kernels: tuple[str, ...], types: tuple[str, ...]) -> Outcome:
        asked.append((formula, kernels, types))
        if formula == "hopeless":
            return Outcome(formula, "failed", 0.1, "no such activation")
        return Outcome(formula, "compiled", 2.5)

    monkeypatch.setattr(commands, "precompile", pretend)
    monkeypatch.setattr(commands, "precompile_shared", lambda kernels, types: [Outcome("(angle)", "there", 0.1)])
    return asked


def test_without_a_name_the_whole_catalogue_is_compiled(outcomes: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["precompile"]) == 0
    assert [formula for formula, *_ in outcomes] == list(commands.catalogue)
    assert all(rest == [("ntk", "nngp"), ("float64", "float32")] for _, *rest in outcomes)
    assert "relu" in capsys.readouterr().out


def test_a_failure_is_reported_and_the_others_go_on(outcomes: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["precompile", "relu", "hopeless", "gelu", "--get", "ntk", "--dtype", "float32"]) == 1
    assert [formula for formula, *_ in outcomes] == ["relu", "hopeless", "gelu"]
    assert outcomes[0][1:] == (("ntk",), ("float32",))
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in printed[:3]] == [
        ["relu", "compiled"],
        ["hopeless", "failed"],
        ["gelu", "compiled"],
    ]
    assert "no such activation" in printed[1]
    assert str(store.folder()) in printed[-1]


def test_the_outcome_as_json(outcomes: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["precompile", "relu", "hopeless", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["folder"] == str(store.folder())
    assert answer["outcomes"]["relu"] == {"status": "compiled", "seconds": 2.5}
    assert answer["outcomes"]["hopeless"]["reason"] == "no such activation"


def test_a_folder_that_does_not_last_is_no_place(
    outcomes: Asked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(store, "is_lasting", lambda: False)
    assert main(["precompile", "relu"]) == 2
    assert not outcomes
    assert "NTKSYM_CACHE" in capsys.readouterr().err
