"""From activations to the functions the engine integrates, over one common field."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.activation.pieces import Pieces
from ntksym.errors import NoClosedForm
from ntksym.symbolic.factors import NewGenerator
from ntksym.symbolic.field import Field
from ntksym.symbolic.fourier import Quotient
from ntksym.symbolic.normal_form import NormalForm
from ntksym.symbolic.reading import Reader
from ntksym.symbols import x

__all__ = ["Integrand", "read_integrands"]

Integrand = NormalForm | Quotient


def read_integrands(activations: Sequence[Activation]) -> tuple[Integrand, ...]:
    """Normal forms of the activations, or quotients (trigonometric sum)/x**n where there is a power of x below.

    Parameters
    ----------
    activations : sequence of Activation
        Their irrational constants and parameters become generators of one field.

    Raises
    ------
    NoClosedForm
        Naming the subexpression that lies outside the class.
    """
    pieces = [activation.pieces for activation in activations]
    parameters = {symbol for activation in activations for symbol in activation.values}
    constants: list[sp.Expr] = [sp.I, sp.pi, *sorted(parameters, key=str)]
    while True:
        reader = Reader(Field(constants))
        try:
            return tuple(_integrand(item, reader) for item in pieces)
        except NewGenerator as new:
            constants.append(new.constant)


def _integrand(pieces: Pieces, reader: Reader) -> Integrand:
    try:
        return reader.pieces(pieces)
    except NoClosedForm:
        power = _pole(pieces)
        if not power:
            raise
    return Quotient(reader.read(sp.expand(_spelt_out(pieces.expressions[0]) * x**power)), power)


def _pole(pieces: Pieces) -> int:
    """The order of the pole at zero that the spelling shows; 0 where there is none or the function has pieces."""
    if len(set(pieces.expressions)) > 1:
        return 0
    expression = sp.expand(_spelt_out(pieces.expressions[0]))
    factors = [factor.as_base_exp() for term in sp.Add.make_args(expression) for factor in sp.Mul.make_args(term)]
    return max((int(-e) for base, e in factors if base == x and e.is_Integer and e < 0), default=0)


def _spelt_out(expression: sp.Expr) -> sp.Expr:
    return expression.replace(sp.sinc, lambda u: sp.sin(u) / u)
