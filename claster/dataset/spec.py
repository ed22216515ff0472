"""The dataset YAML: which files, which windows, which genes are held out."""

import os
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from claster.contacts.shapes import ContactMap, map_over
from claster.dataset.gene_settings import (
    Blacklist,
    ElementsSpec,
    GenesSpec,
    Name,
    Part,
    Regions,
    SplitsSpec,
    fixed,
    without_twins,
)
from claster.dataset.signal_settings import (
    ContactsSpec,
    DownloadSpec,
    SimulationSpec,
    TargetSpec,
    TrackSpec,
    WindowSpec,
)
from claster.dataset.yaml_file import Places
from claster.errors import ClasterError
from claster.genome.assembly import chromosome_sizes
from claster.genome.windows import Recipe

DATA_VARIABLE = "CLASTER_DATA"
_DEFAULT_DATA = "inputs/source"

_PUBLISHED: dict[str, dict[str, object]] = {
    "window": {"bin": 100, "bins": 10_001},
    "contacts": {"resolution": 1600, "balance": True, "max_missing": 1.0},
    "genes": {"recipe": "paper"},
    "elements": {"recipe": "paper"},
    "target": {"recipe": "paper"},
}
"""What `recipe: paper` fixes in the parts that a dataset has."""

_PUBLISHED_MAPS = ("paper_square", "paper_rotated")
_PUBLISHED_TRACK = {"transform": "none", "floor": None, "clip": None, "scale": "none"}


class DatasetSpec(Part):
    """A dataset: its source files, windows, genes and splits (`configurations/datasets/NAME.yaml`).

    `recipe: paper` is the published preprocessing, its faults included (docs/definitions.md): it sets
    whatever decides a number and refuses another choice. `edges` says whether a gene whose window leaves
    its chromosome is dropped, or kept with nothing off the chromosome. `scales_from` names the built
    dataset that the tracks' scales come from, in the place of this one's own training genes.
    """

    recipe: Recipe = "exact"
    name: Name
    description: str = ""
    assembly: str
    data: str = "${CLASTER_DATA}"
    chrom_sizes: str | None = None
    tracks: Annotated[
        tuple[TrackSpec, ...],
        Field(min_length=1),
        AfterValidator(partial(without_twins, kind="track")),
    ]
    genes: GenesSpec
    elements: ElementsSpec | None = None
    blacklist: Blacklist | None = None
    genome: str | None = None
    target: TargetSpec | None = None
    contacts: ContactsSpec | None = None
    window: WindowSpec = WindowSpec()
    summary: Literal["mean_all", "mean_covered"] = "mean_all"
    scales_from: Name | None = None
    regions: Regions | None = None
    edges: Literal["drop", "pad"] = "drop"
    on_error: Literal["stop", "drop"] = "stop"
    splits: SplitsSpec = SplitsSpec()
    simulation: SimulationSpec | None = None
    example_gene: str | None = None
    downloads: Annotated[
        tuple[DownloadSpec, ...],
        AfterValidator(partial(without_twins, kind="downloaded file", key="file")),
        AfterValidator(partial(without_twins, kind="download")),
    ] = ()

    _places: Places | None = PrivateAttr(default=None)
    _project: Path = PrivateAttr(default=Path())
    _data: str = PrivateAttr(default_factory=lambda: os.environ.get(DATA_VARIABLE) or _DEFAULT_DATA)

    @model_validator(mode="before")
    @classmethod
    def _published(cls, given: object) -> object:
        if not isinstance(given, dict) or given.get("recipe") != "paper":
            return given
        content = fixed(given, {"summary": "mean_covered", "edges": "drop", "blacklist": None})
        for key, published in _PUBLISHED.items():
            part = content.get(key)
            if isinstance(part, dict):
                content[key] = fixed(part, published, part=(key,))
        for position, track in enumerate(content.get("tracks") or ()):
            if isinstance(track, dict):
                fixed(track, _PUBLISHED_TRACK, part=("tracks", position))
        contacts = content.get("contacts")
        if isinstance(contacts, dict) and contacts.get("map") not in _PUBLISHED_MAPS:
            raise PydanticCustomError(
                "published",
                "'recipe: paper' needs 'contacts.map', one of {maps}",
                {"maps": ", ".join(_PUBLISHED_MAPS), "below": ("contacts", "map")},
            )
        return content

    @model_validator(mode="after")
    def _each_key_counts(self) -> Self:
        key, fault = "scales_from", ""
        if self.scales_from and all(track.scale == "none" for track in self.tracks):
            fault = "'scales_from' divides nothing: no track has a 'scale'"
        elif self.scales_from == self.name:
            fault = "'scales_from' names the dataset itself"
        elif self.simulation and self.downloads:
            key = "simulation"
            fault = "a simulated dataset has no 'downloads'; leave one of the two out"
        if fault:
            raise PydanticCustomError(
                "without_effect", "{fault}", {"fault": fault, "below": (key,)}
            )
        return self

    def __eq__(self, other: object) -> bool:
        """Compare what two YAMLs say, not where they lie."""
        return isinstance(other, DatasetSpec) and self.__dict__ == other.__dict__

    @property
    def project(self) -> Path:
        """The project's folder, below which the built arrays, targets and runs lie."""
        return self._project

    @property
    def data_folder(self) -> Path:
        """Where the source files are: `data` below the project, with ``${CLASTER_DATA}`` filled in."""
        named = self.data.replace("${" + DATA_VARIABLE + "}", self._data)
        return self._project / Path(named).expanduser()

    def folder_to_fill(self) -> Path:
        """Return `data_folder` for a command that writes source files.

        Raises
        ------
        ClasterError
            If `data` goes up, so that a YAML from elsewhere names a folder that nobody looks at. What
            ``${CLASTER_DATA}`` says is the user's own.
        """
        if ".." in PurePosixPath(self.data.replace("${" + DATA_VARIABLE + "}", "")).parts:
            raise ClasterError(
                f"{self.place('data')}: 'data' is {self.data!r}, which goes up, and it is written to",
                remedy=f"name the folder without '..', or below ${{{DATA_VARIABLE}}}",
            )
        return self.data_folder

    def source(self, file: str) -> Path:
        """Return the path of a source file; relative ones start at `data_folder`."""
        return self.data_folder / file

    def chromosome_sizes(self) -> dict[str, int]:
        """Return the chromosomes' sizes in bp, see `claster.genome.assembly.chromosome_sizes`."""
        file = self.source(self.chrom_sizes) if self.chrom_sizes else None
        return chromosome_sizes(self.assembly, file)

    def within(self, project: Path | str, places: Places | None = None) -> Self:
        """Return the same dataset in a project's folder, or as read from another file."""
        spec = self.model_copy()
        spec._places, spec._project = places or self._places, Path(project)
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
