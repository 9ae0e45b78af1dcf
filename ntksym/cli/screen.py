"""The terminal: where text goes, progress once a wait gets long, and a one-line account of what went wrong."""

import json
import math
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

__all__ = ["Waiting", "complain", "json_text", "one_line", "prepare", "print_json", "waiting"]

PATIENCE_SECONDS = 2.0


def prepare() -> None:
    """Names and formulas may hold letters that the terminal cannot show; a '?' is better than an exception."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def one_line(message: object) -> str:
    """The message without line breaks, short enough to read."""
    text = " ".join(str(message).split())
    return text if len(text) <= 600 else text[:597] + "..."


def json_text(answer: Mapping[str, Any]) -> str:
    """One JSON object; infinities, which JSON has not, become null."""
    return json.dumps(_finite(answer), indent=2, ensure_ascii=False, allow_nan=False)


def _finite(part: Any) -> Any:
    if isinstance(part, Mapping):
        return {name: _finite(value) for name, value in part.items()}
    if isinstance(part, list | tuple):
        return [_finite(value) for value in part]
    return None if isinstance(part, float) and not math.isfinite(part) else part


def print_json(answer: Mapping[str, Any]) -> None:
    """The object on standard output."""
    print(json_text(answer))


def complain(message: object) -> None:
    """``ntksym: message`` on standard error."""
    print(f"ntksym: {one_line(message)}", file=sys.stderr)


class Waiting:
    """What is being done at the moment; shown on a terminal when it has taken more than `PATIENCE_SECONDS`."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task: TaskID = self._progress.add_task("starting", total=None)
        self._lock = threading.Lock()
        self._over = self._shown = False
        self._timer = threading.Timer(PATIENCE_SECONDS, self._show)
        self._timer.daemon = True
        if console.is_terminal:
            self._timer.start()

    def _show(self) -> None:
        with self._lock:
            if not self._over:
                self._progress.start()
                self._shown = True

    def say(self, what: str) -> None:
        """Name the stage that begins now."""
        self._progress.update(self._task, description=what, total=None)

    def advance(self, done: int, total: int) -> None:
        """``done`` of ``total`` equal parts of the stage are finished."""
        self._progress.update(self._task, completed=done, total=total)

    def stop(self) -> None:
        """Remove the bar."""
        self._timer.cancel()
        with self._lock:
            self._over = True
            if self._shown:
                self._progress.stop()


@contextmanager
def waiting() -> Iterator[Waiting]:
    """A `Waiting` that leaves no trace on the screen, however the work ends."""
    wait = Waiting()
    try:
        yield wait
    finally:
        wait.stop()
