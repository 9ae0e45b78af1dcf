"""The names of a formula are told apart: dotted names, and complaints about unknown ones with the nearest known."""

import ast
import difflib
from collections.abc import Iterable

from ntksym.errors import InvalidInput
from ntksym.formula.libraries import NAMESPACES
from ntksym.formula.vocabulary import CONSTANTS, REFUSED, SPELLINGS, fold

__all__ = ["dotted", "refuse_call", "unknown_name"]


def dotted(node: ast.expr) -> tuple[str, str]:
    """Prefix and last part of a name such as ``jax.nn.silu``.

    Raises
    ------
    InvalidInput
        The node is no such name, or the prefix is that of no library.
    """
    parts: list[str] = []
    current = node
    while isinstance(current, ast.Attribute):
        parts.append(current.attr)
        current = current.value
    if not isinstance(current, ast.Name):
        raise InvalidInput(
            "only plain functions such as abs(x) can be called, not methods; write their formula",
            kind=type(node).__name__,
        )
    namespace = ".".join([current.id, *reversed(parts[1:])]) if parts else ""
    name = parts[0] if parts else current.id
    if namespace and namespace not in NAMESPACES:
        raise InvalidInput(f"{namespace!r} is not a known prefix; write {name}(...) alone", prefix=namespace, name=name)
    return namespace, name


def refuse_call(called: str) -> InvalidInput:
    """The complaint about a number, the argument or a parenthesis that is followed by another parenthesis."""
    return InvalidInput(
        f"{called} is no function: a product needs *; write {called}*(...), and powers of functions as sin(x)**2",
        called=called,
    )


def unknown_name(name: str, known: Iterable[str]) -> InvalidInput:
    """The complaint about a name that is neither the argument, a parameter, a constant nor a function."""
    reason = REFUSED.get(name) or REFUSED.get(fold(name))
    if reason:
        return InvalidInput(f"{name!r}: {reason}", name=name)
    if name == "X":
        return InvalidInput("unknown name 'X'; the argument is the lower-case x", name=name)
    spellings = {fold(spelling): spelling for spelling in (*known, *CONSTANTS, *SPELLINGS)}
    near = tuple(spellings[close] for close in difflib.get_close_matches(fold(name), spellings, 3, 0.6))
    advice = f"if it is a parameter, give its value: {name}=..."
    if near:
        advice = f"did you mean {', '.join(near)}? {advice[0].upper()}{advice[1:]}"
    return InvalidInput(f"unknown name {name!r}; {advice}", name=name, near=near)
