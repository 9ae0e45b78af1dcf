"""Gaussian expectations of pairs of functions by plain numerical integration, at any precision."""
