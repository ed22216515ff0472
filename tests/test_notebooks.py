"""The notebooks and their py:percent twins; `make notebooks` runs them."""

import ast
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
            data = output.get("data", {})
            shown = f"{data.get('text/plain')} {data.get('text/html')} {output.get('text')}"
            assert not re.search(r"/(home|root|work|tmp|Users)/", shown)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_call_the_package_and_no_shell(path):
    for kind, source in cells(path):
        if kind == "code":
            assert not re.search(
                r"^\s*!|^%%(bash|sh|writefile)|subprocess|os\.system", source, re.M
            )
            assert "def " not in source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_start_at_the_front_door(path):
    code = [source for kind, source in cells(path) if kind == "code"]
    found = [
        node
        for source in code
        for node in ast.walk(ast.parse(re.sub(r"^%.*", "", source, flags=re.M)))
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert 0 < sum(node.end_lineno - node.lineno + 1 for node in found) <= 5
    named = {
        name
        for node in found
        for name in (
            [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }
    assert {name for name in named if name.split(".")[0] == "claster"}
    assert {name for name in named if name.startswith("claster.") and name.count(".") > 1} == set()
