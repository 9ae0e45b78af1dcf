import numpy as np
import pytest

from ntksym.theory.phases.crossings import survey

EDGES = 2.0 ** np.arange(-4, 5)


@pytest.mark.parametrize("place", [0.25, 1.0, 3.0, 4.0, 7.9999999])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_zero_is_found_once_wherever_it_lies_between_the_edges(place: float, sign: int) -> None:
    found = survey(lambda q: sign * (place - q) / (place + q), EDGES)
    (crossing,) = found.crossings
    assert crossing.place == pytest.approx(place, rel=1e-14)
    assert crossing.slope == pytest.approx(-sign / 2, rel=1e-11)
    assert not found.vanishes
