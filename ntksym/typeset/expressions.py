"""sympy expressions as source code: one writer, and what NumPy, JAX, PyTorch and C call things."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import sympy as sp

from ntksym.errors import LoweringBug
from ntksym.typeset.formulas import positive_first

__all__ = ["JAX", "NUMPY", "TORCH", "C", "Dialect", "DialectWriter", "literal"]

LONGEST_INTEGER = 10**6
"""A fraction of larger numbers is written as a decimal number."""

SUM, PRODUCT, POWER, ATOM = range(4)
"""How tightly a piece of code binds."""

Written = tuple[str, int]


@dataclass(frozen=True)
class Dialect:
    """What a language calls the functions that occur in duals.

    Attributes
    ----------
    name : str
    functions : mapping
        Class name of the sympy function -> name in the language.
    parts : mapping
        Class name -> name of the part of the generated text that computes it.
    pi, sqrt : str
    power : callable
        Text of the base, whether it is a name, exponent -> text and binding.
    """

    name: str
    functions: Mapping[str, str]
    parts: Mapping[str, str]
    pi: str
    sqrt: str
    power: Callable[[str, bool, sp.Expr], Written]


def literal(number: sp.Expr) -> str:
    """The float64 nearest to a number, as short as it can be written."""
    value = float(number.p / sp.Integer(number.q)) if number.is_Rational else float(number.evalf(25))
    return repr(value)


@dataclass
class DialectWriter:
    """Writes expressions in a dialect and remembers which functions and parts it used."""

    dialect: Dialect
    names: Mapping[sp.Expr, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def write(self, expression: sp.Expr) -> str:
        """Source text of an expression."""
        return self._visit(expression)[0]

    def terms(self, expression: sp.Expr) -> list[str]:
        """The terms of a sum, each with its sign in front unless it is the first and positive."""
        texts: list[str] = []
        for term in positive_first(expression.as_ordered_terms()):
            text, binding = self._visit(term)
            text = f"({text})" if binding < PRODUCT else text
            if texts:
                text = f"- {text[1:]}" if text.startswith("-") else f"+ {text}"
            texts.append(text)
        return texts

    def _visit(self, expression: sp.Expr) -> Written:
        if expression == sp.pi:
            return self.dialect.pi, ATOM
        if expression.is_Symbol:
            return self.names.get(expression, expression.name), ATOM
        if expression.is_Rational:
            return self._rational(expression)
        if not expression.free_symbols and not expression.is_Add and not expression.is_Mul:
            return _signed(literal(expression))
        if expression.is_Add:
            return " ".join(self.terms(expression)), SUM
        if expression.is_Mul:
            return self._product(expression)
        if expression.is_Pow and not isinstance(expression, sp.exp):
            return self._power(expression)
        return self._call(expression)

    def _rational(self, number: sp.Expr) -> Written:
        if number.is_Integer and abs(number) <= LONGEST_INTEGER:
            return _signed(str(number))
        return _signed(literal(number))

    def _product(self, product: sp.Expr) -> Written:
        above, below = [], []
        constant, factors = _constant_part(product)
        if constant.is_Rational and max(abs(constant.p), constant.q) <= LONGEST_INTEGER:
            sign = "-" if constant < 0 else ""
            above += [str(abs(constant.p))] if abs(constant.p) != 1 else []
            below += [str(constant.q)] if constant.q != 1 else []
        else:
            text = literal(constant)
            sign, text = ("-", text[1:]) if text.startswith("-") else ("", text)
            above.append(text)
        for factor in factors:
            base, exponent = factor.as_base_exp() if not isinstance(factor, sp.exp) else (factor, sp.S.One)
            if exponent.is_Rational and exponent < 0:
                below.append(self._factor(sp.Pow(base, -exponent)))
            else:
                above.append(self._factor(factor))
        numerator = " * ".join(above) or "1"
        if not below:
            return sign + numerator, PRODUCT
        denominator = below[0] if len(below) == 1 else f"({' * '.join(below)})"
        return f"{sign}{numerator} / {denominator}", PRODUCT

    def _factor(self, factor: sp.Expr) -> str:
        text, binding = self._visit(factor)
        return text if binding > PRODUCT else f"({text})"

    def _power(self, power: sp.Expr) -> Written:
        base, exponent = power.base, power.exp
        if not exponent.is_Rational:
            raise LoweringBug(f"no code for the power {power}: only rational exponents occur in duals", power=power)
        if exponent < 0:
            return f"1 / {self._factor(sp.Pow(base, -exponent))}", PRODUCT
        text, binding = self._visit(base)
        if exponent == sp.S.Half:
            return f"{self.dialect.sqrt}({text})", ATOM
        return self.dialect.power(text, binding == ATOM and base.is_Symbol, exponent)

    def _call(self, expression: sp.Expr) -> Written:
        name = type(expression).__name__
        function = self.dialect.parts.get(name) or self.dialect.functions.get(name)
        if function is None:
            raise LoweringBug(
                f"no {self.dialect.name} code for {name}: add it to ntksym.typeset.expressions", name=name
            )
        self.used.add(function)
        return f"{function}({', '.join(map(self.write, expression.args))})", ATOM


def _signed(text: str) -> Written:
    return text, PRODUCT if text.startswith("-") else ATOM


def _constant_part(product: sp.Expr) -> tuple[sp.Expr, list[sp.Expr]]:
    """The number in front and the other factors; roots of numbers are multiplied into the number, pi is not."""
    coefficient, factors = product.as_coeff_mul()
    constants = [factor for factor in factors if not factor.free_symbols]
    if all(factor.as_base_exp()[0] == sp.pi and factor.as_base_exp()[1].is_Integer for factor in constants):
        return coefficient, list(factors)
    return sp.Mul(coefficient, *constants), [factor for factor in factors if factor.free_symbols]


def _array_power(base: str, is_name: bool, exponent: sp.Expr) -> Written:
    text = str(exponent) if exponent.is_Integer else literal(exponent)
    return (f"{base}**{text}" if is_name else f"({base}) ** {text}"), POWER


def _c_power(base: str, is_name: bool, exponent: sp.Expr) -> Written:
    if is_name and exponent.is_Integer and exponent <= 4:
        return f"({' * '.join([base] * int(exponent))})", ATOM
    text = str(exponent) if exponent.is_Integer else literal(exponent)
    return f"pow({base}, {text})", ATOM


PARTS = {
    "ExpNormalCDF": "exp_phi",
    "ExpBivariateNormalCDF": "exp_phi2",
    "ExpSinh": "exp_sinh",
    "ExpCosh": "exp_cosh",
    "ExpErfi": "exp_erfi",
}
SAME = ("exp", "log", "sin", "cos", "sinh", "cosh", "tanh")


def _array_dialect(name: str, module: str, special: str) -> Dialect:
    functions = {
        **{function: f"{module}.{function}" for function in SAME},
        "atan2": f"{module}.arctan2",
        "atan": f"{module}.arctan",
        "asin": f"{module}.arcsin",
        "erf": f"{special}.erf",
        "NormalCDF": f"{special}.ndtr",
    }
    parts = {function: f"_{part}" for function, part in PARTS.items()}
    return Dialect(name, functions, parts, f"{module}.pi", f"{module}.sqrt", _array_power)


NUMPY = _array_dialect("NumPy", "np", "special")
JAX = _array_dialect("JAX", "jnp", "special")
TORCH = _array_dialect("PyTorch", "torch", "torch.special")
C = Dialect(
    "C",
    {**{name: name for name in (*SAME, "atan2", "atan", "asin", "erf")}},
    {**PARTS, "NormalCDF": "normal_cdf"},
    "3.1415926535897932",
    "sqrt",
    _c_power,
)
