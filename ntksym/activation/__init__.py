"""Activations, and what they know about themselves: formula, pieces, kinks, growth and symmetries."""

from ntksym.activation.activation import Activation, as_activation

__all__ = ["Activation", "as_activation"]
