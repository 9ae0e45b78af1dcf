"""A dual as a standalone function in NumPy, JAX, PyTorch or C, in the argument order (cov12, var1, var2)."""

import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import sympy as sp

from ntksym.errors import InvalidInput, NoClosedForm, OutOfReach
from ntksym.symbols import c, det, q1, q2
from ntksym.typeset import array_parts, c_parts
from ntksym.typeset.array_parts import CodePart
from ntksym.typeset.expressions import JAX, NUMPY, TORCH, C, Dialect, DialectWriter, literal
from ntksym.typeset.formulas import activation_text, conditions_of, formula_text
from ntksym.typeset.subjects import FormulaSubject, Titled, has_formulas

__all__ = ["LANGUAGES", "to_code"]

WIDTH = 110
LONGEST_FORMULA = 600
"""A formula longer than this is not repeated in the header."""

FLOOR = sp.Symbol("floor", positive=True)
"""The determinant where it is divided by: kept away from zero by as much as it is uncertain."""

ARGUMENTS: Mapping[sp.Expr, str] = {q1: "q1", q2: "q2", c: "c", det: "det", FLOOR: "floor"}

C_NAMES = frozenset(
    re.findall(
        r"\w+",
        "auto break case char const continue default do double else enum extern float for goto if inline int long "
        "register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while "
        "y0 y1 yn j0 j1 jn gamma lgamma tgamma exp log sin cos sinh cosh tanh sqrt pow erf erfc fabs hypot round "
        "dual dual_slope covariance mills edge wedge normal_cdf first_moment cov12 var1 var2 main",
    )
)
PYTHON_NAMES = frozenset(("np", "jnp", "torch", "special", "dual", "dual_slope", "cov12", "var1", "var2"))


@dataclass(frozen=True)
class _Array:
    """How the three array libraries differ."""

    dialect: Dialect
    module: str
    imports: tuple[str, ...]
    """Always, and what `special` comes from."""
    array: str
    ndtr: str
    log_ndtr: str
    wrapper: str = ""


ARRAYS = {
    "numpy": _Array(
        NUMPY,
        "np",
        ("import numpy as np", "from scipy import special"),
        "np.asarray(item, dtype=np.float64)",
        "special.ndtr",
        "special.log_ndtr",
        '@np.errstate(all="ignore")\n',
    ),
    "jax": _Array(
        JAX,
        "jnp",
        ("import jax.numpy as jnp", "from jax.scipy import special"),
        "1.0 * jnp.asarray(item)",
        "special.ndtr",
        "special.log_ndtr",
    ),
    "torch": _Array(
        TORCH,
        "torch",
        ("import torch", ""),
        "1.0 * torch.as_tensor(item)",
        "torch.special.ndtr",
        "torch.special.log_ndtr",
    ),
}
LANGUAGES = (*ARRAYS, "c")


def to_code(dual: Titled, language: str) -> str:
    """Source text with ``dual(cov12, var1, var2)`` and ``dual_slope(cov12, var1, var2)``, standing alone.

    The order of the arguments is that of ``neural_tangents.stax.Elementwise``. Parameters of the activation are keyword
    arguments with their values as defaults; in C they are further arguments.

    Parameters
    ----------
    dual : ClosedDual or SeriesDual
        From `derive` or `cross_dual`.
    language : {"numpy", "jax", "torch", "c"}
        Arrays broadcast in the first three.

    Raises
    ------
    InvalidInput
        For another language.
    NoClosedForm
        For a series.
    OutOfReach
        For a formula that loses its digits in float64.
    """
    if language not in LANGUAGES:
        raise InvalidInput(f"no code for {language!r}: choose one of {', '.join(LANGUAGES)}", language=language)
    if not has_formulas(dual):
        raise NoClosedForm(
            f"{dual.activation.name} has a series instead of a formula, and no code of its own; use dual.evaluate for "
            "numbers, or build(network) for compiled Gram matrices",
            dual=dual,
        )
    if dual.accurate_range.is_empty:
        raise OutOfReach(
            f"the closed form of {dual.activation.name} divides by q1*q2 - c**2: in float64 no digit is certain near "
            "|rho| = 1; use dual.evaluate(q1, q2, c), which works at higher precision",
            dual=dual,
        )
    if language == "c":
        return _c_text(dual)
    return _array_text(dual, ARRAYS[language])


@dataclass(frozen=True)
class _Function:
    """One function of the text: assignments of common parts, then the result."""

    assignments: tuple[tuple[str, list[str]], ...]
    result: list[str]
    names: frozenset[sp.Symbol]


def _plan(expression: sp.Expr, writer: DialectWriter) -> _Function:
    expression = expression.replace(_divides_by_determinant, lambda power: FLOOR**power.exp)
    taken = {str(symbol) for symbol in expression.free_symbols}
    fresh = (symbol for symbol in sp.numbered_symbols("t") if symbol.name not in taken)
    replacements, (reduced,) = sp.cse([expression], symbols=fresh)
    assignments = tuple((symbol.name, writer.terms(value)) for symbol, value in replacements)
    return _Function(assignments, writer.terms(reduced), frozenset(expression.free_symbols))


def _divides_by_determinant(node: sp.Expr) -> bool:
    return bool(node.is_Pow and node.base == det and node.exp.is_negative)


def _parameters(dual: FormulaSubject) -> dict[sp.Symbol, sp.Rational]:
    return {**dual.activation.values, **dual.partner.values}


def _renamed(symbols: Iterable[sp.Symbol], forbidden: Any) -> dict[sp.Expr, str]:
    """Names of parameters that the language does not use for something else."""
    return {symbol: f"{symbol.name}_" if forbidden(symbol.name) else symbol.name for symbol in symbols}


def _header(dual: FormulaSubject) -> list[str]:
    """What the text computes, from what, and how well; paragraphs."""
    f, g = dual.activation, dual.partner
    if f == g:
        lines = [f"Dual of {f.name}: s(x) = {activation_text(f)}.", "", "dual = E[s(U) s(V)]"]
    else:
        lines = [
            f"Dual of f = {f.name} and g = {g.name}:",
            f"f(x) = {activation_text(f)}, g(x) = {activation_text(g)}.",
            "",
            "dual = E[f(U) g(V)]",
        ]
    lines[-1] += " for Gaussian U, V of mean 0, variances var1, var2 and covariance cov12;"
    lines.append("dual_slope is its derivative in cov12, the expectation of the product of the derivatives.")
    formula = formula_text(dual.value)
    if len(formula) <= LONGEST_FORMULA:
        lines += ["", f"With q1 = var1, q2 = var2, c = cov12: dual = {formula}"]
    lines += [
        "",
        "Derived symbolically by ntksym (expectations of normal forms by Stein's lemma; slope by Price's theorem).",
    ]
    conditions = [formula_text(condition) for condition in conditions_of(dual)]
    if conditions:
        lines.append(f"Valid where {', '.join(conditions)}.")
    lines.append(ACCURACY)
    return lines


ACCURACY = (
    "Accuracy: a few roundings of the largest term of the formula, in the precision of the arguments, up to and at "
    "|correlation| = 1; the determinant var1*var2 - cov12**2 is not computed by subtraction of products."
)


def _chosen(used: Iterable[str], parts: Mapping[str, CodePart], prefix: str) -> list[CodePart]:
    """The parts used, directly or not, each after those it calls."""
    order: list[str] = []

    def visit(name: str) -> None:
        if name in parts and name not in order:
            for other in parts[name].needs:
                visit(other)
            order.append(name)

    for name in sorted(used):
        visit(name)
    return [parts[name] for name in order]


def _array_text(dual: FormulaSubject, kind: _Array) -> str:
    values = _parameters(dual)
    temporary = re.compile(r"t\d+|q1|q2|c|det|floor").fullmatch
    names = _renamed(values, lambda name: keyword.iskeyword(name) or name in PYTHON_NAMES or temporary(name))
    writer = DialectWriter(kind.dialect, {**ARGUMENTS, **names})
    functions = [("dual", "The expectation.", dual.numeric.value)]
    if dual.numeric.slope is not None:
        functions.append(("dual_slope", "Its derivative in cov12.", dual.numeric.slope))
    signature = "".join(f", {names[symbol]}={_default(value)}" for symbol, value in values.items())
    signature = f"cov12, var1, var2{', *' + signature if signature else ''}"
    bodies = []
    for name, text, expression in functions:
        plan = _plan(expression, writer)
        lines = [f"def {name}({signature}):", f'    """{text}"""']
        tensors = values if kind.module == "torch" else ()
        infinite = name == "dual_slope" and not dual.continuous
        used = plan.names | ({det} if infinite else set())
        if any(symbol in used for symbol in tensors):
            used |= {c}
        unpacked = ", ".join(text if symbol in used else "_" for symbol, text in ARGUMENTS.items())
        lines.append(f"    {unpacked} = _covariance(cov12, var1, var2)")
        lines += [f"    {names[s]} = torch.as_tensor({names[s]}, dtype=c.dtype)" for s in tensors if s in plan.names]
        lines += [line for target, terms in plan.assignments for line in _assignment(f"{target} = ", terms)]
        lines += _assignment("slope = " if infinite else "return ", plan.result)
        if infinite:
            lines.append(f"    return {kind.module}.where(det > 0, slope, {kind.module}.inf)")
        bodies.append(kind.wrapper + "\n".join(lines))
    parts = _chosen(writer.used, array_parts.PARTS, "_")
    helpers = [_specialised(part.text, kind) for part in (CodePart(array_parts.COVARIANCE), *parts)]
    code = "\n\n\n".join([*helpers, *bodies]) + "\n"
    imports = [line for line in kind.imports if line and (not line.startswith("from") or "special." in code)]
    return f'"""{_wrapped(_header(dual))}\n"""\n\n' + "\n".join(imports) + "\n\n\n" + code


def _default(value: sp.Rational) -> str:
    return str(value) if value.is_Integer and abs(value) < 10**15 else literal(value)


def _specialised(text: str, kind: _Array) -> str:
    text = text.strip("\n").replace("ARRAY", kind.array)
    text = re.sub(r"\blog_ndtr\b", kind.log_ndtr, text)
    return re.sub(r"\bxp\.", f"{kind.module}.", text)


def _assignment(start: str, terms: list[str]) -> list[str]:
    line = f"    {start}{' '.join(terms)}"
    if len(line) <= WIDTH or len(terms) == 1:
        return [line]
    return [f"    {start}(", *(f"        {term}" for term in terms), "    )"]


def _wrapped(paragraphs: list[str]) -> str:
    return "\n".join(fill(line, WIDTH, break_long_words=False, break_on_hyphens=False) for line in paragraphs)


def _c_text(dual: FormulaSubject) -> str:
    values = _parameters(dual)
    names = _renamed(values, lambda name: name in C_NAMES or re.fullmatch(r"t\d+|q1|q2|c|det|floor|exp_\w+", name))
    writer = DialectWriter(C, {**ARGUMENTS, **names})
    arguments = "".join(f", double {names[symbol]}" for symbol in values)
    bodies = []
    for name, expression in (("dual", dual.numeric.value), ("dual_slope", dual.numeric.slope)):
        if expression is None:
            continue
        plan = _plan(expression, writer)
        lines = [f"double {name}(double cov12, double var1, double var2{arguments})", "{"]
        lines.append("    double q1 = var1, q2 = var2, c = cov12;")
        lines.append("    const double det = covariance(&q1, &q2, &c);")
        if FLOOR in plan.names:
            lines.append("    const double floor = fmax(det, 8 * DBL_EPSILON * q1 * q2);")
        unused = [names[symbol] for symbol in values if symbol not in plan.names]
        if name == "dual_slope" and not dual.continuous:
            lines += ["    if (det <= 0) {", "        return INFINITY;", "    }"]
        elif det not in plan.names and FLOOR not in plan.names:
            unused.append("det")
        lines += [f"    (void){text};" for text in unused]
        for target, terms in plan.assignments:
            lines += _c_assignment(f"const double {target} = ", terms)
        bodies.append("\n".join([*lines, *_c_assignment("return ", plan.result), "}"]))
    parts = _chosen(writer.used, c_parts.PARTS, "")
    helpers = [part.text.strip("\n") for part in (CodePart(c_parts.COVARIANCE), *parts)]
    defaults = ", ".join(f"{names[symbol]} = {_default(value)}" for symbol, value in values.items())
    header = _header(dual) + (["", f"Values of the parameters it was derived for: {defaults}."] if defaults else [])
    comment = "/*\n" + re.sub("^(?=.)", " * ", _wrapped(header), flags=re.MULTILINE).replace("\n\n", "\n *\n") + "\n */"
    return "\n\n".join([comment + "\n#include <float.h>\n#include <math.h>", *helpers, *bodies]) + "\n"


def _c_assignment(start: str, terms: list[str]) -> list[str]:
    line = f"    {start}{' '.join(terms)};"
    if len(line) <= WIDTH or len(terms) == 1:
        return [line]
    rest = [f"        {term}" for term in terms[1:]]
    rest[-1] += ";"
    return [f"    {start}{terms[0]}", *rest]
