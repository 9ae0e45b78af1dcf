from sympy.polys import orderings as orderings
