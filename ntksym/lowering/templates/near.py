r"""A closed form for pairs given by their distance from |rho| = 1: the compiled function, one for each activation.

With p = sqrt(q1 q2) and low = p - |c| given to full relative accuracy, the dual at c = +-(p - low) and, for c > 0,

    K(p) - K(p - low) = int_0^low D(p - e) de = low int_0^1 2 t D(p - low t^2) dt,

which is a sum of terms of one sign; likewise D(p) - D(p - low) from dD/dc, where the module has it. At a kink of s the
slope D is analytic in the angle between U and V, which is analytic in t, so that few Gauss-Legendre nodes in t give it
to rounding.
"""

from collections.abc import Sequence
from string import Template
from textwrap import indent

from ntksym.lowering.lowered_activation import LoweredActivation
from ntksym.lowering.passes import prune
from ntksym.lowering.printing import statements
from ntksym.lowering.program import Program
from ntksym.lowering.templates.frame import DIAGONAL_SLOPE, DIAGONAL_VALUE, ROOT

__all__ = ["QUANTITIES", "near_function", "near_list"]

QUANTITIES = 8
"""Rows of the results."""

FLOOR = 1e-45
"""Where det is divided by, it is at least this, relative to 4 p**2: low is no rounding error here, however small."""

_FUNCTION = Template('''\
@compiled
def ${name}_near(first, second, lows, signs, gaps, nodes, weights, shared, results):
    """K, D and K(p) - K(p - low) of n pairs, n a multiple of TILE, and their diagonals; c = sign*(p - low).

    first, second, lows, signs, gaps  (n,)      q1, q2, p - |c|, 1 or -1, sqrt(q1) - sqrt(q2)
    nodes, weights                    (k,)      t**2 and 2 t dt
    results                           (8, n)    K, D, K(p) - K(p - low) where the sign is 1, E[s(U)**2], E[s(V)**2],
                                                E[s'(U)**2], E[s'(V)**2], $turns
    """
    here, there = np.empty($slots * TILE), np.empty($slots * TILE)
$shared
    for begin in range(0, lows.size, TILE):
        end = begin + TILE
        one, two = first[begin:end], second[begin:end]
        distances, sides, differences = lows[begin:end], signs[begin:end], gaps[begin:end]
        values, slopes, integrals = results[0, begin:end], results[1, begin:end], results[2, begin:end]
        turns = results[7, begin:end]
        ${name}_rows(one, shared, here)
        ${name}_rows(two, shared, there)
        for j in range(TILE):
            small = distances[j]
            large = 2.0 * here[$root] * there[$root] - small
            low = small if sides[j] > 0.0 else large
            high = large if sides[j] > 0.0 else small
            c = sides[j] * (0.5 * (large - small))
$pair
            same = (small == 0.0) & (one[j] == two[j]) & (sides[j] > 0.0)
            values[j] = here[$value] if same else value
            slopes[j] = here[$slope] if same else slope
        results[3, begin:end] = here[$diagonals]
        results[4, begin:end] = there[$diagonals]
        results[5, begin:end] = here[$slopes]
        results[6, begin:end] = there[$slopes]
        integrals[:] = 0.0
        turns[:] = 0.0
        for node in range(nodes.size):
            place, weight = nodes[node], weights[node]
            for j in range(TILE):
                low = distances[j] * place
                high = 2.0 * here[$root] * there[$root] - low
                c = 0.5 * (high - low)
$inner
                integrals[j] += weight * distances[j] * slope
$turn
''')


def near_function(part: LoweredActivation) -> str:
    """Text of ``{name}_near``; it calls ``{name}_rows``."""
    pair = part.stages.pair
    inner = prune(pair, ["slope", "bend"])
    bent = "bend" in dict(pair.outputs)
    reads = [f"{name} = shared[{column}]" for name, column in part.shared.items() if name in pair.inputs]
    text = _FUNCTION.substitute(
        name=part.name,
        slots=len(part.slots),
        shared=indent("\n".join(reads), " " * 4),
        pair=indent("\n".join(_statements(part, prune(pair, ["value", "slope"]))), " " * 12),
        inner=indent("\n".join(_statements(part, inner)), " " * 16),
        root=_at(ROOT),
        value=_at(DIAGONAL_VALUE),
        slope=_at(DIAGONAL_SLOPE),
        diagonals=f"{DIAGONAL_VALUE} * TILE : {DIAGONAL_VALUE + 1} * TILE",
        slopes=f"{DIAGONAL_SLOPE} * TILE : {DIAGONAL_SLOPE + 1} * TILE",
        turns="D(p) - D(p - low)" if bent else "0",
        turn=" " * 16 + "turns[j] += weight * distances[j] * bend" if bent else "",
    )
    return "\n".join(line for line in text.splitlines() if line.strip()) + "\n"


def near_list(names: Sequence[str | None]) -> str:
    """Text of ``near``: by the number of an activation its function; None where the dual is a series."""
    functions = "".join(f"{name}_near, " if name else "None, " for name in names)
    return f"near = ({functions.strip()})\n"


def _statements(part: LoweredActivation, program: Program) -> list[str]:
    """The program for the pair at place j of the two sets of row quantities; low, high and c are there."""
    sides = (("_1", "here"), ("_2", "there"))
    lines = [
        f"{name}{side} = {array}[{_at(slot)}]"
        for name, slot in part.slots.items()
        for side, array in sides
        if name + side in program.inputs
    ]
    given = {
        "det": "det = low * high",
        "gap": "gap = differences[j]",
        "floor": f"floor = {FLOOR} * (low + high) * (low + high) + SMALLEST_FLOOR",
    }
    lines += [line for name, line in given.items() if name in program.inputs]
    return lines + statements(program, {public: public for public, _ in program.outputs})


def _at(slot: int) -> str:
    return f"{slot} * TILE + j" if slot else "j"
