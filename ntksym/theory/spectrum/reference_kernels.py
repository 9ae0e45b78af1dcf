r"""Kernels that people know, on the same sphere: exp(-c |x - y|) and Matern kernels.

With r = |x - y| = 2 sin(theta/2) on the unit sphere, a Matern kernel of smoothness nu has the singular part

    Gamma(1 - nu)/Gamma(1 + nu) (-1) (nu c^2/2)^nu r^(2 nu),     r^(2 nu) = 2^nu (1 - rho)^nu,

so mu_n ~ n^-(d + 2 nu - 1); the Laplace kernel is that of nu = 1/2 (Geifman et al. 2020, Chen and Xu 2021).
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import mpmath
import numpy as np

from ntksym.errors import InvalidInput
from ntksym.numerics.arrays import Array
from ntksym.theory.spectrum.angle_quadrature import integrate_digits
from ntksym.theory.spectrum.decay import Law, algebraic
from ntksym.theory.spectrum.gegenbauer import decay_exponent, power_coefficient

__all__ = ["Comparison", "compare_with"]


SPARE_DIGITS = 20

SAME = 1e-9

BESIDE = 1e-7
"""Distance from a whole smoothness at which its law is taken."""

SINGULAR_POWER = 4
"""p of the map that the rule uses at rho = 1, where the kernel is not analytic in the angle."""


@dataclass(frozen=True)
class Comparison:
    """A known kernel on the same sphere.

    Attributes
    ----------
    kernel : str
        Which.
    eigenvalues, relative_errors : float arrays, shape (degree + 1,)
        Its eigenvalues; all positive.
    law : Law
        How they fall.
    equivalent : bool or None
        Whether the ratio of the eigenvalues stays between two positive numbers, so that both kernels have the same
        functions in their Hilbert spaces; None where the law of the network's kernel is not known.
    reason : str
        Why.
    """

    kernel: str
    eigenvalues: Array
    relative_errors: Array
    law: Law
    equivalent: bool | None
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "kernel": self.kernel,
            "eigenvalues": self.eigenvalues.tolist(),
            "law": self.law.to_dict(),
            "equivalent": self.equivalent,
            "reason": self.reason,
        }


def compare_with(
    dim: int, degree: int, kernel: str, scale: float, nu: float | None, laws: tuple[Law, Law]
) -> Comparison:
    """The eigenvalues of a known kernel, and whether the laws agree.

    Parameters
    ----------
    dim, degree : int
        The sphere, and the largest n.
    kernel, scale, nu
        As for `Spectrum.compare`.
    laws : pair of Law
        Of the network's kernel.
    """
    smoothness = _checked(dim, kernel, scale, nu)
    singular, coefficient = _singularity(smoothness, scale)
    law = algebraic(dim, singular, coefficient, f"it is a Matern kernel of smoothness {smoothness:g}")
    law = replace(law, exponent=decay_exponent(dim, smoothness))
    smallest = abs(coefficient * power_coefficient(dim, degree, singular))
    digits = math.ceil(max(-float(mpmath.log10(smallest)), 0.0)) + SPARE_DIGITS
    power = 1 if (smoothness + 0.5).is_integer() else SINGULAR_POWER
    found = integrate_digits(lambda rho: [_matern(c, smoothness, scale) for c in rho], dim, degree, digits, power)
    name = f"exp(-{scale:g} |x - y|)" if kernel == "laplace" else f"Matern, nu = {smoothness:g}, length {1 / scale:g}"
    equivalent, reason = _verdict(law, laws)
    return Comparison(name, found.values, found.errors / np.abs(found.values), law, equivalent, reason)


def _checked(dim: int, kernel: str, scale: Any, nu: Any) -> float:
    if dim < 2:
        raise InvalidInput("two points have no law of decay to compare; use dim=2 or more", dim=dim)
    if kernel not in ("laplace", "matern"):
        raise InvalidInput(f'the kernel {kernel!r} is not known; choose "laplace" or "matern"', kernel=kernel)
    if (kernel == "matern") == (nu is None):
        raise InvalidInput('nu is the smoothness of a Matern kernel: pass it with kernel="matern" and only then', nu=nu)
    for name, value in (("scale", scale), ("nu", 0.5 if nu is None else nu)):
        good = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
        if not (good and math.isfinite(value) and 0 < value < 1e3):
            raise InvalidInput(
                f"{name} must be a positive number below 1000, not {value!r}; try {name}=1.5", name=name, value=value
            )
    return 0.5 if nu is None else float(nu)


def _singularity(nu: float, scale: float) -> tuple[float, float]:
    """Exponent and coefficient of the part (1 - rho)^nu: K_nu(z) = (pi/2) (I_-nu - I_nu)/sin(pi nu).

    For whole nu there is a logarithm instead. The coefficient times A_n(d, nu) is continuous in nu, though.
    """
    nu = nu + BESIDE if nu.is_integer() else nu
    argument = mpmath.sqrt(2 * nu) * scale
    constant = -mpmath.pi * 2 ** (1 - nu) / (2 * mpmath.sin(mpmath.pi * nu) * mpmath.gamma(nu))
    coefficient = constant * argument**nu * (argument / 2) ** nu / mpmath.gamma(1 + nu)
    return nu, float(coefficient * mpmath.mpf(2) ** nu)


def _matern(rho: Any, nu: float, scale: float) -> Any:
    z = mpmath.sqrt(2 * mpmath.mpf(nu)) * scale * mpmath.sqrt(max(2 * (1 - rho), 0))
    if nu == 0.5:
        return mpmath.exp(-scale * mpmath.sqrt(max(2 * (1 - rho), 0)))
    if z == 0:
        return mpmath.mpf(1)
    return 2 ** (1 - mpmath.mpf(nu)) / mpmath.gamma(nu) * z**nu * mpmath.besselk(nu, z)


def _verdict(law: Law, laws: tuple[Law, Law]) -> tuple[bool | None, str]:
    kinds = {one.kind for one in laws}
    if kinds & {"zero", "finite rank"}:
        return False, "some eigenvalues of the network's kernel are zero, and none of this one are"
    if "unknown" in kinds:
        return None, "the law of the network's kernel is not known"
    exponents = [one.exponent for one in laws]
    same = kinds == {"algebraic"} and all(abs((e or 0.0) - (law.exponent or 0.0)) < SAME for e in exponents)
    if same:
        return True, f"all eigenvalues are positive and fall like n^-{law.exponent:g}"
    return False, f"the laws differ: {laws[0].kind} with {exponents}, against n^-{law.exponent:g}"
