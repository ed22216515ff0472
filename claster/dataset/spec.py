"""The dataset YAML: which files, which windows, which genes are held out."""

import os
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, PrivateAttr, field_validator

from claster.contacts.shapes import ContactMap, map_over
from claster.dataset.parts import (
    ContactsSpec,
    DownloadSpec,
    ElementsSpec,
    GenesSpec,
    Name,
    Part,
    SimulationSpec,
    SplitsSpec,
    TargetSpec,
    TrackSpec,
    WindowSpec,
    without_twins,
)
from claster.dataset.place import Places
from claster.errors import ClasterError

__all__ = ["DATA_VARIABLE", "DatasetSpec"]

DATA_VARIABLE = "CLASTER_DATA"
_DEFAULT_DATA = "inputs/source"


class DatasetSpec(Part):
    """A dataset: its source files, windows, genes and splits (`configurations/datasets/NAME.yaml`)."""

    name: Name
    description: str = ""
    assembly: str
    data: str = "${CLASTER_DATA}"
    chrom_sizes: str | None = None
    tracks: tuple[TrackSpec, ...] = Field(min_length=1)
    genes: GenesSpec
    elements: ElementsSpec | None = None
    blacklist: str | None = None
    genome: str | None = None
    target: TargetSpec | None = None
    contacts: ContactsSpec | None = None
    window: WindowSpec = WindowSpec()
    summary: Literal["mean_all", "mean_covered"] = "mean_all"
    regions: tuple[str, ...] | None = None
    splits: SplitsSpec = SplitsSpec()
    simulation: SimulationSpec | None = None
    example_gene: str | None = None
    downloads: tuple[DownloadSpec, ...] = ()

    _places: Places | None = PrivateAttr(default=None)

    @field_validator("tracks")
    @classmethod
    def _one_track_a_name(cls, tracks: tuple[TrackSpec, ...]) -> tuple[TrackSpec, ...]:
        return without_twins(tracks, kind="track")

    @field_validator("downloads")
    @classmethod
    def _one_download_a_name_and_file(
        cls, downloads: tuple[DownloadSpec, ...]
    ) -> tuple[DownloadSpec, ...]:
        without_twins(downloads, kind="downloaded file", key="file")
        return without_twins(downloads, kind="download")

    @property
    def data_folder(self) -> Path:
        """Where the source files are: `data` with ``${CLASTER_DATA}`` filled in."""
        data = os.environ.get(DATA_VARIABLE) or _DEFAULT_DATA
        return Path(self.data.replace("${" + DATA_VARIABLE + "}", data))

    def source(self, file: str) -> Path:
        """Return the path of a source file; relative ones start at `data_folder`."""
        return self.data_folder / file

    def written_in(self, places: Places) -> Self:
        """Return the same dataset, with the file that it was read from."""
        spec = self.model_copy()
        spec._places = places
        return spec

    def place(self, *location: int | str) -> str:
        """Return where something of this dataset is written: YAML file and line, else its name.

        `location` leads to it, as in ``spec.place("tracks", 0, "file")``.
        """
        return self._places.of(location) if self._places else f"dataset {self.name!r}"

    def require_target(self) -> TargetSpec:
        """Return `target`, or raise `ClasterError` where the dataset has none."""
        if self.target is None:
            raise ClasterError(
                f"dataset {self.name!r} has no target", remedy="add 'target' to its YAML"
            )
        return self.target

    @property
    def landscape_shape(self) -> tuple[int, int]:
        """Shape of a landscape, (tracks, bins)."""
        return len(self.tracks), self.window.bins

    @property
    def landscape_file_shape(self) -> tuple[int, ...]:
        """Shape of a landscape in its file, as `window.layout` says."""
        tracks, bins = self.landscape_shape
        return (tracks, 1, bins) if self.window.layout == "channels" else (tracks, bins)

    @property
    def contacts_shape(self) -> ContactMap:
        """Shape of a contact map; raises `ClasterError` where the dataset has none."""
        if self.contacts is None:
            raise ClasterError(
                f"dataset {self.name!r} has no contact maps",
                remedy="choose a flavour without contacts or add 'contacts' to its YAML",
            )
        return map_over(
            self.contacts.map,
            self.window.binning,
            resolution=self.contacts.resolution,
            rows=self.contacts.rows,
        )
