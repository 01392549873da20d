"""Settings of Sphinx; ``build_site.py`` writes the pages that it reads."""

import build_site

from prefrontal import __version__

project = "prefrontal"
copyright = "the prefrontal developers"
version = release = __version__

extensions = ["myst_nb", "sphinx_design", "sphinx.ext.autodoc", "numpydoc"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
exclude_patterns = ["extra"]
nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]  # types in signatures belong to many libraries
myst_enable_extensions = ["attrs_inline", "colon_fence"]
myst_heading_anchors = 4
nb_execution_mode = "off"
nb_merge_streams = True
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True  # not the paths of the machine that builds the site
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88
autodoc_default_options = {"members": True}
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = "prefrontal"
html_static_path = [str(build_site.DOCS / "static")]
html_favicon = str(build_site.DOCS / "static" / "icon.svg")
html_css_files = ["site.css"]
html_show_sourcelink = html_copy_source = False
html_context = {"default_mode": "light"}
html_theme_options = {
    "navbar_end": ["navbar-icon-links"],
    "icon_links": [
        {"name": "Code", "url": build_site.repository(), "icon": "fa-solid fa-code-branch"}
    ],
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
    "show_toc_level": 2,
    "navigation_depth": 3,
    "footer_start": ["copyright"],
    "footer_end": [],
}


def setup(app):
    """Leave aliases of types without a signature; numpydoc would give them that of ``dict``."""
    event = "autodoc-process-signature"
    app.connect(event, lambda app, what, *_: () if what == "data" else None, priority=100)
