"""Properties of the kernels of infinitely wide networks: positivity and spectrum on the sphere, behaviour at depth."""
