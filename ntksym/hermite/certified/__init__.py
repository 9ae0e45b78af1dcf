"""Enclosures of Hermite coefficients and of their tails in ball arithmetic: proofs of the bounds."""
