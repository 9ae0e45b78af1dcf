"""Functions of the angle, and of two variances and the angle, fitted to a whole network."""
