"""Settings of the documentation: `make docs` builds it into site/."""

import sys
from importlib import metadata
from pathlib import Path

import fastapi  # noqa: F401  # before autodoc, as whose type checker it cannot be imported

sys.path.insert(0, str(Path(__file__).parent))

from catalogue import page

project = "Headwater"
version = release = metadata.version("headwater")
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["catalogue.py"]
html_theme = "furo"
html_title = f"Headwater {release}"
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "separated"
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]


def setup(app):
    app.connect("source-read", made)
    app.connect("autodoc-process-docstring", plain)


def made(_app, _name, source):
    """Fill in what is made from the code."""
    source[0] = page(source[0])


def plain(_app, _what, _name, _object, _options, lines):
    """Our docstrings are plain text: what is indented is a formula or an example, kept as it is."""
    text = []
    inside = False
    for line in lines:
        block = line.startswith("    ")
        if block and not inside:
            text += ["", ".. code-block:: text", ""]
        if inside and not block and line.strip():
            text.append("")
        inside = block or (inside and not line.strip())
        text.append(line)
    lines[:] = text
