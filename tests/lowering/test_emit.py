import ast
import math
import os
import re
import subprocess
import sys
import types
from functools import cache
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.dual.derivation import derive
from ntksym.hermite.expansion import STEP
from ntksym.kernel import build
from ntksym.lowering import store
from ntksym.lowering.emit import emit
from ntksym.lowering.lowered_activation import lower
from ntksym.lowering.passes import Stages, hoist
from ntksym.lowering.printing import statements
from ntksym.lowering.templates.frame import TILE
from ntksym.lowering.translation import DIAGONAL_INPUTS, PAIR_INPUTS, translate
from ntksym.network.layers import Dense, Network, fully_connected, serial
from ntksym.special.vector import vectormath
from ntksym.symbolic.numeric_form import NumericForm
from ntksym.symbols import c, q, q1, q2
from tests.lowering.duals import activation, hand_derived
from tests.lowering.forms import FORMS
from tests.lowering.machines import Machine, load_uncached, machine
from tests.lowering.test_program import inputs_at

EPSILON = np.finfo(np.float64).eps
ROOT = Path(__file__).parent.parent.parent


def source_for(*names: str) -> str:
    duals = [hand_derived(activation(name)) if name in FORMS else derive(name, method="series") for name in names]
    return emit(lower(duals)).text


def plain_python(text: str, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """The module executed as plain Python: numba's decorators do nothing."""
    numba = types.ModuleType("numba")
    numba.njit = lambda **options: lambda function: function
    module = types.ModuleType("plain")
    module.__file__ = str(store.folder() / "plain.py")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "numba", numba)
        exec(compile(text, "plain", "exec"), module.__dict__)
    return module


def derived(act: Activation) -> Any:
    return hand_derived(act) if act.name in FORMS else derive(act)


def network_of(name: str) -> Network:
    return fully_connected(activation(name) if name in FORMS else name, 2, 1.2, 0.3)


@cache
def compiled_here(name: str) -> Machine:
    """One module for the tests of what compiled code computes and of what it looks like: each takes seconds to make."""
    return machine(network_of(name), derived, load=load_uncached)


@pytest.mark.parametrize("name", [*(name for name in FORMS if name != "sign"), "tanh"])
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")  # integers that wrap round, as intended
def test_the_text_is_plain_python_and_means_the_same_compiled(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(1).normal(size=(3, 5))
    x[2] = x[1] + 0.1  # a series takes several groups of terms
    compiled = compiled_here(name)
    interpreted = machine(network_of(name), derived, load=lambda text: plain_python(text, monkeypatch))
    for wanted in ("nngp", "ntk"):
        slow, fast = (engine.tiles(x, x, (wanted,))[0][wanted] for engine in (interpreted, compiled))
        # the same operations, with products and sums fused or not
        assert np.abs(slow - fast).max() <= 64 * EPSILON * np.abs(fast).max()


def vector_instructions(assembly: str) -> int:
    patterns = {"x86_64": r"v?(mul|div|sqrt|fmadd\d*)pd", "aarch64": r"f(mul|div|sqrt|mla)\s+v\d+\.2d"}
    machine = os.uname().machine
    if machine not in patterns:
        pytest.skip(f"no pattern for {machine}")
    return len(re.findall(patterns[machine], assembly))


@pytest.mark.parametrize("name", FORMS)
def test_the_innermost_loop_is_vectorised(name: str) -> None:
    engine = compiled_here(name)
    engine.tiles(np.eye(2), np.eye(2), ("nngp",))
    (text,) = engine.module.fill_nngp.inspect_asm().values()
    assert vector_instructions(text) > 5
    assert not re.search(r"call\w*\s+\S*\b(exp|log|sin|cos|atan2|asin|acos|erf|erfc)\b", text)


def test_the_loops_over_the_terms_of_a_series_are_vectorised_and_gather_nothing() -> None:
    engine = compiled_here("tanh")
    engine.tiles(np.eye(2), np.eye(2), ("ntk",))
    (text,) = engine.module.fill_ntk.inspect_asm().values()
    assert vector_instructions(text) > 2 * 3 * STEP  # the first group of terms, and the groups above it
    assert "gather" not in text


def test_the_text_does_not_depend_on_the_hash_seed() -> None:
    script = (
        "from tests.lowering.test_emit import source_for; from ntksym.lowering.store import name_of;"
        "print(name_of(source_for('relu', 'erf', 'sin', 'gelu', 'shifted_relu', 'sign')))"
    )
    names = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(names) == 1


def test_one_text_serves_every_depth_weight_bias_and_parameter_value() -> None:
    kernels = [
        build(fully_connected(activation("shifted_relu", a=0.3), 1), derive=hand_derived),
        build(fully_connected(activation("shifted_relu", a=1.7), 100, 1.5, 0.1), derive=hand_derived),
        build(
            serial(Dense(2.0), activation("shifted_relu", a=0.1), Dense(), activation("shifted_relu", a=5), Dense()),
            derive=hand_derived,
        ),
    ]
    assert len({kernel.source.text for kernel in kernels}) == 1


def test_a_generated_module_stands_alone() -> None:
    tree = ast.parse(source_for(*FORMS, "tanh"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert imported == {"math", "numba", "numpy"}
    assert not any(isinstance(node, ast.ImportFrom) for node in ast.walk(tree))


def test_the_head_says_what_is_inside() -> None:
    head = ast.get_docstring(ast.parse(source_for("relu", "sign")))
    assert "relu(x) = Max(0, x)" in head
    assert "value (sqrt(Delta) + c*(atan2(c, sqrt(Delta)) + pi/2))/(2*pi)" in head
    assert "operations a pair and layer: 1 add, 6 multiply, 1 opposite, 1 sine" in head
    assert "sign(x)" in head


def test_the_step_of_relu_reads_as_the_textbook_writes_it() -> None:
    text = source_for("relu")
    assert "value = c * opposite1 * 0.15915494309189535 + sine1 * (root_2 * product3_1)\n" in text
    assert "slope = opposite1 * 0.15915494309189535\n" in text


def test_only_functions_that_are_called_are_copied() -> None:
    defined = {node.name for node in ast.parse(source_for("relu")).body if isinstance(node, ast.FunctionDef)}
    assert defined & vectormath.SOURCES.keys() == {"acute_angle", "angle_to_opposite", "sine_of_angle"}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [("lambda", "activation"), ("linear", "linear_2"), ("x + 1", "activation"), ("élu", "activation")],
)
def test_names_that_python_would_not_take_are_replaced(wanted: str, expected: str) -> None:
    dual = hand_derived(activation("relu"))
    object.__setattr__(dual.activation, "name", wanted)
    assert [part.name for part in lower([dual])] == [expected]


def test_different_activations_of_one_name_get_different_functions() -> None:
    first, second = (hand_derived(activation(name)) for name in ("relu", "erf"))
    object.__setattr__(second.activation, "name", "relu")
    assert [part.name for part in lower([first, second])] == ["relu", "relu_2"]


def test_equal_formulas_share_one_part() -> None:
    duals = [hand_derived(activation("shifted_relu", a=value)) for value in (0.3, 0.4)]
    assert len(lower(duals)) == 1


def test_formulas_cannot_break_out_of_the_docstring() -> None:
    odd = sp.Symbol('a"""\\n', positive=True)
    dual = hand_derived(Activation("max(x, 0)", name="relu"))
    object.__setattr__(dual.activation, "expression", odd * sp.Symbol("x"))
    ast.parse(emit(lower([dual])).text)


def staged(value: sp.Expr) -> Stages:
    form = NumericForm(value, None, q, None)
    return hoist(translate(PAIR_INPUTS, [("value", form.value)]), translate(DIAGONAL_INPUTS, [("value", q)]))


@pytest.mark.parametrize(
    "formula",
    [
        c - (q1 - (q2 - 3 * c)) - 2,
        (c + 1) * (c - 2) / (c * (c + 3)) - 1 / (c + 5),
        -((c - 1) ** 3) * -2 / 7 - (-c),
        c / ((q1 + c) / (q2 - 9 * c)) * sp.Rational(-1, 3),
    ],
    ids=str,
)
def test_printed_statements_compute_the_formula(formula: sp.Expr) -> None:
    """Parentheses: every operator next to every other."""
    values = {name: float(value) for name, value in inputs_at(("0.7", "2.3", "0.6")).items()}
    program = translate(PAIR_INPUTS, [("value", formula)])
    space: dict[str, object] = dict(values)
    exec("\n".join(statements(program, {"value": "value"})), {"math": math}, space)
    exact = sp.N(formula.subs({q1: sp.Rational(7, 10), q2: sp.Rational(23, 10), c: sp.Rational(3, 5)}), 30)
    assert float(space["value"]) == pytest.approx(float(exact), rel=32 * EPSILON)


def test_stages_print_as_programs() -> None:
    text = str(staged(c * sp.exp(-q1) * sp.exp(-q2)))
    assert [line for line in text.splitlines() if line.startswith("once")] == [
        "once a layer",
        "once a row and layer",
        "once a pair and layer",
    ]
    assert "exponential1_1" in text


def test_the_tile_is_a_multiple_of_every_vector() -> None:
    assert TILE % 8 == 0


@pytest.mark.parametrize("name", [name for name in FORMS if name != "sign"])
def test_compiled_duals_agree_with_their_meaning(name: str) -> None:
    """One hidden layer with W_std = 1 is the dual itself; mpmath runs the stages at 30 digits on the same inputs."""
    x = np.array([[1.0, 0.5], [0.25, -2.0], [-1.5, 0.125]])
    compiled = compiled_here(name)
    engine = machine(fully_connected(activation(name), 1), hand_derived, load=lambda text: compiled.module)
    assert engine.source.text == compiled.source.text
    nngp, ntk = engine(x)
    (part,) = lower([hand_derived(activation(name))])
    with mpmath.workdps(30):
        for i in range(3):
            for j in range(i):
                inner = [mpmath.mpf(float(x[k] @ x[m])) / 2 for k, m in ((i, i), (j, j), (i, j))]
                exact = part.stages.evaluate(inputs_at(inner))
                # |value| <= scale; terms of about this size are added
                scale = float(np.sqrt(nngp[i, i] * nngp[j, j]))
                assert abs(nngp[i, j] - exact["value"]) <= 8 * EPSILON * scale
                tangent = inner[2] * exact["slope"]
                assert abs(ntk[i, j] - exact["value"] - tangent) <= 8 * EPSILON * (scale + abs(tangent))
