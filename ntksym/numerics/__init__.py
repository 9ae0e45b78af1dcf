"""Rules of quadrature, polynomials and compiled entrances that every room shares."""
