r"""The powers of rho that a kernel contains: supports of power series with non-negative coefficients, layer by layer.

On the sphere K(rho) = sum_k c_k rho^k with c_k >= 0. Sums of kernels unite their supports {k : c_k > 0}, products add
them element by element, and a layer composes: with A = {k : a_k(q) != 0}, the degrees in the Hermite series of s,

    Dense          S <- S u {0 if b_std},          T <- S_new u T u {0 if a bias is trained}
    Nonlinearity   T <- T + U_{k in A, k >= 1} (k - 1) S,     S <- U_{k in A} k S,     k S = S + ... + S, 0 S = {0}
    Residual       S <- S u S',                    T <- T u T',                          S', T' behind the branch

What decides positivity is only the largest even and the largest odd element, each possibly absent or infinite, and
these follow from those of A and S alone: k S for a larger k of the same parity reaches at least as far. Those of A are
the degrees of the even and of the odd part of s, infinite for a part that is no polynomial, whatever the variance is.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.activation.pieces.sign_decider import SignDecider
from ntksym.errors import NoClosedForm
from ntksym.network.layers import Dense, Layer, Network, Nonlinearity
from ntksym.network.walk import walk
from ntksym.symbols import x

__all__ = [
    "ABSENT",
    "Degrees",
    "KernelSupports",
    "Support",
    "degree_text",
    "is_zero_at_zero",
    "layer_supports",
    "number_text",
]

ABSENT = -1
"""Largest element of an empty set; degree of the zero function."""

LONG = 10**18
"""Numbers from here on are told by their order of magnitude."""

Degree = float
"""A whole number, ``ABSENT`` or infinity."""


@dataclass(frozen=True, order=True)
class Support:
    """The largest even and the largest odd element of a set of degrees.

    Parameters
    ----------
    even, odd : number
        ``ABSENT`` if there is no element of this parity, ``math.inf`` if there are infinitely many.
    """

    even: Degree = ABSENT
    odd: Degree = ABSENT

    def __or__(self, other: "Support") -> "Support":
        """The union."""
        return Support(max(self.even, other.even), max(self.odd, other.odd))

    def __add__(self, other: "Support") -> "Support":
        """All sums of an element of each."""
        return Support(
            max(_plus(self.even, other.even), _plus(self.odd, other.odd)),
            max(_plus(self.even, other.odd), _plus(self.odd, other.even)),
        )

    @property
    def degree(self) -> Degree:
        """The largest element."""
        return max(self.even, self.odd)

    @property
    def lowered(self) -> "Support":
        """{k - 1 : k in the set, k >= 1}."""
        return Support(self.odd - 1 if self.odd > 0 else ABSENT, self.even - 1 if self.even > 0 else ABSENT)

    def of(self, inner: "Support") -> "Support":
        """U_k (inner + ... + inner, k times), k in the set, for an inner one that is not empty."""
        sums = [_sums(count, parity, inner) for parity, count in enumerate((self.even, self.odd)) if count != ABSENT]
        return sums[0] | sums[1] if len(sums) == 2 else (sums[0] if sums else Support())

    def __str__(self) -> str:
        return f"even degrees {degree_text(self.even)}, odd degrees {degree_text(self.odd)}"


Degrees = Support
"""Of an activation: the degrees of its even and of its odd part."""

CONSTANT, LINEAR = Support(even=0), Support(odd=1)


def degree_text(largest: Degree) -> str:
    """The largest element, in words."""
    if largest == ABSENT:
        return "none"
    return "infinitely many" if largest == math.inf else f"up to {number_text(largest)}"


def number_text(number: float) -> str:
    """A whole number, by its order of magnitude where it has very many digits."""
    return str(number) if number < LONG else f"10^{int(math.log10(number))} and more"


def _plus(first: Degree, second: Degree) -> Degree:
    return ABSENT if ABSENT in (first, second) else first + second


def _times(count: Degree, element: Degree) -> Degree:
    """The sum of an element with itself, a number of times: an absent one that is not used is no obstacle."""
    if count == 0:
        return 0
    return ABSENT if element == ABSENT else (0 if element == 0 else count * element)


def _sums(count: Degree, parity: int, inner: Support) -> Support:
    """Sums of up to ``count`` elements, the number of which has this parity: the largest even and odd one.

    Of them j are odd and the others even. The sum is linear in j, so that it is largest for the fewest or the most.
    """
    found = []
    for odd in (0, 1):
        other = (parity - odd) % 2
        most = count - other if count < math.inf else math.inf
        choices = [(odd, count - odd), (most, other)] if count >= odd + other else []
        parts = [(_times(j, inner.odd), _times(rest, inner.even)) for j, rest in choices]
        found.append(max((_plus(*part) for part in parts), default=ABSENT))
    return Support(*found)


def is_zero_at_zero(activation: Activation) -> bool:
    """Whether s(0) = 0, as far as that can be decided."""
    value = activation.expression.xreplace(activation.values).subs(x, 0)
    try:
        return bool(isinstance(value, sp.Expr) and value.is_finite and SignDecider({}).sign(value) == 0)
    except NoClosedForm:
        return False


@dataclass(frozen=True)
class KernelSupports:
    """The supports of S and T.

    Parameters
    ----------
    nngp, ntk : Support
        Of S and of T.
    """

    nngp: Support
    ntk: Support


Possible = frozenset[KernelSupports]
"""What the supports may be: several where it is not known of an activation what its parts are."""


@dataclass(frozen=True)
class _Supported:
    """The algebra of what the supports may be.

    Where several degrees are possible each layer chooses for itself, and a branch apart from what it is added to: that
    may allow too much, never too little.
    """

    degrees: Mapping[Activation, Sequence[Degrees]]
    trained_zero_bias: bool

    def dense(self, state: Possible, layer: Dense) -> Possible:
        constant = CONSTANT if layer.b_std else Support()
        trained = CONSTANT if self.trained_zero_bias else Support()
        nngps = [(before.nngp | constant, before.ntk) for before in state]
        return frozenset(KernelSupports(nngp, ntk | nngp | trained) for nngp, ntk in nngps)

    def nonlinear(self, state: Possible, layer: Nonlinearity) -> Possible:
        choices = self.degrees[layer.activation]
        return frozenset(_after(layer.activation, before, choice) for before in state for choice in choices)

    def add(self, state: Possible, branch: Possible) -> Possible:
        return frozenset(KernelSupports(a.nngp | b.nngp, a.ntk | b.ntk) for a in state for b in branch)


def layer_supports(
    network: Network, degrees: Mapping[Activation, Sequence[Degrees]], *, trained_zero_bias: bool = False
) -> Iterator[tuple[Layer, Possible]]:
    """Every layer and the supports of S and T behind it, from the data to the output.

    Parameters
    ----------
    network : Network
        The layers.
    degrees : mapping
        What the degrees of the even and the odd part of every activation may be.
    trained_zero_bias : bool
        Whether Dense layers without ``b_std`` have biases that are zero at first and trained: then 0 is in T, not in S.
    """
    possible, algebra = frozenset({KernelSupports(LINEAR, Support())}), _Supported(degrees, trained_zero_bias)
    for layer in network.layers:
        possible = walk((layer,), possible, algebra)
        yield layer, possible


def _after(activation: Activation, before: KernelSupports, hermite: Degrees) -> KernelSupports:
    ntk = before.ntk + hermite.lowered.of(before.nngp)
    if before.nngp == Support():  # all variances are zero, and so is every argument of s
        return KernelSupports(Support() if is_zero_at_zero(activation) else CONSTANT, ntk)
    return KernelSupports(hermite.of(before.nngp), ntk)
