"""The symbolic engine: normal forms, Gaussian expectations of them, and their presentation."""
