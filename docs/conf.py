"""Sphinx: the pages are Markdown (myst), the theme is the one Sphinx ships, mathematics is TeX."""

import ntksym

project = "ntksym"
author = copyright = "The ntksym authors"
version = release = ntksym.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
nitpicky = True
nitpick_ignore_regex = [("py:.*", r".*")]  # types of sympy and numpy have no inventory offline

html_theme = "alabaster"
html_theme_options = {
    "description": "Kernels of infinitely wide networks, from a formula",
    "page_width": "1080px",
    "show_powered_by": False,
}
