"""Types of the arrays that every room passes on."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array"]

Array = NDArray[np.float64]
"""float64, of any shape; docstrings say which."""
