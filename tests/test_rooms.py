"""The one-way rule between the rooms of the package (docs/rooms.yaml), and its picture."""

import ast
import re
import runpy
from itertools import chain
from pathlib import Path

import pytest
import yaml

import claster

PACKAGE = Path(claster.__file__).parent
RULE = yaml.safe_load((PACKAGE.parent / "docs" / "rooms.yaml").read_text(encoding="utf-8"))
BASE, ROOMS = set(RULE["base"]), RULE["rooms"]


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
    assert rooms == ROOMS.keys() | {"cli"}


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_downwards_only(room):
    wrong = {
        f"{path.relative_to(PACKAGE)} imports claster.{other}"
        for path in (PACKAGE / room).rglob("*.py")
        for other in imported_rooms(path)
        if other not in {room, *ROOMS[room], *BASE}
    }
    assert wrong == set()


def test_the_base_imports_no_room():
    imported = {other for name in BASE for other in imported_rooms(PACKAGE / f"{name}.py")}
    assert imported
    assert imported <= BASE


def test_the_picture_shows_every_room_above_what_it_imports():
    rooms = runpy.run_path(str(PACKAGE.parent / "docs" / "rooms.py"))
    base, listed = rooms["read_rooms"]()
    stack = rooms["layers"](listed)
    assert sorted(chain.from_iterable(stack)) == sorted(ROOMS)
    height = {room: number for number, layer in enumerate(stack) for room in layer}
    assert all(height[room] > height[other] for room in ROOMS for other in ROOMS[room])
    arrows = rooms["arrows"](listed)
    assert all(other in ROOMS[room] for room, other in arrows)
    reached = {room: set() for room in ROOMS}
    for room in chain.from_iterable(stack):
        for other in (low for high, low in arrows if high == room):
            reached[room] |= {other} | reached[other]
    assert all(reached[room] >= set(ROOMS[room]) for room in ROOMS)
    drawn = {text.get_text() for text in rooms["draw_rooms"](base, listed).axes[0].texts}
    assert drawn > ROOMS.keys() | {"base"}


def test_modules_that_the_page_names_are_there():
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`(?:claster/)?([a-z_]+/[a-z_/]+\.py|[a-z]+\.py)`", page)
    assert len(named) > 20
    roots = (PACKAGE, PACKAGE.parent)
    assert [name for name in named if not any((root / name).is_file() for root in roots)] == []
