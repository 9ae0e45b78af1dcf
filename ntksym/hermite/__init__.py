"""Every way to the Hermite coefficients of an activation, and bounds of what a series leaves out."""
