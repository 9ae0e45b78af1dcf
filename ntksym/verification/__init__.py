"""Verification of duals by numerical integration that knows only the activation."""

from ntksym.verification.comparison import default_points, verify
from ntksym.verification.report import Check, Report

__all__ = ["Check", "Report", "default_points", "verify"]
