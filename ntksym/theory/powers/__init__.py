"""Kernels on the sphere as power series in rho: which powers occur, and their coefficients."""

from ntksym.theory.powers.coefficients import PowerSeries, power_series

__all__ = ["PowerSeries", "power_series"]
