"""A series is held against its own bounds, and the integrals it is compared with against their own error."""

import json
from dataclasses import replace
from fractions import Fraction

import mpmath
import pytest

from ntksym.activation import Activation
from ntksym.activation.catalogue import catalogue
from ntksym.dual import SeriesDual
from ntksym.dual.derivation import derive
from ntksym.errors import InvalidInput, NoSuchDual, ToleranceNotMet
from ntksym.quadrature.activations import value_expectation
from ntksym.verification import default_points, verify
from ntksym.verification.stated_bounds import SERIES_DIGITS

POINTS = [(1, 1, Fraction(1, 2)), (Fraction(1, 100), Fraction(9, 4), Fraction(-9, 100)), (2, 2, 2)]

SERIES = [name for name, entry in catalogue.items() if "series" in entry.tags]


@pytest.mark.parametrize("name", ["tanh", "softplus", "softsign"])
def test_the_quick_ones_keep_to_their_bounds(name):
    report = verify(derive(name), points=POINTS)
    assert report.ok, str(report)
    assert [check.what for check in report.points] == [*(["value", "slope"] * 2), "diagonal", "diagonal slope"]
    assert all(check.error <= check.bound for check in report.points)
    assert report.dps == SERIES_DIGITS
    assert "every error within its bound" in str(report)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tanh", "softsign"])
def test_a_series_keeps_to_its_bounds_at_every_default_point(name):
    report = verify(derive(name))
    assert report.ok, str(report)
    assert len(report.points) == 20


def turns(name):
    """Four of the ten default points, the next four for the next entry: over the catalogue all of them come up."""
    places = [*default_points(derive(name)), *((q, q, q) for q in (Fraction(1, 100), 1, 25))]
    start = SERIES.index(name)
    return [places[(start + step) % len(places)] for step in (0, 3, 5, 8)]


@pytest.mark.slow
@pytest.mark.parametrize("name", SERIES)
def test_every_series_of_the_catalogue_keeps_to_its_bounds(name):
    report = verify(derive(name), points=turns(name))
    assert report.ok, str(report)
    assert len(report.points) == 8


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softsign", "logcosh"])
def test_certified_bounds_hold_as_well(name):
    report = verify(derive(name, certify=True), points=turns(name))
    assert report.ok, str(report)


def test_an_error_beyond_the_bound_is_found(monkeypatch):
    right = SeriesDual.evaluate
    dual = derive("tanh")
    # Ten times the bound at (1, 1, 1/2), relative to the value there.
    error = 10 * dual.error_bound(1, 1) / dual.evaluate(1, 1, 0.5).value

    def wrong(self, *place, dps=None):
        answer = right(self, *place, dps=dps)
        return answer._replace(value=answer.value * (1 + error))

    monkeypatch.setattr(SeriesDual, "evaluate", wrong)
    report = verify(dual, points=POINTS[:1])
    assert [check.verdict for check in report.points] == ["disagrees", "agrees"]
    assert "DISAGREE with the integral by more than the bound" in str(report)


def test_a_bound_that_is_too_small_is_found(monkeypatch):
    monkeypatch.setattr(SeriesDual, "error_bound", lambda self, q1, q2: 1e-19)
    assert verify(derive("tanh"), points=POINTS[:1]).points[0].verdict == "disagrees"


def test_a_number_that_is_not_one_disagrees(monkeypatch):
    right = SeriesDual.evaluate
    monkeypatch.setattr(
        SeriesDual, "evaluate", lambda self, *place, dps=None: right(self, *place)._replace(value=float("nan"))
    )
    assert verify(derive("tanh"), points=POINTS[:1]).points[0].verdict == "disagrees"


def test_an_integral_worse_than_the_bound_decides_nothing(monkeypatch):
    def rough(*problem):
        return replace(value_expectation(*problem), error=mpmath.mpf("1e-9"))

    monkeypatch.setattr("ntksym.verification.stated_bounds.value_expectation", rough)
    report = verify(derive("tanh"), points=POINTS[:1])
    assert report.points[0].verdict == "not resolved"
    assert not report.ok


def test_where_a_jump_makes_the_bound_infinite_the_slope_is_not_compared():
    report = verify(derive("sign(x) + tanh(x)"), points=POINTS)
    assert report.ok, str(report)
    assert [check.what for check in report.points] == ["value", "value", "diagonal"]


def test_points_are_the_float64_numbers_that_the_dual_gets():
    (check, *_) = verify(derive("tanh"), points=[(Fraction(1, 3), 1, Fraction(1, 7))]).points
    assert (check.q1, check.q2, check.c) == (1 / 3, 1, 1 / 7)
    assert check.verdict == "agrees"


def test_default_points_stay_where_the_series_exists():
    points = default_points(derive("exp(x**2/2)*tanh(x)"))  # for q < 1/2
    assert len(points) == 7
    assert 0.05 < max(max(point[:2]) for point in points) < 0.5


class Nowhere(SeriesDual):
    """A series that no variance is small enough for."""

    def coefficients(self, q, tolerance=0.0):
        raise ToleranceNotMet("oscillates too fast", q=q)


def test_a_dual_that_exists_nowhere_in_float64_is_told():
    with pytest.raises(ToleranceNotMet, match="give verify the points"):
        verify(Nowhere(Activation("tanh(x)")))


def test_points_that_are_none_are_refused():
    with pytest.raises(InvalidInput):
        verify(derive("tanh"), points=[(1, 1, 2)])
    with pytest.raises(NoSuchDual):
        verify(derive("exp(x**2/2)*tanh(x)"), points=[(1, 1, 0)])


def test_a_report_of_a_series_survives_json():
    read = json.loads(json.dumps(verify(derive("tanh"), points=POINTS[:1]).to_dict()))
    assert read["ok"] is True
    assert 0 < read["points"][0]["error"] < read["points"][0]["bound"] < 1e-13
