r"""The even and the odd part of an activation: whether each is a polynomial almost everywhere, and of which degree.

Decided exactly on the normal form where the activation has one: x^n exp(quadratic) and products of gates with distinct
exponents and thresholds are linearly independent on every interval, so that a part is a polynomial if and only if
nothing else is left of it. Elsewhere a part is a function on x > 0, given in pieces. Its growth bounds the degree m
that it can have as a polynomial; then

    a divided difference of order m/2 + 1 in x^2, of f(x) or f(x)/x, that is not zero        proves that it is none,
    an identity with one polynomial on every piece                                           proves that it is one,

and where neither is found, the answer is that it is not known.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.errors import NoClosedForm
from ntksym.network.layers import Network
from ntksym.special.symbolic import NormalCDF
from ntksym.symbolic.integrands import read_integrands
from ntksym.symbolic.normal_form import Key, NormalForm
from ntksym.symbols import x
from ntksym.theory.powers.half_line import Finding, HalfLinePart, examine, halves_of
from ntksym.theory.powers.supports import ABSENT, Support

__all__ = ["ParityPart", "ParityParts", "parts_in_order", "parts_of"]

NAMES = ("even", "odd")
INDEPENDENT = "Ostrowski's theorem and the independence of x^n exp(quadratic); exact on the normal form"

CLEAR, FAINT = sp.Float("1e-12"), sp.Float("1e-60", 80)
"""A number whose first 25 (or 80) digits exceed this is not zero: evalf keeps that many correct."""


@dataclass(frozen=True)
class ParityPart:
    """One half of s(x) = (s(x) + s(-x))/2 + (s(x) - s(-x))/2.

    Parameters
    ----------
    parity : "even" or "odd"
        Which.
    degree : number or None
        Its degree if it is a polynomial almost everywhere, -1 if it is zero, infinity if it is proved to be none, None
        if neither is known.
    reason : str
        Why.
    source : str
        The theorem or the computation behind it.
    """

    parity: str
    degree: float | None
    reason: str
    source: str

    @property
    def possible(self) -> tuple[float, ...]:
        """The degrees that it may have, one of each kind that positivity tells apart."""
        return (self.degree,) if self.degree is not None else (ABSENT, NAMES.index(self.parity), 2, math.inf)

    def __str__(self) -> str:
        return f"the {self.parity} part {self.reason}"


@dataclass(frozen=True)
class ParityParts:
    """Both parts of an activation.

    Parameters
    ----------
    activation : Activation
        The parent of this stage.
    even, odd : ParityPart
        Its parts.
    """

    activation: Activation
    even: ParityPart
    odd: ParityPart

    @property
    def alternatives(self) -> tuple[Support, ...]:
        """The degrees of both that are possible by what is known; one where everything is."""
        whole = self.activation.is_polynomial
        odd = tuple(3 if degree == 2 else degree for degree in self.odd.possible)
        pairs = (Support(*pair) for pair in product(self.even.possible, odd))
        return tuple(pair for pair in pairs if whole is not False or pair.degree == math.inf)

    @property
    def degrees(self) -> tuple[float, float]:
        """The largest degrees that the even and the odd part may have, infinite where that part is no polynomial."""
        even, odd = (math.inf if part.degree is None else part.degree for part in (self.even, self.odd))
        return even, odd

    @property
    def is_polynomial(self) -> bool | None:
        """Whether the activation is a polynomial almost everywhere."""
        answers = {pair.degree < math.inf for pair in self.alternatives}
        return answers.pop() if len(answers) == 1 else None

    def __str__(self) -> str:
        return f"{self.activation.name}: {self.even}; {self.odd}"


def parts_of(activation: Activation) -> ParityParts:
    """What kind of functions the even and the odd part of an activation are.

    Parameters
    ----------
    activation : Activation
        The function s, at the values of its parameters.
    """
    return ParityParts(activation, *_even_and_odd(activation))


@lru_cache(maxsize=512)
def _even_and_odd(activation: Activation) -> tuple[ParityPart, ParityPart]:
    """Of a function: equal ones may have different names, which the parts do not tell."""
    values = activation.values
    plain = Activation(activation.expression.xreplace(values)) if values else activation
    form = _normal_form(plain)
    found = dict(_by_form(form)) if form is not None else {}
    for half in halves_of(plain) if len(found) < 2 else ():
        if half.parity not in found:
            found[half.parity] = _named(half, examine(half))
    return found["even"], found["odd"]


def parts_in_order(network: Network) -> tuple[ParityParts, ...]:
    """The parts of the activations of a network, layer by layer."""
    return tuple(map(parts_of, network.activations))


def _named(half: HalfLinePart, finding: Finding) -> ParityPart:
    return ParityPart(half.parity, finding.degree, finding.reason, finding.source)


def _normal_form(activation: Activation) -> NormalForm | None:
    try:
        (form,) = read_integrands([activation])
    except NoClosedForm:
        return None
    return form if isinstance(form, NormalForm) else None


def _by_form(form: NormalForm) -> Iterator[tuple[str, ParityPart]]:
    """The parts that the normal form decides."""
    mirrored = form.reflection()
    half = form.field.rational(1, 2)
    for name, whole in zip(NAMES, (form + mirrored, form - mirrored), strict=True):
        part = _decided(name, whole.scaled(half))
        if part is not None:
            yield name, part


def _decided(name: str, form: NormalForm) -> ParityPart | None:
    groups = _grouped(form)
    if any(total is None for total in groups.values()) or not _distinct(list(groups)):
        return None
    strange = [shape for shape in groups if any(shape[1:3]) or shape[3]]
    if strange:
        return ParityPart(name, math.inf, f"is no polynomial: it contains {_term(strange[0])}", INDEPENDENT)
    if not groups:
        return ParityPart(name, ABSENT, "is zero", "exact on the normal form")
    degree = max(shape[0] for shape in groups)
    return ParityPart(name, degree, f"is the polynomial {form.expression(x)}", "exact on the normal form")


Shape = tuple[int, sp.Expr, sp.Expr, tuple[tuple[sp.Expr, sp.Expr], ...]]
"""Power, quadratic and linear exponent, gates: what makes terms linearly independent."""


def _shape(key: Key) -> Shape:
    gates = tuple((gate.threshold.expression(), gate.noise.expression()) for gate in key.gates)
    return key.power, key.quadratic.expression(), key.linear.expression(), gates


def _grouped(form: NormalForm) -> Mapping[Shape, sp.Expr | None]:
    """The coefficient of every shape, constant exponentials included; None where it may be zero."""
    totals: dict[Shape, sp.Expr] = {}
    for key, coefficient in form.terms.items():
        shape = _shape(key)
        totals[shape] = totals.get(shape, 0) + coefficient.expression() * sp.exp(key.constant.expression())
    return {shape: total if _is_clearly_nonzero(total) else None for shape, total in totals.items()}


def _is_clearly_nonzero(number: sp.Expr) -> bool:
    if number.is_Rational:
        return bool(number != 0)
    return bool(sp.Abs(number.evalf(25)) > CLEAR or sp.Abs(number.evalf(80, maxn=200)) > FAINT)


def _distinct(shapes: Sequence[Shape]) -> bool:
    """Whether shapes that are written differently are different, as numbers."""
    for place, shape in enumerate(shapes):
        for other in shapes[:place]:
            same = shape[0] == other[0] and len(shape[3]) == len(other[3])
            pairs = zip(_numbers(shape), _numbers(other), strict=True) if same else ()
            if same and not any(a != b and _is_clearly_nonzero(a - b) for a, b in pairs):
                return False
    return True


def _numbers(shape: Shape) -> tuple[sp.Expr, ...]:
    return shape[1], shape[2], *(number for gate in shape[3] for number in gate)


def _term(shape: Shape) -> sp.Expr:
    """The function of x that a shape stands for."""
    power, quadratic, linear, gates = shape
    factors = [
        NormalCDF((x - threshold) / sp.sqrt(noise)) if noise else sp.Heaviside(x - threshold)
        for threshold, noise in gates
    ]
    return sp.Mul(x**power, sp.exp(quadratic * x**2 + linear * x), *factors)
