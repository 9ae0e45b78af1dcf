"""The catalogue is data, and the data are right: names, formulas against NumPy, tags against what the engine finds."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special

from ntksym.activation.activation import Activation
from ntksym.activation.catalogue import catalogue
from ntksym.formula import rational
from ntksym.formula.vocabulary import fold

Array = NDArray[np.float64]

PYTORCH_NAMES = [
    "relu", "relu6", "leaky_relu", "prelu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "softsign",
    "tanh", "tanhshrink", "hardtanh", "hardswish", "hardsigmoid", "hardshrink", "softshrink", "threshold",
    "logsigmoid", "sigmoid",
]  # fmt: skip
JAX_NAMES = [
    "relu", "relu6", "sigmoid", "softplus", "sparse_plus", "sparse_sigmoid", "soft_sign", "silu", "swish",
    "log_sigmoid", "leaky_relu", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "elu", "celu", "selu", "gelu",
    "squareplus", "mish", "identity", "tanh",
]  # fmt: skip

# Written from the libraries' documentation, independently of the catalogue's formulas.
REFERENCES: dict[str, Callable[[Array], Array]] = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.minimum(np.maximum(x, 0), 6),
    "leaky_relu": lambda x: np.where(x >= 0, x, 0.01 * x),
    "prelu": lambda x: np.where(x >= 0, x, 0.25 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "celu": lambda x: np.maximum(0, x) + np.minimum(0, np.expm1(x)),
    "gelu": lambda x: x * special.ndtr(x),
    "gelu_tanh": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x * special.expit(x),
    "quick_gelu": lambda x: x * special.expit(1.702 * x),
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "softplus": lambda x: np.logaddexp(0, x),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "tanh": np.tanh,
    "tanhshrink": lambda x: x - np.tanh(x),
    "hardtanh": lambda x: np.clip(x, -1, 1),
    "hardswish": lambda x: np.where(x <= -3, 0, np.where(x >= 3, x, x * (x + 3) / 6)),
    "hardsigmoid": lambda x: np.where(x <= -3, 0, np.where(x >= 3, 1, x / 6 + 0.5)),
    "hardshrink": lambda x: np.where((x > 0.5) | (x < -0.5), x, 0),
    "softshrink": lambda x: np.where(x > 0.5, x - 0.5, np.where(x < -0.5, x + 0.5, 0)),
    "threshold": lambda x: np.where(x > 0.1, x, 20),
    "logsigmoid": special.log_expit,
    "sigmoid": special.expit,
    "sparse_plus": lambda x: np.where(x <= -1, 0, np.where(x >= 1, x, (x + 1) ** 2 / 4)),
    "sparse_sigmoid": lambda x: np.where(x <= -1, 0, np.where(x >= 1, 1, (x + 1) / 2)),
    "squareplus": lambda x: (x + np.sqrt(x**2 + 4)) / 2,
    "abrelu": lambda x: np.where(x > 0, 2 * x, -0.5 * x),
    "rbf": lambda x: np.sin(np.sqrt(2) * x) + np.cos(np.sqrt(2) * x),
    "sigmoid_like": lambda x: special.erf(x / 2.4020563531719796) / 2 + 0.5,
    "rectified_monomial": lambda x: np.where(x > 0, x**2, 0),
    "hermite3": lambda x: special.eval_hermitenorm(3, x) / np.sqrt(6),
    "hermite4": lambda x: special.eval_hermitenorm(4, x) / np.sqrt(24),
    "snake": lambda x: x + np.sin(x) ** 2,
    "normal_cdf": special.ndtr,
    "logcosh": lambda x: np.log(np.cosh(x)),
    "smelu": lambda x: np.where(x >= 2, x, np.where(x <= -2, 0, (x + 2) ** 2 / 8)),
    "sinc": lambda x: np.sinc(x / np.pi),
}


def test_there_are_enough() -> None:
    assert len(catalogue) >= 50
    assert sum(bool({"closed", "integral"} & entry.tags) for entry in catalogue.values()) >= 36


@pytest.mark.parametrize("name", sorted({*PYTORCH_NAMES, *JAX_NAMES}))
def test_the_names_of_pytorch_and_jax_are_known(name: str) -> None:
    assert name in catalogue


def test_names_and_aliases_are_unique() -> None:
    spellings = [name for entry in catalogue.values() for name in {fold(name) for name in (entry.name, *entry.aliases)}]
    assert len(set(spellings)) == len(spellings)


def test_looking_up_ignores_case_hyphens_and_underscores() -> None:
    assert catalogue["Hard-Tanh"] is catalogue["hardtanh"] is catalogue["HARD_TANH"]
    assert "foo" not in catalogue
    assert 3 not in catalogue
    with pytest.raises(KeyError):
        catalogue["foo"]


def test_iterating_gives_canonical_names_only() -> None:
    assert [catalogue[name].name for name in catalogue] == list(catalogue)


def test_the_representation_lists_the_formulas() -> None:
    lines = repr(catalogue).splitlines()
    assert len(lines) == len(catalogue) + 1
    assert any("alpha=1" in line and "exp(x) - 1" in line for line in lines)


@pytest.mark.parametrize("entry", catalogue.values(), ids=lambda entry: entry.name)
def test_every_entry_is_complete(entry) -> None:  # type: ignore[no-untyped-def]
    assert entry.source
    assert len({"closed", "integral", "series"} & entry.tags) == 1
    assert entry.tags <= {"closed", "integral", "series", "kinked", "discontinuous"}
    assert set(entry.keywords.values()) <= set(entry.parameters)
    activation = Activation(entry.name)
    assert dict(activation.parameters) == {name: rational(value) for name, value in entry.parameters.items()}
    assert activation == Activation(entry.name, **{name: rational(value) for name, value in entry.parameters.items()})


@pytest.mark.parametrize("entry", catalogue.values(), ids=lambda entry: entry.name)
def test_tags_say_what_the_pieces_show(entry) -> None:  # type: ignore[no-untyped-def]
    activation = Activation(entry.name)
    assert ("kinked" in entry.tags) == bool(activation.kinks)
    assert ("discontinuous" in entry.tags) == bool(activation.jumps)


@pytest.mark.parametrize(("name", "reference"), REFERENCES.items(), ids=REFERENCES.keys())
def test_formulas_agree_with_the_libraries(name: str, reference: Callable[[Array], Array]) -> None:
    points = np.linspace(-8, 8, 321) + 0.0123
    expected = reference(points)
    # Twenty roundings of terms no larger than one, the argument or the value.
    slack = 20 * np.finfo(float).eps * np.maximum(np.maximum(np.abs(expected), np.abs(points)), 1.0)
    assert np.all(np.abs(Activation(name)(points) - expected) <= slack)


def test_every_entry_may_be_called_in_a_formula() -> None:
    for name in catalogue:
        composed, direct = Activation(f"{name}(2*x)")([0.3, -0.7]), Activation(name)([0.6, -1.4])
        np.testing.assert_allclose(composed, direct, rtol=100 * np.finfo(float).eps)
