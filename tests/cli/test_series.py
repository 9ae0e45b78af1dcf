"""The commands on activations without a closed form."""

import json
from pathlib import Path

import numpy as np
import pytest

import ntksym as nk
from ntksym.cli import main
from ntksym.typeset import explain


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """X.npy in the current, temporary folder."""
    monkeypatch.chdir(tmp_path)
    X = np.random.default_rng(1).normal(size=(7, 5))
    np.save("X.npy", X)
    return X


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_derive_prints_the_explanation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "tanh"]) == 0
    assert capsys.readouterr().out.strip() == explain(nk.derive("tanh")).strip()


def test_derive_as_json_has_the_reason_and_the_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    dual = nk.derive("softsign")
    told = answer(capsys, "derive", "softsign")
    assert told["kind"] == "series"
    assert told["reason"] == dual.reason
    assert told["certified"] is False
    assert told["accuracy"]["error_bound"] == dual.error_bound(1.0, 1.0)
    assert told["accuracy"]["slope_error_bound"] == dual.slope_error_bound(1.0, 1.0)
    assert 0.9 < told["accuracy"]["terms"]["1e-14"]["largest_rho"] < 1
    assert len(told["steps"]) == len(dual.steps)


def test_an_infinite_bound_is_null_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    told = answer(capsys, "derive", "sign(x) + tanh(x)")
    assert told["accuracy"]["slope_error_bound"] is None
    assert told["accuracy"]["error_bound"] > 0


def test_the_method_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "derive", "relu")["kind"] == "closed"
    forced = answer(capsys, "derive", "relu", "--method", "series")
    assert (forced["kind"], forced["reason"]) == ("series", None)


def test_bounds_can_be_certified(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("flint")
    told = answer(capsys, "derive", "tanh", "--certify")
    assert told["certified"] is True
    assert told["accuracy"]["error_bound"] == nk.derive("tanh", certify=True).error_bound(1.0, 1.0)


def test_verify_holds_a_series_against_its_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "sigmoid"]) == 0
    assert "every error within its bound" in capsys.readouterr().out


def test_verify_fails_with_status_one_beyond_the_bounds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(nk.SeriesDual, "error_bound", lambda *_: 1e-30)
    assert main(["verify", "sigmoid", "--dps", "12"]) == 1
    assert "by more than the bound" in capsys.readouterr().out


def test_gram_tells_the_bound(rows: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["gram", "tanh", "--depth", "2", "--data", "X.npy", "--tol", "1e-8"]
    summary = answer(capsys, *words, "--get", "both", "--out", "K.npz")
    kernel = nk.build(nk.fully_connected("tanh", depth=2), tol=1e-8)
    assert (summary["dual"], summary["tol"]) == ("series", 1e-8)
    for kind, matrix in np.load("K.npz").items():
        np.testing.assert_array_equal(matrix, kernel(rows, get=kind))
        assert summary["kernels"][kind]["error_bound"] == kernel.error_bound(rows, get=kind) < 1e-8
    assert main(words) == 0
    assert "error bound" in capsys.readouterr().out


def test_gram_of_a_closed_form_tells_no_bound(rows: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gram", "relu", "--data", "X.npy"]) == 0
    assert "error bound" not in capsys.readouterr().out


def test_a_tolerance_out_of_reach_is_told_with_what_is_in_reach(
    rows: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gram", "tanh", "--data", "X.npy", "--tol", "1e-16"]) == 2
    complained = capsys.readouterr().err
    assert "cannot be guaranteed" in complained
    assert complained.count("\n") == 1


def test_the_catalogue_tells_the_kind(capsys: pytest.CaptureFixture[str]) -> None:
    for name, entry in answer(capsys, "catalogue").items():
        assert {entry["kind"]} == {"closed", "integral", "series"} & nk.catalogue[name].tags
    assert main(["catalogue", "softsign"]) == 0
    assert "series" in capsys.readouterr().out
