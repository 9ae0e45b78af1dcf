"""Pairs near |rho| = 1 by integration: against closed forms, at kinks on and off zero, small and large variances."""

import math

import numpy as np
import pytest

import ntksym as nk
from ntksym.activation.activation import Activation
from ntksym.errors import ToleranceNotMet
from ntksym.hermite import pair_integrals as pairs
from ntksym.hermite.pair_integrals import CONVERGED, integrate_pairs
from ntksym.hermite.tabulated_activation import TabulatedActivation

PLACES = [(0.7, 2.3, 1e-2), (1.0, 1.0, 1e-6), (1.0, 1.0, 1e-12), (50.0, 0.3, 1e-3), (1e-8, 1e-8, 1e-4), (3.0, 3.0, 0.0)]

CLOSED = ["relu", "elu", "hardtanh", "erf", "max(x - 1, 0)", "gelu", "abs(x)"]


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_integrals_agree_with_closed_forms(name: str, sign: float) -> None:
    dual = nk.derive(name)
    profile = TabulatedActivation(Activation(name))
    q1, q2, gap = (np.array(column) for column in zip(*PLACES, strict=True))
    p = np.sqrt(q1 * q2)
    exact = [dual.evaluate(*place, dps=20) for place in zip(q1, q2, sign * p * (1 - gap), strict=True)]
    scales = np.array([[dual.evaluate(q, q, q) for q in side] for side in (q1, q2)])
    scales = np.sqrt(scales[0] * scales[1])
    found = integrate_pairs(profile, q1, q2, gap, np.full(len(gap), sign), np.maximum(scales, 1e-300))
    values = np.array([[float(part) for part in pair] for pair in exact])
    # The angle is sqrt(2 gap): what is lost by 1 - gap in the covariance passed to the closed form.
    slack = 4e-16 / np.sqrt(2 * np.maximum(gap, 1e-16))
    assert np.all(np.abs(found - values) <= scales * (CONVERGED + np.column_stack([0 * slack, slack])))


def test_a_sum_that_does_not_settle_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def unsettled(*arguments: object) -> None:
        results = arguments[-1]
        assert isinstance(results, np.ndarray)
        results[:] = math.nan

    monkeypatch.setattr(pairs, "_integrate", unsettled)
    one = np.ones(1)
    with pytest.raises(ToleranceNotMet, match=r"did not settle: use evaluate\(\.\.\., dps=17\)"):
        integrate_pairs(TabulatedActivation(Activation("tanh")), one, one, 0.1 * one, one, np.ones((1, 2)))
