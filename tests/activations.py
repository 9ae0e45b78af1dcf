"""Activations that tests take as examples, with what is known of each: tests select them by tags.

`tests/test_activations.py` checks every tag against numbers. The package's own catalogue says what people can ask for;
this one says which kinds of functions there are, with one or a few of each.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["EXAMPLES", "TAGS", "Example", "formulas", "select"]

TAGS: Mapping[str, str] = MappingProxyType(
    {
        "odd": "s(-x) = -s(x)",
        "even": "s(-x) = s(x)",
        "homogeneous": "s(a x) = a^k s(x) for a > 0",
        "polynomial": "a polynomial",
        "smooth": "no break on the real line",
        "kinked": "continuous, with a derivative that jumps or is infinite somewhere",
        "jump": "s itself jumps somewhere",
        "entire": "analytic in the whole complex plane",
        "pole": "analytic on the real line, with singularities off it",
        "bounded": "|s| has a bound",
        "growing": "grows like exp(a x^2): its dual exists at small variances only",
        "closed": "its dual has a closed form",
        "series": "its dual is a Hermite series",
        "heavy": "its closed form costs more than a series of moderate length",
    }
)
"""Each tag with what it states."""


@dataclass(frozen=True)
class Example:
    """One activation.

    Attributes
    ----------
    formula : str
        In x.
    tags : frozenset of str
        Those of `TAGS` that hold; all that are not here do not.
    breaks : tuple of (float, int or None), or None
        Place and order of the first derivative that jumps (0: s itself); order None where a derivative is infinite.
        None if there are more than can be listed.
    """

    formula: str
    tags: frozenset[str]
    breaks: tuple[tuple[float, int | None], ...] | None = ()


def _example(formula: str, tags: str, *breaks: tuple[float, int | None], endless: bool = False) -> Example:
    return Example(formula, frozenset(tags.split()), None if endless else breaks)


EXAMPLES: Mapping[str, Example] = MappingProxyType(
    {
        "identity": _example("x", "odd homogeneous polynomial smooth entire closed"),
        "square": _example("x**2", "even homogeneous polynomial smooth entire closed"),
        "cube": _example("x**3", "odd homogeneous polynomial smooth entire closed"),
        "parabola": _example("1 - x + x**2/2", "polynomial smooth entire closed"),
        "relu": _example("max(x, 0)", "homogeneous kinked closed", (0.0, 1)),
        "leaky relu": _example("max(x, x/10)", "homogeneous kinked closed", (0.0, 1)),
        "squared relu": _example("max(x, 0)**2", "homogeneous kinked closed", (0.0, 2)),
        "abs": _example("abs(x)", "even homogeneous kinked closed", (0.0, 1)),
        "hinge": _example("max(x - 1/2, 0)", "kinked closed heavy", (0.5, 1)),
        "hard tanh": _example("clip(x, -1, 1)", "odd kinked bounded closed heavy", (-1.0, 1), (1.0, 1)),
        "hat": _example("max(1 - abs(x), 0)", "even kinked bounded closed heavy", (-1.0, 1), (0.0, 1), (1.0, 1)),
        "elu": _example("where(x > 0, x, exp(x) - 1)", "kinked closed heavy", (0.0, 2)),
        "sharp elu": _example("where(x > 0, x, (exp(x) - 1)/2)", "kinked closed heavy", (0.0, 1)),
        "sign": _example("sign(x)", "odd homogeneous jump bounded closed", (0.0, 0)),
        "step": _example("heaviside(x)", "homogeneous jump bounded closed", (0.0, 0)),
        "box": _example("where(abs(x) < 1, 1, 0)", "even jump bounded closed heavy", (-1.0, 0), (1.0, 0)),
        "erf": _example("erf(x)", "odd smooth entire bounded closed"),
        "gelu": _example("x*(1 + erf(x/sqrt(2)))/2", "smooth entire closed"),
        "sin": _example("sin(x)", "odd smooth entire bounded closed"),
        "cos": _example("cos(x)", "even smooth entire bounded closed"),
        "gaussian": _example("exp(-x**2)", "even smooth entire bounded closed"),
        "exp": _example("exp(x/2)", "smooth entire closed"),
        "growing": _example("exp(x**2/10)", "even smooth entire growing closed"),
        "tanh": _example("tanh(x)", "odd smooth pole bounded series"),
        "softplus": _example("log(1 + exp(x))", "smooth pole series"),
        "silu": _example("x/(1 + exp(-x))", "smooth pole series"),
        "atan": _example("atan(x)", "odd smooth pole bounded series"),
        "root": _example("sqrt(1 + x**2)", "even smooth pole series"),
        "lorentzian": _example("1/(1 + (x - 1)**2)", "smooth pole bounded series"),
        "exp of sin": _example("exp(sin(x))", "smooth entire bounded series"),
        "growing tanh": _example("exp(x**2/8)*tanh(x)", "odd smooth pole growing series"),
        "softsign": _example("x/(1 + abs(x))", "odd kinked bounded series", (0.0, 2)),
        "tanh of relu": _example("tanh(max(x, 0))", "kinked bounded series", (0.0, 1)),
        "tanh of hinge": _example("tanh(max(x - 1/2, 0))", "kinked bounded series", (0.5, 1)),
        "cusp": _example("sqrt(abs(x))", "even homogeneous kinked series", (0.0, None)),
        "half wave": _example("max(sin(x), 0)", "kinked bounded series", endless=True),
        "jump and tanh": _example("sign(x) + tanh(x)", "odd jump bounded series", (0.0, 0)),
        "stairs": _example("x - floor(x)", "jump bounded series", endless=True),
    }
)
"""The examples by name."""


def select(*tags: str, without: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Names of the examples that have all of these tags and none of the others."""
    unknown = {*tags, *without} - set(TAGS)
    if unknown:
        raise KeyError(f"no such tags: {', '.join(sorted(unknown))}")
    wanted, unwanted = frozenset(tags), frozenset(without)
    return tuple(name for name, found in EXAMPLES.items() if wanted <= found.tags and not unwanted & found.tags)


def formulas(*tags: str, without: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Formulas of the examples that `select` finds."""
    return tuple(EXAMPLES[name].formula for name in select(*tags, without=without))
