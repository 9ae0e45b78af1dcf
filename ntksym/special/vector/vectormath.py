"""The scalar functions of generated code, and their text.

Each vectorises in a loop: no branch, no call to libm. `source_of` gives a function's text without decorator, `SOURCES`
the functions it calls; the text needs nothing but `numpy as np` and a decorator (`DECORATOR` needs `numba`).
"""

import inspect
import re
from types import ModuleType

from ntksym.special.vector import dawson, elementary
from ntksym.special.vector import normal_cdf as gaussian
from ntksym.special.vector.dawson import exp_erfi
from ntksym.special.vector.elementary import (
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
from ntksym.special.vector.normal_cdf import erf, exp_bivariate_normal_cdf, exp_normal_cdf, normal_cdf

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


_DEFINITION = re.compile(r"^def (\w+)\(.*?(?=^[^\s)]|\Z)", re.MULTILINE | re.DOTALL)
"""A function at the left margin, as far as the next thing there that is not the end of a long signature."""


def _texts(module: ModuleType) -> dict[str, str]:
    return {match[1]: match[0].rstrip() + "\n" for match in _DEFINITION.finditer(inspect.getsource(module))}


def _called(module: ModuleType, name: str) -> tuple[str, ...]:
    function = getattr(module, name)
    plain = getattr(function, "py_func", function)  # with NUMBA_DISABLE_JIT it is plain already
    return tuple(sorted(_TEXTS.keys() & plain.__code__.co_names))


_MODULES = (elementary, gaussian, dawson)
_TEXTS: dict[str, str] = {name: text for module in _MODULES for name, text in _texts(module).items()}

SOURCES: dict[str, tuple[str, ...]] = {name: _called(module, name) for module in _MODULES for name in _texts(module)}
"""Name of a function -> names of the functions it calls. In the order of this mapping, callees come before callers."""
