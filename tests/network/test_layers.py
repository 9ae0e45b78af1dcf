import pickle
from dataclasses import FrozenInstanceError

import pytest
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.errors import InvalidInput
from ntksym.network.layers import Dense, Network, Nonlinearity, fully_connected, residual, serial
from ntksym.symbols import x


def test_serial_takes_names_formulas_expressions_and_activations() -> None:
    relu = Activation("relu")
    net = serial(Dense(), "relu", Dense(), "max(x, 0)", Dense(), sp.Max(x, 0), Dense(), relu, Dense())
    assert net.depth == 4
    assert net.activations[0] == net.activations[3] == relu
    assert all(act.expression == sp.Max(0, x) for act in net.activations)


def test_fully_connected_is_the_serial_network() -> None:
    short = fully_connected("relu", depth=2, W_std=1.5, b_std=0.1)
    dense = Dense(1.5, 0.1)
    assert short == serial(dense, "relu", dense, "relu", dense)
    assert hash(short) == hash(serial(dense, "relu", dense, "relu", dense))


def test_depth_zero_is_linear() -> None:
    assert fully_connected("relu", depth=0) == serial(Dense())
    assert serial(Dense(), Dense(2.0)).depth == 0


def test_networks_are_spliced_into_networks() -> None:
    head = fully_connected("relu", depth=1)
    assert serial(head, "erf", Dense()).activations == (Activation("relu"), Activation("erf"))


def test_equal_numbers_make_equal_layers() -> None:
    assert Dense(1) == Dense(1.0)
    assert Dense(1.0, None) != Dense(1.0, 0.0)
    assert Dense(1.0, None).bias_variance == Dense(1.0, 0.0).bias_variance == 0.0
    assert Dense(1.5, 0.5).weight_variance == 2.25


def test_networks_are_frozen_and_picklable() -> None:
    net = fully_connected(Activation("max(x, 0) + a*min(x, 0)", a=0.2), depth=3, b_std=0.1)
    assert pickle.loads(pickle.dumps(net)) == net
    with pytest.raises(FrozenInstanceError):
        net.layers = ()  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        net.layers[0].W_std = 2.0  # type: ignore[misc, union-attr]


def test_the_representation_writes_the_layers() -> None:
    net = serial(Dense(1.5, 0.1), "relu", Dense(1.5, 0.1), "relu", Dense(), "erf", Dense(2.0))
    assert repr(net) == (
        "<Network 2 x [1.5*W h/sqrt(n) + 0.1*b -> relu(z)] -> W h/sqrt(n) -> erf(z) -> 2.0*W h/sqrt(n) "
        "where relu(x) = Max(0, x), erf(x) = erf(x)>"
    )
    assert repr(serial(Dense())) == "<Network W h/sqrt(n)>"


REFUSED = {
    "needs at least one layer": (),
    r"begins with the nonlinearity relu.*put a Dense\(\) in front": ("relu", Dense()),
    r"ends with the nonlinearity relu.*end it with a Dense\(\)": (Dense(), "relu"),
    r"layers 1 and 2 of the network are two nonlinearities in a row, relu and erf.*between": (
        Dense(),
        "relu",
        "erf",
        Dense(),
    ),
}


@pytest.mark.parametrize("complaint", REFUSED)
def test_impossible_sequences_are_refused_with_the_way_out(complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        serial(*REFUSED[complaint])


@pytest.mark.parametrize("W_std", [0, -1.0, float("nan"), float("inf"), 1e200, 1e-200, "wide", None, True, 1j, [1.0]])
def test_senseless_weights_are_refused(W_std: object) -> None:
    with pytest.raises(InvalidInput, match="W_std"):
        Dense(W_std)  # type: ignore[arg-type]


@pytest.mark.parametrize("b_std", [-0.1, float("nan"), float("inf"), 1e200, "none", False])
def test_senseless_biases_are_refused(b_std: object) -> None:
    with pytest.raises(InvalidInput, match="b_std"):
        Dense(1.0, b_std)  # type: ignore[arg-type]


@pytest.mark.parametrize("depth", [-1, 1.5, "3", None, True])
def test_senseless_depths_are_refused(depth: object) -> None:
    with pytest.raises(InvalidInput, match="depth must be a whole number"):
        fully_connected("relu", depth=depth)  # type: ignore[arg-type]


def test_a_network_is_made_of_layers_only() -> None:
    with pytest.raises(InvalidInput, match=r"serial\(\.\.\.\)"):
        Network((Dense(), "relu", Dense()))  # type: ignore[arg-type]
    assert Network((Dense(), Nonlinearity(Activation("relu")), Dense())).depth == 1


def test_a_residual_network_is_a_value() -> None:
    def made() -> Network:
        return serial(Dense(1.2), residual(residual("relu", Dense(0.5)), "erf(x)", Dense(0.25, 0.1)), "relu", Dense())

    network = made()
    assert network == made()
    assert hash(network) == hash(made())
    assert pickle.loads(pickle.dumps(network)) == network
    assert network.depth == 3
    assert repr(network).startswith(
        "<Network 1.2*W h/sqrt(n) -> h + [h + [relu(z) -> 0.5*W h/sqrt(n)] -> erf(x)(z) -> "
    )
