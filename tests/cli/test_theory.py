"""The commands positivity, spectrum and phases: what they print, their exit status, and bad requests."""

import json
from pathlib import Path

import numpy as np
import pytest

import ntksym as nk
from ntksym.cli import main
from ntksym.theory.phases.criticality import critical_line
from ntksym.theory.phases.diagram import phases
from ntksym.theory.spectrum.mercer import spectrum


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    status = main(words)
    return status, capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "status", "answer"),
    [
        (("relu", "--depth", "2"), 0, "NTK: strictly positive definite on every sphere"),
        (("relu",), 1, "NTK: not strictly positive definite"),
        (("floor(x)", "--get", "nngp"), 3, "NNGP: not known"),
        (("relu", "--trained-zero-bias"), 0, "NTK: strictly"),
        (("relu", "--domain", "euclidean", "--b-std", "0.1"), 0, "at distinct points of R^d"),
        (("x + a*abs(x)", "-p", "a=0", "--dim", "1"), 1, "on S^0"),
    ],
)
def test_the_exit_status_is_the_verdict(
    words: tuple[str, ...], status: int, answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found, text = printed(capsys, "positivity", *words)
    assert found == status
    assert answer in text


def test_a_witness_can_be_read_back(capsys: pytest.CaptureFixture[str]) -> None:
    _, text = printed(capsys, "positivity", "relu", "--witness", "--dim", "2", "--json")
    witness = json.loads(text)["witness"]
    points, weights = np.array(witness["points"]), np.array(witness["weights"])
    matrix = nk.build(nk.fully_connected("relu", 1))(points)
    assert abs(weights @ matrix @ weights) < 1e-14 * np.trace(matrix)
    _, text = printed(capsys, "positivity", "relu", "--witness", "--dim", "2")
    table = np.array([[float(number) for number in line.split()] for line in text.splitlines()[-6:]])
    np.testing.assert_allclose(table, np.column_stack([weights, points]), rtol=1e-15)


def test_what_it_means_for_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(9, 3))
    x[4] = x[2]
    np.save("X.npy", x)
    status, text = printed(capsys, "positivity", "relu", "--depth", "2", "--data", "X.npy", "--json")
    assert status == 0
    assert json.loads(text)["data"]["duplicates"] == 1
    _, text = printed(capsys, "positivity", "relu", "--depth", "2", "--data", "X.npy")
    assert "singular in exact arithmetic: 1 pairs of rows are equal" in text


def test_spectrum(capsys: pytest.CaptureFixture[str]) -> None:
    expected = spectrum(nk.fully_connected("relu", 2), dim=3, degree=12)
    status, text = printed(capsys, "spectrum", "relu", "--depth", "2", "--degree", "12")
    assert status == 0
    assert text.rstrip() == str(expected).rstrip()
    _, text = printed(capsys, "spectrum", "relu", "--depth", "2", "--degree", "12", "--json")
    assert json.loads(text)["eigenvalues"] == expected.eigenvalues.tolist()


def test_phases(capsys: pytest.CaptureFixture[str]) -> None:
    status, text = printed(capsys, "phases", "tanh", "--W-std", "1.5", "--b-std", "0.1")
    assert status == 0
    assert text.rstrip() == str(phases("tanh", W_std=1.5, b_std=0.1)).rstrip()
    _, text = printed(capsys, "phases", "tanh", "--W-std", "1.5", "--b-std", "0.1", "--json")
    assert json.loads(text)["phase"] == "chaotic"


def test_the_edge_of_chaos(capsys: pytest.CaptureFixture[str]) -> None:
    edge = float(critical_line("tanh", b_std=0.05))
    _, text = printed(capsys, "phases", "tanh", "--critical", "--b-std", "0.05")
    assert repr(edge) in text
    _, text = printed(capsys, "phases", "tanh", "--critical", "--b-std", "0.05", "--json")
    assert json.loads(text)["W_std"] == edge


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("positivity", "sign(x)"), "get="),
        (("positivity", "relu", "--dim", "0"), "whole number from 1"),
        (("positivity", "relu", "--domain", "torus"), "torus"),
        (("positivity", "relu", "--data", "nowhere.npy"), "nowhere.npy"),
        (("spectrum", "relu", "--degree", "-1"), "whole number from 0"),
        (("spectrum", "relu", "--dim", "3", "--mean-square", "0"), "larger than 0"),
        (("spectrum", "sign(x)"), "nngp"),
        (("phases", "import os"), ""),
        (("phases", "relu", "--critical", "--b-std", "0.5"), ""),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith("ntksym: ")
    assert error.count("\n") == 1
    assert message in error
