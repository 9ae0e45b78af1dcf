"""The benchmarks run, on problems so small that their times mean nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*words: str) -> str:
    command = [sys.executable, "-m", "tests.benchmarks", "--quick", "--rounds", "1", *words]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


@pytest.mark.slow
def test_everything_runs(tmp_path: Path) -> None:
    printed = run("--save", str(tmp_path))
    assert "variables set aside" in printed
    assert "Times as long as normal rows of the same shape" in " ".join(printed.split())
    for part in ("floor", "peers", "grid", "growth"):
        results = json.loads((tmp_path / f"{part}.json").read_text(encoding="utf-8"))
        assert all(min(result["seconds"]["ntksym"]) > 0 for result in results)
        assert not [result["refused"] for result in results if result["refused"]]
    grid = json.loads((tmp_path / "grid.json").read_text(encoding="utf-8"))
    errors = [result["errors"]["ntksym"] for result in grid if result["problem"]["dtype"] == "float64"]
    assert max(errors) < 1e-13
    figure = [
        sys.executable,
        "-m",
        "tests.benchmarks.growth",
        str(tmp_path / "growth.json"),
        str(tmp_path / "growth.svg"),
    ]
    subprocess.run(figure, cwd=ROOT, check=True, capture_output=True)
    assert (tmp_path / "growth.svg").stat().st_size > 10_000


@pytest.mark.slow
def test_an_unknown_part_is_refused_with_the_list_of_parts() -> None:
    command = [sys.executable, "-m", "tests.benchmarks", "speed"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "no such part: speed; there are floor, peers" in ended.stderr
