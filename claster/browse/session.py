"""Sessions: the same tracks for igv.js (JSON) and for IGV on the desktop (XML)."""

import os
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from claster.browse.genome import BrowserGenome
from claster.browse.tracks import BrowserTrack
from claster.quoting import printable

__all__ = ["desktop_session", "page_session"]

_HEIGHT = 55
_GENES_HEIGHT = 80


def page_session(
    tracks: Sequence[BrowserTrack], genome: BrowserGenome, addresses: Mapping[str, str]
) -> dict[str, Any]:
    """Return the configuration that `igv.createBrowser` takes.

    Parameters
    ----------
    tracks
        Top down.
    genome
        What they lie on.
    addresses
        Address of each file by what it is: a track's path, ``sizes``, ``genes``, ``fasta``, ``index``.

    References
    ----------
    igv.js: https://igv.org/doc/igvjs
    """
    reference = {"id": genome.name, "name": genome.name, "chromSizesURL": addresses["sizes"]}
    if genome.fasta is not None:
        reference |= {"fastaURL": addresses["fasta"], "indexURL": addresses["index"]}
    shown: list[dict[str, Any]] = [
        {
            "name": "genes",
            "type": "annotation",
            "format": "bed",
            "url": addresses["genes"],
            "indexed": False,
            "displayMode": "EXPANDED",
            "height": _GENES_HEIGHT,
            "color": "rgb(60,60,60)",
        }
    ]
    for track in tracks:
        entry: dict[str, Any] = {
            "name": track.name,
            "type": "wig",
            "format": "bigwig",
            "url": addresses[str(track.path)],
            "height": _HEIGHT,
            "color": f"rgb({_comma(track.colour)})",
            "altColor": f"rgb({_comma(track.below)})",
        }
        entry |= {"autoscaleGroup": track.scaled_with} if track.scaled_with else {"autoscale": True}
        shown.append(entry)
    return {
        "reference": reference,
        "locus": genome.locus,
        "loadDefaultGenomes": False,
        "showSampleNames": False,
        "tracks": shown,
    }


def desktop_session(
    tracks: Sequence[BrowserTrack], *, genome: Path, genes: Path, locus: str, beside: Path
) -> str:
    """Return a session of IGV on the desktop; its paths are relative to the file itself.

    Parameters
    ----------
    tracks
        Top down.
    genome
        FASTA file or table of chromosome sizes (``.chrom.sizes``).
    genes
        BED file.
    locus
        What is shown first.
    beside
        The folder that the session will lie in.

    References
    ----------
    Session files: https://igv.org/doc/desktop
    """

    def relative(path: Path) -> str:
        return Path(os.path.relpath(path.resolve(), beside.resolve())).as_posix()

    root = ET.Element(
        "Session",
        {"genome": relative(genome), "locus": locus, "version": "8", "hasGeneTrack": "false"},
    )
    resources = ET.SubElement(root, "Resources")
    ET.SubElement(resources, "Resource", {"path": relative(genes), "name": "genes", "type": "bed"})
    for track in tracks:
        attributes = {
            "path": relative(track.path),
            "name": printable(track.name),
            "type": "bw",
            "color": _comma(track.colour),
        }
        ET.SubElement(resources, "Resource", attributes)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _comma(colour: tuple[int, int, int]) -> str:
    return ",".join(map(str, colour))
