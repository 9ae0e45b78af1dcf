"""The cost of a formula is bounded before sympy evaluates each operation: a short text cannot ask for too much."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp

from ntksym.errors import InvalidInput
from ntksym.formula.conditionals import CONDITIONS
from ntksym.formula.functions import FUNCTIONS
from ntksym.symbols import x

__all__ = ["MAX_BITS", "MAX_DEGREE", "MAX_DEPTH", "MAX_EXPONENT", "MAX_NODES", "MAX_TEXT", "BoundedBuilder"]

MAX_TEXT = 2000
"""Characters of a formula."""
MAX_DEPTH = 60
"""Levels of parentheses, calls and powers inside one another."""
MAX_NODES = 1500
"""Nodes of the expression written out as a tree."""
MAX_EXPONENT = 100
"""Absolute value of a number in the exponent of x, or of an irrational number."""
MAX_DEGREE = 200
"""Degree of the expression if everything were multiplied out."""
MAX_BITS = 1074
"""Binary digits of a number: the range of float64, 2**-1074 to 2**1024."""
MAX_FRACTION_BITS = 20_000
"""Binary digits of numerator and denominator of an exact fraction that arises on the way."""

_BEYOND_REALS = (sp.nan, sp.zoo, sp.oo, -sp.oo, sp.I)


def _bits(number: sp.Expr) -> int:
    return int(number.p).bit_length() + int(number.q).bit_length()


class BoundedBuilder:
    """Builds sympy expressions in ``x`` and parameters, refusing those that would cost too much.

    Parameters
    ----------
    values : mapping of Symbol to Rational
        The values of the parameters; a parameter in the exponent of x is replaced by its value.
    """

    def __init__(self, values: Mapping[sp.Symbol, sp.Rational]) -> None:
        self.values = dict(values)
        self._sizes: dict[Any, int] = {}
        self._degrees: dict[Any, int] = {}

    def add(self, terms: list[sp.Expr]) -> sp.Expr:
        """The sum of the terms."""
        return self.check(sp.Add(*terms))

    def multiply(self, factors: list[sp.Expr]) -> sp.Expr:
        """The product of the factors."""
        return self.check(sp.Mul(*factors))

    def power(self, base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
        """``base**exponent``."""
        if base.has(x) and not exponent.has(x):
            exponent = exponent.xreplace(self.values)
            self._check_exponent(base, exponent)
        elif not base.has(x):
            self._check_constant_base(base, exponent)
        return self.check(base**exponent)

    def call(self, build: Callable[..., Any], arguments: list[Any]) -> Any:
        """``build(*arguments)`` for a function of the vocabulary."""
        if build is sp.exp or build in (sp.sinh, sp.cosh):
            self._check_exponential(arguments[0], 1.0)
        return self.check(build(*arguments))

    def check(self, expression: Any) -> Any:
        """The expression itself, when it is finite, real and small enough."""
        self.check_size(expression)
        if isinstance(expression, CONDITIONS):
            return expression
        if expression.has(*_BEYOND_REALS):
            raise InvalidInput(
                f"a part of the formula is {expression}: not a finite real number; "
                "look for a division by zero, an even root or a logarithm of a negative number",
                expression=expression,
            )
        if self.degree(expression) > MAX_DEGREE:
            raise InvalidInput(
                f"multiplied out, the formula has a degree above {MAX_DEGREE}; use smaller exponents", most=MAX_DEGREE
            )
        if not expression.has(x):
            self._magnitude(expression)
        return expression

    def check_size(self, expression: Any) -> None:
        """Refuse an expression with too many nodes."""
        if self.size(expression) > MAX_NODES:
            raise InvalidInput(f"the formula grows beyond {MAX_NODES} nodes; write it more compactly", most=MAX_NODES)

    def size(self, expression: Any) -> int:
        """Number of nodes of the expression as a tree (shared parts count every time)."""
        return self._fold(expression, self._sizes, lambda node, sizes: 1 + sum(sizes))

    def degree(self, expression: Any) -> int:
        """Upper bound for the degree in x when every product and power is multiplied out."""
        return self._fold(expression, self._degrees, _degree)

    def depth(self, expression: Any) -> int:
        """Levels of the expression."""
        return self._fold(expression, {}, lambda node, depths: 1 + max(depths, default=0))

    def _fold(self, root: Any, memo: dict[Any, int], rule: Callable[[Any, list[int]], int]) -> int:
        stack = [root]
        while stack:
            node = stack[-1]
            missing = [child for child in node.args if child not in memo]
            if missing:
                stack.extend(missing)
                continue
            memo[stack.pop()] = rule(node, [memo[child] for child in node.args])
        return memo[root]

    def _magnitude(self, constant: sp.Expr) -> float:
        """Binary logarithm of the absolute value of an expression without x (minus infinity for zero)."""
        if constant.is_Rational:
            if constant == 0:
                return -math.inf
            if _bits(constant) > MAX_FRACTION_BITS:
                raise InvalidInput(
                    f"a number of the formula has more than {MAX_FRACTION_BITS} binary digits; round it",
                    constant=constant,
                )
            logarithm = math.log2(abs(int(constant.p))) - math.log2(int(constant.q))
        else:
            value = constant.xreplace(self.values).evalf(15)
            if not (value.is_Float or value.is_Rational):
                raise InvalidInput(
                    f"{constant} is not a finite real number; look for an even root of a negative number",
                    constant=constant,
                )
            if value == 0:
                return -math.inf
            logarithm = float(sp.log(abs(value), 2).evalf(10))
        if abs(logarithm) > MAX_BITS:
            raise InvalidInput(
                "a number of the formula is outside the range 1e-308 to 1e308 of float64; use smaller exponents",
                constant=constant,
            )
        return logarithm

    def _check_exponent(self, base: sp.Expr, exponent: sp.Expr) -> None:
        size = self._magnitude(exponent)
        if size > math.log2(MAX_EXPONENT) + 1e-9 or (exponent.is_Rational and exponent.q > 1000):
            raise InvalidInput(
                f"the exponent {_short(exponent)} is too large; exponents of x go up to {MAX_EXPONENT}",
                exponent=exponent,
            )
        coefficient = base.as_coeff_Mul()[0]
        if exponent.is_Rational and _bits(coefficient) * float(abs(exponent)) > MAX_FRACTION_BITS:
            raise InvalidInput(
                f"({_short(base)})**{exponent} needs too long a number; round the coefficient",
                base=base,
                exponent=exponent,
            )

    def _check_constant_base(self, base: sp.Expr, exponent: sp.Expr) -> None:
        size = self._magnitude(base)
        if size == -math.inf:
            if exponent.has(x) or exponent.xreplace(self.values).evalf(15) <= 0:
                raise InvalidInput(
                    "division by zero, or a power of zero, in the formula; remove it", base=base, exponent=exponent
                )
            return
        self._check_exponential(exponent, size * math.log(2.0))
        if exponent.has(x):
            if sp.sign(base.xreplace(self.values).evalf(15)) != 1:
                raise InvalidInput(
                    f"({_short(base)})**({_short(exponent)}) is not real for every x; the base must be positive",
                    base=base,
                    exponent=exponent,
                )
            return
        magnitude = self._magnitude(exponent)
        if base.is_Rational:
            if magnitude > -math.inf and _bits(base) * 2.0**magnitude > MAX_FRACTION_BITS:
                raise InvalidInput(
                    f"{_short(base)}**{_short(exponent)} needs too long a number; use a smaller exponent",
                    base=base,
                    exponent=exponent,
                )
        elif magnitude > math.log2(MAX_EXPONENT) + 1e-9:
            raise InvalidInput(
                f"the exponent {_short(exponent)} is too large; powers of constants go up to {MAX_EXPONENT}",
                exponent=exponent,
            )

    def _check_exponential(self, exponent: sp.Expr, logarithm: float) -> None:
        """Sympy evaluates exp(n*log(2)) and exp(x + n*log(2)) as powers of two: bound the constant part."""
        constant, _ = exponent.as_independent(x, as_Add=True)
        size = self._magnitude(constant)
        if logarithm != 0 and size + math.log2(abs(logarithm)) > math.log2(MAX_BITS * math.log(2)):
            raise InvalidInput(
                f"the constant {_short(constant)} in an exponent makes a number beyond the range of float64; reduce it",
                constant=constant,
            )


def _degree(node: Any, degrees: list[int]) -> int:
    if node == x:
        return 1
    if not degrees:
        return 0
    if node.is_Mul:
        return sum(degrees)
    if node.is_Pow and node.exp.is_number:
        # The exponent is bounded before the power is built; a sympy expression given directly is bounded here.
        value = abs(float(node.exp)) if abs(node.exp) <= MAX_DEGREE else float(MAX_DEGREE + 1)
        return math.ceil(value * degrees[0])
    function = FUNCTIONS.get(type(node).__name__)
    if function is not None and function.is_transcendental:
        return min(max(degrees), 1)
    return max(degrees)


def _short(expression: Any) -> str:
    text = str(expression)
    return text if len(text) <= 60 else text[:57] + "..."
