"""What the notebooks need beside the package's own functions: a data set that can be downloaded."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from claster.dataset.inventory import Source, list_sources
from claster.dataset.load import load_dataset
from claster.dataset.signal_settings import DownloadSpec
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.files import sha256
from claster.formats import FileFormat
from claster.progress import SILENT, Progress
from claster.simulation import ensure_genome
from claster.simulation.serve import serve_folder

__all__ = ["open_archive"]

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
def open_archive(
    name: str, *, project: Path | str = ".", progress: Progress = SILENT
) -> Iterator[DatasetSpec]:
    """Give a data set whose files can be downloaded.

    A dataset whose YAML lists downloads is given as it is. A simulated one is simulated where it
    is missing, and its files are served over HTTP on this machine as long as the context is open,
    to be downloaded into a folder of their own, ``<data>_downloaded``.

    Parameters
    ----------
    name
        A dataset; see `find_dataset`.
    project
        The project's folder.
    progress
        Where the simulation reports to.

    Yields
    ------
    DatasetSpec
        With `downloads`.

    Raises
    ------
    ClasterError
        If the dataset is neither.
    """
    spec = load_dataset(name, project=project)
    if spec.downloads:
        yield spec
        return
    if spec.simulation is None:
        raise ClasterError(
            f"dataset {spec.name!r} lists no downloads and is not simulated",
            remedy="choose mesc, k562, or a toy genome such as demo_tiny",
        )
    ensure_genome(spec.folder_to_fill(), spec.simulation.model_dump(), progress=progress)
    with serve_folder(spec.data_folder) as address:
        yield spec.model_copy(
            update={
                "data": f"{spec.data}_downloaded",
                "downloads": tuple(_download(source, address) for source in list_sources(spec)),
            }
        )


def _download(source: Source, address: str) -> DownloadSpec:
    suffix = next(s for s in _FORMATS if source.file.endswith(s))
    return DownloadSpec(
        name=source.label.removeprefix("track ").replace(" ", "_"),
        file=source.file,
        url=f"{address}/{source.file}",
        format=_FORMATS[suffix],
        licence="none needed: simulated",
        citation="claster simulate",
        size=source.path.stat().st_size,
        sha256=sha256(source.path),
    )
