r"""Layers summed as Hermite series: how their numbers lie in the array ``rows``, and the compiled step that adds them.

    value = rho**offset sum_m A_i[m] A_j[m] x**m,     x = rho**stride,     slope = d value/d rho / sqrt(q_i q_j)

One text does for all activations: coefficients, offset and stride are data. Terms come in groups of ``STEP``; a row of
a tile adds the groups that its largest correlation needs, and every entry takes from them those that it needs, so
that it does not depend on its neighbours. Entries that no group is accurate for are marked, to be computed one by one.
"""

from string import Template

import numpy as np
from numpy.typing import NDArray

from ntksym.hermite.expansion import STEP, Expansion
from ntksym.lowering.templates.frame import DIAGONAL_SLOPE, DIAGONAL_VALUE, ROOT, TILE
from ntksym.numerics.arrays import Array

__all__ = ["BEGIN", "FIRST_GROUP", "SUMMARY", "pack", "series_functions", "slots_of"]

INVERSE_ROOT = 3
FIRST_GROUP = 4
"""Slots: those of every layer, 1/sqrt(q), then for every group its limit and its coefficients."""

GROUP = 1 + STEP

SUMMARY = (
    "series(x) = sum_k a_k(q) h_k(x/sqrt(q)), h_k the normalised Hermite polynomials",
    "value sum_k a_k(q1)*a_k(q2)*rho**k, rho = c/sqrt(q1*q2)",
    "slope sum_k k*a_k(q1)*a_k(q2)*rho**(k - 1)/sqrt(q1*q2)",
    "operations a row and layer: none, the coefficients are given",
    f"operations a pair, layer and group of {STEP} terms: {2 * STEP} multiply-add, {STEP} multiply",
)
"""Lines for the head of a module; of no activation in particular."""


def slots_of(expansion: Expansion) -> int:
    """Row quantities to make room for."""
    return FIRST_GROUP + GROUP * expansion.limits.shape[1]


def pack(expansion: Expansion, variances: Array, real: NDArray[np.bool_], rows: Array) -> None:
    """Write the row quantities of a series layer, as many as there is room for.

    Parameters
    ----------
    expansion : Expansion
        At the variances of the rows.
    variances : float array, shape (n,)
        Positive.
    real : bool array, shape (blocks * TILE,)
        Where the n rows are among those of the blocks; the others get variance and dual 1 and no coefficients.
    rows : float array, shape (blocks, slots, TILE)
        Where to write; with ``FIRST_GROUP`` slots, what the diagonal needs.
    """
    blocks = len(rows)
    roots = np.sqrt(variances)
    slope = np.where(np.isfinite(expansion.slope), expansion.slope, 0.0)  # there is no NTK where s jumps
    head = {ROOT: roots, DIAGONAL_VALUE: expansion.value, DIAGONAL_SLOPE: slope, INVERSE_ROOT: 1.0 / roots}
    for slot, quantity in head.items():
        rows[:, slot] = _spread(quantity, real, 1.0).reshape(blocks, TILE)
    if rows.shape[1] > FIRST_GROUP:
        grouped = rows[:, FIRST_GROUP:].reshape(blocks, -1, GROUP, TILE)  # a view: the last two axes are contiguous
        coefficients = _spread(expansion.coefficients, real, 0.0).reshape(blocks, TILE, -1, STEP)
        grouped[:, :, 0] = _spread(expansion.limits, real, 1.0).reshape(blocks, TILE, -1).transpose(0, 2, 1)
        grouped[:, :, 1:] = coefficients.transpose(0, 2, 3, 1)


def _spread(rows: Array, real: NDArray[np.bool_], filling: float) -> Array:
    """The rows in their places, the other places filled."""
    if real.all():
        return rows
    spread = np.full((len(real), *rows.shape[1:]), filling)
    spread[real] = rows
    return spread


def series_functions() -> list[str]:
    """Texts of the functions, callees first."""
    return [_BEYOND.substitute(), *(_function(text, get) for get in ("nngp", "ntk") for text in (_UPPER, _STEP))]


BEGIN = """\
scratch = np.zeros(4 * TILE)
"""
"""Before the tiles: memory for one row of a tile."""

_UPPER = Template('''\
@inlined
def series_upper_$get(i, here, there, plain, paired, scratch, hard):
    """Add the groups above the first for the entries that need them; mark and count those beyond all groups."""
    final = here.size - $group
    marked = series_beyond(i, here, there, final, scratch)
    if marked > 0:
        at = final & POSITIVE
        for j in range(TILE):
            if scratch[TILE + j] > min(here[at + i], there[at + j]):
                hard[j] = 1.0
                scratch[TILE + j] = 0.0
    final = $first
    while final < here.size - $group and series_beyond(i, here, there, final, scratch) > 0:
        final += $group
    for k in range($first, final, $group):
        at = ($first + final - k) & POSITIVE
        below = (at - $group) & POSITIVE
        limit = here[below + i]
$read
        for j in range(TILE):
            x = scratch[j] * (plain + paired * scratch[j])
            p = scratch[2 * TILE + j]
            d = scratch[3 * TILE + j]  # ntk
$horner
            needs = scratch[TILE + j] > min(limit, there[below + j])
            scratch[2 * TILE + j] = p if needs else 0.0
            scratch[3 * TILE + j] = d if needs else 0.0  # ntk
    return marked
''')

_STEP = Template('''\
@inlined
def series_step_$get(first, here, there, offset, stride, weight, bias, slack, hard, scratch, covariance$tangent):
    """One layer for some rows of a tile; how many entries it marked.

    In scratch, for one row: rho; |rho|, or -1 at one point twice; the sums, which are zeros between rows.
    """
    odd, even, paired, plain = float(offset), 1.0 - offset, stride - 1.0, 2.0 - stride
    at = $first
    marked = 0
    for row in range(covariance.shape[0]):
        i = first + row
        root_i, inverse_i = here[i], here[3 * TILE + i]
        value_i = here[TILE + i]
        slope_i = here[2 * TILE + i]  # ntk
        limit = here[at + i]
        beyond = 0
        for j in range(TILE):
            inverse_j = there[3 * TILE + j]
            rho = min(max(covariance[row, j] * (inverse_i * inverse_j), -1.0), 1.0)
            same = (1.0 - rho <= slack) & (abs(root_i * inverse_j - 1.0) <= slack)
            size = -1.0 if same else abs(rho)
            scratch[j] = rho
            scratch[TILE + j] = size
            beyond += size > min(limit, there[at + j])
        if beyond > 0:
            marked += series_upper_$get(i, here, there, plain, paired, scratch, hard[row])
$read
        for j in range(TILE):
            rho = scratch[j]
            x = rho * (plain + paired * rho)
            outer = even + odd * rho
            p = scratch[2 * TILE + j]
            d = scratch[3 * TILE + j]  # ntk
$horner
            same = scratch[TILE + j] < 0.0
            after = weight * (value_i if same else outer * p) + bias
            inner = plain + 2.0 * paired * rho  # ntk
            slope = (odd * p + outer * inner * d) * (inverse_i * there[3 * TILE + j])  # ntk
            tangent[row, j] = after + weight * (slope_i if same else slope) * tangent[row, j]  # ntk
            covariance[row, j] = after
        if beyond > 0:
            scratch[2 * TILE :] = 0.0
    return marked
''')

_BEYOND = Template('''\
POSITIVE = 0x7FFFFFFFFFFF  # what is masked with it cannot be negative: such an index need not wrap round


@inlined
def series_beyond(i, here, there, at, scratch):
    """How many entries of a row of a tile lie beyond the limits of the group of terms at a place."""
    at &= POSITIVE
    limit = here[at + i]
    beyond = 0
    for j in range(TILE):
        beyond += scratch[TILE + j] > min(limit, there[at + j])
    return beyond
''')


def _function(template: Template, get: str) -> str:
    """The text for one kernel; lines that end with "# ntk" belong to the NTK alone."""
    horner = [
        line
        for term in reversed(range(STEP))
        for line in ("d = d * x + p  # ntk", f"p = p * x + a{term} * there[at + {term + 1} * TILE + j]")
    ]
    reads = [f"a{term} = here[at + {term + 1} * TILE + i]" for term in range(STEP)]
    text = template.substitute(
        get=get,
        tangent=", tangent" if get == "ntk" else "",
        first=f"{FIRST_GROUP} * TILE",
        group=f"{GROUP} * TILE",
        read="\n".join(" " * 8 + line for line in reads),
        horner="\n".join(" " * 12 + line for line in horner),
    )
    mark = "  # ntk"
    lines = [line for line in text.splitlines() if get == "ntk" or not line.endswith(mark)]
    return "\n".join(line.removesuffix(mark) for line in lines) + "\n"
