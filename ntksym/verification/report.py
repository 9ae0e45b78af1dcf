"""The outcome of a verification: every comparison, and what it allows to be claimed."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import mpmath

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Check", "Report", "Verdict", "What"]

What = Literal["value", "slope", "diagonal", "diagonal slope"]
Verdict = Literal["agrees", "disagrees", "not resolved"]


@dataclass(frozen=True)
class Check:
    """One number of the formula against one integral.

    Attributes
    ----------
    what : {"value", "slope", "diagonal", "diagonal slope"}
        E[f(U) g(V)], E[f'(U) g'(V)], and both at U = V.
    q1, q2, c : Fraction or mpmath number
        Variances and covariance.
    value : mpmath number
        What the formula says.
    exact : mpmath number
        What the integration found.
    error : mpmath number
        ``|value - exact|``, divided by the scale E|f(U) g(V)| of the integral.
    quadrature_error : mpmath number
        The integration's own estimate of its error, divided by the same scale.
    bound : mpmath number or None
        The bound that the dual gives for its error, divided by the same scale; None for a closed form, which is exact.
    verdict : {"agrees", "disagrees", "not resolved"}
        "not resolved" if the integration did not reach enough digits to tell.
    """

    what: What
    q1: Any
    q2: Any
    c: Any
    value: Any
    exact: Any
    error: Any
    quadrature_error: Any
    verdict: Verdict
    bound: Any = None

    @property
    def digits(self) -> float:
        """Verified digits: neither the difference nor the integration's own error reaches into them."""
        doubt = max(self.error, self.quadrature_error)
        return max(0, math.floor(-mpmath.log10(doubt))) if doubt else math.inf


@dataclass(frozen=True)
class Report:
    """The outcome of `verify`.

    Attributes
    ----------
    activation : str
        Whose dual was checked.
    dps : int
        Digits asked for.
    points : tuple of Check
        Every comparison made.
    """

    activation: str
    dps: int
    points: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether every number agrees."""
        return all(check.verdict == "agrees" for check in self.points)

    @property
    def worst(self) -> Check:
        """The comparison with the largest error; one that was not resolved only if all others agree better."""
        return max(self.points, key=lambda check: max(check.error, check.quadrature_error))

    @property
    def digits(self) -> int:
        """Digits verified at every point, at most `dps`."""
        return int(min(self.dps, *(check.digits for check in self.points)))

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        lines = [self._headline()]
        lines += [
            "  ".join(f"{cell:>{width}}" for cell, width in zip(row, WIDTHS, strict=True)) for row in self._rows()
        ]
        return "\n".join(lines)

    def __rich__(self) -> "Table":
        from rich.table import Table  # whoever calls this has loaded rich; the others need not

        head, *rows = self._rows()
        table = Table(title=self._headline(), title_justify="left")
        for name in head:
            table.add_column(name, justify="right")
        for row in rows:
            table.add_row(*row, style=None if row[-1] == "agrees" else "bold red")
        return table

    def _headline(self) -> str:
        bounded = any(check.bound is not None for check in self.points)
        wrong = sum(check.verdict == "disagrees" for check in self.points)
        unclear = sum(check.verdict == "not resolved" for check in self.points)
        if wrong:
            doubt = " by more than the bound" if bounded else ""
            return f"{self.activation}: {wrong} of {len(self.points)} numbers DISAGREE with the integral{doubt}"
        if unclear:
            return (
                f"{self.activation}: {unclear} of {len(self.points)} integrals could not be resolved, the others agree"
            )
        within = ", every error within its bound" if bounded else ""
        return f"{self.activation}: verified to {self.digits} digits at {len(self.points)} points{within}"

    def _rows(self) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = [HEADINGS]
        for check in self.points:
            first, second, cov = map(mpmath.mpmathify, (check.q1, check.q2, check.c))
            rho = cov / mpmath.sqrt(first * second)
            numbers = (check.q1, check.q2, rho, check.value, check.error, check.bound, check.quadrature_error)
            formats = (5, 5, 7, 10, 2, 2, 2)
            cells = (_short(number, digits) for number, digits in zip(numbers, formats, strict=True))
            rows.append((check.what, *cells, check.verdict))
        return rows

    def to_dict(self) -> dict[str, Any]:
        """The report in types that JSON has; numbers of many digits as text."""
        points = [
            {
                "what": check.what,
                **{name: _short(getattr(check, name), self.dps) for name in ("q1", "q2", "c", "value", "exact")},
                "error": float(check.error),
                "quadrature_error": float(check.quadrature_error),
                "bound": None if check.bound is None else float(check.bound),
                "verdict": check.verdict,
            }
            for check in self.points
        ]
        return {
            "activation": self.activation,
            "dps": self.dps,
            "ok": self.ok,
            "digits": self.digits,
            "points": points,
        }


HEADINGS = ("what", "q1", "q2", "rho", "dual", "error", "bound", "of integral", "verdict")
WIDTHS = (14, 7, 7, 9, 17, 9, 9, 11, 12)


def _short(number: Any, digits: int) -> str:
    if number is None:
        return "-"
    if isinstance(number, Fraction) and number.denominator == 1:
        return str(number.numerator)
    with mpmath.workdps(digits + 10):
        return str(mpmath.nstr(mpmath.mpmathify(number), digits))
