"""Activation: a formula in x with parameters, admitted through an allow-list, and what kind of function it is."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, NDArray

from ntksym import symbols
from ntksym.activation import traits
from ntksym.activation.catalogue import Entry, catalogue
from ntksym.activation.growth import Growth, growth_of, sides_of
from ntksym.activation.kinks import Break, breaks_of
from ntksym.activation.parameter_values import exact, literal
from ntksym.activation.pieces import Pieces, split
from ntksym.activation.pieces.rewriting import without_inverse_pairs
from ntksym.activation.pieces.slopes import compile_slope
from ntksym.activation.real_values import PROBES, require_real
from ntksym.activation.removable import Continuation, Function
from ntksym.errors import InvalidInput, NoClosedForm
from ntksym.formula import check_expression, compile_mpmath, compile_numpy, in_x, parse, rational
from ntksym.formula.vocabulary import CONSTANTS, REFUSED, fold, lookup
from ntksym.kept import kept

__all__ = ["Activation", "as_activation"]

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(-[A-Za-z0-9_]{2,})*")
"""A text that may be the name of a catalogue entry: ``leaky-relu``, but not ``a-b``."""
IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
RESERVED = frozenset({"x", "q", "q1", "q2", "c", "rho", "theta", "sigma1", "sigma2", "Delta", "det"})
"""Names that formulas of duals use for something else."""


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Activation:
    """``s(x; parameters)``, a real function on the whole line.

    Parameters
    ----------
    formula : str, sympy expression or Activation
        A formula such as ``"max(x, 0) + a*min(x, 0)"``, the name of an entry of ``catalogue`` such as ``"gelu"``, a
        sympy expression in one symbol that is no parameter, a ``Lambda`` or a function such as ``sympy.tanh``, or
        another activation, whose parameters the keywords then replace.
    name : str, optional
        How the activation is called in print; by default the catalogue's name or the formula itself.
    **parameters : int, float, Fraction, Decimal or real sympy number
        The values of the symbols of the formula other than x; a float stands for its shortest decimal. An irrational
        value, and one in an exponent of x, is put in; the others stay symbolic.

    Attributes
    ----------
    expression : Expr
        In ``symbols.x`` and one symbol per parameter, whose sign assumption is that of its value.
    parameters : tuple of (str, number)
        Sorted by name.
    name : str
        For people.
    source : str or Expr
        What ``expression`` was made from: the catalogue's name, the text or the sympy expression.

    Raises
    ------
    InvalidInput
        The formula is malformed, not real everywhere, too large, or its parameters and keywords do not match.
    """

    expression: sp.Expr
    parameters: tuple[tuple[str, sp.Expr], ...]
    name: str
    source: str | sp.Expr

    def __init__(
        self, formula: "str | sp.Expr | Activation", /, *, name: str | None = None, **parameters: object
    ) -> None:
        values = {key: exact(key, value) for key, value in parameters.items()}
        if isinstance(formula, Activation):
            values = _renamed(formula, values)
            name = formula.name if name is None and formula._is_named else name
            formula = formula.source
        if name is not None and not isinstance(name, str):
            raise InvalidInput(f"the name of an activation is text, not {type(name).__name__}", name=name)
        expression, source, values = _admit(formula, values)
        self._set("expression", without_inverse_pairs(expression))
        self._set("parameters", tuple(sorted(values.items())))
        self._set("source", source)
        self._set("name", name if name is not None else str(source))
        require_real(repr(self), expression, self.values, self._float64(np.array(PROBES)))

    def _set(self, field: str, value: object) -> None:
        object.__setattr__(self, field, value)

    @property
    def _is_named(self) -> bool:
        return self.name != str(self.source)

    @property
    def values(self) -> dict[sp.Symbol, sp.Rational]:
        """Symbol -> value, for the parameters that are rational: the others are in the expression themselves."""
        return {
            symbols.parameter(name, value): value for name, value in self.parameters if isinstance(value, sp.Rational)
        }

    def with_parameters(self, **parameters: object) -> "Activation":
        """The same formula with other values of some parameters."""
        return Activation(self, **parameters)  # type: ignore[arg-type]

    @kept
    def pieces(self) -> Pieces:
        """The smooth pieces, almost everywhere.

        Raises
        ------
        PiecesUnknown
            The places where a part of the formula changes sign cannot be found exactly, or are infinitely many.
        """
        return split(self.expression, self.values)

    @kept
    def _known_pieces(self) -> Pieces | None:
        try:
            return self.pieces
        except NoClosedForm:
            return None

    @kept
    def parity(self) -> traits.Parity:
        """Is s even, odd or neither, almost everywhere and at the parameters' values; "unknown" if undecided."""
        return traits.parity_of(self.expression, self._known_pieces, self.values)

    @kept
    def breaks(self) -> tuple[Break, ...]:
        """Where the function is not smooth, and which derivative jumps there by how much; raises as ``pieces`` does."""
        return breaks_of(self.pieces, self.values)

    @kept
    def kinks(self) -> tuple[sp.Expr, ...]:
        """Where the function is continuous and a derivative of some order jumps; raises as ``pieces`` does."""
        return tuple(item.place for item in self.breaks if not item.is_jump)

    @kept
    def jumps(self) -> tuple[sp.Expr, ...]:
        """Where the function is discontinuous; raises as ``pieces`` does."""
        return tuple(item.place for item in self.breaks if item.is_jump)

    @kept
    def corners(self) -> tuple[sp.Expr, ...]:
        """Where the slope jumps; raises as ``pieces`` does."""
        return tuple(item.place for item in self.breaks if item.is_corner)

    @kept
    def is_continuous(self) -> bool | None:
        """Whether the function has no jump; None where that is not known, as for ``floor(x)``."""
        try:
            return not self.jumps
        except NoClosedForm:
            return True if traits.is_continuous(self.expression) else None

    @kept
    def has_continuous_slope(self) -> bool | None:
        """Whether neither the function nor its slope jumps or is infinite; None where that is not known."""
        try:
            return not self.jumps and not self.corners
        except NoClosedForm:
            return None

    @kept
    def growth(self) -> Growth | None:
        """A bound ``(1 + |x|)**degree * exp(exponential*|x| + gaussian*x**2)`` for ``|s|``, or None if none is seen."""
        return growth_of(self.expression, self._known_pieces, self.values)

    @kept
    def homogeneity(self) -> sp.Expr | None:
        """The k with s(t x) = t**k s(x) for every t > 0; None if there is none or it is not known."""
        return traits.homogeneity_of(self._known_pieces, self.values) if self._known_pieces else None

    @kept
    def is_polynomial(self) -> bool | None:
        """Whether the function is a polynomial almost everywhere; None if not decided."""
        if self._known_pieces is None:
            return None
        sides = sides_of(self.expression, self._known_pieces, self.values)
        return traits.is_polynomial(self._known_pieces, sides, self.values)

    @kept
    def _float64(self) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        return _compiled(self)[0]

    @kept
    def _continuation(self) -> Continuation:
        """To the places where the formula says 0/0."""
        return Continuation(self.expression.xreplace(self.values))

    def __call__(self, array: ArrayLike) -> NDArray[np.float64]:
        """``s(array)``, entry by entry, as float64 of the same shape.

        Where an intermediate result overflows, the entry is computed with mpmath; near a zero of s the error is a few
        roundings of the terms that cancel there.

        Raises
        ------
        InvalidInput
            The entries are not real numbers.
        """
        points = np.asarray(array)
        if points.dtype.kind not in "biuf":
            raise InvalidInput(
                f"an activation takes real numbers, not {points.dtype}; convert with numpy.asarray(..., float)",
                dtype=points.dtype,
            )
        return self._float64(points.astype(np.float64).ravel()).reshape(points.shape)

    def to_mpmath(self) -> Callable[[Any], Any]:
        """``x -> s(x)`` on mpmath numbers, at whatever precision ``mpmath.mp`` has when it is called."""
        return _compiled(self)[1]

    def derivative_to_mpmath(self) -> Callable[[Any], Any]:
        """``x -> s'(x)`` away from kinks and jumps, as ``to_mpmath``."""
        return self._continuation.precise(compile_slope(self.expression, self._known_pieces, self.values))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Activation):
            return NotImplemented
        return self.expression == other.expression and self.parameters == other.parameters

    def __hash__(self) -> int:
        return hash((self.expression, self.parameters))

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.source, self.name if self._is_named else None, self.parameters)

    def __repr__(self) -> str:
        entry = _entry_of(self.source)
        shown = [
            (key, value) for key, value in self.parameters if entry is None or value != rational(entry.parameters[key])
        ]
        parts = [repr(str(self.source)), *([f"name={self.name!r}"] if self._is_named else [])]
        return f"Activation({', '.join(parts + [f'{key}={literal(value)}' for key, value in shown])})"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {sp.latex(self.expression)}$"


def as_activation(formula: "str | sp.Expr | Activation") -> Activation:
    """The activation itself, or the one that a formula or a name stands for."""
    return formula if isinstance(formula, Activation) else Activation(formula)


@lru_cache(maxsize=512)
def _compiled(activation: Activation) -> tuple[Callable[[NDArray[np.float64]], NDArray[np.float64]], Function]:
    """Its values on float64 arrays, and as mpmath numbers; compiled once for equal activations."""
    continuation, values = activation._continuation, activation.values
    precise = continuation.precise(compile_mpmath(activation.expression, values))
    return continuation.rounded(compile_numpy(activation.expression, values), precise), precise


def _restore(source: "str | sp.Expr", name: str | None, parameters: tuple[tuple[str, sp.Expr], ...]) -> Activation:
    return Activation(source, name=name, **dict(parameters))


def _entry_of(source: object) -> Entry | None:
    if isinstance(source, str) and NAME.fullmatch(source.strip()):
        return catalogue.get(source.strip())
    return None


def _admit(formula: object, values: dict[str, sp.Expr]) -> tuple[sp.Expr, str | sp.Expr, dict[str, sp.Expr]]:
    """Expression, source and the values of all parameters."""
    entry = _entry_of(formula)
    if entry is not None:
        known: dict[str, sp.Expr] = {key: rational(text) for key, text in entry.parameters.items()}
        for key, value in values.items():
            proper = entry.keywords.get(key, key)
            if proper not in known:
                expected = ", ".join(known) or "none"
                raise InvalidInput(
                    f"{entry.name} has no parameter {key!r}; it has {expected}", name=key, known=tuple(known)
                )
            known[proper] = value
        return _parsed(entry.expression, tuple(known.items())), entry.name, known
    for key in values:
        _check_name(key)
    if isinstance(formula, str):
        return _parsed(formula, tuple(values.items())), formula.strip(), values
    given = in_x(formula, values)
    if isinstance(given, sp.Expr):
        return check_expression(given, values), given, values
    raise InvalidInput(
        f"an activation is made from text, a sympy expression or an Activation, not {type(formula).__name__}; "
        + _way_out(formula),
        formula=formula,
    )


def _way_out(formula: object) -> str:
    name = getattr(formula, "__name__", type(formula).__name__)
    if callable(formula) and (name in catalogue or lookup(name)):
        return f'write its name, Activation("{name}")'
    if callable(formula):
        return "a function of Python's cannot be read: call it with a symbol, Activation(f(sympy.Symbol('x')))"
    return 'write for example Activation("max(x, 0)")'


@lru_cache(maxsize=512)
def _parsed(text: str, values: tuple[tuple[str, sp.Expr], ...]) -> sp.Expr:
    return parse(text, dict(values), catalogue.definitions)


def _renamed(activation: Activation, values: dict[str, sp.Expr]) -> dict[str, sp.Expr]:
    entry = _entry_of(activation.source)
    known = dict(activation.parameters)
    for key, value in values.items():
        proper = entry.keywords.get(key, key) if entry else key
        if proper not in known:
            expected = ", ".join(known) or "none"
            raise InvalidInput(
                f"{activation!r} has no parameter {key!r}; it has {expected}", name=key, known=tuple(known)
            )
        known[proper] = value
    return known


def _check_name(name: str) -> None:
    if not IDENTIFIER.fullmatch(name):
        raise InvalidInput(f"{name!r} cannot name a parameter; use letters, digits and _", name=name)
    if name in RESERVED:
        raise InvalidInput(
            f"a parameter cannot be called {name!r}, which formulas use already; choose another name", name=name
        )
    if fold(name) in CONSTANTS or name in REFUSED or lookup(name) or name in catalogue:
        raise InvalidInput(
            f"a parameter cannot be called {name!r}, a function or constant; choose another name", name=name
        )
