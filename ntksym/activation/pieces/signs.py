"""The sign of a smooth function of x is found exactly: its zeros in order, and the signs between them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import sympy as sp

from ntksym.activation.pieces.rewriting import factored, in_exponentials
from ntksym.activation.pieces.roots import real_roots
from ntksym.activation.pieces.sign_decider import SignDecider
from ntksym.errors import NoClosedForm, PiecesUnknown
from ntksym.formula.functions import FUNCTIONS
from ntksym.symbols import x

__all__ = ["SignPattern", "amplitude", "sign_pattern"]

MAX_ATTEMPTS = 5
"""Rewritings of one function, one after the other, on the way to its sign."""
MAX_SUMS = 40
"""Sums examined for one question, all rewritings together."""
MAX_LEVEL = 700
"""Logarithms of thresholds: beyond, the threshold is outside the range of float64."""
MAX_OPERATIONS = 100
"""Sums with more operations are not rewritten: the time would grow without bound."""


@dataclass(frozen=True)
class SignPattern:
    """Signs on the open intervals between consecutive zeros; ``len(signs) == len(zeros) + 1``; every zero is listed."""

    zeros: tuple[sp.Expr, ...]
    signs: tuple[int, ...]


@dataclass(frozen=True)
class _Question:
    """The open interval asked about, who decides the constants, and how many rewritings led here."""

    low: sp.Expr
    high: sp.Expr
    judge: SignDecider
    attempts: int = 0
    examined: list[sp.Expr] = field(default_factory=list)

    def contains(self, place: sp.Expr) -> bool:
        return self.judge.order(place, self.low) > 0 and self.judge.order(place, self.high) < 0

    def again(self) -> "_Question":
        return replace(self, attempts=self.attempts + 1)


def sign_pattern(function: sp.Expr, low: sp.Expr, high: sp.Expr, judge: SignDecider) -> SignPattern:
    """The zeros of a function, smooth on the open interval (low, high), and its signs between them.

    Parameters
    ----------
    function : Expr
        Polynomials times positive factors, A f(h(x)) + B with f invertible, sums of terms of one sign, monotone
        functions with a zero at a known place, sines on a bounded interval, products and quotients of these.
    low, high : Expr
        Ends of the interval; ``-oo`` and ``oo`` are allowed.
    judge : SignDecider
        Decides the signs of constants.

    Raises
    ------
    PiecesUnknown
        The zeros cannot be found exactly; the message names the function.
    """
    return _pattern(function, _Question(low, high, judge))


def _constant(sign: int) -> SignPattern:
    return SignPattern((), (sign,))


def _flipped(pattern: SignPattern, sign: int) -> SignPattern:
    return SignPattern(pattern.zeros, tuple(sign * item for item in pattern.signs))


def _give_up(function: sp.Expr) -> PiecesUnknown:
    return PiecesUnknown(
        f"cannot find the places where {function} changes sign; write the pieces out with Piecewise",
        subexpression=function,
    )


def _pattern(function: sp.Expr, question: _Question) -> SignPattern:
    if not function.has(x):
        return _constant(question.judge.sign(function))
    if function.is_polynomial(x):
        return _polynomial(function, question)
    if function.is_Mul:
        return _product(list(function.args), question)
    if isinstance(function, sp.Pow):
        return _power(function, question)
    if isinstance(function, sp.Add):
        return _sum(function, question)
    known = FUNCTIONS.get(type(function).__name__)
    match known.sign if known is not None else None:
        case "positive":
            return _constant(1)
        case "of u":
            return _pattern(function.args[0], question)
        case "of u - 1":
            return _pattern(function.args[0] - 1, question)
        case "wave":
            return _wave(function, question)
        case _:
            return _by_assumptions(function)


def _by_assumptions(function: sp.Expr) -> SignPattern:
    if function.is_positive:
        return _constant(1)
    if function.is_negative:
        return _constant(-1)
    raise _give_up(function)


def _refine(first: SignPattern, second: SignPattern, judge: SignDecider) -> list[tuple[int, int]]:
    """The pairs of signs on the intervals of the union of both lists of zeros."""
    places = judge.merge(list(first.zeros), list(second.zeros))
    pairs, i, j = [(first.signs[0], second.signs[0])], 0, 0
    for place in places:
        i += i < len(first.zeros) and judge.order(first.zeros[i], place) == 0
        j += j < len(second.zeros) and judge.order(second.zeros[j], place) == 0
        pairs.append((first.signs[i], second.signs[j]))
    return pairs


def _product(factors: list[sp.Expr], question: _Question) -> SignPattern:
    result = _constant(1)
    for factor in factors:
        pattern = _pattern(factor, question)
        signs = tuple(a * b for a, b in _refine(result, pattern, question.judge))
        result = SignPattern(tuple(question.judge.merge(list(result.zeros), list(pattern.zeros))), signs)
    return result


def _power(function: sp.Pow, question: _Question) -> SignPattern:
    base, exponent = function.args
    if exponent.is_Integer:
        pattern = _pattern(base, question)
        return pattern if exponent % 2 else SignPattern(pattern.zeros, tuple(sign * sign for sign in pattern.signs))
    if not base.has(x):
        return _constant(question.judge.sign(base))
    zeros = _pattern(base, question).zeros
    return SignPattern(zeros, (1,) * (len(zeros) + 1))


def _polynomial(function: sp.Expr, question: _Question) -> SignPattern:
    polynomial = sp.Poly(function, x)
    while polynomial.degree() > 0 and question.judge.sign(polynomial.LC()) == 0:
        polynomial = sp.Poly(polynomial.as_expr() - polynomial.LC() * x ** polynomial.degree(), x)
    if polynomial.degree() <= 0:
        return _constant(question.judge.sign(polynomial.as_expr()))
    # Signs from right to left, starting beyond the largest root.
    sign = question.judge.sign(polynomial.LC())
    zeros: list[sp.Expr] = []
    signs: list[int] = []
    for root, power in reversed(real_roots(polynomial, question.judge)):
        if question.contains(root):
            zeros.insert(0, root)
            signs.insert(0, sign)
        elif question.judge.order(root, question.low) <= 0:
            break
        sign *= (-1) ** power
    return SignPattern(tuple(zeros), (sign, *signs))


def _wave(function: sp.Expr, question: _Question) -> SignPattern:
    """Sine or cosine of a linear function on a bounded interval."""
    argument = function.args[0]
    if isinstance(function, sp.cos):
        argument = argument + sp.pi / 2
    slope = sp.diff(argument, x)
    if slope.has(x) or not (question.low.is_finite and question.high.is_finite):
        raise _give_up(function)
    judge = question.judge
    ends = [sp.expand(argument.subs(x, end) / sp.pi) for end in (question.low, question.high)]
    if judge.sign(slope) < 0:
        ends.reverse()
    first, last = (int(sp.floor(end.xreplace(judge.values))) for end in ends)
    zeros = [(k * sp.pi - argument.subs(x, 0)) / slope for k in range(first + 1, last + 1)]
    inside = [zero for zero in (zeros if judge.sign(slope) > 0 else zeros[::-1]) if question.contains(zero)]
    start = 1 if first % 2 == 0 else -1
    if judge.sign(slope) < 0:
        start *= (-1) ** len(inside)
    return SignPattern(tuple(inside), tuple(start * (-1) ** k for k in range(len(inside) + 1)))


def _sum(function: sp.Add, question: _Question) -> SignPattern:
    question.examined.append(function)
    if question.attempts > MAX_ATTEMPTS or len(question.examined) > MAX_SUMS:
        raise _give_up(function)
    for attempt in (_inverted, _factored, _without_exponential, _agreeing, _in_exponentials, _monotone):
        try:
            with question.judge.trial():
                pattern = attempt(function, question.again())
        except NoClosedForm:
            continue
        if pattern is not None:
            return pattern
    raise _give_up(function)


def _inverted(function: sp.Add, question: _Question) -> SignPattern | None:
    """A f(h) + B with f increasing on its range: the sign of A (h - f^{-1}(-B/A))."""
    constant, rest = function.as_independent(x, as_Add=True)
    weight, body = rest.as_independent(x, as_Add=False)
    if constant == 0 or not isinstance(body, sp.Function | sp.Pow):
        return None
    level, judge = -constant / weight, question.judge
    if isinstance(body, sp.Pow):
        return _inverted_power(weight, body, level, question)
    inverse = _INVERSES.get(type(body).__name__)
    if inverse is None:
        return None
    below, above, function_of_level = inverse
    if below is not None and judge.order(level, below) <= 0:
        return _constant(judge.sign(weight))
    if above is not None and judge.order(level, above) >= 0:
        return _constant(-judge.sign(weight))
    if function_of_level in (sp.exp, sp.sinh) and judge.sign(MAX_LEVEL - level) * judge.sign(MAX_LEVEL + level) <= 0:
        return None
    return _flipped(_pattern(body.args[0] - function_of_level(level), question), judge.sign(weight))


def _inverted_power(weight: sp.Expr, body: sp.Pow, level: sp.Expr, question: _Question) -> SignPattern | None:
    """Signs of A (h^p - level) for p > 0; h is not negative where p is not an integer."""
    base, power = body.args
    if not (power.is_Rational and power > 0):
        return None
    sign = question.judge.sign(level)
    if sign <= 0 and not (power.is_Integer and power % 2):
        return _constant(question.judge.sign(weight))
    root = sign * (sign * level) ** (1 / power)
    factors = [base - root, base + root] if power.is_Integer and power % 2 == 0 else [base - root]
    return _product([weight, *factors], question)


_INVERSES: Mapping[str, tuple[sp.Expr | None, sp.Expr | None, Callable[[sp.Expr], sp.Expr]]] = {
    "exp": (sp.S.Zero, None, sp.log),
    "log": (None, None, sp.exp),
    "tanh": (sp.S.NegativeOne, sp.S.One, lambda level: sp.log((1 + level) / (1 - level)) / 2),
    "erf": (sp.S.NegativeOne, sp.S.One, sp.erfinv),
    "atan": (-sp.pi / 2, sp.pi / 2, sp.tan),
    "sinh": (None, None, sp.asinh),
    "asinh": (None, None, sp.sinh),
}
"""Increasing functions on the whole line: infimum, supremum, inverse."""


def _factored(function: sp.Expr, question: _Question) -> SignPattern | None:
    if function.count_ops() > MAX_OPERATIONS:
        return None
    product = factored(function)
    return None if product == function or product.is_Add else _pattern(product, question)


def _without_exponential(function: sp.Add, question: _Question) -> SignPattern | None:
    """Divide by one of the exponentials: A e^g + B e^h has the sign of A e^(g-h) + B."""
    for term in function.args:
        for factor in sp.Mul.make_args(term):
            if isinstance(factor, sp.exp) and factor.has(x):
                divided = sp.Add(*(other / factor for other in function.args))
                if divided.count(sp.exp) < function.count(sp.exp):
                    return _pattern(divided, question)
    return None


def _agreeing(function: sp.Add, question: _Question) -> SignPattern | None:
    """A sum of terms that all have one sign, up to bounded waves that a constant outweighs."""
    constant, rest = function.as_independent(x, as_Add=True)
    waves: sp.Expr = sp.S.Zero
    pattern = None
    for term in sp.Add.make_args(rest):
        bound = amplitude(term)
        if bound is not None:
            waves += bound
            continue
        own = _pattern(term, question)
        if pattern is not None and (own.zeros, own.signs) != (pattern.zeros, pattern.signs):
            if len(set(own.signs + pattern.signs)) > 1:
                return None
            own = _constant(own.signs[0])
        pattern = own
    judge = question.judge
    if constant == 0 and waves == 0:
        return pattern
    sign = judge.sign(constant)
    if sign == 0 or judge.sign(sign * constant - waves) <= 0 or (pattern and set(pattern.signs) != {sign}):
        return None
    return _constant(sign)


def amplitude(term: sp.Expr) -> sp.Expr | None:
    """A bound for |term| if it is a constant times functions with values in [-1, 1], else None."""
    weight, body = term.as_independent(x, as_Add=False)
    bounded = all(isinstance(factor, sp.sin | sp.cos | sp.sinc | sp.tanh | sp.erf) for factor in sp.Mul.make_args(body))
    return sp.Abs(weight) if bounded else None


def _in_exponentials(function: sp.Expr, question: _Question) -> SignPattern | None:
    if not function.has(sp.sinh, sp.cosh, sp.tanh) or function.count_ops() > MAX_OPERATIONS:
        return None
    product = factored(in_exponentials(function))
    return None if product.is_Add else _pattern(product, question)


def _monotone(function: sp.Expr, question: _Question) -> SignPattern | None:
    """Between the zeros of the derivative the function is monotone: zero at an end or at 0 settles the interval."""
    if function.count_ops() > MAX_OPERATIONS:
        return None
    judge = question.judge
    slope = _pattern(sp.diff(function, x), question)
    places = judge.merge(list(slope.zeros), [sp.S.Zero] if question.contains(sp.S.Zero) else [])
    ends = [question.low, *places, question.high]
    heights = [judge.sign(function.subs(x, end)) if end.is_finite else None for end in ends]
    rises = [pair[0] for pair in _refine(slope, SignPattern(tuple(places), (1,) * (len(places) + 1)), judge)]
    signs = []
    for left, right, rise in zip(heights, heights[1:], rises, strict=False):
        after, before = rise, -rise
        if left is not None and left * rise >= 0:
            signs.append(after)
        elif right is not None and right * rise <= 0:
            signs.append(before)
        else:
            return None
    zeros = [place for place, height in zip(places, heights[1:-1], strict=True) if height == 0]
    kept = [signs[0]] + [sign for sign, height in zip(signs[1:], heights[1:-1], strict=True) if height == 0]
    return SignPattern(tuple(zeros), tuple(kept))
