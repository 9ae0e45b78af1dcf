"""The recursion against formulas written out by hand, before it serves as the oracle of compiled kernels."""

import mpmath
import numpy as np
import pytest

from ntksym.activation.activation import Activation
from ntksym.network.layers import Dense, fully_connected, serial
from ntksym.network.recursion import Recursion, State, begin, evaluate
from ntksym.network.walk import walk

RELU = Activation("relu")


def relu_dual(q1: mpmath.mpf, q2: mpmath.mpf, c: mpmath.mpf) -> tuple[mpmath.mpf, mpmath.mpf]:
    """Cho & Saul 2009, eq. (6) with n = 1 and n = 0, in the angle."""
    scale = mpmath.sqrt(q1 * q2)
    theta = mpmath.acos(min(c / scale, 1)) if scale else mpmath.pi / 2
    return (
        scale * (mpmath.sin(theta) + (mpmath.pi - theta) * mpmath.cos(theta)) / (2 * mpmath.pi),
        (mpmath.pi - theta) / (2 * mpmath.pi),
    )


# |x|^2/d = |y|^2/d = 1, <x, y>/d = 0.3, W_std^2 = 2: NNGP and NTK, mpmath.
GOLDEN = {
    (1, None): ("0.96548856767097524327", "1.3236805780833822176"),
    (1, "0.1"): ("0.98449898609668011237", "1.3493701335900899544"),
    (3, None): ("1.3516417090433297129", "2.8080674531339002177"),
    (3, "0.1"): ("1.3891132321099150901", "2.8831211468979059002"),
    (10, None): ("1.7688590543752738539", "7.5455555023998000612"),
    (10, "0.1"): ("1.8748128325771450284", "7.9738876765595012111"),
}


class ExactDense(Dense):
    """W_std^2 = 2 and b_std^2 = 0.01 exactly, which no float squares to."""

    @property
    def weight_variance(self) -> mpmath.mpf:
        return mpmath.mpf(2)

    @property
    def bias_variance(self) -> mpmath.mpf:
        return mpmath.mpf(0) if self.b_std is None else mpmath.mpf("0.01")


@pytest.mark.parametrize(("depth", "b_std"), GOLDEN)
def test_deep_relu_has_every_digit_of_its_golden_value(depth: int, b_std: str | None) -> None:
    dense = ExactDense(1.0, None if b_std is None else 0.1)
    net = serial(*[dense, "relu"] * depth, dense)
    with mpmath.workdps(40):
        state = evaluate(net, begin(mpmath.mpf(1), mpmath.mpf(1), mpmath.mpf("0.3")), {RELU: relu_dual})
        for number, golden in zip((state.c, state.ntk), GOLDEN[depth, b_std], strict=True):
            assert mpmath.almosteq(number, mpmath.mpf(golden), rel_eps=mpmath.mpf("1e-19"))


def test_a_linear_network_multiplies() -> None:
    state = evaluate(serial(Dense(2.0, 1.0), Dense(3.0, 0.5)), begin(1.0, 4.0, -1.0), {})
    assert state == State(9 * (4 + 1) + 0.25, 9 * (16 + 1) + 0.25, 9 * (-4 + 1) + 0.25, 2 * 9 * (-4 + 1) + 0.25)


def test_the_state_of_arrays_is_the_array_of_states() -> None:
    net = fully_connected("square", depth=2, W_std=1.1, b_std=0.2)

    def square(q1: np.ndarray, q2: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return q1 * q2 + 2 * c * c, 4 * c

    duals = {net.activations[0]: square}
    covariances = np.array([[0.1, -0.2], [0.3, 0.05]])
    whole = evaluate(net, begin(np.array([[0.5], [1.5]]), np.array([0.7, 0.9]), covariances), duals)
    single = evaluate(net, begin(1.5, 0.9, 0.05), duals)
    assert (whole.q1[1, 0], whole.q2[1], whole.c[1, 1], whole.ntk[1, 1]) == (single.q1, single.q2, single.c, single.ntk)


def test_layers_without_a_rule_are_refused() -> None:
    with pytest.raises(TypeError, match="no rule for 'pooling'"):
        walk(["pooling"], begin(1.0, 1.0, 0.5), Recursion({}))  # type: ignore[list-item]
