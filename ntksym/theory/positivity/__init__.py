"""Strict positive definiteness: verdicts with proofs, witnesses, and what they mean for data."""

from ntksym.theory.positivity.decision import positivity
from ntksym.theory.positivity.verdict import Verdict

__all__ = ["Verdict", "positivity"]
