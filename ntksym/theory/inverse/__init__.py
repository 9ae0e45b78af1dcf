"""From a kernel on the sphere to an activation that has it."""

from ntksym.theory.inverse.synthesis import InverseActivation, activation_for

__all__ = ["InverseActivation", "activation_for"]
