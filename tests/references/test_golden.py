"""Numbers known from elsewhere: expectations by mpmath quadrature, ReLU recursions by mpmath at 30 digits (theory)."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest

import ntksym as nk

# E[s(U) s(V)] and E[s'(U) s'(V)] at q1 = 0.7, q2 = 2.3, correlation 0.6; every digit shown is right.
DUALS = {
    "x*(1 + erf(x/sqrt(2)))/2": ("0.3397537680500584001699", "0.36097002624488497512"),
    "erf(x)": ("0.272668611361741596886", "0.3817917002465118902333"),
    "max(x, 0)": ("0.4298557425474185642523", "0.3524163823495667258246"),
    "Piecewise((x, x > 0), (exp(x) - 1, True))": ("0.4762929217899485513403", "0.6024785760065375707097"),
    "l*(max(x, 0) + a*(exp(min(x, 0)) - 1))": ("0.7001135801185542362999", "0.9421489990826042828463"),
}
SELU = {"l": Fraction("1.0507009873554805"), "a": Fraction("1.6732632423543772")}

# ReLU with W_std**2 = 2, |x|**2/d = |y|**2/d = 1, <x, y>/d = 0.3: (depth, b_std) -> NNGP, NTK.
RELU = {
    (1, None): ("0.96548856767097524327", "1.3236805780833822176"),
    (1, 0.1): ("0.98449898609668011237", "1.3493701335900899544"),
    (3, None): ("1.3516417090433297129", "2.8080674531339002177"),
    (3, 0.1): ("1.3891132321099150901", "2.8831211468979059002"),
    (10, None): ("1.7688590543752738539", "7.5455555023998000612"),
    (10, 0.1): ("1.8748128325771450284", "7.9738876765595012111"),
}

EPS = float(np.finfo(np.float64).eps)


def dual_of(formula: str) -> nk.ClosedDual:
    return nk.derive(nk.Activation(formula, **SELU if "l*" in formula else {}))


@pytest.mark.parametrize("formula", DUALS)
def test_a_dual_has_every_digit_of_its_golden_value(formula: str) -> None:
    dual = dual_of(formula)
    with mpmath.workdps(40):
        q1, q2 = mpmath.mpf("0.7"), mpmath.mpf("2.3")
        result = dual.evaluate(q1, q2, mpmath.mpf("0.6") * mpmath.sqrt(q1 * q2), dps=40)
        for number, golden in zip(result, DUALS[formula], strict=True):
            digits = len(golden.lstrip("0."))
            assert abs(number / mpmath.mpf(golden) - 1) < mpmath.mpf(10) ** (1 - digits)


@pytest.mark.parametrize("formula", DUALS)
def test_a_dual_in_float64_has_fifteen_digits(formula: str) -> None:
    q1, q2 = 0.7, 2.3
    result = dual_of(formula).evaluate(q1, q2, 0.6 * np.sqrt(q1 * q2))
    for number, golden in zip(result, DUALS[formula], strict=True):
        # the exponential linear units are sums of some eight terms, a few times larger than the sum, each rounded
        assert abs(float(number) / float(golden) - 1) <= 16 * EPS


@pytest.mark.parametrize(("depth", "b_std"), RELU)
def test_a_deep_relu_kernel_has_fifteen_digits(depth: int, b_std: float | None) -> None:
    X = np.array([[1.0, 1.0], [0.3 + np.sqrt(0.91), 0.3 - np.sqrt(0.91)]])  # |x|**2/2 = 1, <x, y>/2 = 0.3
    kernel = nk.build(nk.fully_connected("relu", depth=depth, W_std=np.sqrt(2.0), b_std=b_std))
    result = kernel(X, get=("nngp", "ntk"))
    # W_std**2 is 2 (1 + eps), not 2, in each of depth + 1 layers; a few eps more for the arithmetic of a layer.
    tolerance = (depth + 1) * 3 * EPS
    for matrix, golden in zip(result, RELU[depth, b_std], strict=True):
        assert abs(matrix[0, 1] / float(golden) - 1) <= tolerance
