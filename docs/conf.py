"""The docs as a site: `make docs` builds it into html/docs."""

import perceptron

project = "perceptron"
author = "The perceptron authors"
version = release = perceptron.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
napoleon_google_docstring = False
html_theme = "furo"
html_title = "perceptron"
html_show_copyright = False
html_show_sourcelink = False
exclude_patterns = ["build", "examples"]
nitpicky = False
myst_heading_anchors = 3
myst_enable_extensions = ["attrs_inline"]
copybutton_prompt_text = "$ "
autodoc_typehints = "none"
autodoc_member_order = "bysource"
