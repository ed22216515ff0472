"""The rooms of the package, drawn and listed from `rooms.yaml` for the page on architecture.

`conf.py` calls `write_rooms`; what a room is for is the first line of its `__init__.py`.
"""

import ast
import textwrap
from pathlib import Path

import yaml
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

import claster
from claster.plot import style

PACKAGE = Path(claster.__file__).parent
RULE = Path(__file__).with_name("rooms.yaml")
TOP = "cli, demo, project, tutorial"

WIDE, HIGH = 2.2, 0.84  # a room's box; the picture is three boxes and two gaps wide
GAP, STEP = 0.25, 1.18
FULL = 3 * WIDE + 2 * GAP
FILL, EDGE, INK, ARROW = "#eef3f8", "#56789a", "#1c2733", "#808890"


def read_rooms():
    """The base's modules, and what else each room may import."""
    rule = yaml.safe_load(RULE.read_text(encoding="utf-8"))
    return rule["base"], {room: set(others) for room, others in rule["rooms"].items()}


def purpose(room):
    """The first line of a room's docstring."""
    text = (PACKAGE / room / "__init__.py").read_text(encoding="utf-8")
    return ast.get_docstring(ast.parse(text)).partition("\n")[0]


def arrows(rooms):
    """Pairs (room, imported room) that do not follow from other pairs."""
    return [
        (room, other)
        for room, others in rooms.items()
        for other in others
        if not any(other in rooms[between] for between in others)
    ]


def layers(rooms):
    """Rooms from the lowest layer up: each stands above all that it imports.

    A room that imports none stands right below the first that imports it.
    """
    level = {}
    while len(level) < len(rooms):
        ready = [
            room for room, others in rooms.items() if room not in level and others <= level.keys()
        ]
        if not ready:
            raise ValueError(
                f"in {RULE.name} rooms import each other: {sorted(rooms - level.keys())}"
            )
        level |= {
            room: 1 + max((level[other] for other in rooms[room]), default=-1) for room in ready
        }
    for room in rooms:
        users = [level[other] for other in rooms if room in rooms[other]]
        if users and not rooms[room]:
            level[room] = min(users) - 1
    return [
        [room for room in rooms if level[room] == number]
        for number in range(max(level.values()) + 1)
    ]


def draw_box(ax, x, y, name, text, *, width=WIDE, characters=32):
    """Draw one box around (x, y) and what is in it."""
    ax.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - HIGH / 2),
            width,
            HIGH,
            boxstyle="round,pad=0,rounding_size=0.08",
            facecolor=FILL,
            edgecolor=EDGE,
        )
    )
    ax.text(
        x, y + HIGH / 2 - 0.17, name, ha="center", va="center", color=INK, weight="bold", size=10
    )
    lines = textwrap.fill(text.replace("`", ""), characters)
    ax.text(x, y - 0.12, lines, ha="center", va="center", color=INK, size=7.5, linespacing=1.15)


def draw_rooms(base, rooms):
    """Draw all rooms in layers, with an arrow from each to those that it builds on."""
    stack = layers(rooms)
    place = {}
    for number, layer in enumerate(stack):
        for column, room in enumerate(layer):
            place[room] = ((column - (len(layer) - 1) / 2) * (WIDE + GAP), (number + 1) * STEP)
    top = (len(stack) + 1) * STEP
    with style():
        fig = Figure(figsize=(FULL + 0.1, top + HIGH + 0.1))
        ax = fig.add_axes((0, 0, 1, 1))
        ax.set(
            xlim=(-FULL / 2 - 0.05, FULL / 2 + 0.05), ylim=(-HIGH / 2 - 0.05, top + HIGH / 2 + 0.05)
        )
        ax.set_axis_off()
        draw_box(ax, 0, 0, "base", ", ".join(base), width=FULL, characters=110)
        text = (
            "the commands, and the jobs of several steps; may import everything, no other room them"
        )
        draw_box(ax, 0, top, TOP, text, width=FULL, characters=110)
        for room, (x, y) in place.items():
            draw_box(ax, x, y, room, purpose(room))
        for room, other in arrows(rooms):
            (x, y), (to_x, to_y) = place[room], place[other]
            ax.annotate(
                "",
                (x + (to_x - x) * 0.72, to_y + HIGH / 2),
                (x + (to_x - x) * 0.28, y - HIGH / 2),
                arrowprops={
                    "arrowstyle": "-|>",
                    "color": ARROW,
                    "linewidth": 1.3,
                    "shrinkA": 0,
                    "shrinkB": 0,
                },
            )
    return fig


def table(rooms):
    """Every room with its line and what it may import, in Markdown."""
    rows = ["| room | what it is for | may import, besides the base |", "| --- | --- | --- |"]
    for room, others in rooms.items():
        listed = ", ".join(other for other in rooms if other in others)
        rows.append(f"| `claster/{room}` | {purpose(room)} | {listed} |")
    return "\n".join(rows) + "\n"


def write_rooms(folder):
    """Write `_figures/rooms.svg` and `_figures/rooms.md` below a folder."""
    base, rooms = read_rooms()
    figures = folder / "_figures"
    figures.mkdir(exist_ok=True)
    fig = draw_rooms(base, rooms)
    with style():  # transparent, so that it stands on a light page and on a dark one
        fig.savefig(figures / "rooms.svg", transparent=True, metadata={"Date": None})
    (figures / "rooms.md").write_text(table(rooms), encoding="utf-8")
