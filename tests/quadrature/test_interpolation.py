"""Resolved functions are as close as they say."""

import mpmath
import pytest
from mpmath import mp

from ntksym.numerics.legendre import legendre_multiprecision
from ntksym.quadrature.interpolation import resolve, to_fixed

BITS = 160


def distance(function, resolved, points):
    with mp.workprec(BITS):
        values = (mpmath.ldexp(mpmath.mpf(resolved(to_fixed(p, BITS))), -BITS) for p in points)
        return max(abs(function(p) - value) for p, value in zip(points, values, strict=True))


@pytest.mark.parametrize(
    ("function", "breakpoints"),
    [
        (mpmath.sin, (-7, 7)),
        (lambda x: mpmath.exp(-x * x), (-3, 5)),
        (lambda x: 1 / (1 + 25 * x * x), (-4, 4)),
        (lambda x: max(x, mpmath.mpf(0)), (-1, 0, 1)),
    ],
    ids=["sine", "bell", "pole nearby", "kink"],
)
def test_a_resolved_function_is_as_close_as_it_says(function, breakpoints):
    with mp.workprec(BITS):
        ends = [mpmath.mpf(point) for point in breakpoints]
        resolved = resolve(function, ends, order=40, bits=BITS, accuracy=110, widest=4)
        points = [ends[0] + (ends[-1] - ends[0]) * mpmath.mpf(k) / 101 for k in range(1, 101)]
        stated = mpmath.ldexp(max(panel.error for panel in resolved.panels), -BITS)
    assert distance(function, resolved, points) <= max(stated, mpmath.ldexp(1, 20 - BITS))
    assert resolved.error <= mpmath.ldexp(1, -100)


def test_a_singularity_that_is_not_resolved_shows_in_the_error():
    with mp.workprec(BITS):
        ends = [mpmath.mpf(0), mpmath.mpf(1)]
        resolved = resolve(mpmath.sqrt, ends, order=20, bits=BITS, accuracy=40, widest=4)
        integral = mpmath.fsum(
            w / 2 * mpmath.ldexp(mpmath.mpf(resolved(to_fixed((1 + t) / 2, BITS))), -BITS)
            for t, w in legendre_multiprecision(200, BITS)
        )
    assert 0 < resolved.error <= mpmath.mpf(2) ** -35
    assert abs(integral - mpmath.mpf(2) / 3) <= 1e-7  # the rule's own error at a root: about 1/order**3


def test_outside_its_panels_a_resolved_function_is_zero():
    with mp.workprec(BITS):
        resolved = resolve(mpmath.cos, [mpmath.mpf(-1), mpmath.mpf(1)], order=30, bits=BITS, accuracy=100, widest=4)
    assert resolved(2 << BITS) == 0
    assert resolved.edges[0] == -1 << BITS
    assert resolved.edges[-1] == 1 << BITS
