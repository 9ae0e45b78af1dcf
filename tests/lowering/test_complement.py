import numpy as np
import pytest
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.kernel import build
from ntksym.lowering.complement import complement, gap, high, low
from ntksym.network.layers import fully_connected
from ntksym.special.symbolic import ExpCosh, ExpSinh
from ntksym.symbols import c, det, q1, q2
from tests.oracle import recursion

EPSILON = float(np.finfo(np.float64).eps)

a = sp.Symbol("a", positive=True)
scale = sp.sqrt(q1) * sp.sqrt(q2)
MEANING = {low: scale - c, high: scale + c, gap: sp.sqrt(q1) - sp.sqrt(q2)}

CANCELLING = {
    q1 + q2 - 2 * c: gap**2 + 2 * low,
    c - q1 / 2 - q2 / 2: -(gap**2) / 2 - low,
    q1 + q2 + 2 * c: gap**2 + 2 * high,
    q1 - c: sp.sqrt(q1) * gap + low,
    c - q2: sp.sqrt(q2) * gap - low,
    q1 + c: sp.sqrt(q1) * gap + high,
    -q2 - c: sp.sqrt(q2) * gap - high,
    a * q2 - a * c: a * (low - sp.sqrt(q2) * gap),
}


@pytest.mark.parametrize("formula", CANCELLING, ids=str)
def test_cancelling_sums_are_rewritten_and_mean_the_same(formula: sp.Expr) -> None:
    found = complement(formula)
    assert sp.expand(found - CANCELLING[formula]) == 0
    assert sp.expand(found.subs(MEANING) - formula) == 0


@pytest.mark.parametrize(
    "formula", [c, q1 + q2, 1 + q1 + q2 - 2 * c, q1 - 2 * c, q1 * q2 - c**2, det + c, q1 + 2 * q2 - c, a - c], ids=str
)
def test_other_sums_stay(formula: sp.Expr) -> None:
    assert complement(formula) == formula


@pytest.mark.parametrize("wave", [ExpSinh, ExpCosh])
@pytest.mark.parametrize("sign", [1, -1])
def test_waves_over_the_determinant_keep_their_exponent_apart(wave: type[sp.Expr], sign: int) -> None:
    formula = wave(-(a**2) * (q1 + q2) / (2 * det), sign * a**2 * c / det)
    found = complement(formula)
    assert found.has(gap, low, high)
    for covariance in (sp.Rational(2, 3), -sp.Rational(2, 3)):
        values = {q1: sp.Rational(3, 2), q2: sp.Rational(2, 3), c: covariance, det: sp.Rational(5, 9), a: sp.S.Half}
        assert abs(sp.N(found.subs(MEANING).subs(values) / formula.subs(values), 30) - 1) < sp.Float("1e-28")


def test_other_waves_stay() -> None:
    total = q1 + q2
    for formula in (ExpSinh(-total / 2, c), ExpCosh(-total / det, c / det), ExpCosh(total / det, 2 * c / det)):
        assert complement(formula) == formula


def test_sums_inside_functions_are_found() -> None:
    assert complement(sp.exp((2 * c - q1 - q2) / (2 * det)) + 1) == sp.exp(-(gap**2 + 2 * low) / (2 * det)) + 1


SLOW = ["max(1 - abs(x), 0)", "softshrink", "1 - x**2 + max(x**2 - 1, 0)"]
KINKED = ["max(x - 1/2, 0)", "clip(x, -1, 1)", *(pytest.param(formula, marks=pytest.mark.slow) for formula in SLOW)]


@pytest.mark.parametrize("formula", KINKED)
@pytest.mark.parametrize("angle", [1e-2, 1e-4, 1e-6, 1e-8])
def test_near_duplicates_keep_their_digits_where_kinks_lie_off_the_origin(formula: str, angle: float) -> None:
    """The NNGP is Lipschitz in c, so that an error of eps in c is all that may be lost."""
    x = np.random.default_rng(0).normal(size=(2, 6))
    x[1] -= x[0] * (x[1] @ x[0]) / (x[0] @ x[0])
    x[1] *= np.linalg.norm(x[0]) / np.linalg.norm(x[1])
    x[1] = (x[0] * np.cos(angle) + x[1] * np.sin(angle)) * (1 + 0.3 * angle)
    network = fully_connected(Activation(formula), 2, 1.3, 0.1)
    found = build(network)(x, get="nngp")
    exact, _ = recursion(network, x[0], x[1])
    assert abs(found[0, 1] - exact) <= 32 * EPSILON * found[0, 0]
