"""Datasets: what a network reads and predicts, as tables and arrays with their axes."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pandas as pd

from claster.contacts.shapes import STRIPE_VALUES, DiagonalMap, StripeMap
from claster.dataset.layout import (
    DatasetFolders,
    find_kept,
    read_arrays,
    read_genes_table,
    read_ids,
    read_targets,
)
from claster.dataset.load import dataset_of, load_dataset
from claster.dataset.manifest import Manifest, require_manifest
from claster.dataset.spec import DatasetSpec
from claster.dataset.track_scales import read_landscapes
from claster.dataset.yaml_file import to_yaml
from claster.errors import ClasterError, choose_among
from claster.files import write_text
from claster.genome.windows import FORWARD, REVERSE, sample_id
from claster.project import Project, as_html
from claster.settings import Split
from claster.text import read_table

if TYPE_CHECKING:
    from claster.dataset.doctor.findings import Report
    from claster.eir.configure import Configuration
    from claster.eir.geometry import Geometry


class Dataset:
    """Source files, windows, genes and splits: what a network reads and predicts.

    Parameters
    ----------
    source
        A name ("toy", "toy@1of5"), or a YAML file (docs/file_formats.md lists its keys).
    project
        Where it lies; None takes `Project()`.
    keys
        The keys of the YAML, instead of `source`.

    Raises
    ------
    ClasterError
        If there is no such dataset, or its description has a fault.

    Examples
    --------
    >>> import claster
    >>> dataset = claster.Dataset(
    ...     name="mine",
    ...     assembly="mm10",
    ...     data="~/chromatin",
    ...     tracks=[{"name": "ATAC", "file": "ATAC.bw"}],
    ...     genes={"file": "gencode.vM25.gtf.gz"},
    ...     target={"conditions": [{"name": "ctrl", "plus": "plus.bw", "minus": "minus.bw"}]},
    ...     splits={"valid": ["chr17"], "test": ["chr4"]},
    ... )
    >>> dataset.tracks
    ['ATAC']
    >>> dataset = claster.Project().dataset("demo_tiny")  # doctest: +SKIP
    >>> dataset.landscape(dataset.genes["gene_id"].iloc[0]).shape  # doctest: +SKIP
    (4, 10001)
    """

    def __init__(
        self,
        source: str | Path | None = None,
        *,
        project: Project | None = None,
        **keys: Any,  # noqa: ANN401
    ) -> None:

        project = project or Project()
        if (source is None) == (not keys):
            raise ClasterError(
                "a dataset needs a name, a YAML file or the keys of one",
                remedy="such as Dataset('toy') or Dataset(name=..., assembly=..., tracks=...)",
            )
        self.project = project
        self._is_of_keys = source is None
        self.named = str(source or keys.get("name"))
        self.spec: DatasetSpec = (
            dataset_of(keys, project=project.root)
            if source is None
            else load_dataset(source, project=project.root)
        )

    @classmethod
    def of(cls, spec: DatasetSpec, *, named: str, project: Project) -> "Dataset":
        """Return the dataset of a description that is read already, which commands call `named`."""
        dataset = cls.__new__(cls)
        dataset.project, dataset.named, dataset.spec = project, named, spec
        dataset._is_of_keys = False
        return dataset

    @property
    def name(self) -> str:
        """Its name, and that of its folders below `inputs` and `targets`."""
        return self.spec.name

    @property
    def tracks(self) -> list[str]:
        """Names of the tracks, in the order of a landscape's rows."""
        return [track.name for track in self.spec.tracks]

    @property
    def is_built(self) -> bool:
        """Whether its arrays are on disk."""
        return self._folders.manifest.is_file()

    def check(self, against: str | None = None) -> "Report":
        """Look for what is wrong with its files, as `claster data check` does.

        Parameters
        ----------
        against
            A run or dataset whose tracks' values are compared with those here.

        Returns
        -------
        Report
            `findings`, `exit_code` (0 fine, 1 warnings, 2 the build cannot run); in a notebook, a table.
        """
        from claster.dataset.doctor.check import check_dataset
        from claster.eir.trained_on import reference_scales

        reference = reference_scales(against, project=self.project.root) if against else None
        return check_dataset(
            self.spec,
            against=reference,
            against_named=against or "",
            progress=self.project.progress,
        )

    @property
    def downloads(self) -> pd.DataFrame:
        """The public files that its YAML lists: size, terms, citation, and which are here."""
        from claster.dataset.downloads.plan import plan_downloads
        from claster.dataset.report import download_table

        return download_table(self.spec, plan_downloads(self.spec))

    def download(self) -> pd.DataFrame:
        """Download those that are missing and return `downloads`; an interrupted download resumes."""
        from claster.dataset.downloads.download import download_dataset

        download_dataset(self.spec, progress=self.project.progress)
        return self.downloads

    def build(self, *, force: bool = False, jobs: int | None = None) -> "Dataset":
        """Write its arrays and tables below `inputs` and `targets`; what is up to date stays as it is.

        A dataset made of keys then gets its YAML in `configurations/datasets`.

        Parameters
        ----------
        force
            Whether arrays of other settings or files are replaced, and a YAML of this name with other keys.
        jobs
            Threads; None takes one a core. The bytes are the same for any number.

        Returns
        -------
        Dataset
            Itself.

        Raises
        ------
        ClasterError
            If a YAML of this name has other keys; see `claster.dataset.build.build_dataset` for what else.
        """
        from claster.dataset.build import build_dataset

        yaml = self.project.root / "configurations" / "datasets" / f"{self.name}.yaml"
        needs_yaml = self._is_of_keys and not self._has_yaml(yaml, force=force)
        build_dataset(self.spec, force=force, jobs=jobs, progress=self.project.progress)
        if needs_yaml:
            keys = self.spec.model_dump(mode="json", exclude_unset=True)
            write_text(yaml, to_yaml(keys, allow_unicode=True))
        self.__dict__.pop("genes", None)
        return self

    @cached_property
    def genes(self) -> pd.DataFrame:
        """The genes that have a window, one a row (`read_genes_table`); the dataset must be built."""
        self._folders.require_built()
        return read_genes_table(self._folders)

    @property
    def dropped(self) -> pd.DataFrame:
        """The genes that have none, each with its reason; the dataset must be built."""
        self._folders.require_built()
        return read_table(self._folders.dropped, named="dropped genes")

    @property
    def elements(self) -> pd.DataFrame:
        """The candidate elements that its YAML names, by place (`read_candidates`)."""
        from claster.analysis.perturbation.candidates import read_candidates

        spec = self.spec
        return read_candidates(spec, None, sizes=spec.chromosome_sizes())[0]

    @property
    def manifest(self) -> Manifest:
        """The record of its build."""
        return require_manifest(self._folders)

    def gene(self, named: str) -> pd.Series:
        """Return the row of a gene that has a window.

        Parameters
        ----------
        named
            Its ID, with or without version, or its symbol.

        Raises
        ------
        ClasterError
            If none or several are called so, or the gene was dropped; candidates or the reason are named.
        """
        return find_kept(self.genes, self._folders, named)

    def landscape(self, gene: str, *, rev: bool = False) -> pd.DataFrame:
        """Return the tracks around a gene's start as signal.

        Parameters
        ----------
        gene
            See `gene`.
        rev
            Whether the window is mirrored.

        Returns
        -------
        pandas.DataFrame
            float32, tracks x bins; a column is named by the first base of its bin in bp from the TSS, in
            genome orientation (towards the 3' end of the plus strand is positive).
        """
        row = self.gene(gene)
        values = read_landscapes(
            self._folders, self.spec, [row["gene_id"]], split=row["split"], rev=rev
        )[0]
        binning = self.spec.window.binning
        return pd.DataFrame(values, self.tracks, _starts(binning.bins, binning.size))

    def contacts(self, gene: str, *, rev: bool = False) -> pd.DataFrame:
        """Return the contact map around a gene's start, as it is stored.

        Parameters
        ----------
        gene, rev
            See `landscape`.

        Returns
        -------
        pandas.DataFrame
            float32. Of a `diagonal` map a row is a separation and a column the first base of a bin of
            midpoints, in bp from the TSS (within half a bin); of a `stripe` a row is a value and a column
            the first base of the bin that the TSS touches; published maps are numbered.
        """
        row, shape = self.gene(gene), self.spec.contacts_shape
        values = read_arrays(
            self._folders, [row["gene_id"]], split=row["split"], modality="contacts", rev=rev
        )[0]
        if not isinstance(shape, DiagonalMap | StripeMap) or self.spec.contacts is None:
            return pd.DataFrame(values)
        bin_width = self.spec.contacts.resolution
        rows = (
            list(STRIPE_VALUES)
            if isinstance(shape, StripeMap)
            else 2 * bin_width * np.arange(values.shape[0])
        )
        return pd.DataFrame(values, rows, _starts(values.shape[1], bin_width))

    def target(self, gene: str, *, rev: bool = False) -> pd.DataFrame:
        """Return the measured transcription around a gene's start as signal.

        Parameters
        ----------
        gene, rev
            See `landscape`.

        Returns
        -------
        pandas.DataFrame
            float32, conditions x bins, columns as of `landscape`.
        """
        row, target = self.gene(gene), self.spec.require_target()
        table = read_targets(self._folders.target_table(row["split"]), transform=target.transform)
        sample = sample_id(row["gene_id"], REVERSE if rev else FORWARD)
        values = table.loc[sample].to_numpy().reshape(len(target.groups), target.bins)
        return pd.DataFrame(values, target.groups, _starts(target.bins, target.bin))

    def targets(self, split: Split = "test", *, truth: bool = False) -> pd.DataFrame:
        """Return the measured transcription of a split, in the shape of `Run.predict`'s table.

        Parameters
        ----------
        split
            ``train``, ``valid`` or ``test``.
        truth
            Whether to return the noise-free signal, which simulated datasets have for their test genes.

        Returns
        -------
        pandas.DataFrame
            float32 signal, samples (``<gene_id>_forward``, mirrored ``<gene_id>_rev``) x conditions and bins.
        """
        if split not in get_args(Split):
            raise ClasterError(f"no split {split!r}", remedy=choose_among(split, get_args(Split)))
        target = self.spec.require_target()
        path = self._folders.truth_table() if truth else self._folders.target_table(split)
        return read_targets(path, transform=target.transform).loc[read_ids(self._folders, split)]

    def configure(self, flavour: str) -> "Configuration":
        """Write the YAML files that make EIR train a flavour on it, below `runs`, and return their paths."""
        from claster.eir.configure import configure
        from claster.eir.flavours import find_flavour

        out = self.project.root / "runs" / self.name / "configurations" / flavour
        return configure(find_flavour(flavour), self.spec, out=out)

    def geometry(self, flavour: str) -> "Geometry":
        """Return what EIR builds of a flavour for it: parameters, and what each branch sees."""
        from claster.eir.flavours import find_flavour
        from claster.eir.geometry import measure_geometry

        return measure_geometry(find_flavour(flavour), self.spec)

    def explain(self, gene: str) -> str:
        """Return what became of a gene: kept or dropped, why, and where its samples are."""
        from claster.dataset.report import explain_gene

        return "\n".join(explain_gene(self.spec, gene))

    def _has_yaml(self, yaml: Path, *, force: bool) -> bool:
        """Whether its YAML, which runs name it by, is there; one of other keys is refused unless `force`."""
        if not yaml.is_file():
            return False
        same = load_dataset(yaml, project=self.project.root) == self.spec
        if not (same or force):
            raise ClasterError(
                f"{yaml} describes another dataset {self.name!r}",
                remedy="give this one another name, open that one by its name, or replace it with --force",
            )
        return same

    @property
    def _folders(self) -> DatasetFolders:

        return DatasetFolders.of(self.spec)

    @property
    def facts(self) -> dict[str, str]:
        """What it holds, its assembly and how many genes it has, in words."""
        spec = self.spec
        parts = [
            f"{len(spec.tracks)} track{'s' * (len(spec.tracks) > 1)} ({', '.join(self.tracks)})"
        ]
        parts += ["contacts"] if spec.contacts else []
        parts += ["target"] if spec.target else []
        built = "not built"
        if self.is_built:
            counts = self.manifest.genes_kept
            built = ", ".join(f"{count:,} {split}" for split, count in counts.items())
            built += f"; {sum(self.manifest.genes_dropped.values()):,} dropped"
        return {"holds": "; ".join(parts), "assembly": spec.assembly, "genes": built}

    def __repr__(self) -> str:
        """Name the dataset, what it holds and how many genes it has."""
        parts = self.facts
        return f"Dataset({self.named!r}): {parts['holds']}; genes: {parts['genes']}"

    def _repr_html_(self) -> str:
        return as_html(f"Dataset {self.name}", self.facts)


def _starts(bins: int, size: int) -> pd.Index:
    """Return the first base of each bin in bp from the window's centre."""
    return pd.Index(size * (np.arange(bins) - bins // 2) - size // 2, name="bp from the TSS")
