"""Scalars are canonical: equal values are equal objects, roots multiply as roots do."""

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from ntksym.symbolic.factors import NewGenerator, Root
from ntksym.symbolic.field import Field, Scalar
from ntksym.symbols import c, q1, q2

a = sp.Symbol("a", positive=True)
FIELD = Field([sp.I, sp.pi, a, sp.sqrt(2)], (q1, q2, c))
ATOMS = [FIELD.generator(g) for g in (q1, q2, c, sp.pi, a, sp.sqrt(2), sp.I)]
DET = ATOMS[0] * ATOMS[1] - ATOMS[2] * ATOMS[2]


def scalars() -> st.SearchStrategy[Scalar]:
    atoms = st.sampled_from([*ATOMS, DET, FIELD.one, FIELD.rational(-3, 4)])
    combine = st.sampled_from(["add", "multiply", "divide"])

    def join(pair: tuple[str, Scalar, Scalar]) -> Scalar:
        kind, left, right = pair
        if kind == "add":
            return left + right
        return left * right if kind == "multiply" or not right or _has_i(right) else left / right

    return st.recursive(atoms, lambda children: st.tuples(combine, children, children).map(join), max_leaves=6)


def _has_i(scalar: Scalar) -> bool:
    return bool(scalar.parts(sp.I)[1])


@settings(max_examples=60, deadline=None)
@given(scalars(), scalars())
def test_arithmetic_agrees_with_sympy(left: Scalar, right: Scalar) -> None:
    point = {q1: sp.Rational(3, 7), q2: sp.Rational(5, 3), c: sp.Rational(2, 9), a: sp.Rational(7, 5)}
    for mine, theirs in (
        (left + right, left.expression() + right.expression()),
        (left * right, left.expression() * right.expression()),
    ):
        assert abs(sp.N((mine.expression() - theirs).subs(point), 40)) < sp.Rational(1, 10**25)


@settings(max_examples=60, deadline=None)
@given(scalars(), scalars())
def test_a_sum_in_either_order_is_one_object(left: Scalar, right: Scalar) -> None:
    assert left + right == right + left
    assert hash(left + right) == hash(right + left)
    assert not (left - left)


def test_a_fraction_is_cancelled() -> None:
    assert (DET * DET / DET) == DET
    assert (DET / (DET * ATOMS[0])).factors == (FIELD.one / ATOMS[0]).factors


def test_i_and_roots_of_integers_are_reduced() -> None:
    i, root = FIELD.generator(sp.I), FIELD.generator(sp.sqrt(2))
    assert i * i == FIELD.integer(-1)
    assert FIELD.one / root == root * FIELD.rational(1, 2)
    assert FIELD.one / i == -i


def test_square_root_takes_out_even_powers() -> None:
    outside, root = FIELD.square_root(DET * ATOMS[0] * ATOMS[0] * FIELD.integer(8))
    assert outside == ATOMS[0] * FIELD.integer(2)
    assert root.integer == 2
    squared = outside * outside * FIELD.multiply_roots((root, root))[0]
    assert squared == DET * ATOMS[0] * ATOMS[0] * FIELD.integer(8)


def test_the_empty_root_is_one() -> None:
    assert FIELD.square_root(FIELD.integer(9)) == (FIELD.integer(3), Root())


def test_an_unknown_constant_asks_for_a_generator() -> None:
    with pytest.raises(NewGenerator) as caught:
        FIELD.scalar(sp.log(2))
    assert caught.value.constant == sp.log(2)


def test_a_scalar_moves_into_a_larger_field() -> None:
    small = Field([sp.I, sp.pi, a])
    large = small.extended((q1, q2, c))
    scalar = (small.generator(a) + small.one) / small.generator(sp.pi)
    assert scalar.into(large).expression() == scalar.expression()


def test_a_negative_parameter_keeps_its_sign_when_factored() -> None:
    negative = sp.Symbol("low", negative=True)
    field = Field([sp.I, sp.pi, negative], (q1,))
    low, q = field.generator(negative), field.generator(q1)
    constant, factors = field.factor((low * q).numerator)
    product = field.integer(constant)
    for index, exponent in factors:
        product = product * field.power(index, exponent)
    assert product == low * q
    outside, _ = field.square_root(low * low * q)
    assert field.sign(outside) > 0


def test_a_quotient_hashes_like_what_it_equals() -> None:
    """sympy's division caches the hash of a quotient before the quotient is complete."""
    field = Field([sp.I, sp.pi], (q1, q2, c))
    first, second, cov = (field.generator(g) for g in (q1, q2, c))
    determinant = first * second - cov * cov
    target = field.integer(4) * determinant + first + second + cov
    quotient = (target * determinant * determinant) / (determinant * determinant)
    assert quotient == target
    assert hash(quotient) == hash(target)
    assert len({quotient, target}) == 1
