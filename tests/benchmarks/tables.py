"""Tables on the terminal or, for the documentation, in Markdown."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

__all__ = ["Printer", "cell"]


def cell(value: float | str | None, form: str = ".3g") -> str:
    """A number as text; nothing for None."""
    if value is None or isinstance(value, str):
        return value or ""
    return format(value, form)


class Printer:
    """Where tables go.

    Parameters
    ----------
    markdown : bool
        Whether they are written in Markdown.
    """

    def __init__(self, *, markdown: bool = False) -> None:
        self._markdown = markdown
        self._console = Console(width=220, markup=False, highlight=False)

    def say(self, text: str) -> None:
        """A line of text."""
        self._console.print(text)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A title, the names of the columns, the rows."""
        if self._markdown:
            lines = [columns, ["---"] * len(columns), *rows]
            text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
            print(f"\n{title}\n\n{text}\n")
            return
        made = Table(*columns, title=title, title_justify="left")
        for row in rows:
            made.add_row(*row)
        self._console.print(made)
