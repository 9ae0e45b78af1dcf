from fractions import Fraction

import pytest

from ntksym.numerics.divided_differences import divided_difference

PLACES = [Fraction(k * k + 1, 7) for k in range(6)]


@pytest.mark.parametrize("degree", range(6))
def test_the_difference_of_a_power_is_one_at_its_degree_and_zero_below(degree: int) -> None:
    assert divided_difference([place**degree for place in PLACES], PLACES) == (degree == len(PLACES) - 1)


def test_the_difference_of_a_reciprocal_is_the_product_of_reciprocals() -> None:
    product = Fraction(1)
    for place in PLACES:
        product /= -place
    assert divided_difference([1 / place for place in PLACES], PLACES) == -product
