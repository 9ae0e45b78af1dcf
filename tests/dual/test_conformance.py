"""Every kind of dual against the rules for all duals, one that is written by hand among them."""

from dataclasses import dataclass
from typing import Any, ClassVar

import mpmath
import numpy as np
import pytest
import sympy as sp

import ntksym as nk
from ntksym.activation.activation import Activation
from ntksym.dual import Dual, ValueAndSlope
from ntksym.dual.accurate_range import EVERYWHERE, AccurateRange
from ntksym.dual.covariance import check_covariance, gap_of
from ntksym.dual.derivation import derive
from ntksym.dual.protocol import Kind
from ntksym.symbolic.numeric_form import NumericForm
from ntksym.symbols import c, det, q, q1, q2
from tests.dual.conformance import PLACES, check_dual

ERF = Activation("erf(x)", name="arc_sine")
FIRST, SECOND = 1 + 2 * q1, 1 + 2 * q2


@dataclass(frozen=True)
class ArcSine:
    """K = (2/pi) asin(2 c/sqrt((1 + 2 q1)(1 + 2 q2))): the dual of erf (Williams 1997), with nothing of the engine.

    Here D = (1 + 2 q1)(1 + 2 q2) - 4 c^2 = 1 + 2 q1 + 2 q2 + 4 det, so that asin is an angle with legs 2 c and sqrt(D).
    """

    activation: Activation = ERF

    kind: ClassVar[Kind] = "closed"
    continuous: ClassVar[bool] = True
    domain: ClassVar[tuple[sp.Expr, ...]] = ()
    accurate_range: ClassVar[AccurateRange] = EVERYWHERE
    value: ClassVar[sp.Expr] = 2 / sp.pi * sp.asin(2 * c / sp.sqrt(FIRST * SECOND))
    slope: ClassVar[sp.Expr] = 4 / sp.pi / sp.sqrt(FIRST * SECOND - 4 * c**2)

    @property
    def numeric(self) -> NumericForm:
        leg, diagonal_leg = sp.sqrt(1 + 2 * q1 + 2 * q2 + 4 * det), sp.sqrt(1 + 4 * q)
        return NumericForm(
            value=2 / sp.pi * sp.atan2(2 * c, leg, evaluate=False),
            slope=4 / sp.pi / leg,
            diagonal_value=2 / sp.pi * sp.atan2(2 * q, diagonal_leg, evaluate=False),
            diagonal_slope=4 / sp.pi / diagonal_leg,
        )

    def evaluate(self, q1: Any, q2: Any, c: Any, *, dps: int | None = None, gap: Any = None) -> ValueAndSlope[Any]:
        check_covariance(*(np.asarray(a, dtype=np.float64) for a in (q1, q2, c)))
        if dps is not None:
            with mpmath.workdps(dps + 5):
                q1, q2, c = map(mpmath.mpf, (q1, q2, c))
                whole = (1 + 2 * q1) * (1 + 2 * q2)
                angle, leg = mpmath.asin(2 * c / mpmath.sqrt(whole)), mpmath.sqrt(whole - 4 * c * c)
                return ValueAndSlope(2 / mpmath.pi * angle, 4 / mpmath.pi / leg)
        q1, q2, c = np.broadcast_arrays(*(np.asarray(a, dtype=np.float64) for a in (q1, q2, c)))
        p, known = np.sqrt(q1 * q2), gap_of(q1, q2, c) if gap is None else gap
        cov = np.copysign(p * (1 - known), c)
        leg = np.sqrt(1 + 2 * q1 + 2 * q2 + 4 * p * p * known * (2 - known))
        return ValueAndSlope(2 / np.pi * np.arctan2(2 * cov, leg), 4 / np.pi / leg)

    def error_bound(self, q1: Any, q2: Any) -> np.ndarray:
        return np.zeros(np.broadcast(q1, q2).shape)

    slope_error_bound = error_bound


@pytest.mark.parametrize("name", ["relu", "erf", "x**2", "sin", "step", "gelu", "exp(x**2/10)", "sinc"])
def test_closed_forms_conform(name: str) -> None:
    check_dual(derive(name, method="closed"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["erf(x)**2", "elu", "expm1", "hardtanh", "snake"])
def test_closed_forms_of_limited_range_conform(name: str) -> None:
    check_dual(derive(name, method="closed"))


def test_a_series_conforms() -> None:
    check_dual(derive("tanh"), PLACES[:1], dps=10)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tanh", "softsign", "tanh(x)*exp(x**2/10)", "mish", "relu"])
def test_series_conform_at_every_place(name: str) -> None:
    check_dual(derive(name, method="series"), dps=15)


def test_a_dual_written_by_hand_conforms() -> None:
    check_dual(ArcSine())


def test_a_dual_written_by_hand_builds_the_kernel_of_the_derived_one() -> None:
    x = np.random.default_rng(0).normal(size=(40, 3))
    x[7], x[8] = -x[3], x[3] * (1 + 1e-9)
    network = nk.fully_connected(ArcSine().activation, depth=2, W_std=1.5, b_std=0.1)
    by_hand = nk.build(network, derive=lambda _: ArcSine())
    for get in ("nngp", "ntk"):
        expected = nk.build(network)(x, get=get)
        np.testing.assert_allclose(by_hand(x, get=get), expected, rtol=1e-12)
        np.testing.assert_array_equal(by_hand.diag(x, get=get), np.diagonal(by_hand(x, get=get)))
    assert by_hand.error_bound(x) == nk.build(network).error_bound(x)
    assert "closed form" in by_hand.explain(x)
    assert nk.verify(ArcSine(), dps=15).ok


@dataclass(frozen=True)
class Wrong(ArcSine):
    """One rule broken at a time."""

    fault: str = ""

    def evaluate(self, q1: Any, q2: Any, c: Any, *, dps: int | None = None, gap: Any = None) -> ValueAndSlope[Any]:
        if self.fault != "domain":
            check_covariance(*(np.asarray(a, dtype=np.float64) for a in (q1, q2, c)))
        value, slope = super().evaluate(q1, q2, c if self.fault != "domain" else 0.0, dps=dps, gap=gap)
        match self.fault:
            case "digits":
                value = value if dps else value * (1 + 1e-9)
            case "slope":
                slope = slope * (1 + 1e-6)
            case "symmetry":
                value = value if dps else value + 1e-9 * (q1 - q2)
            case "gap":
                value = value if gap is None else value + 1e-9
        return ValueAndSlope(value, slope)


@pytest.mark.parametrize("fault", ["digits", "slope", "symmetry", "gap", "domain"])
def test_the_conformance_check_finds_faults(fault: str) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check_dual(Wrong(fault=fault))


class Nameless:
    """A dual of which most is missing."""

    activation = Activation("erf")
    numeric = None


def test_what_a_dual_lacks_is_said_at_the_door() -> None:
    network = nk.fully_connected("erf", depth=1)
    with pytest.raises(nk.InvalidInput, match=r"lacks kind, value, .*evaluate.*expand.*ntksym\.Dual") as refusal:
        nk.build(network, derive=lambda _: Nameless())  # type: ignore[arg-type]
    assert "slope_error_bound" in refusal.value.about["missing"]
    with pytest.raises(nk.InvalidInput, match="is that of"):
        nk.build(network, derive=lambda _: derive("relu"))
    made: Dual = ArcSine()
    assert made.kind == "closed"
