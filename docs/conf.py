"""How Sphinx makes the documentation. It fetches nothing, and its pages fetch nothing."""

import re
from pathlib import Path

_root = Path(__file__).resolve().parent.parent
_version = re.search(r'__version__ = "(.+)"', (_root / "src/carnet/__init__.py").read_text(encoding="utf-8"))
if _version is None:
    raise ValueError("src/carnet/__init__.py does not say its version")

project = "Carnet"
author = "The Carnet Developers"
copyright = "2026, The Carnet Developers"
version = release = _version[1]

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "decisions/template.md"]
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"Carnet {release}"
html_copy_source = False
html_show_sourcelink = False
