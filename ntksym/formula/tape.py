"""A smooth piece of an activation as a list of steps, which any arithmetic can play: balls, or bounds of tails."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import sympy as sp

from ntksym.errors import ToleranceNotMet
from ntksym.formula.functions import FUNCTIONS
from ntksym.formula.stability import stabilise
from ntksym.symbols import x

__all__ = ["CERTIFIED", "Tape", "TapeArithmetic", "play", "record"]

CERTIFIED = frozenset(name for name, function in FUNCTIONS.items() if function.certified is True)
"""The functions of one argument that an arithmetic must know."""

Number = TypeVar("Number")


class TapeArithmetic(Protocol[Number]):
    """One kind of numbers; each stands for a function of x and carries its derivative along."""

    def constant(self, expression: sp.Expr) -> Number:
        """A number without x."""

    def add(self, terms: Sequence[Number]) -> Number:
        """Their sum."""

    def multiply(self, factors: Sequence[Number]) -> Number:
        """Their product."""

    def power(self, base: Number, exponent: sp.Rational) -> Number:
        """The real power."""

    def apply(self, name: str, argument: Number) -> Number:
        """One of ``CERTIFIED``."""


@dataclass(frozen=True)
class Instruction:
    """``head(*arguments)``, which are numbers of earlier steps; ``detail`` is a constant or the exponent of a power."""

    head: str
    arguments: tuple[int, ...] = ()
    detail: Any = None


@dataclass(frozen=True)
class Tape:
    """The steps in order; the first is x itself, the last the result."""

    steps: tuple[Instruction, ...]


def record(piece: sp.Expr) -> Tape:
    """The steps of a smooth piece.

    Parameters
    ----------
    piece : Expr
        In ``symbols.x``, without parameters and without kinks.

    Raises
    ------
    ToleranceNotMet
        A function occurs for which there is no rule.
    """
    recorder = _Recorder()
    result = recorder.visit(stabilise(piece))
    if result != len(recorder.steps) - 1:
        recorder.steps.append(Instruction("add", (result,)))
    return Tape(tuple(recorder.steps))


class _Recorder:
    def __init__(self) -> None:
        self.steps = [Instruction("x")]
        self.known: dict[Any, int] = {x: 0}

    def visit(self, node: Any) -> int:
        if node not in self.known:
            self.known[node] = self._enter(node)
        return self.known[node]

    def _enter(self, node: Any) -> int:
        if not node.has(x):
            return self._append("constant", (), node)
        if isinstance(node, sp.Add | sp.Mul):
            arguments = tuple(self.visit(argument) for argument in node.args)
            return self._append("add" if isinstance(node, sp.Add) else "multiply", arguments)
        if isinstance(node, sp.Pow):
            return self._power(node.base, node.exp)
        name = type(node).__name__
        if name == "rise":
            side, height = node.args
            return self.visit(sp.Add(side, sp.Pow(side**2 + height**2, sp.S.Half, evaluate=False), evaluate=False))
        if name not in CERTIFIED:
            raise ToleranceNotMet(
                f"a certificate has no rule for {name} in {node}; use certify=False", subexpression=node
            )
        return self._append(name, (self.visit(node.args[0]),))

    def _power(self, base: sp.Expr, exponent: sp.Expr) -> int:
        if not exponent.is_Rational:
            exponents = (self.visit(exponent), self.visit(sp.log(base)))
            return self._append("exp", (self._append("multiply", exponents),))
        if isinstance(base, sp.cosh) and exponent < 0:
            return self._append("power", (self._append("sech", (self.visit(base.args[0]),)),), -exponent)
        return self._append("power", (self.visit(base),), exponent)

    def _append(self, head: str, arguments: tuple[int, ...], detail: Any = None) -> int:
        self.steps.append(Instruction(head, arguments, detail))
        return len(self.steps) - 1


def play(tape: Tape, arithmetic: TapeArithmetic[Number], start: Number) -> Number:
    """The result of the steps where x is ``start``."""
    results = [start]
    for step in tape.steps[1:]:
        values = [results[place] for place in step.arguments]
        match step.head:
            case "constant":
                results.append(arithmetic.constant(step.detail))
            case "add":
                results.append(arithmetic.add(values))
            case "multiply":
                results.append(arithmetic.multiply(values))
            case "power":
                results.append(arithmetic.power(values[0], step.detail))
            case name:
                results.append(arithmetic.apply(name, values[0]))
    return results[-1]
