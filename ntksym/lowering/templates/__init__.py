"""Texts that generated modules are assembled from, one for each way to fill a tile."""
