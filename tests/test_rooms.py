"""The one-way rule between the rooms of the package."""

import ast
from pathlib import Path

import pytest

import claster

PACKAGE = Path(claster.__file__).parent
BASE = {"compiled", "errors", "files", "lock", "memory", "progress", "versions"}
MAY_IMPORT = {
    "genome": BASE,
    "signal": BASE | {"genome"},
    "contacts": BASE | {"genome"},
    "remote": BASE,
    "simulate": BASE,
    "dataset": BASE | {"genome", "signal", "contacts", "remote"},
    "eir": BASE | {"genome", "signal", "contacts", "dataset"},
    "analysis": BASE | {"genome", "signal", "contacts", "simulate", "dataset", "eir"},
    "sequence": BASE | {"genome", "signal", "contacts", "dataset", "eir"},
    "plot": BASE | {"genome", "signal", "contacts", "dataset", "eir", "analysis"},
    "experiments": BASE | {"genome", "signal", "contacts", "dataset", "eir", "analysis"},
    "figures": BASE | {"genome", "signal", "contacts", "dataset", "eir", "analysis", "plot"},
    "browse": BASE | {"genome", "dataset", "eir"},
    "report": BASE | {"genome", "signal", "contacts", "dataset", "eir", "analysis", "plot"},
}


def imported_rooms(path):
    """Rooms that a module imports anywhere, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            if name.startswith("claster."):
                yield name.split(".")[1]


def test_every_room_has_a_rule():
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert rooms == MAY_IMPORT.keys() | {"cli"}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_rooms_import_downwards_only(room):
    wrong = {
        f"{path.relative_to(PACKAGE)} imports claster.{other}"
        for path in (PACKAGE / room).rglob("*.py")
        for other in imported_rooms(path)
        if other != room and other not in MAY_IMPORT[room]
    }
    assert wrong == set()
