"""The folder of a screen: what lies in it, which screen it belongs to, and the parts of an unfinished one."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from claster.analysis.folder import ResultFile, ResultFolder
from claster.analysis.perturbation.measure import Measured
from claster.analysis.perturbation.settings import Identity
from claster.errors import ClasterError
from claster.files import atomic_path, write_text
from claster.text import read_record


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
    parts = ResultFile("parts", "Folder of plan and parts of a screen that is not whole yet.")
    counts = ResultFile("parts/counts.json", "What planning counted; written before the plan.")
    plan = ResultFile("parts/plan.parquet", "The plan.")

    def part(self, number: int, kind: str) -> Path:
        """Return where a file of a part lies; ``effects.parquet`` is written last."""
        return self.parts / f"{number:05d}.{kind}"

    def has_part(self, number: int) -> bool:
        """Tell whether a part is there."""
        return self.part(number, "effects.parquet").is_file()


def write_part(files: ScreenFiles, part: int, measured: Measured, *, profiles: bool) -> None:
    """Write what came out of a part, and its profiles if they are kept."""
    if profiles:
        with atomic_path(files.part(part, "profiles.parquet")) as partial:
            measured.profiles.to_parquet(partial, index=False)
    with atomic_path(files.part(part, "change.npz")) as partial, partial.open("wb") as file:
        np.savez(file, windows=np.array(measured.windows, dtype=str), change=measured.change)
    with atomic_path(files.part(part, "effects.parquet")) as partial:
        measured.effects.to_parquet(partial, index=False)


def claim_folder(files: ScreenFiles, identity: Identity, *, force: bool, shard: str | None) -> bool:
    """Take a folder for a screen or a shard of it, and tell whether the screen is there already.

    With `force` what is there gives way.

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
    begun = files.plan.is_file() or files.manifest.is_file()
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


def write_table(table: pd.DataFrame, path: Path, *, tsv: bool) -> None:
    """Write a table as parquet and, if asked for, as TSV beside it."""
    with atomic_path(path) as partial:
        table.to_parquet(partial, index=False)
    if tsv:
        write_text(path.with_suffix(".tsv"), _as_tsv(table))


def write_links(effects: pd.DataFrame, folder: Path) -> None:
    """Write element-gene links as BEDPE, ``links.<condition>.bedpe``, with ``.<dose>`` where verbs have one.

    The first interval is the element, the second the first base of the gene; the name is
    ``element|gene``, the score the effect (log2), the strands ``.`` and the gene's; then come p, fdr and
    the distance in bp. Pairs of elements are left out.

    References
    ----------
    BEDPE: https://bedtools.readthedocs.io/en/latest/content/general-usage.html#bedpe-format
    """
    single = effects[effects["partner_id"] == ""]
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
        write_text(path, _as_tsv(links, na_rep="."))


def _as_tsv(table: pd.DataFrame, *, na_rep: str = "") -> str:
    return table.to_csv(
        sep="\t", index=False, float_format="%.6g", na_rep=na_rep, lineterminator="\n"
    )
