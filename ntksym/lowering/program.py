"""The scalar program of a dual in single-assignment form: how it is read from a formula, and what it means.

A program is a list of assignments ``name <- operation(arguments)``. The mpmath interpreter here executes it (its
meaning), ``emit`` prints it as Python for numba (its speed); tests ask that both agree.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import mpmath
import sympy as sp

from ntksym.errors import LoweringBug
from ntksym.special.symbolic import MPMATH

__all__ = ["OPERATIONS", "Assignment", "Program", "ProgramBuilder", "evaluate"]


@dataclass(frozen=True)
class Assignment:
    """``name <- operation(arguments)``; a constant has no arguments and carries its exact value.

    Parameters
    ----------
    name : str
        The name assigned, once in the whole program.
    operation : str
        A key of ``OPERATIONS``.
    arguments : tuple of str
        Names of inputs or of earlier assignments.
    constant : sympy expression or None
        The exact value, for the operation "constant" only.
    """

    name: str
    operation: str
    arguments: tuple[str, ...]
    constant: sp.Expr | None = None

    def __str__(self) -> str:
        what = str(self.constant) if self.operation == "constant" else f"{self.operation}({', '.join(self.arguments)})"
        return f"{self.name} <- {what}"


@dataclass(frozen=True)
class Program:
    """A straight-line scalar program.

    Parameters
    ----------
    inputs : tuple of str
        Names bound by the caller.
    assignments : tuple of Assignment
        In an order in which every name is assigned before it is used.
    outputs : tuple of (str, str)
        Pairs (what the caller calls it, the name that holds it).
    """

    inputs: tuple[str, ...]
    assignments: tuple[Assignment, ...]
    outputs: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        lines = [f"inputs {', '.join(self.inputs)}", *map(str, self.assignments)]
        return "\n".join([*lines, *(f"output {public} <- {name}" for public, name in self.outputs)])

    def check(self) -> "Program":
        """Return the program itself if it is well formed.

        Raises
        ------
        LoweringBug
            A name is assigned twice or used before it is assigned, or an operation is unknown.
        """
        known = set(self.inputs)
        if len(known) != len(self.inputs):
            raise _bug("an input occurs twice", self)
        for assignment in self.assignments:
            operation = OPERATIONS.get(assignment.operation)
            if operation is None or operation.arity != len(assignment.arguments):
                raise _bug(f"'{assignment}' is not an operation with that many arguments", self)
            if (assignment.operation == "constant") != (assignment.constant is not None):
                raise _bug(f"'{assignment}' and its constant do not fit", self)
            if not known.issuperset(assignment.arguments):
                raise _bug(f"'{assignment}' uses a name before it is assigned", self)
            if assignment.name in known:
                raise _bug(f"'{assignment.name}' is assigned twice", self)
            known.add(assignment.name)
        if not known.issuperset(name for _, name in self.outputs):
            raise _bug("an output is never assigned", self)
        return self


def _bug(what: str, program: Program) -> LoweringBug:
    return LoweringBug(
        f"{what}. This is a bug in ntksym: please report it together with the formula and this program:\n{program}",
        program=program,
    )


@dataclass(frozen=True)
class Operation:
    """An operation a program may use: its arity, its meaning, and the stem of the names of its results."""

    arity: int
    meaning: Callable[..., Any]
    stem: str


def _opposite(low: Any, high: Any) -> Any:
    """arccos(-c/p) from p - c and p + c."""
    return 2 * mpmath.atan2(mpmath.sqrt(high), mpmath.sqrt(low))


OPERATIONS: Mapping[str, Operation] = {
    "constant": Operation(0, mpmath.mpf, "constant"),
    "add": Operation(2, lambda a, b: a + b, "sum"),
    "subtract": Operation(2, lambda a, b: a - b, "difference"),
    "multiply": Operation(2, lambda a, b: a * b, "product"),
    "divide": Operation(2, lambda a, b: a / b, "quotient"),
    "negate": Operation(1, lambda a: -a, "negative"),
    "absolute": Operation(1, mpmath.fabs, "size"),
    "at_least": Operation(2, max, "guarded"),
    "at_most": Operation(2, min, "least"),
    "square_root": Operation(1, mpmath.sqrt, "root"),
    "exp": Operation(1, mpmath.exp, "exponential"),
    "log": Operation(1, mpmath.log, "logarithm"),
    "sin": Operation(1, mpmath.sin, "sine"),
    "cos": Operation(1, mpmath.cos, "cosine"),
    "tan": Operation(1, mpmath.tan, "tangent"),
    "sinh": Operation(1, mpmath.sinh, "sinh"),
    "cosh": Operation(1, mpmath.cosh, "cosh"),
    "tanh": Operation(1, mpmath.tanh, "tanh"),
    "atan2": Operation(2, mpmath.atan2, "angle"),
    "opposite": Operation(3, lambda low, high, half: _opposite(low, high), "opposite"),
    "latitude": Operation(3, lambda low, high, half: _opposite(low, high) - mpmath.pi / 2, "latitude"),
    "sine": Operation(3, lambda low, high, half: 2 * half * mpmath.sqrt(low) * mpmath.sqrt(high), "sine"),
    "erf": Operation(1, mpmath.erf, "erf"),
    "normal_cdf": Operation(1, MPMATH["NormalCDF"], "cdf"),
    "exp_normal_cdf": Operation(2, MPMATH["ExpNormalCDF"], "cdf"),
    "exp_bivariate_normal_cdf": Operation(5, MPMATH["ExpBivariateNormalCDF"], "cdf"),
    "exp_sinh": Operation(2, MPMATH["ExpSinh"], "wave"),
    "exp_cosh": Operation(2, MPMATH["ExpCosh"], "wave"),
    "exp_erfi": Operation(2, MPMATH["ExpErfi"], "erfi"),
}
"""Every operation, with its meaning in mpmath at the working precision."""


class ProgramBuilder:
    """A program under construction: equal assignments are merged, so that nothing is computed twice."""

    def __init__(self) -> None:
        self._inputs: list[str] = []
        self._assignments: list[Assignment] = []
        self._known: dict[tuple[object, ...], str] = {}
        self._counts: dict[str, int] = {}
        self._place: dict[str, int] = {}

    def input(self, name: str) -> str:
        """Declare an input, once or again."""
        if name not in self._place:
            self._inputs.append(name)
            self._place[name] = len(self._place)
        return name

    def assign(self, operation: str, *arguments: str, constant: sp.Expr | None = None) -> str:
        """Name of the assignment ``operation(arguments)``, made now or found among the earlier ones."""
        if operation in ("add", "multiply"):
            arguments = tuple(sorted(arguments, key=self._place.__getitem__))  # one spelling for both orders
        key = (operation, arguments, constant)
        if key not in self._known:
            stem = OPERATIONS[operation].stem
            self._counts[stem] = self._counts.get(stem, 0) + 1
            name = f"{stem}{self._counts[stem]}"
            self._known[key] = name
            self._place[name] = len(self._place)
            self._assignments.append(Assignment(name, operation, arguments, constant))
        return self._known[key]

    def constant(self, value: sp.Expr | int) -> str:
        """Name of an exact constant."""
        return self.assign("constant", constant=sp.sympify(value))

    def program(self, outputs: Iterable[tuple[str, str]]) -> Program:
        """The finished program, checked."""
        return Program(tuple(self._inputs), tuple(self._assignments), tuple(outputs)).check()


def evaluate(program: Program, values: Mapping[str, Any]) -> dict[str, Any]:
    """Run a program in mpmath at the working precision: the meaning of a program.

    Parameters
    ----------
    program : Program
        What to run.
    values : mapping
        One mpmath number (or anything ``mpmath.mpmathify`` takes) for every input.

    Returns
    -------
    dict
        The outputs by their public names.
    """
    known = {name: mpmath.mpmathify(values[name]) for name in program.inputs}
    for assignment in program.assignments:
        if assignment.constant is not None:
            known[assignment.name] = mpmath.mpmathify(sp.N(assignment.constant, mpmath.mp.dps + 5))
        else:
            meaning = OPERATIONS[assignment.operation].meaning
            known[assignment.name] = meaning(*(known[argument] for argument in assignment.arguments))
    return {public: known[name] for public, name in program.outputs}
