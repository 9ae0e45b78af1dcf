"""ntksym: symbolic-numeric derivation of the kernels of infinitely wide neural networks."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ntksym.activation.activation import Activation
from ntksym.activation.catalogue import catalogue
from ntksym.dual import ClosedDual, SeriesDual
from ntksym.dual.derivation import cross_dual, derive
from ntksym.dual.protocol import Dual
from ntksym.errors import (
    InvalidInput,
    LoweringBug,
    NoClosedForm,
    NoSuchDual,
    NtkSymError,
    OutOfReach,
    PiecesUnknown,
    ToleranceNotMet,
    Undecided,
)
from ntksym.kernel import Kernel, build
from ntksym.network.layers import Dense, Network, Residual, fully_connected, residual, serial
from ntksym.verification import Report, verify

if TYPE_CHECKING:
    from ntksym.theory.inverse import InverseActivation, activation_for
    from ntksym.theory.phases import Phases, critical_line, phases
    from ntksym.theory.positivity import Verdict, positivity
    from ntksym.theory.powers import PowerSeries, power_series
    from ntksym.theory.spectrum import Spectrum, spectrum

__version__ = "0.1.0"

__all__ = [
    "Activation",
    "ClosedDual",
    "Dense",
    "Dual",
    "InvalidInput",
    "InverseActivation",
    "Kernel",
    "LoweringBug",
    "Network",
    "NoClosedForm",
    "NoSuchDual",
    "NtkSymError",
    "OutOfReach",
    "Phases",
    "PiecesUnknown",
    "PowerSeries",
    "Report",
    "Residual",
    "SeriesDual",
    "Spectrum",
    "ToleranceNotMet",
    "Undecided",
    "Verdict",
    "activation_for",
    "build",
    "catalogue",
    "critical_line",
    "cross_dual",
    "derive",
    "fully_connected",
    "phases",
    "positivity",
    "power_series",
    "residual",
    "serial",
    "spectrum",
    "verify",
]

_THEORY = {
    "InverseActivation": "inverse",
    "Phases": "phases",
    "PowerSeries": "powers",
    "Spectrum": "spectrum",
    "Verdict": "positivity",
    "activation_for": "inverse",
    "critical_line": "phases",
    "phases": "phases",
    "positivity": "positivity",
    "power_series": "powers",
    "spectrum": "spectrum",
}
"""Where names are that are loaded when they are first asked for: Gram matrices do not need them."""


def __getattr__(name: str) -> Any:
    if name not in _THEORY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"ntksym.theory.{_THEORY[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
