"""What the notebooks need beside the package's own functions: a dataset that can be downloaded."""

from collections.abc import Iterator
from contextlib import contextmanager

from claster.browse.server import Served, serve
from claster.data import Dataset
from claster.dataset.inventory import Source, list_sources
from claster.dataset.signal_settings import DownloadSpec
from claster.errors import ClasterError
from claster.files import sha256
from claster.formats import FileFormat
from claster.project import Project
from claster.simulation import ensure_genome

_FORMATS: dict[str, FileFormat] = {
    ".bw": "bigwig",
    ".mcool": "cooler",
    ".gtf.gz": "gtf",
    ".tsv": "table",
    ".sizes": "table",
    ".bed": "bed",
    ".fa": "fasta",
}


@contextmanager
def open_archive(name: str, *, project: Project | None = None) -> Iterator[Dataset]:
    """Give a dataset whose files can be downloaded.

    A dataset whose YAML lists downloads is given as it is. A simulated one is simulated where it
    is missing, and its files are served over HTTP on this machine as long as the context is open,
    to be downloaded into a folder of their own, ``<data>_downloaded``, by a dataset of that name.

    It lies in `project`, or `Project()` for None.

    Yields
    ------
    Dataset
        With `downloads`.
    """
    dataset = Dataset(name, project=project)
    spec, project = dataset.spec, dataset.project
    if spec.downloads:
        yield dataset
        return
    if spec.simulation is None:
        raise ClasterError(
            f"dataset {spec.name!r} lists no downloads and is not simulated",
            remedy="choose mesc, k562, or a toy genome such as demo_tiny",
        )
    ensure_genome(spec.folder_to_fill(), spec.simulation.model_dump(), progress=project.progress)
    sources = list_sources(spec)
    with serve({f"/{source.file}": Served(source.path) for source in sources}) as address:
        served = spec.model_copy(
            update={
                "name": f"{spec.name}_downloaded",
                "data": f"{spec.data}_downloaded",
                "simulation": None,
                "downloads": tuple(_download(source, address) for source in sources),
            }
        )
        yield Dataset.of(served, named=served.name, project=project)


def _download(source: Source, address: str) -> DownloadSpec:
    suffix = next(s for s in _FORMATS if source.file.endswith(s))
    return DownloadSpec(
        name=source.label.removeprefix("track ").replace(" ", "_"),
        file=source.file,
        url=f"{address}{source.file}",
        format=_FORMATS[suffix],
        licence="none needed: simulated",
        citation="claster simulate",
        size=source.path.stat().st_size,
        sha256=sha256(source.path),
    )
