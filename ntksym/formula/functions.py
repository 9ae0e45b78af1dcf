"""One table of the functions that a formula may contain: one record a function, one column a kind of knowledge.

A cell without an answer says `Unknown` and why. To admit a function to formulas add its record here; rooms that compute
with functions in an arithmetic of their own (balls, tails, power series) add the rule that a cell promises, and
``tests/formula/test_functions.py`` finds what is missing.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import mpmath as mp
import numpy as np
import sympy as sp

from ntksym.formula import real_functions as real

__all__ = ["FUNCTIONS", "Function", "Unknown"]


@dataclass(frozen=True)
class Unknown:
    """An empty cell, and why it is empty."""

    reason: str


Growth = Literal[
    "exponential", "saturating", "logarithmic", "hyperbolic", "bounded", "largest argument", "error tail",
    "imaginary error", "cardinal", "local",
]  # fmt: skip
Sign = Literal["positive", "of u", "of u - 1", "wave"]


@dataclass(frozen=True)
class Function:
    """One function f(u) of real numbers.

    Attributes
    ----------
    name : str
        The class name in sympy expressions, by which every room finds the function.
    head : sympy class
        What makes such an expression. Unknown for functions that only `stabilise` or a tape makes.
    spellings : tuple of str
        Names in text, besides that of the class, for functions that text calls as they are.
    float64, multiprecision : callable
        On float64 arrays, and on mpmath numbers; NaN outside of the real domain.
    growth : str
        How |f(u)| grows with x when u does: the rule of `activation.growth`.
    sign : str
        Where f(u) is positive, for `activation.pieces.signs`.
    branch : callable or None
        u -> an expression at whose zeros f is not smooth, or infinite; None where f is smooth on the whole line.
    continuous : bool
        Whether f is continuous on its real domain, and finite.
    singular : callable or None
        u -> an expression whose complex zeros are the singularities of f; None for an entire function.
    taylor : "rule", "derivative" or callable
        How a power series of f comes about: by a rule of its own, from f' = an expression in simpler functions, or as
        an equal expression u -> ... in functions that have one.
    certified : bool
        That balls, tails and the derivative have rules in `hermite.certified`.
    normal_form : bool
        Whether f of a linear u lies in the class of functions whose duals are closed.
    domain : pair of numbers
        The ends, included, of the interval on which f is real.
    """

    name: str
    head: Any
    spellings: tuple[str, ...]
    float64: Callable[..., Any] | Unknown
    multiprecision: Callable[..., Any] | Unknown
    growth: Growth | Unknown
    sign: Sign | Unknown
    branch: Callable[[sp.Expr], sp.Expr] | Unknown | None
    continuous: bool
    singular: Callable[[sp.Expr], sp.Expr] | Unknown | None
    taylor: Callable[[sp.Expr], sp.Expr] | Literal["rule", "derivative"] | Unknown
    certified: bool | Unknown
    normal_form: bool
    domain: tuple[float, float] = (-math.inf, math.inf)

    @property
    def is_transcendental(self) -> bool:
        """Whether multiplying out leaves it alone: all but those that pieces take apart, and what has no head."""
        return not isinstance(self.head, Unknown) and self.certified is True


INSIDE = Unknown("made from other functions after this has been read off them")
"""For functions that `stabilise` writes for sums that cancel."""

APART = Unknown("never inside a smooth piece: the formula is taken apart there")
"""For functions with kinks and jumps."""


def _one_minus_square(u: sp.Expr) -> sp.Expr:
    return 1 - u**2


def _one_plus_square(u: sp.Expr) -> sp.Expr:
    return 1 + u**2


def _whole_line(
    name: str, growth: Growth, sign: Sign | Unknown, singular: Any, taylor: Any, normal_form: bool, **cells: Any
) -> Function:
    """A function that is smooth on the whole line; numpy and mpmath call it by its name unless ``cells`` say else."""
    known = {
        "head": getattr(sp, name),
        "spellings": (),
        "float64": getattr(np, name, None),
        "multiprecision": getattr(mp, name),
        "branch": None,
        "continuous": True,
        "certified": True,
    }
    return Function(
        name=name, growth=growth, sign=sign, singular=singular, taylor=taylor, normal_form=normal_form, **known | cells
    )


def _branched(
    name: str, growth: Growth, sign: Sign | Unknown, branch: Any, singular: Any, taylor: Any, **cells: Any
) -> Function:
    """A function with a branch point or pole on the line."""
    return _whole_line(name, growth, sign, singular, taylor, False, branch=branch, **cells)


def _apart(name: str, growth: Growth, continuous: bool, float64: Any, multiprecision: Any) -> Function:
    """A function with kinks or jumps, of which no smooth piece is made."""
    return Function(
        name, getattr(sp, name), (), float64, multiprecision, growth, APART, APART, continuous, APART, APART,
        APART, False,
    )  # fmt: skip


def _inside(name: str, float64: Any, multiprecision: Any, certified: Any = True, **cells: Any) -> Function:
    """A function that `stabilise` writes for a sum that cancels, or a tape for a power."""
    return Function(
        name, INSIDE, (), float64, multiprecision, INSIDE, INSIDE, INSIDE, True, INSIDE, INSIDE, certified, False,
        **cells,
    )  # fmt: skip


def _heaviside(value: Any, at_zero: Any) -> Any:
    return at_zero if value == 0 else (mp.sign(value) + 1) / 2


_RECORDS = (
    _whole_line("exp", "exponential", "positive", None, "rule", True, multiprecision=real.exponential),
    _whole_line("sin", "bounded", "wave", None, "rule", True, multiprecision=real.periodic(mp.sin)),
    _whole_line("cos", "bounded", "wave", None, "rule", True, multiprecision=real.periodic(mp.cos)),
    _whole_line(
        "sinh", "hyperbolic", "of u", None, "rule", True, multiprecision=real.bounded(mp.sinh, -mp.inf, mp.inf)
    ),
    _whole_line(
        "cosh", "hyperbolic", "positive", None, "rule", True, multiprecision=real.bounded(mp.cosh, mp.inf, mp.inf)
    ),
    _whole_line(
        "tanh", "saturating", "of u", lambda u: sp.exp(2 * u) + 1, lambda u: 1 - 2 / (1 + sp.exp(2 * u)), False
    ),
    _whole_line(
        "atan", "saturating", "of u", _one_plus_square, "derivative", False, spellings=("arctan",), float64=np.arctan
    ),
    _whole_line(
        "asinh", "logarithmic", "of u", _one_plus_square, "derivative", False, spellings=("arcsinh",),
        float64=np.arcsinh,
    ),
    _whole_line("erf", "saturating", "of u", None, "derivative", True, float64=partial(real.special, "erf")),
    _whole_line(
        "erfc", "error tail", "positive", None, "derivative", True, float64=partial(real.special, "erfc"),
        multiprecision=real.error_function(mp.erfc, mp.mpf(2), mp.mpf(0)),
    ),
    _whole_line(
        "erfi", "imaginary error", "of u", None, "derivative", False, float64=partial(real.special, "erfi"),
        multiprecision=real.error_function(mp.erfi, -mp.inf, mp.inf),
    ),
    _whole_line(
        "sinc", "cardinal", Unknown("its zeros are infinitely many, and no closed duals ask for them"), None,
        Unknown("sin(u)/u is 0/0 at u = 0, where duals would expand it"), False, float64=real.cardinal_sine,
        multiprecision=real.periodic(mp.sinc),
    ),
    _branched(
        "log", "logarithmic", "of u - 1", lambda u: u, lambda u: u, "derivative", continuous=False,
        multiprecision=real.logarithm, domain=(0, math.inf),
    ),
    _branched(
        "tan", "local", Unknown("it changes at poles too"), sp.cos,
        Unknown("its poles are the zeros of cos(u), which are not solved for"), lambda u: sp.sin(u) / sp.cos(u),
        continuous=False, multiprecision=real.periodic(mp.tan),
    ),
    _branched(
        "asin", "bounded", "of u", _one_minus_square, _one_minus_square, "derivative", spellings=("arcsin",),
        float64=np.arcsin, multiprecision=real.within(mp.asin, -1.0, 1.0), domain=(-1, 1),
    ),
    _branched(
        "acos", "bounded", "positive", _one_minus_square, _one_minus_square, "derivative", spellings=("arccos",),
        float64=np.arccos, multiprecision=real.within(mp.acos, -1.0, 1.0), domain=(-1, 1),
    ),
    _branched(
        "atanh", "local", "of u", _one_minus_square, _one_minus_square, "derivative", continuous=False,
        spellings=("arctanh",), float64=np.arctanh, multiprecision=real.within(mp.atanh, -1.0, 1.0),
        domain=(-1, 1),
    ),
    _branched(
        "acosh", "logarithmic", "positive", lambda u: u - 1, _one_minus_square, "derivative", spellings=("arccosh",),
        float64=np.arccosh, multiprecision=real.within(mp.acosh, 1.0, math.inf),
        domain=(1, math.inf),
    ),
    _apart("Abs", "largest argument", True, np.abs, abs),
    _apart("Max", "largest argument", True, np.maximum, real.extremum(max)),
    _apart("Min", "largest argument", True, np.minimum, real.extremum(min)),
    _apart("sign", "bounded", False, np.sign, mp.sign),
    _apart("Heaviside", "bounded", False, np.heaviside, _heaviside),
    _apart("floor", "largest argument", False, np.floor, mp.floor),
    _apart("ceiling", "largest argument", False, np.ceil, mp.ceil),
    _inside("expm1", np.expm1, real.bounded(mp.expm1, mp.mpf(-1), mp.inf)),
    _inside("log1p", np.log1p, lambda value: mp.nan if value < -1 else mp.log1p(value), domain=(-1, math.inf)),
    _inside("expit", partial(real.special, "expit"), lambda value: 1 / (1 + real.exponential(-value))),
    _inside("softplus", lambda value: np.logaddexp(0.0, value), real.mpmath_softplus),
    _inside("log_cosh", real.log_cosh, real.mpmath_log_cosh),
    _inside(
        "error_tail", partial(real.special, "erfc"), real.error_function(mp.erfc, mp.mpf(2), mp.mpf(0))
    ),
    _inside("rise", real.rise, real.mpmath_rise, Unknown("tapes write it as the sum and root that it stands for")),
    _inside(
        "sech", Unknown("only tapes make it, for balls"), Unknown("only tapes make it, for balls")
    ),
)  # fmt: skip

FUNCTIONS: Mapping[str, Function] = {record.name: record for record in _RECORDS}
"""By class name."""
