"""Networks that are very deep: fixed points of lengths and correlations, ordered, chaotic or critical."""

from ntksym.theory.phases.criticality import critical_line
from ntksym.theory.phases.diagram import Phases, phases

__all__ = ["Phases", "critical_line", "phases"]
