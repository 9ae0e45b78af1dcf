"""What machine code numba made: innermost loops that multiply vectors, in x86 and ARM assembly, and what is in them."""

import re
from dataclasses import dataclass

LABEL = re.compile(r"^(\.?L\w+):")
JUMP = re.compile(r"^\s+(?:j\w+|b(?:\.\w+)?|cbn?z\s+\w+,|tbn?z\s+\w+, #\d+,)\s+(\.?L\w+)")
PACKED = re.compile(r"\bv?(?:mul|fn?m(?:add|sub)\d*)pd\s[^\n]*%[xyz]mm|\bfm(?:ul|la|ls)\s+v\d+\.2d")
STORE = re.compile(r"^\s+v?mov\w+\s+%[xyz]mm\d+, -?\d*\(%r[sb]p\)")
RELOAD = re.compile(r"^\s+v?\w+\s+-?\d*\(%r[sb]p\)[^\n]*%[xyz]mm")
CALL = re.compile(r"^\s+(?:call\w*|blr?)\s")


@dataclass(frozen=True)
class Loop:
    """The instructions of an innermost loop."""

    lines: tuple[str, ...]

    @property
    def calls(self) -> list[str]:
        """Calls of other functions, or of what a register holds."""
        return self._matching(CALL)

    @property
    def is_wide(self) -> bool:
        """Whether it computes with vectors of eight."""
        return any("%zmm" in line for line in self.lines)

    @property
    def spills(self) -> list[str]:
        """Vectors written to the stack: registers did not suffice."""
        return self._matching(STORE)

    @property
    def reloads(self) -> list[str]:
        """Vectors read from the stack: mostly constants, which cost no more there than in the program's own text."""
        return self._matching(RELOAD)

    @property
    def products(self) -> int:
        """Multiplications of vectors, fused with an addition or not."""
        return len(self._matching(PACKED))

    def _matching(self, pattern: re.Pattern[str]) -> list[str]:
        return [line.strip() for line in self.lines if pattern.search(line)]


def inner_loops(assembly: str) -> list[Loop]:
    """Innermost loops that multiply vectors: from a label to the last jump back to it, with no such pair inside."""
    lines = assembly.splitlines()
    labels = {found[1]: number for number, line in enumerate(lines) if (found := LABEL.match(line))}
    ends: dict[int, int] = {}
    for number, line in enumerate(lines):
        found = JUMP.match(line)
        if found and labels.get(found[1], number) < number:
            ends[labels[found[1]]] = number
    begins = sorted(ends)
    alone = [first for first in begins if not any(first < other and ends[other] <= ends[first] for other in begins)]
    return [loop for loop in (Loop(tuple(lines[first : ends[first] + 1])) for first in alone) if loop.products]
