"""The command `ntksym`: derive, verify, gram, positivity, spectrum, phases, precompile, catalogue."""

import os
import sys
import traceback
from collections.abc import Sequence

from ntksym.cli.arguments import Mistake, parse
from ntksym.cli.commands import COMMANDS
from ntksym.cli.screen import complain, prepare
from ntksym.errors import LoweringBug, NtkSymError

__all__ = ["main"]

MISTAKE = 2
BUG = 70
INTERRUPTED = 130
PIPE_CLOSED = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    0: done; 1: `verify` found a difference, `positivity` says no, or `precompile` failed at something; 2: the user's
    mistake, or something that cannot be done, told in one line; 3: `positivity` does not know; 70: a bug in ntksym;
    130: interrupted; 141: the reader of a pipe went away.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after ``ntksym``; those of the process if left out.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    prepare()
    try:
        status = _run(words)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes standard output once more at exit; with nobody to read it, that must not fail aloud.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    return status


def _run(words: list[str]) -> int:
    try:
        options = parse(words)
        return COMMANDS[options.command](options)
    except SystemExit as stop:  # argparse, after --help or --version
        return int(stop.code or 0)
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        if "--traceback" in words:
            traceback.print_exc()
        return _account_for(error)


def _account_for(error: Exception) -> int:
    """Say in one line what happened; whose fault it is decides the exit status."""
    if isinstance(error, OSError):
        complain(
            f"{error.filename}: {error.strerror}; check the name and the rights of the file"
            if error.filename
            else error
        )
        return MISTAKE
    if isinstance(error, MemoryError):
        complain(f"not enough memory ({error}); use --limit N or --dtype float32")
        return MISTAKE
    if isinstance(error, Mistake) or (isinstance(error, NtkSymError) and not isinstance(error, LoweringBug)):
        complain(error)
        return MISTAKE
    complain(f"a bug in ntksym ({type(error).__name__}: {error}); --traceback shows where, please report it")
    return BUG
