"""A program as lines of Python: one line an assignment, short arithmetic written inside the expression that uses it."""

from collections import Counter
from collections.abc import Mapping

import sympy as sp

from ntksym.lowering.program import Assignment, Program

__all__ = ["VECTORISED", "statements"]

ARITHMETIC = {
    "add": ("{} + {}", 1),
    "subtract": ("{} - {}", 1),
    "multiply": ("{} * {}", 2),
    "divide": ("{} / {}", 2),
    "negate": ("-{}", 3),
}
"""Operations printed as operators, with how tightly they bind: they may be written inside another expression."""

ATOM = 4
"""Binding of a name, a number or a call."""

CALLS = {
    "absolute": "abs",
    "at_least": "max",
    "at_most": "min",
    "square_root": "math.sqrt",
    "tan": "math.tan",
    "sinh": "math.sinh",
    "cosh": "math.cosh",
    "tanh": "math.tanh",
}
"""Operations printed as calls of what Python has."""

VECTORISED = {
    "exp": "exp",
    "log": "log",
    "sin": "sin",
    "cos": "cos",
    "atan2": "atan2_half",
    "opposite": "angle_to_opposite",
    "latitude": "latitude_of_angle",
    "sine": "sine_of_angle",
    "erf": "erf",
    "normal_cdf": "normal_cdf",
    "exp_normal_cdf": "exp_normal_cdf",
    "exp_bivariate_normal_cdf": "exp_bivariate_normal_cdf",
    "exp_sinh": "sinh_exp",
    "exp_cosh": "cosh_exp",
    "exp_erfi": "exp_erfi",
}
"""Operation -> function of ``vectormath``, whose source is copied into the module."""

SCALAR = {operation: f"math.{operation}" for operation in ("exp", "log", "sin", "cos", "atan2", "erf")}
"""Operation -> what is written outside of loops, where a few numbers are computed once."""

WIDTH = 100
"""Longest expression written without naming its parts."""


def statements(program: Program, targets: Mapping[str, str], *, scalar: bool = False) -> list[str]:
    """Lines of Python that execute the program, its inputs being local names.

    Parameters
    ----------
    program : Program
        What to print.
    targets : mapping
        Where each output goes: its public name -> the left-hand side of an assignment.
    scalar : bool
        Whether the lines run once, outside loops, and call Python's ``math``.
    """
    printer = _Printer(program, VECTORISED | CALLS | (SCALAR if scalar else {}))
    lines = [line for assignment in program.assignments for line in printer.lines(assignment)]
    return lines + [f"{targets[public]} = {printer.bare(name)}" for public, name in program.outputs]


class _Printer:
    """Decides which names stay and writes the other assignments where they are used, in the order of the program."""

    def __init__(self, program: Program, functions: Mapping[str, str]) -> None:
        self._functions = functions
        self._outputs = {name for _, name in program.outputs}
        self._uses = Counter(argument for assignment in program.assignments for argument in assignment.arguments)
        self._uses.update(name for _, name in program.outputs)
        self._inline: dict[str, tuple[str, int]] = {}

    def lines(self, assignment: Assignment) -> list[str]:
        """The statement for an assignment; none if it is written where it is used."""
        text, binding = self._expression(assignment)
        limit = WIDTH if assignment.name in self._outputs else WIDTH // 2
        once = self._uses[assignment.name] == 1 and assignment.operation in ARITHMETIC
        if assignment.constant is not None or (once and len(text) <= limit):
            self._inline[assignment.name] = (text, binding)
            return []
        return [f"{assignment.name} = {text}"]

    def bare(self, name: str) -> str:
        """The text of a name or of the expression it stands for, without parentheses."""
        return self._inline.get(name, (name, ATOM))[0]

    def _operand(self, name: str, weakest: int) -> str:
        text, binding = self._inline.get(name, (name, ATOM))
        return text if binding >= weakest else f"({text})"

    def _expression(self, assignment: Assignment) -> tuple[str, int]:
        """Text, and how tightly it binds."""
        if assignment.constant is not None:
            text = literal(assignment.constant)
            return text, 3 if text.startswith("-") else ATOM
        if assignment.operation in ARITHMETIC:
            pattern, binding = ARITHMETIC[assignment.operation]
            left, *right = assignment.arguments
            # The right operand keeps its parentheses among equals: the order of evaluation is that of the program.
            first = self._operand(left, binding if right else binding + 1)
            return pattern.format(first, *(self._operand(name, binding + 1) for name in right)), binding
        function = self._functions[assignment.operation]
        return f"{function}({', '.join(map(self.bare, assignment.arguments))})", ATOM


def literal(constant: sp.Expr) -> str:
    """The float64 nearest to an exact constant, in its shortest spelling."""
    return repr(float(sp.N(constant, 40)))
