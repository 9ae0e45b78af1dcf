"""The even and the odd part of activations: polynomials, none, or not known."""

import math

import mpmath
import pytest

from ntksym.activation.activation import Activation
from ntksym.activation.catalogue import catalogue
from ntksym.theory.powers import half_line
from ntksym.theory.powers.parity_parts import parts_of
from ntksym.theory.powers.supports import ABSENT

INF = math.inf

KNOWN = {
    "max(x, 0)**2 + max(-x, 0)**2": (2, ABSENT),
    "log(exp(x))": (ABSENT, 1),
    "sqrt(x**2)": (INF, ABSENT),
    "x*tanh(x)": (INF, ABSENT),
    "x*Min(Max(x + 3, 0), 6)/6": (INF, 1),
    "max(x, 0)": (INF, 1),
    "max(x, 0)**2": (2, INF),
    "max(x, 0)**3": (INF, 3),
    "x*Abs(x) + 1": (0, INF),
    "abs(x)": (INF, ABSENT),
    "1/(1 + exp(-x))": (0, INF),
    "log(1 + exp(x))": (INF, 1),
    "x**80": (80, ABSENT),
    "x**80 + x**81": (80, 81),
    "abs(x)**81": (INF, ABSENT),
    "max(x, 0)**80": (80, INF),
    "x/(1 + exp(-x))": (INF, 1),
    "x*tanh(log(1 + exp(x)))": (INF, INF),
    "log(1 + exp(x)) - log(1 + exp(-x))": (ABSENT, 1),
    "log(1 + exp(x)) - x/2": (INF, ABSENT),
    "exp(1)*x**2 + sqrt(2)*x": (2, 1),
    "sin(x)**2 + cos(x)**2": (0, ABSENT),
    "tanh(x) + x**3 - tanh(x)": (ABSENT, 3),
    "cosh(x) - exp(x)/2": (INF, INF),
    "max(sin(x), 0)": (INF, INF),
    "x**5 + 1/(1 + exp(x))": (0, INF),
    "tanh(x) - tanh(x)": (ABSENT, ABSENT),
    "log(cosh(x)) + x/7": (INF, 1),
    "1/(1 + x**2)": (INF, ABSENT),
    "softplus(x) - softplus(-x) + x**2": (2, 1),
    "x**30*tanh(x)**2": (INF, ABSENT),
    "Piecewise((x**2, x > 1), (x**2 + tanh(x - 1), x > 0), (x**2, True))": (INF, INF),
}


@pytest.mark.parametrize("formula", KNOWN)
def test_known_parts(formula: str) -> None:
    parts = parts_of(Activation(formula))
    assert (parts.even.degree, parts.odd.degree) == KNOWN[formula]


@pytest.mark.parametrize("name", list(catalogue))
def test_every_activation_of_the_catalogue_is_decided(name: str) -> None:
    activation = Activation(name)
    parts = parts_of(activation)
    assert parts.even.degree is not None
    assert parts.odd.degree is not None
    assert parts.is_polynomial == activation.is_polynomial
    zero = {"even": parts.odd, "odd": parts.even}.get(activation.parity)
    assert (ABSENT in (parts.even.degree, parts.odd.degree)) == (zero is not None)
    assert zero is None or zero.degree == ABSENT


@pytest.mark.parametrize("formula", [formula for formula, pair in KNOWN.items() if max(pair) < INF])
def test_polynomial_parts_add_up_to_the_function(formula: str) -> None:
    """The degree is that of an interpolation at many digits: the next difference vanishes, the last does not."""
    activation = Activation(formula)
    degree = int(parts_of(activation).alternatives[0].degree)
    function = activation.to_mpmath()
    with mpmath.workdps(40 + 6 * max(degree, 0)):
        values = [function(mpmath.mpf(k) + mpmath.mpf("0.37")) for k in range(degree + 2)]
        last, following = (
            sum((-1) ** j * mpmath.binomial(n, j) * values[n - j] for j in range(n + 1)) for n in (degree, degree + 1)
        )
    assert degree < 0 or abs(last) > mpmath.mpf(10) ** -30
    assert abs(following) < mpmath.mpf(10) ** -30


def test_values_of_parameters_count() -> None:
    formula = "x + a*abs(x) + b*x**3"
    degrees = {}
    for a, b in ((0, 0), (1, 0), (0, 2), (1, 2)):
        parts = parts_of(Activation(formula, a=a, b=b))
        degrees[a, b] = parts.even.degree, parts.odd.degree
    assert degrees == {(0, 0): (ABSENT, 1), (1, 0): (INF, 1), (0, 2): (ABSENT, 3), (1, 2): (INF, 3)}


def test_what_is_not_known_says_what_is_missing() -> None:
    parts = parts_of(Activation("floor(x)"))
    assert parts.even.degree is None
    assert "pieces" in parts.even.reason
    assert parts.is_polynomial is None
    assert len(parts.alternatives) > 1


def test_without_ball_arithmetic_the_answers_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(half_line, "import_module", missing)
    for formula, degrees in (("x*tanh(x)", (INF, ABSENT)), ("softplus(x)", (INF, 1)), ("sigmoid(2*x)", (0, INF))):
        found = [half_line.examine(half) for half in half_line.halves_of(Activation(formula))]
        assert tuple(finding.degree for finding in found) == degrees
        assert any("30, 90 and 180 digits" in finding.source for finding in found)


def test_with_ball_arithmetic_the_source_says_so() -> None:
    pytest.importorskip("flint")
    (even, _) = half_line.halves_of(Activation("x*tanh(x)"))
    assert "ball arithmetic" in half_line.examine(even).source


def test_parts_are_those_of_the_activation_that_was_asked_for() -> None:
    """The same function under two names: each answer has the name of its question."""
    names = "max(x, 0)", "relu"
    assert Activation(names[0]) == Activation(names[1])
    assert [parts_of(Activation(name)).activation.name for name in names] == [Activation(name).name for name in names]
