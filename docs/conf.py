"""Settings of Sphinx."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

from typer.cli import get_docs_for_click
from typer.main import get_command

from claster.cli import app

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from api import write_api  # noqa: E402
from gallery import write_gallery  # noqa: E402
from notebooks import copy_notebooks  # noqa: E402
from options import write_options  # noqa: E402
from rooms import write_rooms  # noqa: E402

project = "CLASTER"
author = "CLASTER developers"
copyright = "2026, CLASTER developers"
version = release = installed_version("claster")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build", "_figures"]
nitpicky = True
# Types in docstrings are words ("bytes", "(samples, bins)"), some of them names of several attributes.
nitpick_ignore_regex = [("py:.*", ".*")]
suppress_warnings = ["ref.python"]

nb_execution_mode = "off"  # with the outputs that the notebooks carry

autodoc_typehints_format = "short"
default_role = "code"
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
python_maximum_signature_line_length = 88

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True

html_theme = "furo"
html_title = "CLASTER"


def _write_commands() -> None:
    """Write cli.md from the commands themselves, so that it cannot fall behind."""
    command = get_command(app)
    context = command.context_class(command, info_name="claster")
    text = get_docs_for_click(obj=command, ctx=context, name="claster", title="Commands")
    (HERE / "cli.md").write_text(text, encoding="utf-8")


_write_commands()
copy_notebooks(HERE)
write_api(HERE)
write_gallery(HERE)
write_options(HERE)
write_rooms(HERE)
