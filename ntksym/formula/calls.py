"""The arguments of a call are bound, by place and keyword, to those of a word or the parameters of an activation."""

import ast
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import sympy as sp

from ntksym.errors import InvalidInput
from ntksym.formula.libraries import AMBIGUOUS, NEUTRAL_KEYWORDS, VARIANTS
from ntksym.formula.vocabulary import Word, fold

__all__ = ["Definition", "chosen_definition", "parameter_values", "word_arguments"]

Read = Callable[[ast.expr], Any]


class Definition(Protocol):
    """A named activation that a formula may call: its text in ``x`` and its parameters' default values as text."""

    @property
    def name(self) -> str:
        """The usual spelling."""

    @property
    def expression(self) -> str:
        """The formula."""

    @property
    def parameters(self) -> Mapping[str, str]:
        """Parameter name -> default value as text, in the order of positional arguments."""

    @property
    def keywords(self) -> Mapping[str, str]:
        """Other names of the parameters -> the name used in the formula."""


def _constant(node: ast.expr) -> object:
    return node.value if isinstance(node, ast.Constant) else node


def word_arguments(word: Word, name: str, node: ast.Call, number: Read, condition: Read) -> list[Any]:
    """What ``word.build`` receives; None stands for an argument that is left out.

    Raises
    ------
    InvalidInput
        The call has a starred argument, an unknown keyword, or too few or too many arguments.
    """
    if any(isinstance(argument, ast.Starred) for argument in node.args):
        raise InvalidInput("a starred argument is not part of a formula; write every argument out", name=name)
    read = condition if word.boolean and word.name in ("and", "or", "not") else number
    if word.name == "where" and len(node.args) == 3:
        arguments = [condition(node.args[0]), number(node.args[1]), number(node.args[2])]
    else:
        arguments = [
            None if _constant(argument) is None and word.keywords else read(argument) for argument in node.args
        ]
    for keyword in node.keywords:
        if keyword.arg in NEUTRAL_KEYWORDS:
            continue
        if keyword.arg not in word.keywords:
            raise InvalidInput(f"{name} has no keyword {keyword.arg!r}; leave it out", name=name, keyword=keyword.arg)
        place = 1 + word.keywords.index(keyword.arg)
        arguments.extend([None] * (place + 1 - len(arguments)))
        arguments[place] = None if _constant(keyword.value) is None else read(keyword.value)
    if not word.least <= len(arguments) <= word.most:
        wanted = str(word.least) if word.least == word.most else f"{word.least} to {word.most}"
        raise InvalidInput(
            f"{name} takes {wanted} argument{'s' * (wanted != '1')}, not {len(arguments)}",
            name=name,
            arguments=arguments,
        )
    return arguments


def chosen_definition(
    namespace: str, name: str, keywords: list[ast.keyword], definitions: Mapping[str, Definition]
) -> tuple[Definition | None, dict[str, str], list[ast.keyword]]:
    """The activation that a name means in a library, its default values, and the keywords that are parameters.

    ``approximate``, which PyTorch, JAX and TensorFlow give to gelu, chooses between the two functions of that name.

    Raises
    ------
    InvalidInput
        The library means different functions by this name, or ``approximate`` has an unknown value.
    """
    folded, defaults = VARIANTS.get((namespace, fold(name)), (fold(name), {}))
    rest = [keyword for keyword in keywords if keyword.arg not in NEUTRAL_KEYWORDS]
    chosen = [keyword for keyword in rest if keyword.arg == "approximate"]
    if fold(name) == "gelu" and chosen and "gelutanh" in definitions:
        value = _constant(chosen[0].value)
        if value not in ("none", "tanh", True, False):
            raise InvalidInput("approximate is 'none', 'tanh', True or False", name=name)
        rest = [keyword for keyword in rest if keyword.arg != "approximate"]
        folded = "gelutanh" if value in ("tanh", True) else "gelu"
    elif (namespace, name if namespace == "nn" else fold(name)) in AMBIGUOUS and not rest:
        reason = AMBIGUOUS[namespace, fold(name)]
        raise InvalidInput(f"{namespace}.{name} may mean two functions: {reason}", name=f"{namespace}.{name}")
    return definitions.get(folded), dict(defaults), rest


def parameter_values(
    definition: Definition, values: list[sp.Expr], keywords: list[ast.keyword], number: Read
) -> dict[str, sp.Expr]:
    """Parameter -> value, for the parameters that the call gives: by place, then by keyword.

    Raises
    ------
    InvalidInput
        There are too many values, or a keyword is no parameter.
    """
    names = list(definition.parameters)
    known = ", ".join(names) or "none"
    if len(values) > len(names):
        raise InvalidInput(f"{definition.name} takes x and at most {len(names)} parameters ({known})", names=names)
    bound = dict(zip(names, values, strict=False))
    for keyword in keywords:
        key = definition.keywords.get(keyword.arg or "", keyword.arg or "")
        if key not in names:
            raise InvalidInput(
                f"{definition.name} has no parameter {keyword.arg!r}; it has {known}", name=keyword.arg, known=names
            )
        bound[key] = number(keyword.value)
    return bound
