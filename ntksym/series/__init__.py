"""Duals without a closed form: Hermite coefficients by quadrature, and bounds of what is left out."""
