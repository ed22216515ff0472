"""Which tracks of a run a genome browser shows, and the sessions that show them."""

import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from claster.dataset.layout import DatasetFolders, read_genes_table
from claster.dataset.spec import DatasetSpec
from claster.eir.runs import RunFolder
from claster.errors import ClasterError
from claster.genome.fasta import indexed_lengths
from claster.genome.gene_names import find_gene, genes_called
from claster.quoting import pasteable, printable
from claster.text import read_table

_AROUND = 300_000
_NO_GENES = ("duplicate_id", "chromosome_unknown")


@dataclass(frozen=True)
class _BrowserGenome:
    """What a browser needs to know of a genome.

    Attributes
    ----------
    fasta
        An indexed file, None where there is none.
    genes
        Columns `gene_id`, `name`, `chrom`, `start`, `end` (0-based half-open), `strand`.
    locus
        The stretch that is shown first, as browsers write it: 1-based, both ends included.
    """

    name: str
    sizes: Mapping[str, int]
    fasta: Path | None
    genes: pd.DataFrame
    locus: str


def find_genome(spec: DatasetSpec, folders: DatasetFolders) -> _BrowserGenome:
    """Return the genome of a built dataset.

    Genes are all of the annotation, kept and dropped ones, for all of them may be transcribed. The
    locus is the surroundings of the dataset's example gene if that is a test gene, else of the first
    test gene.
    """
    folders.require_built()
    sizes = spec.chromosome_sizes()
    kept = read_genes_table(folders)
    columns = ["gene_id", "name", "chrom", "start", "end", "strand"]
    tables = [kept[columns]]
    if folders.dropped.is_file():
        dropped = read_table(folders.dropped)
        tables.append(dropped.loc[~dropped["reason"].isin(_NO_GENES), columns])
    genes = pd.concat([table for table in tables if len(table)], ignore_index=True)
    fasta = spec.source(spec.genome) if spec.genome else None
    if fasta is not None and not (fasta.is_file() and indexed_lengths(fasta)):
        fasta = None
    return _BrowserGenome(
        name=spec.assembly,
        sizes=sizes,
        fasta=fasta,
        genes=genes.sort_values(["chrom", "start", "end"], kind="stable", ignore_index=True),
        locus=_locus(kept, sizes, spec.example_gene),
    )


def _locus(genes: pd.DataFrame, sizes: Mapping[str, int], example: str | None) -> str:
    test = genes[genes["split"] == "test"]
    among = test if len(test) else genes
    if among.empty:
        raise ClasterError("the dataset holds no gene", remedy="widen 'genes' and build again")
    (found,) = genes_called(among, [example or ""])
    gene = find_gene(among, found[0]) if len(found) == 1 else among.iloc[0]
    size = sizes[gene["chrom"]]
    start, end = max(gene["tss"] - _AROUND, 0), min(gene["tss"] + _AROUND, size)
    return f"{gene['chrom']}:{start + 1}-{end}"


_GREY, _VERMILLION, _BLUE, _PURPLE = (90, 90, 90), (213, 94, 0), (0, 114, 178), (204, 121, 167)
_INPUTS = ((30, 30, 30), (0, 158, 115), (86, 180, 233), (230, 159, 0))
_KINDS = {"observed": _GREY, "predicted": _VERMILLION, "residual": _BLUE}
_TOGETHER = ("observed", "predicted")


@dataclass(frozen=True)
class _BrowserTrack:
    """A bigWig as a browser shows it.

    Attributes
    ----------
    colour, below
        Red, green, blue (0-255) of values above and below 0.
    scaled_with
        Tracks with the same word here share one y axis; empty for an axis of its own.
    """

    name: str
    path: Path
    colour: tuple[int, int, int]
    below: tuple[int, int, int]
    scaled_with: str = ""


def find_tracks(run: RunFolder, spec: DatasetSpec) -> list[_BrowserTrack]:
    """Return the bigWig files of a run and of its dataset that are there.

    First observed, predicted and residual signal of each split and condition, the first two on one
    axis, then the changes of perturbations, attributions, and the inputs.
    """
    found = list(_predictions(run))
    if not found:
        raise ClasterError(
            f"no bigWig tracks in {run.path / 'predictions'}",
            remedy=f"run '{pasteable(['claster', 'predict', run.path])}' first",
        )
    found += _made(run, "perturb", _PURPLE)
    found += _made(run, "attributions", _BLUE)
    for number, track in enumerate(spec.tracks):
        colour = _INPUTS[number % len(_INPUTS)]
        for label, file in track.labels.items():
            if (path := spec.source(file)).is_file():
                found.append(_BrowserTrack(label.removeprefix("track "), path, colour, colour))
    return found


def _predictions(run: RunFolder) -> Iterator[_BrowserTrack]:
    folder = run.path / "predictions"
    groups = sorted({path.name.rsplit(".", 2)[0] for path in folder.glob("*.*.predicted.bw")})
    for group in groups:
        for kind, colour in _KINDS.items():
            path = folder / f"{group}.{kind}.bw"
            if path.is_file():
                below = _VERMILLION if kind == "residual" else colour
                together = group if kind in _TOGETHER else ""
                name = f"{kind} ({group.replace('.', ' ')})"
                yield _BrowserTrack(name, path, colour, below, together)


def _made(run: RunFolder, folder: str, colour: tuple[int, int, int]) -> Iterator[_BrowserTrack]:
    for path in sorted((run.path / folder).glob("*/**/*.bw")):
        made = path.relative_to(run.path / folder).parts[0]
        if (run.path / folder / made / "manifest.json").is_file():
            name = f"{path.stem.replace('.', ' ')} ({made})"
            yield _BrowserTrack(name, path, colour, _VERMILLION)


def page_session(
    tracks: Sequence[_BrowserTrack], genome: _BrowserGenome, addresses: Mapping[str, str]
) -> dict[str, Any]:
    """Return the configuration that `igv.createBrowser` takes.

    Parameters
    ----------
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
            "height": 80,
            "color": "rgb(60,60,60)",
        }
    ]
    for track in tracks:
        entry: dict[str, Any] = {
            "name": track.name,
            "type": "wig",
            "format": "bigwig",
            "url": addresses[str(track.path)],
            "height": 55,
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
    tracks: Sequence[_BrowserTrack], genome: Path, genes: Path, locus: str, beside: Path
) -> str:
    """Return a session of IGV on the desktop; its paths are relative to the file itself.

    Parameters
    ----------
    genome
        FASTA file or table of chromosome sizes (``.chrom.sizes``).
    genes
        BED file.
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
        attributes = {"path": relative(track.path), "name": printable(track.name)}
        attributes |= {"type": "bw", "color": _comma(track.colour)}
        ET.SubElement(resources, "Resource", attributes)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _comma(colour: tuple[int, int, int]) -> str:
    return ",".join(map(str, colour))
