"""Entries that the tiles leave to be computed one by one: how compiled code marks them and makes a list of them.

Two kinds: pairs so near |rho| = 1 before the first nonlinearity that their difference must come from the data, and
pairs that the terms of a series do not serve.
"""

from string import Template

__all__ = ["MARK", "NEAREST", "listing", "mark_function"]

NEAREST = 1 - 1e-4
"""Correlation from which on, in size, covariances forget too much: an angle of 0.014 is known to 1e-14, a layer."""

MARK = """\
deferred = 0
if nearest <= 1.0:
    size = layout[0, 1]
    place, other_place = layout[0, 0] + block * size, other_layout[0, 0] + other * size
    here, there = rows[place : place + size], rows[other_place : other_place + size]
    deferred = mark_near(first, here, there, nearest, c, hard)
"""
"""Before the layers: what is near in the data."""

_MARK = '''\
@inlined
def mark_near(first, here, there, nearest, covariance, hard):
    """Mark and count the pairs of some rows of a tile whose |rho| is at least ``nearest``."""
    marked = 0
    for row in range(covariance.shape[0]):
        bound = nearest * here[first + row]
        near = 0
        for j in range(TILE):
            near += abs(covariance[row, j]) >= bound * there[j]
        if near > 0:
            marked += near
            for j in range(TILE):
                hard[row, j] = 1.0 if abs(covariance[row, j]) >= bound * there[j] else 0.0
    return marked
'''

_LIST = Template("""\
                for i in range(first, last):
                    if found + TILE > pairs.shape[0]:
                        longer = np.empty((2 * pairs.shape[0], 2), np.int64)
                        for k in range(found):
                            longer[k, 0], longer[k, 1] = pairs[k, 0], pairs[k, 1]
                        pairs = longer
                    for j in range(min(i, count) if symmetric and top == left else count):
                        if $condition:
                            pairs[found, 0] = top + i
                            pairs[found, 1] = left + j
                            found += 1
""")


def mark_function() -> str:
    """Text of the function that marks what is near in the data."""
    return _MARK


def listing(condition: str) -> str:
    """The lines that put the entries (i, j) of some rows of a tile into the list, those for which it holds."""
    return _LIST.substitute(condition=condition)
