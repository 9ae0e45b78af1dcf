"""What the kernels of infinitely wide networks are like: positivity and spectrum on the sphere, behaviour at depth."""
