"""Pairs of rows computed one by one: what tiles leave out, neighbours and opposites, distances."""
