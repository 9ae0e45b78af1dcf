r"""The compiled text that fills a Gram matrix when every entry is r_i r_j F(q_i, q_j, theta), a table of coefficients.

    F = sum_s phi_s(q_j) sum_k W_i[k, s] T_k(t),      W_i[k, s] = sum_r phi_r(q_i) C[r, k, s],

phi_s functions of the variance before the first nonlinearity, given at every row, t the angle theta on its interval
mapped to [-1, 1], T_k the Chebyshev polynomials. The W of the columns of a tile are computed once for all the rows that
meet them. Columns s come in groups of ``GROUP``, each with as many k as it needs; their numbers are data, so that one
module, compiled once, does for every network.
"""

from string import Template

from ntksym.lowering.templates.fill import fill_function
from ntksym.lowering.templates.frame import DECORATORS, TILE, WRITE, WRITES
from ntksym.lowering.templates.inner_products import product_functions
from ntksym.special.vector import vectormath

__all__ = ["DIAGONALS", "FIRST", "GROUP", "INVERSE", "ROOTS", "table_source"]

STRIP = 16
"""Rows of a tile whose angles are computed together."""

GROUP = 4
"""Functions phi that are added in one go, and Chebyshev polynomials: numbers of both are multiples of this."""

INVERSE = 0
ROOTS = (1, 3)
DIAGONALS = (2, 4)
"""Slots of the row quantities; of pairs the first is for the NNGP and the second for the NTK."""

FIRST = 5
"""The first slot of the functions phi."""

_TEXT = Template('''\
"""NNGP and NTK as a table in two variances and an angle, by ntksym. The name of this file is the hash of its text.

    K[i, j] = r_i r_j sum_rs phi_r(q_i) phi_s(q_j) sum_k C[r, k, s] T_k(t),    t = scale * theta_ij + shift in [-1, 1]

Arrays, for n rows of data in blocks of TILE rows:
    lines    (blocks, $first + m, TILE)  1/sqrt(q) before the first nonlinearity; for NNGP and NTK r and r**2; phi
    table    (2, m, size)           for NNGP and NTK, C: for every r, group by group of $group s, k by k, s by s
    sizes    (2, m/$group)               how many k every group has, multiples of $group; 0 for a kernel not wanted
"""

import math

import numba
import numpy as np

TILE = $tile
STRIP = $strip

$decorators

@inlined
$acute_angle

@inlined
$arccos

$products

@inlined
def place(factor, bias, inverse, inverses, scale, shift, c, t):
    """t of the pairs of one row of a tile, given <x, y>; how many lie outside [-1, 1]."""
    outside = 0
    for j in range(TILE):
        rho = (factor * c[j] + bias) * (inverse * inverses[j])
        t[j] = scale * arccos_complement(min(max(0.5 - 0.5 * rho, 0.0), 1.0)) + shift
    for j in range(TILE):
        outside += abs(t[j]) > 1.0
    return outside


@inlined
def combine(table, here, weights):
    """weights[j] = sum_r phi_r(q_j) table[r] for every column of a tile."""
    for j in range(TILE):
        weight = weights[j]
        for k in range(weight.size):
            weight[k] = 0.0
        for r in range(table.shape[0]):
            factor, row = here[$first + r, j], table[r]
            for k in range(weight.size):
                weight[k] += factor * row[k]


@inlined
def polynomials(t, count, chebyshev):
    """T_0 to T_(count - 1) at the pairs of one column."""
    for i in range(TILE):
        chebyshev[0, i] = 1.0
        chebyshev[1, i] = t[i]
    for k in range(2, count):
        for i in range(TILE):
            chebyshev[k, i] = 2.0 * t[i] * chebyshev[k - 1, i] - chebyshev[k - 2, i]


@inlined
def add_group(weight, count, functions, chebyshev, total):
    """total += sum_s phi_s sum_k weight[k, s] T_k for one group of s."""
    for k in range(0, count, $group):
$read
        for i in range(TILE):
$functions
$sums
            half = $first_half
            total[i] += half + $second_half


$write

$fill
''')


_MEMORY = """\
most = sizes.max()
tiles = np.empty((2, TILE, TILE))
room = np.empty((2 * STRIP + TILE + most + 1 + y.shape[1], TILE))
c, places = room[:STRIP], room[STRIP : 2 * STRIP]
turned, chebyshev = room[2 * STRIP : 2 * STRIP + TILE], room[2 * STRIP + TILE : 2 * STRIP + TILE + most]
total, columns = room[2 * STRIP + TILE + most], room[2 * STRIP + TILE + most + 1 :]
weights = np.empty((2, TILE, table.shape[2]))
there = other_lines[other]
"""

_COLUMNS = """\
for kernel in range(2):
    if sizes[kernel, 0] > 0:
        combine(table[kernel], there, weights[kernel])
"""

_STRIP = """\
multiply(x, top + first, last - first, columns, c)
deferred = 0
for i in range(last - first):
    deferred += place(factor, bias, here[0, first + i], there[0], scale, shift, c[i], places[i])
    for j in range(TILE):
        turned[j, first + i] = min(max(places[i, j], -1.0), 1.0)
"""

_SUM = f"""\
for j in range(count):
    polynomials(turned[j], most, chebyshev)
    for kernel in range(2):
        if sizes[kernel, 0] > 0:
            for i in range(TILE):
                total[i] = 0.0
            at = 0
            for group in range(sizes.shape[1]):
                size = sizes[kernel, group]
                functions = here[{FIRST} + {GROUP} * group : {FIRST} + {GROUP} * group + {GROUP}]
                add_group(weights[kernel, j, at : at + {GROUP} * size], size, functions, chebyshev, total)
                at += {GROUP} * size
            root, roots, tile = there[1 + 2 * kernel, j], here[1 + 2 * kernel], tiles[kernel]
            for i in range(height):
                tile[i, j] = roots[i] * root * total[i]
"""


def table_source() -> str:
    """The module, the same for every network."""
    terms, functions = range(GROUP), range(GROUP)
    read = [f"w{k}{s} = weight[{GROUP} * k + {GROUP * k + s}]" for k in terms for s in functions]
    sums = [f"a{k} = " + " + ".join(f"w{k}{s} * p{s}" for s in functions) for k in terms]
    return _TEXT.substitute(
        acute_angle=vectormath.source_of("acute_angle"),
        arccos=vectormath.source_of("arccos_complement"),
        products=product_functions(),
        write=WRITE,
        decorators=DECORATORS,
        fill=fill_function(
            "fill",
            "factor, bias, scale, shift, lines, other_lines, table, sizes,",
            deferred=(
                "The pairs whose angle is outside of its interval are returned; their entries are to be computed.",
                "abs(places[i - first, j]) > 1.0",
            ),
            memory=_MEMORY,
            columns=_COLUMNS,
            rows="here = lines[block]",
            strip=_STRIP,
            tile=_SUM + WRITES,
        ),
        tile=TILE,
        strip=STRIP,
        first=FIRST,
        group=GROUP,
        read="\n".join(" " * 8 + line for line in read),
        functions="\n".join(f"            p{s} = functions[{s}, i]" for s in functions),
        sums="\n".join(" " * 12 + line for line in sums),
        first_half=" + ".join(f"a{k} * chebyshev[k + {k}, i]" for k in terms[: GROUP // 2]),
        second_half=" + ".join(f"a{k} * chebyshev[k + {k}, i]" for k in terms[GROUP // 2 :]),
    )
