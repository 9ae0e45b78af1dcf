r"""The law by which the eigenvalues of a kernel on the sphere fall, as its activations imply it, with the reason.

    a derivative jumps     mu_n ~ (c + (-1)^n c_-) A_n(d, nu),  n^-(d + 2 nu - 1)           Bietti and Bach 2021, Thm. 1
    poles at distance h    mu_n ~ exp(-(3/2) C^(2/3) n^(2/3)),  C = min over layers of 2 h/sqrt(m)
    exp(-alpha x^2), erf   mu_n ~ (t + sqrt(t^2 - 1))^-n,  t > 1 the nearest singularity of K(rho)
    exp, sin, cos          faster than every geometric sequence
    polynomials            finite rank

m = dS/d rho at rho = 1 in front of the layer. Of a sum of kernels the slower law holds. The even and the odd degrees
may follow different laws.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

from ntksym.activation.activation import Activation
from ntksym.activation.kinks import HIGHEST_ORDER, even_kinks, kinks_of, lowest_order, odd_kinks
from ntksym.activation.pieces.identity import is_zero
from ntksym.dual.derivation import dual_of
from ntksym.errors import NoClosedForm
from ntksym.hermite.analyticity import Plane, plane_of
from ntksym.hermite.digits import hermite_squares
from ntksym.network.layers import Dense, Nonlinearity
from ntksym.network.walk import walk
from ntksym.symbols import x
from ntksym.theory.powers.half_line import halves_of
from ntksym.theory.powers.parity_parts import parts_of
from ntksym.theory.spectrum.gegenbauer import decay_exponent, multiplicity, power_coefficient
from ntksym.theory.spectrum.singular_part import is_single_layer, leading_singularity, stepped_singularity
from ntksym.theory.zonal import ZonalKernel

__all__ = ["Law", "algebraic", "predict"]


PARITIES = ("even", "odd")

CANCELLED = 1e-12
"""A coefficient that small beside its parts is what rounding left."""

TERMS = 256
"""Terms of a dual that is evaluated beyond |rho| = 1."""


@dataclass(frozen=True)
class Law:
    """The law of the eigenvalues of even or of odd degree.

    Attributes
    ----------
    kind : str
        "algebraic", "stretched exponential", "geometric", "super-geometric", "finite rank", "zero" or "unknown".
    reason : str
        Why, in a sentence.
    exponent : float or None
        e of mu_n ~ C n^-e (algebraic); p of exp(-A n^p) (stretched exponential).
    constant : float or None
        C, None where it is beyond float64 (algebraic); A (stretched exponential); the ratio of successive degrees,
        below 1 (geometric).
    singularity : tuple of float, or None
        (nu, c) of the part c (1 - rho)^nu of the kernel that decides (algebraic): mu_n ~ c A_n(d, nu).
    """

    kind: str
    reason: str
    exponent: float | None = None
    constant: float | None = None
    singularity: tuple[float, float] | None = None

    def predicted(self, dim: int, degree: int) -> float:
        """The leading term of mu_n, for algebraic laws."""
        if self.singularity is None:
            return math.nan
        nu, coefficient = self.singularity
        return float(coefficient * power_coefficient(dim, degree, nu))

    def beyond(self, dim: int, degree: int, parity: int) -> float:
        """sum_{n > degree} N(d, n) c A_n(d, nu) over one parity: (1 - t)^nu and (1 + t)^nu add up to 2^nu at t = 1."""
        if self.kind in ("zero", "finite rank"):
            return 0.0
        if self.singularity is None:
            return math.nan
        nu, coefficient = self.singularity
        with mpmath.workdps(30):
            known = [multiplicity(dim, n) * power_coefficient(dim, n, nu) for n in range(parity, degree + 1, 2)]
            return float(coefficient * ((-1) ** parity * mpmath.mpf(2) ** (nu - 1) - mpmath.fsum(known)))

    def __str__(self) -> str:
        formulas = {
            "algebraic": lambda: (
                f"{'C' if self.constant is None else format(self.constant, '.6g')} * n^-{self.exponent:g}"
            ),
            "stretched exponential": lambda: (
                f"exp(-{self.constant:.6g} * n^({Fraction(self.exponent or 0).limit_denominator(9)}))"
            ),
            "geometric": lambda: f"{self.constant:.6g}^n",
        }
        formula = formulas.get(self.kind)
        return f"{self.kind}{', ' + formula() if formula else ''}: {self.reason}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"kind": self.kind, "reason": self.reason, "exponent": self.exponent, "constant": self.constant}


def predict(kernel: ZonalKernel, dim: int) -> tuple[Law, Law]:
    """The laws of the even and of the odd degrees.

    Parameters
    ----------
    kernel : ZonalKernel
        f.
    dim : int
        d of the sphere.
    """
    even, odd = (_law(kernel, dim, parity) for parity in (0, 1))
    return even, odd


def _law(kernel: ZonalKernel, dim: int, parity: int) -> Law:
    largest = (kernel.support.even, kernel.support.odd)[parity]
    if largest < 0:
        return Law("zero", f"the kernel contains no {PARITIES[parity]} power of rho")
    if largest < math.inf:
        return Law("finite rank", f"the largest {PARITIES[parity]} power of rho in the kernel is {int(largest)}")
    if kernel.is_smooth:
        return _smooth(kernel, parity if is_single_layer(kernel.network) else None)
    try:
        return _kinked(kernel, dim, parity)
    except NoClosedForm as refusal:
        return Law("unknown", f"where and how the activation is not smooth is not known: {refusal}")


def _kinked(kernel: ZonalKernel, dim: int, parity: int) -> Law:
    part = (even_kinks, odd_kinks)[parity]
    alone = is_single_layer(kernel.network)
    kinks = {a: kinks_of(a.breaks) for a in kernel.activations}
    if alone:
        kinks = {a: part(found) for a, found in kinks.items()}
    orders = [order for order in map(lowest_order, kinks.values()) if order is not None]
    if not orders:
        plane = _plane_of_part(kernel.network.activations[0], parity) if alone else None
        if plane is not None and plane.gaussian == 0:
            return _by_planes(kernel, dict.fromkeys(kernel.activations, plane))
        what = f"the {PARITIES[parity]} part of the activation" if alone else "the activation"
        return Law("unknown", f"no derivative of {what} up to order {HIGHEST_ORDER} jumps, and it is not analytic")
    order = min(orders)
    singular = leading_singularity(kernel, order, kinks.__getitem__) if order else stepped_singularity(kernel)
    coefficient = singular.plus + (-1) ** parity * singular.minus
    if abs(coefficient) <= CANCELLED * abs(singular.plus):
        return Law("unknown", "the singularities at rho = 1 and rho = -1 cancel in these degrees")
    return algebraic(dim, singular.exponent, coefficient, _which(order))


def _plane_of_part(activation: Activation, parity: int) -> Plane | None:
    """Of the even or odd part, where that is one analytic function though the activation is none: |x| beside tanh."""
    half = list(halves_of(Activation(activation.expression.xreplace(activation.values))))[parity]
    if not half.known or len(half.pieces) != 1:
        return None
    part = half.pieces[0].expression
    if is_zero(part - (-1) ** parity * part.xreplace({x: -x})) is not True:
        return None
    return plane_of(Activation(part))


def _which(order: int) -> str:
    names = {0: "the activation", 1: "its slope", 2: "its second derivative", 3: "its third derivative"}
    return f"{names.get(order, f'its derivative of order {order}')} jumps"


def algebraic(dim: int, nu: float, coefficient: float, why: str) -> Law:
    """The law of a kernel with the singular part coefficient (1 - rho)^nu."""
    half = (mpmath.mpf(dim) - 1) / 2
    limit = 2**nu * mpmath.gammaprod([nu + half, dim - 1], [half, -mpmath.mpf(nu)])
    reason = f"{why}, so that the kernel has a part (1 - rho)^{nu:g}"
    constant = float(coefficient * limit)
    known = constant if math.isfinite(constant) else None
    return Law("algebraic", reason, decay_exponent(dim, nu), known, (nu, coefficient))


def _smooth(kernel: ZonalKernel, parity: int | None) -> Law:
    planes: dict[Activation, Plane] = {}
    for activation in kernel.activations:
        plane = plane_of(activation, parity)
        if plane is None:
            return Law("unknown", f"where {activation.name} is singular in the complex plane is not known")
        planes[activation] = plane
    return _by_planes(kernel, planes)


def _by_planes(kernel: ZonalKernel, planes: Mapping[Activation, Plane]) -> Law:
    """The law that the nearest singularities in the complex plane make."""
    if any(math.isfinite(plane.distance) for plane in planes.values()):
        return _stretched(kernel, planes)
    if all(plane.is_entire for plane in planes.values()):
        return Law("super-geometric", "the activation is made of exp, sin, cos and powers: the kernel is entire in rho")
    return _geometric(kernel, planes)


@dataclass(frozen=True)
class _Steep:
    """q and m = dS/d rho at rho = 1, and the layer that is singular nearest to the line, as that sees it."""

    q: float
    m: float
    least: float = math.inf
    distance: float = math.inf


@dataclass(frozen=True)
class _Distances:
    """The algebra of these: 2 h/sqrt(m) in front of every activation that is singular at a distance h."""

    planes: Mapping[Activation, Plane]

    def dense(self, state: _Steep, layer: Dense) -> _Steep:
        q = layer.weight_variance * state.q + layer.bias_variance
        return replace(state, q=q, m=layer.weight_variance * state.m)

    def nonlinear(self, state: _Steep, layer: Nonlinearity) -> _Steep:
        value, slope = (float(part) for part in dual_of(layer.activation).evaluate(state.q, state.q, state.q))
        distance = self.planes[layer.activation].distance
        least, nearest = min((state.least, state.distance), (2 * distance / math.sqrt(state.m), distance))
        return _Steep(value, slope * state.m, least, nearest)

    def add(self, state: _Steep, branch: _Steep) -> _Steep:
        """The eigenvalues of a sum fall as slowly as those of either; the branch has seen what came before it."""
        return replace(branch, q=state.q + branch.q, m=state.m + branch.m)


def _stretched(kernel: ZonalKernel, planes: Mapping[Activation, Plane]) -> Law:
    end = walk(kernel.network.layers, _Steep(kernel.mean_square, kernel.mean_square), _Distances(planes))
    reason = (
        f"the activation is singular in the complex plane, {end.distance:.6g} from the line: the kernel is smooth but "
        "not analytic at rho = 1"
    )
    return Law("stretched exponential", reason, 2 / 3, 1.5 * end.least ** (2 / 3))


def _geometric(kernel: ZonalKernel, planes: Mapping[Activation, Plane]) -> Law:
    """The place rho > 1 at which a layer meets the singularity of its dual, S/q = (1 + 2 alpha q)/(2 |alpha| q)."""
    inside, outside = 1.0, 2.0
    while not _meets(kernel, planes, outside):
        inside, outside = outside, 2 * outside
    for _ in range(50):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if _meets(kernel, planes, middle) else (middle, outside)
    ratio = 1 / (inside + math.sqrt(inside * inside - 1))
    reason = f"the activation contains a Gaussian, and the kernel is analytic up to rho = {inside:.6g}"
    return Law("geometric", reason, None, ratio)


@dataclass(frozen=True)
class _Beyond:
    """S at one rho > 1, the variances of the layers ahead, and whether a layer met the singularity of its dual."""

    s: float
    ahead: tuple[Any, ...]
    met: bool = False


@dataclass(frozen=True)
class _Continuation:
    """The algebra of kernels that are continued beyond rho = 1 by their Hermite series."""

    planes: Mapping[Activation, Plane]

    def dense(self, state: _Beyond, layer: Dense) -> _Beyond:
        return replace(state, s=layer.weight_variance * state.s + layer.bias_variance)

    def nonlinear(self, state: _Beyond, layer: Nonlinearity) -> _Beyond:
        (variance, *rest), alpha = state.ahead, self.planes[layer.activation].gaussian
        q, ahead = float(variance), tuple(rest)
        if state.met or (alpha and state.s / q >= (1 + 2 * alpha * q) / (2 * abs(alpha) * q)):
            return _Beyond(math.inf, ahead, met=True)
        if not ahead:  # no activation asks for what comes out of the last one
            return _Beyond(state.s, ahead)
        squares = hermite_squares(layer.activation, variance, TERMS, parts_of(layer.activation).degrees).squares
        with np.errstate(over="ignore"):
            s = float(np.polynomial.polynomial.polyval(state.s / q, squares))
        return _Beyond(s, ahead, not math.isfinite(s))

    def add(self, state: _Beyond, branch: _Beyond) -> _Beyond:
        return replace(branch, s=state.s + branch.s)


def _meets(kernel: ZonalKernel, planes: Mapping[Activation, Plane], rho: float) -> bool:
    start = _Beyond(kernel.mean_square * rho, kernel.exact_variances)
    return walk(kernel.network.layers, start, _Continuation(planes)).met
