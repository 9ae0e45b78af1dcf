"""Every closed form against the integral it stands for; and reports that never claim more than was found."""

import json
from fractions import Fraction
from io import StringIO
from types import SimpleNamespace

import mpmath
import pytest
from mpmath import mp
from rich.console import Console

from ntksym.activation.activation import Activation
from ntksym.activation.catalogue import catalogue
from ntksym.dual.derivation import cross_dual, derive
from ntksym.errors import InvalidInput, NoSuchDual
from ntksym.quadrature.expectation import Estimate, expectation
from ntksym.symbols import q
from ntksym.verification import Check, Report, default_points, verify

REQUIRED_DIGITS = 25

CLOSED = [name for name, entry in catalogue.items() if {"closed", "integral"} & entry.tags]

QUICK = ("relu", "step", "gelu", "sin", "elu", "hardtanh")
QUICK_POINTS = [(1, 1, Fraction(1, 2)), (Fraction(1, 100), Fraction(9, 4), Fraction(-9, 100))]


@pytest.mark.parametrize("name", QUICK)
def test_the_quick_ones_agree_with_their_integrals(name):
    report = verify(derive(name), points=QUICK_POINTS)
    assert report.ok, str(report)
    assert report.digits >= REQUIRED_DIGITS


@pytest.mark.slow
@pytest.mark.parametrize("name", ["relu", "gelu", "elu"])
def test_a_formula_agrees_with_its_integral_at_every_default_point(name):
    report = verify(derive(name))
    assert len(report.points) == 20
    assert report.ok, str(report)
    assert report.digits >= REQUIRED_DIGITS


def turns(name, dual):
    """Four of the ten default points, the next four for the next entry: over the catalogue all of them come up."""
    places = [*default_points(dual), *((q, q, q) for q in (Fraction(1, 100), 1, 25) if exists(dual, q))]
    start = CLOSED.index(name)
    return [places[(start + step) % len(places)] for step in (0, 3, 5, 8)]


def exists(dual, variance):
    return all(condition.subs({**dual.activation.values, q: variance}) > 0 for condition in dual.domain)


@pytest.mark.slow
@pytest.mark.parametrize("name", CLOSED)
def test_every_closed_form_agrees_with_its_integral(name):
    dual = derive(name)
    report = verify(dual, points=turns(name, dual))
    assert report.ok, str(report)
    assert report.digits >= REQUIRED_DIGITS


def test_at_least_thirty_five_entries_are_closed():
    assert len(CLOSED) >= 35


@pytest.mark.slow
@pytest.mark.parametrize(("f", "g"), [("relu", "sin"), ("step", "gelu"), ("exp", "hardtanh"), ("elu", "erf")])
def test_cross_duals_agree_with_their_integrals(f, g):
    report = verify(cross_dual(f, g))
    assert report.ok, str(report)
    assert report.digits >= REQUIRED_DIGITS


def test_parameters_away_from_their_defaults_are_used():
    report = verify(derive(Activation("leaky_relu", negative_slope=0.3)), 20, points=QUICK_POINTS)
    assert report.ok, str(report)


def test_default_points_stay_where_the_dual_exists():
    dual = derive("exp(x**2/10)")
    points = default_points(dual)
    assert len(points) == 7
    assert all(dual.evaluate(*map(float, point)).value > 0 for point in points)
    assert max(max(point[:2]) for point in points) > 1


def wrong_by(error: str, name: str = "erf") -> SimpleNamespace:
    """A dual whose value is too large by a factor 1 + error."""
    dual = derive(name)

    def evaluate(q1, q2, c, dps):
        right = dual.evaluate(q1, q2, c, dps=dps)
        with mp.workdps(dps):
            return SimpleNamespace(value=right.value * (1 + mp.mpf(error)), slope=right.slope)

    return SimpleNamespace(activation=dual.activation, numeric=dual.numeric, evaluate=evaluate)


def test_a_wrong_formula_is_found_whatever_its_error():
    for error in ("1e-3", "1e-12", "1e-22"):
        report = verify(wrong_by(error), points=QUICK_POINTS[:1])
        assert [check.verdict for check in report.points] == ["disagrees", "agrees"]
        assert not report.ok
        assert not report
        assert report.worst.what == "value"
        assert "DISAGREE" in str(report)


def test_digits_say_how_far_an_imprecise_formula_is_right():
    report = verify(wrong_by("3e-27"), points=QUICK_POINTS[:1])
    assert report.ok
    assert report.digits == 26


def test_a_report_never_claims_more_than_the_integral_reached(monkeypatch):
    def rough(*problem, dps):
        found = expectation(*problem, dps=dps)
        return Estimate(found.value, mpmath.mpf("1e-9"), mpmath.mpf(1))

    monkeypatch.setattr("ntksym.verification.comparison.expectation", rough)
    report = verify(derive("relu"), points=QUICK_POINTS[:1])
    assert report.points[0].verdict == "not resolved"
    assert report.points[0].digits == 9
    assert not report.ok
    assert "could not be resolved" in str(report)


def test_a_jump_has_its_point_masses_in_the_slope():
    # d/dc of P(U > 0, V > 0) is a density; the derivative of the step is zero almost everywhere
    report = verify(derive("step"), points=[(1, 1, Fraction(1, 2))])
    slope = report.points[1]
    assert slope.what == "slope"
    with mp.workdps(40):
        assert abs(slope.exact - 1 / (mp.pi * mp.sqrt(3))) < mp.mpf(10) ** -30


def test_where_the_slope_is_infinite_only_the_value_is_compared():
    report = verify(derive("step"), points=[(1, 1, 1)])
    assert [check.what for check in report.points] == ["value"]
    assert report.ok


def test_kinks_in_unknown_places_are_found_by_halving():
    waves = Activation("max(sin(3*x), 0)*exp(-x**2)")  # outside the class: its pieces are not known
    with mp.workdps(60):
        halved = SimpleNamespace(
            activation=waves,
            numeric=derive("relu").numeric,
            evaluate=lambda q1, q2, c, dps: SimpleNamespace(value=mpmath.mpf(0), slope=mpmath.inf),
        )
    report = verify(halved, 10, points=[(1, 1, 0)])
    ends = [k * mp.pi / 3 for k in range(-12, 13)]
    mean = mp.quad(lambda x: mp.npdf(x) * mp.exp(-x * x) * max(mp.sin(3 * x), 0), ends)
    check = report.points[0]
    assert check.verdict == "disagrees"
    assert mpmath.almosteq(check.exact, mean**2, rel_eps=mpmath.mpf(10) ** -9)


def small_report() -> Report:
    return verify(derive("identity"), 12, points=[(4, 1, Fraction(1, 3))])


def test_a_report_prints_as_text_and_as_a_table():
    report = small_report()
    assert str(report).splitlines()[0] == "identity: verified to 12 digits at 2 points"
    console = Console(width=120, record=True, file=StringIO())
    console.print(report)
    shown = console.export_text()
    assert "agrees" in shown
    assert "0.1666667" in shown


def test_a_report_survives_json():
    read = json.loads(json.dumps(small_report().to_dict()))
    assert read["ok"] is True
    assert read["digits"] == 12
    assert read["points"][0]["c"].startswith("0.33333333333")
    assert {point["what"] for point in read["points"]} == {"value", "slope"}


def test_exact_agreement_counts_as_all_digits():
    check = Check("value", 1, 1, 0, mpmath.mpf(1), mpmath.mpf(1), mpmath.mpf(0), mpmath.mpf(0), "agrees")
    assert Report("one", 30, (check,)).digits == 30


def test_too_few_digits_are_refused():
    with pytest.raises(InvalidInput, match="10 or more"):
        verify(derive("relu"), 5)


def test_a_point_that_is_no_covariance_is_refused():
    with pytest.raises(InvalidInput):
        verify(derive("relu"), points=[(1, 1, 2)])


def test_a_point_outside_the_domain_is_refused():
    with pytest.raises(NoSuchDual):
        verify(derive("exp(x**2/10)"), points=[(7, 7, 1)])
