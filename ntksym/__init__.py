"""ntksym: symbolic-numeric derivation of the kernels of infinitely wide neural networks."""

from ntksym.activation import Activation
from ntksym.catalogue import catalogue
from ntksym.derivation import cross_dual, derive
from ntksym.dual import ClosedDual, SeriesDual
from ntksym.errors import (
    InvalidInput,
    LoweringBug,
    NoClosedForm,
    NoSuchDual,
    NtkSymError,
    ToleranceNotMet,
    Undecided,
)
from ntksym.kernel import Kernel, build
from ntksym.network.layers import Dense, Network, fully_connected, serial
from ntksym.verification import Report, verify

__version__ = "0.1.0"

__all__ = [
    "Activation",
    "ClosedDual",
    "Dense",
    "InvalidInput",
    "Kernel",
    "LoweringBug",
    "Network",
    "NoClosedForm",
    "NoSuchDual",
    "NtkSymError",
    "Report",
    "SeriesDual",
    "ToleranceNotMet",
    "Undecided",
    "build",
    "catalogue",
    "cross_dual",
    "derive",
    "fully_connected",
    "serial",
    "verify",
]
