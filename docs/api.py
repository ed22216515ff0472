"""The API reference: a page a room, with every function and class whose name does not begin with `_`.

Paper figures have a page of their own.

`conf.py` calls `write_api`, so that what is new or gone in the code is so in the reference.
"""

import ast
import inspect
from pathlib import Path

from rooms import PACKAGE, purpose, read_rooms

import claster

_ROLES = {ast.FunctionDef: "func", ast.ClassDef: "class"}
_DIRECTIVES = {"func": "function", "class": "class"}


def modules(room):
    """Yield (name, its public functions and classes) of a room's modules."""
    for path in sorted((PACKAGE / room).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        here = [
            (node.name, _ROLES[type(node)], (ast.get_docstring(node) or "").partition("\n")[0])
            for node in tree.body
            if type(node) in _ROLES
            and not node.name.startswith("_")
            and not any(ast.unparse(d).startswith("base.figure(") for d in node.decorator_list)
        ]
        if here:
            parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
            name = ".".join(part for part in parts if part != "__init__")
            yield name, sorted(here)


def page(room):
    """Return the page of a room as reStructuredText."""
    title = f"claster.{room}"
    lines = [title, "=" * len(title), "", purpose(room), ""]
    for name, members in modules(room):
        lines += [name, "-" * len(name), "", f".. automodule:: {name}", ""]
        lines += [".. list-table::", "   :widths: 1 2", ""]
        for member, role, says in members:
            lines += [f"   * - :py:{role}:`~{name}.{member}`", f"     - {says}"]
        lines.append("")
        for member, role, _ in members:
            lines.append(f".. auto{_DIRECTIVES[role]}:: {name}.{member}")
            lines += ["   :members:", ""] if role == "class" else [""]
    return "\n".join(lines)


def overview(rooms):
    """Return the page that lists the rooms."""
    about = {
        name: inspect.getdoc(getattr(claster, name)).partition("\n")[0] for name in claster.__all__
    }
    names = [
        f"   * - :doc:`claster.{name} </python>`\n     - {says}" for name, says in about.items()
    ]
    listed = [f"   * - :doc:`claster.{room} <{room}>`\n     - {purpose(room)}" for room in rooms]
    return "\n".join(
        [
            "API",
            "===",
            "",
            "Start with these names; :doc:`one page </python>` goes from four bigWigs to a silenced",
            "enhancer in 15 lines.",
            "",
            ".. list-table::",
            "   :widths: 1 2",
            "",
            *names,
            "",
            "Below them, room by room: every public function and class with its shapes, units and errors.",
            "Coordinates are 0-based and half-open.",
            "",
            ".. list-table::",
            "   :widths: 1 2",
            "",
            *listed,
            "",
            ".. toctree::",
            "   :hidden:",
            "",
            *(f"   {room}" for room in rooms),
            "",
        ]
    )


def write_api(folder):
    """Write `api/index.rst` and a page a room below a folder; pages that say the same stay as they are."""
    _, rooms = read_rooms()
    pages = {"index": overview(rooms)} | {room: page(room) for room in rooms}
    (folder / "api").mkdir(exist_ok=True)
    for name, text in pages.items():
        path = folder / "api" / f"{name}.rst"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_api(Path(__file__).parent)
