"""The derivation of a dual as steps that a reader can follow, each a rule with what it says."""

from __future__ import annotations

import math
from dataclasses import dataclass

import sympy as sp

from ntksym.symbolic.descent import DescendedFormulae
from ntksym.symbolic.formulae import Formulae
from ntksym.symbolic.fourier import Quotient
from ntksym.symbolic.gaussian import Pair, Trace
from ntksym.symbolic.normal_form import DENSITY, REVERSED
from ntksym.symbolic.presentation import ScalarWriter, present
from ntksym.symbolic.terms import Terms
from ntksym.symbols import c, q1, q2, x

__all__ = ["Step", "steps_of"]


@dataclass(frozen=True)
class Step:
    """One line of a derivation: ``lhs = rhs`` by a rule.

    Attributes
    ----------
    rule : str
        N normal form, F Fourier transform, Q complete the square, L shift the mean, A gates become events, S Stein's
        lemma, B base cases, C collect terms, P Price's theorem.
    text : str
        What is done, on what.
    lhs, rhs : sympy expressions
    """

    rule: str
    text: str
    lhs: sp.Expr
    rhs: sp.Expr


def steps_of(formulae: Formulae) -> tuple[Step, ...]:
    """The derivation of E[f(U) g(V)] in (q1, q2, c)."""
    expectation = sp.Function("K")(q1, q2, c)
    slope = sp.Derivative(expectation, c)
    names = ("s",) if formulae.f == formulae.g else ("f", "g")
    product = f"{names[0]}'(U) {names[-1]}'(V)"
    start = tuple(
        Step("N", f"normal form of {name}", sp.Function(name)(x), form.expression(x))
        for name, form in zip(names, (formulae.f, formulae.g), strict=False)
    )
    if isinstance(formulae, DescendedFormulae):
        inner = _main_steps(formulae.slope)
        derived = Step("P", f"E[{product}] is dK/dc by Price's theorem", slope, formulae.slope.expression())
        total = Step("P", "means plus the integral of the slope", expectation, formulae.expression())
        return (*start, *inner, derived, total)
    collected = Step("C", "the sum of all pairs, equal terms collected", expectation, formulae.expression())
    derived = Step("P", f"the same for {product}, by Price's theorem", slope, formulae.slope.expression())
    return (*start, *_transform_steps(formulae), *_main_steps(formulae), collected, derived)


def _transform_steps(formulae: Formulae) -> list[Step]:
    if not isinstance(formulae.f, Quotient):
        return []
    t = sp.Symbol("t", real=True)
    text = "s is the Fourier transform of b; U, V become N(0, S^-1), with a factor 2 pi/sqrt(q1 q2 - c^2)"
    return [Step("F", text, sp.Function("b")(t), formulae.f.transform().expression(t))]


def _main_steps(formulae: Formulae) -> list[Step]:
    trace = Trace()
    formulae.terms_in("q", trace)
    pairs = trace.pairs
    count = math.isqrt(len(pairs))
    if formulae.f != formulae.g or count < 2:
        named = [(f"pair {number}", pair) for number, pair in enumerate(pairs, start=1)]
    else:
        # E[f_i(U) f_j(V)] and E[f_j(U) f_i(V)] differ by exchanging q1 and q2.
        chosen = [(i, j) for i in range(count) for j in range(i, count)]
        mirrored = {(i, j): ", which counts once more with U and V exchanged" if i < j else "" for i, j in chosen}
        named = [
            (f"pair {number}{mirrored[i, j]}", pairs[i * count + j]) for number, (i, j) in enumerate(chosen, start=1)
        ]
    return [step for number, item in enumerate(named, start=1) for step in _pair_steps(item[1], item[0], number)]


def _pair_steps(pair: Pair, title: str, number: int) -> list[Step]:
    writer = ScalarWriter(pair.field, c)
    name = f"pair {number}"
    integrand = sp.Mul(*(side.expression(v) for side, v in ((pair.left, sp.Symbol("U")), (pair.right, sp.Symbol("V")))))
    label = sp.Symbol(f"E{number}")
    steps = [Step("N", f"{title}: the expectation of", label, integrand)]
    if pair.left.quadratic or pair.right.quadratic:
        determinant = writer.sum(pair.determinant)
        steps.append(Step("Q", f"{name}: complete the square, a factor D^(-1/2)", sp.Symbol("D"), determinant))
        for i, j in ((0, 0), (0, 1), (1, 1)):
            entry = writer.sum(pair.tilted[i][j])
            steps.append(Step("Q", f"{name}: covariance after that", sp.Symbol(f"S{i + 1}{j + 1}"), entry))
    if any(pair.mean):
        shift = sp.exp(writer.sum(pair.exponent))
        steps.append(Step("L", f"{name}: shift the mean, a factor", sp.exp(sp.Symbol("E0")), shift))
        for i, mean in enumerate(pair.mean):
            steps.append(Step("L", f"{name}: mean after that", sp.Symbol(f"mu{i + 1}"), writer.sum(mean)))
    steps.extend(_event_steps(pair, name, writer))
    terms = Terms(pair.field)
    pair.add_to(terms)
    steps.append(Step("B", f"{name}: base cases put in", label, present(terms, c)))
    return steps


def _event_steps(pair: Pair, name: str, writer: ScalarWriter) -> list[Step]:
    steps = []
    _, matrix = pair.joint
    for j, (variable, gate) in enumerate(pair.events):
        sign = -1 if gate.mode == REVERSED else 1
        argument = sp.Symbol("UV"[variable]) - gate.threshold.expression()
        noise = sp.sqrt(gate.noise.expression()) * sp.Symbol(f"Z{j + 1}")
        kind = "= 0 (its density)" if gate.mode == DENSITY else "> 0"
        text = f"{name}: event {j + 1} is L{j + 1} {kind}, of variance {writer.sum(matrix[j + 2][j + 2])}"
        steps.append(Step("A", text, sp.Symbol(f"L{j + 1}"), sign * (argument + noise)))
    if pair.events:
        total: sp.Expr = sp.S.Zero
        for given, coefficient in pair.coefficients.items():
            total += writer.sum(coefficient) * _base_case(given, len(pair.events))
        steps.append(Step("S", f"{name}: Stein's lemma", sp.Symbol("M"), total))
    return steps


def _base_case(given: frozenset[int], count: int) -> sp.Expr:
    conditioned = [sp.Symbol(f"L{j + 1}") for j in sorted(given)]
    free = [sp.Symbol(f"L{j + 1}") for j in range(count) if j not in given]
    density = sp.Function("f")(*conditioned) if conditioned else sp.S.One
    return density * (sp.Function("P")(*free) if free else sp.S.One)
