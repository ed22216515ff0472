"""The notebooks and their py:percent twins; `make notebooks` runs them."""

import re
from pathlib import Path

import jupytext
import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
NOTEBOOKS = sorted(SCRIPTS.glob("*.ipynb"))


def cells(path):
    return [(cell.cell_type, cell.source) for cell in jupytext.read(path).cells]


def test_every_notebook_has_a_twin():
    assert NOTEBOOKS
    assert [path.stem for path in NOTEBOOKS] == sorted(path.stem for path in SCRIPTS.glob("*.py"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_twins_hold_the_same_cells(path):
    assert cells(path) == cells(path.with_suffix(".py")), (
        "run: .venv/bin/jupytext --sync scripts/*.py"
    )


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_there_and_tell_nothing_of_the_machine(path):
    notebook = jupytext.read(path)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert sum(bool(cell.outputs) for cell in code) > len(code) / 2
    for cell in code:
        for output in cell.outputs:
            assert output.output_type != "error"
            shown = str(output.get("data", {}).get("text/plain", output.get("text", "")))
            assert not re.search(r"/(home|root|work|tmp|Users)/", shown)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_call_the_package_and_no_shell(path):
    for kind, source in cells(path):
        if kind == "code":
            assert not re.search(
                r"^\s*!|^%%(bash|sh|writefile)|subprocess|os\.system", source, re.M
            )
            assert "def " not in source
