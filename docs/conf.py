"""Sphinx: the pages are Markdown (myst), the theme is the one Sphinx ships, mathematics is TeX."""

import re

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


def setup(app):
    """Docstrings write |x| for an absolute value; to Sphinx that would be a substitution, so the bars are escaped."""

    def escape_bars(_app, _what, _name, _object, _options, lines):
        for number, line in enumerate(lines):
            parts = re.split(r"(``.*?``)", line)
            lines[number] = "".join(part if part.startswith("``") else part.replace("|", r"\|") for part in parts)

    app.connect("autodoc-process-docstring", escape_bars)
