"""ntksym: symbolic-numeric derivation of the kernels of infinitely wide neural networks."""
