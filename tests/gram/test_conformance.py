"""Every network on every route keeps what kernels promise; which routes a network has is part of the statement."""

import numpy as np
import pytest

from ntksym.errors import InvalidInput, ToleranceNotMet
from ntksym.gram.routes import NAMES
from ntksym.kernel import build
from ntksym.network.layers import Dense, Network, fully_connected, residual, serial
from tests.conformance import check_kernel, difficult_rows

TOL = 1e-9

NETWORKS: dict[str, Network] = {
    f"{name}, {depth} layers{', bias' if bias else ''}": fully_connected(name, depth, 1.3, bias)
    for name in ("relu", "gelu", "erf", "elu", "tanh", "sin", "abs")
    for depth, bias in ((1, 0.1), (3, None))
} | {
    "residual relu": serial(Dense(1.2, 0.1), residual("relu", Dense(0.8)), "relu", Dense(1.1)),
    "residual tanh and erf": serial(Dense(1.2), residual("tanh", Dense(0.8, 0.2)), "erf", Dense(1.1)),
}

QUICK = {
    "relu, 3 layers": ("closed", "angle", "table"),
    "gelu, 1 layers, bias": ("closed", "series", "angle", "table"),
    "elu, 1 layers, bias": ("closed", "series"),
    "tanh, 1 layers, bias": ("layers", "angle"),
    "residual relu": ("closed",),
}
"""What the default run takes: every route, and every kind of layer."""

CASES = [
    pytest.param(name, route, marks=() if route in QUICK.get(name, ()) else pytest.mark.slow)
    for name in NETWORKS
    for route in NAMES[1:]
]


@pytest.mark.parametrize(("name", "route"), CASES)
def test_a_network_on_a_route_keeps_what_kernels_promise(name: str, route: str) -> None:
    kernel = build(NETWORKS[name], tol=TOL)
    x = difficult_rows(route)
    summed = any(dual.kind == "series" for dual in kernel.duals)
    try:
        kernel.on(x, route=route).gram()
    except ToleranceNotMet:
        assert route in ("angle", "table", "series")  # what a function, a table or a series cannot keep is refused
        assert route not in QUICK.get(name, ())
        return
    check_kernel(kernel, x, route, digits=16 if summed else 20, pairs=3 if summed else 7)


def test_a_homogeneous_network_is_a_function_of_the_angle_at_any_norm() -> None:
    check_kernel(build(NETWORKS["relu, 3 layers"], tol=TOL), difficult_rows("table"), "angle")


def test_the_routes_agree_within_their_bounds() -> None:
    kernel, x = build(NETWORKS["gelu, 1 layers, bias"], tol=TOL), difficult_rows("angle")
    found = {route: kernel.on(x, route=route) for route in ("closed", "series", "angle", "table")}
    exact = found["closed"].gram()
    for on in found.values():
        assert np.abs(on.gram() - exact).max() <= (on.error_bound() + 256 * np.finfo(float).eps) * exact.max()


@pytest.mark.parametrize("route", ["angle", "table"])
def test_a_route_chosen_for_one_kernel_is_refused_for_the_other(route: str) -> None:
    kernel, x = build(NETWORKS["relu, 3 layers"], tol=TOL), difficult_rows("angle")
    chosen = kernel.on(x, get="ntk", route=route).route
    with pytest.raises(InvalidInput, match=r"for 'ntk' alone; choose it with get=\('nngp', 'ntk'\)"):
        kernel.on(x, get="nngp", route=chosen).gram()
