"""Supports of power series against brute force: sets of degrees as bits, with sums added up element by element."""

import math

from hypothesis import given
from hypothesis import strategies as st

from ntksym.activation.activation import Activation
from ntksym.network.layers import Dense, Network, fully_connected, serial
from ntksym.theory.powers.supports import ABSENT, KernelSupports, Support, layer_supports, number_text

LARGEST = 300
"""Degree up to which the brute force looks."""

FINITE = st.sets(st.integers(0, 5), max_size=4)
INFINITE = st.sets(st.sampled_from(("even", "odd")), max_size=2)


def expanded(finite: set[int], infinite: set[str]) -> set[int]:
    """A set of degrees up to `LARGEST`, with all even or odd ones from 6 on where there are infinitely many."""
    more = {k for parity in infinite for k in range(6 + (parity == "odd"), LARGEST, 2)}
    return finite | more


def observed(degrees: set[int]) -> Support:
    """Infinitely many are seen as some in the upper half."""
    found = []
    for parity in (0, 1):
        largest = max((k for k in degrees if k % 2 == parity), default=ABSENT)
        found.append(math.inf if largest > LARGEST / 2 else largest)
    return Support(*found)


def bits(degrees: set[int]) -> int:
    return sum(1 << k for k in degrees)


def plus(first: int, second: int) -> int:
    total, k = 0, 0
    while second >> k:
        total |= first << k if second >> k & 1 else 0
        k += 1
    return total & ((1 << LARGEST) - 1)


def composed(outer: set[int], inner: set[int]) -> set[int]:
    power, total = 1, 0
    for k in range(LARGEST):
        total |= power if k in outer else 0
        power = plus(bits(inner), power)
        if not power:
            break
    return {k for k in range(LARGEST) if total >> k & 1}


def end(network: Network, degrees: dict[Activation, Support], **options: bool) -> KernelSupports:
    """The supports at the output, where the degrees are known."""
    *_, (_, possible) = layer_supports(network, {act: (pair,) for act, pair in degrees.items()}, **options)
    (last,) = possible
    return last


@given(FINITE, INFINITE, FINITE, INFINITE)
def test_composition(outer: set[int], outer_more: set[str], inner: set[int], inner_more: set[str]) -> None:
    first, second = expanded(outer, outer_more), expanded(inner, inner_more)
    if second:
        assert observed(first).of(observed(second)) == observed(composed(first, second))


@given(FINITE, INFINITE, FINITE, INFINITE)
def test_sums_and_unions(one: set[int], one_more: set[str], two: set[int], two_more: set[str]) -> None:
    first, second = expanded(one, one_more), expanded(two, two_more)
    sums = plus(bits(first), bits(second))
    assert observed(first) + observed(second) == observed({k for k in range(LARGEST) if sums >> k & 1})
    assert observed(first) | observed(second) == observed(first | second)


@given(FINITE, INFINITE)
def test_lowering(finite: set[int], infinite: set[str]) -> None:
    degrees = expanded(finite, infinite)
    assert observed(degrees).lowered == observed({k - 1 for k in degrees if k})


def test_a_sum_of_no_elements_is_zero() -> None:
    assert Support(even=0).of(Support()) == Support(even=0)
    assert Support(even=2).of(Support()) == Support()


@given(st.lists(st.booleans(), min_size=2, max_size=5), FINITE, INFINITE)
def test_ntk_and_nngp_have_the_same_support_if_biases_are_random(
    biases: list[bool], finite: set[int], infinite: set[str]
) -> None:
    layers: list[object] = []
    for biased in biases:
        layers += [Dense(1.0, 0.1 if biased else None), "x"]
    network = serial(*layers[:-1])  # type: ignore[arg-type]
    degrees = {Activation("x"): observed(expanded(finite, infinite))}
    last = end(network, degrees)
    assert last.nngp == last.ntk


def test_a_network_that_is_zero_goes_on_from_the_value_at_zero() -> None:
    for formula, expected in (("cos(x)", Support(even=0)), ("sin(x)", Support())):
        network = serial(Dense(), "x", Dense(), formula, Dense())
        degrees = {Activation("x"): Support(), Activation(formula): Support(even=math.inf)}
        assert end(network, degrees).nngp == expected


def test_biases_that_are_zero_at_first_add_to_the_ntk_alone() -> None:
    network = serial(Dense(), "x", Dense())
    relu = {Activation("x"): Support(even=math.inf, odd=1)}
    last = end(network, relu, trained_zero_bias=True)
    assert last.nngp == Support(even=math.inf, odd=1)
    assert last.ntk == Support(even=math.inf, odd=math.inf)


def test_several_possibilities_are_followed_together() -> None:
    unknown = Activation("floor(x)")
    choices = {unknown: (Support(even=2), Support(even=math.inf, odd=math.inf))}
    *_, (_, possible) = layer_supports(fully_connected(unknown, 3), choices)
    assert {one.nngp for one in possible} == {Support(even=8), Support(even=math.inf, odd=math.inf)} | {
        Support(even=math.inf)
    }


def test_a_bias_counts_however_small() -> None:
    network = serial(Dense(1.0, 1e-200), "x", Dense())
    assert end(network, {Activation("x"): Support(odd=1)}).nngp == Support(even=0, odd=1)


def test_huge_numbers_are_told_by_their_size() -> None:
    assert number_text(12) == "12"
    assert number_text(2**20000) == "10^6020 and more"
