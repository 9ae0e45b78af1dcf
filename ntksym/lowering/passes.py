"""Passes over programs: what is never used is dropped, what depends on one row alone leaves the loop over pairs."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ntksym.lowering.program import Assignment, Program, ProgramBuilder, evaluate

__all__ = ["Stages", "count", "hoist", "prune"]


@dataclass(frozen=True)
class Stages:
    """One dual, split by how often a thing must be computed.

    Parameters
    ----------
    shared : Program
        Once a layer: from the parameters alone.
    row : Program
        Once a row of data and layer: from q and the outputs of ``shared``. It yields ``root`` = sqrt(q),
        ``diagonal_value`` = E[s(U)^2], where it exists ``diagonal_slope`` = E[s'(U)^2], and further row quantities
        r(q); the pair stage reads them at both of its rows as ``r_1`` and ``r_2``.
    pair : Program
        Once a pair of rows and layer: from c, det, low, high, gap, floor, ``shared`` and row quantities.
    """

    shared: Program
    row: Program
    pair: Program

    def __str__(self) -> str:
        titles = ("once a layer", "once a row and layer", "once a pair and layer")
        parts = zip(titles, (self.shared, self.row, self.pair), strict=True)
        return "\n\n".join(f"{title}\n{program}" for title, program in parts)

    def evaluate(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Value and slope in mpmath, from the inputs of a pair program: what the stages mean together."""
        shared = evaluate(self.shared, values)
        rows = (evaluate(self.row, shared | {"q": values[q]}) for q in ("q1", "q2"))
        both = {f"{name}_{side}": value for side, row in enumerate(rows, 1) for name, value in row.items()}
        return evaluate(self.pair, {**values, **shared, **both})


def prune(program: Program, outputs: Iterable[str]) -> Program:
    """The part of a program that the named outputs need; inputs that are no longer used go too."""
    wanted = tuple(outputs)
    kept_outputs = tuple((public, name) for public, name in program.outputs if public in wanted)
    needed = {name for _, name in kept_outputs}
    kept: list[Assignment] = []
    for assignment in reversed(program.assignments):
        if assignment.name in needed:
            kept.append(assignment)
            needed.update(assignment.arguments)
    inputs = tuple(name for name in program.inputs if name in needed)
    return Program(inputs, tuple(reversed(kept)), kept_outputs).check()


def count(program: Program) -> dict[str, int]:
    """How often each operation is executed in one run, constants not counted."""
    counted = Counter(assignment.operation for assignment in program.assignments if assignment.operation != "constant")
    return dict(sorted(counted.items()))


def hoist(pair: Program, diagonal: Program) -> Stages:
    """Split a pair program and its diagonal program into stages.

    The dual is symmetric, so a quantity f(q1) of the first row and the same f(q2) of the second are one row quantity,
    computed once a row and read from both sides.

    Parameters
    ----------
    pair : Program
        Inputs q1, q2, c, det, low, high, gap, floor and parameters; outputs value and, where it exists, slope.
    diagonal : Program
        Input q and parameters; outputs value and, where it exists, slope.
    """
    splitter = _Dealer()
    splitter.add_diagonal(diagonal)
    splitter.add_pair(pair)
    return Stages(*map(_tidy, (splitter.shared, splitter.row, splitter.pair)))


def _tidy(stage: "_Stage") -> Program:
    program = stage.assembly.program(stage.outputs.items())
    return prune(program, stage.outputs)


class _Stage:
    """A program under construction and its outputs: public name -> name."""

    def __init__(self) -> None:
        self.assembly = ProgramBuilder()
        self.outputs: dict[str, str] = {}


class _Dealer:
    """Deals the assignments of programs out to the stages, by what they depend on."""

    def __init__(self) -> None:
        self.shared, self.row, self.pair = _Stage(), _Stage(), _Stage()
        self._stages = {"shared": self.shared, "row": self.row, "row1": self.row, "row2": self.row, "pair": self.pair}

    def add_diagonal(self, program: Program) -> None:
        places = self._deal(program, {"q": ("row", "q")})
        self.row.assembly.input("q")
        self.row.outputs["root"] = self.row.assembly.assign("square_root", "q")
        for public, name in program.outputs:
            self.row.outputs[f"diagonal_{public}"] = self._bring(places[name], "row")

    def add_pair(self, program: Program) -> None:
        start = {name: ("pair", name) for name in ("c", "det", "low", "high", "gap", "floor")}
        start |= {"q1": ("row1", "q"), "q2": ("row2", "q")}
        places = self._deal(program, start)
        for public, name in program.outputs:
            self.pair.outputs[public] = self._bring(places[name], "pair")

    def _deal(self, program: Program, start: dict[str, "_Place"]) -> dict[str, "_Place"]:
        """Copy every assignment into its stage; where each name of the program went."""
        places: dict[str, _Place] = {name: start.get(name, ("shared", name)) for name in program.inputs}
        for level, name in places.values():
            self._stages[level].assembly.input(name)
        for assignment in program.assignments:
            if assignment.constant is not None:
                places[assignment.name] = ("number", assignment.constant)
                continue
            arguments = [places[argument] for argument in assignment.arguments]
            level = _level(level for level, _ in arguments)
            assembly = self._stages[level].assembly
            name = assembly.assign(assignment.operation, *(self._bring(place, level) for place in arguments))
            places[assignment.name] = (level, name)
        return places

    def _bring(self, place: "_Place", level: str) -> str:
        """The name under which the thing at ``place`` is known at ``level``, exported and imported as needed."""
        origin, name = place
        if origin == level:
            return str(name)
        assembly = self._stages[level].assembly
        if origin == "number":
            return assembly.constant(name)
        if origin == "shared":
            public = str(name) if str(name).startswith("parameter_") else f"shared_{name}"
            self.shared.outputs[public] = str(name)
            return assembly.input(public)
        known = {name: public for public, name in self.row.outputs.items()}
        public = known.get(str(name), str(name))
        self.row.outputs[public] = str(name)
        return assembly.input(f"{public}_{origin.removeprefix('row')}")


_Place = tuple[str, Any]
"""A stage, or "number", and what the thing is called there (a number is its own name)."""


def _level(levels: Iterable[str]) -> str:
    """The stage in which a thing that depends on these can first be computed."""
    found = set(levels) - {"number"}
    rows = found - {"shared"}
    if not rows:
        return "shared"
    return rows.pop() if len(rows) == 1 else "pair"
