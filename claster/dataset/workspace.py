"""The hidden folder in which a build grows, chromosome by chromosome, until it is whole."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
from pydantic import BaseModel

from claster.dataset.arrays import write_array
from claster.dataset.layout import DatasetFolders
from claster.errors import ClasterError
from claster.files import sha256, write_text
from claster.text import read_record, read_text

__all__ = ["Shard", "Workspace", "open_workspace"]


class Shard(BaseModel):
    """What a build has written of one chromosome.

    Attributes
    ----------
    genes
        IDs of the genes with arrays, in order.
    unknown
        Share of each gene's contact map that is unknown; empty without contacts.
    dropped
        Reason and detail of the genes that turned out not to be usable.
    checksums
        SHA-256 of each array by its name below the folder of arrays.
    values
        SHA-256 of each array that ends up in a table (`Workspace.values`), by name.
    """

    genes: list[str] = []
    unknown: dict[str, float] = {}
    dropped: dict[str, tuple[str, str]] = {}
    checksums: dict[str, str] = {}
    values: dict[str, str] = {}


@dataclass(frozen=True)
class Workspace:
    """A build on its way: `inputs` becomes the dataset's folder, `shards` holds what is done.

    A chromosome is done when its record is there. A build that was killed is taken up by the next one
    with the same plan, which trusts a record only after its arrays have been read and compared.
    """

    folder: Path

    @property
    def inputs(self) -> Path:
        """Arrays so far."""
        return self.folder / "inputs"

    def finish(self, chrom: str, shard: Shard, values: dict[str, np.ndarray]) -> Shard:
        """Keep the record of a chromosome that is done, and return it.

        Parameters
        ----------
        chrom
            The assembly's name.
        shard
            What was written.
        values
            Arrays that end up in tables, float32, by name; first axis: `shard.genes`.
        """
        digests = {name: write_array(self._values(chrom, name), a) for name, a in values.items()}
        shard = shard.model_copy(update={"values": digests})
        write_text(self._record(chrom), shard.model_dump_json())
        return shard

    def finished(self, chrom: str) -> Shard | None:
        """Return the record of a chromosome whose arrays are all as they were written, or None."""
        path = self._record(chrom)
        if not path.is_file():
            return None
        try:
            shard = read_record(path, Shard, remedy="build again")
        except ClasterError:  # cut off with the process that wrote it: the chromosome is done again
            return None
        wanted = {self.inputs / file: digest for file, digest in shard.checksums.items()}
        wanted |= {self._values(chrom, name): digest for name, digest in shard.values.items()}
        with ThreadPoolExecutor() as pool:
            whole = all(pool.map(_is_as_written, wanted, wanted.values()))
        return shard if whole else None

    def values(self, chrom: str, name: str) -> np.ndarray:
        """Return an array that `finish` was given."""
        return np.load(self._values(chrom, name), allow_pickle=False)

    def _record(self, chrom: str) -> Path:
        return self.folder / "shards" / f"{quote(chrom, safe='')}.json"

    def _values(self, chrom: str, name: str) -> Path:
        return self.folder / "shards" / f"{quote(chrom, safe='')}.{name}.npy"


@contextmanager
def open_workspace(folders: DatasetFolders, *, plan: str) -> Iterator[Workspace]:
    """Yield the workspace of a dataset: the one that a killed build has left, if its plan is the same.

    It is removed when the block succeeds or raises an error, and stays when the process is killed or
    interrupted.

    Parameters
    ----------
    folders
        The dataset's folders; the workspace lies beside its inputs.
    plan
        Everything that the bytes of the build depend on.
    """
    workspace = Workspace(folders.inputs.with_name(f".{folders.name}.building"))
    written = workspace.folder / "plan.json"
    if not written.is_file() or read_text(written) != plan:
        _remove(workspace)
        (workspace.folder / "shards").mkdir(parents=True)
        write_text(written, plan)
    workspace.inputs.mkdir(exist_ok=True)
    try:
        yield workspace
    except Exception:
        _remove(workspace)
        raise
    _remove(workspace)


def _remove(workspace: Workspace) -> None:
    """Remove what is left of a workspace, its plan first: without that, nobody goes on with the rest."""
    (workspace.folder / "plan.json").unlink(missing_ok=True)
    if workspace.folder.exists():
        shutil.rmtree(workspace.folder)


def _is_as_written(path: Path, digest: str) -> bool:
    return path.is_file() and sha256(path) == digest
