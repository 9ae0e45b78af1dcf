"""Eigenvalues of kernels on the sphere, their accuracy and their decay."""

from ntksym.theory.spectrum.mercer import Spectrum, spectrum

__all__ = ["Spectrum", "spectrum"]
