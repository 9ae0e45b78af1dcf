"""The compiled function of a closed form for pairs given by their distance from |rho| = 1."""

from dataclasses import replace

import mpmath
import numpy as np
import pytest

from ntksym.activation.activation import Activation
from ntksym.dual.derivation import derive
from ntksym.gram.pairs.carry import rule
from ntksym.lowering import store
from ntksym.lowering.emit import emit
from ntksym.lowering.lowered_activation import lower
from ntksym.lowering.templates.frame import TILE
from ntksym.lowering.templates.near import QUANTITIES

EPSILON = float(np.finfo(np.float64).eps)


class Bent:
    """A closed form with the derivative of its slope."""

    def __init__(self, activation: Activation) -> None:
        self.activation = activation
        self.dual = derive(activation, method="closed")
        self.numeric = self.dual.bent


@pytest.mark.parametrize("name", ["relu", "sin"])
def test_it_gives_the_dual_and_its_differences(name: str) -> None:
    form = Bent(Activation(name))
    module = store.load(emit(lower([form])).text)
    random = np.random.default_rng(0)
    first = np.repeat(0.5 + random.random(TILE // 2), 2)
    second = np.repeat(0.5 + random.random(TILE // 2), 2)
    p = np.sqrt(first) * np.sqrt(second)
    low = p * 10.0 ** random.uniform(-18, -0.5, TILE)
    sign = np.tile([1.0, -1.0], TILE // 2)
    results = np.empty((QUANTITIES, TILE))
    gap = np.sqrt(first) - np.sqrt(second)
    module.near[0](first, second, low, sign, gap, *rule(16), np.empty(1), results)
    for k in range(0, TILE, 5):
        with mpmath.workdps(60):
            q1, q2 = mpmath.mpf(first[k]), mpmath.mpf(second[k])
            top = mpmath.sqrt(q1 * q2)
            c = top - mpmath.mpf(low[k])
            there = form.dual.evaluate(q1, q2, c * int(sign[k]), dps=45)
            up, near = (form.dual.evaluate(q1, q2, place, dps=45) for place in (top, c))
            ends = [form.dual.evaluate(q, q, q, dps=45) for q in (q1, q2)]
        for row, exact in ((0, there.value), (1, there.slope), (3, ends[0].value), (4, ends[1].value)):
            assert abs(results[row, k] - exact) <= 16 * EPSILON * max(1, abs(exact))
        assert abs(results[5, k] - ends[0].slope) <= 16 * EPSILON
        assert abs(results[6, k] - ends[1].slope) <= 16 * EPSILON
        assert abs(results[2, k] / (up.value - near.value) - 1) <= 64 * EPSILON
        assert abs(results[7, k] / (up.slope - near.slope) - 1) <= 64 * EPSILON


def test_a_module_lists_one_for_every_closed_form() -> None:
    relu = derive(Activation("relu"))
    text = emit(lower([relu, derive(Activation("tanh"))])).text
    assert "near = (relu_near, None,)\n" in text
    assert "turns[j] +=" not in text
    bent = Bent(Activation("relu"))
    assert "turns[j] +=" in emit(lower([bent])).text
    assert replace(bent.numeric, bend=None) == relu.numeric
