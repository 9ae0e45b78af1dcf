"""Roots of functions of one variable between two places where the signs differ."""

from collections.abc import Callable

from ntksym.numerics.limits import EPSILON

__all__ = ["root_between"]

Point = tuple[float, float]

STEPS = 100
"""At most; a continuous function takes about ten."""


def root_between(function: Callable[[float], float], low: float, high: float, absolute: float = 2e-12) -> float:
    """Where a continuous function is zero, by Brent's method: interpolation, and bisection where that stalls.

    As ``scipy.optimize.brentq``, step for step; loading that package takes longer than all that we ask it for.

    Parameters
    ----------
    function : callable
        Its values at the two ends have different signs, or one of them is zero.
    low, high : float
        The ends.
    absolute : float
        The root is known to this and 4 roundings of itself.

    References
    ----------
    Brent, Algorithms for Minimization without Derivatives, Prentice-Hall 1973, chapter 4.
    """
    before, now = low, high
    value_before, value = function(before), function(now)
    if value_before == 0 or value == 0:
        return before if value_before == 0 else now
    other, value_other, step, last = before, value_before, 0.0, 0.0
    if (value_before < 0) == (value < 0):
        raise ValueError(f"the function has one sign at {low} and {high}")
    for _ in range(STEPS):
        if value_before != 0 and value != 0 and (value_before < 0) != (value < 0):
            other, value_other = before, value_before
            step = last = now - before
        if abs(value_other) < abs(value):
            before, now, other = now, other, now
            value_before, value, value_other = value, value_other, value
        smallest, half = (absolute + 4 * EPSILON * abs(now)) / 2, (other - now) / 2
        if value == 0 or abs(half) < smallest:
            return now
        last, step = _next(step, last, smallest, half, (before, value_before), (now, value), (other, value_other))
        before, value_before = now, value
        now += step if abs(step) > smallest else (smallest if half > 0 else -smallest)
        value = function(now)
    raise ArithmeticError(f"no root between {low} and {high} was found in {STEPS} steps")


def _next(
    step: float, last: float, smallest: float, half: float, before: Point, now: Point, other: Point
) -> tuple[float, float]:
    """The step before, and the next one: interpolated, or half of what is left."""
    if abs(last) > smallest and abs(now[1]) < abs(before[1]):
        if before[0] == other[0]:
            trial = -now[1] * (now[0] - before[0]) / (now[1] - before[1])
        else:
            first = (before[1] - now[1]) / (before[0] - now[0])
            second = (other[1] - now[1]) / (other[0] - now[0])
            trial = -now[1] * (other[1] * second - before[1] * first) / (second * first * (other[1] - before[1]))
        if 2 * abs(trial) < min(abs(last), 3 * abs(half) - smallest):
            return step, trial
    return half, half
