"""Gaussian expectations E[f(U) g(V)] of normal forms, by completing the square and Stein's lemma.

The rules, as they are named in a derivation (`Trace`):

    Q  complete the square: D = (1 - 2 a1 q1)(1 - 2 a2 q2) - 4 a1 a2 c^2, a factor D^(-1/2), and the covariance
       S' = [[q1 - 2 a2 Delta, c], [c, q2 - 2 a1 Delta]]/D, Delta = q1 q2 - c^2
    L  shift the mean: mu = S' b, a factor exp(kappa1 + kappa2 + b.mu/2)
    A  every gate is an event L = +-(X + N(0, w) - t) > 0, jointly Gaussian with (U, V)
    S  Stein's lemma lowers the powers; it conditions on events L_j = 0 (set C)
    B  base cases: f_C(0) P(L_j > 0, j not in C | L_C = 0), in terms of Phi, Phi2 and asin
    C  collect equal terms
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field

import sympy as sp

from ntksym.errors import NoClosedForm
from ntksym.kept import kept
from ntksym.symbolic.factors import Root
from ntksym.symbolic.field import Field, Scalar
from ntksym.symbolic.normal_form import DENSITY, REVERSED, STEP, Gate, NormalForm
from ntksym.symbolic.terms import Scaled, Terms

__all__ = ["Covariance", "Pair", "expectation"]

Subset = frozenset[int]


@dataclass(frozen=True)
class Covariance:
    """The covariance matrix [[q1, c], [c, q2]] of (U, V), in the scalars of one field."""

    q1: Scalar
    c: Scalar
    q2: Scalar

    @property
    def det(self) -> Scalar:
        return self.q1 * self.q2 - self.c * self.c


@dataclass(frozen=True)
class Family:
    """The terms of a normal form that share exponential and gates: polynomial(x) * exp(quadratic) * gates."""

    quadratic: Scalar
    linear: Scalar
    constant: Scalar
    gates: tuple[Gate, ...]
    polynomial: dict[int, Scalar]

    def expression(self, variable: sp.Symbol) -> sp.Expr:
        polynomial = sp.Add(*(v.expression() * variable**n for n, v in self.polynomial.items()))
        exponent = self.quadratic.expression() * variable**2 + self.linear.expression() * variable
        gates = sp.Mul(*(gate.expression(variable) for gate in self.gates))
        return polynomial * sp.exp(exponent + self.constant.expression()) * gates


def families(form: NormalForm) -> list[Family]:
    """A normal form by families, each hard gate written from the side that `_from_the_better_side` prefers."""
    by_exponential: dict[tuple[Scalar, Scalar, Scalar, tuple[Gate, ...]], dict[Gate | None, dict[int, Scalar]]] = {}
    for key, value in form.terms.items():
        hard = next((g for g in key.gates if g.is_hard and g.mode == STEP), None)
        soft = tuple(g for g in key.gates if g is not hard)
        member = by_exponential.setdefault((key.quadratic, key.linear, key.constant, soft), {})
        member.setdefault(hard, {})[key.power] = value
    result = []
    for exponential, members in by_exponential.items():
        for hard, polynomial in _from_the_better_side(members).items():
            quadratic, linear, constant, soft = exponential
            gates = (*soft, hard) if hard is not None else soft
            result.append(Family(quadratic, linear, constant, gates, polynomial))
    return result


Members = dict[Gate | None, dict[int, Scalar]]


def _from_the_better_side(members: Members) -> Members:
    """The fewest gates; among equals those that are rare at small variances: 1{x > t}, t > 0, and 1{x < t}, t < 0."""
    below_zero = {gate for gate in members if gate is not None and gate.threshold.expression().is_negative}
    every = {gate for gate in members if gate is not None}
    return min((_reversed(members, chosen) for chosen in (below_zero, every, set[Gate]())), key=len)


def _reversed(members: Members, chosen: set[Gate]) -> Members:
    """The same function with p 1{x > t} = p - p 1{x < t} for the chosen gates."""
    base = dict(members.get(None, {}))
    result: Members = {}
    for gate, polynomial in members.items():
        if gate is None:
            continue
        if gate not in chosen:
            result[gate] = polynomial
            continue
        for power, value in polynomial.items():
            base[power] = base[power] + value if power in base else value
        result[gate._replace(mode=REVERSED)] = {power: -value for power, value in polynomial.items()}
    base = {power: value for power, value in base.items() if value}
    return {None: base, **result} if base else result


@dataclass
class Trace:
    """What the engine did, pair of families by pair of families."""

    pairs: list[Pair] = dataclass_field(default_factory=list)


def expectation(f: NormalForm, g: NormalForm, covariance: Covariance, trace: Trace | None = None) -> Terms:
    """E[f(U) g(V)] for (U, V) ~ N(0, [[q1, c], [c, q2]]) as collected terms.

    Parameters
    ----------
    f, g : NormalForm
        Over the field of ``covariance``.
    covariance : Covariance
        Scalars q1, c, q2.
    trace : Trace, optional
        Collects every pair for a derivation that people read.

    Raises
    ------
    NoClosedForm
        Where a base case has no closed form (four events, complex thresholds).
    """
    terms = Terms(covariance.q1.field)
    right = families(g)
    for left in families(f):
        for other in right:
            pair = Pair(left, other, covariance)
            if trace is not None:
                trace.pairs.append(pair)
            try:
                pair.add_to(terms)
            except NoClosedForm as refusal:
                part = left.expression(sp.Symbol("U")) * other.expression(sp.Symbol("V"))
                raise NoClosedForm(f"{refusal}, and is met in E[{part}]", part=part) from None
    return terms


class Pair:
    """One pair of families: E[p(U) r(V) exp(...) gates]."""

    def __init__(self, left: Family, right: Family, covariance: Covariance) -> None:
        self.left = left
        self.right = right
        self.covariance = covariance
        self.field: Field = covariance.q1.field
        self.events = [(0, gate) for gate in left.gates] + [(1, gate) for gate in right.gates]
        self._conditioned: dict[Subset, tuple[list[Scalar], list[list[Scalar]]]] = {}
        self._moments: dict[tuple[int, int, Subset], dict[Subset, Scalar]] = {}

    @kept
    def determinant(self) -> Scalar:
        """D of rule Q."""
        s, two, four = self.covariance, self.field.integer(2), self.field.integer(4)
        a1, a2 = self.left.quadratic, self.right.quadratic
        first = self.field.one - two * a1 * s.q1
        second = self.field.one - two * a2 * s.q2
        return first * second - four * a1 * a2 * s.c * s.c

    @property
    def conditions(self) -> list[Scalar]:
        """Scalars that must be positive for the expectation to exist; none where every exponential decays."""
        s, two, one = self.covariance, self.field.integer(2), self.field.one
        growing = [
            one - two * a * q
            for a, q in ((self.left.quadratic, s.q1), (self.right.quadratic, s.q2))
            if a and not a.expression().is_negative
        ]
        return [*growing, self.determinant] if growing else []

    @kept
    def tilted(self) -> list[list[Scalar]]:
        """S' of rule Q."""
        s, two, below = self.covariance, self.field.integer(2), self.determinant.inverse()
        first = (s.q1 - two * self.right.quadratic * s.det) * below
        second = (s.q2 - two * self.left.quadratic * s.det) * below
        return [[first, s.c * below], [s.c * below, second]]

    @kept
    def mean(self) -> list[Scalar]:
        """Mu of rule L."""
        b = (self.left.linear, self.right.linear)
        return [row[0] * b[0] + row[1] * b[1] for row in self.tilted]

    @kept
    def exponent(self) -> Scalar:
        half = self.field.rational(1, 2)
        shift = (self.left.linear * self.mean[0] + self.right.linear * self.mean[1]) * half
        return self.left.constant + self.right.constant + shift

    @kept
    def joint(self) -> tuple[list[Scalar], list[list[Scalar]]]:
        """Mean and covariance of (U, V, L_1, ..., L_k) of rule A."""
        signs = [-1 if gate.mode == REVERSED else 1 for _, gate in self.events]
        index = [0, 1, *(variable for variable, _ in self.events)]
        orientation = [self.field.integer(s) for s in (1, 1, *signs)]
        thresholds = [self.field.zero, self.field.zero, *(gate.threshold for _, gate in self.events)]
        mean = [o * (self.mean[i] - t) for o, i, t in zip(orientation, index, thresholds, strict=True)]
        matrix = [
            [oi * oj * self.tilted[i][j] for oj, j in zip(orientation, index, strict=True)]
            for oi, i in zip(orientation, index, strict=True)
        ]
        for position, (_, gate) in enumerate(self.events, start=2):
            matrix[position][position] = matrix[position][position] + gate.noise
        return mean, matrix

    def conditioned(self, given: Subset) -> tuple[list[Scalar], list[list[Scalar]]]:
        """Mean and covariance given L_j = 0 for j in ``given``."""
        if not given:
            return self.joint
        if given not in self._conditioned:
            last = max(given)
            mean, matrix = self.conditioned(given - {last})
            j = last + 2
            weights = [row[j] / matrix[j][j] for row in matrix]
            self._conditioned[given] = (
                [m - w * mean[j] for m, w in zip(mean, weights, strict=True)],
                [
                    [entry - w * other for entry, other in zip(row, matrix[j], strict=True)]
                    for row, w in zip(matrix, weights, strict=True)
                ],
            )
        return self._conditioned[given]

    def moment(self, m: int, n: int, given: Subset) -> dict[Subset, Scalar]:
        """E[U^m V^n 1{L > 0}] by rule S, as coefficients of the base cases B_C."""
        if m == 0 and n == 0:
            return {given: self.field.one}
        key = (m, n, given)
        if key not in self._moments:
            self._moments[key] = self._stein(m, n, given)
        return self._moments[key]

    def _stein(self, m: int, n: int, given: Subset) -> dict[Subset, Scalar]:
        mean, matrix = self.conditioned(given)
        variable, (lower_m, lower_n) = (0, (m - 1, n)) if m else (1, (m, n - 1))
        result: dict[Subset, Scalar] = {}

        def accumulate(factor: Scalar, moments: dict[Subset, Scalar]) -> None:
            for subset, value in moments.items():
                result[subset] = result.get(subset, self.field.zero) + factor * value

        if mean[variable]:
            accumulate(mean[variable], self.moment(lower_m, lower_n, given))
        for other, power in ((0, lower_m), (1, lower_n)):
            if power and matrix[variable][other]:
                down = (lower_m - 1, lower_n) if other == 0 else (lower_m, lower_n - 1)
                accumulate(self.field.integer(power) * matrix[variable][other], self.moment(*down, given))
        for j in range(len(self.events)):
            if j not in given and matrix[variable][j + 2]:
                accumulate(matrix[variable][j + 2], self.moment(lower_m, lower_n, given | {j}))
        return {subset: value for subset, value in result.items() if value}

    @kept
    def coefficients(self) -> dict[Subset, Scalar]:
        """The whole pair by rule S: coefficients of the base cases, without the factors of rules Q and L."""
        start = frozenset(j for j, (_, gate) in enumerate(self.events) if gate.mode == DENSITY)
        total: dict[Subset, Scalar] = {}
        for m, left in self.left.polynomial.items():
            for n, right in self.right.polynomial.items():
                for subset, value in self.moment(m, n, start).items():
                    total[subset] = total.get(subset, self.field.zero) + left * right * value
        return {subset: value for subset, value in total.items() if value}

    def density(self, given: Subset) -> tuple[Scalar, Scalar, Root]:
        """The density of (L_j, j in given) at zero as coefficient, exponent and root."""
        field, exponent, variance = self.field, self.field.zero, self.field.one
        two_pi = field.integer(2) * field.generator(sp.pi)
        done: Subset = frozenset()
        for j in sorted(given):
            mean, matrix = self.conditioned(done)
            v = matrix[j + 2][j + 2]
            exponent = exponent - mean[j + 2] * mean[j + 2] / (field.integer(2) * v)
            variance = variance * v * two_pi
            done = done | {j}
        outside, root = field.square_root(variance.inverse())
        return outside, exponent, root

    def probability(self, given: Subset) -> Iterator[tuple[Scalar, tuple[object, ...]]]:
        """P(L_j > 0, j not in given | L_given = 0) as coefficients of special functions (rule B)."""
        field = self.field
        rest = [j + 2 for j in range(len(self.events)) if j not in given]
        mean, matrix = self.conditioned(given)
        h = [self._standardised(mean[j], matrix[j][j]) for j in rest]
        centred = not any(scaled.scalar for scaled in h)
        if not rest:
            yield field.one, ()
        elif len(rest) == 1:
            yield field.one, ("Phi", h[0])
        elif len(rest) == 2:
            yield field.one, ("Phi2", h[0], h[1], self._correlation(matrix, rest[0], rest[1]))
        elif len(rest) == 3 and centred:
            # P(three centred events) = 1/8 + (asin r12 + asin r13 + asin r23)/(4 pi)
            yield field.rational(1, 8), ()
            quarter = (field.integer(4) * field.generator(sp.pi)).inverse()
            for a, b in ((0, 1), (0, 2), (1, 2)):
                yield quarter, ("asin", self._correlation(matrix, rest[a], rest[b]))
        else:
            raise NoClosedForm(f"the probability of {len(rest)} joint Gaussian events has no closed form", rest=rest)

    def _standardised(self, mean: Scalar, variance: Scalar) -> Scaled:
        if not mean:
            return Scaled(mean, Root())
        outside, root = self.field.square_root(variance.inverse())
        return Scaled(mean * outside, root)

    def _correlation(self, matrix: list[list[Scalar]], i: int, j: int) -> Scaled:
        if not matrix[i][j]:
            return Scaled(self.field.zero, Root())
        outside, root = self.field.square_root((matrix[i][i] * matrix[j][j]).inverse())
        return Scaled(matrix[i][j] * outside, root)

    def add_to(self, terms: Terms) -> None:
        """Add this pair to the collected terms (rule C)."""
        outside, root = self.field.square_root(self.determinant.inverse())
        for given, coefficient in self.coefficients.items():
            density, exponent, density_root = self.density(given)
            extra, joint_root = self.field.multiply_roots((root, density_root))
            factor = coefficient * density * outside * extra
            for weight, special in self.probability(given):
                terms.add(factor * weight, self.exponent + exponent, joint_root, special)
        terms.require(self.conditions)
