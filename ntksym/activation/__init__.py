"""What an activation is and what it knows about itself: its formula, pieces, kinks, growth and symmetries."""

from ntksym.activation.activation import Activation, as_activation

__all__ = ["Activation", "as_activation"]
