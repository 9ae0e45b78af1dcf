"""Residual branches in generated modules: what is kept where a branch begins, and added where it ends.

Only modules of networks that have branches contain it: it takes numba a quarter of the time of everything else.
"""

from collections.abc import Mapping
from string import Template
from textwrap import indent

__all__ = ["FUNCTIONS", "MEMORY", "row_sections", "strip_sections"]

FUNCTIONS = '''\
@called
def nesting(branches):
    """The largest number of branches that are open at the same time."""
    level, deepest = 0, 0
    for layer in range(branches.shape[0]):
        level += branches[layer, 0]
        deepest = max(deepest, level)
        level -= branches[layer, 1]
    return deepest


@called
def keep(entries, kept, place):
    """Some rows of a tile where a branch begins."""
    for i in range(entries.shape[0]):
        for j in range(TILE):
            kept[place + i, j] = entries[i, j]


@called
def add(entries, kept, place):
    """What was kept, added where the branch ends."""
    for i in range(entries.shape[0]):
        for j in range(TILE):
            entries[i, j] += kept[place + i, j]
'''
"""What is called between the layers."""

MEMORY = "kept = np.empty((2 * STRIP * nesting(branches), TILE))\n"
"""Room for the covariances and tangents of a strip in front of every branch that is open."""

_STRIP = {
    "begin": """\
level = 0
""",
    "keep": """\
    for _ in range(branches[layer, 0]):
        $keep
        level += 2 * STRIP
""",
    "add": """\
    for _ in range(branches[layer, 1]):
        level -= 2 * STRIP
        $add
""",
}

_ROWS = {
    "open": """\
    open_branches = 0
    for layer in range(begin):
        open_branches += branches[layer, 0] - branches[layer, 1]
""",
    "begin": """\
        level = open_branches
""",
    "keep": """\
            for _ in range(branches[layer, 0]):
                for i in range(TILE):
                    kept[block, 2 * level, i] = q[i]
                    kept[block, 2 * level + 1, i] = tangent[i]
                level += 1
""",
    "add": """\
            for _ in range(branches[layer, 1]):
                level -= 1
                for i in range(TILE):
                    after[i] += kept[block, 2 * level, i]
                    tangent[i] += kept[block, 2 * level + 1, i]
""",
}


def strip_sections(branched: bool, get: str) -> Mapping[str, str]:
    """Sections of the text that takes some rows of a tile through the layers; empty for a network without branches.

    Parameters
    ----------
    branched : bool
        Whether the network has branches.
    get : str
        "ntk" if tangents are carried, too.
    """
    arguments = ["(c, kept, level)", "(t, kept, level + STRIP)"][: 2 if get == "ntk" else 1]
    calls = {name: indent("\n".join(name + given for given in arguments), " " * 8).lstrip() for name in ("keep", "add")}
    return {name: Template(text).substitute(calls) if branched else "" for name, text in _STRIP.items()}


def row_sections(branched: bool) -> Mapping[str, str]:
    """Sections of the text that takes rows through the layers; empty for a network without branches."""
    return {name: text if branched else "" for name, text in _ROWS.items()}
