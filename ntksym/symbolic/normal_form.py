"""The normal form of an activation: sums of monomial * exp(quadratic) * gates, with exact equality.

    s(x) = sum_i k_i x**n_i exp(a_i x**2 + b_i x + kappa_i) prod_j I(t_ij, w_ij)(x),
    I(t, w)(x) = P(x + N(0, w) > t) = Phi((x - t)/sqrt(w)),      w = 0: the step 1{x > t}.

A factor Phi *is* a step whose argument has extra independent noise, so steps and error functions are one atom. Two
members of the class that are equal almost everywhere have equal normal forms, because x**n exp(quadratic) and the Phi
factors are algebraically independent on every interval.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import sympy as sp

from ntksym.activation.pieces.identity import is_zero
from ntksym.errors import NoClosedForm
from ntksym.kept import kept
from ntksym.special.symbolic import NormalCDF
from ntksym.symbolic.field import Field, Scalar

__all__ = ["DENSITY", "REVERSED", "STEP", "Gate", "Key", "NormalForm"]

STEP, DENSITY, REVERSED = 0, 1, 2
"""A gate is a (soft) step, its derivative (Dirac delta or Gaussian density), or the hard step 1{x < t}."""


class Gate(NamedTuple):
    """I(threshold, noise), or by ``mode`` its derivative or its mirror image."""

    threshold: Scalar
    noise: Scalar
    mode: int = STEP

    def order(self) -> tuple[object, ...]:
        return self.threshold.order(), self.noise.order(), self.mode

    @property
    def is_hard(self) -> bool:
        return not self.noise

    def expression(self, variable: sp.Expr) -> sp.Expr:
        distance = variable - self.threshold.expression()
        if self.is_hard:
            argument = -distance if self.mode == REVERSED else distance
            return sp.DiracDelta(distance) if self.mode == DENSITY else sp.Heaviside(argument)
        scale = sp.sqrt(2 * self.noise.expression())
        if self.mode == DENSITY:
            return sp.exp(-((distance / scale) ** 2)) / (scale * sp.sqrt(sp.pi))
        return NormalCDF(distance * sp.sqrt(2) / scale)


class Key(NamedTuple):
    """Everything of a term but its coefficient: x**power * exp(quadratic x^2 + linear x + constant) * gates."""

    power: int
    quadratic: Scalar
    linear: Scalar
    constant: Scalar
    gates: tuple[Gate, ...] = ()

    def family(self) -> tuple[Scalar, Scalar, Scalar, tuple[Gate, ...]]:
        return self[1:]


@dataclass(frozen=True)
class NormalForm:
    """A function of the class; ``order`` lists the hard thresholds from left to right."""

    field: Field
    terms: Mapping[Key, Scalar]
    order: tuple[Scalar, ...] = ()

    @classmethod
    def collect(cls, field: Field, terms: Iterable[tuple[Key, Scalar]], order: tuple[Scalar, ...] = ()) -> NormalForm:
        total: dict[Key, Scalar] = {}
        for key, coefficient in terms:
            total[key] = total[key] + coefficient if key in total else coefficient
        return cls(field, {key: value for key, value in total.items() if value}, order)

    @classmethod
    def monomial(cls, field: Field, coefficient: Scalar, power: int = 0, gates: tuple[Gate, ...] = ()) -> NormalForm:
        zero = field.zero
        return cls.collect(field, [(Key(power, zero, zero, zero, gates), coefficient)])

    @classmethod
    def exponential(cls, field: Field, quadratic: Scalar, linear: Scalar, constant: Scalar) -> NormalForm:
        factor, constant = _without_logarithms(constant)
        return cls.collect(field, [(Key(0, quadratic, linear, constant), factor)])

    @kept
    def identity(self) -> frozenset[object]:
        """What equality and caches compare: expressions, so that it does not depend on the field object."""
        return frozenset((_portable(key), value.expression()) for key, value in self.terms.items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NormalForm) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __add__(self, other: NormalForm) -> NormalForm:
        items = [*self.terms.items(), *other.terms.items()]
        return NormalForm.collect(self.field, items, _merged(self.order, other.order))

    def __neg__(self) -> NormalForm:
        return NormalForm(self.field, {key: -value for key, value in self.terms.items()}, self.order)

    def __sub__(self, other: NormalForm) -> NormalForm:
        return self + (-other)

    def __mul__(self, other: NormalForm) -> NormalForm:
        order = _merged(self.order, other.order)
        return NormalForm.collect(
            self.field,
            (
                (_product(left, right, order), a * b)
                for left, a in self.terms.items()
                for right, b in other.terms.items()
            ),
            order,
        )

    def scaled(self, factor: Scalar) -> NormalForm:
        return NormalForm.collect(self.field, ((k, v * factor) for k, v in self.terms.items()), self.order)

    def power(self, exponent: int) -> NormalForm:
        result = NormalForm.monomial(self.field, self.field.one)
        for _ in range(exponent):
            result = result * self
        return result

    def reciprocal(self) -> NormalForm | None:
        """1/s for a single exponential without gates, else None."""
        if len(self.terms) != 1:
            return None
        ((key, value),) = self.terms.items()
        if key.power or key.gates:
            return None
        inverse = Key(0, -key.quadratic, -key.linear, -key.constant)
        return NormalForm.collect(self.field, [(inverse, value.inverse())])

    def gated(self, threshold: Scalar) -> NormalForm:
        """s(x) * 1{x > threshold} for an s without hard gates."""
        gate = Gate(threshold, self.field.zero)
        items = ((key._replace(gates=_sorted((*key.gates, gate))), value) for key, value in self.terms.items())
        return NormalForm.collect(self.field, items, (threshold,))

    def reflection(self) -> NormalForm:
        """s(-x)."""
        items = [item for key, value in self.terms.items() for item in self._reflected_term(key, value)]
        return NormalForm.collect(self.field, items, tuple(-t for t in reversed(self.order)))

    def _reflected_term(self, key: Key, value: Scalar) -> list[tuple[Key, Scalar]]:
        sign = self.field.integer(-1 if key.power % 2 else 1)
        items = [(key._replace(linear=-key.linear, gates=()), value * sign)]
        for gate in key.gates:
            mirrored = Gate(-gate.threshold, gate.noise, gate.mode)
            with_gate = [(k._replace(gates=_sorted((*k.gates, mirrored))), v) for k, v in items]
            # I(t, w)(-x) = 1 - I(-t, w)(x), and a density is even about its threshold.
            items = with_gate if gate.mode == DENSITY else items + [(k, -v) for k, v in with_gate]
        return items

    def derivative(self) -> NormalForm:
        """The distributional derivative: a jump J at t becomes J times the Dirac delta at t."""
        field = self.field
        items: list[tuple[Key, Scalar]] = []
        for key, value in self.terms.items():
            n, a, b = key.power, key.quadratic, key.linear
            items.append((key._replace(power=n + 1), value * a * field.integer(2)))
            items.append((key, value * b))
            if n:
                items.append((key._replace(power=n - 1), value * field.integer(n)))
            items.extend(self._gate_derivatives(key, value))
        return NormalForm.collect(field, items, self.order)._without_vanishing_deltas()

    def _without_vanishing_deltas(self) -> NormalForm:
        """The same without the Dirac deltas whose weights add up to zero, as those of exp(x) - e at x = 1 do.

        Weights are numbers times exponentials and Phi of numbers, between which the field knows no relations.
        """
        deltas: dict[Gate, list[Key]] = {}
        for key in self.terms:
            for gate in key.gates:
                if gate.is_hard and gate.mode == DENSITY:
                    deltas.setdefault(gate, []).append(key)
        vanishing: set[Key] = set()
        for delta, keys in deltas.items():
            weights = (self._weight(key, delta) for key in keys)
            if len(keys) > 1 and is_zero(sp.Add(*weights)) is True:
                vanishing.update(keys)
        if not vanishing:
            return self
        return NormalForm(self.field, {key: v for key, v in self.terms.items() if key not in vanishing}, self.order)

    def _weight(self, key: Key, delta: Gate) -> sp.Expr:
        rest = key._replace(gates=tuple(gate for gate in key.gates if gate != delta))
        place = delta.threshold.expression()
        return self.terms[key].expression() * _key_expression(rest, place).rewrite(sp.erf)

    def _gate_derivatives(self, key: Key, value: Scalar) -> Iterable[tuple[Key, Scalar]]:
        for position, gate in enumerate(key.gates):
            if gate.mode == DENSITY and gate.is_hard:
                raise NoClosedForm("the second distributional derivative of a step is outside the class", gate=gate)
            if gate.mode == DENSITY:  # that of exp(-(x - t)^2/(2 w)) has the factor (t - x)/w
                below = gate.noise.inverse()
                yield key._replace(power=key.power + 1), -value * below
                yield key, value * gate.threshold * below
                continue
            density = gate._replace(mode=DENSITY)
            gates = _sorted((*key.gates[:position], density, *key.gates[position + 1 :]))
            if not gate.is_hard:
                yield key._replace(gates=gates), value
                continue
            # A Dirac delta evaluates what it multiplies at its threshold.
            t = gate.threshold
            exponent = key.quadratic * t * t + key.linear * t + key.constant
            factor, exponent = _without_logarithms(exponent)
            zero = self.field.zero
            yield Key(0, zero, zero, exponent, gates), value * t**key.power * factor

    @property
    def is_continuous(self) -> bool:
        """Whether the derivative has no Dirac delta."""
        return not any(g.is_hard and g.mode == DENSITY for key in self.derivative().terms for g in key.gates)

    @property
    def is_polynomial(self) -> bool:
        zero = self.field.zero
        return all(key.family() == (zero, zero, zero, ()) for key in self.terms)

    @property
    def parity(self) -> str:
        """One of "even", "odd", "neither"; the zero function counts as even."""
        mirrored = self.reflection()
        if not (self - mirrored).terms:
            return "even"
        return "odd" if not (self + mirrored).terms else "neither"

    def into(self, field: Field) -> NormalForm:
        """The same function over a larger field."""

        def move(key: Key) -> Key:
            gates = tuple(Gate(g.threshold.into(field), g.noise.into(field), g.mode) for g in key.gates)
            return Key(key.power, key.quadratic.into(field), key.linear.into(field), key.constant.into(field), gates)

        order = tuple(t.into(field) for t in self.order)
        return NormalForm(field, {move(k): v.into(field) for k, v in self.terms.items()}, order)

    def expression(self, variable: sp.Symbol) -> sp.Expr:
        """The normal form as a sympy expression, for people to read."""
        return sp.Add(*(value.expression() * _key_expression(key, variable) for key, value in self.terms.items()))


def _key_expression(key: Key, x: sp.Expr) -> sp.Expr:
    exponent = key.quadratic.expression() * x**2 + key.linear.expression() * x + key.constant.expression()
    return sp.Mul(x**key.power, sp.exp(exponent), *(gate.expression(x) for gate in key.gates))


def _sorted(gates: Iterable[Gate]) -> tuple[Gate, ...]:
    return tuple(sorted(gates, key=Gate.order))


def _product(left: Key, right: Key, order: tuple[Scalar, ...]) -> Key:
    gates = [*left.gates, *right.gates]
    hard = [gate for gate in gates if gate.is_hard]
    if len(hard) > 1:
        # 1{x > s} 1{x > t} = 1{x > max(s, t)}
        gates = [gate for gate in gates if not gate.is_hard]
        gates.append(max(hard, key=lambda gate: order.index(gate.threshold)))
    return Key(
        left.power + right.power,
        left.quadratic + right.quadratic,
        left.linear + right.linear,
        left.constant + right.constant,
        _sorted(gates),
    )


def _merged(left: tuple[Scalar, ...], right: tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    if set(right) <= set(left):
        return left
    if set(left) <= set(right):
        return right
    merged = {*left, *right}
    for a in merged:
        for b in merged:
            difference = (a - b).expression()
            if a != b and difference.is_positive is None:
                raise NoClosedForm(f"the order of the thresholds {a} and {b} is unknown", a=a, b=b)
    return tuple(sorted(merged, key=lambda t: sum(bool((t - s).expression().is_positive) for s in merged)))


def _without_logarithms(exponent: Scalar) -> tuple[Scalar, Scalar]:
    """``exp(exponent) = factor * exp(rest)``: a logarithm of a rational in the exponent is a factor."""
    field = exponent.field
    if not exponent or not any(g.func is sp.log for g in field.generators):
        return field.one, exponent
    factor = sp.exp(exponent.expression().expand())
    if factor.is_Rational:
        return field.scalar(factor), field.zero
    return field.one, exponent


def _portable(key: Key) -> tuple[object, ...]:
    gates = tuple((g.threshold.expression(), g.noise.expression(), g.mode) for g in key.gates)
    return key.power, key.quadratic.expression(), key.linear.expression(), key.constant.expression(), gates
