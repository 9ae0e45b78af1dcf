"""Slopes of activations by integration, where their pieces are known and where they are not."""

import mpmath
import pytest

from ntksym.activation.activation import Activation
from ntksym.dual.derivation import derive
from ntksym.errors import NoClosedForm
from ntksym.quadrature.activations import slope_expectation

PLACE = (1.0, 1.0, 0.5)


@pytest.mark.slow
def test_a_slope_without_known_pieces_needs_to_be_told_that_there_is_no_jump() -> None:
    waves = Activation("max(sin(x), 0)")
    with pytest.raises(NoClosedForm, match="changes sign"):
        slope_expectation((waves, waves), PLACE, 15)
    found = slope_expectation((waves, waves), PLACE, 15, continuous=True)
    dual = derive(waves)
    assert abs(dual.evaluate(*PLACE).slope - found.value) <= dual.slope_error_bound(1.0, 1.0) + 4 * found.error


def test_a_series_that_jumps_at_unknown_places_has_a_value_but_no_precise_slope() -> None:
    stairs = derive("floor(x)")
    precise = stairs.evaluate(*PLACE, dps=15)
    assert abs(precise.value - stairs.evaluate(*PLACE).value) <= stairs.error_bound(1.0, 1.0)
    assert mpmath.isnan(precise.slope)
    assert not stairs.continuous
