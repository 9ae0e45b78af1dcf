"""The dual of an activation: E[s(U)s(V)] and E[s'(U)s'(V)] for jointly Gaussian U, V."""

from ntksym.dual.closed import ClosedDual, closed_dual
from ntksym.dual.covariance import ValueAndSlope
from ntksym.dual.protocol import Dual
from ntksym.dual.series import SeriesDual, series_dual

__all__ = ["ClosedDual", "Dual", "SeriesDual", "ValueAndSlope", "closed_dual", "series_dual"]
