"""The cost model by which a route is chosen: estimates of work, all in one unit."""

from dataclasses import dataclass

__all__ = ["COSTS", "CostModel", "FunctionCost"]


@dataclass(frozen=True)
class FunctionCost:
    """What a function in place of the layers costs.

    Attributes
    ----------
    pair : float
        An entry, without its terms.
    term : float
        Every term of an entry.
    """

    pair: float
    term: float

    def of(self, terms: int) -> float:
        """An entry."""
        return self.pair + self.term * terms


@dataclass(frozen=True)
class CostModel:
    """Estimates of work, in units of one term of a Hermite series for one pair: some 0.3 ns of one thread.

    Attributes
    ----------
    layer : float
        A layer in closed form, without its formula.
    series_layer : float
        A layer that is a series, without its terms.
    single_pair : float
        A pair that the tiles leave out, evaluated by its closed form in NumPy.
    integrated_pair : float
        The same where there is no closed form: an integral in the plane.
    heavy : float
        From this cost of a formula on, its series may be the cheaper way, so that it is worth looking at the data.
    few : int
        Entries up to which nothing is saved by looking at the data first: their correlations cost as much.
    angle, table : FunctionCost
        An entry as a function of the angle, or as a table in two variances and the angle.
    dearest_layer : float
        What a layer costs at most: from there on it is a series.
    angle_fit : float
        A layer in a fit of a function of the angle; a call must save as much, since others may follow.
    table_fit, table_fit_formula, table_fit_series : float
        A closed form in a fit of a table, every unit of its formula beside, or a series.
    one_variance : float
        A table for rows of one norm costs this share of that.
    worth : float
        The cost of an entry in a table over that in the layers must be less: estimates are rough.
    """

    layer: float = 12.0
    series_layer: float = 15.0
    single_pair: float = 3e4
    integrated_pair: float = 1e7
    heavy: float = 150.0
    few: int = 1 << 16
    angle: FunctionCost = FunctionCost(10.0, 0.25)
    table: FunctionCost = FunctionCost(60.0, 0.7)
    dearest_layer: float = 40.0
    angle_fit: float = 5e6
    table_fit: float = 7e6
    table_fit_formula: float = 1.7e5
    table_fit_series: float = 6e8
    one_variance: float = 1 / 20
    worth: float = 0.6


COSTS = CostModel()
"""Measured on two cores with AVX-512 by ``python -m tests.benchmarks floor growth``, and rounded."""
