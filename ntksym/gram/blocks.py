"""Blocks of a Gram matrix cut into pieces that are computed as the whole computes them.

Of a symmetric matrix the whole computes the entries i >= j and copies them to their mirror images. A pair of rows in
the other order may differ in the last bits; so what lies above the diagonal is computed below it, and turned.
"""

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Piece", "pieces_of"]

PANEL = 1024
"""Rows of a piece at most: what is computed before it is copied into the block takes little memory."""


@dataclass(frozen=True)
class Piece:
    """A rectangle of entries that are computed together.

    Parameters
    ----------
    rows, columns : slice
        Where it is computed in the whole.
    symmetric : bool
        Whether its rows are its columns.
    mirrored : bool
        Whether its mirror image is what is wanted.
    """

    rows: slice
    columns: slice
    symmetric: bool = False
    mirrored: bool = False

    def place(self, corner: tuple[int, int]) -> tuple[slice, slice]:
        """Where its entries go in a block whose first entry is at ``corner``."""
        wanted = (self.columns, self.rows) if self.mirrored else (self.rows, self.columns)
        top, left = (slice(part.start - edge, part.stop - edge) for part, edge in zip(wanted, corner, strict=True))
        return top, left


def pieces_of(rows: range, columns: range, *, symmetric: bool) -> Iterator[Piece]:
    """Pieces that cover a block.

    Parameters
    ----------
    rows, columns : range
        The block.
    symmetric : bool
        Whether it is part of a symmetric matrix.
    """
    for first in range(rows.start, rows.stop, PANEL):
        panel = range(first, min(first + PANEL, rows.stop))
        if not symmetric:
            yield Piece(_slice(panel), _slice(columns))
            continue
        below, above = range(columns.start, min(columns.stop, panel.start)), range(panel.stop, columns.stop)
        yield from _unless_empty(Piece(_slice(panel), _slice(below)))
        yield from _square(panel, range(max(columns.start, panel.start), min(columns.stop, panel.stop)))
        above = range(max(columns.start, panel.stop), columns.stop)
        yield from _unless_empty(Piece(_slice(above), _slice(panel), mirrored=True))


def _square(panel: range, columns: range) -> Iterator[Piece]:
    """What some rows have in common with columns among them: rows before, the square on the diagonal, rows behind."""
    if not columns:
        return
    yield from _unless_empty(Piece(_slice(columns), slice(panel.start, columns.start), mirrored=True))
    yield Piece(_slice(columns), _slice(columns), symmetric=True)
    yield from _unless_empty(Piece(slice(columns.stop, panel.stop), _slice(columns)))


def _unless_empty(piece: Piece) -> Iterator[Piece]:
    if piece.rows.start < piece.rows.stop and piece.columns.start < piece.columns.stop:
        yield piece


def _slice(part: range) -> slice:
    return slice(part.start, part.stop)
