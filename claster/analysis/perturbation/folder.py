"""The folder of a screen: what lies in it, which screen it belongs to, and the parts of an unfinished one."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from claster.analysis.folder import ResultFile, ResultFolder
from claster.analysis.perturbation.measure import Measured
from claster.analysis.perturbation.settings import Identity
from claster.dataset.signal_settings import TargetSpec
from claster.eir.prediction_tracks import write_track
from claster.errors import ClasterError
from claster.files import atomic_path, write_text
from claster.text import read_npz, read_parquet, read_record


class _PartStore:
    """The folder of a screen's plan and of its parts, each of which is whole or not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def plan(self) -> Path:
        """The plan (parquet)."""
        return self._folder / "plan.parquet"

    @property
    def counts(self) -> Path:
        """What planning counted (JSON); it is written before the plan."""
        return self._folder / "counts.json"

    def has(self, part: int) -> bool:
        """Tell whether a part is there."""
        return self._effects(part).is_file()

    def write(self, part: int, measured: Measured, *, profiles: bool) -> None:
        """Write a part; its effects, by which it is known, last."""
        if profiles:
            with atomic_path(self._profiles(part)) as partial:
                measured.profiles.to_parquet(partial, index=False)
        with atomic_path(self._change(part)) as partial, partial.open("wb") as file:
            np.savez(file, windows=np.array(measured.windows, dtype=str), change=measured.change)
        with atomic_path(self._effects(part)) as partial:
            measured.effects.to_parquet(partial, index=False)

    def read_effects(self, parts: int) -> pd.DataFrame:
        """Return the effects of all parts, in their order; raise `ClasterError` where there is none."""
        tables = [read_parquet(self._effects(part)) for part in range(parts)]
        filled = [table for table in tables if len(table)]
        if not filled:
            raise ClasterError(
                "none of the edits has a place: they would all leave their windows, or find no background",
                remedy="choose another verb, a smaller --shift or --locus, or fewer elements",
            )
        return pd.concat(filled, ignore_index=True)

    def read_profiles(self, parts: int) -> pd.DataFrame:
        """Return the profiles of all parts, in their order."""
        return pd.concat(
            [read_parquet(self._profiles(part)) for part in range(parts)], ignore_index=True
        )

    def read_change(self, parts: int) -> tuple[list[str], np.ndarray]:
        """Return the windows with elements of all parts and their changes."""
        names: list[str] = []
        changes = []
        for part in range(parts):
            held = read_npz(self._change(part), remedy="pass --force")
            names += held["windows"].tolist()
            changes.append(held["change"])
        return names, np.concatenate(changes)

    def remove(self) -> None:
        """Remove plan and parts."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _effects(self, part: int) -> Path:
        return self._folder / f"{part:05d}.effects.parquet"

    def _change(self, part: int) -> Path:
        return self._folder / f"{part:05d}.change.npz"

    def _profiles(self, part: int) -> Path:
        return self._folder / f"{part:05d}.profiles.parquet"


class ScreenFiles(ResultFolder):
    """The folder of a screen, ``<run>/perturb/<name>``."""

    main = "effects"
    identity = ResultFile("screen.json", "What the screen is made from; written first.")
    manifest = ResultFile(
        "manifest.json", "The record; written last, so its presence says that the screen is whole."
    )
    effects = ResultFile("effects.parquet", "The table of effects.")
    controls = ResultFile("controls.parquet", "The table of control regions and their effects.")
    profiles = ResultFile(
        "profiles.parquet",
        "Predicted profiles before and after each edit, where they were asked for.",
    )

    @property
    def parts(self) -> _PartStore:
        """Plan and parts of a screen that is not whole yet."""
        return _PartStore(self.folder / "parts")


def claim_folder(files: ScreenFiles, identity: Identity, *, force: bool, shard: str | None) -> bool:
    """Take a folder for a screen, and tell whether the screen is there already.

    Parameters
    ----------
    force
        Whether what is there gives way.
    shard
        The shard, if it is one.

    Raises
    ------
    ClasterError
        If the folder holds another screen, or a shard shall replace one.
    """
    if force and shard:
        raise ClasterError(
            "a shard cannot replace a screen, other shards may be writing to it",
            remedy=f"remove {files.folder} before the first shard starts",
        )
    if force:
        shutil.rmtree(files.folder, ignore_errors=True)
    begun = files.parts.plan.is_file() or files.manifest.is_file()
    if begun and files.identity.is_file():
        there = read_record(
            files.identity,
            Identity,
            kind="the record of a screen of this version",
            remedy="pass --force to replace it, or choose another --name",
        )
        if there != identity:
            raise ClasterError(
                f"{files.folder} holds another screen ({', '.join(_differences(there, identity))} differ)",
                remedy="choose another --name, or pass --force to replace it",
            )
        return files.manifest.is_file()
    write_text(files.identity, identity.model_dump_json(indent=2) + "\n")
    return False


def _differences(there: Identity, here: Identity) -> list[str]:
    """Return the names of what differs, settings by their own names."""
    old, new = there.model_dump(), here.model_dump()
    old |= old.pop("settings")
    new |= new.pop("settings")
    return [name for name in old if old[name] != new[name]]


MERGE = (
    "a bin of a window holds, of the changes (perturbed - baseline) that its elements make, the one of the "
    "largest absolute value; a base under several windows that of the window whose centre is nearest"
)
"""How many elements and windows become one value a base."""


def write_table(table: pd.DataFrame, path: Path, *, tsv: bool) -> None:
    """Write a table as parquet and, if asked for, as TSV beside it."""
    with atomic_path(path) as partial:
        table.to_parquet(partial, index=False)
    if tsv:
        text = table.to_csv(sep="\t", index=False, float_format="%.6g", lineterminator="\n")
        write_text(path.with_suffix(".tsv"), text)


def write_links(effects: pd.DataFrame, folder: Path) -> list[Path]:
    """Write element-gene links as BEDPE, a file a condition and dose.

    The first interval is the element, the second the first base of the gene; the name is
    ``element|gene``, the score the effect (log2), the strands ``.`` and the gene's; then come p, fdr and
    the distance in bp. Pairs of elements are left out.

    Parameters
    ----------
    effects
        See `assemble_effects`.
    folder
        Where ``links.<condition>.bedpe`` is written, with ``.<dose>`` where there are several.

    References
    ----------
    BEDPE: https://bedtools.readthedocs.io/en/latest/content/general-usage.html#bedpe-format
    """
    single = effects[effects["partner_id"] == ""]
    written = []
    for (condition, dose), rows in single.groupby(["condition", "dose"], dropna=False, sort=True):
        links = pd.DataFrame(
            {
                "#chrom1": rows["chrom"],
                "start1": rows["element_start"],
                "end1": rows["element_end"],
                "chrom2": rows["chrom"],
                "start2": rows["tss"],
                "end2": rows["tss"] + 1,
                "name": rows["element_id"] + "|" + rows["gene_name"].fillna(rows["gene_id"]),
                "score": rows["effect"],
                "strand1": ".",
                "strand2": rows["strand"],
                "p": rows["p"],
                "fdr": rows["fdr"],
                "distance": rows["distance_bp"],
            }
        )
        path = folder / f"links.{condition}{'' if pd.isna(dose) else f'.{dose:g}'}.bedpe"
        write_text(
            path,
            links.to_csv(
                sep="\t", index=False, float_format="%.6g", na_rep=".", lineterminator="\n"
            ),
        )
        written.append(path)
    return written


def write_change_tracks(
    folder: Path,
    windows: pd.DataFrame,
    change: np.ndarray,
    target: TargetSpec,
    *,
    sizes: Mapping[str, int],
) -> list[Path]:
    """Write the change of predicted signal as ``change.<condition>.bw``; `MERGE` tells what a base holds.

    Parameters
    ----------
    windows
        Columns `chrom` and `centre`.
    change
        Shape (windows, conditions, bins); see `Measured`.
    target
        Conditions and bins.
    sizes
        Chromosome sizes in bp.
    """
    places = windows.rename(columns={"centre": "tss"})
    paths = [folder / f"change.{group}.bw" for group in target.groups]
    for number, path in enumerate(paths):
        write_track(path, places, change[:, number], binning=target.binning, sizes=sizes)
    return paths
