"""Interpolants in Chebyshev points: right where they should be exact, and halved where they are not resolved."""

import numpy as np
import pytest
from numpy.polynomial import chebyshev as sums

from ntksym.numerics import chebyshev
from ntksym.numerics.limits import EPSILON


@pytest.mark.parametrize("count", [1, 2, 7, 64])
def test_the_interpolant_of_a_polynomial_is_the_polynomial(count: int) -> None:
    wanted = np.random.default_rng(count).standard_normal(count)
    found = chebyshev.transform(count) @ sums.chebval(chebyshev.nodes(count), wanted)
    assert np.abs(found - wanted).max() <= 8 * EPSILON * count


def test_powers_are_those_of_the_same_polynomial() -> None:
    coefficients = 4.0 ** -np.arange(20)
    places = np.linspace(-1, 1, 23)
    values = np.polynomial.polynomial.polyval(places, chebyshev.powers(20) @ coefficients)
    assert np.abs(values - sums.chebval(places, coefficients)).max() <= 4 * EPSILON


def test_a_grid_is_centred_at_the_nodes() -> None:
    ends = (0.3, 7.1)
    assert np.allclose(chebyshev.centred(chebyshev.grid(9, ends), ends), chebyshev.nodes(9), atol=4 * EPSILON)
    assert not chebyshev.centred(np.array([2.0, 2.0]), (2.0, 2.0)).any()


def test_what_is_shared_cannot_be_written_to() -> None:
    for array in (chebyshev.nodes(5), chebyshev.transform(5), chebyshev.powers(5)):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0


def test_the_length_leaves_out_no_more_than_is_allowed() -> None:
    sizes = np.array([1.0, 0.5, 0.1, 0.05, 0.04])
    assert [chebyshev.length(sizes, allowed) for allowed in (2.0, 0.2, 0.1, 0.04, 0.0)] == [0, 2, 3, 4, 5]


def test_pieces_are_halved_towards_a_singularity_and_no_further_than_allowed() -> None:
    def is_resolved(coefficients: np.ndarray, scale: float) -> bool:
        return bool(np.abs(coefficients[-2:]).max() <= 1e-13 * scale)

    pieces = chebyshev.piecewise(lambda t: 1 / (t + 0.01), (0.0, 1.0), 16, is_resolved, 12)
    edges = [piece.domain[0] for piece in pieces] + [1.0]
    assert edges == sorted(edges)
    assert edges[0] == 0.0
    places = np.linspace(0, 1, 999)
    found = [pieces[max(0, int(np.searchsorted(edges, place)) - 1)](place) for place in places]
    assert np.abs(np.array(found) * (places + 0.01) - 1).max() <= 1e-11
    rough = chebyshev.piecewise(np.abs, (-0.7, 1.0), 16, is_resolved, 5)
    assert min(piece.domain[1] - piece.domain[0] for piece in rough) == pytest.approx(1.7 / 2**5)
