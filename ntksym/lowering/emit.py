"""Programs as one Python module for numba: readable, standing alone, the same text for the same formulas."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from textwrap import indent

from ntksym.lowering.lowered_activation import LoweredActivation, LoweredSeries
from ntksym.lowering.passes import count, prune
from ntksym.lowering.printing import SCALAR, VECTORISED, statements
from ntksym.lowering.program import Program
from ntksym.lowering.templates import branches, deferral, series_layers
from ntksym.lowering.templates.fill import fill_function
from ntksym.lowering.templates.frame import (
    DECORATORS,
    DIAGONAL_SLOPE,
    DIAGONAL_VALUE,
    FILL_ARGUMENTS,
    FILL_MEMORY,
    FILL_STRIP,
    HEAD,
    PREPARE,
    ROOT,
    STRIP,
    TILE,
    WRITE,
)
from ntksym.lowering.templates.inner_products import product_functions
from ntksym.lowering.templates.near import near_function, near_list
from ntksym.numerics.limits import DIVISOR_FLOOR, EPSILON, SMALLEST_VARIANCE
from ntksym.special.vector import vectormath

__all__ = ["Source", "emit"]

START = """\
for i in range(last - first):
    for j in range(TILE):
        t[i, j] = c[i, j]
"""
"""Entry by entry: numba takes longer to compile ``t[:] = c``, which may raise an error, than all the layers."""

PAIR_PROLOGUE = """\
c = covariance[row, j]
p = root_i * there[j]
low = p - c
high = p + c
low = low if low > slack * p else 0.0
high = high if high > slack * p else 0.0
c = min(max(c, -p), p)
det = low * high
same = (low == 0.0) & (abs(p - q_i) <= slack * q_i)
"""
"""det = (p - c)(p + c) without cancellation; differences that are rounding error are zero; `same`: one point twice.

Where det is divided by, it is at least eps**2 p**2: then gap/sqrt(det) is zero or large whenever low is zero, which is
the limit, but for a gap of the size of its own rounding error, whose effect on the value is of that size too.
"""


@dataclass(frozen=True)
class Source:
    """A generated module.

    Parameters
    ----------
    text : str
        Its text, which imports math, numpy and numba only.
    parts : tuple of LoweredActivation
        The activations in the order of their numbers.
    """

    text: str
    parts: tuple[LoweredActivation | LoweredSeries, ...]

    @property
    def columns(self) -> int:
        """Shared quantities to make room for."""
        return max([len(part.shared) for part in self.parts], default=0)

    def __repr__(self) -> str:
        names = ", ".join(part.name for part in self.parts)
        return f"<Source of {names or 'a linear network'}: {len(self.text)} bytes>"


def emit(parts: Sequence[LoweredActivation | LoweredSeries], *, branched: bool = False) -> Source:
    """The module for all networks with these activations, of any depth, weights, biases and parameter values.

    Parameters
    ----------
    parts : sequence of LoweredActivation or LoweredSeries
        The activations; a layer names one by its place among them.
    branched : bool
        Whether the networks may have branches.
    """
    return _emitted(tuple(parts), branched)


@lru_cache(maxsize=256)
def _emitted(parts: tuple[LoweredActivation | LoweredSeries, ...], branched: bool) -> Source:
    sections = [
        HEAD.substitute(
            summary=_summary(parts),
            tile=TILE,
            strip=STRIP,
            smallest=SMALLEST_VARIANCE,
            epsilon=EPSILON,
            divisor_floor=DIVISOR_FLOOR,
            decorators=DECORATORS,
        ),
        *_library([part for part in parts if isinstance(part, LoweredActivation)]),
        *(function for part in parts for function in _functions(part)),
        _linear_functions(),
        near_list([part.name if isinstance(part, LoweredActivation) else None for part in parts]),
        deferral.mark_function(),
        product_functions(),
        *([branches.FUNCTIONS] if branched else []),
        WRITE,
        PREPARE.substitute(
            share_activations=_share_activations(parts),
            row_activations=_row_activations(parts),
            **branches.row_sections(branched),
        ),
        _fill("nngp", parts, branched),
        _fill("ntk", parts, branched),
    ]
    return Source("\n\n".join(section.strip("\n") + "\n" for section in sections), parts)


def _summary(parts: Sequence[LoweredActivation | LoweredSeries]) -> str:
    lines = []
    for number, part in enumerate(parts):
        lines += [f"activation {number}: {part.title[0]}", *(f"    {line}" for line in part.title[1:])]
        programs = (("row", part.stages.row), ("pair", part.stages.pair)) if isinstance(part, LoweredActivation) else ()
        for title, program in programs:
            operations = ", ".join(f"{times} {operation}" for operation, times in count(program).items())
            lines.append(f"    operations a {title} and layer: {operations or 'none'}")
    return "\n".join(lines or ["no activation: the network is linear"]).replace("\\", "\\\\").replace('"""', "'''")


def _library(parts: Sequence[LoweredActivation]) -> list[str]:
    """Source of the vectormath functions that the parts call, each after those it calls itself."""
    needed: set[str] = set()

    def visit(name: str) -> None:
        needed.add(name)
        for other in vectormath.SOURCES[name]:
            visit(other)

    for part in parts:
        for program, elsewhere in ((part.stages.shared, SCALAR), (part.stages.row, {}), (part.stages.pair, {})):
            for assignment in program.assignments:
                if assignment.operation in VECTORISED.keys() - elsewhere.keys():
                    visit(VECTORISED[assignment.operation])
    return [f"@inlined\n{vectormath.source_of(name)}" for name in vectormath.SOURCES if name in needed]


def _functions(part: LoweredActivation | LoweredSeries) -> list[str]:
    if isinstance(part, LoweredSeries):
        return series_layers.series_functions()
    functions = [_row_function(part), _step_function(part, "nngp")]
    if part.shared:
        functions.insert(0, _shared_function(part))
    if part.has_slope:
        functions.append(_step_function(part, "ntk"))
    return [*functions, near_function(part)]


def _shared_function(part: LoweredActivation) -> str:
    lines = [f"{parameter_input} = parameters[{k}]" for k, parameter_input in _parameter_inputs(part)]
    targets = {public: f"shared[{column}]" for public, column in part.shared.items()}
    lines += statements(part.stages.shared, targets, scalar=True)
    return _function("", f"{part.name}_shared(parameters, shared)", lines)


def _parameter_inputs(part: LoweredActivation) -> list[tuple[int, str]]:
    inputs = enumerate(f"parameter_{name}" for name in part.parameters)
    return [(k, name) for k, name in inputs if name in part.stages.shared.inputs]


def _row_function(part: LoweredActivation) -> str:
    slots = part.slots
    body = ["q = max(variances[i], SMALLEST_VARIANCE)"]
    body += statements(part.stages.row, {public: f"here[{_at(slot, 'i')}]" for public, slot in slots.items()})
    if not part.has_slope:
        body.append(f"here[{_at(DIAGONAL_SLOPE, 'i')}] = 0.0")
    lines = [*_shared_reads(part, part.stages.row), "for i in range(TILE):", *_indented(body)]
    return _function("inlined", f"{part.name}_rows(variances, shared, here)", lines)


def _step_function(part: LoweredActivation, get: str) -> str:
    """One layer for some rows of a tile: the loop over its columns is the one that vectorises."""
    program = prune(part.stages.pair, ["value", "slope"] if get == "ntk" else ["value"])
    sides: dict[str, list[str]] = {"_1": [], "_2": []}
    for name, slot in part.slots.items():
        for side, array, index in (("_1", "here", "i"), ("_2", "there", "j")):
            if name + side in program.inputs:
                sides[side].append(f"{name}{side} = {array}[{_at(slot, index)}]")
    before = [
        "i = first + row",
        f"root_i = here[{_at(ROOT, 'i')}]",
        "q_i = root_i * root_i",
        f"value_i = here[{_at(DIAGONAL_VALUE, 'i')}]",
        *([f"slope_i = here[{_at(DIAGONAL_SLOPE, 'i')}]"] if get == "ntk" else []),
        *sides["_1"],
    ]
    body = [*PAIR_PROLOGUE.splitlines(), *sides["_2"]]
    if "gap" in program.inputs:
        body.append(f"gap = root_i - there[{_at(ROOT, 'j')}]")
    if "floor" in program.inputs:
        body.append("floor = FLOOR * p * p + SMALLEST_FLOOR")
    body += statements(program, {"value": "value", "slope": "slope"})
    body.append("after = weight * (value_i if same else value) + bias")
    if get == "ntk":
        body.append("tangent[row, j] = after + weight * (slope_i if same else slope) * tangent[row, j]")
    body.append("covariance[row, j] = after")
    arguments = ["first", "here", "there", "shared", "weight", "bias", "slack", "covariance"]
    arguments += ["tangent"] * (get == "ntk")
    lines = [*_shared_reads(part, program), *_every_row([*before, "for j in range(TILE):", *_indented(body)])]
    return _function("inlined", f"{part.name}_step_{get}({', '.join(arguments)})", lines)


def _linear_functions() -> str:
    """What happens at a layer without activation."""
    rows = [
        "for i in range(TILE):",
        f"    here[{_at(ROOT, 'i')}] = math.sqrt(variances[i])",
        f"    here[{_at(DIAGONAL_VALUE, 'i')}] = variances[i]",
        f"    here[{_at(DIAGONAL_SLOPE, 'i')}] = 1.0",
    ]
    nngp = ["for j in range(TILE):", "    covariance[row, j] = weight * covariance[row, j] + bias"]
    ntk = [*nngp, "    tangent[row, j] = covariance[row, j] + weight * tangent[row, j]"]
    return "\n\n".join(
        [
            _function("inlined", "linear_rows(variances, here)", rows),
            _function("inlined", "linear_step_nngp(weight, bias, covariance)", _every_row(nngp)),
            _function("inlined", "linear_step_ntk(weight, bias, covariance, tangent)", _every_row(ntk)),
        ]
    )


def _every_row(lines: Iterable[str]) -> list[str]:
    return ["for row in range(covariance.shape[0]):", *_indented(lines)]


def _fill(get: str, parts: Sequence[LoweredActivation | LoweredSeries], branched: bool) -> str:
    write = "write({0}_tile, {1}[block], {2}, top, height, left, count, symmetric)".format
    nngp_write = write("c", "variances", "nngp").replace("[block]", "[block, layers]")
    writes = [nngp_write] if get == "nngp" else [write("t", "tangents", "ntk"), "if both:", f"    {nngp_write}"]
    series = any(isinstance(part, LoweredSeries) for part in parts)
    strip = FILL_STRIP.substitute(
        c_place="first" if get == "nngp" else "first if both else 0",
        start=START if get == "ntk" else "",
        mark=deferral.MARK,
        step_activations=_step_activations(get, parts),
        **branches.strip_sections(branched, get),
    )
    return fill_function(
        f"fill_{get}",
        FILL_ARGUMENTS,
        deferred=(
            "The pairs (i, j) left to be computed one by one: |rho| >= nearest, or beyond the terms of a series.",
            "hard[i - first, j] > 0.0",
        ),
        memory=FILL_MEMORY + (branches.MEMORY if branched else "") + (series_layers.BEGIN if series else ""),
        strip=strip,
        forget="clear(hard)",
        tile="\n".join(writes),
    )


def _step_activations(get: str, parts: Sequence[LoweredActivation | LoweredSeries]) -> str:
    tangent = ", t" if get == "ntk" else ""
    calls = {}
    for number, part in enumerate(parts):
        if isinstance(part, LoweredSeries):
            given = f"layout[layer, 2], layout[layer, 3], weight, bias, slack, hard, scratch, c{tangent}"
            calls[number] = f"deferred += {part.name}_step_{get}(first, here, there, {given})"
        elif get == "nngp" or part.has_slope:
            given = f"first, here, there, shared[layer], weight, bias, slack, c{tangent}"
            calls[number] = f"{part.name}_step_{get}({given})"
    return indent(_by_activation(calls, f"linear_step_{get}(weight, bias, c{tangent})"), " " * 4)


def _share_activations(parts: Sequence[LoweredActivation | LoweredSeries]) -> str:
    calls = {k: f"{part.name}_shared(parameters[layer], shared[layer])" for k, part in enumerate(parts) if part.shared}
    return indent(_by_activation(calls, "pass"), " " * 8)


def _row_activations(parts: Sequence[LoweredActivation | LoweredSeries]) -> str:
    calls = {
        number: f"{part.name}_rows(q, shared[layer], here)" if isinstance(part, LoweredActivation) else "pass"
        for number, part in enumerate(parts)
    }
    return indent(_by_activation(calls, "linear_rows(q, here)"), " " * 12)


def _by_activation(calls: Mapping[int, str], otherwise: str) -> str:
    lines: list[str] = []
    for number, call in calls.items():
        lines += [f"{'el' if lines else ''}if which[layer] == {number}:", f"    {call}"]
    return "\n".join([*lines, "else:", f"    {otherwise}"] if lines else [otherwise])


def _shared_reads(part: LoweredActivation, program: Program) -> list[str]:
    return [f"{name} = shared[{column}]" for name, column in part.shared.items() if name in program.inputs]


def _at(slot: int, index: str) -> str:
    return {0: index, 1: f"TILE + {index}"}.get(slot, f"{slot} * TILE + {index}")


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _function(decorator: str, signature: str, lines: Iterable[str]) -> str:
    head = [f"@{decorator}"] if decorator else []
    return "\n".join([*head, f"def {signature}:", *_indented(lines)]) + "\n"
