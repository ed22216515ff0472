"""Settings of Sphinx."""

from importlib.metadata import version as installed_version

project = "CLASTER"
author = "CLASTER developers"
copyright = "2026, CLASTER developers"
version = release = installed_version("claster")

extensions = ["myst_parser", "sphinx_copybutton"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = True

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True

html_theme = "furo"
html_title = "CLASTER"
