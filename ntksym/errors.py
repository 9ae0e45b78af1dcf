"""The exception tree: "asked wrongly", "does not exist", "cannot", "do not know" and "our bug" are different things."""

import pickle

__all__ = [
    "InvalidInput",
    "LoweringBug",
    "NoClosedForm",
    "NoSuchDual",
    "NtkSymError",
    "OutOfReach",
    "PiecesUnknown",
    "ToleranceNotMet",
    "Undecided",
]


class NtkSymError(Exception):
    """Root of every exception raised on purpose by ntksym.

    Parameters
    ----------
    message : str
        What happened, on which input, and the way out.
    **about : object
        The objects concerned; kept in ``self.about`` for programs that catch the error. In another process, those that
        cannot be pickled are there as text.
    """

    def __init__(self, message: str, **about: object) -> None:
        super().__init__(message)
        self.about = about

    def __reduce__(self) -> tuple[object, ...]:
        about = {key: value if _travels(value) else repr(value) for key, value in self.about.items()}
        return (_rebuild, (type(self), str(self), about))


def _travels(value: object) -> bool:
    try:
        pickle.dumps(value)
    except Exception:  # whatever an object raises that cannot be pickled: its text travels in its place
        return False
    return True


def _rebuild(kind: type[NtkSymError], message: str, about: dict[str, object]) -> NtkSymError:
    return kind(message, **about)


class InvalidInput(NtkSymError, ValueError):
    """The request itself is malformed: unknown name, wrong shape, NaN, code in a formula."""


class NoSuchDual(NtkSymError, ArithmeticError):
    """The expectation asked for does not exist: E[s(U)^2] or E[s'(U)^2] diverges."""


class NoClosedForm(NtkSymError, NotImplementedError):
    """The dual exists but lies outside the class of functions that can be derived in closed form."""


class Undecided(NtkSymError):
    """A three-valued answer was used as a boolean although it is "do not know"."""


class PiecesUnknown(Undecided, NoClosedForm):
    """Where a formula changes its form is not known, so that no closed form is derived; the dual may well exist."""


class ToleranceNotMet(NtkSymError, ArithmeticError):
    """The accuracy asked for cannot be guaranteed; the message says what was achieved."""


class OutOfReach(ToleranceNotMet):
    """No accuracy can be had at all: a function beyond float64, too fast an oscillation, or too much work."""


class LoweringBug(NtkSymError, RuntimeError):
    """A generated program broke its own rules: a bug in ntksym, never the user's fault."""
