"""A run's tracks in a genome browser: igv.js on a local page, and session files."""

import importlib.resources
import json
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from urllib.parse import quote

import jinja2
import pandas as pd

from claster.browse.server import Served, serve
from claster.browse.session import desktop_session, find_genome, find_tracks, page_session
from claster.dataset.layout import DatasetFolders
from claster.eir.runs import RunFolder, read_run
from claster.eir.trained_on import trained_dataset
from claster.errors import ClasterError
from claster.files import below, write_text
from claster.genome.fasta import index_of

__all__ = ["open_browser", "prepare_browser"]


@dataclass(frozen=True)
class _Browser:
    """What the local page may ask for, by path, the session file of IGV on the desktop, track names."""

    served: dict[str, Served]
    session: Path
    tracks: tuple[str, ...]


def prepare_browser(run: RunFolder | Path | str, *, session: Path | None = None) -> _Browser:
    """Write the session files of a run and list what its browser page is served.

    In ``<run>/browser`` lie ``session.xml`` for IGV on the desktop, ``session.json`` as the page loads
    it, ``genes.bed`` and ``<assembly>.chrom.sizes``.

    Parameters
    ----------
    run
        The run's folder, with bigWig tracks of `claster predict`.
    session
        Where the session for the desktop shall be; None takes the folder above.

    Raises
    ------
    ClasterError
        If there is no run, no track, no built dataset or no igv.js.
    """
    folder = RunFolder.of(run)
    record = read_run(folder)
    spec = trained_dataset(folder, record)
    tracks = find_tracks(folder, spec)
    genome = find_genome(spec, DatasetFolders.of(spec))
    beside = folder.path / "browser"
    named = f"'assembly' of dataset {spec.name!r}"
    sizes = below(beside, f"{spec.assembly}.chrom.sizes", named=named)
    genes = beside / "genes.bed"
    write_text(sizes, "".join(f"{chrom}\t{size}\n" for chrom, size in genome.sizes.items()))
    write_text(genes, _genes_as_bed(genome.genes))
    files = {"sizes": sizes, "genes": genes}
    if genome.fasta is not None:
        files |= {"fasta": genome.fasta, "index": index_of(genome.fasta)}
    files |= {str(track.path): track.path for track in tracks}
    numbered = enumerate(files.items())
    places = {name: f"files/{number}/{path.name}" for number, (name, path) in numbered}
    addresses = {name: quote(place) for name, place in places.items()}
    configuration = json.dumps(page_session(tracks, genome, addresses), indent=1) + "\n"
    write_text(beside / "session.json", configuration)
    desktop = session or beside / "session.xml"
    reference = genome.fasta or sizes
    write_text(desktop, desktop_session(tracks, reference, genes, genome.locus, desktop.parent))
    served = {f"/{places[name]}": Served(path) for name, path in files.items()}
    served |= _page(record.name, folder.path.as_posix())
    served["/session.json"] = Served(configuration.encode(), "application/json")
    return _Browser(served, desktop, tuple(track.name for track in tracks))


def _genes_as_bed(genes: pd.DataFrame) -> str:
    """Return genes as BED6, the name in the fourth column.

    References
    ----------
    BED: https://samtools.github.io/hts-specs/BEDv1.pdf
    """
    table = genes.assign(shown=genes["name"].fillna(genes["gene_id"]), score=0)
    columns = ["chrom", "start", "end", "shown", "score", "strand"]
    return table[columns].to_csv(sep="\t", index=False, header=False, lineterminator="\n")


def open_browser(
    browser: _Browser,
    *,
    port: int = 0,
    show: bool = True,
    say: Callable[[str], None] = print,
) -> None:
    """Serve a run's tracks to this machine until the user interrupts.

    Parameters
    ----------
    browser
        From `prepare_browser`.
    port
        The port; 0 takes a free one.
    show
        Whether the page is opened in the user's web browser.
    say
        What the address is told to.

    Raises
    ------
    ClasterError
        If another program uses the port.
    """
    with serve(browser.served, port=port) as address:
        say(f"{len(browser.tracks)} tracks at {address} (end with Ctrl-C)")
        if show:
            webbrowser.open(address)
        try:
            Event().wait()
        except KeyboardInterrupt:
            say("ended")


def _page(name: str, run: str) -> dict[str, Served]:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("claster.browse"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    text = environment.get_template("page.html").render(name=name, run=run)
    files = importlib.resources.files("claster.browse") / "templates"
    return {
        "/": Served(text.encode(), "text/html; charset=utf-8"),
        "/page.js": Served((files / "page.js").read_bytes(), "text/javascript"),
        "/page.css": Served((files / "page.css").read_bytes(), "text/css"),
        "/igv.min.js": Served(_igv(), "text/javascript"),
    }


def _igv() -> bytes:
    try:
        return (importlib.resources.files("igv_notebook") / "js" / "igv.min.js").read_bytes()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise ClasterError(
            "igv.js is not installed", remedy="install the package igv-notebook ('make setup' does)"
        ) from error
