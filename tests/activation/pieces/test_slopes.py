"""The derivative almost everywhere, whether or not the function can be split."""

import mpmath as mp
import pytest

from ntksym.activation.pieces import split
from ntksym.activation.pieces.slopes import compile_slope
from ntksym.errors import NoClosedForm
from ntksym.formula import compile_mpmath, parse

TEXTS = [
    "max(x, 0)**2", "clip(x, -1, 1)", "where(x > 0, x, exp(x) - 1)", "abs(x**2 - 2)", "x*(1 + erf(x/sqrt(2)))/2",
    "max(sin(x), 0)", "floor(x) + x**2", "where(sin(x) > cos(x), x*exp(x), x**3)", "abs(sin(x))*max(cos(x), x/2)",
    "heaviside(sin(x))*x", "sign(cos(x))*tanh(x)", "min(x, sin(2*x))**3",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_the_slope_is_the_limit_of_difference_quotients(text: str) -> None:
    expression = parse(text)
    try:
        pieces = split(expression)
    except NoClosedForm:
        pieces = None
    function, slope = compile_mpmath(expression, {}), compile_slope(expression, pieces, {})
    with mp.workdps(60):
        step = mp.mpf(10) ** -20
        for point in ("-2.3", "-0.45", "0.31", "1.7"):
            middle = mp.mpf(point)
            quotient = (function(middle + step) - function(middle - step)) / (2 * step)
            # The central quotient errs by s'''/6 step^2, and |s'''| < 1e4 here.
            assert abs(slope(middle) - quotient) < 10**4 * step**2
