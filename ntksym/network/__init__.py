"""Infinitely wide networks: layers and the recursion of their kernels."""
