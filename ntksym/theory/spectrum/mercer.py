r"""Spectrum of a kernel on the sphere S^{d-1}, f(rho) = sum_n mu_n N(d, n) P_n(rho), with accuracy and law of decay."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntksym.errors import InvalidInput
from ntksym.kept import kept
from ntksym.network.layers import Network
from ntksym.numerics.arrays import Array
from ntksym.numerics.limits import EPSILON
from ntksym.theory.requests import check_whole
from ntksym.theory.spectrum.decay import Law, predict
from ntksym.theory.spectrum.eigenvalues import by_polynomial, choose, on_two_points, vanishing_degrees
from ntksym.theory.spectrum.fitting import Fit, fit
from ntksym.theory.spectrum.gegenbauer import masses, multiplicity
from ntksym.theory.spectrum.reference_kernels import Comparison, compare_with
from ntksym.theory.zonal import OfZonalKernel, zonal_kernel

__all__ = ["Decay", "EffectiveDimension", "Spectrum", "SumRule", "spectrum"]


MOST_DIM, MOST_DEGREE = 10_000, 1000

MOST_POWER = 2000
"""The largest power of rho of a polynomial kernel that is expanded."""

SHOWN = 12
"""Eigenvalues that a text shows."""


@dataclass(frozen=True)
class Decay:
    """The laws of the even and of the odd degrees, and how the eigenvalues follow them.

    Attributes
    ----------
    even, odd : Law
        What the activations imply.
    even_fit, odd_fit : Fit or None
        Fitted to the eigenvalues; None where there is no law or too few eigenvalues.
    """

    even: Law
    odd: Law
    even_fit: Fit | None
    odd_fit: Fit | None

    def __str__(self) -> str:
        lines = []
        same = self.even == self.odd and self.even_fit == self.odd_fit
        pairs = (("every n", self.even, self.even_fit),) if same else (
            ("even n", self.even, self.even_fit), ("odd n", self.odd, self.odd_fit))  # fmt: skip
        for name, law, measured in pairs:
            lines.append(f"{name}: {law}" + (f"; {measured}" if measured else ""))
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        fits = {"even_fit": self.even_fit, "odd_fit": self.odd_fit}
        plain = {name: None if found is None else found.to_dict() for name, found in fits.items()}
        return {"even": self.even.to_dict(), "odd": self.odd.to_dict(), **plain}


@dataclass(frozen=True)
class EffectiveDimension:
    """sum_n N(d, n) mu_n/(mu_n + ridge): ``value`` of the degrees computed, ``remainder`` a bound of the others."""

    ridge: float
    value: float
    remainder: float

    def __float__(self) -> float:
        return self.value


@dataclass(frozen=True)
class SumRule:
    """f(1) = sum_n N(d, n) mu_n.

    Attributes
    ----------
    trace : float
        f(1), from the recursion on the diagonal.
    summed : float
        The sum over the degrees computed.
    left : float
        What the others add, known independently: from the power series, or from the law of decay; NaN without either.
    """

    trace: float
    summed: float
    left: float

    @property
    def defect(self) -> float:
        """(summed + left)/trace - 1."""
        return (self.summed + self.left) / self.trace - 1 if self.trace else 0.0


@dataclass(frozen=True, eq=False)
class Spectrum(OfZonalKernel):
    """Eigenvalues of a kernel on S^{d-1} with the uniform probability measure.

    Attributes
    ----------
    kernel : ZonalKernel
        The parent of this stage: network, which kernel, and |x|^2/d of the points.
    dim, degree : int
        d of the sphere, and the largest n.
    eigenvalues : float array, shape (degree + 1,)
        mu_n; exactly zero where the kernel has no power of rho that reaches n.
    relative_errors : float array, shape (degree + 1,)
        Of these; infinite where only an absolute bound is known.
    multiplicities : tuple of int, length degree + 1
        N(d, n).
    trace : float
        f(1) = sum_n N(d, n) mu_n.
    tails, tail_errors : float arrays, shape (degree + 1,)
        sum_{m > n} N(d, m) mu_m and absolute errors.
    method : str
        How the eigenvalues were computed.
    """

    dim: int
    degree: int
    eigenvalues: Array = field(repr=False)
    relative_errors: Array = field(repr=False)
    multiplicities: tuple[int, ...] = field(repr=False)
    trace: float
    tails: Array = field(repr=False)
    tail_errors: Array = field(repr=False)
    method: str

    @property
    def degrees(self) -> NDArray[np.int64]:
        """The n of every eigenvalue, shape (degree + 1,)."""
        return np.arange(self.degree + 1)

    @kept
    def masses(self) -> Array:
        """N(d, n) mu_n: the share of every degree in f(1), shape (degree + 1,)."""
        return masses(self.multiplicities, self.eigenvalues)

    @kept
    def decay(self) -> Decay:
        """The predicted laws and the fits."""
        if self.dim == 1:
            whole = Law("finite rank", "S^0 has two points, and so two degrees")
            return Decay(whole, whole, None, None)
        laws = predict(self.kernel, self.dim)
        fits = [fit(law, self.dim, parity, self.eigenvalues, self.relative_errors) for parity, law in enumerate(laws)]
        return Decay(*laws, *fits)

    def tail(self, degree: int) -> float:
        """sum_{m > degree} N(d, m) mu_m = f(1) - sum_{m <= degree} N(d, m) mu_m.

        Raises
        ------
        InvalidInput
            For a degree beyond those computed.
        """
        return float(self.tails[check_whole("degree", degree, 0, self.degree)])

    def effective_dimension(self, ridge: float) -> EffectiveDimension:
        """sum_n N(d, n) mu_n/(mu_n + ridge), with a bound tail/ridge of what the degrees beyond add.

        Parameters
        ----------
        ridge : float
            Positive: the regularisation of kernel ridge regression divided by the number of points.
        """
        good = isinstance(ridge, int | float | np.integer | np.floating) and not isinstance(ridge, bool)
        if not (good and math.isfinite(ridge) and ridge > 0):
            raise InvalidInput(f"ridge must be a positive finite number, not {ridge!r}; try ridge=1e-3", ridge=ridge)
        value = float(np.sum(self.masses / (self.eigenvalues + float(ridge))))
        return EffectiveDimension(float(ridge), value, float(self.tails[-1] + self.tail_errors[-1]) / float(ridge))

    @kept
    def check(self) -> SumRule:
        """f(1) against the sum of the eigenvalues."""
        return SumRule(self.trace, float(np.sum(self.masses)), self._left())

    def _left(self) -> float:
        if not self.kernel.is_smooth:
            laws = enumerate((self.decay.even, self.decay.odd))
            return sum(law.beyond(self.dim, self.degree, parity) for parity, law in laws)
        return float(self.tails[-1])

    def compare(self, kernel: str = "laplace", scale: float = 1.0, nu: float | None = None) -> Comparison:
        """The same degrees of exp(-scale |x - y|) or of a Matern kernel, on the unit sphere.

        Parameters
        ----------
        kernel : "laplace" or "matern"
            exp(-scale r), or 2^(1-nu)/Gamma(nu) (sqrt(2 nu) scale r)^nu K_nu(sqrt(2 nu) scale r).
        scale : float
            The inverse of the length.
        nu : float, optional
            Smoothness of the Matern kernel; positive.
        """
        return compare_with(self.dim, self.degree, kernel, scale, nu, (self.decay.even, self.decay.odd))

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as JSON takes it; infinite errors are None."""
        return {
            "network": repr(self.network),
            "dim": self.dim,
            "degree": self.degree,
            "get": self.get,
            "mean_square": self.mean_square,
            "method": self.method,
            "trace": self.trace,
            "eigenvalues": self.eigenvalues.tolist(),
            "relative_errors": [error if math.isfinite(error) else None for error in self.relative_errors.tolist()],
            "multiplicities": list(self.multiplicities),
            "tail": float(self.tails[-1]),
            "decay": self.decay.to_dict(),
        }

    def __str__(self) -> str:
        lines = [f"{self.get.upper()} on S^{self.dim - 1}, {self.method}; f(1) = {self.trace:.10g}"]
        lines.append("   n              N(d,n)             mu_n  rel. error")
        for n in range(min(self.degree, SHOWN) + 1):
            count = self.multiplicities[n]
            size = str(count) if count < 10**15 else f"{count:.6e}" if count < 10**300 else "above 1e300"
            lines.append(f"{n:4d}  {size:>18}  {self.eigenvalues[n]:15.9e}  {self.relative_errors[n]:10.1e}")
        if self.degree > SHOWN:
            lines.append(f" ...  up to n = {self.degree}: {self.eigenvalues[-1]:.9e}")
        return "\n".join([*lines, str(self.decay)])


def spectrum(network: Network, *, dim: int, degree: int, get: str = "ntk", mean_square: float = 1.0) -> Spectrum:
    r"""Eigenvalues mu_n and multiplicities N(d, n) of a kernel f on the sphere |x|^2 = d mean_square in R^d.

        f(rho) = sum_n mu_n N(d, n) P_n(rho),    sum_n mu_n N(d, n) = f(1)

    Parameters
    ----------
    network : Network
        Any that ``serial`` makes.
    dim : int
        d, from 1 to 10000. On S^0 there are two degrees.
    degree : int
        The largest n, up to 1000.
    get : "nngp" or "ntk"
        Which kernel.
    mean_square : float
        |x|^2/d.

    Returns
    -------
    Spectrum
        With the relative error of every eigenvalue, the law of decay, tails and comparisons.

    Raises
    ------
    InvalidInput
        For wrong arguments, or a variance that vanishes or explodes.
    NoSuchDual
        Where the kernel does not exist: the NTK of an activation that jumps, E[s(U)^2] infinite.

    References
    ----------
    Funk and Hecke's formula; Azevedo and Menegatto, J. Approx. Theory 177 (2014) 57; Bietti and Bach, ICLR 2021.
    """
    kernel = zonal_kernel(network, get, mean_square)
    dim, degree = check_whole("dim", dim, 1, MOST_DIM), check_whole("degree", degree, 0, MOST_DEGREE)
    if dim == 1 and degree > 1:
        raise InvalidInput(
            "S^0 has two points, and so the degrees 0 and 1 only; pass degree=1, or dim=2 for the circle", degree=degree
        )
    if kernel.trace == 0 and kernel.support.degree >= 0:
        raise InvalidInput(
            "the kernel vanishes to all digits of float64; use a larger W_std, a bias or fewer layers", network=network
        )
    if dim == 1:
        found = on_two_points(kernel, degree=degree)
    elif kernel.support.degree <= MOST_POWER:
        found = by_polynomial(kernel, dim=dim, degree=degree)
    else:
        found = choose(kernel, dim=dim, degree=degree, laws=predict(kernel, dim))
    zero = vanishing_degrees(kernel.support, degree)
    values = np.where(zero, 0.0, np.maximum(found.values, 0.0))
    errors = np.maximum(found.errors, EPSILON * values)
    with np.errstate(over="ignore"):
        relative = np.divide(errors, values, out=np.full(degree + 1, np.inf), where=values > 0)
    relative[zero] = 0.0
    return Spectrum(
        kernel=kernel,
        dim=dim,
        degree=degree,
        eigenvalues=values,
        relative_errors=relative,
        multiplicities=tuple(multiplicity(dim, n) for n in range(degree + 1)),
        trace=kernel.trace,
        tails=found.tails,
        tail_errors=found.tail_errors,
        method=found.method,
    )
