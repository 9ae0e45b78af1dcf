import numpy as np

from ntksym.numerics import limits
from ntksym.typeset.c_parts import COVARIANCE


def test_limits_of_float64_are_those_of_this_machine() -> None:
    machine = np.finfo(np.float64)
    assert (machine.eps, machine.tiny) == (limits.EPSILON, limits.SMALLEST_NORMAL)


def test_variances_at_the_limits_stay_within_float64() -> None:
    """The determinant of the smallest covariances keeps its digits; four of the largest make a finite product."""
    assert limits.SMALLEST_VARIANCE**2 > limits.SMALLEST_NORMAL / limits.EPSILON
    assert np.isfinite(limits.LARGEST_VARIANCE**4)
    assert limits.SURE_VARIANCES[0] > limits.SMALLEST_VARIANCE
    assert limits.SURE_VARIANCES[1] <= limits.LARGEST_VARIANCE
    assert np.isfinite(limits.SQUARABLE**2)
    assert np.isfinite(1 / limits.DIVISOR_FLOOR)


def test_c_code_that_is_handed_out_raises_variances_to_the_same() -> None:
    assert f"least = {limits.SMALLEST_VARIANCE:g};" in COVARIANCE
