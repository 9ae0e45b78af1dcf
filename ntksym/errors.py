"""The exception tree: "asked wrongly", "does not exist", "cannot", "do not know" and "our bug" are different things."""

__all__ = [
    "InvalidInput",
    "LoweringBug",
    "NoClosedForm",
    "NoSuchDual",
    "NtkSymError",
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
        The objects concerned; kept in ``self.about`` for programs that catch the error.
    """

    def __init__(self, message: str, **about: object) -> None:
        super().__init__(message)
        self.about = about

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), str(self), self.about))


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


class ToleranceNotMet(NtkSymError, ArithmeticError):
    """The accuracy asked for cannot be guaranteed; the message says what was achieved."""


class LoweringBug(NtkSymError, RuntimeError):
    """A generated program broke its own rules: a bug in ntksym, never the user's fault."""
