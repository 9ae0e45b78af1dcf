"""Networks for which neural-tangents and ntksym are asked for the same kernels: plain data, no imports of either.

Weights are chosen so that no kernel overflows at depth 4. Left out, because neural-tangents 0.6.5 is wrong or silent:
``RectifiedMonomial`` (NaN on the diagonal), the NTK of ``Sign`` (its delta term is dropped), ``Hermite`` away from
variance 1 (its formula assumes it; here the rows and weights keep the variance at 1).
"""

from dataclasses import dataclass, field

DEPTHS = (1, 2, 4)
BIASES = (None, 0.1)


@dataclass(frozen=True)
class Case:
    """One activation: how `neural_tangents.stax` calls it, and its formula."""

    name: str
    layer: str
    formula: str
    W_std: float = 1.5
    arguments: dict[str, object] = field(default_factory=dict)
    parameters: dict[str, float] = field(default_factory=dict)
    unit_variance: bool = False
    get: tuple[str, ...] = ("nngp", "ntk")


CASES = (
    Case("relu", "Relu", "max(x, 0)"),
    Case("leaky_relu", "LeakyRelu", "max(x, 0) + a*min(x, 0)", arguments={"alpha": 0.2}, parameters={"a": 0.2}),
    Case(
        "ab_relu",
        "ABRelu",
        "b*max(x, 0) + a*min(x, 0)",
        W_std=1.1,
        arguments={"a": -0.5, "b": 1.2},
        parameters={"a": -0.5, "b": 1.2},
    ),
    Case("abs", "Abs", "Abs(x)", W_std=1.0),
    Case("sign", "Sign", "sign(x)", get=("nngp",)),
    Case("erf", "Erf", "erf(x)"),
    Case(
        "erf_affine",
        "Erf",
        "a*erf(b*x) + s",
        arguments={"a": 1.5, "b": 0.7, "c": 0.3},
        parameters={"a": 1.5, "b": 0.7, "s": 0.3},
    ),
    Case("sigmoid_like", "Sigmoid_like", "erf(x/2.4020563531719796)/2 + 1/2"),
    Case("gelu", "Gelu", "x*(1 + erf(x/sqrt(2)))/2"),
    Case("sin", "Sin", "sin(x)"),
    Case(
        "sin_affine",
        "Sin",
        "a*sin(b*x + s)",
        arguments={"a": 1.2, "b": 1.5, "c": 0.4},
        parameters={"a": 1.2, "b": 1.5, "s": 0.4},
    ),
    Case("cos", "Cos", "cos(x)"),
    Case("rbf", "Rbf", "sqrt(2)*sin(sqrt(2)*x + pi/4)", arguments={"gamma": 1.0}),
    Case("exp", "Exp", "a*exp(b*x)", W_std=1.0, arguments={"a": 0.5, "b": 0.4}, parameters={"a": 0.5, "b": 0.4}),
    Case("gaussian", "Gaussian", "exp(-x**2)"),
    Case(
        "gaussian_wide",
        "Gaussian",
        "a*exp(-b*x**2)",
        arguments={"a": 1.3, "b": -0.25},
        parameters={"a": 1.3, "b": 0.25},
    ),
    Case("gabor", "Gabor", "exp(-x**2)*sin(x)"),
    Case("monomial_2", "Monomial", "x**2", W_std=1.0, arguments={"degree": 2}),
    Case("monomial_3", "Monomial", "x**3", W_std=1.0, arguments={"degree": 3}),
    Case("monomial_4", "Monomial", "x**4", W_std=1.0, arguments={"degree": 4}),
    Case(
        "polynomial",
        "Polynomial",
        "0.3 - 0.5*x + 0.2*x**2 + 0.1*x**3",
        W_std=1.0,
        arguments={"coef": [0.3, -0.5, 0.2, 0.1]},
    ),
    Case("hermite_2", "Hermite", "(x**2 - 1)/sqrt(2)", arguments={"degree": 2}, unit_variance=True),
    Case("hermite_3", "Hermite", "(x**3 - 3*x)/sqrt(6)", arguments={"degree": 3}, unit_variance=True),
    Case("hermite_5", "Hermite", "(x**5 - 10*x**3 + 15*x)/sqrt(120)", arguments={"degree": 5}, unit_variance=True),
)


def weights(case: Case, b_std: float | None) -> float:
    """W_std of the case; where the variance must stay at 1, W_std**2 + b_std**2 = 1."""
    if not case.unit_variance:
        return case.W_std
    return (1.0 - (b_std or 0.0) ** 2) ** 0.5


def key(case: Case, depth: int, b_std: float | None, get: str) -> str:
    """Name of the array that holds the upper triangle of one kernel."""
    return f"{case.name}.{depth}.{'none' if b_std is None else b_std}.{get}"
