"""The words a formula may use: a function's usual spellings, its number of arguments, the expression it stands for.

Named activations (``relu``, ``gelu``) are not here: they are data in the catalogue and reach formulas as definitions.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import sympy as sp

from ntksym.errors import InvalidInput
from ntksym.formula.bounds import MAX_EXPONENT
from ntksym.formula.conditionals import compare, connect, extremum, piecewise
from ntksym.formula.functions import FUNCTIONS, Unknown

__all__ = [
    "CONSTANTS",
    "HEADS",
    "REFUSED",
    "SPELLINGS",
    "WORDS",
    "Word",
    "fold",
    "lookup",
]


@dataclass(frozen=True)
class Word:
    """A function a formula may call: ``build`` receives between ``least`` and ``most`` sympy arguments."""

    name: str
    build: Callable[..., Any]
    least: int
    most: int
    keywords: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    boolean: bool = False


def _clip(value: sp.Expr, low: sp.Expr | None = None, high: sp.Expr | None = None) -> sp.Expr:
    result = value if low is None else extremum(sp.Max, value, low)
    return result if high is None else extremum(sp.Min, result, high)


def _where(condition: Any, value: sp.Expr, otherwise: sp.Expr) -> sp.Expr:
    return piecewise([(value, condition), (otherwise, sp.true)])


def _normal_cdf(value: sp.Expr) -> sp.Expr:
    return (1 + sp.erf(value / sp.sqrt(2))) / 2


def _power(value: sp.Expr, exponent: sp.Expr) -> sp.Expr:
    return value**exponent


def _real_root(value: sp.Expr) -> sp.Expr:
    return sp.sign(value) * sp.Abs(value) ** sp.Rational(1, 3)


def _log(value: sp.Expr, base: sp.Expr | None = None) -> sp.Expr:
    return sp.log(value) if base is None else sp.log(value) / sp.log(base)


def _numpy_sinc(value: sp.Expr) -> sp.Expr:
    return sp.sinc(sp.pi * value)


def _quotient(value: sp.Expr, divisor: sp.Expr) -> sp.Expr:
    if divisor.is_zero:
        raise InvalidInput("a remainder after division by zero; write for example mod(x, 1)", divisor=divisor)
    return value / divisor


def _remainder(value: sp.Expr, divisor: sp.Expr) -> sp.Expr:
    """With the sign of the divisor, as Python's % has it."""
    return value - divisor * sp.floor(_quotient(value, divisor))


def _truncated(value: sp.Expr) -> sp.Expr:
    return sp.sign(value) * sp.floor(sp.Abs(value))


def _truncated_remainder(value: sp.Expr, divisor: sp.Expr) -> sp.Expr:
    """With the sign of the value, as C has it."""
    return value - divisor * _truncated(_quotient(value, divisor))


def _orthogonal(family: Callable[..., sp.Expr], degree: sp.Expr, value: sp.Expr) -> sp.Expr:
    """The polynomial of that degree of a family of sympy's, at ``value``."""
    if not (degree.is_Integer and 0 <= degree <= MAX_EXPONENT):
        raise InvalidInput(
            f"the degree {degree} is not a whole number from 0 to {MAX_EXPONENT}; write for example hermite(3, x)",
            degree=degree,
        )
    t = sp.Dummy("t")
    coefficients = sp.Poly(family(int(degree), t), t).all_coeffs()
    return sp.Add(*(factor * value ** (int(degree) - place) for place, factor in enumerate(coefficients)))


MANY = 32
"""Largest number of arguments of Max, Min, And, Or: sympy compares them in pairs."""

_SPECIAL_SPELLINGS = frozenset({"log", "Abs", "sign", "Heaviside", "Max", "Min", "floor", "ceiling"})
"""Functions whose word below builds something else than the bare function, or has another name."""

_LIST = (
    *(
        Word(name, function.head, 1, 1, aliases=function.spellings)
        for name, function in FUNCTIONS.items()
        if not isinstance(function.head, Unknown) and name not in _SPECIAL_SPELLINGS
    ),
    Word("exp2", lambda value: sp.S(2) ** value, 1, 1),
    Word("expm1", lambda value: sp.exp(value) - 1, 1, 1),
    Word("log", _log, 1, 2, aliases=("ln",)),
    Word("log2", lambda value: sp.log(value) / sp.log(2), 1, 1),
    Word("log10", lambda value: sp.log(value) / sp.log(10), 1, 1),
    Word("log1p", lambda value: sp.log(1 + value), 1, 1),
    Word("logaddexp", lambda first, second: sp.log(sp.exp(first) + sp.exp(second)), 2, 2),
    Word("sqrt", lambda value: value**sp.S.Half, 1, 1),
    Word("rsqrt", lambda value: value ** (-sp.S.Half), 1, 1),
    Word("cbrt", _real_root, 1, 1),
    Word("square", lambda value: value**2, 1, 1),
    Word("reciprocal", lambda value: 1 / value, 1, 1),
    Word("negative", lambda value: -value, 1, 1, aliases=("neg",)),
    Word("hypot", lambda first, second: (first**2 + second**2) ** sp.S.Half, 2, 2),
    Word("pow", _power, 2, 2, aliases=("power", "float_power")),
    Word("sec", lambda value: 1 / sp.cos(value), 1, 1),
    Word("csc", lambda value: 1 / sp.sin(value), 1, 1, aliases=("cosec",)),
    Word("cot", lambda value: 1 / sp.tan(value), 1, 1),
    Word("sech", lambda value: 1 / sp.cosh(value), 1, 1),
    Word("csch", lambda value: 1 / sp.sinh(value), 1, 1),
    Word("coth", lambda value: 1 / sp.tanh(value), 1, 1),
    Word("erfcx", lambda value: sp.exp(value**2) * sp.erfc(value), 1, 1),
    Word("Phi", _normal_cdf, 1, 1, aliases=("ndtr", "normal_cdf", "norm_cdf", "NormalCDF")),
    Word("normal_pdf", lambda value: sp.exp(-(value**2) / 2) / sp.sqrt(2 * sp.pi), 1, 1, aliases=("norm_pdf",)),
    Word("abs", sp.Abs, 1, 1, aliases=("absolute", "fabs")),
    Word("sign", sp.sign, 1, 1, aliases=("sgn",)),
    Word("heaviside", sp.Heaviside, 1, 2, aliases=("step",)),
    Word("max", partial(extremum, sp.Max), 2, MANY, aliases=("maximum", "fmax")),
    Word("min", partial(extremum, sp.Min), 2, MANY, aliases=("minimum", "fmin")),
    Word("clip", _clip, 1, 3, keywords=("min", "max"), aliases=("clamp",)),
    Word("where", _where, 3, 3),
    Word("floor", sp.floor, 1, 1),
    Word("ceiling", sp.ceiling, 1, 1, aliases=("ceil",)),
    Word("frac", lambda value: value - sp.floor(value), 1, 1),
    Word("round", lambda value: sp.floor(value + sp.S.Half), 1, 1, aliases=("rint",)),
    Word("trunc", _truncated, 1, 1, aliases=("fix",)),
    Word("mod", _remainder, 2, 2, aliases=("remainder",)),
    Word("fmod", _truncated_remainder, 2, 2),
    Word("hermite", partial(_orthogonal, sp.hermite_poly), 2, 2, aliases=("eval_hermite",)),
    Word("hermite_prob", partial(_orthogonal, sp.hermite_prob_poly), 2, 2, aliases=("eval_hermitenorm",)),
    Word("legendre", partial(_orthogonal, sp.legendre_poly), 2, 2, aliases=("eval_legendre",)),
    Word("chebyshevt", partial(_orthogonal, sp.chebyshevt_poly), 2, 2, aliases=("eval_chebyt",)),
    Word("chebyshevu", partial(_orthogonal, sp.chebyshevu_poly), 2, 2, aliases=("eval_chebyu",)),
    Word("laguerre", partial(_orthogonal, sp.laguerre_poly), 2, 2, aliases=("eval_laguerre",)),
    Word("and", partial(connect, sp.And), 2, MANY, aliases=("logical_and",), boolean=True),
    Word("or", partial(connect, sp.Or), 2, MANY, aliases=("logical_or",), boolean=True),
    Word("not", sp.Not, 1, 1, aliases=("logical_not",), boolean=True),
    Word("Eq", partial(compare, sp.Eq), 2, 2, aliases=("equal",), boolean=True),
    Word("Ne", partial(compare, sp.Ne), 2, 2, aliases=("not_equal",), boolean=True),
    Word("Lt", partial(compare, sp.Lt), 2, 2, aliases=("less",), boolean=True),
    Word("Le", partial(compare, sp.Le), 2, 2, aliases=("less_equal",), boolean=True),
    Word("Gt", partial(compare, sp.Gt), 2, 2, aliases=("greater",), boolean=True),
    Word("Ge", partial(compare, sp.Ge), 2, 2, aliases=("greater_equal",), boolean=True),
)

NORMALISED_SINC = Word("sinc", _numpy_sinc, 1, 1)
"""NumPy, JAX and PyTorch mean sin(pi x)/(pi x); a bare ``sinc`` means sin(x)/x."""
SIGNED_FRACTION = Word("frac", lambda value: value - _truncated(value), 1, 1)
"""PyTorch means x - trunc(x), with the sign of x; a bare ``frac`` means x - floor(x), as sympy has it."""

CONSTANTS: Mapping[str, sp.Expr] = {"pi": sp.pi, "e": sp.E}
"""Folded names of the constants."""

REFUSED: Mapping[str, str] = {
    "inf": "infinity is not a value of an activation",
    "infinity": "infinity is not a value of an activation",
    "oo": "infinity is not a value of an activation",
    "zoo": "infinity is not a value of an activation",
    "nan": "NaN is not a number",
    "I": "activations are real; complex numbers are not accepted",
    "j": "activations are real; complex numbers are not accepted",
    "phi": "the name is ambiguous: write Phi(x) for the normal distribution function or normal_pdf(x) for its density",
}
"""Names whose meaning is known but not accepted, with the reason."""


def fold(name: str) -> str:
    """The name without case, underscores and hyphens: ``LeakyReLU``, ``leaky_relu`` and ``leaky-relu`` are one."""
    return name.lower().replace("_", "").replace("-", "")


def _spellings() -> Iterator[tuple[str, Word]]:
    for word in _LIST:
        for spelling in {word.name, *word.aliases}:
            yield fold(spelling), word


WORDS: Mapping[str, Word] = dict(_spellings())
"""Folded spelling -> word."""


SPELLINGS: tuple[str, ...] = tuple(spelling for word in _LIST for spelling in (word.name, *word.aliases))
"""As people write them, for suggestions."""


def lookup(name: str, namespace: str = "") -> Word | None:
    """The word of that name, or None."""
    if name.startswith("_") or name in REFUSED:
        return None
    if name == "sinc" and namespace not in ("", "sp", "sympy"):
        return NORMALISED_SINC
    if name == "frac" and namespace == "torch":
        return SIGNED_FRACTION
    return WORDS.get(fold(name))


HEADS: Mapping[str, Callable[..., Any]] = {
    **{name: function.head for name, function in FUNCTIONS.items() if not isinstance(function.head, Unknown)},
    "Max": partial(extremum, sp.Max),
    "Min": partial(extremum, sp.Min),
    "frac": lambda value: value - sp.floor(value),
    **{name: WORDS[name].build for name in ("sec", "csc", "cot", "sech", "csch", "coth")},
    "Mod": _remainder,
    "NormalCDF": _normal_cdf,
}
"""Function heads accepted in a sympy expression, by class name."""
