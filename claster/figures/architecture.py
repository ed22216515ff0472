"""A network as EIR builds it, from its inputs to the predicted bins."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from claster.dataset.spec import DatasetSpec
from claster.eir.flavours import find_flavour
from claster.eir.geometry import Branch, Geometry, measure_geometry
from claster.eir.network import Block
from claster.eir.parts import Modality
from claster.plot import OKABE_ITO, save, style
from claster.plot.style import new_figure, track_colour

_COLOURS = {
    "landscape": OKABE_ITO["blue"],
    "contacts": OKABE_ITO["vermillion"],
    "joined": OKABE_ITO["green"],
}
_KINDS = {
    "FirstCNNBlock": "first\nconvolution",
    "CNNResidualBlock": "residual\nblock",
    "CNNUpscaleResidualBlock": "residual\nblock",
    "ConvAttentionBlock": "attention",
    "MLPResidualFusionModule": "fusion\n(residual)",
    "LinearOutputModule": "linear",
}
_ROW = 3.4
_STEP = 1.12
_INPUT = 2.3
_TALLEST = 1.9


def _draw(geometry: Geometry, spec: DatasetSpec) -> tuple[Figure, Axes, pd.DataFrame]:
    """Draw inputs with their shapes, the branches block by block, what joins them, and the output.

    The height of a box tells the number of positions of its feature map, on a logarithmic scale.

    Returns `part` (a branch, or ``joined``), `name`, `kind`, `channels`, `height`,
    `width`, `parameters`; inputs first.
    """
    rows = {branch.modality: _blocks(geometry, branch.modality) for branch in geometry.branches}
    joined = [
        block for block in geometry.blocks if block.name.partition(".")[0] not in (*rows, "message")
    ]
    longest = max(map(len, rows.values()))
    widest = max(branch.shape[2] for branch in geometry.branches)
    columns = _INPUT + _STEP * (longest + len(joined)) + 2.0
    with style():
        fig = new_figure(0.64 * columns, 1.15 + 1.75 * len(rows))
        ax = fig.subplots()
        middle = -_ROW * (len(rows) - 1) / 2
        joint = _INPUT + _STEP * longest + 0.45
        ends = []
        for number, branch in enumerate(geometry.branches):
            y = -_ROW * number
            x = _draw_input(ax, branch, spec, y)
            for block in rows[branch.modality]:
                x = _draw_block(ax, block, branch.modality, widest, x, y)
            ends.append((x, y))
        x = joint
        for end in ends:
            _arrow(ax, end, (joint, middle))
        for block in joined:
            x = _draw_block(ax, block, "joined", widest, x, middle)
        _draw_output(ax, spec, x, middle)
        ax.set(xlim=(-0.2, columns + 0.7), ylim=(-_ROW * len(rows) + 1.35, 2.2))
        ax.set_aspect("equal")
        ax.text(
            columns + 0.6,
            2.15,
            "above a box: channels x positions; its height: log of the positions",
            ha="right",
            va="top",
            fontsize=5.5,
            color="0.35",
        )
        ax.set_axis_off()
        ax.set_title(f"{geometry.flavour}: {geometry.parameters:,} weights", loc="left", fontsize=9)
    return fig, ax, _table(geometry, rows, joined)


def write_architecture(spec: DatasetSpec, flavour: str, folder: Path) -> list[Path]:
    """Have EIR build a flavour and write ``architecture.svg`` and ``.png``.

    Parameters
    ----------
    spec, flavour
        What to build, for which dataset.
    """
    fig, _, _ = _draw(measure_geometry(find_flavour(flavour), spec), spec)
    return [save(fig, folder / f"architecture{suffix}", dpi=200) for suffix in (".svg", ".png")]


def _blocks(geometry: Geometry, modality: str) -> list[Block]:
    return [block for block in geometry.blocks if block.name.partition(".")[0] == modality]


def _draw_block(ax: Axes, block: Block, branch: str, widest: int, x: float, y: float) -> float:
    """Draw a block as a box with an arrow into it; return where its right side is."""
    kind = _KINDS.get(block.kind, "convolution")
    if block.name.endswith(".vector"):
        kind = "vector"
    if block.height == block.width == 1:
        size = f"{block.channels:,}"
    elif block.height == 1:
        size = f"{block.channels:,} x\n{block.width:,}"
    else:
        size = f"{block.channels:,} x\n{block.height:,} x {block.width:,}"
    positions = max(block.width, block.channels if block.width == 1 else 1)
    height = 0.25 + _TALLEST * float(np.log(positions) / np.log(widest))
    left, width = x + 0.42, _STEP - 0.42
    middle, top, bottom = left + width / 2, y + height / 2, y - height / 2
    _arrow(ax, (x, y), (left, y))
    ax.add_patch(
        FancyBboxPatch(
            (left, bottom),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.08",
            facecolor=_COLOURS[branch],
            edgecolor="none",
            alpha=0.85,
        )
    )
    ax.text(middle, top + 0.08, size, ha="center", va="bottom", fontsize=6)
    ax.text(middle, bottom - 0.1, kind, ha="center", va="top", fontsize=5.5, color="0.35")
    return left + width


def _draw_input(ax: Axes, branch: Branch, spec: DatasetSpec, y: float) -> float:
    channels, rows, columns = branch.shape
    reach = branch.bin * columns / 2000
    if branch.modality == "landscape":
        tracks = channels if channels > 1 else rows
        _draw_tracks(ax, y, tracks)
        size = f"{tracks} x {columns:,}"
        named = "tracks"
        if tracks == len(spec.tracks):
            named = "\n".join(textwrap.wrap(", ".join(t.name for t in spec.tracks), 28))
    else:
        named = "contact map"
        _draw_triangle(ax, y)
        size = f"{rows} x {columns}"
    told = f"{named}\n{size}, bins of {branch.bin:,} bp,\n±{reach:,.0f} kb"
    ax.text(_INPUT / 2, y - 1.05, told, ha="center", va="top", fontsize=6.5)
    return _INPUT


def _draw_tracks(ax: Axes, y: float, tracks: int) -> None:
    """Draw made-up peaks, a row a track."""
    x = np.linspace(0.1, _INPUT - 0.1, 160)
    rng = np.random.default_rng(2)
    height = 1.9 / tracks
    for row in range(tracks):
        base = y + 0.95 - (row + 1) * height
        peaks = rng.uniform(0.2, _INPUT - 0.2, 6)
        heights = rng.uniform(0.2, 1, 6)
        signal = sum(
            h * np.exp(-0.5 * ((x - p) / 0.03) ** 2) for p, h in zip(peaks, heights, strict=True)
        )
        top = base + 0.8 * height * np.asarray(signal) / np.max(signal)
        ax.fill_between(x, base, top, color=track_colour(row), linewidth=0)


def _draw_triangle(ax: Axes, y: float) -> None:
    """Draw a made-up map: separation upwards, fading."""
    columns, rows = np.meshgrid(np.linspace(-1, 1, 80), np.linspace(0, 1, 40))
    domains = 0.5 + 0.5 * np.cos(6 * columns) * np.exp(-rows)
    shade = np.exp(-2.2 * rows) * (0.5 + domains)
    ax.imshow(
        shade,
        extent=(0.1, _INPUT - 0.1, y - 0.9, y + 0.9),
        origin="lower",
        cmap="OrRd",
        aspect="auto",
        zorder=0,
        vmin=0,
    )


def _draw_output(ax: Axes, spec: DatasetSpec, x: float, y: float) -> None:
    binning = spec.require_target().binning
    groups = len(spec.require_target().groups)
    _arrow(ax, (x, y), (x + 0.42, y))
    at = np.linspace(x + 0.5, x + 2.2, 120)
    signal = np.exp(-0.5 * ((at - at[35]) / 0.03) ** 2) + 0.6 * ((at > at[35]) & (at < at[85]))
    ax.fill_between(at, y - 0.4, y - 0.4 + 0.9 * signal, color=_COLOURS["joined"], linewidth=0)
    conditions = f"{groups} x " if groups > 1 else ""
    told = (
        f"nascent transcription\n{conditions}{binning.bins} bins of {binning.size:,} bp\n"
        f"±{binning.half / 1000:,.1f} kb"
    )
    ax.text(x + 1.35, y - 0.55, told, ha="center", va="top", fontsize=6.5)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=6,
            linewidth=0.8,
            color="0.4",
            shrinkA=1,
            shrinkB=1,
        )
    )


def _table(
    geometry: Geometry, rows: Mapping[Modality, list[Block]], joined: Sequence[Block]
) -> pd.DataFrame:
    parts: list[tuple[str | int, ...]] = [
        (branch.modality, "input", "array", *branch.shape, 0) for branch in geometry.branches
    ]
    for part, blocks in (*rows.items(), ("joined", joined)):
        parts += [
            (part, b.name, b.kind, b.channels, b.height, b.width, b.parameters) for b in blocks
        ]
    columns = ["part", "name", "kind", "channels", "height", "width", "parameters"]
    return pd.DataFrame(parts, columns=columns)
