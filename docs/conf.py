from sphinx_gallery.sorting import ExplicitOrder

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
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "auto_examples/*.md5", "auto_examples/*.ipynb"]
templates_path = ["_templates"]
html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_title = "skmegatron"
html_theme_options = {
    "logo": {"text": "skmegatron"},
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_toc_level": 1,
    "show_prev_next": False,
    "navigation_with_keys": False,
    "article_header_start": ["breadcrumbs"],
    "secondary_sidebar_items": {"**": ["page-toc"]},
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}

autosummary_generate = True
toc_object_entries_show_parents = "hide"  # "fit()" beside the page of a class, not "Whiten.fit()"
numpydoc_show_class_members = False
myst_heading_anchors = 3

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"\.py$",  # every script is run
    "within_subsection_order": ExplicitOrder(
        [
            # From a first look to what few need; what is not listed comes last.
            "digits.py",
            "explore.py",
            "text_and_table.py",
            "colours.py",
            "back_to_units.py",
            "stacking.py",
            "leaks.py",
            "early_stopping.py",
            "augment.py",
            "choices.py",
            "search.py",
            "forecast.py",
            "streaming.py",
            "warehouse.py",
            "custom_layer.py",
            "tutorial.py",
            "keras_search.py",
            "*",
        ]
    ),
    # A pipeline is shown by its graph, a table as a table. Other values are printed.
    "capture_repr": ("_repr_html_",),
    "backreferences_dir": "auto_examples/backreferences",
    "doc_module": ("skmegatron",),
    "inspect_global_variables": False,
    "log_level": {"backreference_missing": "debug"},  # a name that no example uses
    "image_srcset": ["2x"],
    "download_all_examples": False,
    "write_computation_times": False,
    "remove_config_comments": True,
}
