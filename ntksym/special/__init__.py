"""The special functions of closed forms in four arithmetics: sympy, mpmath, NumPy arrays and vector code."""
