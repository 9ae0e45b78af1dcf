"""The function that fills tiles, one text for every way to compute their entries: what differs are its sections.

Compiled code takes one block of ``TILE`` columns and some blocks of rows. The rows of a tile go through a strip at a
time; entries that are left to be computed one by one are counted and listed; the tile is written.
"""

from string import Template
from textwrap import indent

from ntksym.lowering.templates.deferral import listing

__all__ = ["fill_function"]

_FILL = Template('''\
@compiled
def $name(
    x, y, other, begin, end,
$arguments
    nngp, ntk, symmetric,
):
    """Columns of one block, the rows of the blocks begin <= block < end; nngp and ntk hold the results.

    $deferred
    """
    left = other * TILE
    count = min(TILE, y.shape[0] - left)
    pairs = np.empty((TILE, 2), np.int64)
    found = 0
$memory    if begin < end:
        turn(y, left, count, columns)
$columns    for block in range(begin, end):
        top = block * TILE
        height = min(TILE, x.shape[0] - top)
$rows        for first in range(0, height, STRIP):
            last = min(first + STRIP, height)
$strip            if deferred > 0:
$listing$tile    return pairs[:found]
''')


def fill_function(
    name: str,
    arguments: str,
    *,
    deferred: tuple[str, str],
    memory: str,
    strip: str,
    tile: str,
    columns: str = "",
    rows: str = "",
    forget: str = "",
) -> str:
    """Text of a function that fills tiles.

    Parameters
    ----------
    name : str
        What it is called.
    arguments : str
        What it takes between the data and the results.
    deferred : pair of str
        Which pairs are returned, in words, and the condition that entry (i, j) of some rows of a tile is one of them.
    memory : str
        Statements that make what is used again for every tile, ``columns`` (features, TILE) among it.
    strip : str
        Statements that compute the rows first <= i < last of a tile, and set ``deferred`` to how many pairs are left.
    tile : str
        Statements behind the strips: those that write the tile.
    columns, rows : str
        Statements once the columns are known, and once a block of rows begins.
    forget : str
        Statements once the pairs that are left of some rows are listed.
    """
    words, condition = deferred
    return _FILL.substitute(
        name=name,
        arguments=_block(arguments, 1).rstrip("\n"),
        deferred=words,
        memory=_block(memory, 1),
        columns=_block(columns, 2),
        rows=_block(rows, 2),
        strip=_block(strip, 3),
        listing=listing(condition) + _block(forget, 4),
        tile=_block(tile, 2),
    )


def _block(text: str, depth: int) -> str:
    """Statements at a depth of indentation, each ended by a new line."""
    return indent(text.strip("\n"), " " * 4 * depth) + "\n" if text else ""
