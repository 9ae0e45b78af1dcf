"""The command as people use it: what it prints, what it exits with, and what it does with input nobody planned."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import ntksym as nk
from ntksym.cli import main
from ntksym.cli.commands import COMMANDS
from ntksym.typeset import explain, to_code

GELU = "x*(1 + erf(x/sqrt(2)))/2"


def run(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ntksym", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **options)  # type: ignore[call-overload]


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """X.npy in the current, temporary folder."""
    monkeypatch.chdir(tmp_path)
    X = np.random.default_rng(1).normal(size=(7, 5))
    np.save("X.npy", X)
    return X


@pytest.mark.parametrize("words", [(), *((command,) for command in COMMANDS)])
def test_help_shows_an_example(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--help"]) == 0
    printed = capsys.readouterr().out
    example = next(line for line in printed.splitlines() if line.split("with:")[-1].strip().startswith("ntksym "))
    assert example
    assert "usage: ntksym" in printed


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"ntksym {nk.__version__}\n"


def test_gram_writes_what_the_library_computes(rows: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["gram", GELU, "--depth", "3", "--W-std", "1.5", "--b-std", "0.1", "--data", "X.npy", "-o", "K.npy"]) == 0
    )
    expected = nk.build(nk.fully_connected(GELU, depth=3, W_std=1.5, b_std=0.1))(rows)
    np.testing.assert_array_equal(np.load("K.npy"), expected)
    printed = capsys.readouterr().out
    assert "7 x 7" in printed
    assert "written to K.npy" in printed


def test_gram_of_a_network_without_hidden_layers(rows: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gram", "relu", "--data", "X.npy", "--depth", "0", "--get", "nngp", "-o", "K.npy"]) == 0
    np.testing.assert_allclose(np.load("K.npy"), rows @ rows.T / 5, rtol=1e-13, atol=1e-14)
    assert "NNGP" in capsys.readouterr().out


def test_gram_may_be_run_twice(rows: np.ndarray) -> None:
    words = ["gram", "relu", "--data", "X.npy", "--out", "K.npz", "--get", "both"]
    assert main(words) == 0
    first = dict(np.load("K.npz"))
    assert main(words) == 0
    second = dict(np.load("K.npz"))
    assert first.keys() == second.keys() == {"nngp", "ntk"}
    for name, matrix in first.items():
        np.testing.assert_array_equal(matrix, second[name])


def test_gram_takes_parameters_types_and_fewer_rows(rows: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "gram",
        "max(x, 0) + a*min(x, 0)",
        "--param",
        "a=1/5",
        "--data",
        "X.npy",
        "--limit",
        "4",
        "--dtype",
        "float32",
    ]
    assert main([*words, "--get", "nngp", "--normalize", "--json", "--out", "K.npy"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["data"] == {"source": "X.npy", "rows": 4, "columns": 5}
    assert summary["parameters"] == {"a": "1/5"}
    matrix = np.load("K.npy")
    assert (matrix.shape, matrix.dtype) == ((4, 4), np.float32)
    # E s(U)^2 = (1 + a^2) q/2 with q = 1; float32 in one layer
    np.testing.assert_allclose(np.diag(matrix), 0.52, rtol=8 * np.finfo(np.float32).eps)
    assert summary["kernels"]["nngp"]["diagonal"] == [float(np.diag(matrix).min()), float(np.diag(matrix).max())]


def test_derive_prints_the_derivation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "max(x, 0)"]) == 0
    assert capsys.readouterr().out.strip() == explain(nk.derive("max(x, 0)"), "text").strip()


def test_a_formula_may_begin_with_a_minus_sign(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "-x**2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["formula"] == "-x**2"


def test_derive_as_json_is_sympy_text_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "a*exp(-x**2)", "-p", "a=-0.5", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["parameters"] == {"a": "-1/2"}
    assert answer["kind"] == "closed"
    q1, q2, c = 0.5, 0.8, 0.3
    value = eval(answer["value"], {"sqrt": np.sqrt}, {"q1": q1, "q2": q2, "c": c, "a": -0.5})
    # A closed form of a few operations: each rounds by eps/2
    assert value == pytest.approx(0.25 / np.sqrt((1 + 2 * q1) * (1 + 2 * q2) - 4 * c * c), rel=20 * np.finfo(float).eps)


@pytest.mark.parametrize("language", ["numpy", "jax", "torch", "c"])
def test_derive_prints_code(language: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "sin(x)", "--code", language]) == 0
    assert capsys.readouterr().out.strip() == to_code(nk.derive("sin(x)"), language).strip()


def test_verify_says_how_many_digits_agree(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "relu", "--dps", "15"]) == 0
    assert "relu: verified to 15 digits" in capsys.readouterr().out
    assert main(["verify", "relu", "--dps", "12", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True


def test_verify_fails_with_status_one_when_a_formula_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = nk.derive(nk.Activation("cos(x)"))
    right = nk.derive(nk.Activation("sin(x)"))
    mixed = dataclasses.replace(right, formulae=wrong.formulae)
    monkeypatch.setattr("ntksym.cli.commands.derive", lambda *_, **__: mixed)
    assert main(["verify", "sin(x)", "--dps", "12"]) == 1
    assert "DISAGREE" in capsys.readouterr().out


def test_catalogue_lists_names_and_finds_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalogue", "--json"]) == 0
    assert json.loads(capsys.readouterr().out).keys() == set(nk.catalogue)
    assert main(["catalogue", "GELU"]) == 0
    printed = capsys.readouterr().out
    assert "gelu" in printed
    assert "relu6" not in printed


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "required: COMMAND"),
        (("drive", "relu"), "invalid choice: 'drive'"),
        (("derive",), "required: FORMULA"),
        (("derive", ""), ""),
        (("derive", "relo"), "relu"),
        (("derive", "max(x, 0"), ""),
        (("derive", "x +"), ""),
        (("derive", "__import__('os').system('touch owned')"), ""),
        (("derive", "9**9**9**9"), ""),
        (("derive", "(" * 5000 + "x" + ")" * 5000), ""),
        (("derive", "y + 1"), "y"),
        (("derive", "x\x00"), ""),
        (("derive", "[bold]x[/bold]"), ""),
        (("derive", "exp(x**3)"), ""),
        (("derive", "a*x"), "a"),
        (("derive", "x", "--param", "b=1"), "b"),
        (("derive", "a*x", "--param", "a"), "name=value"),
        (("derive", "a*x", "--param", "a=one"), "'one' is not a number"),
        (("derive", "a*x", "--param", "a=nan"), "'nan' is not a number"),
        (("derive", "a*x", "--param", "a=1/0"), "divides by zero"),
        (("derive", "a*x", "--param", "a=1e999999999"), "is not a number"),
        (("derive", "a*x", "--param", "a=1", "-p", "a=2"), "given twice"),
        (("derive", "x", "--format", "text", "--code", "c"), "not allowed with"),
        (("derive", "tanh", "--code", "numpy"), "use dual.evaluate"),
        (("derive", "tanh", "--method", "closed"), 'leave method at "auto"'),
        (("derive", "tanh", "--method", "serie"), "choose from"),
        (("derive", "floor(x)", "--certify"), "use certify=False"),
        (("derive", "x", "--forma", "text"), "unrecognized"),
        (("verify", "relu", "--dps", "0"), "whole number from 1 on"),
        (("verify", "tanh", "--method", "closed"), 'leave method at "auto"'),
        (("gram", "relu"), "required: --data"),
        (("gram", "relu", "--data", "no.npy"), "no.npy: No such file or directory; check the name"),
        (("gram", "relu", "--data", "."), ". is a folder; give the name of"),
        (("derive", "x(1+x)"), "x is no function: a product needs *"),
        (("derive", "a*x", "--param", "a=x"), "'x' is not a number such as"),
        (("derive", "a*x", "--param", "a=1/0"), "'1/0' divides by zero"),
        (("gram", "relu", "--data", "digit"), "did you mean 'digits'"),
        (("gram", "relu", "--data", "X.npy", "--depth", "-1"), "whole number from 0 on"),
        (("gram", "relu", "--data", "X.npy", "--depth", "1e3"), "whole number from 0 on"),
        (("gram", "relu", "--data", "X.npy", "--W-std", "-1"), "larger than 0"),
        (("gram", "relu", "--data", "X.npy", "--W-std", "inf"), "is not a number"),
        (("gram", "relu", "--data", "X.npy", "--W-std", "1e999"), "is not a number"),
        (("gram", "relu", "--data", "X.npy", "--b-std", "-0.1"), "must not be negative"),
        (("gram", "relu", "--data", "X.npy", "--limit", "-3"), "whole number from 1 on"),
        (("gram", "tanh", "--data", "X.npy", "--tol", "0"), "larger than 0"),
        (("gram", "tanh", "--data", "X.npy", "--tol", "nan"), "is not a number"),
        (("gram", "tanh", "--data", "X.npy", "--tol", "2"), "between 0 and 1"),
        (("gram", "tanh", "--data", "X.npy", "--method", "closed"), 'leave method at "auto"'),
        (("gram", "sign(x) + tanh(x)", "--data", "X.npy"), "ask for get="),
        (("gram", "relu", "--data", "X.npy", "--out", "K.txt"), "must end in .npy"),
        (("gram", "relu", "--data", "X.npy", "--out", "K.npy", "--get", "both"), "need a .npz file"),
        (("gram", "relu", "--data", "X.npy", "--out", "X.npy"), "is the data itself"),
        (("gram", "exp(x**2)", "--data", "X.npy", "--W-std", "3"), ""),
        (("gram", "sign(x)", "--data", "X.npy", "--get", "ntk"), ""),
        (("catalogue", "nothing like it"), "nothing in the catalogue"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_status_two(
    words: tuple[str, ...], complaint: str, rows: np.ndarray, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    printed, complained = capfd.readouterr()
    assert printed == ""
    assert complained.startswith("ntksym: ")
    assert complained.count("\n") == 1
    assert complaint in complained
    assert len(complained) < 700
    assert not Path("owned").exists()


def test_more_rows_than_memory_is_refused_before_the_work(
    rows: np.ndarray, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "sysconf", lambda name: 10)
    assert main(["gram", "relu", "--data", "X.npy"]) == 2
    assert "use --limit N" in capsys.readouterr().err


def test_a_bug_is_called_a_bug(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def break_down(*_arguments: object, **_options: object) -> None:
        raise nk.LoweringBug("register 3 is written twice")

    monkeypatch.setattr("ntksym.cli.commands.derive", break_down)
    assert main(["derive", "x"]) == 70
    assert "a bug in ntksym (LoweringBug: register 3 is written twice)" in capsys.readouterr().err
    assert main(["derive", "x", "--traceback"]) == 70
    assert "break_down" in capsys.readouterr().err


def test_ctrl_c_ends_quietly(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ntksym.cli.commands.derive", interrupt)
    assert main(["derive", "x"]) == 130
    assert capsys.readouterr().err == "ntksym: interrupted\n"


def test_ctrl_c_from_outside_ends_a_long_verification() -> None:
    # A job in the background of a shell starts with SIGINT ignored, and so would its children.
    heard = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = "from ntksym.cli import main; print('ready', flush=True); sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", f"{heard}; {program}", "verify", "gelu", "--dps", "5000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        try:
            _, complained = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert complained == "ntksym: interrupted\n"


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m ntksym catalogue --json | head -n 1; exit ${{PIPESTATUS[0]}}"
    finished = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert finished.stderr == ""
    assert finished.stdout == "{\n"
    assert finished.returncode in (0, 141)  # 0 where the pipe took everything before head went away


@pytest.mark.parametrize(
    "environment", [{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}, {"NO_COLOR": "1"}]
)
def test_output_without_a_terminal_is_plain(environment: dict[str, str]) -> None:
    finished = run("catalogue", env=os.environ | environment)
    assert finished.returncode == 0, finished.stderr
    assert "\x1b" not in finished.stdout
    assert "gelu" in finished.stdout


def test_progress_shows_on_a_terminal_only_when_the_wait_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    from rich.console import Console

    from ntksym.cli import screen

    for patience, shown in ((60.0, False), (0.0, True)):
        screen_text = io.StringIO()
        monkeypatch.setattr(screen, "PATIENCE_SECONDS", patience)
        monkeypatch.setattr(screen, "Console", lambda stderr, text=screen_text: Console(file=text, force_terminal=True))
        with screen.waiting() as wait:
            wait.say("integrating")
            time.sleep(0.5)
        assert ("integrating" in screen_text.getvalue()) is shown
