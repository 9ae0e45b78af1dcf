"""A formula in q1, q2, c, det as a program: the first stage of lowering.

Sums and products are bracketed by what their terms depend on (numbers, parameters, q1, q2, then the rest), so that
what depends on one row of the data alone is one assignment, which ``passes.hoist`` takes out of the loop over pairs.
"""

from collections import defaultdict
from collections.abc import Iterable
from functools import reduce

import sympy as sp

from ntksym.errors import NoClosedForm
from ntksym.lowering.angles import ANGLES, HALF_INVERSE, in_angles
from ntksym.lowering.complement import complement, gap, high, low
from ntksym.lowering.program import Program, ProgramBuilder
from ntksym.special.symbolic import BivariateNormalCDF, ExpBivariateNormalCDF
from ntksym.symbols import c, det, q, q1, q2

__all__ = ["DIAGONAL_INPUTS", "PAIR_INPUTS", "parameter_names", "translate"]

PAIR_INPUTS = ("q1", "q2", "c", "det", "low", "high", "gap", "floor")
"""Inputs of a pair program besides the parameters.

low, high and gap are those of `complement`; negative powers of det are taken of max(det, floor).
"""

DIAGONAL_INPUTS = ("q",)
"""Inputs of a diagonal program besides the parameters."""

VARIABLES: dict[sp.Expr, str] = {q1: "q1", q2: "q2", c: "c", det: "det", low: "low", high: "high", gap: "gap", q: "q"}

PAIR_RANK = 4
"""Rank of what depends on both rows of a pair."""

FUNCTIONS = {
    "exp": "exp",
    "log": "log",
    "sin": "sin",
    "cos": "cos",
    "tan": "tan",
    "sinh": "sinh",
    "cosh": "cosh",
    "tanh": "tanh",
    "Abs": "absolute",
    "Min": "at_most",
    "atan2": "atan2",
    "erf": "erf",
    "NormalCDF": "normal_cdf",
    "ExpNormalCDF": "exp_normal_cdf",
    "ExpBivariateNormalCDF": "exp_bivariate_normal_cdf",
    "ExpSinh": "exp_sinh",
    "ExpCosh": "exp_cosh",
    "ExpErfi": "exp_erfi",
}
"""Name of the sympy class -> operation."""


def parameter_names(expressions: Iterable[sp.Expr]) -> tuple[str, ...]:
    """Sorted names of the symbols that are parameters of the activation."""
    symbols = set().union(*(expression.free_symbols for expression in expressions))
    return tuple(sorted(symbol.name for symbol in symbols - VARIABLES.keys() - set(ANGLES)))


def translate(inputs: tuple[str, ...], outputs: Iterable[tuple[str, sp.Expr]]) -> Program:
    """One program for several formulas.

    Parameters
    ----------
    inputs : tuple of str
        ``PAIR_INPUTS`` or ``DIAGONAL_INPUTS``.
    outputs : iterable of (str, sympy expression)
        Name and formula of each output.

    Raises
    ------
    NoClosedForm
        A formula uses a function that has no compiled form.
    """
    outputs = [(name, in_angles(complement(formula))) for name, formula in outputs]
    formulas = [formula for _, formula in outputs]
    assembly = ProgramBuilder()
    for name in (*inputs, *map(parameter_input, parameter_names(formulas))):
        assembly.input(name)
    translator = _Translator(assembly, _roots_below(formulas))
    return assembly.program([(name, translator.name(formula)) for name, formula in outputs])


def parameter_input(name: str) -> str:
    """The input that carries a parameter: prefixed, so that a parameter called c is not the covariance."""
    return f"parameter_{name}"


def _roots_below(formulas: Iterable[sp.Expr]) -> frozenset[sp.Expr]:
    """Bases that occur to a negative power and also under a root: one 1/sqrt(base) is then enough for both."""
    exponents: dict[sp.Expr, set[sp.Expr]] = defaultdict(set)
    for formula in formulas:
        for power in formula.atoms(sp.Pow):
            exponents[power.base].add(power.exp)
    return frozenset(
        base
        for base, powers in exponents.items()
        if any(p.is_number and p.is_negative for p in powers) and any(p.is_Rational and p.q == 2 for p in powers)
    )


class _Translator:
    """Translates expressions into one assembly, each distinct subexpression once."""

    def __init__(self, assembly: ProgramBuilder, roots_below: frozenset[sp.Expr]) -> None:
        self._assembly = assembly
        self._roots_below = roots_below
        self._names: dict[sp.Expr, str] = {}

    def name(self, expression: sp.Expr) -> str:
        if expression not in self._names:
            self._names[expression] = self._translate(expression)
        return self._names[expression]

    def _translate(self, expression: sp.Expr) -> str:
        if expression.is_number:
            return self._assembly.constant(expression)
        if expression in ANGLES:
            return self._assembly.assign(str(expression), "low", "high", self.name(HALF_INVERSE))
        if expression.is_Symbol:
            return VARIABLES.get(expression) or parameter_input(expression.name)
        if expression.is_Add:
            return self._sum(expression)
        if expression.is_Mul:
            return self._product(expression)
        if expression.is_Pow:
            return self._power(expression.base, expression.exp)
        if isinstance(expression, BivariateNormalCDF):
            h, k, r = expression.args
            return self.name(ExpBivariateNormalCDF(sp.S.Zero, h, k, r, sp.sqrt((1 - r) * (1 + r))))
        if isinstance(expression, sp.atan):  # sympy's spelling of atan2(y, x) where it knows that x > 0
            (ratio,) = expression.args
            above, below = ratio.as_numer_denom()
            legs = (above, below) if below.is_nonnegative else (ratio, sp.S.One)
            return self._assembly.assign("atan2", *map(self.name, legs))
        operation = FUNCTIONS.get(type(expression).__name__)
        if operation is None:
            raise NoClosedForm(
                f"there is no compiled form of '{type(expression).__name__}' in {expression}; "
                "use dual.evaluate for numbers, or write the activation with functions that have one",
                expression=expression,
            )
        return self._assembly.assign(operation, *map(self.name, expression.args))

    def _sum(self, expression: sp.Expr) -> str:
        total = ""
        for group in _by_dependence(expression.args):
            part, negative = self._group_sum(group)
            if not total:
                total = self._assembly.assign("negate", part) if negative else part
            else:
                total = self._assembly.assign("subtract" if negative else "add", total, part)
        return total

    def _group_sum(self, terms: list[sp.Expr]) -> tuple[str, bool]:
        """Name of the sum of the terms, and whether it was taken with all signs turned."""
        terms = sorted(terms, key=_has_minus)
        turned = _has_minus(terms[0])
        total = self.name(-terms[0] if turned else terms[0])
        for term in terms[1:]:
            minus = _has_minus(term)
            name = self.name(-term if minus else term)
            total = self._assembly.assign("add" if minus == turned else "subtract", total, name)
        return total, turned

    def _product(self, expression: sp.Expr) -> str:
        coefficient = sp.Mul(*(factor for factor in expression.args if factor.is_number))
        if coefficient == -1:
            return self._assembly.assign("negate", self.name(-expression))
        groups = _by_dependence(factor for factor in expression.args if not factor.is_number)
        parts = [self._group_product(group) for group in groups]
        if coefficient != 1:
            parts.insert(0, self._assembly.constant(coefficient))
        return reduce(lambda left, right: self._assembly.assign("multiply", left, right), parts)

    def _group_product(self, factors: list[sp.Expr]) -> str:
        names = [self.name(factor) for factor in factors]
        return reduce(lambda left, right: self._assembly.assign("multiply", left, right), names)

    def _power(self, base: sp.Expr, exponent: sp.Expr) -> str:
        doubled = 2 * exponent
        if not (doubled.is_Integer and exponent.is_number):
            raise NoClosedForm(
                f"there is no compiled form of the power ({base})**({exponent}); only whole and half powers have one",
                expression=base**exponent,
            )
        order = int(doubled)
        name = self.name(base)
        if base == det and order < 0:
            name = self._assembly.assign("at_least", name, "floor")
        rooted = order % 2 == 1 or (order < 0 and base in self._roots_below)
        if rooted:
            name = self._assembly.assign("square_root", name)
        if order < 0:
            name = self._assembly.assign("divide", self._assembly.constant(1), name)
        return self._whole_power(name, abs(order) if rooted else abs(order) // 2)

    def _whole_power(self, name: str, order: int) -> str:
        """name**order by repeated squaring."""
        result = ""
        square = name
        while order:
            if order % 2:
                result = self._assembly.assign("multiply", result, square) if result else square
            order //= 2
            if order:
                square = self._assembly.assign("multiply", square, square)
        return result


def _by_dependence(terms: Iterable[sp.Expr]) -> list[list[sp.Expr]]:
    """The terms by what they depend on: numbers, parameters, q1 (or q), q2, pairs; each group in a fixed order."""
    groups: dict[int, list[sp.Expr]] = defaultdict(list)
    for term in sorted(terms, key=sp.default_sort_key):
        groups[_rank(term)].append(term)
    return [groups[rank] for rank in sorted(groups)]


def _has_minus(term: sp.Expr) -> bool:
    return bool(term.as_coeff_Mul()[0] < 0)


def _rank(term: sp.Expr) -> int:
    if term.has(*ANGLES):
        return PAIR_RANK
    variables = term.free_symbols & VARIABLES.keys()
    if not variables:
        return 1 if term.free_symbols else 0
    if len(variables) == 1:
        return {q: 2, q1: 2, q2: 3}.get(next(iter(variables)), PAIR_RANK)
    return PAIR_RANK
