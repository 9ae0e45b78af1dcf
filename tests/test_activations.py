"""Every tag of the test activations against numbers, and against what the package itself finds out."""

from itertools import pairwise

import mpmath
import pytest
import sympy as sp

from ntksym.activation.activation import Activation
from ntksym.dual import SeriesDual
from ntksym.dual.derivation import derive
from ntksym.errors import NoClosedForm
from ntksym.gram.costs import COSTS
from ntksym.lowering.lowered_activation import lower
from ntksym.symbols import x
from tests.activations import EXAMPLES, TAGS, formulas, select

PLACES = [mpmath.mpf(k) / 7 for k in range(1, 60)]  # on no break of any example


def function(name: str):
    return Activation(EXAMPLES[name].formula).to_mpmath()


def has(name: str, tag: str) -> bool:
    return tag in EXAMPLES[name].tags


def test_every_tag_has_an_example_and_every_example_known_tags() -> None:
    assert {tag for example in EXAMPLES.values() for tag in example.tags} == set(TAGS)


def test_selections_are_what_they_say() -> None:
    assert select("odd", "polynomial") == ("identity", "cube")
    assert formulas("jump", without=("closed",)) == ("sign(x) + tanh(x)", "x - floor(x)")
    assert select() == tuple(EXAMPLES)
    with pytest.raises(KeyError, match="no such tags: spiky"):
        select("spiky")


@pytest.mark.parametrize("name", EXAMPLES)
def test_exactly_one_of_each_alternative_holds(name: str) -> None:
    for alternatives in (("smooth", "kinked", "jump"), ("closed", "series")):
        assert sum(has(name, tag) for tag in alternatives) == 1
    assert has(name, "smooth") == (has(name, "entire") or has(name, "pole"))
    assert has(name, "smooth") == (EXAMPLES[name].breaks == ())


@pytest.mark.parametrize("name", EXAMPLES)
def test_parity(name: str) -> None:
    s, small = function(name), mpmath.mpf("1e-12")
    pairs = [(s(place), s(-place)) for place in PLACES]
    assert all(abs(right + left) < small for right, left in pairs) == has(name, "odd")
    assert all(abs(right - left) < small * (1 + abs(right)) for right, left in pairs) == has(name, "even")
    known = next((tag for tag in ("odd", "even") if has(name, tag)), "neither")
    assert Activation(EXAMPLES[name].formula).parity == known


@pytest.mark.parametrize("name", EXAMPLES)
def test_homogeneity(name: str) -> None:
    s = function(name)
    degrees = {0, 0.5, 1, 2, 3}
    for place in (*PLACES, *(-place for place in PLACES)):
        degrees = {k for k in degrees if abs(s(2 * place) - 2**k * s(place)) <= 1e-12 * (1 + abs(s(2 * place)))}
    assert bool(degrees) == has(name, "homogeneous")


@pytest.mark.parametrize("name", EXAMPLES)
def test_polynomials_have_vanishing_differences(name: str) -> None:
    s = function(name)
    with mpmath.workdps(40):
        values = [s(mpmath.mpf(k) / 3) for k in range(-20, 21, 2)]
        for _ in range(10):
            values = [after - before for before, after in pairwise(values)]
        assert (max(map(abs, values)) < mpmath.mpf("1e-25")) == has(name, "polynomial")


@pytest.mark.parametrize("name", EXAMPLES)
def test_growth(name: str) -> None:
    s = function(name)
    far = max(abs(s(sign * mpmath.mpf(place))) for place in (50, 51) for sign in (-1, 1))
    assert (far < 2.8) == has(name, "bounded")  # exp(1) is the largest bound
    assert (far > mpmath.exp(mpmath.mpf(50) ** 2 / 16)) == has(name, "growing")
    # the dual exists at every variance unless it grows like that
    assert bool(derive(EXAMPLES[name].formula).domain) == has(name, "growing")


@pytest.mark.parametrize("name", select("smooth"))
def test_entire_functions_are_the_means_over_circles(name: str) -> None:
    """Cauchy: the means of s(z) and s(z)/z are the same over all circles between which s is analytic."""
    s, count = sp.lambdify(x, Activation(EXAMPLES[name].formula).expression, "mpmath"), 512
    with mpmath.workdps(30):
        circle = [mpmath.expjpi(mpmath.mpf(2 * k + 1) / count) for k in range(count)]
        rings = [[(radius * point, s(radius * point)) for point in circle] for radius in (0.25, 0.5, 3.3)]
        means = [[mpmath.fsum(v / z**k for z, v in ring) / count for k in (0, 1)] for ring in rings]
        first, second = (max(abs(a - b) for a, b in zip(means[1], other, strict=True)) for other in means[::2])
        assert first < mpmath.mpf("1e-20")
        assert (second < mpmath.mpf("1e-20")) == has(name, "entire")


@pytest.mark.parametrize(
    ("name", "place", "order"),
    [(name, *known) for name, example in EXAMPLES.items() for known in example.breaks or ()],
)
def test_breaks_have_the_order_that_is_stated(name: str, place: float, order: int | None) -> None:
    s = function(name)
    with mpmath.workdps(60):
        step, there = mpmath.mpf("1e-10"), mpmath.mpf(place)

        def one_sided(k: int, side: int) -> mpmath.mpf:
            """The k-th derivative from one side, by differences that begin a step away."""
            terms = ((-1) ** (k - i) * mpmath.binomial(k, i) * s(there + side * (i + 1) * step) for i in range(k + 1))
            return mpmath.fsum(terms) / (side * step) ** k

        last = 1 if order is None else order
        differences = [abs(one_sided(k, 1) - one_sided(k, -1)) for k in range(last + 1)]
        assert all(difference < 1e-4 for difference in differences[:-1])
        if order is None:
            assert differences[-1] > 1e4
        else:
            assert 0.1 < differences[-1] < 10


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_package_finds_these_breaks(name: str) -> None:
    activation, known = Activation(EXAMPLES[name].formula), EXAMPLES[name].breaks
    if known is None:
        with pytest.raises(NoClosedForm):
            _ = activation.breaks
    else:
        assert tuple((float(item.position), item.order) for item in activation.breaks) == known


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_package_takes_the_way_that_is_stated(name: str) -> None:
    dual = derive(EXAMPLES[name].formula)
    assert isinstance(dual, SeriesDual) == has(name, "series")
    if (known := EXAMPLES[name].breaks) is not None:
        # an infinite derivative leaves the diagonal without a slope as a jump does
        assert dual.continuous == all(order for _, order in known)


@pytest.mark.parametrize("name", select("closed"))
def test_heavy_forms_are_those_that_the_cost_model_calls_so(name: str) -> None:
    (part,) = lower([derive(EXAMPLES[name].formula)])
    assert (part.cost >= COSTS.heavy) == has(name, "heavy")
