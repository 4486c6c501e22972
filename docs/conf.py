from skmegatron import __version__

project = "skmegatron"
author = "The skmegatron developers"
release = version = __version__
copyright = "2026, the skmegatron developers"

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_title = "skmegatron"
html_theme_options = {"show_prev_next": False}

autosummary_generate = True
numpydoc_show_class_members = False
myst_heading_anchors = 3
