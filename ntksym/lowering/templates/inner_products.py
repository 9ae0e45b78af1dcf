"""Inner products of the rows of a tile with its columns, in generated code: fused with what becomes of them.

Each is summed in the order of the features, whatever the tile, the shape of the data and the number of threads: an
entry does not depend on its neighbours, and <x, y> equals <y, x> to the last bit.
"""

from string import Template

__all__ = ["ROWS", "product_functions"]

ROWS = 4
"""Rows that share what is read of the columns; a strip is a multiple of these."""

DEPTH = 4
"""Features that are added in one go."""

CHUNK = 64
"""Features, a multiple of these, whose part of the columns stays in the first-level cache for all rows of a strip."""

_TEXT = Template('''\
@inlined
def clear(tile):
    """Zeros in some rows of a tile; numba takes longer to compile ``tile[:] = 0.0``."""
    for i in range(tile.shape[0]):
        for j in range(TILE):
            tile[i, j] = 0.0


@inlined
def turn(points, left, count, columns):
    """columns[k, j] = points[left + j, k]: the columns of a tile, features first; zeros beyond the last."""
    for j in range(count):
        point = points[left + j]
        for k in range(point.size):
            columns[k, j] = point[k]
    for k in range(columns.shape[0]):
        for j in range(count, TILE):
            columns[k, j] = 0.0


@inlined
def multiply(points, top, height, columns, products):
    """products[i, j] = <points[top + i], column j> for i < height; there is room for a multiple of $rows rows."""
    features, final = columns.shape[0], points.shape[0] - 1
    whole = features - features % $depth
    clear(products)
    for chunk in range(0, whole, $chunk):
        for i in range(0, height, $rows):
$points
            for k in range(chunk, min(chunk + $chunk, whole), $depth):
$read
                for j in range(TILE):
$columns
$add
    for i in range(height):
        for k in range(whole, features):
            x0 = points[top + i, k]
            for j in range(TILE):
                products[i, j] += x0 * columns[k, j]
''')


def product_functions() -> str:
    """Texts of the functions."""
    rows, depth = range(ROWS), range(DEPTH)
    sums = [" + ".join([f"products[i + {r}, j]", *(f"a{r}{m} * b{m}" for m in depth)]) for r in rows]
    points = [f"x{r} = points[min(top + i + {r}, final)]" for r in rows]
    return _TEXT.substitute(
        rows=ROWS,
        depth=DEPTH,
        chunk=CHUNK,
        points=_lines(3, points),
        read=_lines(4, [f"a{r}{m} = x{r}[k + {m}]" for r in rows for m in depth]),
        columns=_lines(5, [f"b{m} = columns[k + {m}, j]" for m in depth]),
        add=_lines(5, [f"products[i + {r}, j] = {total}" for r, total in zip(rows, sums, strict=True)]),
    )


def _lines(depth: int, lines: list[str]) -> str:
    return "\n".join(" " * 4 * depth + line for line in lines)
