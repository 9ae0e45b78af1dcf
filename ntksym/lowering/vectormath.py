"""The scalar functions of generated code, and their text.

Each vectorises in a loop: no branch, no call to libm. `source_of` gives a function's text without decorator, `SOURCES`
the functions it calls; the text needs nothing but `numpy as np` and a decorator (`DECORATOR` needs `numba`).
"""

import ast
import inspect
from types import ModuleType

from ntksym.lowering import dawson, elementary
from ntksym.lowering import normal_cdf as gaussian
from ntksym.lowering.dawson import exp_erfi
from ntksym.lowering.elementary import (
    DECORATOR,
    FLAGS,
    acute_angle,
    angle,
    angle_to_opposite,
    arccos_complement,
    atan2_half,
    cos,
    cosh_exp,
    exp,
    expm1,
    latitude_of_angle,
    log,
    log1p,
    sin,
    sine_of_angle,
    sinh_exp,
)
from ntksym.lowering.normal_cdf import erf, exp_bivariate_normal_cdf, exp_normal_cdf, normal_cdf

__all__ = [
    "DECORATOR",
    "FLAGS",
    "SOURCES",
    "acute_angle",
    "angle",
    "angle_to_opposite",
    "arccos_complement",
    "atan2_half",
    "cos",
    "cosh_exp",
    "erf",
    "exp",
    "exp_bivariate_normal_cdf",
    "exp_erfi",
    "exp_normal_cdf",
    "expm1",
    "latitude_of_angle",
    "log",
    "log1p",
    "normal_cdf",
    "sin",
    "sine_of_angle",
    "sinh_exp",
    "source_of",
]


def source_of(name: str) -> str:
    """The function's text, docstring and all, without a decorator; ends with a newline.

    Raises
    ------
    KeyError
        If there is no such function; `SOURCES` lists them.
    """
    return _TEXTS[name]


def _read(module: ModuleType) -> dict[str, tuple[ast.FunctionDef, str]]:
    text = inspect.getsource(module)
    lines = text.splitlines(keepends=True)
    return {
        node.name: (node, "".join(lines[node.lineno - 1 : node.end_lineno]))
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef)
    }


_FUNCTIONS = {**_read(elementary), **_read(gaussian), **_read(dawson)}
_TEXTS: dict[str, str] = {name: text for name, (_, text) in _FUNCTIONS.items()}


def _called(node: ast.FunctionDef) -> tuple[str, ...]:
    names = (item.func.id for item in ast.walk(node) if isinstance(item, ast.Call) and isinstance(item.func, ast.Name))
    return tuple(sorted({name for name in names if name in _FUNCTIONS}))


SOURCES: dict[str, tuple[str, ...]] = {name: _called(node) for name, (node, _) in _FUNCTIONS.items()}
"""Name of a function -> names of the functions it calls. In the order of this mapping, callees come before callers."""
