"""Functions that duals need and sympy lacks: Phi, Phi2, and their products with exponentials, finite as a whole."""

from typing import Any, ClassVar

import mpmath
import sympy as sp
from sympy.core.function import ArgumentIndexError

from ntksym.special.arrays import NUMPY
from ntksym.special.multiprecision import MPMATH

__all__ = [
    "MPMATH",
    "NUMPY",
    "BivariateNormalCDF",
    "ExpBivariateNormalCDF",
    "ExpCosh",
    "ExpErfi",
    "ExpNormalCDF",
    "ExpSinh",
    "NormalCDF",
]

_HALF = sp.Rational(1, 2)
_ROOT_TWO_PI = sp.sqrt(2 * sp.pi)


class _Special(sp.Function):
    """What all of them share: numbers at any precision, real values at real arguments, LaTeX by pattern."""

    _latex_pattern: ClassVar[str]
    _latex_power: ClassVar[str] = r"\left({text}\right)^{{{power}}}"

    def _eval_evalf(self, prec: int) -> Any:
        # Tails magnify the relative error of an argument h by h^2, |r| near 1 that of r by 1/(1 - r^2).
        try:
            arguments = [item._to_mpmath(2 * prec + 64) for item in self.args]
        except ValueError:
            return None
        with mpmath.mp.workprec(prec + 4):
            value = MPMATH[type(self).__name__](*arguments)
        return sp.Expr._from_mpmath(value, prec)

    def _eval_is_extended_real(self) -> bool | None:
        return True if all(item.is_extended_real for item in self.args) else None

    def _eval_is_finite(self) -> bool | None:
        return True if all(item.is_real for item in self.args) else None

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = self._latex_pattern.format(*(printer._print(item) for item in self.args))
        return text if exp is None else self._latex_power.format(text=text, power=exp)


class NormalCDF(_Special):
    r"""\Phi(h) = \int_{-\infty}^h \exp(-x^2/2)/\sqrt{2\pi}\,dx, the standard normal distribution function.

    Entire in h; 1/2 at 0, 0 and 1 at the infinities; derivative exp(-h^2/2)/sqrt(2 pi).
    """

    nargs = 1
    _latex_pattern = r"\Phi\left({}\right)"

    @classmethod
    def eval(cls, h: sp.Expr) -> sp.Expr | None:
        """Exact values at 0 and at the infinities."""
        return {sp.S.Zero: _HALF, sp.S.Infinity: sp.S.One, sp.S.NegativeInfinity: sp.S.Zero, sp.nan: sp.nan}.get(h)

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """The standard normal density."""
        if argindex != 1:
            raise ArgumentIndexError(self, argindex)
        return sp.exp(-(self.args[0] ** 2) / 2) / _ROOT_TWO_PI

    def _eval_is_positive(self) -> bool | None:
        return True if self.args[0].is_real else None

    def _eval_is_nonnegative(self) -> bool | None:
        return True if self.args[0].is_extended_real else None

    def _eval_is_finite(self) -> bool | None:
        return True if self.args[0].is_extended_real else None

    def _eval_rewrite_as_erf(self, h: sp.Expr, **hints: Any) -> sp.Expr:
        return (1 + sp.erf(h / sp.sqrt(2))) / 2

    def _eval_rewrite_as_erfc(self, h: sp.Expr, **hints: Any) -> sp.Expr:
        return sp.erfc(-h / sp.sqrt(2)) / 2

    def _sympystr(self, printer: Any) -> str:
        return f"Phi({printer._print(self.args[0])})"

    def _pretty(self, printer: Any) -> Any:
        return printer._print_Function(self, func_name="Φ" if printer._use_unicode else "Phi")


class BivariateNormalCDF(_Special):
    r"""\Phi_2(h, k; r) = P(X < h, Y < k) for standard normal X, Y with correlation r in [-1, 1].

    Symmetric in h and k, which are therefore kept in sympy's canonical order. Reduces to 1/4 + asin(r)/(2 pi) at
    h = k = 0 (Sheppard), to Phi(h) Phi(k) at r = 0, to one Phi at an infinite argument, and at |r| = 1 where the signs
    of h - k or h + k are known.
    """

    nargs = 3
    _latex_pattern = r"\Phi_2\left({}, {}; {}\right)"

    @classmethod
    def eval(cls, h: sp.Expr, k: sp.Expr, r: sp.Expr) -> sp.Expr | None:
        """Exact values, and the canonical order of h and k."""
        if sp.nan in (h, k, r):
            return sp.nan
        if sp.S.NegativeInfinity in (h, k):
            return sp.S.Zero
        if sp.S.Infinity in (h, k):
            return NormalCDF(k if h is sp.S.Infinity else h)
        if r.is_zero:
            return NormalCDF(h) * NormalCDF(k)
        if h.is_zero and k.is_zero:
            return sp.Rational(1, 4) + sp.asin(r) / (2 * sp.pi)
        if abs(r) == 1:
            return cls._at_full_correlation(h, k, r)
        ordered = tuple(sorted((h, k), key=sp.default_sort_key))
        return cls(*ordered, r) if ordered != (h, k) else None

    @staticmethod
    def _at_full_correlation(h: sp.Expr, k: sp.Expr, r: sp.Expr) -> sp.Expr | None:
        if r == -1:
            if (h + k).is_nonpositive:
                return sp.S.Zero
            return NormalCDF(h) - NormalCDF(-k) if (h + k).is_positive else None
        if (h - k).is_nonpositive:
            return NormalCDF(h)
        return NormalCDF(k) if (h - k).is_nonnegative else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """phi(h) Phi((k - r h)/s), phi(k) Phi((h - r k)/s), and the bivariate density; s = sqrt(1 - r^2)."""
        h, k, r = self.args
        if argindex == 3:
            return _density_exponential(h, k, r, 1 - r**2)
        if argindex not in (1, 2):
            raise ArgumentIndexError(self, argindex)
        here, other = (h, k) if argindex == 1 else (k, h)
        return sp.exp(-(here**2) / 2) / _ROOT_TWO_PI * NormalCDF((other - r * here) / sp.sqrt(1 - r**2))

    def _eval_is_nonnegative(self) -> bool | None:
        return self._eval_is_extended_real()

    def _eval_is_positive(self) -> bool | None:
        h, k, r = self.args
        return True if h.is_real and k.is_real and (1 - r**2).is_positive else None

    def _eval_is_finite(self) -> bool | None:
        return self._eval_is_extended_real()

    def _sympystr(self, printer: Any) -> str:
        h, k, r = (printer._print(item) for item in self.args)
        return f"Phi2({h}, {k}; {r})"

    def _pretty(self, printer: Any) -> Any:
        return printer._print_Function(self, func_name="Φ₂" if printer._use_unicode else "Phi2")


class _Scaled(_Special):
    """exp(a) times something; `expand_func` multiplies out, `diff` stays within the family."""

    def _eval_expand_func(self, **hints: Any) -> sp.Expr:
        return self._product()

    def _eval_rewrite_as_exp(self, *arguments: sp.Expr, **hints: Any) -> sp.Expr:
        return self._product()

    def _product(self) -> sp.Expr:
        raise NotImplementedError(f"{type(self).__name__} states no product; define _product")


class ExpNormalCDF(_Scaled):
    r"""e^a \Phi(h), to be evaluated without overflow where a is large and h very negative."""

    nargs = 2
    _latex_pattern = r"e^{{{}}} \Phi\left({}\right)"

    @classmethod
    def eval(cls, a: sp.Expr, h: sp.Expr) -> sp.Expr | None:
        """Exact values at h = 0 and at the infinities; Phi itself at a = 0."""
        if h in (sp.S.Zero, sp.S.Infinity, sp.S.NegativeInfinity):
            return sp.exp(a) * NormalCDF(h)
        return NormalCDF(h) if a.is_zero else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Itself in a; exp(a - h^2/2)/sqrt(2 pi) in h."""
        a, h = self.args
        if argindex == 1:
            return self
        if argindex == 2:
            return sp.exp(a - h**2 / 2) / _ROOT_TWO_PI
        raise ArgumentIndexError(self, argindex)

    def _eval_is_positive(self) -> bool | None:
        return True if all(item.is_real for item in self.args) else None

    def _product(self) -> sp.Expr:
        return sp.exp(self.args[0]) * NormalCDF(self.args[1])


class ExpBivariateNormalCDF(_Scaled):
    r"""e^a \Phi_2(h, k; r), with s = \sqrt{1 - r^2} given beside r because it cancels near |r| = 1.

    As a function of five arguments it does not depend on s: the derivative with respect to s is zero, and the one with
    respect to r is the full one. h and k are kept in sympy's canonical order.
    """

    nargs = 5
    _latex_pattern = r"e^{{{0}}} \Phi_2\left({1}, {2}; {3}\right)"

    @classmethod
    def eval(cls, a: sp.Expr, h: sp.Expr, k: sp.Expr, r: sp.Expr, s: sp.Expr) -> sp.Expr | None:
        """Exact values at infinite arguments, and the canonical order of h and k."""
        if sp.S.NegativeInfinity in (h, k):
            return sp.S.Zero
        if sp.S.Infinity in (h, k):
            return ExpNormalCDF(a, k if h is sp.S.Infinity else h)
        ordered = tuple(sorted((h, k), key=sp.default_sort_key))
        return cls(a, *ordered, r, s) if ordered != (h, k) else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Itself in a; exp(a - h^2/2) Phi((k - r h)/s)/sqrt(2 pi) in h; exp(a) times the density in r; zero in s."""
        a, h, k, r, s = self.args
        if argindex == 1:
            return self
        if argindex in (2, 3):
            here, other = (h, k) if argindex == 2 else (k, h)
            return ExpNormalCDF(a - here**2 / 2, (other - r * here) / s) / _ROOT_TWO_PI
        if argindex == 4:
            return _density_exponential(h, k, r, s**2, a)
        if argindex == 5:
            return sp.S.Zero
        raise ArgumentIndexError(self, argindex)

    def _eval_is_nonnegative(self) -> bool | None:
        return self._eval_is_extended_real()

    def _product(self) -> sp.Expr:
        a, h, k, r, _ = self.args
        return sp.exp(a) * BivariateNormalCDF(h, k, r)


class ExpSinh(_Scaled):
    r"""e^a \sinh b, to be evaluated without overflow where a is very negative and |b| large."""

    nargs = 2
    _latex_pattern = r"e^{{{}}} \sinh\left({}\right)"

    @classmethod
    def eval(cls, a: sp.Expr, b: sp.Expr) -> sp.Expr | None:
        """0 at b = 0; odd in b."""
        if b.is_zero:
            return sp.S.Zero
        return -cls(a, -b) if b.could_extract_minus_sign() else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Itself in a; exp(a) cosh(b) in b."""
        if argindex not in (1, 2):
            raise ArgumentIndexError(self, argindex)
        return self if argindex == 1 else ExpCosh(*self.args)

    def _product(self) -> sp.Expr:
        return sp.exp(self.args[0]) * sp.sinh(self.args[1])


class ExpCosh(_Scaled):
    r"""e^a \cosh b, to be evaluated without overflow where a is very negative and |b| large."""

    nargs = 2
    _latex_pattern = r"e^{{{}}} \cosh\left({}\right)"

    @classmethod
    def eval(cls, a: sp.Expr, b: sp.Expr) -> sp.Expr | None:
        """exp(a) at b = 0; even in b."""
        if b.is_zero:
            return sp.exp(a)
        return cls(a, -b) if b.could_extract_minus_sign() else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Itself in a; exp(a) sinh(b) in b."""
        if argindex not in (1, 2):
            raise ArgumentIndexError(self, argindex)
        return self if argindex == 1 else ExpSinh(*self.args)

    def _eval_is_positive(self) -> bool | None:
        return True if all(item.is_real for item in self.args) else None

    def _product(self) -> sp.Expr:
        return sp.exp(self.args[0]) * sp.cosh(self.args[1])


class ExpErfi(_Scaled):
    r"""e^a \operatorname{erfi}(y), to be evaluated without overflow where a is below -y^2."""

    nargs = 2
    _latex_pattern = r"e^{{{}}} \operatorname{{erfi}}\left({}\right)"

    @classmethod
    def eval(cls, a: sp.Expr, y: sp.Expr) -> sp.Expr | None:
        """0 at y = 0; odd in y."""
        if y.is_zero:
            return sp.S.Zero
        return -cls(a, -y) if y.could_extract_minus_sign() else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Itself in a; 2 exp(a + y^2)/sqrt(pi) in y."""
        a, y = self.args
        if argindex not in (1, 2):
            raise ArgumentIndexError(self, argindex)
        return self if argindex == 1 else 2 * sp.exp(a + y**2) / sp.sqrt(sp.pi)

    def _product(self) -> sp.Expr:
        return sp.exp(self.args[0]) * sp.erfi(self.args[1])


def _density_exponential(h: sp.Expr, k: sp.Expr, r: sp.Expr, complement: sp.Expr, a: sp.Expr = sp.S.Zero) -> sp.Expr:
    """exp(a) times the bivariate normal density at (h, k); complement = 1 - r^2."""
    return sp.exp(a - (h**2 - 2 * r * h * k + k**2) / (2 * complement)) / (2 * sp.pi * sp.sqrt(complement))
